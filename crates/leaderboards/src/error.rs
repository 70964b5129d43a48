//! Why something about leaderboards is refused.

use tavern_domain::{Classify, ErrorCode, InvalidCursor, JsonObjectError};
use tavern_storage::StorageError;

use crate::cron::CronError;
use crate::{MAX_METADATA_BYTES, MAX_OWNERS};

/// Why something about leaderboards is refused. Nothing was changed, unless the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaderboardsError {
    /// No such leaderboard.
    #[error("leaderboard not found")]
    NoLeaderboard,
    /// No such tournament.
    #[error("tournament not found")]
    NoTournament,
    /// A leaderboard has the id.
    #[error("the id belongs to a leaderboard")]
    IsLeaderboard,
    /// Only server code writes here.
    #[error("only the server writes here")]
    Authoritative,
    /// An id that no board can have.
    #[error("an id has 1 to 128 characters and no control characters")]
    Id,
    /// A score below zero.
    #[error("scores are not below zero")]
    NegativeScore,
    /// A score that would not fit.
    #[error("the score would be beyond its range")]
    ScoreRange,
    /// Metadata that is no JSON object.
    #[error("metadata must be a JSON object of at most {MAX_METADATA_BYTES} bytes")]
    Metadata(#[source] JsonObjectError),
    /// A schedule that makes no sense.
    #[error("the reset schedule cannot be read: {0}")]
    Schedule(#[source] CronError),
    /// A schedule that is too long.
    #[error("a reset schedule has at most 64 characters")]
    LongSchedule,
    /// Something else about a new tournament makes no sense.
    #[error("{0}")]
    Terms(&'static str),
    /// The tournament is not on.
    #[error("the tournament is not active")]
    NotActive,
    /// The tournament has ended.
    #[error("the tournament has ended")]
    Ended,
    /// The tournament has as many members as it may.
    #[error("the tournament is full")]
    Full,
    /// Joining is not possible, for this reason.
    #[error("the tournament cannot be joined: it {0}")]
    CannotJoin(&'static str),
    /// One must join first.
    #[error("join the tournament first")]
    NotJoined,
    /// The player has written as often as they may.
    #[error("no attempts are left")]
    NoAttemptsLeft,
    /// A page size outside its range.
    #[error("the limit must be between {least} and {most}")]
    Limit {
        /// Smallest.
        least: u32,
        /// Largest.
        most: u32,
    },
    /// More owners than one call may name.
    #[error("at most {MAX_OWNERS} owners can be asked for at once")]
    TooManyOwners,
    /// A range of categories that is none.
    #[error("categories go from 0 to 127, the first not behind the last")]
    Categories,
    /// An end before the start.
    #[error("the end is before the start")]
    EndBeforeStart,
    /// A time that is none.
    #[error("an expiry is not below zero")]
    Expiry,
    /// A rank that is none.
    #[error("there is no such rank")]
    Rank,
    /// Adding no attempts.
    #[error("the number of attempts to add is not zero")]
    NoChange,
    /// A cursor that is none, or one of another list.
    #[error("invalid cursor")]
    Cursor(#[from] InvalidCursor),
    /// A text that the store cannot keep.
    #[error("a value cannot be kept")]
    NotKeepable(#[source] StorageError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for LeaderboardsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoLeaderboard | Self::NoTournament | Self::Ended => ErrorCode::NotFound,
            Self::Authoritative => ErrorCode::PermissionDenied,
            Self::NotActive | Self::Full | Self::NotJoined | Self::NoAttemptsLeft => {
                ErrorCode::FailedPrecondition
            }
            Self::IsLeaderboard
            | Self::CannotJoin(_)
            | Self::Id
            | Self::NegativeScore
            | Self::ScoreRange
            | Self::Metadata(_)
            | Self::Schedule(_)
            | Self::LongSchedule
            | Self::Terms(_)
            | Self::Limit { .. }
            | Self::TooManyOwners
            | Self::Categories
            | Self::EndBeforeStart
            | Self::Expiry
            | Self::Rank
            | Self::NoChange
            | Self::Cursor(_)
            | Self::NotKeepable(_) => ErrorCode::InvalidArgument,
            Self::Storage(error) => error.code(),
        }
    }
}
