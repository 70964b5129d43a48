//! Pages of what is kept, and the cursors between them.

use tavern_domain::{CursorScope, InvalidCursor, Timestamp, UserId};
use tavern_storage::{Direction, PurchaseKey, PurchasePage, PurchaseWalk};
use uuid::Uuid;

use crate::ShopError;

/// Entries on a page when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 100;
/// Most entries on a page.
pub const MAX_LIMIT: u32 = 100;

/// Which part of a list is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ListQuery<'a> {
    /// Whose; `None` for everybody's.
    pub user: Option<UserId>,
    /// Entries on a page, 1 to [`MAX_LIMIT`]; `None` is [`DEFAULT_LIMIT`].
    pub limit: Option<i64>,
    /// Where to go on; empty begins at the newest.
    pub cursor: &'a str,
}

/// A part of a list, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Where the next page, of older entries, begins; `None` on the last.
    pub cursor: Option<String>,
    /// Where the page before begins, whose entries are newer; `None` on the first.
    pub prev_cursor: Option<String>,
}

impl<T> Listed<T> {
    pub(crate) fn map<U>(self, change: impl FnMut(T) -> U) -> Listed<U> {
        let Self { entries, cursor, prev_cursor } = self;
        Listed { entries: entries.into_iter().map(change).collect(), cursor, prev_cursor }
    }
}

/// A query that was understood.
#[derive(Debug)]
pub(crate) struct Walk {
    list: &'static str,
    user: Option<UserId>,
    limit: u32,
    direction: Direction,
    after: Option<PurchaseKey>,
}

/// Direction, time and user.
const FIXED: usize = 1 + 8 + 16;
/// Most bytes of a transaction in a cursor.
const MAX_TRANSACTION: usize = 1_024 - FIXED;

/// How many bytes of a transaction a cursor holds.
fn whole_characters(transaction: &str) -> usize {
    let most = transaction.len().min(MAX_TRANSACTION);
    (0..=most).rev().find(|at| transaction.is_char_boundary(*at)).unwrap_or(0)
}

impl Walk {
    /// `list` is the name of the list, which its cursors are bound to.
    pub(crate) fn new(list: &'static str, query: ListQuery<'_>) -> Result<Self, ShopError> {
        let limit = match query.limit.map(u32::try_from) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
            Some(_) => return Err(ShopError::Limit),
        };
        let mut walk =
            Self { list, user: query.user, limit, direction: Direction::Backward, after: None };
        if !query.cursor.is_empty() {
            let (direction, after) = walk.decode(query.cursor).map_err(ShopError::Cursor)?;
            (walk.direction, walk.after) = (direction, Some(after));
        }
        Ok(walk)
    }

    pub(crate) fn request(&self) -> PurchaseWalk<'_> {
        PurchaseWalk {
            user: self.user,
            limit: self.limit,
            direction: self.direction,
            after: self.after.as_ref(),
        }
    }

    /// The page of what the store gave.
    pub(crate) fn page<T>(
        &self,
        page: PurchasePage<T>,
        key: impl Fn(&T) -> PurchaseKey,
    ) -> Listed<T> {
        let PurchasePage { mut entries, more } = page;
        let (older, newer) = match self.direction {
            Direction::Backward => (more, self.after.is_some()),
            Direction::Forward => {
                entries.reverse();
                (true, more)
            }
        };
        let cursor = entries.last().filter(|_| older);
        let cursor = cursor.map(|last| self.encode(Direction::Backward, &key(last)));
        let prev_cursor = entries.first().filter(|_| newer);
        let prev_cursor = prev_cursor.map(|first| self.encode(Direction::Forward, &key(first)));
        Listed { entries, cursor, prev_cursor }
    }

    fn about(&self) -> Uuid {
        self.user.map_or(Uuid::max(), |user| user.0)
    }

    fn encode(&self, direction: Direction, key: &PurchaseKey) -> String {
        let mut position = Vec::with_capacity(FIXED + key.transaction.len());
        position.push(u8::from(direction == Direction::Forward));
        position.extend_from_slice(&key.purchase_time.micros().to_be_bytes());
        position.extend_from_slice(key.user.0.as_bytes());
        // Few transactions are longer than a cursor can be. Those that are lose their end, and a
        // page may then repeat what was bought in the same microsecond.
        let most = whole_characters(&key.transaction);
        position.extend_from_slice(&key.transaction.as_bytes()[..most]);
        let about = self.about();
        CursorScope { list: self.list, about: about.as_bytes() }.encode(&position)
    }

    fn decode(&self, text: &str) -> Result<(Direction, PurchaseKey), InvalidCursor> {
        let about = self.about();
        let scope = CursorScope { list: self.list, about: about.as_bytes() };
        let position = scope.decode(text)?;
        let (fixed, transaction) = position.split_at_checked(FIXED).ok_or(InvalidCursor)?;
        let direction = match fixed[0] {
            0 => Direction::Backward,
            1 => Direction::Forward,
            _ => return Err(InvalidCursor),
        };
        let micros = fixed[1..9].try_into().map_err(|_| InvalidCursor)?;
        let micros = i64::from_be_bytes(micros);
        let purchase_time = Timestamp::from_micros(micros);
        let user = UserId(Uuid::from_slice(&fixed[9..]).map_err(|_| InvalidCursor)?);
        let transaction = std::str::from_utf8(transaction).map_err(|_| InvalidCursor)?;
        // What no entry can have is no position.
        if purchase_time.micros() != micros || transaction.contains('\0') {
            return Err(InvalidCursor);
        }
        Ok((direction, PurchaseKey { purchase_time, user, transaction: transaction.to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::{Classify as _, ErrorCode};

    use super::*;

    fn query(cursor: &str) -> ListQuery<'_> {
        ListQuery { user: Some(UserId(Uuid::from_u128(7))), limit: None, cursor }
    }

    fn walk() -> Walk {
        Walk::new("tests", query("")).unwrap()
    }

    #[test]
    fn limits_are_1_to_100() {
        let limit = |limit| Walk::new("tests", ListQuery { limit, ..query("") });
        assert_eq!(limit(None).unwrap().limit, 100, "the default");
        assert_eq!(limit(Some(1)).unwrap().limit, 1);
        assert_eq!(limit(Some(100)).unwrap().limit, 100);
        for bad in [0, -1, 101, i64::MIN, i64::MAX] {
            let refused = limit(Some(bad)).unwrap_err();
            assert!(matches!(refused, ShopError::Limit), "{bad}");
            assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let key = PurchaseKey {
            purchase_time: Timestamp::from_seconds(5),
            user: UserId(Uuid::from_u128(7)),
            transaction: "t".to_owned(),
        };
        let cursor = walk().encode(Direction::Backward, &key);
        assert!(Walk::new("tests", query(&cursor)).is_ok());
        let others =
            [("other", query(&cursor)), ("tests", ListQuery { user: None, ..query(&cursor) })];
        for (list, query) in others {
            let refused = Walk::new(list, query).unwrap_err();
            assert!(matches!(refused, ShopError::Cursor(_)), "{list}");
            assert_eq!(refused.code(), ErrorCode::InvalidArgument);
        }
    }

    proptest! {
        #[test]
        fn positions_round_trip(
            micros in -1_000_000_000_000_000..1_i64 << 52,
            user in any::<u128>(),
            transaction in "[^\\x00]{1,200}",
            forward in any::<bool>(),
        ) {
            let direction = if forward { Direction::Forward } else { Direction::Backward };
            let key = PurchaseKey {
                purchase_time: Timestamp::from_micros(micros),
                user: UserId(Uuid::from_u128(user)),
                transaction,
            };
            let text = walk().encode(direction, &key);
            prop_assert_eq!(walk().decode(&text), Ok((direction, key)));
        }

        #[test]
        fn the_longest_transactions_still_make_a_cursor(character in "[^\\x00]", count in 500_usize..=512) {
            let key = PurchaseKey {
                purchase_time: Timestamp::EPOCH,
                user: UserId::NIL,
                transaction: character.repeat(count),
            };
            let text = walk().encode(Direction::Forward, &key);
            let (_, read) = walk().decode(&text).unwrap();
            prop_assert!(key.transaction.starts_with(&read.transaction));
            prop_assert!(read.transaction.len() + 4 > key.transaction.len().min(MAX_TRANSACTION));
        }

        #[test]
        fn decoding_never_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(walk().decode(&text).is_err());
            let about = walk().about();
            let text = CursorScope { list: "tests", about: about.as_bytes() }.encode(&bytes);
            if let Ok((direction, key)) = walk().decode(&text) {
                prop_assert_eq!(walk().encode(direction, &key), text);
            }
        }
    }
}
