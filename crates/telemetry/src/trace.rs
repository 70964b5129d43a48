//! W3C trace context: whose request this is part of, across processes.
//!
//! `traceparent` is taken strictly, as the recommendation asks; what is malformed is treated as
//! absent by callers. `tracestate` is opaque to us: kept within bounds and handed on.

use std::fmt;

/// Sixteen bytes that name a trace; never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// Eight bytes that name a span; never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl TraceId {
    /// The id of these bits, unless they are all zero.
    #[must_use]
    pub const fn new(bits: u128) -> Option<Self> {
        if bits == 0 { None } else { Some(Self(bits)) }
    }

    /// The bits, most significant first in text.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl SpanId {
    /// The id of these bits, unless they are all zero.
    #[must_use]
    pub const fn new(bits: u64) -> Option<Self> {
        if bits == 0 { None } else { Some(Self(bits)) }
    }

    /// The bits, most significant first in text.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a `traceparent` was not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed traceparent")]
pub struct TraceParseError;

/// Longest `traceparent` looked at; later versions may append to the 55 characters of this one.
const LONGEST_PARENT: usize = 256;

/// Where in a trace a request stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span that made the request.
    pub span_id: SpanId,
    /// Whether the caller records its spans, and so asks us to.
    pub sampled: bool,
    /// What tracing systems on the way added.
    pub state: TraceState,
}

impl TraceContext {
    /// Reads the value of a `traceparent` header.
    ///
    /// # Errors
    /// When it is not of the form `00-<32 hex>-<16 hex>-<2 hex>` in lower case, an id is all zero,
    /// or the version is the forbidden `ff`. Later versions may be longer.
    pub fn parse(traceparent: &str) -> Result<Self, TraceParseError> {
        let bytes = traceparent.as_bytes();
        let later = match bytes.len() {
            55 => false,
            56..=LONGEST_PARENT => true,
            _ => return Err(TraceParseError),
        };
        let dashes = bytes[2] == b'-' && bytes[35] == b'-' && bytes[52] == b'-';
        let version = hex(&bytes[..2])?;
        if !dashes || version == 0xff || (later && (version == 0 || bytes[55] != b'-')) {
            return Err(TraceParseError);
        }
        let trace_id = TraceId::new(hex(&bytes[3..35])?).ok_or(TraceParseError)?;
        let span = u64::try_from(hex(&bytes[36..52])?).map_err(|_| TraceParseError)?;
        let span_id = SpanId::new(span).ok_or(TraceParseError)?;
        let sampled = hex(&bytes[53..55])? & 1 == 1;
        Ok(Self { trace_id, span_id, sampled, state: TraceState::default() })
    }

    /// Reads both headers. A malformed `traceparent` means there is no context, a malformed
    /// `tracestate` only that there is no state; neither is a reason to refuse a request.
    #[must_use]
    pub fn from_headers<'a>(
        traceparent: Option<&str>,
        tracestate: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let mut context = Self::parse(traceparent?).ok()?;
        context.state = TraceState::parse(tracestate).unwrap_or_default();
        Some(context)
    }

    /// The value of a `traceparent` header.
    #[must_use]
    pub fn to_traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }

    /// The same place in the trace, but for another span.
    #[must_use]
    pub fn with_span(&self, span_id: SpanId) -> Self {
        Self { span_id, ..self.clone() }
    }
}

/// Lower-case hexadecimal digits as a number; at most 32 of them.
fn hex(digits: &[u8]) -> Result<u128, TraceParseError> {
    let mut value = 0;
    for digit in digits {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(TraceParseError),
        };
        value = value << 4 | u128::from(nibble);
    }
    Ok(value)
}

/// The value of `tracestate`: at most 32 entries and 512 characters, in their order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TraceState(String);

impl TraceState {
    /// Most entries.
    pub const MOST_ENTRIES: usize = 32;
    /// Most characters in all.
    pub const MOST_CHARS: usize = 512;

    /// Reads one header or several, which count as one joined by commas. `None` when an entry is
    /// malformed, a key comes twice, or there is more than the bounds allow.
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut keys: Vec<&str> = Vec::new();
        let mut out = String::new();
        for entry in headers.into_iter().flat_map(|header| header.split(',')) {
            let entry = entry.trim_matches([' ', '\t']);
            if entry.is_empty() {
                continue;
            }
            let (key, value) = entry.split_once('=')?;
            if !is_key(key) || !is_value(value) || keys.contains(&key) {
                return None;
            }
            keys.push(key);
            if !out.is_empty() {
                out.push(',');
            }
            out.push_str(entry);
            if keys.len() > Self::MOST_ENTRIES || out.len() > Self::MOST_CHARS {
                return None;
            }
        }
        Some(Self(out))
    }

    /// The header's value; empty when there is nothing to send.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `vendor`, or `tenant@vendor`.
fn is_key(key: &str) -> bool {
    let fits = |part: &str, most: usize, digit_first: bool| {
        part.len() <= most
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/".contains(&b))
            && part
                .bytes()
                .next()
                .is_some_and(|b| b.is_ascii_lowercase() || (digit_first && b.is_ascii_digit()))
    };
    match key.split_once('@') {
        Some((tenant, vendor)) => fits(tenant, 241, true) && fits(vendor, 14, false),
        None => fits(key, 256, false),
    }
}

fn is_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 256
        && value.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_good_parent_is_read_and_written_back() {
        let context = TraceContext::parse(GOOD).unwrap();
        assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id.to_string(), "00f067aa0ba902b7");
        assert!(context.sampled);
        assert_eq!(context.to_traceparent(), GOOD);
        let other = context.with_span(SpanId::new(1).unwrap());
        assert!(other.to_traceparent().ends_with("-0000000000000001-01"));
    }

    #[test]
    fn malformed_parents_are_refused() {
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        ] {
            assert_eq!(TraceContext::parse(bad), Err(TraceParseError), "{bad}");
        }
    }

    #[test]
    fn a_later_version_may_be_longer() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-ever";
        let context = TraceContext::parse(later).unwrap();
        assert_eq!(context.to_traceparent(), GOOD);
    }

    #[test]
    fn a_bad_state_does_not_cost_the_parent() {
        let read = |states: &[&str]| {
            TraceContext::from_headers(Some(GOOD), states.iter().copied()).unwrap().state
        };
        assert_eq!(read(&["a=1, t@v=2 ", "", "c=x y"]).as_str(), "a=1,t@v=2,c=x y");
        for bad in [&["a"][..], &["A=1"], &["a=1", "a=2"], &["a=\u{e9}"], &["1a=1"]] {
            assert!(read(bad).is_empty(), "{bad:?}");
        }
        let many: Vec<String> = (0..33).map(|n| format!("k{n}=v")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(!read(&many[..32]).is_empty());
        assert!(read(&many).is_empty());
        assert!(TraceContext::from_headers(Some("junk"), ["a=1"]).is_none());
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(parent in "\\PC{0,80}", state in "\\PC{0,600}") {
            drop(TraceContext::from_headers(Some(&parent), [state.as_str()]));
        }

        #[test]
        fn what_is_written_can_be_read(trace in 1u128.., span in 1u64.., sampled: bool) {
            let context = TraceContext {
                trace_id: TraceId::new(trace).unwrap(),
                span_id: SpanId::new(span).unwrap(),
                sampled,
                state: TraceState::default(),
            };
            prop_assert_eq!(TraceContext::parse(&context.to_traceparent()), Ok(context));
        }
    }
}
