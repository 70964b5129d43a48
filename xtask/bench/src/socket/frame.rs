//! WebSocket framing, the client's side (RFC 6455).

use anyhow::{Result, ensure};

pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// Largest frame that is accepted.
const LARGEST: u64 = 16 << 20;
/// A client has to mask; it need not be secret on loopback, but the server shall have the work.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x96, 0x3c];

/// Appends one whole, masked frame.
pub(super) fn put(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match payload.len() {
        short @ 0..=125 => out.push(0x80 | short.to_le_bytes()[0]),
        length => {
            if let Ok(length) = u16::try_from(length) {
                out.push(0x80 | 126);
                out.extend_from_slice(&length.to_be_bytes());
            } else {
                out.push(0x80 | 127);
                out.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// A frame at the front of some input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) last: bool,
    pub(super) opcode: u8,
    pub(super) payload: &'a [u8],
    /// Bytes of header and payload.
    pub(super) length: usize,
}

/// Reads the frame at the front of `input`; `None` while it is incomplete.
pub(super) fn read(input: &[u8]) -> Result<Option<Frame<'_>>> {
    let &[first, second, ..] = input else { return Ok(None) };
    ensure!(first & 0x70 == 0, "a frame uses an extension nobody asked for");
    ensure!(second & 0x80 == 0, "a frame from the server is masked");
    let (header, length) = match second & 0x7f {
        126 => match input.get(2..4) {
            Some(&[a, b]) => (4, u64::from(u16::from_be_bytes([a, b]))),
            _ => return Ok(None),
        },
        127 => match input.get(2..10).and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => (10, u64::from_be_bytes(bytes)),
            None => return Ok(None),
        },
        short => (2, u64::from(short)),
    };
    ensure!(length <= LARGEST, "a frame of {length} bytes is too long");
    let end = header + usize::try_from(length)?;
    Ok(input.get(header..end).map(|payload| Frame {
        last: first & 0x80 != 0,
        opcode: first & 0x0f,
        payload,
        length: end,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server would send: the same without a mask.
    fn unmasked(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut masked = Vec::new();
        put(&mut masked, opcode, payload);
        let header = masked.len() - payload.len() - 4;
        let mut out = masked[..header].to_vec();
        out[1] &= 0x7f;
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn frames_of_every_length_class() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            let payload = vec![7_u8; length];
            let mut wire = unmasked(BINARY, &payload);
            let whole = wire.len();
            assert_eq!(read(&wire[..whole - 1]).unwrap(), None, "{length}");
            wire.extend_from_slice(b"next");
            let frame = read(&wire).unwrap().unwrap();
            assert!(frame.last);
            assert_eq!((frame.opcode, frame.length), (BINARY, whole));
            assert_eq!(frame.payload, payload);
        }
    }

    #[test]
    fn the_mask_is_applied() {
        let mut out = Vec::new();
        put(&mut out, TEXT, b"hello");
        assert_eq!(out[..2], [0x81, 0x85]);
        let plain: Vec<u8> =
            out[6..].iter().zip(out[2..6].iter().cycle()).map(|(a, b)| a ^ b).collect();
        assert_eq!(plain, b"hello");
    }

    #[test]
    fn what_a_server_must_not_send_is_an_error() {
        let mut masked = Vec::new();
        put(&mut masked, TEXT, b"x");
        assert!(read(&masked).is_err());
        assert!(read(&[0xc1, 0]).is_err(), "reserved bit");
        assert!(read(&[0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0]).is_err(), "absurd length");
        assert_eq!(read(&[0x81]).unwrap(), None);
    }
}
