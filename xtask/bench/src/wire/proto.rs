//! Envelopes as protobuf.

use super::{Field, Message, kind};

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const FIXED32: u32 = 5;

pub(super) fn encode(cid: u32, message: Message<'_>, out: &mut Vec<u8>) {
    if cid != 0 {
        put_bytes(out, 1, cid.to_string().as_bytes());
    }
    let mut body = Vec::with_capacity(256);
    let b = &mut body;
    let number = match message {
        Message::Ping => 32,
        Message::Rpc { id, payload } => {
            put_bytes(b, 1, id.as_bytes());
            put_bytes(b, 2, payload.as_bytes());
            24
        }
        Message::StatusUpdate { status } => {
            let mut wrapped = Vec::with_capacity(status.len() + 4);
            put_bytes(&mut wrapped, 1, status.as_bytes());
            put_bytes(b, 1, &wrapped);
            29
        }
        Message::StatusFollow { user } => {
            put_bytes(b, 1, user.as_bytes());
            26
        }
        Message::ChannelJoin { room, persistence } => {
            put_bytes(b, 1, room.as_bytes());
            put_varint(b, 2, 1);
            // A wrapped bool: present either way, and empty for false.
            put_bytes(b, 3, if persistence { &[8, 1] } else { &[] });
            put_bytes(b, 4, &[]);
            3
        }
        Message::ChannelSend { channel, content } => {
            put_bytes(b, 1, channel.as_bytes());
            put_bytes(b, 2, content.as_bytes());
            7
        }
        Message::MatchCreate => 13,
        Message::MatchJoin { id } => {
            put_bytes(b, 1, id.as_bytes());
            16
        }
        Message::MatchData { id, data } => {
            put_bytes(b, 1, id.as_bytes());
            put_varint(b, 2, 1);
            put_bytes(b, 3, data);
            15
        }
        Message::PartyCreate { max_size } => {
            put_varint(b, 1, 1);
            put_varint(b, 2, u64::from(max_size));
            35
        }
        Message::PartyJoin { id } => {
            put_bytes(b, 1, id.as_bytes());
            36
        }
        Message::PartyData { id, data } => {
            put_bytes(b, 1, id.as_bytes());
            put_varint(b, 2, 1);
            put_bytes(b, 3, data);
            49
        }
    };
    put_bytes(out, number, &body);
}

fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn put_varint(out: &mut Vec<u8>, field: u32, value: u64) {
    put_number(out, u64::from(field << 3 | VARINT));
    put_number(out, value);
}

fn put_bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    put_number(out, u64::from(field << 3 | LENGTH));
    put_number(out, value.len() as u64);
    out.extend_from_slice(value);
}

pub(super) fn envelope(frame: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (mut cid, mut number, mut body) = (0, 0, &frame[..0]);
    let mut rest = frame;
    while !rest.is_empty() {
        let (field, value) = next(&mut rest)?;
        if field == 1 {
            cid = std::str::from_utf8(value).ok().and_then(|d| d.parse().ok()).unwrap_or(0);
        } else if kind::ALL.iter().any(|known| known.1 == field) {
            (number, body) = (field, value);
        }
    }
    Some((cid, number, body))
}

pub(super) fn dig<'a>(body: &'a [u8], path: &[Field]) -> Option<&'a [u8]> {
    let mut at = body;
    for &(_, number) in path {
        let mut rest = at;
        at = loop {
            if rest.is_empty() {
                return None;
            }
            let (field, value) = next(&mut rest)?;
            if field == number {
                break value;
            }
        };
    }
    Some(at)
}

/// Takes the next field off `rest`; numbers come as empty values, as nobody asks for them.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u32, &'a [u8])> {
    let tag = u32::try_from(take_number(rest)?).ok()?;
    let value = match tag & 7 {
        VARINT => {
            take_number(rest)?;
            &[]
        }
        FIXED64 => take(rest, 8)?,
        FIXED32 => take(rest, 4)?,
        LENGTH => {
            let length = usize::try_from(take_number(rest)?).ok()?;
            take(rest, length)?
        }
        _ => return None,
    };
    Some((tag >> 3, value))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes_of_a_ping() {
        let mut out = Vec::new();
        encode(7, Message::Ping, &mut out);
        // Field 1 "7", field 32 empty: tag 32 << 3 | 2 = 258.
        assert_eq!(out, [0x0a, 1, b'7', 0x82, 0x02, 0]);
    }

    #[test]
    fn known_bytes_of_a_wrapped_status() {
        let mut out = Vec::new();
        encode(0, Message::StatusUpdate { status: "hi" }, &mut out);
        assert_eq!(out, [0xea, 0x01, 6, 0x0a, 4, 0x0a, 2, b'h', b'i']);
    }

    #[test]
    fn a_status_event_is_read_at_its_joins() {
        let presence = |status: &str| {
            let (mut wrapped, mut p) = (Vec::new(), Vec::new());
            put_bytes(&mut wrapped, 1, status.as_bytes());
            put_bytes(&mut p, 1, b"user");
            put_varint(&mut p, 4, 1);
            put_bytes(&mut p, 5, &wrapped);
            p
        };
        let (mut event, mut frame) = (Vec::new(), Vec::new());
        put_bytes(&mut event, 3, &presence("old"));
        put_bytes(&mut event, 2, &presence("new"));
        put_bytes(&mut frame, 27, &event);
        let (cid, number, body) = envelope(&frame).unwrap();
        assert_eq!((cid, number), (0, 27));
        assert_eq!(dig(body, &[("joins", 2), ("status", 5)]), Some(&b"\x0a\x03new"[..]));
    }

    #[test]
    fn truncated_fields_are_refused() {
        let mut out = Vec::new();
        encode(7, Message::Rpc { id: "f", payload: "p" }, &mut out);
        for end in 1..out.len() {
            let cut = &out[..end];
            // Only at the boundary between cid and member is a shorter frame a whole one.
            assert_eq!(envelope(cut).is_some(), end == 3, "{end}");
        }
        assert!(envelope(&[0xff; 11]).is_none());
    }

    #[test]
    fn numbers_of_any_length() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, value);
            let mut rest = &out[..];
            assert_eq!(take_number(&mut rest), Some(value));
            assert!(rest.is_empty());
        }
    }
}
