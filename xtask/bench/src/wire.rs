//! The realtime protocol as far as the generator speaks it, in both formats.
//!
//! Written by hand, for speed (a delivery is looked at, not decoded) and so that a mistake in the
//! server's own tables is not mirrored here.

mod json;
mod proto;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How envelopes travel on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// Text frames.
    Json,
    /// Binary frames.
    Protobuf,
}

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Json, Self::Protobuf];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Protobuf => "protobuf",
        }
    }
}

/// A field of a message: its name in JSON and its number in protobuf.
pub(crate) type Field = (&'static str, u32);

/// The members of the envelope that the generator receives and looks at.
pub(crate) mod kind {
    use super::Field;

    pub(crate) const CHANNEL: Field = ("channel", 2);
    pub(crate) const CHANNEL_MESSAGE: Field = ("channel_message", 5);
    pub(crate) const ERROR: Field = ("error", 11);
    pub(crate) const MATCH: Field = ("match", 12);
    pub(crate) const MATCH_DATA: Field = ("match_data", 14);
    pub(crate) const STATUS_PRESENCE: Field = ("status_presence_event", 27);
    pub(crate) const PONG: Field = ("pong", 33);
    pub(crate) const RPC: Field = ("rpc", 24);
    pub(crate) const PARTY: Field = ("party", 34);
    pub(crate) const PARTY_DATA: Field = ("party_data", 48);

    pub(super) const ALL: [Field; 10] = [
        CHANNEL,
        CHANNEL_MESSAGE,
        ERROR,
        MATCH,
        MATCH_DATA,
        STATUS_PRESENCE,
        PONG,
        RPC,
        PARTY,
        PARTY_DATA,
    ];
}

/// What the generator sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Message<'a> {
    Ping,
    Rpc { id: &'a str, payload: &'a str },
    StatusUpdate { status: &'a str },
    StatusFollow { user: &'a str },
    ChannelJoin { room: &'a str, persistence: bool },
    ChannelSend { channel: &'a str, content: &'a str },
    MatchCreate,
    MatchJoin { id: &'a str },
    MatchData { id: &'a str, data: &'a [u8] },
    PartyCreate { max_size: u32 },
    PartyJoin { id: &'a str },
    PartyData { id: &'a str, data: &'a [u8] },
}

/// Appends the envelope of `message` to `out`; `cid` 0 stands for none.
pub(crate) fn encode(format: Format, cid: u32, message: Message<'_>, out: &mut Vec<u8>) {
    match format {
        Format::Json => json::encode(cid, message, out),
        Format::Protobuf => proto::encode(cid, message, out),
    }
}

/// A received envelope, not decoded further than needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) format: Format,
    /// The answered request, 0 if none.
    pub(crate) cid: u32,
    /// Its member's number, 0 for a bare acknowledgement or one that is not looked at.
    pub(crate) kind: u32,
    body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// Reads an envelope; `None` if it is not one.
    pub(crate) fn read(format: Format, frame: &'a [u8]) -> Option<Self> {
        let (cid, kind, body) = match format {
            Format::Json => json::envelope(frame)?,
            Format::Protobuf => proto::envelope(frame)?,
        };
        Some(Self { format, cid, kind, body })
    }

    pub(crate) fn is(&self, kind: Field) -> bool {
        self.kind == kind.1
    }

    /// The raw value at `path` within the member; of a list, its first element.
    fn dig(&self, path: &[Field]) -> Option<&'a [u8]> {
        match self.format {
            Format::Json => json::dig(self.body, path),
            Format::Protobuf => proto::dig(self.body, path),
        }
    }

    /// The text at `path`, which must hold nothing that JSON escapes (ids do not).
    pub(crate) fn text(&self, path: &[Field]) -> Option<&'a str> {
        let raw = self.dig(path)?;
        let raw = match self.format {
            Format::Json => raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?,
            Format::Protobuf => raw,
        };
        std::str::from_utf8(raw).ok().filter(|text| !text.contains('\\'))
    }

    /// The stamp in the text at `path`.
    pub(crate) fn text_stamp(&self, path: &[Field]) -> Option<u64> {
        find_stamp(self.dig(path)?)
    }

    /// The stamp in the bytes at `path`.
    pub(crate) fn bytes_stamp(&self, path: &[Field]) -> Option<u64> {
        let raw = self.dig(path)?;
        match self.format {
            Format::Protobuf => find_stamp(raw),
            Format::Json => {
                // The stamp is what the bytes begin with: 24 characters of base64 hold it.
                let head = raw.strip_prefix(b"\"")?.get(..24)?;
                let mut plain = [0_u8; 18];
                STANDARD.decode_slice(head, &mut plain).ok()?;
                find_stamp(&plain)
            }
        }
    }
}

/// Length of a stamp in bytes.
pub(crate) const STAMP: usize = 18;

/// A mark that a payload carries through the server, to find out how long that took.
pub(crate) fn stamp(value: u64) -> String {
    format!("@t{value:016x}")
}

fn find_stamp(text: &[u8]) -> Option<u64> {
    let at = text.windows(2).position(|pair| pair == b"@t")?;
    let digits = text.get(at + 2..at + STAMP)?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_found_where_payloads_carry_them() {
        let text = stamp(0xabc);
        assert_eq!(text.len(), STAMP);
        let data = STANDARD.encode(format!("{text} and padding"));
        let frame = format!(r#"{{"match_data":{{"match_id":"m.n","data":"{data}"}}}}"#);
        let read = Incoming::read(Format::Json, frame.as_bytes()).unwrap();
        assert!(read.is(kind::MATCH_DATA));
        assert_eq!(read.bytes_stamp(&[("data", 4)]), Some(0xabc));

        let frame = format!(r#"{{"channel_message":{{"content":"{{\"t\":\"{text}\"}}"}}}}"#);
        let read = Incoming::read(Format::Json, frame.as_bytes()).unwrap();
        assert_eq!(read.text_stamp(&[("content", 6)]), Some(0xabc));
    }

    #[test]
    fn a_payload_without_a_stamp_has_none() {
        for frame in [
            r#"{"match_data":{"data":"QUJD"}}"#,
            r#"{"match_data":{}}"#,
            r#"{"match_data":{"data":"QHRaWlpaWlpaWlpaWlpaWlpa"}}"#,
        ] {
            let read = Incoming::read(Format::Json, frame.as_bytes()).unwrap();
            assert_eq!(read.bytes_stamp(&[("data", 4)]), None, "{frame}");
        }
    }

    #[test]
    fn both_formats_carry_every_message() {
        let all = [
            Message::Ping,
            Message::Rpc { id: "f", payload: "p" },
            Message::StatusUpdate { status: "s" },
            Message::StatusFollow { user: "u" },
            Message::ChannelJoin { room: "r", persistence: false },
            Message::ChannelSend { channel: "c", content: "{\"a\":1}" },
            Message::MatchCreate,
            Message::MatchJoin { id: "m" },
            Message::MatchData { id: "m", data: b"d" },
            Message::PartyCreate { max_size: 4 },
            Message::PartyJoin { id: "p" },
            Message::PartyData { id: "p", data: b"d" },
        ];
        for message in all {
            for format in Format::ALL {
                let mut frame = Vec::new();
                encode(format, 77, message, &mut frame);
                let read = Incoming::read(format, &frame).unwrap();
                assert_eq!(read.cid, 77, "{message:?} as {}", format.name());
            }
            let mut frame = Vec::new();
            encode(Format::Json, 77, message, &mut frame);
            serde_json::from_slice::<serde_json::Value>(&frame).unwrap();
        }
    }
}
