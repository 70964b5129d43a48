//! Messages as plain data.

use std::sync::Arc;

use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use crate::{Channel, ChatError};

/// Most bytes of a message's content. Sockets let less pass by default; this holds for server code
/// and whatever limit a socket is given.
pub const MAX_CONTENT_BYTES: usize = 64 * 1024;

/// What a message is about. The numbers are those of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MessageCode(pub i16);

#[expect(missing_docs, reason = "the names say it")]
impl MessageCode {
    pub const CHAT: Self = Self(0);
    pub const UPDATE: Self = Self(1);
    pub const REMOVE: Self = Self(2);
    pub const GROUP_JOIN: Self = Self(3);
    pub const GROUP_ADD: Self = Self(4);
    pub const GROUP_LEAVE: Self = Self(5);
    pub const GROUP_KICK: Self = Self(6);
    pub const GROUP_PROMOTE: Self = Self(7);
    pub const GROUP_BAN: Self = Self(8);
    pub const GROUP_DEMOTE: Self = Self(9);
}

/// Who speaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Author {
    /// The user; nil for the server itself.
    pub user: UserId,
    /// The name shown with the message; empty for the server itself.
    pub username: Arc<str>,
}

/// A message: new, changed, removed, or out of the history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChatMessage {
    /// Where it was said.
    pub channel: Channel,
    /// Its id, which stays when it is changed or removed.
    pub id: Uuid,
    /// What it is about. In the history a changed message is still [`MessageCode::CHAT`].
    pub code: MessageCode,
    /// Who said it.
    pub author: Author,
    /// The text of a JSON object; `{}` when the message was removed.
    pub content: String,
    /// When it was said: in nanoseconds when live, in microseconds out of the history.
    pub create_time: Timestamp,
    /// When it was last changed.
    pub update_time: Timestamp,
    /// Whether it is, or was, in the history.
    pub persistent: bool,
}

/// Reads a message id.
///
/// # Errors
/// [`ChatError::MessageId`] unless it is a hyphenated UUID.
pub fn parse_message_id(text: &str) -> Result<Uuid, ChatError> {
    // Ids of users are written the same way.
    text.parse::<UserId>().map(|id| id.0).map_err(|_| ChatError::MessageId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_hyphenated_uuids() {
        let id = Uuid::from_u128(7);
        assert_eq!(parse_message_id(&id.to_string()).unwrap(), id);
        for bad in ["", "garbage", "00000000000000000000000000000007"] {
            assert!(matches!(parse_message_id(bad), Err(ChatError::MessageId)), "{bad:?}");
        }
    }
}
