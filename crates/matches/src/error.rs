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
    /// No query of labels.
    #[error("the query cannot be read: {0}")]
    BadQuery(#[source] tavern_search::QueryError),
    /// The match does not want the player.
    #[error("{reason}")]
    Rejected {
        /// Why, for the player.
        reason: String,
    },
    /// The match did not answer in time, or too many wait for it.
    #[error("the match is busy")]
    Busy,
    /// No handler has this name.
    #[error("no match handler is registered as {name:?}")]
    UnknownHandler {
        /// The name.
        name: String,
    },
    /// The handler could not make a match.
    #[error("the match handler failed: {0}")]
    Handler(#[source] tavern_runtime_hooks::HookError),
    /// The handler wants more or fewer loops than there can be.
    #[error("tick rate {rate} is not within 1 to 60")]
    TickRate {
        /// What it wants, per second.
        rate: i64,
    },
    /// This node runs as many as it can.
    #[error("this node runs {limit} matches, the maximum")]
    TooManyMatches {
        /// How many.
        limit: usize,
    },
    /// The server takes nothing new.
    #[error("the server is stopping")]
    Stopping,
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
            Self::Full { .. } | Self::Rejected { .. } => RealtimeCode::MatchJoinRejected,
            Self::Busy
            | Self::UnknownHandler { .. }
            | Self::Handler(_)
            | Self::TickRate { .. }
            | Self::TooManyMatches { .. }
            | Self::Stopping => RealtimeCode::RuntimeException,
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
            | Self::BadQuery(_)
            | Self::Listing(_) => RealtimeCode::BadInput,
        }
    }
}

impl Classify for MatchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::NotFound,
            Self::Full { .. } | Self::Busy | Self::TooManyMatches { .. } => {
                ErrorCode::ResourceExhausted
            }
            Self::Rejected { .. } => ErrorCode::PermissionDenied,
            Self::Handler(error) => error.code,
            Self::Stopping => ErrorCode::Unavailable,
            // As in the public protocol.
            Self::BadQuery(_) => ErrorCode::Internal,
            Self::Refused(error) => error.code(),
            Self::InvalidId
            | Self::NoTarget
            | Self::InvalidToken
            | Self::NameTooLong { .. }
            | Self::InvalidPresence
            | Self::TooManyPresences { .. }
            | Self::UnknownHandler { .. }
            | Self::TickRate { .. }
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
