//! What can go wrong.

use tavern_domain::{Classify, ErrorCode, SessionId};

/// Why a session could not be opened or subscribed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamsError {
    /// The session never was here, or is gone already.
    #[error("session {session} is not open")]
    UnknownSession {
        /// The session asked for.
        session: SessionId,
    },
    /// A session is opened once.
    #[error("session {session} is open already")]
    AlreadyOpen {
        /// The session to be opened.
        session: SessionId,
    },
    /// See [`Config::max_subscriptions_per_session`](crate::Config).
    #[error("session is subscribed to {limit} streams, the maximum")]
    TooManySubscriptions {
        /// The configured maximum.
        limit: usize,
    },
}

impl Classify for StreamsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownSession { .. } => ErrorCode::NotFound,
            Self::AlreadyOpen { .. } => ErrorCode::AlreadyExists,
            Self::TooManySubscriptions { .. } => ErrorCode::ResourceExhausted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_told_to_the_client() {
        let error = StreamsError::TooManySubscriptions { limit: 7 };
        assert_eq!(error.code(), ErrorCode::ResourceExhausted);
        assert_eq!(error.to_string(), "session is subscribed to 7 streams, the maximum");
    }
}
