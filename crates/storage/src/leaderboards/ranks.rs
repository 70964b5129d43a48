//! The order of records, and what it takes to count them without keeping them.

use tavern_domain::UserId;

/// Where a record stands: records are ordered by score, then sub-score, then owner. The order of a
/// board that sorts downwards is this one backwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RankKey {
    pub score: i64,
    pub subscore: i64,
    pub owner: UserId,
}

impl RankKey {
    /// Before every record.
    pub const FIRST: Self = Self { score: 0, subscore: 0, owner: UserId::NIL };
}

/// A change of one record's place by one transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RankChange {
    /// The transaction, as [`Snapshot::sees`] knows it.
    pub transaction: u64,
    /// The record's place before; `None` when it is new.
    pub from: Option<RankKey>,
    /// The record's place now; `None` when it is gone.
    pub to: Option<RankKey>,
}

/// Which transactions a look at the records has seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// Every transaction below is seen.
    pub oldest: u64,
    /// No transaction from here on is seen.
    pub next: u64,
    /// Those in between that are not seen.
    pub unfinished: Vec<u64>,
}

impl Snapshot {
    /// Whether what this transaction did is part of the look.
    #[must_use]
    pub fn sees(&self, transaction: u64) -> bool {
        transaction < self.oldest
            || (transaction < self.next && !self.unfinished.contains(&transaction))
    }
}

/// A part of a period's records, counted in runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RankSkeleton {
    /// The first record of each run, in order.
    pub bounds: Vec<RankKey>,
    /// How many records each run has; all but the last have as many as was asked for.
    pub counts: Vec<u32>,
    /// What was seen.
    pub snapshot: Snapshot,
    /// Where the part behind begins; `None` behind the last record.
    pub next: Option<RankKey>,
}
