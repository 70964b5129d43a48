//! Answers over HTTP: statuses, error bodies, and the headers that every answer has.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderName, StatusCode};
use tavern_domain::{CodedError, ErrorCode};

use crate::body::Body;

/// An answer over HTTP.
pub(crate) type Reply = http::Response<Body>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The HTTP status of an error code.
pub(crate) const fn status(code: ErrorCode) -> StatusCode {
    match code {
        // There is no name for it: the client has gone.
        ErrorCode::Canceled => match StatusCode::from_u16(499) {
            Ok(status) => status,
            Err(_) => StatusCode::BAD_REQUEST,
        },
        ErrorCode::InvalidArgument | ErrorCode::FailedPrecondition | ErrorCode::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        ErrorCode::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::AlreadyExists | ErrorCode::Aborted => StatusCode::CONFLICT,
        ErrorCode::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorCode::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        ErrorCode::Unknown | ErrorCode::Internal | ErrorCode::DataLoss => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
    }
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = http::Response::new(Body::from(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, JSON);
    reply
}

/// A call's answer.
pub(crate) fn success(body: Vec<u8>) -> Reply {
    let mut reply = json(StatusCode::OK, body);
    let headers = reply.headers_mut();
    headers.insert(
        HeaderName::from_static("grpc-metadata-content-type"),
        HeaderValue::from_static("application/grpc"),
    );
    gateway(reply)
}

/// A call's failure: `{"code":5,"message":"..."}`.
pub(crate) fn failure(code: ErrorCode, message: &str) -> Reply {
    let mut reply = json(status(code), error_body(code, message, None));
    if code == ErrorCode::Unauthenticated {
        // Other bytes than these cannot be in a header.
        let text: String =
            message.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
        if let Ok(value) = HeaderValue::from_str(&text) {
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
    }
    gateway(reply)
}

/// A call's failure.
pub(crate) fn failed(error: &CodedError) -> Reply {
    let mut reply = failure(error.code(), error.message());
    tell_when(error, &mut reply);
    reply
}

/// Tells when to try again, if that is known.
pub(crate) fn tell_when(error: &CodedError, reply: &mut Reply) {
    if let Some(after) = error.retry_after() {
        reply.headers_mut().insert(header::RETRY_AFTER, seconds(after).into());
    }
}

/// Whole seconds, at least 1: the header knows no fractions.
pub(crate) fn seconds(after: Duration) -> u64 {
    u64::try_from(after.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u64::MAX).max(1)
}

/// The body of an error. `error` is the extra member that answers of server functions have: a
/// JSON text.
pub(crate) fn error_body(code: ErrorCode, message: &str, error: Option<&str>) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Fields<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a serde_json::value::RawValue>,
        message: &'a str,
        code: u8,
    }
    let raw: Option<&serde_json::value::RawValue> =
        error.and_then(|text| serde_json::from_str(text).ok());
    let fields = Fields { error: raw, message, code: code.number() };
    serde_json::to_vec(&fields).expect("texts and numbers can always be written as JSON")
}

/// Plain text, as the WebSocket handshake answers.
pub(crate) fn plain(status: StatusCode, text: &str) -> Reply {
    let mut reply = http::Response::new(Body::from(Bytes::copy_from_slice(text.as_bytes())));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, PLAIN);
    reply
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = http::Response::new(Body::EMPTY);
    *reply.status_mut() = status;
    reply
}

/// The headers that every answer to a call has.
fn gateway(mut reply: Reply) -> Reply {
    let headers = reply.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-cache, must-revalidate"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_protocol() {
        let numbers: Vec<u16> = ErrorCode::ALL.iter().map(|c| status(*c).as_u16()).collect();
        assert_eq!(
            numbers,
            [499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]
        );
    }

    #[test]
    fn an_error_has_these_two_members_only() {
        let body = error_body(ErrorCode::NotFound, "no \"such\" thing", None);
        assert_eq!(String::from_utf8(body).unwrap(), r#"{"message":"no \"such\" thing","code":5}"#);
        let body = error_body(ErrorCode::Internal, "oops", Some("{}"));
        assert_eq!(String::from_utf8(body).unwrap(), r#"{"error":{},"message":"oops","code":13}"#);
    }

    #[test]
    fn hints_are_whole_seconds() {
        for (millis, expected) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (30_000, 30)] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
        assert!(!failed(&CodedError::invalid("no")).headers().contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn a_refusal_says_so_in_a_header_too() {
        let reply = failure(ErrorCode::Unauthenticated, "no\nway\u{e9}");
        assert_eq!(reply.headers()[header::WWW_AUTHENTICATE], "no?way?");
        let reply = failure(ErrorCode::PermissionDenied, "no");
        assert!(!reply.headers().contains_key(header::WWW_AUTHENTICATE));
    }
}
