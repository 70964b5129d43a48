//! Boards: leaderboards, and tournaments, which are leaderboards with a duration.

use async_trait::async_trait;
use tavern_domain::Timestamp;

use super::records::TournamentTerms;
use crate::StorageError;

/// The largest number of members that the public tables know, which there means "any number".
pub const NO_MAX_SIZE: u32 = 2_147_483_647;

/// Which score is better.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SortOrder {
    /// The lower one.
    Ascending,
    /// The higher one.
    Descending,
}

impl SortOrder {
    /// The number in the tables and in the protocol.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Ascending => 0,
            Self::Descending => 1,
        }
    }

    /// The order with this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Ascending),
            1 => Some(Self::Descending),
            _ => None,
        }
    }
}

/// What a write does to the scores that are there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BoardOperator {
    /// Each score stays if it is better than the one written.
    Best,
    /// The written scores replace the old ones.
    Set,
    /// The written scores are added.
    Increment,
    /// The written scores are taken away; the rest is never below zero.
    Decrement,
}

impl BoardOperator {
    /// The number in the tables. The protocol has one of its own, which is one higher.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Best => 0,
            Self::Set => 1,
            Self::Increment => 2,
            Self::Decrement => 3,
        }
    }

    /// The operator with this number in the tables.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Best),
            1 => Some(Self::Set),
            2 => Some(Self::Increment),
            3 => Some(Self::Decrement),
            _ => None,
        }
    }
}

/// A leaderboard or tournament.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Board {
    /// Its name, 1 to 128 characters. Leaderboards and tournaments share one name space.
    pub id: String,
    /// Whether only server code writes.
    pub authoritative: bool,
    /// Which score is better.
    pub sort: SortOrder,
    /// What a write does, unless it says otherwise itself.
    pub operator: BoardOperator,
    /// When the records begin anew: a cron expression.
    pub reset_schedule: Option<String>,
    /// The text of a JSON object.
    pub metadata: String,
    /// When it was created.
    pub create_time: Timestamp,
    /// Whether ranks are worked out.
    pub ranks: bool,
    /// What only tournaments have; `None` for a plain leaderboard.
    pub tournament: Option<TournamentTerms>,
}

/// Which tournaments by their end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndFilter {
    /// Those that have not ended at this time, and those without an end.
    NotBefore(Timestamp),
    /// Those without an end.
    Endless,
    /// Those that end at this time or before it.
    At(Timestamp),
}

/// Which tournaments to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TournamentFilter {
    /// Lowest category.
    pub category_start: u8,
    /// Highest category.
    pub category_end: u8,
    /// Earliest start.
    pub start: Option<Timestamp>,
    /// By the end.
    pub end: EndFilter,
}

/// A place in the list of tournaments, which is ordered by start (earliest first), end (latest
/// first, endless last), category and id.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TournamentPosition {
    pub start_time: Timestamp,
    /// `None` for a tournament without an end.
    pub end_time: Option<Timestamp>,
    pub category: u8,
    pub id: String,
}

/// Leaderboards and tournaments.
#[async_trait]
pub trait Boards: Send + Sync + 'static {
    /// Creates a board, unless one with its id is there. Answers the one that is there afterwards,
    /// and whether it is new. Texts that are longer than their columns do not fit.
    async fn create(&self, board: &Board) -> Result<(Board, bool), StorageError>;

    /// The boards with these ids, each once, in no particular order.
    async fn get(&self, ids: &[&str]) -> Result<Vec<Board>, StorageError>;

    /// Deletes a board with its records and schedule; answers whether there was one.
    async fn delete(&self, id: &str) -> Result<bool, StorageError>;

    /// Says whether a board works out ranks; answers whether there is such a board.
    async fn set_ranks(&self, id: &str, ranks: bool) -> Result<bool, StorageError>;

    /// Plain leaderboards by `create_time` and id, behind this place.
    async fn leaderboards(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError>;

    /// Tournaments in the order of [`TournamentPosition`], behind this place.
    async fn tournaments(
        &self,
        filter: TournamentFilter,
        after: Option<&TournamentPosition>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError>;

    /// Every board by `create_time` and id, behind this place.
    async fn all(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError>;
}
