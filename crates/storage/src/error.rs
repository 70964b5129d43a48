//! How keeping something may fail unexpectedly.

use std::error::Error;

use tavern_domain::{Classify, ErrorCode};

/// A failure that is no expected outcome of the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The store cannot be reached, or did not answer in time. Nothing is known about whether the
    /// change happened.
    #[error("storage is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Conflicting transactions did not settle within the retries.
    #[error("too many conflicting changes")]
    Contention(#[source] Box<dyn Error + Send + Sync>),
    /// A text is longer than its column, or otherwise not storable as it is.
    #[error("a value does not fit")]
    DoesNotFit(#[source] Box<dyn Error + Send + Sync>),
    /// The store answered something that makes no sense, or refused for a reason nobody foresaw.
    #[error("storage failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl Classify for StorageError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::Contention(_) => ErrorCode::Aborted,
            // A value too long for its column is an internal error in the public protocol, too.
            Self::DoesNotFit(_) | Self::Failed(_) => ErrorCode::Internal,
        }
    }
}
