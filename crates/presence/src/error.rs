//! What can go wrong.

use tavern_domain::{Classify, ErrorCode, SessionId};

/// Why a presence was not tracked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresenceError {
    /// See [`Config::max_streams_per_session`](crate::Config).
    #[error("session is on {limit} streams, the maximum")]
    TooManyStreams {
        /// The configured maximum.
        limit: usize,
    },
    /// See [`Config::max_presences_per_stream`](crate::Config).
    #[error("stream has {limit} presences, the maximum")]
    StreamFull {
        /// The configured maximum.
        limit: usize,
    },
    /// The session has ended.
    #[error("session {session} is gone")]
    SessionGone {
        /// The session.
        session: SessionId,
    },
}

impl Classify for PresenceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooManyStreams { .. } | Self::StreamFull { .. } => ErrorCode::ResourceExhausted,
            Self::SessionGone { .. } => ErrorCode::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_to_the_client() {
        let error = PresenceError::StreamFull { limit: 7 };
        assert_eq!(error.code(), ErrorCode::ResourceExhausted);
        assert_eq!(error.to_string(), "stream has 7 presences, the maximum");
    }
}
