//! The boards themselves.

use std::cmp::Reverse;

use async_trait::async_trait;
use tavern_domain::Timestamp;

use super::super::Memory;
use super::super::limits::{fits, jsonb};
use crate::{
    Board, Boards, EndFilter, StorageError, TournamentFilter, TournamentPosition, TournamentTerms,
};

/// What a row of the table can hold.
fn kept(board: &Board) -> Result<Board, StorageError> {
    fits(&board.id, 128)?;
    if let Some(schedule) = &board.reset_schedule {
        fits(schedule, 64)?;
    }
    let mut kept = board.clone();
    kept.metadata = jsonb(&board.metadata)?;
    kept.create_time = board.create_time.whole_micros();
    if let Some(terms) = &mut kept.tournament {
        fits(&terms.title, 255)?;
        fits(&terms.description, 255)?;
        terms.size = 0;
        terms.start_time = terms.start_time.whole_micros();
        terms.end_time = terms.end_time.map(Timestamp::whole_micros);
    }
    Ok(kept)
}

type Order = (Timestamp, Reverse<Timestamp>, u8, String);

fn order(id: &str, terms: &TournamentTerms) -> Order {
    let end = terms.end_time.unwrap_or(Timestamp::EPOCH);
    (terms.start_time, Reverse(end), terms.category, id.to_owned())
}

fn wanted(filter: TournamentFilter, terms: &TournamentTerms) -> bool {
    let by_end = match filter.end {
        EndFilter::NotBefore(now) => terms.end_time.is_none_or(|end| end >= now),
        EndFilter::Endless => terms.end_time.is_none(),
        EndFilter::At(latest) => terms.end_time.is_some_and(|end| end <= latest),
    };
    (filter.category_start..=filter.category_end).contains(&terms.category)
        && filter.start.is_none_or(|earliest| terms.start_time >= earliest)
        && by_end
}

impl Memory {
    fn by_age(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: u32,
        wanted: impl Fn(&Board) -> bool,
    ) -> Vec<Board> {
        let tables = self.lock();
        let mut boards: Vec<&Board> = tables
            .boards
            .boards
            .values()
            .filter(|board| wanted(board))
            .filter(|board| after.is_none_or(|after| (board.create_time, &*board.id) > after))
            .collect();
        boards.sort_by(|a, b| (a.create_time, &a.id).cmp(&(b.create_time, &b.id)));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        boards.into_iter().take(limit).cloned().collect()
    }
}

#[async_trait]
impl Boards for Memory {
    async fn create(&self, board: &Board) -> Result<(Board, bool), StorageError> {
        let kept = kept(board)?;
        let boards = &mut self.lock().boards.boards;
        if let Some(there) = boards.get(&kept.id) {
            return Ok((there.clone(), false));
        }
        boards.insert(kept.id.clone(), kept.clone());
        Ok((kept, true))
    }

    async fn get(&self, ids: &[&str]) -> Result<Vec<Board>, StorageError> {
        let boards = &self.lock().boards.boards;
        let mut found: Vec<Board> = ids.iter().filter_map(|id| boards.get(*id)).cloned().collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        Ok(found)
    }

    async fn delete(&self, id: &str) -> Result<bool, StorageError> {
        Ok(self.lock().boards.delete_board(id))
    }

    async fn set_ranks(&self, id: &str, ranks: bool) -> Result<bool, StorageError> {
        let boards = &mut self.lock().boards.boards;
        let Some(board) = boards.get_mut(id) else { return Ok(false) };
        board.ranks = ranks;
        Ok(true)
    }

    async fn leaderboards(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError> {
        Ok(self.by_age(after, limit, |board| board.tournament.is_none()))
    }

    async fn tournaments(
        &self,
        filter: TournamentFilter,
        after: Option<&TournamentPosition>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError> {
        let after: Option<Order> = after.map(|at| {
            let end = at.end_time.unwrap_or(Timestamp::EPOCH);
            (at.start_time, Reverse(end), at.category, at.id.clone())
        });
        let tables = self.lock();
        let mut found: Vec<(Order, &Board)> = tables
            .boards
            .boards
            .values()
            .filter_map(|board| {
                let terms = board.tournament.as_ref()?;
                wanted(filter, terms).then(|| (order(&board.id, terms), board))
            })
            .filter(|(order, _)| after.as_ref().is_none_or(|after| order > after))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(found.into_iter().take(limit).map(|(_, board)| board.clone()).collect())
    }

    async fn all(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError> {
        Ok(self.by_age(after, limit, |_| true))
    }
}
