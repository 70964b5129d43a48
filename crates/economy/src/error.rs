//! Why something about wallets is refused.

use tavern_domain::{Classify, ErrorCode, InvalidCursor, JsonObjectError, UserId};
use tavern_storage::{StorageError, WalletRefused};
use uuid::Uuid;

use crate::{
    MAX_CURRENCIES, MAX_CURRENCY_BYTES, MAX_LEDGER_LIMIT, MAX_METADATA_BYTES, MAX_UPDATES,
};

/// Why something about wallets is refused. Nothing was changed, unless the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EconomyError {
    /// A changeset that is no JSON object of numbers.
    #[error("a changeset is a JSON object of whole numbers")]
    Changeset,
    /// Too many currencies in a changeset.
    #[error("a changeset has at most {MAX_CURRENCIES} currencies")]
    TooManyCurrencies,
    /// A name that no currency can have.
    #[error("a currency has 1 to {MAX_CURRENCY_BYTES} bytes and no control characters")]
    CurrencyName,
    /// An amount that is no whole number of 64 bits.
    #[error("the amount of {currency:?} is not a whole number")]
    NotWhole {
        /// Of which currency.
        currency: String,
    },
    /// Metadata that is no JSON object, or too big.
    #[error("metadata must be a JSON object of at most {MAX_METADATA_BYTES} bytes")]
    Metadata(#[source] JsonObjectError),
    /// More updates than one call may make.
    #[error("at most {MAX_UPDATES} wallets are updated at once")]
    TooManyUpdates,
    /// A currency would go below zero.
    #[error("the wallet of {user} has not enough of {currency:?}")]
    NotEnough {
        /// Whose wallet.
        user: UserId,
        /// Of which currency.
        currency: String,
    },
    /// A currency would leave the range of 64-bit integers.
    #[error("the wallet of {user} cannot hold that much of {currency:?}")]
    TooMuch {
        /// Whose wallet.
        user: UserId,
        /// Of which currency.
        currency: String,
    },
    /// There is no such account.
    #[error("no account {user}")]
    NoAccount {
        /// Whose.
        user: UserId,
    },
    /// There is no such entry of a ledger.
    #[error("no ledger entry {entry}")]
    NoEntry {
        /// Which.
        entry: Uuid,
    },
    /// A page size outside its range.
    #[error("the limit must be between 1 and {MAX_LEDGER_LIMIT}")]
    Limit,
    /// A cursor that is none, or one of another user's ledger.
    #[error("invalid cursor")]
    Cursor(#[source] InvalidCursor),
    /// The store cannot keep a text that is otherwise fine.
    #[error("metadata cannot be kept")]
    NotKeepable(#[source] StorageError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for EconomyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Changeset
            | Self::TooManyCurrencies
            | Self::CurrencyName
            | Self::NotWhole { .. }
            | Self::Metadata(_)
            | Self::TooManyUpdates
            | Self::Limit
            | Self::Cursor(_)
            | Self::NotKeepable(_) => ErrorCode::InvalidArgument,
            Self::NotEnough { .. } => ErrorCode::FailedPrecondition,
            Self::TooMuch { .. } => ErrorCode::OutOfRange,
            Self::NoAccount { .. } | Self::NoEntry { .. } => ErrorCode::NotFound,
            Self::Storage(error) => error.code(),
        }
    }
}

impl From<WalletRefused> for EconomyError {
    fn from(refused: WalletRefused) -> Self {
        match refused {
            WalletRefused::Negative { user, currency } => Self::NotEnough { user, currency },
            WalletRefused::Overflow { user, currency } => Self::TooMuch { user, currency },
            WalletRefused::NoAccount(user) => Self::NoAccount { user },
        }
    }
}
