//! Envelopes as bytes.

use std::sync::OnceLock;

use bytes::Bytes;
use prost::Message as _;
use tavern_domain::{Classify, ErrorCode};

use crate::json::{JsonError, Unknown};
use crate::realtime::{Envelope, envelope};
use crate::wire::Wire;

/// The two forms in which envelopes travel. A socket speaks one of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Format {
    /// JSON in text frames.
    #[default]
    Json,
    /// Protobuf in binary frames.
    Binary,
}

impl Format {
    /// The format that the `format` parameter of a socket asks for; `None` for an unknown one.
    #[must_use]
    pub fn from_param(value: &str) -> Option<Self> {
        match value {
            "" | "json" => Some(Self::Json),
            "protobuf" => Some(Self::Binary),
            _ => None,
        }
    }
}

/// Why an envelope could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeEnvelopeError {
    /// A text frame.
    #[error("not an envelope in JSON")]
    Json(#[source] JsonError),
    /// A binary frame.
    #[error("not an envelope in protobuf")]
    Binary(#[source] prost::DecodeError),
}

impl Classify for DecodeEnvelopeError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// Encodes an envelope. JSON is valid UTF-8.
#[must_use]
pub fn encode_envelope(envelope: &Envelope, format: Format) -> Bytes {
    match format {
        Format::Json => envelope.to_json().into(),
        Format::Binary => envelope.encode_to_vec().into(),
    }
}

/// Decodes an envelope as a client sends it: unknown fields in JSON are errors, in protobuf they
/// are not looked at. Match data in protobuf is not copied but shares `bytes`.
///
/// # Errors
/// Bytes that are no envelope in this format.
pub fn decode_envelope(bytes: Bytes, format: Format) -> Result<Envelope, DecodeEnvelopeError> {
    match format {
        Format::Json => {
            Envelope::read_json(&bytes, Unknown::Reject).map_err(DecodeEnvelopeError::Json)
        }
        Format::Binary => Envelope::decode(bytes).map_err(DecodeEnvelopeError::Binary),
    }
}

/// An envelope on its way out: encoded when the first session needs a format, and at most once
/// per format however many sessions get it. Shared as `Arc<Outgoing>`.
#[derive(Debug)]
pub struct Outgoing {
    envelope: Envelope,
    json: OnceLock<Bytes>,
    binary: OnceLock<Bytes>,
}

impl Outgoing {
    /// Takes an envelope; encodes nothing yet.
    #[must_use]
    pub const fn new(envelope: Envelope) -> Self {
        Self { envelope, json: OnceLock::new(), binary: OnceLock::new() }
    }

    /// The envelope.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// In JSON, valid UTF-8. A clone shares the bytes.
    pub fn json(&self) -> &Bytes {
        self.json.get_or_init(|| encode_envelope(&self.envelope, Format::Json))
    }

    /// In protobuf. A clone shares the bytes.
    pub fn binary(&self) -> &Bytes {
        self.binary.get_or_init(|| encode_envelope(&self.envelope, Format::Binary))
    }

    /// In one of the two formats.
    pub fn encoded(&self, format: Format) -> &Bytes {
        match format {
            Format::Json => self.json(),
            Format::Binary => self.binary(),
        }
    }

    /// Whether its sender allows that it is dropped when a session cannot keep up: match and
    /// stream data that were not sent as reliable.
    #[must_use]
    pub const fn may_drop(&self) -> bool {
        match &self.envelope.message {
            Some(envelope::Message::MatchData(data)) => !data.reliable,
            Some(envelope::Message::StreamData(data)) => !data.reliable,
            // Whatever has no such mark must arrive.
            _ => false,
        }
    }
}

impl From<Envelope> for Outgoing {
    fn from(envelope: Envelope) -> Self {
        Self::new(envelope)
    }
}
