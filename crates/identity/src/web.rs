//! Asking a provider for a JSON document.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tavern_domain::{Fetch, FetchRequest};

use crate::error::Why;

/// What need not be escaped in a query (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Pairs as a query, or as the body of a form.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.extend(utf8_percent_encode(name, ESCAPED));
        out.push('=');
        out.extend(utf8_percent_encode(value, ESCAPED));
    }
    out
}

/// The document that a provider answers with.
pub(crate) async fn json<T: DeserializeOwned>(
    fetch: &dyn Fetch,
    request: FetchRequest,
) -> Result<T, Why> {
    let answer = fetch.fetch(request).await?;
    if !answer.is_success() {
        return Err(Why::Status(answer.status));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|_| Why::Proof("the provider's answer is unreadable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_value_is_escaped() {
        let query = form(&[("token", "a&b=c d/é~"), ("n", "1")]);
        assert_eq!(query, "token=a%26b%3Dc%20d%2F%C3%A9~&n=1");
        assert_eq!(form(&[]), "");
    }
}
