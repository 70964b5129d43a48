//! What the lists of friends, members and groups have in common: limits, and cursors that hold a
//! state and a position.

use tavern_domain::{CursorScope, InvalidCursor};

/// A page size: the default, or what was asked for if it is between 1 and `most`.
pub(crate) fn limit(asked: Option<i32>, default: u32, most: u32) -> Option<u32> {
    match asked.map(u32::try_from) {
        None => Some(default),
        Some(Ok(limit)) if (1..=most).contains(&limit) => Some(limit),
        Some(_) => None,
    }
}

/// Which list a cursor belongs to: whose it is, and its filter by state.
pub(crate) fn about(owner: &[u8; 16], state: Option<i16>) -> [u8; 18] {
    let mut about = [0; 18];
    about[..16].copy_from_slice(owner);
    about[16..].copy_from_slice(&state.unwrap_or(-1).to_be_bytes());
    about
}

pub(crate) fn encode(scope: CursorScope<'_>, state: i16, position: i64) -> String {
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&state.to_be_bytes());
    bytes[2..].copy_from_slice(&position.to_be_bytes());
    scope.encode(&bytes)
}

/// The state and position of a cursor; `None` for no cursor.
pub(crate) fn decode(
    scope: CursorScope<'_>,
    text: &str,
) -> Result<Option<(i32, i64)>, InvalidCursor> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes: [u8; 10] = scope.decode(text)?.try_into().map_err(|_| InvalidCursor)?;
    let (state, position) = bytes.split_at(2);
    let state = i16::from_be_bytes(state.try_into().map_err(|_| InvalidCursor)?);
    let position = i64::from_be_bytes(position.try_into().map_err(|_| InvalidCursor)?);
    Ok(Some((state.into(), position)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_have_a_range_and_a_default() {
        assert_eq!(limit(None, 7, 100), Some(7));
        for fine in [1, 50, 100] {
            assert_eq!(limit(Some(fine), 7, 100), u32::try_from(fine).ok());
        }
        for bad in [0, -1, 101, i32::MIN, i32::MAX] {
            assert_eq!(limit(Some(bad), 7, 100), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn cursors_round_trip_in_their_list_only(
            state in 0_i16..5,
            position: i64,
            owner: [u8; 16],
            filter in proptest::option::of(0_i16..5),
        ) {
            let about_it = about(&owner, filter);
            let scope = CursorScope { list: "test", about: &about_it };
            let text = encode(scope, state, position);
            prop_assert_eq!(decode(scope, &text), Ok(Some((state.into(), position))));
            let other = about(&owner, Some(filter.map_or(0, |filter| filter + 1)));
            let other = CursorScope { list: "test", about: &other };
            prop_assert_eq!(decode(other, &text), Err(InvalidCursor));
        }

        #[test]
        fn decoding_never_panics(text: String, bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let scope = CursorScope { list: "test", about: b"x" };
            prop_assert!(text.is_empty() || decode(scope, &text).is_err());
            let _outcome = decode(scope, &scope.encode(&bytes));
        }
    }
}
