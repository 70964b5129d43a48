//! Rows of boards and records.

use tavern_domain::UserId;
use tavern_storage::{
    Board, BoardOperator, BoardRecord, RankChange, RankKey, SortOrder, TournamentTerms,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::DbError;
use crate::query::Column;
use crate::values::{JsonText, Time, Transaction};

/// The columns of a board.
macro_rules! board {
    () => {
        "l.id, l.authoritative, l.sort_order, l.operator, l.reset_schedule, l.metadata, \
         l.create_time, coalesce(l.enable_ranks, true), l.duration, l.title, l.description, \
         l.category, l.start_time, l.end_time, l.join_required, l.max_size, l.max_num_score, l.size"
    };
}
pub(super) use board;

/// The columns of a record.
macro_rules! record {
    () => {
        "owner_id, username, score, subscore, num_score, max_num_score, metadata, create_time, \
         update_time"
    };
}
pub(crate) use record;

fn nonsense(what: &'static str) -> DbError {
    DbError::Nonsense(what.into())
}

/// A number that is never below zero.
pub(super) fn unsigned(row: &Row, at: usize) -> Result<u32, DbError> {
    u32::try_from(row.column::<i32>(at)?).map_err(|_| nonsense("a number below zero"))
}

/// A board whose columns begin at `at`.
pub(super) fn board_at(row: &Row, at: usize) -> Result<Board, DbError> {
    let sort = SortOrder::from_number(row.column::<i16>(at + 2)?.into());
    let operator = BoardOperator::from_number(row.column::<i16>(at + 3)?.into());
    let schedule: Option<String> = row.column(at + 4)?;
    let duration = unsigned(row, at + 8)?;
    let tournament = if duration == 0 { None } else { Some(terms(row, at, duration)?) };
    Ok(Board {
        id: row.column(at)?,
        authoritative: row.column(at + 1)?,
        sort: sort.ok_or_else(|| nonsense("an unknown sort order"))?,
        operator: operator.ok_or_else(|| nonsense("an unknown operator"))?,
        reset_schedule: schedule.filter(|schedule| !schedule.is_empty()),
        metadata: row.column::<JsonText<'_>>(at + 5)?.into(),
        create_time: row.column::<Time>(at + 6)?.0,
        ranks: row.column(at + 7)?,
        tournament,
    })
}

fn terms(row: &Row, at: usize, duration: u32) -> Result<TournamentTerms, DbError> {
    // A limit on members may have been exceeded and a size gone below zero at other servers.
    let size: i32 = row.column(at + 17)?;
    Ok(TournamentTerms {
        title: row.column(at + 9)?,
        description: row.column(at + 10)?,
        category: u8::try_from(row.column::<i16>(at + 11)?)
            .map_err(|_| nonsense("an unknown category"))?,
        duration,
        start_time: row.column::<Time>(at + 12)?.0,
        end_time: row.column::<Time>(at + 13)?.unless_epoch(),
        join_required: row.column(at + 14)?,
        max_size: unsigned(row, at + 15)?,
        max_num_score: unsigned(row, at + 16)?,
        size: u32::try_from(size).unwrap_or_default(),
    })
}

/// A record whose columns begin at `at`.
pub(crate) fn record_at(row: &Row, at: usize) -> Result<BoardRecord, DbError> {
    let owner = UserId(row.column::<Uuid>(at)?);
    record_of(row, at + 1, owner)
}

/// A record of a known owner, whose other columns begin at `at`.
pub(super) fn record_of(row: &Row, at: usize, owner: UserId) -> Result<BoardRecord, DbError> {
    Ok(BoardRecord {
        owner,
        username: row.column(at)?,
        score: row.column(at + 1)?,
        subscore: row.column(at + 2)?,
        num_score: unsigned(row, at + 3)?,
        max_num_score: unsigned(row, at + 4)?,
        metadata: row.column::<JsonText<'_>>(at + 5)?.into(),
        create_time: row.column::<Time>(at + 6)?.0,
        update_time: row.column::<Time>(at + 7)?.0,
    })
}

/// The change of a deletion: score, sub-score and transaction begin at `at`.
pub(super) fn deleted(row: &Row, at: usize, owner: UserId) -> Result<RankChange, DbError> {
    let from = RankKey { score: row.column(at)?, subscore: row.column(at + 1)?, owner };
    let Transaction(transaction) = row.column(at + 2)?;
    Ok(RankChange { transaction, from: Some(from), to: None })
}
