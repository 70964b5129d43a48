//! What routes of server code are asked and answer.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tavern_domain::ErrorCode;

use crate::error::HookError;
use crate::host::Language;
use crate::value::Value;

/// Most bytes of an answer's body.
pub const MAX_RESPONSE_BODY: usize = 8 << 20;
/// Most headers of an answer.
pub const MAX_RESPONSE_HEADERS: usize = 64;
/// Most bytes of the names and values of an answer's headers together.
pub const MAX_RESPONSE_HEADER_BYTES: usize = 16 << 10;

/// Headers about the connection, which is the server's affair.
const OF_THE_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::DATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// A request for a route of server code. Its size is bounded as that of any request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method, upper case.
    pub method: String,
    /// The path as it came, escapes included, without the query.
    pub path: String,
    /// What the path has at the pattern's parameters, decoded.
    pub params: BTreeMap<String, String>,
    /// The query's parameters, decoded, in their order.
    pub query: BTreeMap<String, Vec<String>>,
    /// The headers without `Host`, names in canonical form (`X-Some-Name`).
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body, its compression undone.
    pub body: Bytes,
    /// Where the client is, after trusted proxies were looked through.
    pub remote_address: Option<IpAddr>,
}

impl HttpRequest {
    /// The first value of a header, whose name is given in canonical form.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.first().map(String::as_str)
    }

    /// As scripts see it. In Lua a text is any bytes; in JavaScript `body` is nothing unless it is
    /// UTF-8, and `body_bytes` has it in any case.
    #[must_use]
    pub fn to_script(self, language: Language) -> Value {
        let lists = |lists: BTreeMap<String, Vec<String>>| {
            let list = |values: Vec<String>| values.into_iter().map(Value::Text).collect();
            let entries = lists.into_iter().map(|(name, values)| (name, Value::List(list(values))));
            Value::Map(entries.collect())
        };
        let params = self.params.into_iter().map(|(name, value)| (name, Value::Text(value)));
        let text = std::str::from_utf8(&self.body).map(|text| Value::Text(text.to_owned()));
        let address = self.remote_address.map(|ip| Value::Text(ip.to_string()));
        let bytes = || Value::Bytes(self.body.to_vec());
        let mut fields = vec![
            ("method", Value::Text(self.method)),
            ("path", Value::Text(self.path)),
            ("params", Value::Map(params.collect())),
            ("query", lists(self.query)),
            ("headers", lists(self.headers)),
            ("remote_address", address.unwrap_or_default()),
        ];
        match language {
            Language::Lua => fields.push(("body", text.unwrap_or_else(|_| bytes()))),
            Language::JavaScript => {
                fields.push(("body_bytes", bytes()));
                fields.push(("body", text.unwrap_or_default()));
            }
        }
        Value::Record(fields)
    }
}

/// What a route of server code answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status, 200 to 599.
    pub status: u16,
    /// The headers, a name as often as it has values: at most [`MAX_RESPONSE_HEADERS`] and
    /// [`MAX_RESPONSE_HEADER_BYTES`]. Those about the connection are the server's.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`MAX_RESPONSE_BODY`] bytes. With 204, 205 and 304 there is none.
    pub body: Bytes,
}

impl HttpResponse {
    /// An answer without a body.
    #[must_use]
    pub const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// An answer with a body of this media type.
    #[must_use]
    pub fn new(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// A text.
    #[must_use]
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.into())
    }

    /// A JSON text.
    #[must_use]
    pub fn json(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "application/json", text.into())
    }

    /// What a script answers: nothing (204), a text (200), or an object of `status`, `headers` and
    /// `body`, each of which may be left out. A body without a `Content-Type` is text in UTF-8, or
    /// bytes if that is what it is.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`]; the text, for the log, says what the answer is instead.
    pub fn from_script(answer: Value) -> Result<Self, HookError> {
        Self::read(answer)
            .map_err(|text| HookError::new(ErrorCode::Internal, format!("the answer {text}")))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is an answer")]
    fn read(answer: Value) -> Result<Self, String> {
        let fields = match answer {
            Value::Null => return Ok(Self::empty(204)),
            Value::Text(text) => return Ok(Self::text(200, text)),
            Value::Map(fields) => fields,
            other => {
                return Err(format!("is {}, not an object of status, headers, body", other.kind()));
            }
        };
        let (mut response, mut media_type) = (Self::empty(200), "text/plain; charset=utf-8");
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("status", Value::Int(status)) => {
                    response.status = u16::try_from(status).unwrap_or_default();
                }
                ("headers", Value::Map(headers)) => response.headers = read_headers(headers)?,
                ("body", Value::Text(text)) => response.body = text.into(),
                ("body", Value::Bytes(bytes)) => {
                    response.body = bytes.into();
                    media_type = "application/octet-stream";
                }
                ("headers" | "body" | "status", Value::Null) => {}
                ("headers" | "body" | "status", value) => {
                    return Err(format!("has {} as its {name}", value.kind()));
                }
                _ => return Err(format!("has a {name:?}; it has status, headers and body")),
            }
        }
        let has_type = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
        if !response.body.is_empty() && !response.headers.iter().any(has_type) {
            response.headers.push(("content-type".to_owned(), media_type.to_owned()));
        }
        Ok(response)
    }

    /// Whether it can be sent.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(200..600).contains(&self.status) {
            return Err(format!("the answer has the status {}, not 200 to 599", self.status));
        }
        let bodyless =
            [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
        if !self.body.is_empty() && bodyless.iter().any(|status| *status == self.status) {
            return Err(format!("the answer has a body, and the status {}", self.status));
        }
        if self.body.len() > MAX_RESPONSE_BODY {
            return Err(format!("the answer's body has more than {MAX_RESPONSE_BODY} bytes"));
        }
        let bytes: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if self.headers.len() > MAX_RESPONSE_HEADERS || bytes > MAX_RESPONSE_HEADER_BYTES {
            return Err(format!(
                "the answer has more than {MAX_RESPONSE_HEADERS} headers or {MAX_RESPONSE_HEADER_BYTES} bytes of them"
            ));
        }
        for (name, value) in &self.headers {
            let known = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("{name:?} is no name of a header"))?;
            if OF_THE_CONNECTION.contains(&known) {
                return Err(format!("the header {name} is the server's own"));
            }
            HeaderValue::from_str(value).map_err(|_| format!("the header {name} is malformed"))?;
        }
        Ok(())
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a header's value")]
fn read_headers(headers: Vec<(String, Value)>) -> Result<Vec<(String, String)>, String> {
    let mut all = Vec::new();
    for (name, value) in headers {
        let values = match value {
            Value::List(values) => values,
            value => vec![value],
        };
        for value in values {
            match value {
                Value::Text(text) => all.push((name.clone(), text)),
                Value::Int(number) => all.push((name.clone(), number.to_string())),
                other => return Err(format!("has {} as its header {name}", other.kind())),
            }
        }
    }
    Ok(all)
}
