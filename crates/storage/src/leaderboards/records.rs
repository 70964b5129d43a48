//! Records of leaderboards and tournaments.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use super::boards::{BoardOperator, SortOrder};
use super::ranks::{RankChange, RankKey, RankSkeleton, Snapshot};
use crate::StorageError;

/// What only tournaments have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TournamentTerms {
    /// For people, at most 255 characters.
    pub title: String,
    /// For people, at most 255 characters.
    pub description: String,
    /// 0 to 127.
    pub category: u8,
    /// How long it is active after the start and after each reset, in seconds; above zero.
    pub duration: u32,
    /// When it begins.
    pub start_time: Timestamp,
    /// When it ends for good.
    pub end_time: Option<Timestamp>,
    /// Whether a player must join before writing.
    pub join_required: bool,
    /// Most members in a period, 1 to [`NO_MAX_SIZE`](super::NO_MAX_SIZE), which means any number.
    pub max_size: u32,
    /// Most writes of one member in a period, above zero.
    pub max_num_score: u32,
    /// How many members there are, if their number is limited.
    pub size: u32,
}

/// One period of a board: the records that expire together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Period<'a> {
    /// The board.
    pub board: &'a str,
    /// When its records expire; the epoch for never.
    pub expiry: Timestamp,
}

/// A record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct BoardRecord {
    pub owner: UserId,
    pub username: Option<String>,
    pub score: i64,
    pub subscore: i64,
    pub num_score: u32,
    pub max_num_score: u32,
    /// The text of a JSON object.
    pub metadata: String,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

impl BoardRecord {
    /// Where it stands.
    #[must_use]
    pub const fn key(&self) -> RankKey {
        RankKey { score: self.score, subscore: self.subscore, owner: self.owner }
    }
}

/// The scores of a write and how they meet those that are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ScoreChange {
    pub score: i64,
    pub subscore: i64,
    pub operator: BoardOperator,
    pub sort: SortOrder,
}

impl ScoreChange {
    /// The scores of a record that was not there before.
    #[must_use]
    pub const fn first(self) -> (i64, i64) {
        match self.operator {
            BoardOperator::Best | BoardOperator::Set | BoardOperator::Increment => {
                (self.score, self.subscore)
            }
            BoardOperator::Decrement => (0, 0),
        }
    }

    /// Whether a write on a plain leaderboard counts: one that is no better, the same, or adds
    /// nothing does not.
    #[must_use]
    pub const fn counts(self, (score, subscore): (i64, i64)) -> bool {
        match (self.operator, self.sort) {
            (BoardOperator::Best, SortOrder::Descending) => {
                self.score > score || self.subscore > subscore
            }
            (BoardOperator::Best, SortOrder::Ascending) => {
                self.score < score || self.subscore < subscore
            }
            (BoardOperator::Set, _) => self.score != score || self.subscore != subscore,
            (BoardOperator::Increment | BoardOperator::Decrement, _) => {
                self.score != 0 || self.subscore != 0
            }
        }
    }

    /// What becomes of these scores; `None` beyond the range of 64-bit integers.
    #[must_use]
    pub fn applied(self, (score, subscore): (i64, i64)) -> Option<(i64, i64)> {
        let each = |old: i64, new: i64| match (self.operator, self.sort) {
            (BoardOperator::Best, SortOrder::Descending) => Some(old.max(new)),
            (BoardOperator::Best, SortOrder::Ascending) => Some(old.min(new)),
            (BoardOperator::Set, _) => Some(new),
            (BoardOperator::Increment, _) => old.checked_add(new),
            (BoardOperator::Decrement, _) => old.checked_sub(new).map(|rest| rest.max(0)),
        };
        Some((each(score, self.score)?, each(subscore, self.subscore)?))
    }
}

/// A score to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordWrite<'a> {
    /// Where.
    pub period: Period<'a>,
    /// Whose.
    pub owner: UserId,
    /// The owner's name; `None` keeps the one that is there.
    pub username: Option<&'a str>,
    /// The text of a JSON object; `None` keeps the one that is there.
    pub metadata: Option<&'a str>,
    /// The scores, neither below zero.
    pub change: ScoreChange,
    /// The rules of a tournament, where every write counts; `None` for a plain leaderboard, where
    /// [`ScoreChange::counts`] says so.
    pub tournament: Option<&'a TournamentTerms>,
    /// The present.
    pub now: Timestamp,
}

/// What became of a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// The record is new, or its scores or the number of writes have changed.
    Changed(BoardRecord, RankChange),
    /// The record stays as it was.
    Unchanged(BoardRecord),
    /// Nothing was written.
    Refused(WriteRefused),
}

/// Why nothing was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteRefused {
    /// There is no such board.
    NoBoard,
    /// The owner must join first.
    NotJoined,
    /// The tournament has as many members as it may.
    Full,
    /// The owner has written as often as they may.
    NoAttemptsLeft,
}

/// What became of joining.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Joined {
    /// The owner is a member now.
    New(RankChange),
    /// The owner was a member already.
    Already,
    /// The tournament has as many members as it may.
    Full,
    /// There is no such tournament.
    NoBoard,
}

/// Which records to read, in the order of the board.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordWalk<'a> {
    /// Of which period.
    pub period: Period<'a>,
    /// The order of the board.
    pub sort: SortOrder,
    /// Where to begin: behind this place.
    pub after: Option<RankKey>,
    /// Towards better records instead of worse ones. They still come in the order of the walk: the
    /// nearest first.
    pub backwards: bool,
    /// Most records.
    pub limit: u32,
}

/// Records, in the order of a walk.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordPage {
    /// The records.
    pub records: Vec<BoardRecord>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// A record and its neighbours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Around {
    /// Better ones, the nearest first.
    pub better: Vec<BoardRecord>,
    /// The record.
    pub own: BoardRecord,
    /// Worse ones, the nearest first.
    pub worse: Vec<BoardRecord>,
}

/// Records.
#[async_trait]
pub trait BoardRecords: Send + Sync + 'static {
    /// Writes a score: the operator meets the scores that are there in one step, so that writers of
    /// one record lose nothing. Counts new members of tournaments with a limit in the same
    /// transaction. One round trip, unless another writer of the same record comes in between.
    async fn write(&self, write: RecordWrite<'_>) -> Result<Written, StorageError>;

    /// Makes a record without scores for a new member, and counts it.
    async fn join(
        &self,
        period: Period<'_>,
        owner: UserId,
        username: &str,
        terms: &TournamentTerms,
        now: Timestamp,
    ) -> Result<Joined, StorageError>;

    /// Deletes a record, and frees the member's place if `limited` says that there is a limit.
    async fn delete(
        &self,
        period: Period<'_>,
        owner: UserId,
        limited: bool,
    ) -> Result<Option<RankChange>, StorageError>;

    /// Deletes every record of an owner: board, expiry and change of each.
    async fn delete_owner(
        &self,
        owner: UserId,
    ) -> Result<Vec<(String, Timestamp, RankChange)>, StorageError>;

    /// Changes how often an owner may write; answers whether there is a record. It stays at one or
    /// more and at what the column holds, 2,147,483,647, or less.
    async fn add_attempts(
        &self,
        period: Period<'_>,
        owner: UserId,
        count: i32,
    ) -> Result<bool, StorageError>;

    /// The records of these owners, in no particular order.
    async fn of_owners(
        &self,
        period: Period<'_>,
        owners: &[UserId],
    ) -> Result<Vec<BoardRecord>, StorageError>;

    /// A part of a period.
    async fn page(&self, walk: RecordWalk<'_>) -> Result<RecordPage, StorageError>;

    /// An owner's record with at most `limit` neighbours on each side; one round trip.
    async fn around(
        &self,
        period: Period<'_>,
        sort: SortOrder,
        owner: UserId,
        limit: u32,
    ) -> Result<Option<Around>, StorageError>;

    /// Counts a period's records from `from` on in runs of `run`, at most `runs` of them: a board
    /// of any size is counted in parts that each take no long time.
    async fn skeleton(
        &self,
        period: Period<'_>,
        from: RankKey,
        run: u32,
        runs: u32,
    ) -> Result<RankSkeleton, StorageError>;

    /// Where the records from `from` up to, but not including, `to` stand, in order.
    async fn keys(
        &self,
        period: Period<'_>,
        from: RankKey,
        to: Option<RankKey>,
    ) -> Result<(Vec<RankKey>, Snapshot), StorageError>;

    /// Sets a tournament's number of members to the number of records of a period, if that is
    /// lower; answers whether it was.
    async fn recount(&self, period: Period<'_>) -> Result<bool, StorageError>;
}
