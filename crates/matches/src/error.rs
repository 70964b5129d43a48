//! What can go wrong.

use tavern_domain::{Classify, CodedError, ErrorCode, RealtimeCode};

/// Why a listing was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadListing {
    /// The limit is out of its range.
    #[error("limit must be between 1 and 100")]
    Limit,
    /// Relayed matches have no label.
    #[error("relayed matches cannot be listed by label")]
    LabelOfRelayed,
    /// Relayed matches have no label.
    #[error("relayed matches cannot be listed by query")]
    QueryOfRelayed,
    /// A negative size.
    #[error("minimum size must be 0 or more")]
    MinSize,
    /// A negative size.
    #[error("maximum size must be 0 or more")]
    MaxSize,
    /// No size is in this range.
    #[error("maximum size must not be below minimum size")]
    SizeRange,
}

/// Why a match was not created, joined, left, listed or sent to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatchError {
    /// Not the form of a match id.
    #[error("invalid match id")]
    InvalidId,
    /// A join says neither which match nor by what token. For callers, which see the message.
    #[error("no match id or token found")]
    NoTarget,
    /// A matchmaker's token that is not genuine, has expired, or names no match. For callers, which
    /// can tell.
    #[error("invalid match token")]
    InvalidToken,
    /// Nobody is in.
    #[error("match not found")]
    NotFound,
    /// See [`Config::max_members`](crate::Config).
    #[error("match has {limit} members, the maximum")]
    Full {
        /// The configured maximum.
        limit: usize,
    },
    /// See [`Config::max_name_bytes`](crate::Config).
    #[error("match name is longer than {limit} bytes")]
    NameTooLong {
        /// The configured maximum.
        limit: usize,
    },
    /// A listed recipient is no session id.
    #[error("invalid presence")]
    InvalidPresence,
    /// See [`Config::max_listed_presences`](crate::Config).
    #[error("more than {limit} presences are listed")]
    TooManyPresences {
        /// The configured maximum.
        limit: usize,
    },
    /// See [`BadListing`].
    #[error(transparent)]
    Listing(#[from] BadListing),
    /// [`Members::enter`](crate::Members::enter) refused.
    #[error(transparent)]
    Refused(#[from] CodedError),
}

impl MatchError {
    /// The code that the realtime protocol has for it.
    #[must_use]
    pub fn realtime_code(&self) -> RealtimeCode {
        match self {
            Self::NotFound => RealtimeCode::MatchNotFound,
            Self::Full { .. } => RealtimeCode::MatchJoinRejected,
            Self::Refused(error) => match error.code() {
                ErrorCode::InvalidArgument | ErrorCode::ResourceExhausted => RealtimeCode::BadInput,
                ErrorCode::Canceled
                | ErrorCode::Unknown
                | ErrorCode::DeadlineExceeded
                | ErrorCode::NotFound
                | ErrorCode::AlreadyExists
                | ErrorCode::PermissionDenied
                | ErrorCode::FailedPrecondition
                | ErrorCode::Aborted
                | ErrorCode::OutOfRange
                | ErrorCode::Unimplemented
                | ErrorCode::Internal
                | ErrorCode::Unavailable
                | ErrorCode::DataLoss
                | ErrorCode::Unauthenticated => RealtimeCode::RuntimeException,
            },
            Self::InvalidId
            | Self::NoTarget
            | Self::InvalidToken
            | Self::NameTooLong { .. }
            | Self::InvalidPresence
            | Self::TooManyPresences { .. }
            | Self::Listing(_) => RealtimeCode::BadInput,
        }
    }
}

impl Classify for MatchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::NotFound,
            Self::Full { .. } => ErrorCode::ResourceExhausted,
            Self::Refused(error) => error.code(),
            Self::InvalidId
            | Self::NoTarget
            | Self::InvalidToken
            | Self::NameTooLong { .. }
            | Self::InvalidPresence
            | Self::TooManyPresences { .. }
            | Self::Listing(_) => ErrorCode::InvalidArgument,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_protocol() {
        for (error, code, realtime) in [
            (MatchError::InvalidId, ErrorCode::InvalidArgument, RealtimeCode::BadInput),
            (MatchError::NotFound, ErrorCode::NotFound, RealtimeCode::MatchNotFound),
            (
                MatchError::Full { limit: 2 },
                ErrorCode::ResourceExhausted,
                RealtimeCode::MatchJoinRejected,
            ),
            (
                CodedError::new(ErrorCode::NotFound, "gone").into(),
                ErrorCode::NotFound,
                RealtimeCode::RuntimeException,
            ),
            (BadListing::Limit.into(), ErrorCode::InvalidArgument, RealtimeCode::BadInput),
        ] {
            assert_eq!((error.code(), error.realtime_code()), (code, realtime), "{error}");
        }
    }
}
