//! Requests to other servers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::crypto::TextOrBytes;
use super::declare::host_area;
use crate::value::Blob;

/// The values of one header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum HeaderValues {
    /// The first.
    First(String),
    /// All of them.
    All(Vec<String>),
}

/// What another server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostHttpResponse {
    /// The status.
    pub code: i32,
    /// By their names, written like `Content-Type`.
    pub headers: BTreeMap<String, HeaderValues>,
    /// The body.
    pub body: TextOrBytes,
}

host_area! {
    /// Requests to other servers.
    HttpHost

    /// Sends a request to another server and answers what it says, whatever the status. The method
    /// is GET, HEAD, POST, PUT, PATCH or DELETE, the time-out in milliseconds, 5000 unless told
    /// otherwise and at most 120000. Up to ten redirections are followed; an answer has at most
    /// 8 MiB. `insecure` looks at no certificate. Each header has its first value, or all as a list
    /// if asked for, which JavaScript does unless told otherwise, and there the body is text.
    fn http_request as "httpRequest" (HttpRequest {
        url: String,
        method: String,
        headers: Option<BTreeMap<String, String>>,
        body: Option<Blob>,
        timeout: Option<i64>,
        insecure: Option<bool>,
        lists: Option<bool>,
    }) -> HostHttpResponse, several ["code", "headers", "body"], js_default ["lists"];
}
