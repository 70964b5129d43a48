//! Why something about groups is refused.

use tavern_domain::{Classify, ErrorCode, InvalidCursor, JsonObjectError};
use tavern_storage::StorageError;

use super::{MAX_GROUP_METADATA_BYTES, MAX_GROUP_USERS, MAX_GROUPS_LISTED};

/// Why something about groups is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// There is no such group, or the caller has no right to what was asked.
    #[error("no such group, or not allowed")]
    NotFound,
    /// The same for deleting a group, which is another code in the protocol.
    #[error("no such group, or not its superadmin")]
    NotDeletable,
    /// The group has as many members as it may have.
    #[error("the group is full")]
    Full,
    /// The last superadmin cannot leave the others alone.
    #[error("the last superadmin cannot leave")]
    LastSuperadmin,
    /// One of the players does not exist.
    #[error("no such user")]
    NoUser,
    /// A text that is no group id.
    #[error("invalid group id")]
    GroupId,
    /// A text that is no user id.
    #[error("invalid user id")]
    UserId,
    /// Nobody was named where somebody has to be.
    #[error("user ids are required")]
    NobodyNamed,
    /// More players than one call may name.
    #[error("at most {MAX_GROUP_USERS} users at a time")]
    TooManyUsers,
    /// A group needs a name.
    #[error("a group's name is required")]
    NameRequired,
    /// Another group has this name.
    #[error("the group's name is in use")]
    NameInUse,
    /// The same when a group changes its name, which is another code in the protocol.
    #[error("the group's name is in use")]
    NewNameInUse,
    /// A group cannot be without a language.
    #[error("a group's language is required")]
    LangRequired,
    /// A text longer than the store keeps, or with a NUL in it.
    #[error("the group's {field} has at most {limit} characters")]
    TooLong {
        /// Which one.
        field: &'static str,
        /// Most characters.
        limit: usize,
    },
    /// A maximum below 1, or below the members that there are.
    #[error("a group has room for at least one, and for all its members")]
    MaxCount,
    /// Metadata that is no JSON object, or too big.
    #[error("metadata must be a JSON object of at most {MAX_GROUP_METADATA_BYTES} bytes")]
    Metadata(#[source] JsonObjectError),
    /// Nothing was named that should change.
    #[error("nothing to change")]
    NothingToChange,
    /// A page size outside its range.
    #[error("the limit must be between 1 and {MAX_GROUPS_LISTED}")]
    Limit,
    /// A state that there is not.
    #[error("the state must be between 0 and 4")]
    State,
    /// A name together with other filters.
    #[error("groups are found by name or by other filters")]
    Filter,
    /// A cursor that is none, or one of another list.
    #[error("invalid cursor")]
    Cursor(#[from] InvalidCursor),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for GroupError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::NotFound,
            Self::NameInUse => ErrorCode::AlreadyExists,
            Self::NotDeletable
            | Self::Full
            | Self::LastSuperadmin
            | Self::NoUser
            | Self::GroupId
            | Self::UserId
            | Self::NobodyNamed
            | Self::TooManyUsers
            | Self::NameRequired
            | Self::NewNameInUse
            | Self::LangRequired
            | Self::TooLong { .. }
            | Self::MaxCount
            | Self::Metadata(_)
            | Self::NothingToChange
            | Self::Limit
            | Self::State
            | Self::Filter
            | Self::Cursor(_) => ErrorCode::InvalidArgument,
            Self::Storage(error) => error.code(),
        }
    }
}
