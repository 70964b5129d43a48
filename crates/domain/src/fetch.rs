//! Requests to other servers, as a port.

use std::time::Duration;

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{Classify, ErrorCode};

/// What stays as it is in a part of an address: what RFC 3986, section 2.3, calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as a part of an address or a form. A segment that is `.` or `..` stays what it is.
#[must_use]
pub fn percent(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Fields as the query of an address, without its question mark, or as the body of a form.
#[must_use]
pub fn query(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value)));
    fields.collect::<Vec<_>>().join("&")
}

/// What a request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[expect(missing_docs, reason = "they are the methods of HTTP")]
pub enum FetchMethod {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl FetchMethod {
    /// The method of this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        const ALL: [FetchMethod; 6] = [
            FetchMethod::Get,
            FetchMethod::Head,
            FetchMethod::Post,
            FetchMethod::Put,
            FetchMethod::Patch,
            FetchMethod::Delete,
        ];
        ALL.into_iter().find(|method| method.name().eq_ignore_ascii_case(name))
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request to another server.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// What it does.
    pub method: FetchMethod,
    /// `http` or `https`, with a host.
    pub url: String,
    /// In the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
    /// How long all of it may take, redirections and the body of the answer included.
    pub timeout: Duration,
    /// The longest body of an answer that is read, in bytes.
    pub max_response: usize,
    /// How many redirections are followed. An answer that redirects further is given back as it
    /// is.
    pub redirects: u8,
    /// Whether the other server's certificate is not looked at.
    pub insecure: bool,
}

impl FetchRequest {
    /// Ten seconds, and a mebibyte, which no identity provider or shop needs.
    #[must_use]
    pub fn new(method: FetchMethod, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(10),
            max_response: 1 << 20,
            redirects: 0,
            insecure: false,
        }
    }

    /// Reads something.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(FetchMethod::Get, url)
    }

    /// Sends something of this media type.
    #[must_use]
    pub fn post(url: impl Into<String>, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::new(FetchMethod::Post, url).header("content-type", media_type);
        request.body = body.into();
        request
    }

    /// Sends a form.
    #[must_use]
    pub fn form(url: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        Self::post(url, "application/x-www-form-urlencoded", query(fields))
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What the other server answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchResponse {
    /// The status, 100 to 599.
    pub status: u16,
    /// In the order of the answer, names in lower case; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// Whole.
    pub body: Vec<u8>,
}

impl FetchResponse {
    /// Whether the status says that it went well.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FetchError {
    /// The request cannot be sent like this.
    #[error("not a request that can be sent: {0}")]
    Invalid(String),
    /// The rules for outgoing requests do not let it go there.
    #[error("requests to {0} are not allowed")]
    Forbidden(String),
    /// It took too long. The other server may have acted on it.
    #[error("no answer in time")]
    TimedOut,
    /// Too many requests are under way; this one was not sent.
    #[error("too many outgoing requests at once")]
    Busy,
    /// The answer is longer than is read. The other server has acted on the request.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// What was allowed.
        limit: usize,
    },
    /// The connection could not be made, or broke.
    #[error("the request failed: {0}")]
    Failed(String),
}

impl Classify for FetchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::InvalidArgument,
            Self::Forbidden(_) => ErrorCode::PermissionDenied,
            Self::TimedOut => ErrorCode::DeadlineExceeded,
            Self::Busy => ErrorCode::ResourceExhausted,
            Self::TooLarge { .. } => ErrorCode::OutOfRange,
            Self::Failed(_) => ErrorCode::Unavailable,
        }
    }
}

/// Sends requests to other servers.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// Sends one request and reads the whole answer, whatever its status. Nothing is repeated:
    /// whether it may be is known to the caller alone. Dropped, it closes its connection.
    async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, FetchError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_by_their_names() {
        assert_eq!(FetchMethod::from_name("post"), Some(FetchMethod::Post));
        assert_eq!(FetchMethod::from_name("HEAD"), Some(FetchMethod::Head));
        assert_eq!(FetchMethod::from_name("CONNECT"), None);
        assert_eq!(FetchMethod::from_name(""), None);
    }

    #[test]
    fn what_would_end_a_part_of_an_address_is_escaped() {
        assert_eq!(percent("a-Z_0.9~"), "a-Z_0.9~");
        assert_eq!(percent("../x?y=#&z+ é"), "..%2Fx%3Fy%3D%23%26z%2B%20%C3%A9");
    }

    #[test]
    fn fields_are_sent_as_a_form() {
        let fields = [("token", "a&b=c d/é~"), ("b c", "1")];
        let request = FetchRequest::form("https://host/path", &fields);
        assert_eq!(request.method, FetchMethod::Post);
        assert_eq!(request.body, b"token=a%26b%3Dc%20d%2F%C3%A9~&b%20c=1");
        let kind = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
        assert_eq!(request.headers, [kind]);
        assert_eq!(query(&[]), "");
    }

    #[test]
    fn an_answer_is_read_by_header_and_status() {
        let answer = FetchResponse {
            status: 204,
            headers: vec![("cache-control".into(), "max-age=60".into())],
            body: Vec::new(),
        };
        assert!(answer.is_success());
        assert_eq!(answer.header("cache-control"), Some("max-age=60"));
        assert_eq!(answer.header("etag"), None);
        assert!(!FetchResponse { status: 304, ..answer }.is_success());
    }
}
