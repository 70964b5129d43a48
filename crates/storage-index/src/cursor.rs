//! Cursors of lists.

use std::sync::Arc;

use tavern_domain::{CursorScope, InvalidCursor, UserId};
use uuid::Uuid;

use crate::document::{SORTED_BYTES, SortValue};
use crate::list::ListQuery;
use crate::order::Position;

const LIST: &str = "storage index 1";
const NUMBER: u8 = 0;
const TEXT: u8 = 1;
const MISSING: u8 = 2;

/// What a cursor is bound to: all of the question but the limit.
pub(crate) fn about(query: &ListQuery<'_>) -> Vec<u8> {
    let mut about = Vec::new();
    let parts = [query.index, query.query].into_iter();
    for part in parts.chain(query.order.iter().map(String::as_str)) {
        about.extend_from_slice(&part.len().to_be_bytes());
        about.extend_from_slice(part.as_bytes());
    }
    if let Some(caller) = query.caller {
        about.extend_from_slice(caller.0.as_bytes());
    }
    about
}

/// The cursor behind a position.
pub(crate) fn write(about: &[u8], position: &Position) -> String {
    let mut bytes = Vec::new();
    for value in &position.values {
        match value {
            SortValue::Number(number) => {
                bytes.push(NUMBER);
                bytes.extend_from_slice(&number.to_bits().to_be_bytes());
            }
            SortValue::Text(text) => {
                bytes.push(TEXT);
                bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
                bytes.extend_from_slice(text.as_bytes());
            }
            SortValue::Missing => bytes.push(MISSING),
        }
    }
    bytes.extend_from_slice(position.user.0.as_bytes());
    bytes.extend_from_slice(position.key.as_bytes());
    CursorScope { list: LIST, about }.encode(&bytes)
}

/// The position of a cursor in a list that is ordered by so many terms.
pub(crate) fn read(about: &[u8], terms: usize, text: &str) -> Result<Position, InvalidCursor> {
    let bytes = CursorScope { list: LIST, about }.decode(text)?;
    let mut left = &bytes[..];
    let values = (0..terms).map(|_| {
        Ok(match take::<1>(&mut left)? {
            [NUMBER] => SortValue::number(f64::from_bits(u64::from_be_bytes(take(&mut left)?))),
            [TEXT] => {
                let [length] = take(&mut left)?;
                let (text, rest) = left.split_at_checked(length.into()).ok_or(InvalidCursor)?;
                left = rest;
                if text.len() > SORTED_BYTES {
                    return Err(InvalidCursor);
                }
                SortValue::text(std::str::from_utf8(text).map_err(|_| InvalidCursor)?)
            }
            [MISSING] => SortValue::Missing,
            _ => return Err(InvalidCursor),
        })
    });
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let user = UserId(Uuid::from_bytes(take(&mut left)?));
    let key: Arc<str> = std::str::from_utf8(left).map_err(|_| InvalidCursor)?.into();
    Ok(Position { values, key, user })
}

fn take<const N: usize>(left: &mut &[u8]) -> Result<[u8; N], InvalidCursor> {
    let (taken, rest) = left.split_first_chunk().ok_or(InvalidCursor)?;
    *left = rest;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::order::MAX_ORDER;

    fn value() -> impl Strategy<Value = SortValue> {
        prop_oneof![
            any::<f64>().prop_filter("a number", |n| !n.is_nan()).prop_map(SortValue::number),
            any::<String>().prop_map(|text| SortValue::text(&text)),
            Just(SortValue::Missing),
        ]
    }

    proptest! {
        #[test]
        fn positions_round_trip(
            values in prop::collection::vec(value(), 1..=MAX_ORDER),
            // The longest key, in characters of four bytes.
            key in "[a\u{10348}]{1,128}",
            user in any::<u128>(),
        ) {
            let position =
                Position { values, key: key.into(), user: UserId(Uuid::from_u128(user)) };
            let text = write(b"list", &position);
            prop_assert_eq!(read(b"list", position.values.len(), &text), Ok(position.clone()));
            prop_assert!(read(b"other", position.values.len(), &text).is_err());
        }

        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), terms in 1..=MAX_ORDER) {
            let text = CursorScope { list: LIST, about: b"" }.encode(&bytes);
            drop(read(b"", terms, &text));
            prop_assert!(read(b"", terms, &String::from_utf8_lossy(&bytes)).is_err());
        }
    }

    #[test]
    fn a_cursor_is_bound_to_all_of_the_question() {
        let orders = [vec!["update_time".to_owned()], vec!["create_time".to_owned()]];
        let base = ListQuery {
            index: "i",
            query: "*",
            order: &orders[0],
            limit: 1,
            caller: None,
            cursor: "",
        };
        let others = [
            ListQuery { index: "j", ..base },
            ListQuery { query: "a:b", ..base },
            ListQuery { order: &orders[1], ..base },
            ListQuery { order: &[], ..base },
            ListQuery { caller: Some(UserId::NIL), ..base },
            ListQuery { index: "i*", query: "", ..base },
        ];
        for other in others {
            assert_ne!(about(&base), about(&other), "{other:?}");
        }
        assert_eq!(about(&base), about(&ListQuery { limit: 2, cursor: "x", ..base }));
    }
}
