//! Errors of the subsystems, as callers see them.

use tavern_domain::{Classify, CodedError};
use tavern_storage::StorageError;

/// An error that says itself which code it is.
pub(crate) fn classified<E: Classify + Send + Sync + 'static>(error: E) -> CodedError {
    CodedError::from_classified(error)
}

/// A failure of storage.
pub(crate) fn storage(error: StorageError) -> CodedError {
    CodedError::from_classified(error)
}
