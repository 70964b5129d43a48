//! Where an answer sends a request on.

use http::uri::{PathAndQuery, Scheme, Uri};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};

/// What a redirection keeps to itself when it leads to another origin.
const CREDENTIALS: [HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// The address that an answer sends to, if it does.
pub(crate) fn target(status: StatusCode, headers: &HeaderMap, from: &Uri) -> Option<Uri> {
    let follows = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let place = headers.get(header::LOCATION).filter(|_| follows)?.to_str().ok()?;
    join(from, place)
}

/// A reference as seen from an address (RFC 3986, without dot segments, which servers resolve).
fn join(from: &Uri, place: &str) -> Option<Uri> {
    let place = place.split('#').next().unwrap_or_default();
    if let Some(scheme) = from.scheme_str().filter(|_| place.starts_with("//")) {
        return format!("{scheme}:{place}").parse().ok();
    }
    let path = if place.starts_with('/') {
        place.to_owned()
    } else if let Ok(absolute) = place.parse::<Uri>()
        && absolute.scheme().is_some()
    {
        return Some(absolute);
    } else if place.starts_with('?') {
        format!("{}{place}", from.path())
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{place}")
    };
    let mut parts = from.clone().into_parts();
    parts.path_and_query = Some(path.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

/// What becomes of the method (RFC 9110, 15.4): `None` when it and the body stay.
pub(crate) fn method_after(status: StatusCode, method: &Method) -> Option<Method> {
    let turns = match status.as_u16() {
        303 => *method != Method::HEAD,
        // As all clients do, though it was not meant so.
        301 | 302 => *method == Method::POST,
        _ => false,
    };
    turns.then_some(Method::GET)
}

/// Takes away what another origin must not see.
pub(crate) fn strip(headers: &mut HeaderMap, from: &Uri, to: &Uri) {
    if origin(from) != origin(to) {
        for name in CREDENTIALS {
            headers.remove(name);
        }
    }
}

fn origin(uri: &Uri) -> (Option<&str>, Option<String>, Option<u16>) {
    let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let port = uri.port_u16().or(Some(usual));
    (uri.scheme_str(), uri.host().map(str::to_ascii_lowercase), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(place: &str) -> Option<String> {
        let from = "https://example.com/a/b?c".parse().unwrap();
        join(&from, place).map(|uri| uri.to_string())
    }

    #[test]
    fn references_are_resolved() {
        for (place, expected) in [
            ("https://example.org/x", "https://example.org/x"),
            ("//example.org/x", "https://example.org/x"),
            ("/x?y", "https://example.com/x?y"),
            ("x", "https://example.com/a/x"),
            ("?d", "https://example.com/a/b?d"),
            ("/x#part", "https://example.com/x"),
        ] {
            assert_eq!(joined(place).as_deref(), Some(expected), "{place}");
        }
        assert_eq!(joined("//["), None);
    }

    #[test]
    fn methods_turn_as_clients_expect() {
        let after = |status: u16, method| {
            method_after(StatusCode::from_u16(status).unwrap(), &method).unwrap_or(method)
        };
        assert_eq!(after(301, Method::POST), Method::GET);
        assert_eq!(after(302, Method::PUT), Method::PUT);
        assert_eq!(after(303, Method::PUT), Method::GET);
        assert_eq!(after(303, Method::HEAD), Method::HEAD);
        assert_eq!(after(307, Method::POST), Method::POST);
        assert_eq!(after(308, Method::POST), Method::POST);
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let with = || {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, "Basic Zm9vOmJhcg==".parse().unwrap());
            headers.insert(header::ACCEPT, "text/plain".parse().unwrap());
            headers
        };
        let here: Uri = "https://example.com/a".parse().unwrap();
        for (there, kept) in [
            ("https://example.com:443/b", true),
            ("https://EXAMPLE.com/b", true),
            ("http://example.com/b", false),
            ("https://example.com:8443/b", false),
            ("https://example.org/b", false),
        ] {
            let mut headers = with();
            strip(&mut headers, &here, &there.parse().unwrap());
            assert_eq!(headers.contains_key(header::AUTHORIZATION), kept, "{there}");
            assert!(headers.contains_key(header::ACCEPT));
        }
    }
}
