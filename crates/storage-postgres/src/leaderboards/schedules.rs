//! The schedules of boards.

use async_trait::async_trait;
use tavern_domain::Timestamp;
use tavern_storage::{Board, BoardSchedules, DueBoard, StorageError, Watermark};
use tokio_postgres::Row;

use super::rows;
use super::rows::board;
use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, queries};
use crate::values::Time;

queries!(ScheduleQueries {
    unscheduled: "leaderboard_unscheduled" = concat!(
        "SELECT ", board!(), " FROM leaderboard l \
         WHERE (reset_schedule IS NOT NULL OR duration > 0) AND NOT EXISTS (\
             SELECT FROM tavern_leaderboard_schedule s WHERE s.leaderboard_id = l.id) LIMIT $1");
    /// A board that is gone meanwhile has no schedule.
    schedule: "leaderboard_schedule" =
        "INSERT INTO tavern_leaderboard_schedule \
             (leaderboard_id, done_time, due_time, free_time, attempts) \
         SELECT id, $2, $3, 'epoch', 0 FROM leaderboard WHERE id = $1 \
         ON CONFLICT (leaderboard_id) DO NOTHING";
    next_due: "leaderboard_next_due" =
        "SELECT min(greatest(due_time, free_time)) FROM tavern_leaderboard_schedule \
         WHERE due_time IS NOT NULL";
    /// What others are claiming at this moment is passed over.
    claim: "leaderboard_claim_due" = concat!(
        "WITH due AS MATERIALIZED (\
             SELECT leaderboard_id FROM tavern_leaderboard_schedule \
             WHERE due_time <= $1 AND free_time <= $1 ORDER BY due_time, leaderboard_id LIMIT $3 \
             FOR UPDATE SKIP LOCKED) \
         UPDATE tavern_leaderboard_schedule s SET free_time = $2, attempts = s.attempts + 1 \
         FROM due, leaderboard l WHERE s.leaderboard_id = due.leaderboard_id \
             AND l.id = s.leaderboard_id \
         RETURNING s.done_time, s.due_time, s.attempts, ", board!());
    done: "leaderboard_schedule_done" =
        "UPDATE tavern_leaderboard_schedule \
         SET done_time = $3, due_time = $4, free_time = 'epoch', attempts = 0 \
         WHERE leaderboard_id = $1 AND due_time = $2";
    release: "leaderboard_schedule_release" =
        "UPDATE tavern_leaderboard_schedule SET free_time = $3 \
         WHERE leaderboard_id = $1 AND due_time = $2";
});

/// [`BoardSchedules`] in PostgreSQL.
pub(crate) struct PostgresSchedules {
    pool: Pool,
    queries: ScheduleQueries,
}

impl PostgresSchedules {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: ScheduleQueries::new(pool.metrics()), pool }
    }
}

fn due(row: &Row) -> Result<DueBoard, DbError> {
    Ok(DueBoard {
        done: row.column::<Time>(0)?.0,
        due: row.column::<Time>(1)?.0,
        attempts: rows::unsigned(row, 2)?,
        board: rows::board_at(row, 3)?,
    })
}

#[async_trait]
impl BoardSchedules for PostgresSchedules {
    async fn unscheduled(&self, limit: u32) -> Result<Vec<Board>, StorageError> {
        let rows = self.pool.query(&self.queries.unscheduled, &[&i64::from(limit)]).await?;
        Ok(rows.iter().map(|row| rows::board_at(row, 0)).collect::<Result<_, _>>()?)
    }

    async fn schedule(&self, board: &str, watermark: Watermark) -> Result<(), StorageError> {
        let due = watermark.due.map(Time);
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&board, &Time(watermark.done), &due];
        self.pool.execute(&self.queries.schedule, &params).await?;
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StorageError> {
        let row = self.pool.query_opt(&self.queries.next_due, &[]).await?;
        let due = row.map(|row| row.column::<Option<Time>>(0)).transpose()?;
        Ok(due.flatten().map(|Time(due)| due))
    }

    async fn claim_due(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueBoard>, StorageError> {
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&Time(now), &Time(until), &i64::from(limit)];
        let rows = self.pool.query(&self.queries.claim, &params).await?;
        let mut claimed = rows.iter().map(due).collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by(|a, b| (a.due, &a.board.id).cmp(&(b.due, &b.board.id)));
        Ok(claimed)
    }

    async fn done(
        &self,
        board: &str,
        due: Timestamp,
        watermark: Watermark,
    ) -> Result<bool, StorageError> {
        let next = watermark.due.map(Time);
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&board, &Time(due), &Time(watermark.done), &next];
        Ok(self.pool.execute(&self.queries.done, &params).await? > 0)
    }

    async fn release(
        &self,
        board: &str,
        due: Timestamp,
        not_before: Timestamp,
    ) -> Result<(), StorageError> {
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&board, &Time(due), &Time(not_before)];
        self.pool.execute(&self.queries.release, &params).await?;
        Ok(())
    }
}
