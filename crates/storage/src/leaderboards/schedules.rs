//! When boards reset and end, so that each time is carried out once in the cluster.

use async_trait::async_trait;
use tavern_domain::Timestamp;

use super::boards::Board;
use crate::StorageError;

/// Up to when a board's resets and ends are carried out, and when the next is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watermark {
    /// Everything at this time and before it is done.
    pub done: Timestamp,
    /// When the next is due; `None` when nothing ever is.
    pub due: Option<Timestamp>,
}

/// A board with something due, claimed by the asker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueBoard {
    /// The board.
    pub board: Board,
    /// Everything up to here is done.
    pub done: Timestamp,
    /// What is due.
    pub due: Timestamp,
    /// How often it was claimed since then, this time included.
    pub attempts: u32,
}

/// The schedules of boards.
#[async_trait]
pub trait BoardSchedules: Send + Sync + 'static {
    /// Boards whose schedule is not kept yet: those that have just been created, also by others.
    async fn unscheduled(&self, limit: u32) -> Result<Vec<Board>, StorageError>;

    /// Keeps the schedule of a board, unless one is kept.
    async fn schedule(&self, board: &str, watermark: Watermark) -> Result<(), StorageError>;

    /// When the next board is due.
    async fn next_due(&self) -> Result<Option<Timestamp>, StorageError>;

    /// Claims boards with something due at `now`, those that have waited longest first. Nobody
    /// else is given them before `until`.
    async fn claim_due(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueBoard>, StorageError>;

    /// What was due is done: moves the watermark of a claimed board and ends the claim. Answers
    /// `false`, and changes nothing, when the board is gone or `due` is not what it waits for any
    /// more.
    async fn done(
        &self,
        board: &str,
        due: Timestamp,
        watermark: Watermark,
    ) -> Result<bool, StorageError>;

    /// What was due has failed: it may be claimed again from `not_before` on.
    async fn release(
        &self,
        board: &str,
        due: Timestamp,
        not_before: Timestamp,
    ) -> Result<(), StorageError>;
}
