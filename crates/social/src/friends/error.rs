//! Why something about friends is refused.

use tavern_domain::{Classify, ErrorCode, InvalidCursor, JsonObjectError};
use tavern_storage::StorageError;

use super::MAX_FRIEND_METADATA_BYTES;

/// Why something about friends is refused. To a client all but the last are bad input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FriendError {
    /// Somebody named themselves.
    #[error("a player cannot be their own friend")]
    Oneself,
    /// A text that is no user id.
    #[error("invalid user id")]
    UserId,
    /// An empty user name.
    #[error("a user name is empty")]
    Username,
    /// Nobody has any of the names.
    #[error("no such users")]
    NoUser,
    /// More players than one call may name.
    #[error("at most {limit} players at a time")]
    TooMany {
        /// How many it may name.
        limit: usize,
    },
    /// Metadata that is no JSON object, or too big.
    #[error("metadata must be a JSON object of at most {MAX_FRIEND_METADATA_BYTES} bytes")]
    Metadata(#[source] JsonObjectError),
    /// A page size outside its range.
    #[error("the limit must be between 1 and {most}")]
    Limit {
        /// The largest page.
        most: u32,
    },
    /// A state that the protocol does not have.
    #[error("the state must be between 0 and 3")]
    State,
    /// A cursor that is none, or one of another list.
    #[error("invalid cursor")]
    Cursor(#[from] InvalidCursor),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for FriendError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Oneself
            | Self::UserId
            | Self::Username
            | Self::NoUser
            | Self::TooMany { .. }
            | Self::Metadata(_)
            | Self::Limit { .. }
            | Self::State
            | Self::Cursor(_) => ErrorCode::InvalidArgument,
            Self::Storage(error) => error.code(),
        }
    }
}
