//! Why nobody knows who a player is.

use tavern_domain::{Classify, ErrorCode, FetchError};
use tavern_storage::Provider;

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The operator has not set this provider up.
    #[error("signing in with {} is not configured", .0.name())]
    NotConfigured(Provider),
    /// Something must be given and is not.
    #[error("{0} is required")]
    Missing(&'static str),
    /// What was given proves nothing. The detail is for the operator, not for the player.
    #[error("{} does not know this player", .provider.name())]
    Refused {
        /// Who was to know.
        provider: Provider,
        /// What is wrong.
        #[source]
        why: Why,
    },
}

/// What is wrong with a proof, in words for the operator. Holds nothing of the proof itself.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// It is not what it should be.
    #[error("{0}")]
    Proof(&'static str),
    /// The provider could not be asked.
    #[error("the provider could not be asked")]
    Unasked(#[source] FetchError),
    /// The provider answered with this status.
    #[error("the provider answered {0}")]
    Status(u16),
}

impl From<FetchError> for Why {
    fn from(error: FetchError) -> Self {
        Self::Unasked(error)
    }
}

impl IdentityError {
    pub(crate) fn refused(provider: Provider, why: impl Into<Why>) -> Self {
        Self::Refused { provider, why: why.into() }
    }

    /// Whether the provider itself was asked and did not let it pass.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        matches!(self, Self::Refused { why: Why::Status(401), .. })
    }
}

impl Classify for IdentityError {
    /// A provider that cannot be reached is [`ErrorCode::Unauthenticated`] too, as it is in the
    /// public protocol: a client cannot tell the two apart there and signs in anew.
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotConfigured(_) => ErrorCode::FailedPrecondition,
            Self::Missing(_) => ErrorCode::InvalidArgument,
            Self::Refused { .. } => ErrorCode::Unauthenticated,
        }
    }
}
