//! The schedules of boards.

use async_trait::async_trait;
use tavern_domain::Timestamp;

use super::super::Memory;
use super::{BoardTables, Schedule};
use crate::{Board, BoardSchedules, DueBoard, StorageError, Watermark};

impl BoardTables {
    /// The schedule of a board that waits for this.
    fn waiting(&mut self, board: &str, due: Timestamp) -> Option<&mut Schedule> {
        let due = due.whole_micros();
        self.schedules.get_mut(board).filter(|schedule| schedule.due == Some(due))
    }
}

#[async_trait]
impl BoardSchedules for Memory {
    async fn unscheduled(&self, limit: u32) -> Result<Vec<Board>, StorageError> {
        let tables = self.lock();
        let boards = tables.boards.boards.values().filter(|board| {
            (board.reset_schedule.is_some() || board.tournament.is_some())
                && !tables.boards.schedules.contains_key(&board.id)
        });
        Ok(boards.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn schedule(&self, board: &str, watermark: Watermark) -> Result<(), StorageError> {
        let boards = &mut self.lock().boards;
        if boards.boards.contains_key(board) {
            boards.schedules.entry(board.to_owned()).or_insert(Schedule {
                done: watermark.done.whole_micros(),
                due: watermark.due.map(Timestamp::whole_micros),
                free_from: Timestamp::EPOCH,
                attempts: 0,
            });
        }
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StorageError> {
        let due = |schedule: &Schedule| schedule.due.map(|due| due.max(schedule.free_from));
        Ok(self.lock().boards.schedules.values().filter_map(due).min())
    }

    async fn claim_due(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueBoard>, StorageError> {
        let BoardTables { boards, schedules, .. } = &mut self.lock().boards;
        let mut waiting: Vec<(Timestamp, String)> = schedules
            .iter()
            .filter(|(_, schedule)| schedule.free_from <= now)
            .filter_map(|(id, schedule)| {
                Some((schedule.due.filter(|due| *due <= now)?, id.clone()))
            })
            .collect();
        waiting.sort();
        waiting.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut claimed = Vec::with_capacity(waiting.len());
        for (due, id) in waiting {
            let (Some(board), Some(schedule)) = (boards.get(&id), schedules.get_mut(&id)) else {
                continue;
            };
            schedule.free_from = until.whole_micros();
            schedule.attempts += 1;
            claimed.push(DueBoard {
                board: board.clone(),
                done: schedule.done,
                due,
                attempts: schedule.attempts,
            });
        }
        Ok(claimed)
    }

    async fn done(
        &self,
        board: &str,
        due: Timestamp,
        watermark: Watermark,
    ) -> Result<bool, StorageError> {
        let boards = &mut self.lock().boards;
        let Some(schedule) = boards.waiting(board, due) else { return Ok(false) };
        *schedule = Schedule {
            done: watermark.done.whole_micros(),
            due: watermark.due.map(Timestamp::whole_micros),
            free_from: Timestamp::EPOCH,
            attempts: 0,
        };
        Ok(true)
    }

    async fn release(
        &self,
        board: &str,
        due: Timestamp,
        not_before: Timestamp,
    ) -> Result<(), StorageError> {
        let boards = &mut self.lock().boards;
        if let Some(schedule) = boards.waiting(board, due) {
            schedule.free_from = not_before.whole_micros();
        }
        Ok(())
    }
}
