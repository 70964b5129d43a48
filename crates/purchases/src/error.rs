//! Why a purchase is not confirmed, or a list not given.

use std::error::Error;

use tavern_domain::{Classify, ErrorCode, InvalidCursor};
use tavern_storage::{StorageError, Store};

use crate::listing::MAX_LIMIT;
use crate::store::{MAX_PROOF_BYTES, name};

/// Why a purchase is not confirmed, or a list not given. Nothing was kept, unless the storage
/// failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShopError {
    /// The server has no keys for this store.
    #[error("purchases in {} are not configured", name(*.0))]
    NotConfigured(Store),
    /// A part of the proof is empty.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// The proof is longer than any store makes them.
    #[error("a proof of a purchase has at most {MAX_PROOF_BYTES} bytes")]
    TooLong,
    /// The proof is not of the form that the store gives out.
    #[error("this is no proof of a purchase in {}", name(*.0))]
    Malformed(Store),
    /// The proof was not signed by the store, or not as it is.
    #[error("the proof was not signed by {}", name(*.0))]
    WrongSignature(Store),
    /// The proof is one of another app.
    #[error("the proof is of another app in {}", name(*.0))]
    OtherApp(Store),
    /// The store does not stand behind the proof: it says no, or that the purchase is not
    /// completed.
    #[error("{} refuses the proof: {why}", name(*.store))]
    Refused {
        /// Which store.
        store: Store,
        /// Its status or state.
        why: String,
    },
    /// A proof of a purchase where one of a subscription is expected.
    #[error("the proof is of a purchase, and not of a subscription")]
    NoSubscription,
    /// A proof of a subscription where one of a purchase is expected.
    #[error("the proof is of a subscription, and not of a purchase")]
    NoPurchase,
    /// The store cannot say now.
    #[error("{} cannot say now, try again later", name(*.0))]
    Later(Store),
    /// The store could not be asked, did not let the server ask, or answered nonsense.
    #[error("{} could not be asked", name(*.store))]
    Unasked {
        /// Which store.
        store: Store,
        /// What happened.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The player has no account any more.
    #[error("account not found")]
    NoAccount,
    /// There is no such subscription or purchase.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// A page size outside its range.
    #[error("the limit must be between 1 and {MAX_LIMIT}")]
    Limit,
    /// A cursor that is none, or one of another list.
    #[error("invalid cursor")]
    Cursor(#[source] InvalidCursor),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ShopError {
    /// The store could not be asked, and why.
    pub(crate) fn unasked(store: Store, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unasked { store, source: source.into() }
    }
}

impl Classify for ShopError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Empty(_) | Self::TooLong | Self::Malformed(_) | Self::Limit | Self::Cursor(_) => {
                ErrorCode::InvalidArgument
            }
            Self::NotConfigured(_)
            | Self::WrongSignature(_)
            | Self::OtherApp(_)
            | Self::Refused { .. }
            | Self::NoSubscription
            | Self::NoPurchase => ErrorCode::FailedPrecondition,
            Self::Later(_) => ErrorCode::Unavailable,
            Self::Unasked { .. } => ErrorCode::Unknown,
            Self::NoAccount | Self::NotFound(_) => ErrorCode::NotFound,
            Self::Storage(error) => error.code(),
        }
    }
}
