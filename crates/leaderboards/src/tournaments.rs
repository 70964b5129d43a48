//! Lists of tournaments.

use tavern_domain::{CursorScope, InvalidCursor, Timestamp};
use tavern_storage::{Board, EndFilter, TournamentFilter, TournamentPosition};

use crate::boards::{BoardView, page_limit, truncate};
use crate::leaderboards::is_id;
use crate::{Leaderboards, LeaderboardsError};

/// Most tournaments on a page.
const MAX_LIMIT: u32 = 100;
/// The highest category.
const LAST_CATEGORY: u8 = 127;

/// Which tournaments to list. Times in seconds since the epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TournamentQuery<'a> {
    /// Lowest category, 0 to 127.
    pub category_start: i64,
    /// Highest category, 0 to 127.
    pub category_end: i64,
    /// Earliest start; below zero for any.
    pub start_time: i64,
    /// Latest end, with 0 for none at all; below zero for those that have not ended.
    pub end_time: i64,
    /// Tournaments on a page, 1 to 100.
    pub limit: i64,
    /// Where to go on; empty begins at the first.
    pub cursor: &'a str,
}

impl TournamentQuery<'_> {
    fn filter(&self, now: Timestamp) -> Result<TournamentFilter, LeaderboardsError> {
        let category = |number: i64| {
            let number = u8::try_from(number).ok().filter(|number| *number <= LAST_CATEGORY);
            number.ok_or(LeaderboardsError::Categories)
        };
        // No tournament has a category beyond the last one: a list that begins there is empty.
        let first = self.category_start.clamp(0, i64::from(u8::MAX));
        let category_start = u8::try_from(first).unwrap_or(u8::MAX);
        let category_end = category(self.category_end)?;
        if self.category_start > self.category_end || self.category_start < 0 {
            return Err(LeaderboardsError::Categories);
        }
        if self.end_time > 0 && self.end_time < self.start_time {
            return Err(LeaderboardsError::EndBeforeStart);
        }
        Ok(TournamentFilter {
            category_start,
            category_end,
            start: (self.start_time >= 0).then(|| Timestamp::from_seconds(self.start_time)),
            end: match self.end_time {
                0 => EndFilter::Endless,
                1.. => EndFilter::At(Timestamp::from_seconds(self.end_time)),
                _ => EndFilter::NotBefore(now.whole_seconds()),
            },
        })
    }

    /// What a cursor is bound to.
    fn about(&self) -> Vec<u8> {
        [self.category_start, self.category_end, self.start_time, self.end_time]
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect()
    }
}

const LIST: &str = "tournaments 1";

fn encode(about: &[u8], last: &Board) -> Option<String> {
    let terms = last.tournament.as_ref()?;
    let end = terms.end_time.unwrap_or(Timestamp::EPOCH);
    let mut position = vec![terms.category];
    position.extend(terms.start_time.nanos().to_be_bytes());
    position.extend(end.nanos().to_be_bytes());
    position.extend(last.id.as_bytes());
    Some(CursorScope { list: LIST, about }.encode(&position))
}

fn decode(about: &[u8], text: &str) -> Result<TournamentPosition, InvalidCursor> {
    let bytes = CursorScope { list: LIST, about }.decode(text)?;
    let (category, rest) = bytes.split_first().ok_or(InvalidCursor)?;
    let (start, rest) = rest.split_first_chunk::<8>().ok_or(InvalidCursor)?;
    let (end, id) = rest.split_first_chunk::<8>().ok_or(InvalidCursor)?;
    let end = Timestamp::from_nanos(i64::from_be_bytes(*end));
    let id = std::str::from_utf8(id).ok().filter(|id| is_id(id)).ok_or(InvalidCursor)?;
    Ok(TournamentPosition {
        start_time: Timestamp::from_nanos(i64::from_be_bytes(*start)),
        end_time: (end != Timestamp::EPOCH).then_some(end),
        category: *category,
        id: id.to_owned(),
    })
}

impl Leaderboards {
    /// Lists tournaments by start (earliest first), end (latest first), category and id, and says
    /// where the next page begins.
    ///
    /// # Errors
    /// When the query makes no sense.
    pub async fn list_tournaments(
        &self,
        query: TournamentQuery<'_>,
    ) -> Result<(Vec<BoardView>, Option<String>), LeaderboardsError> {
        let limit = page_limit(query.limit, MAX_LIMIT)?;
        let filter = query.filter(self.clock.now())?;
        let about = query.about();
        let after = match query.cursor {
            "" => None,
            text => Some(decode(&about, text)?),
        };
        let mut boards = self.boards.tournaments(filter, after.as_ref(), limit + 1).await?;
        let more = truncate(&mut boards, limit);
        let cursor = boards.last().filter(|_| more).and_then(|last| encode(&about, last));
        Ok((self.views(boards), cursor))
    }
}
