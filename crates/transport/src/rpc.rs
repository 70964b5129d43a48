//! Server functions over HTTP, which have rules of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{HeaderName, Method, Request, StatusCode};
use hyper::body::Incoming;
use tavern_api::{RpcFailure, RpcRequest};
use tavern_domain::CodedError;
use tavern_protocol::CallId;

use crate::body::Body;
use crate::client::Client;
use crate::head;
use crate::reply::{Reply, error_body, json, status, tell_when};
use crate::rest::{Traced, body_error, read_body};

pub(crate) type Lists = BTreeMap<String, Vec<String>>;

/// Calls the function `id`.
pub(crate) async fn answer(client: &Client, id: String, request: Request<Incoming>) -> Reply {
    let (parts, body) = request.into_parts();
    let mut query = lists(parts.uri.query().unwrap_or(""));
    let http_key = query.remove("http_key").and_then(|keys| keys.into_iter().next());
    let unwrap = query.contains_key("unwrap");
    let payload = if parts.method == Method::GET {
        Ok(String::new())
    } else {
        match read_body(client, &parts.headers, body).await {
            Ok(body) => payload(body, unwrap),
            Err(error) => Err(body_error(error)),
        }
    };
    let payload = match payload {
        Ok(payload) => payload,
        Err(error) => return failed(&RpcFailure { error, detail: None }),
    };
    let request = RpcRequest {
        id,
        payload,
        http_key,
        meta: head::meta(&parts.headers, client.peer, &client.settings.proxies),
        headers: canonical(&parts.headers),
        query,
    };
    let traced = Traced::new(client, CallId::RpcFunc.name(), &parts);
    let running = Arc::clone(&client.edge.service).rpc(request);
    let answer = match traced.run(client, running).await {
        Ok(answer) => answer,
        Err(cut) => Err(RpcFailure { error: cut.into(), detail: None }),
    };
    let mut reply = match answer {
        Ok(result) if unwrap => unwrapped(result, &parts.headers),
        Ok(result) => wrapped(result.as_deref().unwrap_or("")),
        Err(failure) => failed(&failure),
    };
    traced.tell(client, reply.headers_mut());
    reply
}

/// The payload in a body: the body itself, or the text in its JSON string.
fn payload(body: Bytes, unwrap: bool) -> Result<String, CodedError> {
    if unwrap {
        return String::from_utf8(body.into())
            .map_err(|_| CodedError::invalid("the payload is not UTF-8"));
    }
    if body.is_empty() {
        return Ok(String::new());
    }
    serde_json::from_slice(&body)
        .map_err(|error| CodedError::invalid("the body must be a JSON string").caused_by(error))
}

fn wrapped(result: &str) -> Reply {
    #[derive(serde::Serialize)]
    struct Answer<'a> {
        payload: &'a str,
    }
    let body = serde_json::to_vec(&Answer { payload: result });
    json(StatusCode::OK, body.expect("a text can always be written as JSON"))
}

fn unwrapped(result: Option<String>, headers: &HeaderMap) -> Reply {
    let mut reply = http::Response::new(Body::from(Bytes::from(result.unwrap_or_default())));
    let media_type = headers.get(header::CONTENT_TYPE).cloned();
    let media_type = media_type.unwrap_or(const { HeaderValue::from_static("text/plain") });
    reply.headers_mut().insert(header::CONTENT_TYPE, media_type);
    reply
}

fn failed(failure: &RpcFailure) -> Reply {
    let RpcFailure { error, detail } = failure;
    let repeated;
    let detail = match detail {
        Some(object) => object,
        None => {
            repeated = serde_json::Value::from(error.message()).to_string();
            &repeated
        }
    };
    let body = error_body(error.code(), error.message(), Some(detail));
    let mut reply = json(status(error.code()), body);
    tell_when(error, &mut reply);
    reply
}

/// The parameters of a query as functions see them.
pub(crate) fn lists(query: &str) -> Lists {
    let mut all = Lists::new();
    for (name, value) in head::lenient_query(query) {
        all.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    all
}

/// The headers as functions see them: `x-some-name` is `X-Some-Name`.
pub(crate) fn canonical(headers: &HeaderMap) -> Lists {
    let mut all = Lists::new();
    for (name, value) in headers {
        if name == header::HOST {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        all.entry(canonical_name(name)).or_default().push(value);
    }
    all
}

fn canonical_name(name: &HeaderName) -> String {
    let mut first = true;
    name.as_str()
        .chars()
        .map(|c| {
            let upper = std::mem::replace(&mut first, c == '-');
            if upper { c.to_ascii_uppercase() } else { c }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavern_domain::ErrorCode;

    #[test]
    fn a_payload_is_a_json_string_or_the_body_itself() {
        let of = |body: &'static str, unwrap| payload(Bytes::from_static(body.as_bytes()), unwrap);
        assert_eq!(of(r#""{\"x\":1}""#, false).unwrap(), r#"{"x":1}"#);
        assert_eq!(of("", false).unwrap(), "");
        assert_eq!(of(r#"{"x":1}"#, true).unwrap(), r#"{"x":1}"#);
        for wrong in [r#"{"x":1}"#, "[1]", "12", "nonsense", "null", r#""a" "b""#] {
            assert_eq!(of(wrong, false).unwrap_err().code(), ErrorCode::InvalidArgument, "{wrong}");
        }
        let broken = payload(Bytes::from_static(&[0xff]), true).unwrap_err();
        assert_eq!(broken.code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn header_names_are_canonical() {
        let mut headers = HeaderMap::new();
        headers.append("x-some-name", HeaderValue::from_static("a"));
        headers.append("x-some-name", HeaderValue::from_static("b"));
        headers.append("host", HeaderValue::from_static("localhost"));
        headers.append("user-agent", HeaderValue::from_static("test"));
        let seen = canonical(&headers);
        assert_eq!(seen["X-Some-Name"], ["a", "b"]);
        assert_eq!(seen.keys().collect::<Vec<_>>(), ["User-Agent", "X-Some-Name"]);
    }
}
