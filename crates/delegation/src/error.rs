//! What can be wrong with a delegated token.

use tavern_domain::{Classify, ErrorCode};
use tavern_storage::StorageError;

/// Why a token is not good, or may not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// No keys are configured, so there are no such tokens.
    #[error("delegation is not set up")]
    Off,
    /// It is longer than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES).
    #[error("the token is too long")]
    TooLong,
    /// It has not the form of a token, lacks a fact, or holds what tokens here may not hold.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// It cannot be decoded, or none of the accepted keys has signed it.
    #[error("the token cannot be read or is not signed by an accepted key")]
    Unreadable(#[source] biscuit_auth::error::Token),
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It, or what it was narrowed from, or all of its user, has been revoked.
    #[error("the token has been revoked")]
    Revoked,
    /// The account it speaks for is gone or banned.
    #[error("the account of the token is gone or banned")]
    NoAccount,
    /// It does not allow the call.
    #[error("the token does not allow this")]
    Denied,
    /// The call names more things than can be looked at with this token.
    #[error("too many things in one call for this token")]
    TooMuch,
    /// What was asked to be minted makes no sense.
    #[error("{0}")]
    BadGrant(String),
    /// The user has revoked so many tokens one by one that only all at once is left.
    #[error("too many tokens are revoked one by one, revoke all of them")]
    TooManyRevoked,
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for DelegationError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Off => ErrorCode::FailedPrecondition,
            Self::TooLong
            | Self::Malformed(_)
            | Self::Unreadable(_)
            | Self::Expired
            | Self::Revoked
            | Self::NoAccount => ErrorCode::Unauthenticated,
            Self::Denied => ErrorCode::PermissionDenied,
            Self::TooMuch | Self::BadGrant(_) => ErrorCode::InvalidArgument,
            Self::TooManyRevoked => ErrorCode::ResourceExhausted,
            Self::Storage(error) => error.code(),
        }
    }
}
