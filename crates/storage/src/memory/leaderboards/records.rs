//! Records of boards.

use std::ops::Bound;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use super::super::limits::{fits, jsonb};
use super::super::{Memory, Tables};
use super::BoardTables;
use crate::{
    Around, BoardRecord, BoardRecords, Joined, NO_MAX_SIZE, Period, RankChange, RankKey,
    RankSkeleton, RecordPage, RecordWalk, RecordWrite, Snapshot, SortOrder, StorageError,
    TournamentTerms, WriteRefused, Written,
};

/// Attempts on boards that do not limit them.
const PLAIN_ATTEMPTS: u32 = 1_000_000;

fn key(period: Period<'_>, owner: UserId) -> (String, Timestamp, UserId) {
    (period.board.to_owned(), period.expiry, owner)
}

impl BoardTables {
    /// The records of a period in ascending order.
    fn ordered(&self, period: Period<'_>) -> Vec<&BoardRecord> {
        let from = Bound::Included(key(period, UserId::NIL));
        let mut records: Vec<&BoardRecord> = self
            .records
            .range((from, Bound::Unbounded))
            .take_while(|((board, expiry, _), _)| board == period.board && *expiry == period.expiry)
            .map(|(_, record)| record)
            .collect();
        records.sort_by_key(|record| record.key());
        records
    }

    /// One more member, if there is room.
    fn count_in(&mut self, board: &str, terms: &TournamentTerms) -> bool {
        if terms.max_size == NO_MAX_SIZE {
            return true;
        }
        let kept = self.boards.get_mut(board).and_then(|board| board.tournament.as_mut());
        let Some(kept) = kept.filter(|kept| kept.size < kept.max_size) else { return false };
        kept.size += 1;
        true
    }

    /// A part of a walk over `records`, which are in ascending order.
    fn walk(records: Vec<&BoardRecord>, walk: RecordWalk<'_>) -> RecordPage {
        let downwards = (walk.sort == SortOrder::Descending) != walk.backwards;
        let behind = |record: &&BoardRecord| match walk.after {
            None => true,
            Some(after) if downwards => record.key() < after,
            Some(after) => record.key() > after,
        };
        let mut behind: Vec<&BoardRecord> = records.into_iter().filter(behind).collect();
        if downwards {
            behind.reverse();
        }
        let limit = usize::try_from(walk.limit).unwrap_or(usize::MAX);
        let more = behind.len() > limit;
        RecordPage { records: behind.into_iter().take(limit).cloned().collect(), more }
    }

    fn write(&mut self, write: RecordWrite<'_>) -> Result<Written, StorageError> {
        let refused = |why| Ok(Written::Refused(why));
        let period = write.period;
        let at = key(period, write.owner);
        if !self.boards.contains_key(period.board) {
            return refused(WriteRefused::NoBoard);
        }
        let metadata = write.metadata.map(jsonb).transpose()?;
        let now = write.now.whole_micros();
        let Some(held) = self.records.get(&at).cloned() else {
            let terms = write.tournament;
            if terms.is_some_and(|terms| terms.join_required) {
                return refused(WriteRefused::NotJoined);
            }
            if let Some(terms) = terms
                && !self.count_in(period.board, terms)
            {
                return refused(WriteRefused::Full);
            }
            let (score, subscore) = write.change.first();
            let record = BoardRecord {
                owner: write.owner,
                username: write.username.map(str::to_owned),
                score,
                subscore,
                num_score: 1,
                max_num_score: terms.map_or(PLAIN_ATTEMPTS, |terms| terms.max_num_score),
                metadata: metadata.unwrap_or_else(|| "{}".to_owned()),
                create_time: now,
                update_time: now,
            };
            let change = self.change(None, Some(record.key()));
            self.records.insert(at, record.clone());
            return Ok(Written::Changed(record, change));
        };
        let scores = (held.score, held.subscore);
        let applied = write
            .change
            .applied(scores)
            .ok_or_else(|| StorageError::DoesNotFit("a score beyond its range".into()))?;
        match write.tournament {
            None if !write.change.counts(scores) => return Ok(Written::Unchanged(held)),
            Some(_) if held.num_score >= held.max_num_score => {
                return refused(WriteRefused::NoAttemptsLeft);
            }
            None | Some(_) => {}
        }
        let mut record = held.clone();
        (record.score, record.subscore) = applied;
        record.num_score += 1;
        record.update_time = now;
        if let Some(metadata) = metadata {
            record.metadata = metadata;
        }
        if let Some(username) = write.username {
            record.username = Some(username.to_owned());
        }
        let change = self.change(Some(held.key()), Some(record.key()));
        self.records.insert(at, record.clone());
        Ok(Written::Changed(record, change))
    }
}

#[async_trait]
impl BoardRecords for Memory {
    async fn write(&self, write: RecordWrite<'_>) -> Result<Written, StorageError> {
        if let Some(username) = write.username {
            fits(username, 128)?;
        }
        self.lock().boards.write(write)
    }

    async fn join(
        &self,
        period: Period<'_>,
        owner: UserId,
        username: &str,
        terms: &TournamentTerms,
        now: Timestamp,
    ) -> Result<Joined, StorageError> {
        fits(username, 128)?;
        let boards = &mut self.lock().boards;
        let at = key(period, owner);
        if !boards.boards.contains_key(period.board) {
            return Ok(Joined::NoBoard);
        }
        if boards.records.contains_key(&at) {
            return Ok(Joined::Already);
        }
        if !boards.count_in(period.board, terms) {
            return Ok(Joined::Full);
        }
        let now = now.whole_micros();
        let record = BoardRecord {
            owner,
            username: Some(username.to_owned()),
            score: 0,
            subscore: 0,
            num_score: 0,
            max_num_score: terms.max_num_score,
            metadata: "{}".to_owned(),
            create_time: now,
            update_time: now,
        };
        let change = boards.change(None, Some(record.key()));
        boards.records.insert(at, record);
        Ok(Joined::New(change))
    }

    async fn delete(
        &self,
        period: Period<'_>,
        owner: UserId,
        limited: bool,
    ) -> Result<Option<RankChange>, StorageError> {
        let boards = &mut self.lock().boards;
        let Some(gone) = boards.records.remove(&key(period, owner)) else { return Ok(None) };
        let terms = boards.boards.get_mut(period.board).and_then(|board| board.tournament.as_mut());
        if let Some(terms) = terms.filter(|_| limited) {
            terms.size = terms.size.saturating_sub(1);
        }
        Ok(Some(boards.change(Some(gone.key()), None)))
    }

    async fn delete_owner(
        &self,
        owner: UserId,
    ) -> Result<Vec<(String, Timestamp, RankChange)>, StorageError> {
        Ok(self.lock().boards.delete_owner(owner))
    }

    async fn add_attempts(
        &self,
        period: Period<'_>,
        owner: UserId,
        count: i32,
    ) -> Result<bool, StorageError> {
        let tables: &mut Tables = &mut self.lock();
        let Some(record) = tables.boards.records.get_mut(&key(period, owner)) else {
            return Ok(false);
        };
        let most = i64::from(NO_MAX_SIZE);
        let attempts = (i64::from(record.max_num_score) + i64::from(count)).clamp(1, most);
        record.max_num_score = u32::try_from(attempts).unwrap_or(NO_MAX_SIZE);
        Ok(true)
    }

    async fn of_owners(
        &self,
        period: Period<'_>,
        owners: &[UserId],
    ) -> Result<Vec<BoardRecord>, StorageError> {
        let tables = self.lock();
        let mut owners = owners.to_vec();
        owners.sort_unstable();
        owners.dedup();
        let found =
            owners.iter().filter_map(|owner| tables.boards.records.get(&key(period, *owner)));
        Ok(found.cloned().collect())
    }

    async fn page(&self, walk: RecordWalk<'_>) -> Result<RecordPage, StorageError> {
        let tables = self.lock();
        Ok(BoardTables::walk(tables.boards.ordered(walk.period), walk))
    }

    async fn around(
        &self,
        period: Period<'_>,
        sort: SortOrder,
        owner: UserId,
        limit: u32,
    ) -> Result<Option<Around>, StorageError> {
        let tables = self.lock();
        let Some(own) = tables.boards.records.get(&key(period, owner)) else { return Ok(None) };
        let side = |backwards| {
            let walk = RecordWalk { period, sort, after: Some(own.key()), backwards, limit };
            BoardTables::walk(tables.boards.ordered(period), walk).records
        };
        Ok(Some(Around { better: side(true), own: own.clone(), worse: side(false) }))
    }

    async fn skeleton(
        &self,
        period: Period<'_>,
        from: RankKey,
        run: u32,
        runs: u32,
    ) -> Result<RankSkeleton, StorageError> {
        let tables = self.lock();
        let mut keys: Vec<RankKey> =
            tables.boards.ordered(period).into_iter().map(BoardRecord::key).collect();
        keys.retain(|key| *key >= from);
        let most = usize::try_from(u64::from(run.max(1)) * u64::from(runs.max(1)));
        let most = most.unwrap_or(usize::MAX);
        let next = keys.get(most).copied();
        keys.truncate(most);
        let runs = keys.chunks(usize::try_from(run.max(1)).unwrap_or(usize::MAX));
        let (bounds, counts) =
            runs.map(|run| (run[0], u32::try_from(run.len()).unwrap_or(u32::MAX))).unzip();
        Ok(RankSkeleton { bounds, counts, snapshot: tables.boards.snapshot(), next })
    }

    async fn keys(
        &self,
        period: Period<'_>,
        from: RankKey,
        to: Option<RankKey>,
    ) -> Result<(Vec<RankKey>, Snapshot), StorageError> {
        let tables = self.lock();
        let inside = |key: &RankKey| *key >= from && to.is_none_or(|to| *key < to);
        let keys = tables.boards.ordered(period).into_iter().map(BoardRecord::key).filter(inside);
        Ok((keys.collect(), tables.boards.snapshot()))
    }

    async fn recount(&self, period: Period<'_>) -> Result<bool, StorageError> {
        let boards = &mut self.lock().boards;
        let there = u32::try_from(boards.ordered(period).len()).unwrap_or(u32::MAX);
        let terms = boards.boards.get_mut(period.board).and_then(|board| board.tournament.as_mut());
        let Some(terms) = terms.filter(|terms| terms.size > there) else { return Ok(false) };
        terms.size = there;
        Ok(true)
    }
}
