//! Writing.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::wire::Wire;
use crate::wkt::Timestamp;

/// An object being written.
///
/// Keys come with their quotes and colon. Every field is followed by a comma, and the last comma
/// becomes the closing brace: this needs no look at what came before.
pub struct Object<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Object<'o> {
    pub(crate) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out }
    }

    pub(crate) fn close(self) {
        close(self.out, b'{', b'}');
    }

    fn key(&mut self, key: &str) {
        self.out.extend_from_slice(key.as_bytes());
    }

    fn comma(&mut self) {
        self.out.push(b',');
    }

    // === plain fields: left out when zero ===

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.some_text(key, Some(value));
        }
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        if value {
            self.some_bool(key, Some(true));
        }
    }

    pub(crate) fn int32(&mut self, key: &str, value: i32) {
        if value != 0 {
            self.some_int32(key, Some(value));
        }
    }

    pub(crate) fn uint32(&mut self, key: &str, value: u32) {
        if value != 0 {
            self.some_uint32(key, Some(value));
        }
    }

    pub(crate) fn int64(&mut self, key: &str, value: i64) {
        if value != 0 {
            self.some_int64(key, Some(value));
        }
    }

    pub(crate) fn bytes(&mut self, key: &str, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        self.key(key);
        self.out.push(b'"');
        base64(self.out, value);
        self.out.push(b'"');
        self.comma();
    }

    // === fields with presence: left out when unset ===

    pub(crate) fn some_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            text(self.out, value);
            self.comma();
        }
    }

    pub(crate) fn some_bool(&mut self, key: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.key(key);
            self.out.extend_from_slice(if value { b"true," } else { b"false," });
        }
    }

    pub(crate) fn some_int32(&mut self, key: &str, value: Option<i32>) {
        if let Some(value) = value {
            self.key(key);
            integer(self.out, value);
            self.comma();
        }
    }

    pub(crate) fn some_uint32(&mut self, key: &str, value: Option<u32>) {
        if let Some(value) = value {
            self.key(key);
            integer(self.out, value);
            self.comma();
        }
    }

    /// As text: JavaScript's numbers cannot hold 64 bits.
    pub(crate) fn some_int64(&mut self, key: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.key(key);
            self.out.push(b'"');
            integer(self.out, value);
            self.out.extend_from_slice(b"\",");
        }
    }

    pub(crate) fn some_time(&mut self, key: &str, value: Option<Timestamp>) {
        if let Some(value) = value {
            self.key(key);
            self.out.push(b'"');
            value.write(self.out);
            self.out.extend_from_slice(b"\",");
        }
    }

    pub(crate) fn some_message<M: Wire>(&mut self, key: &str, value: Option<&M>) {
        if let Some(value) = value {
            self.key(key);
            value.write_json(self.out);
            self.comma();
        }
    }

    // === lists and maps: left out when empty ===

    pub(crate) fn texts(&mut self, key: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        self.key(key);
        self.out.push(b'[');
        for value in values {
            text(self.out, value);
            self.comma();
        }
        close(self.out, b'[', b']');
        self.comma();
    }

    pub(crate) fn messages<M: Wire>(&mut self, key: &str, values: &[M]) {
        if values.is_empty() {
            return;
        }
        self.key(key);
        self.out.push(b'[');
        for value in values {
            value.write_json(self.out);
            self.comma();
        }
        close(self.out, b'[', b']');
        self.comma();
    }

    pub(crate) fn text_map(&mut self, key: &str, values: &BTreeMap<String, String>) {
        self.map(key, values, |out, v| text(out, v));
    }

    pub(crate) fn double_map(&mut self, key: &str, values: &BTreeMap<String, f64>) {
        self.map(key, values, |out, v| double(out, *v));
    }

    fn map<V>(
        &mut self,
        key: &str,
        values: &BTreeMap<String, V>,
        write: impl Fn(&mut Vec<u8>, &V),
    ) {
        if values.is_empty() {
            return;
        }
        self.key(key);
        self.out.push(b'{');
        for (name, value) in values {
            text(self.out, name);
            self.out.push(b':');
            write(self.out, value);
            self.comma();
        }
        close(self.out, b'{', b'}');
        self.comma();
    }
}

/// Turns the comma after the last item into the closing bracket.
fn close(out: &mut Vec<u8>, opening: u8, closing: u8) {
    match out.last_mut() {
        Some(last) if *last == b',' => *last = closing,
        last => {
            debug_assert_eq!(last, Some(&mut { opening }), "an item ends with a comma");
            out.push(closing);
        }
    }
}

fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest digits that read back as the same number; an exponent where JavaScript has one.
pub(super) fn double(out: &mut Vec<u8>, value: f64) {
    use std::io::Write as _;

    let size = value.abs();
    let written = if value.is_nan() {
        out.write_all(b"\"NaN\"")
    } else if value.is_infinite() {
        out.write_all(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" })
    } else if size == 0.0 || (1e-6..1e21).contains(&size) {
        write!(out, "{value}")
    } else if size < 1.0 {
        write!(out, "{value:e}")
    } else {
        let digits = format!("{value:e}");
        out.write_all(digits.replace('e', "e+").as_bytes())
    };
    written.expect("a vector takes every write");
}

/// Text in quotes. Only what must be escaped is.
pub(super) fn text(out: &mut Vec<u8>, value: &str) {
    out.reserve(value.len() + 2);
    out.push(b'"');
    let mut rest = value.as_bytes();
    while let Some(at) = rest.iter().position(|b| ESCAPED[usize::from(*b)]) {
        out.extend_from_slice(&rest[..at]);
        escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

const ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 0xf)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Standard alphabet, padded.
fn base64(out: &mut Vec<u8>, value: &[u8]) {
    let start = out.len();
    // Four characters for every three bytes begun.
    out.resize(start + value.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(value, &mut out[start..]).expect("the room was measured");
    debug_assert_eq!(start + written, out.len());
}
