//! What must never be written down.
//!
//! SDKs put session tokens and keys into query strings (`/ws?token=...`, `?http_key=...`), and
//! error texts of libraries quote whole requests and addresses. Two nets: [`redact_query`] where
//! a request's target is logged on purpose, which keeps only values known to be harmless, and
//! [`scrub`] over everything that is logged at all, which takes out values known to be secret.

use std::borrow::Cow;

/// Parameters whose values may be seen.
const HARMLESS: &[&str] = &[
    "create", "format", "forward", "lang", "limit", "protocol", "reset", "status", "sync", "unwrap",
];

/// Names after which a value is a secret, wherever they stand.
const SECRET: &[&str] = &[
    "access_token",
    "api_key",
    "authorization",
    "client_secret",
    "encryption_key",
    "http_key",
    "password",
    "private_key",
    "refresh_encryption_key",
    "refresh_token",
    "secret",
    "server_key",
    "signature",
    "signing_key",
    "token",
];

/// Words after which credentials follow.
const SCHEMES: &[&str] = &["bearer ", "basic "];

const STARS: &str = "***";

/// A request target as it may be logged: the path, and of the query only the names of its
/// parameters and the values known to be harmless. Fragments and user names are dropped.
#[must_use]
pub fn redact_query(target: &str) -> Cow<'_, str> {
    let target = target.split('#').next().unwrap_or_default();
    let Some((path, query)) = target.split_once('?') else { return scrub(target) };
    let mut out = scrub(path).into_owned();
    for (i, pair) in query.split('&').enumerate() {
        out.push(if i == 0 { '?' } else { '&' });
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // Anything that does not look like a name could be a token pasted in its place.
        let bare = name.len() == pair.len() && !HARMLESS.contains(&name);
        if name.is_empty() || name.len() > 32 || bare || !name.bytes().all(is_name_byte) {
            out.push_str(STARS);
            continue;
        }
        out.push_str(name);
        out.push('=');
        let plain = value.len() <= 16 && value.bytes().all(is_name_byte);
        let harmless = plain && HARMLESS.contains(&name);
        out.push_str(if harmless { value } else { STARS });
    }
    Cow::Owned(out)
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-' || b == b'.'
}

/// A text with what looks like a secret replaced by stars: values after names such as `token=`
/// or `"password": `, credentials after `Bearer` and `Basic`, passwords in addresses
/// (`//user:password@host`), and everything that has the shape of a signed token.
///
/// Borrows the text when there is nothing to hide, which is the common case.
#[must_use]
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut spans = Vec::new();
    find_named(text, &mut spans);
    find_schemes(text, &mut spans);
    find_userinfo(text, &mut spans);
    find_tokens(text, &mut spans);
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_unstable();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end) in spans {
        if end <= at {
            continue;
        }
        if start >= at {
            out.push_str(&text[at..start]);
            out.push_str(STARS);
        }
        at = end;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

type Spans = Vec<(usize, usize)>;

/// `name=value`, `name: value`, `"name":"value"`, also with percent-encoded letters in the name.
fn find_named(text: &str, spans: &mut Spans) {
    let bytes = text.as_bytes();
    let mut ends = ValueEnds::default();
    for (at, byte) in bytes.iter().enumerate() {
        if *byte != b'=' && *byte != b':' {
            continue;
        }
        // The name ends before an optional closing quote.
        let mut end = at;
        while end > 0 && matches!(bytes[end - 1], b'"' | b'\'' | b'\\' | b' ') {
            end -= 1;
        }
        let start = name_start(bytes, end);
        if !is_secret_name(&bytes[start..end]) {
            continue;
        }
        let mut from = at + 1;
        while from < bytes.len() && matches!(bytes[from], b' ' | b'"' | b'\'' | b'\\') {
            from += 1;
        }
        // A scheme word belongs to the credentials that follow it.
        for scheme in SCHEMES {
            if starts_with_ignoring_case(&bytes[from..], scheme) {
                from += scheme.len();
            }
        }
        let to = ends.of(bytes, from);
        if to > from {
            spans.push((from, to));
        }
    }
}

/// Longest name looked at: long enough for every secret name with each letter as `%XX`.
const LONGEST_NAME: usize = 3 * 24;

fn name_start(bytes: &[u8], end: usize) -> usize {
    let floor = end.saturating_sub(LONGEST_NAME);
    let mut start = end;
    while start > floor && (is_name_byte(bytes[start - 1]) || bytes[start - 1] == b'%') {
        start -= 1;
    }
    start
}

fn is_secret_name(raw: &[u8]) -> bool {
    if raw.is_empty() {
        return false;
    }
    let mut name = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, tail)) = rest.split_first() {
        let hex = |b: u8| (b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let decoded = match (first, tail) {
            (b'%', [a, b, ..]) => hex(*a).zip(hex(*b)).map(|(a, b)| a * 16 + b),
            _ => None,
        };
        name.push(char::from(decoded.unwrap_or(*first)).to_ascii_lowercase());
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    let name = name.replace('-', "_");
    SECRET.iter().any(|secret| {
        name.strip_suffix(secret).is_some_and(|before| {
            before.is_empty() || before.ends_with(['_', '.']) || before.ends_with("x_")
        }) || camel(&name, secret)
    })
}

/// `accessToken` is `access_token` too (the name is in lower case already).
fn camel(name: &str, secret: &str) -> bool {
    secret.contains('_') && name.len() < secret.len() && name == secret.replace('_', "")
}

/// Where values end, remembering the last answer: a text with a secret name at every step, which a
/// client can send, would otherwise be read to its end once for each of them.
#[derive(Default)]
struct ValueEnds {
    from: usize,
    to: usize,
}

impl ValueEnds {
    fn of(&mut self, bytes: &[u8], from: usize) -> usize {
        // Between a value's beginning and its end every place has the same end.
        if !(self.from..self.to).contains(&from) {
            (self.from, self.to) = (from, value_end(bytes, from));
        }
        self.to
    }
}

fn value_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..]
        .iter()
        .position(|b| {
            b.is_ascii_whitespace()
                || matches!(
                    b,
                    b'&' | b'#' | b'"' | b'\'' | b'\\' | b',' | b';' | b')' | b'}' | b']' | b'>'
                )
        })
        .map_or(bytes.len(), |n| from + n)
}

fn starts_with_ignoring_case(bytes: &[u8], word: &str) -> bool {
    bytes.get(..word.len()).is_some_and(|b| b.eq_ignore_ascii_case(word.as_bytes()))
}

fn find_schemes(text: &str, spans: &mut Spans) {
    let bytes = text.as_bytes();
    let mut ends = ValueEnds::default();
    for (at, byte) in bytes.iter().enumerate() {
        if !matches!(byte, b'b' | b'B') || (at > 0 && is_name_byte(bytes[at - 1])) {
            continue;
        }
        for scheme in SCHEMES {
            if starts_with_ignoring_case(&bytes[at..], scheme) {
                let from = at + scheme.len();
                let to = ends.of(bytes, from);
                // "basic auth", "bearer token": prose, not credentials.
                if to >= from + 8 {
                    spans.push((from, to));
                }
            }
        }
    }
}

fn find_userinfo(text: &str, spans: &mut Spans) {
    let mut at = 0;
    while let Some(found) = text[at..].find("//") {
        let from = at + found + 2;
        let authority = text[from..]
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''))
            .map_or(text.len(), |n| from + n);
        if let Some(end) = text[from..authority].rfind('@')
            && let Some(colon) = text[from..from + end].find(':')
        {
            spans.push((from + colon + 1, from + end));
        }
        at = from;
    }
}

/// Three dot-separated base64url parts of which the first begins with `eyJ` (`{"` encoded).
fn find_tokens(text: &str, spans: &mut Spans) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = text[at..].find("eyJ") {
        let from = at + found;
        let end =
            bytes[from..].iter().position(|b| !is_name_byte(*b)).map_or(bytes.len(), |n| from + n);
        if text[from..end].matches('.').count() >= 1 && end - from >= 20 {
            spans.push((from, end));
        }
        at = end.max(from + 3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn remembered_ends_are_the_ends() {
        let bytes = b"token=token=a token=b";
        let mut ends = ValueEnds::default();
        for from in [6, 12, 20, 3, 13, 0, bytes.len()] {
            assert_eq!(ends.of(bytes, from), value_end(bytes, from), "{from}");
        }
    }

    #[test]
    fn a_secret_name_at_every_step_is_read_once() {
        // 1 MiB: read anew from every name it would take a minute, once it takes milliseconds.
        let text = "token=".repeat(1 << 20 >> 2);
        assert_eq!(scrub(&text), "token=***");
    }

    #[test]
    fn a_query_keeps_names_and_harmless_values_only() {
        for (given, logged) in [
            ("/ws?lang=en&status=true&token=eyJh.b.c", "/ws?lang=en&status=true&token=***"),
            ("/v2/rpc/a?http_key=secret&unwrap", "/v2/rpc/a?http_key=***&unwrap="),
            ("/v2/rpc/a?tok%65n=secret", "/v2/rpc/a?***"),
            ("/v2/x?lang=eyJhbGciOiJIUzI1NiJ9.eyJ1", "/v2/x?lang=***"),
            ("/v2/x?eyJhbGciOiJIUzI1NiJ9", "/v2/x?***"),
            ("/healthcheck", "/healthcheck"),
            ("/x#frag?token=1", "/x"),
            ("/x?unknown=abc&", "/x?unknown=***&***"),
        ] {
            assert_eq!(redact_query(given), logged, "{given}");
        }
    }

    #[test]
    fn texts_lose_what_looks_secret_and_nothing_else() {
        for (given, logged) in [
            ("GET /ws?token=abc.def&lang=en failed", "GET /ws?token=***&lang=en failed"),
            ("tok%65n=abc", "tok%65n=***"),
            ("{\"password\":\"hunter2\",\"n\":1}", "{\"password\":\"***\",\"n\":1}"),
            ("{\\\"refresh_token\\\":\\\"x1\\\"}", "{\\\"refresh_token\\\":\\\"***\\\"}"),
            ("Authorization: Bearer abcdefghij", "Authorization: Bearer ***"),
            ("header basic ZGVmYXVsdGtleTo= sent", "header basic *** sent"),
            ("postgres://root:pw@db:5432/x", "postgres://root:***@db:5432/x"),
            ("postgres://root@db:5432/x", "postgres://root@db:5432/x"),
            ("socket.server_key = abc", "socket.server_key = ***"),
            ("accessToken: abc", "accessToken: ***"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJ1aWQi.sig here", "jwt *** here"),
            ("basic auth required", "basic auth required"),
            ("tokens: 5", "tokens: 5"),
            ("nothing to see", "nothing to see"),
        ] {
            assert_eq!(scrub(given), logged, "{given}");
        }
        assert!(matches!(scrub("nothing to see"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            drop(scrub(&text));
            drop(redact_query(&text));
        }

        #[test]
        fn a_token_in_a_query_never_survives(token in "[A-Za-z0-9._%-]{8,80}", before in "[a-z/]{0,20}", name in prop::sample::select(vec!["token", "http_key", "anything"])) {
            let text = format!("/{before}?lang=en&{name}={token}&status=true");
            let out = redact_query(&text);
            let shown = format!("={token}");
            prop_assert!(!out.contains(&shown));
            if name != "anything" {
                let scrubbed = scrub(&text);
                prop_assert!(!scrubbed.contains(&shown));
            }
        }
    }
}
