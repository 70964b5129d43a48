//! Pages of history and the cursors between them.
//!
//! A list runs forward (oldest first) or backward (newest first), and every page of it comes in
//! that order. Its cursors point between messages: `next` behind the last one of the page, `prev`
//! before the first, both in the direction of the list. The cacheable cursor also points behind
//! the last message of the page, but always forward: kept for later, it gives what is newer.

use tavern_domain::{CursorScope, InvalidCursor, Timestamp};
use tavern_storage::{Direction, MessageKey, MessagePage, PageRequest};
use uuid::Uuid;

use crate::{Author, Channel, ChatError, ChatMessage, MessageCode};

/// Messages on a page when the client does not say.
pub const DEFAULT_HISTORY_LIMIT: u32 = 1;
/// Most messages on a page.
pub const MAX_HISTORY_LIMIT: u32 = 100;

/// Which part of a history is asked for, as clients say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HistoryQuery<'a> {
    /// Messages on a page, 1 to [`MAX_HISTORY_LIMIT`]; `None` is [`DEFAULT_HISTORY_LIMIT`].
    pub limit: Option<i32>,
    /// Whether to list from the oldest to the newest, which is the default.
    pub forward: Option<bool>,
    /// Where to go on; `None` or empty begins at the end of the history.
    pub cursor: Option<&'a str>,
}

/// A part of a history.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// The messages, in the order asked for.
    pub messages: Vec<ChatMessage>,
    /// Where the next page begins; `None` on the last.
    pub next_cursor: Option<String>,
    /// Where the page before ends; `None` on the first and on an empty one.
    pub prev_cursor: Option<String>,
    /// To be kept for later: gives, forward, what is newer than the last message listed. `None`
    /// only when the list began at the end of an empty history.
    pub cacheable_cursor: Option<String>,
}

/// Which way from its position a cursor goes, seen in the direction of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Next,
    Prev,
}

/// A position in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Position {
    forward: bool,
    side: Side,
    key: MessageKey,
}

const POSITION: usize = 1 + 8 + 16;

impl Position {
    fn encode(self, channel: &Channel) -> String {
        let mut bytes = [0; POSITION];
        bytes[0] = u8::from(self.forward) | u8::from(self.side == Side::Prev) << 1;
        bytes[1..9].copy_from_slice(&self.key.create_time.micros().to_be_bytes());
        bytes[9..].copy_from_slice(self.key.id.as_bytes());
        scope(channel).encode(&bytes)
    }

    fn decode(channel: &Channel, text: &str) -> Result<Self, InvalidCursor> {
        let bytes = scope(channel).decode(text)?;
        let bytes: [u8; POSITION] = bytes.try_into().map_err(|_| InvalidCursor)?;
        let (forward, side) = match bytes[0] {
            0 => (false, Side::Next),
            1 => (true, Side::Next),
            2 => (false, Side::Prev),
            3 => (true, Side::Prev),
            _ => return Err(InvalidCursor),
        };
        let mut micros = [0; 8];
        micros.copy_from_slice(&bytes[1..9]);
        let micros = i64::from_be_bytes(micros);
        let create_time = Timestamp::from_micros(micros);
        // Times before the epoch or beyond the range belong to no message.
        if micros < 0 || create_time.micros() != micros {
            return Err(InvalidCursor);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[9..]);
        let key = MessageKey { create_time, id: Uuid::from_bytes(id) };
        Ok(Self { forward, side, key })
    }
}

fn scope(channel: &Channel) -> CursorScope<'_> {
    CursorScope { list: "channel messages 1", about: channel.id().as_bytes() }
}

/// A query that was understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Walk {
    limit: u32,
    forward: bool,
    from: Option<Position>,
}

impl Walk {
    pub(crate) fn new(channel: &Channel, query: HistoryQuery<'_>) -> Result<Self, ChatError> {
        let limit = match query.limit.map(u32::try_from) {
            None => DEFAULT_HISTORY_LIMIT,
            Some(Ok(limit)) if (1..=MAX_HISTORY_LIMIT).contains(&limit) => limit,
            Some(_) => return Err(ChatError::Limit),
        };
        let forward = query.forward.unwrap_or(true);
        let from = match query.cursor {
            None | Some("") => None,
            Some(text) => Some(Position::decode(channel, text).map_err(ChatError::Cursor)?),
        };
        if from.is_some_and(|position| position.forward != forward) {
            return Err(ChatError::Cursor(InvalidCursor));
        }
        Ok(Self { limit, forward, from })
    }

    fn side(&self) -> Side {
        self.from.map_or(Side::Next, |position| position.side)
    }

    /// What to ask the store for: towards `prev` it walks against the direction of the list.
    pub(crate) fn request(&self) -> PageRequest {
        let direction = if self.forward == (self.side() == Side::Next) {
            Direction::Forward
        } else {
            Direction::Backward
        };
        PageRequest { limit: self.limit, direction, after: self.from.map(|from| from.key) }
    }

    /// Makes a page of what the store answered.
    pub(crate) fn page(&self, channel: &Channel, page: MessagePage) -> History {
        let MessagePage { mut messages, more } = page;
        let side = self.side();
        if side == Side::Prev {
            messages.reverse();
        }
        let key = |m: &tavern_storage::Message| MessageKey { create_time: m.create_time, id: m.id };
        let cursor = |side, key| Position { forward: self.forward, side, key }.encode(channel);
        let later = |key| Position { forward: true, side: Side::Next, key }.encode(channel);
        let (first, last) = (messages.first().map(key), messages.last().map(key));
        // Where the list came from there are messages: those the cursor was made of.
        let (has_next, has_prev) = match side {
            Side::Next => (more, self.from.is_some()),
            Side::Prev => (true, more),
        };
        History {
            next_cursor: last.filter(|_| has_next).map(|key| cursor(Side::Next, key)),
            prev_cursor: first.filter(|_| has_prev).map(|key| cursor(Side::Prev, key)),
            // An empty page leaves a reader where they were.
            cacheable_cursor: last.or(self.from.map(|from| from.key)).map(later),
            messages: messages.into_iter().map(|message| kept(channel, message)).collect(),
        }
    }
}

fn kept(channel: &Channel, message: tavern_storage::Message) -> ChatMessage {
    ChatMessage {
        channel: channel.clone(),
        id: message.id,
        code: MessageCode(message.code),
        author: Author { user: message.sender, username: message.username.into() },
        content: message.content,
        create_time: message.create_time,
        update_time: message.update_time,
        persistent: true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::{Classify as _, ErrorCode};

    use super::*;

    fn room() -> Channel {
        Channel::room("lobby").unwrap()
    }

    #[test]
    fn limits_are_1_to_100() {
        let limit = |limit| Walk::new(&room(), HistoryQuery { limit, ..HistoryQuery::default() });
        assert_eq!(limit(None).unwrap().limit, 1, "the default");
        assert_eq!(limit(Some(1)).unwrap().limit, 1);
        assert_eq!(limit(Some(100)).unwrap().limit, 100);
        for bad in [0, -1, 101, i32::MIN, i32::MAX] {
            let refused = limit(Some(bad)).unwrap_err();
            assert!(matches!(refused, ChatError::Limit), "{bad}");
            assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn no_cursor_begins_at_the_end() {
        for cursor in [None, Some("")] {
            let query = HistoryQuery { cursor, ..HistoryQuery::default() };
            let request = Walk::new(&room(), query).unwrap().request();
            assert_eq!((request.direction, request.after), (Direction::Forward, None));
        }
    }

    #[test]
    fn positions_that_no_message_has_are_refused() {
        let good = {
            let key = MessageKey { create_time: Timestamp::from_micros(5), id: Uuid::nil() };
            Position { forward: true, side: Side::Next, key }.encode(&room())
        };
        let bytes = scope(&room()).decode(&good).unwrap();
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = to;
            scope(&room()).encode(&bytes)
        };
        assert_eq!(changed(0, 1), good);
        for (bad, what) in [
            (changed(0, 4), "unknown flags"),
            (changed(1, 0x80), "before the epoch"),
            (changed(1, 0x7f), "beyond the range"),
            (scope(&room()).encode(&bytes[1..]), "too short"),
            (scope(&room()).encode(&[&bytes[..], &[0]].concat()), "too long"),
        ] {
            assert_eq!(Position::decode(&room(), &bad), Err(InvalidCursor), "{what}");
        }
    }

    fn position() -> impl Strategy<Value = Position> {
        (any::<bool>(), any::<bool>(), 0..i64::MAX / 1_000, any::<u128>()).prop_map(
            |(forward, prev, micros, id)| Position {
                forward,
                side: if prev { Side::Prev } else { Side::Next },
                key: MessageKey {
                    create_time: Timestamp::from_micros(micros),
                    id: Uuid::from_u128(id),
                },
            },
        )
    }

    proptest! {
        #[test]
        fn positions_round_trip(position in position()) {
            let text = position.encode(&room());
            prop_assert_eq!(Position::decode(&room(), &text), Ok(position));
            let other = Channel::room("lobbY").unwrap();
            prop_assert_eq!(Position::decode(&other, &text), Err(InvalidCursor));
        }

        #[test]
        fn the_other_direction_is_refused(position in position()) {
            let text = position.encode(&room());
            let query = |forward| HistoryQuery {
                limit: None,
                forward: Some(forward),
                cursor: Some(&text),
            };
            prop_assert!(Walk::new(&room(), query(position.forward)).is_ok());
            prop_assert!(Walk::new(&room(), query(!position.forward)).is_err());
        }

        #[test]
        fn decoding_never_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(Position::decode(&room(), &text).is_err());
            // Also with a tag that fits: whatever is accepted is a position.
            if let Ok(position) = Position::decode(&room(), &scope(&room()).encode(&bytes)) {
                prop_assert_eq!(position.encode(&room()), scope(&room()).encode(&bytes));
            }
        }
    }
}
