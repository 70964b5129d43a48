//! Lists of records.

use tavern_domain::{Timestamp, UserId};
use tavern_storage::{BoardRecord, Period, RankKey, RecordWalk, SortOrder};

use crate::boards::page_limit;
use crate::cursor::Position;
use crate::leaderboards::Known;
use crate::{Leaderboards, LeaderboardsError, MAX_OWNERS};

/// A record and its rank.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranked {
    /// On which board.
    pub board: String,
    /// The record.
    pub record: BoardRecord,
    /// When it expires; `None` for never.
    pub expiry: Option<Timestamp>,
    /// The best has 1; 0 when the board has no ranks.
    pub rank: u64,
}

impl Ranked {
    pub(crate) fn new(known: &Known, expiry: Timestamp, record: BoardRecord, rank: u64) -> Self {
        let expiry = (expiry != Timestamp::EPOCH).then_some(expiry);
        Self { board: known.id.to_string(), record, expiry, rank }
    }
}

/// A part of a period's records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordList {
    /// The page, best first.
    pub records: Vec<Ranked>,
    /// The records of the owners asked for, best first.
    pub owner_records: Vec<Ranked>,
    /// Where worse records begin; `None` on the last page.
    pub next_cursor: Option<String>,
    /// Where better records begin; `None` on the first page.
    pub prev_cursor: Option<String>,
    /// How many records there are; 0 when the board has no ranks.
    pub rank_count: u64,
}

/// What to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListQuery<'a> {
    /// Of which board.
    pub board: &'a str,
    /// Whose records to add, at most [`MAX_OWNERS`].
    pub owners: &'a [UserId],
    /// Records on a page; `None` for no page.
    pub limit: Option<i64>,
    /// Most records on a page for this caller.
    pub max_limit: u32,
    /// Where to go on; empty begins at the best.
    pub cursor: &'a str,
    /// The period, by the time at which it expires in seconds since the epoch; 0 for the present
    /// one.
    pub expiry: i64,
}

/// Around whom to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AroundQuery<'a> {
    /// Of which board.
    pub board: &'a str,
    /// Around whom.
    pub owner: UserId,
    /// Records, 1 to 100.
    pub limit: i64,
    /// Where to go on; empty begins at the owner.
    pub cursor: &'a str,
    /// As for lists.
    pub expiry: i64,
}

/// Most records around an owner.
const MAX_AROUND: u32 = 100;

impl Leaderboards {
    /// The period that a list is about; `None` when no records are left in it.
    fn listed(&self, known: &Known, expiry: i64) -> Result<Option<Timestamp>, LeaderboardsError> {
        match expiry {
            0 => {
                let now = self.now();
                let over = known.window(now).is_some_and(|window| window.is_over(now));
                Ok((!over).then(|| known.expiry(now)))
            }
            1.. => Ok(Some(Timestamp::from_seconds(expiry))),
            _ => Err(LeaderboardsError::Expiry),
        }
    }

    /// Lists records of a leaderboard or tournament.
    ///
    /// # Errors
    /// When there is no such board, or the query makes no sense.
    pub async fn list(&self, query: ListQuery<'_>) -> Result<RecordList, LeaderboardsError> {
        let known = self.find(query.board).await?.ok_or(LeaderboardsError::NoLeaderboard)?;
        self.list_on(&known, query).await
    }

    /// Lists records of a tournament.
    ///
    /// # Errors
    /// When there is no such tournament, it has ended and no period is named, or the query makes no
    /// sense.
    pub async fn list_tournament(
        &self,
        query: ListQuery<'_>,
    ) -> Result<RecordList, LeaderboardsError> {
        let known = self.tournament(query.board).await?;
        let end = known.board.tournament.as_ref().and_then(|terms| terms.end_time);
        if query.expiry == 0 && end.is_some_and(|end| end.seconds() <= self.now()) {
            return Err(LeaderboardsError::Ended);
        }
        self.list_on(&known, query).await
    }

    async fn list_on(
        &self,
        known: &Known,
        query: ListQuery<'_>,
    ) -> Result<RecordList, LeaderboardsError> {
        let limit = query.limit.map(|limit| page_limit(limit, query.max_limit)).transpose()?;
        if query.owners.len() > MAX_OWNERS {
            return Err(LeaderboardsError::TooManyOwners);
        }
        let Some(expiry) = self.listed(known, query.expiry)? else {
            return Ok(RecordList::default());
        };
        let mut list = match limit {
            Some(limit) => self.page(known, expiry, limit, query.cursor).await?,
            None => RecordList::default(),
        };
        if !query.owners.is_empty() {
            let period = Period { board: &known.id, expiry };
            let mut records = self.records.of_owners(period, query.owners).await?;
            records.sort_unstable_by_key(BoardRecord::key);
            if known.board.sort == SortOrder::Descending {
                records.reverse();
            }
            list.owner_records = self.ranked(known, expiry, records).await?;
        }
        list.rank_count = self.count(known, expiry).await?;
        Ok(list)
    }

    async fn count(&self, known: &Known, expiry: Timestamp) -> Result<u64, LeaderboardsError> {
        if !self.has_ranks(&known.board) {
            return Ok(0);
        }
        Ok(self.ranks.count(&known.id, expiry).await?)
    }

    async fn ranked(
        &self,
        known: &Known,
        expiry: Timestamp,
        records: Vec<BoardRecord>,
    ) -> Result<Vec<Ranked>, LeaderboardsError> {
        let mut ranked = Vec::with_capacity(records.len());
        for record in records {
            let rank = self.rank_of(known, expiry, &record).await?;
            ranked.push(Ranked::new(known, expiry, record, rank));
        }
        Ok(ranked)
    }

    /// A page, numbered from the place that the cursor names.
    async fn page(
        &self,
        known: &Known,
        expiry: Timestamp,
        limit: u32,
        cursor: &str,
    ) -> Result<RecordList, LeaderboardsError> {
        let position = match cursor {
            "" => None,
            text => Some(Position::decode(&known.id, expiry, text)?),
        };
        let backwards = position.is_some_and(|position| position.backwards);
        let walk = RecordWalk {
            period: Period { board: &known.id, expiry },
            sort: known.board.sort,
            after: position.map(|position| position.key),
            backwards,
            limit,
        };
        let page = self.records.page(walk).await?;
        let number = |n: usize| {
            let n = u64::try_from(n).unwrap_or(u64::MAX).saturating_add(1);
            match position {
                None => n,
                // The cursor did not know.
                Some(Position { rank: 0, .. }) => 0,
                Some(position) if backwards => position.rank.saturating_sub(n),
                Some(position) => position.rank.saturating_add(n),
            }
        };
        let records = page.records.into_iter().enumerate();
        let mut records: Vec<Ranked> =
            records.map(|(n, record)| Ranked::new(known, expiry, record, number(n))).collect();
        if backwards {
            records.reverse();
        }
        let edge = |ranked: Option<&Ranked>, backwards| {
            let ranked = ranked?;
            let position = Position { key: ranked.record.key(), rank: ranked.rank, backwards };
            Some(position.encode(&known.id, expiry))
        };
        // Where it came from there is always something.
        let (better, worse) =
            if backwards { (page.more, true) } else { (position.is_some(), page.more) };
        Ok(RecordList {
            prev_cursor: edge(records.first().filter(|_| better), true),
            next_cursor: edge(records.last().filter(|_| worse), false),
            records,
            ..RecordList::default()
        })
    }

    /// Lists the records around an owner's; nothing when the owner has none.
    ///
    /// # Errors
    /// When there is no such board, or the query makes no sense.
    pub async fn around(&self, query: AroundQuery<'_>) -> Result<RecordList, LeaderboardsError> {
        let known = self.find(query.board).await?.ok_or(LeaderboardsError::NoLeaderboard)?;
        self.around_on(&known, query).await
    }

    /// Lists the records around an owner's in a tournament.
    ///
    /// # Errors
    /// When there is no such tournament, or the query makes no sense.
    pub async fn around_tournament(
        &self,
        query: AroundQuery<'_>,
    ) -> Result<RecordList, LeaderboardsError> {
        let known = self.tournament(query.board).await?;
        self.around_on(&known, query).await
    }

    async fn around_on(
        &self,
        known: &Known,
        query: AroundQuery<'_>,
    ) -> Result<RecordList, LeaderboardsError> {
        let limit = page_limit(query.limit, MAX_AROUND)?;
        let Some(expiry) = self.listed(known, query.expiry)? else {
            return Ok(RecordList::default());
        };
        if !query.cursor.is_empty() {
            let mut list = self.page(known, expiry, limit, query.cursor).await?;
            list.rank_count = self.count(known, expiry).await?;
            return Ok(list);
        }
        let period = Period { board: &known.id, expiry };
        let around = self.records.around(period, known.board.sort, query.owner, limit + 1).await?;
        let Some(around) = around else { return Ok(RecordList::default()) };
        let size = usize::try_from(limit).unwrap_or(usize::MAX);
        let cut = middle(around.better.len(), around.worse.len(), size);
        let mut better = around.better;
        better.truncate(cut.better);
        let own = better.len();
        better.reverse();
        let mut records = better;
        records.push(around.own);
        records.extend(around.worse.into_iter().take(cut.worse));
        // One look-up: the others stand in a row with the owner.
        let rank = self.rank_of(known, expiry, &records[own]).await?;
        let number = |n: usize| {
            let places = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
            if rank == 0 { 0 } else { (rank + places(n)).saturating_sub(places(own)) }
        };
        let records: Vec<Ranked> = records
            .into_iter()
            .enumerate()
            .map(|(n, record)| Ranked::new(known, expiry, record, number(n)))
            .collect();
        let edge = |ranked: &Ranked, backwards| {
            Position { key: ranked.record.key(), rank: ranked.rank, backwards }
                .encode(&known.id, expiry)
        };
        Ok(RecordList {
            prev_cursor: records.first().filter(|_| cut.more_better).map(|r| edge(r, true)),
            next_cursor: records.last().filter(|_| cut.more_worse).map(|r| edge(r, false)),
            records,
            owner_records: Vec::new(),
            rank_count: self.count(known, expiry).await?,
        })
    }

    /// A cursor with which a list begins at a rank; empty for the first.
    ///
    /// # Errors
    /// When there is no such board or rank, or the board has no ranks.
    pub async fn cursor_from_rank(
        &self,
        board: &str,
        rank: i64,
        expiry: i64,
    ) -> Result<String, LeaderboardsError> {
        let known = self.find(board).await?.ok_or(LeaderboardsError::NoLeaderboard)?;
        let rank = u64::try_from(rank).ok().filter(|rank| *rank > 0);
        let before = rank.ok_or(LeaderboardsError::Rank)? - 1;
        let expiry = self.listed(&known, expiry)?.ok_or(LeaderboardsError::Ended)?;
        if before == 0 {
            return Ok(String::new());
        }
        if !self.has_ranks(&known.board) {
            return Err(LeaderboardsError::Rank);
        }
        let key: Option<RankKey> =
            self.ranks.at_rank(&known.id, expiry, known.board.sort, before).await?;
        let key = key.ok_or(LeaderboardsError::Rank)?;
        Ok(Position { key, rank: before, backwards: false }.encode(&known.id, expiry))
    }
}

/// How many neighbours are shown, and whether there are more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Middle {
    better: usize,
    worse: usize,
    more_better: bool,
    more_worse: bool,
}

/// The window of `size` records around an owner who has so many better and worse neighbours. Half of
/// it is for worse ones, and more if there are few better ones. What does not fit goes at the top,
/// unless the owner is near it: then at the bottom.
fn middle(better: usize, worse: usize, size: usize) -> Middle {
    let above = better.min(size);
    let half = size / 2;
    let room = if above < half { size - above } else { half };
    let below = worse.min(room);
    let surplus = (above + 1 + below).saturating_sub(size);
    let (shown, below) =
        if above < room { (above, below - surplus) } else { (above - surplus, below) };
    Middle {
        better: shown,
        worse: below,
        more_better: better > shown,
        // As the public protocol has it: what was cut off at the bottom does not count.
        more_worse: worse > room,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_as_the_protocol_has_them() {
        // Better and worse neighbours that there are, size; shown of each, more of each.
        for (better, worse, size, expected) in [
            (2, 1, 3, (1, 1, true, false)),
            (0, 3, 3, (0, 2, false, false)),
            (0, 4, 3, (0, 2, false, true)),
            (3, 0, 2, (1, 0, true, false)),
            (5, 5, 1, (0, 0, true, true)),
            (0, 5, 1, (0, 0, false, true)),
            (5, 5, 2, (0, 1, true, true)),
            (0, 5, 2, (0, 1, false, true)),
            (5, 5, 5, (2, 2, true, true)),
            (1, 9, 5, (1, 3, false, true)),
            (9, 0, 5, (4, 0, true, false)),
            (0, 0, 100, (0, 0, false, false)),
            (3, 3, 100, (3, 3, false, false)),
        ] {
            let cut = middle(better, worse, size);
            let found = (cut.better, cut.worse, cut.more_better, cut.more_worse);
            assert_eq!(found, expected, "{better} better, {worse} worse, {size}");
        }
    }
}
