//! Opaque texts that say where a list goes on.
//!
//! A cursor is what a client hands back to get the next page. It holds a position and a tag that
//! binds it to the list it came from, so that a cursor of one channel or player is refused
//! elsewhere. The tag is no signature: a cursor grants nothing. Whoever may read a list may read
//! it from any position, and a forged position is merely some other position.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Classify, ErrorCode};

/// Most bytes of a position.
const MAX_POSITION: usize = 1_024;
const TAG: usize = 8;

/// Why a text is no cursor of this list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the cursor is not one of this list")]
pub struct InvalidCursor;

impl Classify for InvalidCursor {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// The list that a cursor belongs to: its name and what it is filtered by.
#[derive(Clone, Copy)]
pub struct CursorScope<'a> {
    /// Which kind of list, for example `"messages"`. Change it when the layout of the position
    /// changes: older cursors are then refused instead of misread.
    pub list: &'static str,
    /// What the list is about, for example the channel's id.
    pub about: &'a [u8],
}

impl fmt::Debug for CursorScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CursorScope").field("list", &self.list).finish_non_exhaustive()
    }
}

impl CursorScope<'_> {
    /// Writes a position as URL-safe text.
    ///
    /// # Panics
    /// In debug builds when the position is longer than 1,024 bytes, which [`Self::decode`] would
    /// refuse.
    #[must_use]
    pub fn encode(&self, position: &[u8]) -> String {
        debug_assert!(position.len() <= MAX_POSITION, "positions are short");
        let mut bytes = Vec::with_capacity(position.len() + TAG);
        bytes.extend_from_slice(position);
        bytes.extend_from_slice(&self.tag(position));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a position back.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the text is not one that [`Self::encode`] wrote for the same scope.
    pub fn decode(&self, text: &str) -> Result<Vec<u8>, InvalidCursor> {
        // Four characters hold three bytes; look at the length before doing any work.
        if text.len() > (MAX_POSITION + TAG).div_ceil(3) * 4 {
            return Err(InvalidCursor);
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let split = bytes.len().checked_sub(TAG).ok_or(InvalidCursor)?;
        if bytes[split..] != self.tag(&bytes[..split]) {
            return Err(InvalidCursor);
        }
        bytes.truncate(split);
        Ok(bytes)
    }

    /// FNV-1a over everything, with lengths, so that no two scopes read the same.
    fn tag(&self, position: &[u8]) -> [u8; TAG] {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for part in [self.list.as_bytes(), self.about, position] {
            eat(&(part.len() as u64).to_be_bytes());
            eat(part);
        }
        hash.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCOPE: CursorScope<'static> = CursorScope { list: "test", about: b"channel" };

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let text = SCOPE.encode(b"here");
        assert_eq!(SCOPE.decode(&text), Ok(b"here".to_vec()));
        for scope in [
            CursorScope { list: "other", about: b"channel" },
            CursorScope { list: "test", about: b"channels" },
            CursorScope { list: "testc", about: b"hannel" },
        ] {
            assert_eq!(scope.decode(&text), Err(InvalidCursor), "{scope:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let good = SCOPE.encode(b"here");
        for bad in ["", "bad", "!", &good[1..], &format!("{good}="), &format!("{good}A")] {
            assert_eq!(SCOPE.decode(bad), Err(InvalidCursor), "{bad}");
        }
        assert_eq!(SCOPE.decode(&"A".repeat(1 << 20)), Err(InvalidCursor));
    }

    proptest! {
        #[test]
        fn positions_round_trip(position in prop::collection::vec(any::<u8>(), 0..=MAX_POSITION)) {
            let text = SCOPE.encode(&position);
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(SCOPE.decode(&text), Ok(position));
        }

        #[test]
        fn one_changed_character_is_noticed(
            position in prop::collection::vec(any::<u8>(), 1..40),
            at in any::<prop::sample::Index>(),
            to in "[A-Za-z0-9_-]",
        ) {
            let good = SCOPE.encode(&position);
            let at = at.index(good.len());
            let mut bad = good.clone();
            bad.replace_range(at..=at, &to);
            prop_assume!(bad != good);
            prop_assert_eq!(SCOPE.decode(&bad), Err(InvalidCursor));
        }

        #[test]
        fn decoding_never_panics(text in any::<String>()) {
            prop_assert_eq!(SCOPE.decode(&text), Err(InvalidCursor));
        }
    }
}
