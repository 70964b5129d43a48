//! Why something about a chat is refused.

use tavern_domain::{Classify, ErrorCode, InvalidCursor, JsonObjectError};
use tavern_storage::StorageError;

use crate::{MAX_CONTENT_BYTES, MAX_HISTORY_LIMIT, MAX_ROOM_NAME_BYTES};

/// Why something about a chat is refused. To a client all but the last are bad input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// No channel to join was named.
    #[error("a channel target is required")]
    MissingTarget,
    /// A room name that is too long or has control characters.
    #[error("a room name has 1 to {MAX_ROOM_NAME_BYTES} bytes and no control characters")]
    RoomName,
    /// A channel type that the protocol does not have.
    #[error("unknown channel type")]
    ChannelType,
    /// The target of a direct chat is no user id, or there is no such user to chat with.
    #[error("no user of that id to chat with")]
    NoSuchUser,
    /// The target of a group chat is no group id, or the caller is in no such group.
    #[error("not in a group of that id")]
    NoSuchGroup,
    /// A text that is no channel id.
    #[error("invalid channel id")]
    ChannelId,
    /// A text that is no message id.
    #[error("invalid message id")]
    MessageId,
    /// Message content that is no JSON object, or too big.
    #[error("message content must be a JSON object of at most {MAX_CONTENT_BYTES} bytes")]
    Content(#[source] JsonObjectError),
    /// Message content that the store cannot keep although it is a JSON object.
    #[error("message content cannot be kept")]
    NotKeepable(#[source] StorageError),
    /// There is no such message of this sender in the channel's history.
    #[error("no such message of this sender in the channel")]
    NoSuchMessage,
    /// A page size outside its range.
    #[error("the limit must be between 1 and {MAX_HISTORY_LIMIT}")]
    Limit,
    /// A cursor that is none, or one of another channel or direction.
    #[error("invalid cursor")]
    Cursor(#[source] InvalidCursor),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for ChatError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::MissingTarget
            | Self::RoomName
            | Self::ChannelType
            | Self::NoSuchUser
            | Self::NoSuchGroup
            | Self::ChannelId
            | Self::MessageId
            | Self::Content(_)
            | Self::NotKeepable(_)
            | Self::NoSuchMessage
            | Self::Limit
            | Self::Cursor(_) => ErrorCode::InvalidArgument,
            Self::Storage(error) => error.code(),
        }
    }
}
