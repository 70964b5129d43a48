//! Leaderboards and tournaments.

mod boards;
mod records;
mod schedules;

use std::collections::{BTreeMap, HashMap};

use tavern_domain::{Timestamp, UserId};

use crate::{Board, BoardRecord, RankChange, RankKey, Snapshot};

/// Everything about boards.
#[derive(Default)]
pub(super) struct BoardTables {
    boards: BTreeMap<String, Board>,
    /// By board, expiry and owner.
    records: BTreeMap<(String, Timestamp, UserId), BoardRecord>,
    schedules: HashMap<String, Schedule>,
    /// The last transaction that changed a record.
    transaction: u64,
}

/// The kept schedule of a board.
struct Schedule {
    done: Timestamp,
    due: Option<Timestamp>,
    free_from: Timestamp,
    attempts: u32,
}

impl BoardTables {
    fn change(&mut self, from: Option<RankKey>, to: Option<RankKey>) -> RankChange {
        self.transaction += 1;
        RankChange { transaction: self.transaction, from, to }
    }

    /// Behind the one lock, every earlier transaction is finished.
    fn snapshot(&self) -> Snapshot {
        let next = self.transaction + 1;
        Snapshot { oldest: next, next, unfinished: Vec::new() }
    }

    fn delete_board(&mut self, id: &str) -> bool {
        let there = self.boards.remove(id).is_some();
        self.records.retain(|(board, _, _), _| board != id);
        self.schedules.remove(id);
        there
    }

    /// What belongs to a player, by board and expiry.
    pub(super) fn of_owner(
        &self,
        owner: UserId,
    ) -> impl Iterator<Item = (&str, Timestamp, &BoardRecord)> {
        let own = self.records.iter().filter(move |((_, _, of), _)| *of == owner);
        own.map(|((board, expiry, _), record)| (board.as_str(), *expiry, record))
    }

    /// Forgets what belongs to a player who is gone.
    pub(super) fn delete_owner(&mut self, owner: UserId) -> Vec<(String, Timestamp, RankChange)> {
        let keys: Vec<_> = self.records.keys().filter(|(_, _, of)| *of == owner).cloned().collect();
        keys.into_iter()
            .filter_map(|key| {
                let gone = self.records.remove(&key)?;
                let change = self.change(Some(gone.key()), None);
                Some((key.0, key.1, change))
            })
            .collect()
    }
}
