//! Why something about objects is refused.

use tavern_domain::{Classify, ErrorCode, InvalidCursor, JsonObjectError};
use tavern_storage::StorageError;

use crate::{MAX_BATCH, MAX_LIMIT, MAX_NAME_CHARS, MAX_SERVER_LIMIT, MAX_VALUE_BYTES};

/// Why something about objects is refused. Nothing was changed, unless the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectsError {
    /// A collection or key that no object can have.
    #[error("a collection and a key have 1 to {MAX_NAME_CHARS} characters and no NUL")]
    Name,
    /// A value that is no JSON object, or too big.
    #[error("the value of {key:?} must be a JSON object of at most {MAX_VALUE_BYTES} bytes")]
    Value {
        /// Of which object.
        key: String,
        /// What is wrong.
        #[source]
        source: JsonObjectError,
    },
    /// A read permission that is none.
    #[error("the read permission of {key:?} must be 0, 1 or 2")]
    ReadPermission {
        /// Of which object.
        key: String,
    },
    /// A write permission that is none.
    #[error("the write permission of {key:?} must be 0 or 1")]
    WritePermission {
        /// Of which object.
        key: String,
    },
    /// More objects than one call may name.
    #[error("at most {MAX_BATCH} objects are touched at once")]
    TooMany,
    /// The object is not what it was said to be.
    #[error("{key:?} in {collection:?} has another version")]
    Version {
        /// Of which object.
        collection: String,
        /// Of which object.
        key: String,
    },
    /// The rights are not enough.
    #[error("{key:?} in {collection:?} may not be changed")]
    Permission {
        /// Of which object.
        collection: String,
        /// Of which object.
        key: String,
    },
    /// There is nothing to delete.
    #[error("there is no {key:?} in {collection:?}")]
    NotFound {
        /// Of which object.
        collection: String,
        /// Of which object.
        key: String,
    },
    /// The owner has no account.
    #[error("the owner of {key:?} in {collection:?} has no account")]
    NoOwner {
        /// Of which object.
        collection: String,
        /// Of which object.
        key: String,
    },
    /// A page size outside its range.
    #[error("the limit must be between 1 and {MAX_LIMIT}")]
    Limit,
    /// A page size outside the range of server code.
    #[error("the limit must be between 1 and {MAX_SERVER_LIMIT}")]
    ServerLimit,
    /// A cursor that is none, or one of another list.
    #[error("invalid cursor")]
    Cursor(#[source] InvalidCursor),
    /// The store cannot keep a value that is otherwise fine.
    #[error("a value cannot be kept")]
    NotKeepable(#[source] StorageError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for ObjectsError {
    fn code(&self) -> ErrorCode {
        match self {
            // The public protocol has one code for all that it refuses about objects.
            Self::Name
            | Self::Value { .. }
            | Self::ReadPermission { .. }
            | Self::WritePermission { .. }
            | Self::TooMany
            | Self::Version { .. }
            | Self::Permission { .. }
            | Self::NotFound { .. }
            | Self::NoOwner { .. }
            | Self::Limit
            | Self::ServerLimit
            | Self::Cursor(_)
            | Self::NotKeepable(_) => ErrorCode::InvalidArgument,
            Self::Storage(error) => error.code(),
        }
    }
}
