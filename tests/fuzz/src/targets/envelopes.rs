//! Realtime envelopes, in both formats.

use bytes::Bytes;
use tavern_protocol::realtime::Envelope;
use tavern_protocol::{Format, Outgoing, decode_envelope, encode_envelope};

/// What was read can be sent on, in both formats, and says the same there.
fn comes_back(envelope: Envelope, format: Format) {
    let again = decode_envelope(encode_envelope(&envelope, format), format);
    let again = again.expect("what we write, we can read");
    let (id, dropped) = (envelope.rt_id(), Outgoing::new(envelope.clone()).may_drop());
    assert_eq!(again.rt_id(), id);
    let (one, two) = (Outgoing::new(envelope), Outgoing::new(again));
    assert_eq!(one.json(), two.json());
    assert_eq!(two.may_drop(), dropped);
    assert!(std::str::from_utf8(one.json()).is_ok(), "JSON is text");
}

/// A text frame.
pub fn envelope_json(data: &[u8]) {
    if let Ok(envelope) = decode_envelope(Bytes::copy_from_slice(data), Format::Json) {
        comes_back(envelope, Format::Json);
    }
}

/// A binary frame.
pub fn envelope_binary(data: &[u8]) {
    if let Ok(envelope) = decode_envelope(Bytes::copy_from_slice(data), Format::Binary) {
        comes_back(envelope, Format::Binary);
    }
}
