//! Requests from web pages of other origins. Every origin is welcome: credentials travel in
//! headers that a page must know, never in cookies.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use crate::reply::{Reply, empty};

const ANY: HeaderValue = HeaderValue::from_static("*");

/// What a page may use without being asked about by its browser first.
const SIMPLE_HEADERS: [&str; 4] = ["accept", "accept-language", "content-language", "origin"];
/// What a page may send besides. The last two carry trace context.
const ALLOWED_HEADERS: [&str; 5] =
    ["authorization", "content-type", "user-agent", "traceparent", "tracestate"];
const ALLOWED_METHODS: [Method; 5] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];

/// Answers a browser that asks before it sends.
pub(crate) fn preflight(headers: &HeaderMap) -> Reply {
    preflight_of(headers, |method| ALLOWED_METHODS.iter().any(|m| m.as_str().as_bytes() == method))
}

/// The same where other methods are allowed.
pub(crate) fn preflight_of(headers: &HeaderMap, allowed: impl Fn(&[u8]) -> bool) -> Reply {
    if !headers.contains_key(header::ORIGIN) {
        return empty(StatusCode::OK);
    }
    let Some(method) = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD) else {
        return empty(StatusCode::BAD_REQUEST);
    };
    if !allowed(method.as_bytes()) {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let mut asked = Vec::new();
    for value in headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        for name in value.to_str().unwrap_or("?").split(',') {
            let name = name.trim().to_ascii_lowercase();
            if name.is_empty() || SIMPLE_HEADERS.contains(&name.as_str()) {
                continue;
            }
            if !ALLOWED_HEADERS.contains(&name.as_str()) {
                return empty(StatusCode::FORBIDDEN);
            }
            asked.push(name);
        }
    }
    let mut reply = empty(StatusCode::OK);
    let out = reply.headers_mut();
    out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    out.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    if let Ok(names) = HeaderValue::from_str(&asked.join(","))
        && !asked.is_empty()
    {
        out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    reply
}

/// Lets the page that sent the request read the answer.
pub(crate) fn allow(from_page: bool, reply: &mut Reply) {
    if from_page {
        reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: &str, headers: &str) -> Reply {
        let mut request = HeaderMap::new();
        request.insert(header::ORIGIN, HeaderValue::from_static("https://example.com"));
        request.insert(header::ACCESS_CONTROL_REQUEST_METHOD, method.parse().unwrap());
        if !headers.is_empty() {
            request.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, headers.parse().unwrap());
        }
        preflight(&request)
    }

    #[test]
    fn what_was_asked_is_granted() {
        let reply = ask("PUT", "authorization, Content-Type,accept");
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(reply.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(reply.headers()[header::ACCESS_CONTROL_ALLOW_METHODS], "PUT");
        let granted = &reply.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS];
        assert_eq!(granted, "authorization,content-type");
    }

    #[test]
    fn other_methods_and_headers_are_not() {
        assert_eq!(ask("PATCH", "").status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(ask("GET", "x-admin").status(), StatusCode::FORBIDDEN);
        assert!(!ask("GET", "x-admin").headers().contains_key("access-control-allow-origin"));
    }

    #[test]
    fn without_an_origin_nothing_is_granted() {
        let reply = preflight(&HeaderMap::new());
        assert_eq!(reply.status(), StatusCode::OK);
        assert!(reply.headers().is_empty());
    }
}
