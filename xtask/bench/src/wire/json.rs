//! Envelopes as JSON, read by skipping over what is not asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Field, Message, kind};

pub(super) fn encode(cid: u32, message: Message<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    if cid != 0 {
        put(out, &["\"cid\":\"", &cid.to_string(), "\","]);
    }
    match message {
        Message::Ping => put(out, &["\"ping\":{"]),
        Message::Rpc { id, payload } => {
            put(out, &["\"rpc\":{\"id\":", &quoted(id), ",\"payload\":", &quoted(payload)]);
        }
        Message::StatusUpdate { status } => {
            put(out, &["\"status_update\":{\"status\":", &quoted(status)]);
        }
        Message::StatusFollow { user } => {
            put(out, &["\"status_follow\":{\"user_ids\":[", &quoted(user), "]"]);
        }
        Message::ChannelJoin { room, persistence } => {
            let persistence = if persistence { "true" } else { "false" };
            put(out, &["\"channel_join\":{\"type\":1,\"target\":", &quoted(room)]);
            put(out, &[",\"persistence\":", persistence, ",\"hidden\":false"]);
        }
        Message::ChannelSend { channel, content } => {
            put(out, &["\"channel_message_send\":{\"channel_id\":", &quoted(channel)]);
            put(out, &[",\"content\":", &quoted(content)]);
        }
        Message::MatchCreate => put(out, &["\"match_create\":{"]),
        Message::MatchJoin { id } => put(out, &["\"match_join\":{\"match_id\":", &quoted(id)]),
        Message::MatchData { id, data } => {
            put(out, &["\"match_data_send\":{\"match_id\":", &quoted(id)]);
            put(out, &[",\"op_code\":\"1\",\"data\":\"", &STANDARD.encode(data), "\""]);
        }
        Message::PartyCreate { max_size } => {
            let max_size = max_size.to_string();
            put(out, &["\"party_create\":{\"open\":true,\"max_size\":", &max_size]);
        }
        Message::PartyJoin { id } => put(out, &["\"party_join\":{\"party_id\":", &quoted(id)]),
        Message::PartyData { id, data } => {
            put(out, &["\"party_data_send\":{\"party_id\":", &quoted(id)]);
            put(out, &[",\"op_code\":\"1\",\"data\":\"", &STANDARD.encode(data), "\""]);
        }
    }
    put(out, &["}}"]);
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(super) fn envelope(frame: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (mut cid, mut number, mut body) = (0, 0, &frame[..0]);
    members(frame, |key, value| {
        if key == b"cid" {
            let digits = value.get(1..value.len() - 1).unwrap_or_default();
            cid = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()).unwrap_or(0);
        } else if let Some(field) = kind::ALL.iter().find(|field| field.0.as_bytes() == key) {
            (number, body) = (field.1, value);
        }
        true
    })?;
    Some((cid, number, body))
}

pub(super) fn dig<'a>(body: &'a [u8], path: &[Field]) -> Option<&'a [u8]> {
    let mut at = body;
    for (name, _) in path {
        if let Some(rest) = at.strip_prefix(b"[") {
            let start = blanks(rest, 0);
            at = &rest[start..value_end(rest, start)?];
        }
        let mut found = None;
        members(at, |key, value| {
            if key == name.as_bytes() {
                found = Some(value);
            }
            found.is_none()
        })?;
        at = found?;
    }
    Some(at)
}

/// Calls `each` with every key (as written) and raw value of the object, until it returns false.
/// `None` if the text is not an object as far as it was read.
fn members<'a>(text: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8]) -> bool) -> Option<()> {
    let mut at = blanks(text, 0);
    if text.get(at) != Some(&b'{') {
        return None;
    }
    at = blanks(text, at + 1);
    while text.get(at) != Some(&b'}') {
        let key_end = string_end(text, at)?;
        let key = &text[at + 1..key_end - 1];
        at = blanks(text, key_end);
        if text.get(at) != Some(&b':') {
            return None;
        }
        at = blanks(text, at + 1);
        let end = value_end(text, at)?;
        if !each(key, &text[at..end]) {
            return Some(());
        }
        at = blanks(text, end);
        if text.get(at) == Some(&b',') {
            at = blanks(text, at + 1);
        }
    }
    Some(())
}

fn blanks(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// One past the string that begins at `from`.
fn string_end(text: &[u8], from: usize) -> Option<usize> {
    if text.get(from) != Some(&b'"') {
        return None;
    }
    let mut at = from + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// One past the value that begins at `from`.
fn value_end(text: &[u8], from: usize) -> Option<usize> {
    match text.get(from)? {
        b'"' => string_end(text, from),
        b'{' | b'[' => {
            let (mut at, mut depth) = (from, 0_usize);
            loop {
                match text.get(at)? {
                    b'"' => {
                        at = string_end(text, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth == 1 => return Some(at + 1),
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
            }
        }
        b'}' | b']' | b',' | b':' => None,
        _ => {
            let rest = &text[from..];
            let scalar = rest.iter().take_while(|byte| !b",}] \t\r\n".contains(byte)).count();
            Some(from + scalar)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_in_any_order_and_spacing() {
        for frame in [
            r#"{"cid":"12","pong":{}}"#,
            r#" { "pong" : { } , "cid" : "12" } "#,
            r#"{"unknown":[{"a":"}"},"\"]"],"pong":{},"cid":"12"}"#,
        ] {
            assert_eq!(envelope(frame.as_bytes()).map(|e| (e.0, e.1)), Some((12, 33)), "{frame}");
        }
        assert_eq!(envelope(b"{}").map(|e| (e.0, e.1)), Some((0, 0)));
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for frame in
            ["", "[]", "{", "{\"a\"}", "{\"a\":", "{\"a\":}", "{\"a\":\"b", "{\"a\":{\"b\":1}"]
        {
            assert!(envelope(frame.as_bytes()).is_none(), "{frame}");
        }
    }

    #[test]
    fn digs_through_objects_and_lists() {
        let body =
            br#"{"leaves":[{"status":"old"}],"joins":[{"x":[1,{"status":2}],"status":"new"}]}"#;
        assert_eq!(dig(body, &[("joins", 2), ("status", 5)]), Some(&br#""new""#[..]));
        assert_eq!(dig(body, &[("joins", 2), ("name", 3)]), None);
        assert_eq!(dig(br#"{"joins":[]}"#, &[("joins", 2), ("status", 5)]), None);
        assert_eq!(dig(br#"{"a":-1.5e3 }"#, &[("a", 1)]), Some(&b"-1.5e3"[..]));
    }

    #[test]
    fn text_is_escaped() {
        let mut out = Vec::new();
        encode(0, Message::Rpc { id: "a\"b", payload: "{\"x\":\"\n\"}" }, &mut out);
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(read["rpc"]["id"], "a\"b");
        assert_eq!(read["rpc"]["payload"], "{\"x\":\"\n\"}");
        assert!(read.get("cid").is_none());
    }
}
