//! Where a list of records goes on.

use tavern_domain::{CursorScope, InvalidCursor, Timestamp, UserId};
use tavern_storage::RankKey;
use uuid::Uuid;

const LIST: &str = "leaderboard records 1";

/// A place in a period's records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Position {
    /// The record to go on behind.
    pub(crate) key: RankKey,
    /// Its rank; 0 when it is not known.
    pub(crate) rank: u64,
    /// Towards better records.
    pub(crate) backwards: bool,
}

/// What a cursor is bound to: the board and its period.
fn about(board: &str, expiry: Timestamp) -> Vec<u8> {
    [&expiry.seconds().to_be_bytes()[..], board.as_bytes()].concat()
}

impl Position {
    pub(crate) fn encode(&self, board: &str, expiry: Timestamp) -> String {
        let mut position = Vec::with_capacity(41);
        position.push(u8::from(self.backwards));
        position.extend(self.key.score.to_be_bytes());
        position.extend(self.key.subscore.to_be_bytes());
        position.extend(self.key.owner.0.as_bytes());
        position.extend(self.rank.to_be_bytes());
        CursorScope { list: LIST, about: &about(board, expiry) }.encode(&position)
    }

    pub(crate) fn decode(
        board: &str,
        expiry: Timestamp,
        text: &str,
    ) -> Result<Self, InvalidCursor> {
        let bytes = CursorScope { list: LIST, about: &about(board, expiry) }.decode(text)?;
        let bytes: [u8; 41] = bytes.try_into().map_err(|_| InvalidCursor)?;
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at..at + 8]);
            number
        };
        let backwards = match bytes[0] {
            0 => false,
            1 => true,
            _ => return Err(InvalidCursor),
        };
        let owner = Uuid::from_slice(&bytes[17..33]).map_err(|_| InvalidCursor)?;
        Ok(Self {
            key: RankKey {
                score: i64::from_be_bytes(number(1)),
                subscore: i64::from_be_bytes(number(9)),
                owner: UserId(owner),
            },
            rank: u64::from_be_bytes(number(33)),
            backwards,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_round_trip_on_their_board(
            score in 0..=i64::MAX,
            subscore in 0..=i64::MAX,
            owner in any::<u128>(),
            rank in any::<u64>(),
            backwards in any::<bool>(),
        ) {
            let key = RankKey { score, subscore, owner: UserId(Uuid::from_u128(owner)) };
            let position = Position { key, rank, backwards };
            let expiry = Timestamp::from_seconds(7);
            let text = position.encode("board", expiry);
            prop_assert_eq!(Position::decode("board", expiry, &text), Ok(position));
            prop_assert!(Position::decode("other", expiry, &text).is_err());
            prop_assert!(Position::decode("board", Timestamp::EPOCH, &text).is_err());
        }

        #[test]
        fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let about = about("b", Timestamp::EPOCH);
            let text = CursorScope { list: LIST, about: &about }.encode(&bytes);
            if let Ok(position) = Position::decode("b", Timestamp::EPOCH, &text) {
                prop_assert_eq!(position.encode("b", Timestamp::EPOCH), text);
            }
        }
    }
}
