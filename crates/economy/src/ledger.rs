//! Pages of the ledger and the cursors between them.

use tavern_domain::{CursorScope, InvalidCursor, Timestamp, UserId};
use tavern_storage::{LedgerEntry, LedgerPage};
use uuid::Uuid;

use crate::EconomyError;

/// Entries on a page when the caller does not say.
pub const DEFAULT_LEDGER_LIMIT: u32 = 100;
/// Most entries on a page.
pub const MAX_LEDGER_LIMIT: u32 = 100;

/// Which part of a ledger is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LedgerQuery<'a> {
    /// Entries on a page, 1 to [`MAX_LEDGER_LIMIT`]; `None` is [`DEFAULT_LEDGER_LIMIT`].
    pub limit: Option<i32>,
    /// Where to go on; `None` or empty begins at the newest entry.
    pub cursor: Option<&'a str>,
}

/// A part of a ledger.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    /// The entries, newest first.
    pub entries: Vec<LedgerEntry>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

type Key = (Timestamp, Uuid);
const KEY: usize = 8 + 16;

/// A query that was understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Walk {
    user: UserId,
    pub(crate) limit: u32,
    pub(crate) after: Option<Key>,
}

impl Walk {
    pub(crate) fn new(user: UserId, query: LedgerQuery<'_>) -> Result<Self, EconomyError> {
        let limit = match query.limit.map(u32::try_from) {
            None => DEFAULT_LEDGER_LIMIT,
            Some(Ok(limit)) if (1..=MAX_LEDGER_LIMIT).contains(&limit) => limit,
            Some(_) => return Err(EconomyError::Limit),
        };
        let after = match query.cursor {
            None | Some("") => None,
            Some(text) => Some(decode(user, text).map_err(EconomyError::Cursor)?),
        };
        Ok(Self { user, limit, after })
    }

    pub(crate) fn page(&self, page: LedgerPage) -> Ledger {
        let last = page.entries.last().filter(|_| page.more);
        let cursor = last.map(|entry| encode(self.user, (entry.create_time, entry.id)));
        Ledger { entries: page.entries, cursor }
    }
}

fn scope(user: &UserId) -> CursorScope<'_> {
    CursorScope { list: "wallet ledger 1", about: user.0.as_bytes() }
}

fn encode(user: UserId, (time, id): Key) -> String {
    let mut bytes = [0; KEY];
    bytes[..8].copy_from_slice(&time.micros().to_be_bytes());
    bytes[8..].copy_from_slice(id.as_bytes());
    scope(&user).encode(&bytes)
}

fn decode(user: UserId, text: &str) -> Result<Key, InvalidCursor> {
    let bytes: [u8; KEY] = scope(&user).decode(text)?.try_into().map_err(|_| InvalidCursor)?;
    let (mut micros, mut id) = ([0; 8], [0; 16]);
    micros.copy_from_slice(&bytes[..8]);
    id.copy_from_slice(&bytes[8..]);
    let micros = i64::from_be_bytes(micros);
    let time = Timestamp::from_micros(micros);
    // Times before the epoch or beyond the range belong to no entry.
    if micros < 0 || time.micros() != micros {
        return Err(InvalidCursor);
    }
    Ok((time, Uuid::from_bytes(id)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::{Classify as _, ErrorCode};

    use super::*;

    const USER: UserId = UserId(Uuid::from_u128(7));

    #[test]
    fn limits_are_1_to_100() {
        let walk = |limit| Walk::new(USER, LedgerQuery { limit, cursor: None });
        assert_eq!(walk(None).unwrap().limit, 100, "the default");
        assert_eq!(walk(Some(1)).unwrap().limit, 1);
        assert_eq!(walk(Some(100)).unwrap().limit, 100);
        for bad in [0, -1, 101, i32::MIN] {
            let refused = walk(Some(bad)).unwrap_err();
            assert!(matches!(refused, EconomyError::Limit), "{bad}");
            assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn keys_that_no_entry_has_are_refused() {
        let encoded =
            |micros: i64| scope(&USER).encode(&[&micros.to_be_bytes()[..], &[0; 16]].concat());
        assert!(decode(USER, &encoded(5)).is_ok());
        for bad in [-1, i64::MIN, i64::MAX] {
            assert_eq!(decode(USER, &encoded(bad)), Err(InvalidCursor), "{bad}");
        }
        assert_eq!(decode(USER, &scope(&USER).encode(&[0; KEY - 1])), Err(InvalidCursor));
        assert_eq!(decode(USER, &scope(&USER).encode(&[0; KEY + 1])), Err(InvalidCursor));
    }

    proptest! {
        #[test]
        fn keys_round_trip(micros in 0..i64::MAX / 1_000, id in any::<u128>(), other in any::<u128>()) {
            let key = (Timestamp::from_micros(micros), Uuid::from_u128(id));
            let text = encode(USER, key);
            prop_assert_eq!(decode(USER, &text), Ok(key));
            prop_assume!(other != 7);
            prop_assert_eq!(decode(UserId(Uuid::from_u128(other)), &text), Err(InvalidCursor));
        }

        #[test]
        fn decoding_never_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(decode(USER, &text).is_err());
            // Also with a tag that fits: whatever is accepted is a key.
            let text = scope(&USER).encode(&bytes);
            if let Ok(key) = decode(USER, &text) {
                prop_assert_eq!(encode(USER, key), text);
            }
        }
    }
}
