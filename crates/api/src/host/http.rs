//! Requests to other servers.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tavern_domain::{FetchMethod, FetchRequest, FetchResponse};
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::host::{
    HeaderValues, HostHttpResponse, HttpHost, HttpRequest, TextOrBytes,
};

use super::ServerHost;
use super::encoding::invalid;
use crate::error;

/// How long a request may take unless told otherwise, in milliseconds.
const USUAL_MS: i64 = 5_000;
/// How long it may take at most.
const LONGEST_MS: i64 = 120_000;
/// The largest answer, in bytes.
const LARGEST: usize = 8 << 20;
/// Redirections that are followed.
const REDIRECTS: u8 = 10;

#[async_trait]
impl HttpHost for ServerHost {
    async fn http_request(&self, args: HttpRequest) -> Result<HostHttpResponse, HookError> {
        let lists = args.lists.unwrap_or(false);
        let answer = self.0.outgoing.fetch(request(args)?).await.map_err(error::classified)?;
        Ok(shown(answer, lists))
    }
}

fn request(args: HttpRequest) -> Result<FetchRequest, HookError> {
    let method = FetchMethod::from_name(&args.method)
        .ok_or_else(|| invalid("the method must be GET, HEAD, POST, PUT, PATCH or DELETE"))?;
    let timeout = args.timeout.unwrap_or(USUAL_MS);
    if !(1..=LONGEST_MS).contains(&timeout) {
        return Err(invalid("expects a time-out of 1 to 120000 milliseconds"));
    }
    let mut request = FetchRequest::new(method, args.url);
    request.headers = args.headers.unwrap_or_default().into_iter().collect();
    request.body = args.body.map(|body| body.0).unwrap_or_default();
    request.timeout = Duration::from_millis(timeout.unsigned_abs());
    request.max_response = LARGEST;
    request.redirects = REDIRECTS;
    request.insecure = args.insecure.unwrap_or(false);
    Ok(request)
}

fn shown(answer: FetchResponse, lists: bool) -> HostHttpResponse {
    let mut headers = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in answer.headers {
        headers.entry(written(&name)).or_default().push(value);
    }
    let values = |mut all: Vec<String>| {
        if lists { HeaderValues::All(all) } else { HeaderValues::First(all.swap_remove(0)) }
    };
    HostHttpResponse {
        code: answer.status.into(),
        headers: headers.into_iter().map(|(name, all)| (name, values(all))).collect(),
        body: if lists {
            TextOrBytes::Text(String::from_utf8_lossy(&answer.body).into_owned())
        } else {
            TextOrBytes::Bytes(answer.body)
        },
    }
}

/// A header's name as scripts know it: `content-type` is `Content-Type`.
fn written(name: &str) -> String {
    let mut begins = true;
    let letter = |c: char| {
        let written = if begins { c.to_ascii_uppercase() } else { c };
        begins = c == '-';
        written
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_shown_as_each_language_wants_it() {
        let answer = FetchResponse {
            status: 201,
            headers: vec![("x-a".into(), "1".into()), ("x-a".into(), "2".into())],
            body: vec![b'a', 0xff],
        };
        let lua = shown(answer.clone(), false);
        assert_eq!(lua.headers["X-A"], HeaderValues::First("1".into()));
        assert_eq!(lua.body, TextOrBytes::Bytes(vec![b'a', 0xff]));
        let js = shown(answer, true);
        assert_eq!(js.headers["X-A"], HeaderValues::All(vec!["1".into(), "2".into()]));
        assert_eq!((js.code, js.body), (201, TextOrBytes::Text("a\u{fffd}".into())));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let args = |method: &str, timeout| HttpRequest {
            url: "https://example.com".into(),
            method: method.into(),
            timeout,
            ..HttpRequest::default()
        };
        assert_eq!(request(args("post", None)).unwrap().method, FetchMethod::Post);
        for refused in [args("CONNECT", None), args("GET", Some(0)), args("GET", Some(120_001))] {
            assert!(request(refused).is_err());
        }
    }
}
