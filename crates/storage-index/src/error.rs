//! Why an index does not answer.

use tavern_domain::{Classify, ErrorCode, InvalidCursor};
use tavern_search::QueryError;
use tavern_storage::StorageError;

use crate::list::MAX_LIMIT;
use crate::order::MAX_ORDER;

/// Why an index does not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// No index of this name is registered, or the server has not loaded it yet.
    #[error("index {name:?} not found")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A page size outside its range.
    #[error("invalid limit: expects value 1-{MAX_LIMIT}")]
    Limit,
    /// The query cannot be read.
    #[error("invalid query: {0}")]
    Query(#[source] QueryError),
    /// The list is to be ordered by too much.
    #[error("an index is ordered by at most {MAX_ORDER} fields")]
    LongOrder,
    /// The list is to be ordered by what the index is not made for.
    #[error(
        "an index is ordered by create_time, update_time, _score and value.<sortable field>, \
         with - before it for descending order, not by {given:?}"
    )]
    Order {
        /// What was given.
        given: String,
    },
    /// A cursor that is none, or one of another list.
    #[error("invalid cursor")]
    Cursor(#[source] InvalidCursor),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for IndexError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown { .. } => ErrorCode::NotFound,
            Self::Limit
            | Self::Query(_)
            | Self::LongOrder
            | Self::Order { .. }
            | Self::Cursor(_) => ErrorCode::InvalidArgument,
            Self::Storage(error) => error.code(),
        }
    }
}
