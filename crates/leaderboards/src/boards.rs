//! Creating, showing and deleting boards.

use tavern_domain::{CursorScope, InvalidCursor, Timestamp, check_json_object};
use tavern_storage::{Board, BoardOperator, NO_MAX_SIZE, SortOrder, StorageError, TournamentTerms};

use crate::cron::Cron;
use crate::leaderboards::{Known, is_id};
use crate::schedule::unreadable;
use crate::window::{self, Window};
use crate::{DEFAULT_MAX_NUM_SCORE, Leaderboards, LeaderboardsError, MAX_METADATA_BYTES};

/// Most boards on a page.
const MAX_LIMIT: u32 = 100;
/// Most boards that can be asked for by id at once.
const MAX_IDS: usize = 1_000;

/// A leaderboard to create.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewLeaderboard<'a> {
    /// 1 to 128 characters.
    pub id: &'a str,
    /// Whether only server code writes.
    pub authoritative: bool,
    /// Which score is better.
    pub sort: SortOrder,
    /// What a write does, unless it says otherwise itself.
    pub operator: BoardOperator,
    /// A [cron expression](crate::cron) of at most 64 characters; empty for never.
    pub reset_schedule: &'a str,
    /// The text of a JSON object.
    pub metadata: &'a str,
    /// Whether ranks are worked out.
    pub ranks: bool,
}

/// A tournament to create.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewTournament<'a> {
    /// What it has in common with a leaderboard.
    pub board: NewLeaderboard<'a>,
    /// At most 255 characters.
    pub title: &'a str,
    /// At most 255 characters.
    pub description: &'a str,
    /// 0 to 127.
    pub category: i64,
    /// How long it is active after the start and after each reset, in seconds, above zero.
    pub duration: i64,
    /// In seconds since the epoch; 0 for now.
    pub start_time: i64,
    /// In seconds since the epoch; 0 for never.
    pub end_time: i64,
    /// Whether a player must join before writing.
    pub join_required: bool,
    /// Most members in a period; 0 for any number.
    pub max_size: i64,
    /// Most writes of one member in a period; 0 for [`DEFAULT_MAX_NUM_SCORE`].
    pub max_num_score: i64,
}

/// A board as it is at some moment. Times in seconds since the epoch, 0 where there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoardView {
    /// The board.
    pub board: Board,
    /// The last reset.
    pub prev_reset: i64,
    /// The next reset: when the present records expire.
    pub next_reset: i64,
    /// The period of a tournament; `None` for a leaderboard.
    pub window: Option<Window>,
    /// Whether a tournament takes new members now.
    pub can_enter: bool,
}

impl BoardView {
    pub(crate) fn of(board: &Board, cron: Option<&Cron>, now: i64) -> Self {
        let window = board.tournament.as_ref().map(|terms| Window::of(terms, cron, now));
        let (prev_reset, next_reset) = window::resets(board, cron, now);
        let can_enter = match (&board.tournament, window) {
            (Some(terms), Some(window)) => {
                window.start_active <= now
                    && now <= window.end_active
                    && (terms.max_size == NO_MAX_SIZE || terms.size < terms.max_size)
            }
            _ => false,
        };
        Self { board: board.clone(), prev_reset, next_reset, window, can_enter }
    }
}

fn parsed(schedule: &str) -> Result<Option<Cron>, LeaderboardsError> {
    if schedule.is_empty() {
        return Ok(None);
    }
    if schedule.chars().count() > 64 {
        return Err(LeaderboardsError::LongSchedule);
    }
    Cron::parse(schedule).map(Some).map_err(LeaderboardsError::Schedule)
}

/// What does not fit is the caller's fault.
pub(crate) fn kept(error: StorageError) -> LeaderboardsError {
    if matches!(error, StorageError::DoesNotFit(_)) {
        LeaderboardsError::NotKeepable(error)
    } else {
        LeaderboardsError::Storage(error)
    }
}

fn text(what: &str) -> Result<(), LeaderboardsError> {
    if what.chars().count() > 255 || what.contains('\0') {
        return Err(LeaderboardsError::Terms(
            "a title and a description have at most 255 characters and no NUL",
        ));
    }
    Ok(())
}

/// A number within its range, or what is wrong with it.
fn within(number: i64, most: i64, wrong: &'static str) -> Result<u32, LeaderboardsError> {
    u32::try_from(number)
        .ok()
        .filter(|number| i64::from(*number) <= most)
        .ok_or(LeaderboardsError::Terms(wrong))
}

impl NewTournament<'_> {
    fn terms(
        &self,
        cron: Option<&Cron>,
        now: Timestamp,
    ) -> Result<TournamentTerms, LeaderboardsError> {
        use LeaderboardsError::Terms;
        /// The last second of the year 9999.
        const LATEST: i64 = 253_402_300_799;
        let most = i64::from(NO_MAX_SIZE);
        text(self.title)?;
        text(self.description)?;
        let category = within(self.category, 127, "a category is between 0 and 127")?;
        let duration = within(self.duration, most, "a duration is above zero")?;
        if duration == 0 {
            return Err(Terms("a duration is above zero"));
        }
        if !(0..=LATEST).contains(&self.start_time) || !(0..=LATEST).contains(&self.end_time) {
            return Err(Terms("times are not below zero"));
        }
        let start =
            if self.start_time == 0 { now } else { Timestamp::from_seconds(self.start_time) };
        if self.end_time != 0 && self.end_time < start.seconds() {
            return Err(Terms("the end is before the start"));
        }
        let first = cron.and_then(|cron| cron.next(start.seconds()));
        if self.end_time != 0 && first.is_some_and(|first| self.end_time <= first) {
            return Err(Terms("the end is not behind the first reset"));
        }
        let max_size = within(self.max_size, most, "a largest size is not below zero")?;
        let max_num_score =
            within(self.max_num_score, most, "a number of attempts is not below zero")?;
        let or = |number: u32, default| if number == 0 { default } else { number };
        Ok(TournamentTerms {
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            category: u8::try_from(category).unwrap_or_default(),
            duration,
            start_time: start,
            end_time: (self.end_time != 0).then(|| Timestamp::from_seconds(self.end_time)),
            join_required: self.join_required,
            max_size: or(max_size, NO_MAX_SIZE),
            max_num_score: or(max_num_score, DEFAULT_MAX_NUM_SCORE),
            size: 0,
        })
    }
}

impl Leaderboards {
    async fn create(
        &self,
        new: &NewLeaderboard<'_>,
        terms: impl FnOnce(
            Option<&Cron>,
            Timestamp,
        ) -> Result<Option<TournamentTerms>, LeaderboardsError>,
    ) -> Result<(Board, bool), LeaderboardsError> {
        if !is_id(new.id) {
            return Err(LeaderboardsError::Id);
        }
        let cron = parsed(new.reset_schedule)?;
        check_json_object(new.metadata, MAX_METADATA_BYTES).map_err(LeaderboardsError::Metadata)?;
        let now = self.clock.now();
        let board = Board {
            id: new.id.to_owned(),
            authoritative: new.authoritative,
            sort: new.sort,
            operator: new.operator,
            reset_schedule: cron.is_some().then(|| new.reset_schedule.to_owned()),
            metadata: new.metadata.to_owned(),
            create_time: now,
            ranks: new.ranks,
            tournament: terms(cron.as_ref(), now)?,
        };
        let (board, is_new) = self.boards.create(&board).await.map_err(kept)?;
        if is_new {
            self.schedule(&board, now).await?;
        }
        self.learn(board.clone(), now)?;
        Ok((board, is_new))
    }

    /// Creates a leaderboard, unless the id is taken; answers whether it is new.
    ///
    /// # Errors
    /// [`LeaderboardsError`] says what makes no sense.
    pub async fn create_leaderboard(
        &self,
        new: &NewLeaderboard<'_>,
    ) -> Result<bool, LeaderboardsError> {
        Ok(self.create(new, |_, _| Ok(None)).await?.1)
    }

    /// Creates a tournament, unless there is one of the id; answers whether it is new.
    ///
    /// # Errors
    /// [`LeaderboardsError::IsLeaderboard`] when a leaderboard has the id; else what makes no sense.
    pub async fn create_tournament(
        &self,
        new: &NewTournament<'_>,
    ) -> Result<bool, LeaderboardsError> {
        let (board, is_new) =
            self.create(&new.board, |cron, now| new.terms(cron, now).map(Some)).await?;
        if board.tournament.is_none() {
            return Err(LeaderboardsError::IsLeaderboard);
        }
        Ok(is_new)
    }

    /// Deletes a leaderboard or tournament with its records; answers whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_board(&self, id: &str) -> Result<bool, LeaderboardsError> {
        let there = is_id(id) && self.boards.delete(id).await?;
        self.lose(id);
        Ok(there)
    }

    /// Deletes a tournament with its records; a leaderboard of that id stays. Answers whether
    /// there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_tournament(&self, id: &str) -> Result<bool, LeaderboardsError> {
        match self.find(id).await? {
            Some(known) if known.board.tournament.is_some() => self.delete_board(id).await,
            Some(_) | None => Ok(false),
        }
    }

    /// Works out no ranks any more. `tournament` says which of the two kinds it must be.
    ///
    /// # Errors
    /// When there is no such board.
    pub async fn disable_ranks(&self, id: &str, tournament: bool) -> Result<(), LeaderboardsError> {
        let known = if tournament {
            self.tournament(id).await?
        } else {
            self.find(id)
                .await?
                .filter(|known| known.board.tournament.is_none())
                .ok_or(LeaderboardsError::NoLeaderboard)?
        };
        self.boards.set_ranks(id, false).await?;
        let board = Board { ranks: false, ..(*known.board).clone() };
        self.learn(board, self.clock.now())?;
        self.ranks.forget_board(id);
        Ok(())
    }

    /// A tournament.
    pub(crate) async fn tournament(&self, id: &str) -> Result<Known, LeaderboardsError> {
        let known = self.find(id).await?;
        known
            .filter(|known| known.board.tournament.is_some())
            .ok_or(LeaderboardsError::NoTournament)
    }

    /// Boards as they are now. Those whose schedule cannot be read are left out, with a warning.
    pub(crate) fn views(&self, boards: Vec<Board>) -> Vec<BoardView> {
        let now = self.now();
        let view = |board: Board| match parsed(board.reset_schedule.as_deref().unwrap_or("")) {
            Ok(cron) => Some(BoardView::of(&board, cron.as_ref(), now)),
            Err(error) => {
                unreadable(&board.id, &error);
                None
            }
        };
        boards.into_iter().filter_map(view).collect()
    }

    /// Leaderboards by age, and where the next page begins.
    ///
    /// # Errors
    /// For a limit outside 1 to 100 and a cursor that is none.
    pub async fn list_leaderboards(
        &self,
        limit: i64,
        cursor: &str,
    ) -> Result<(Vec<BoardView>, Option<String>), LeaderboardsError> {
        let limit = page_limit(limit, MAX_LIMIT)?;
        let after = match cursor {
            "" => None,
            text => Some(decode(text)?),
        };
        let after = after.as_ref().map(|(time, id)| (*time, &**id));
        let mut boards = self.boards.leaderboards(after, limit + 1).await?;
        let more = truncate(&mut boards, limit);
        let cursor = boards.last().filter(|_| more).map(|last| {
            let position =
                [&last.create_time.nanos().to_be_bytes()[..], last.id.as_bytes()].concat();
            SCOPE.encode(&position)
        });
        Ok((self.views(boards), cursor))
    }

    /// The leaderboards, or the tournaments, among these ids, each once, in the order of the ids.
    ///
    /// # Errors
    /// When too many are asked for.
    pub async fn get_boards(
        &self,
        ids: &[String],
        tournaments: bool,
    ) -> Result<Vec<BoardView>, LeaderboardsError> {
        if ids.len() > MAX_IDS {
            return Err(LeaderboardsError::TooManyOwners);
        }
        let wanted: Vec<&str> = ids.iter().map(String::as_str).filter(|id| is_id(id)).collect();
        let mut boards = self.boards.get(&wanted).await?;
        boards.retain(|board| board.tournament.is_some() == tournaments);
        let place = |board: &Board| ids.iter().position(|id| *id == board.id);
        boards.sort_by_key(place);
        Ok(self.views(boards))
    }
}

/// A page size from a caller.
pub(crate) fn page_limit(limit: i64, most: u32) -> Result<u32, LeaderboardsError> {
    u32::try_from(limit)
        .ok()
        .filter(|limit| (1..=most).contains(limit))
        .ok_or(LeaderboardsError::Limit { least: 1, most })
}

/// Cuts a page that was read with one more; answers whether there was one.
pub(crate) fn truncate<T>(page: &mut Vec<T>, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = page.len() > limit;
    page.truncate(limit);
    more
}

const SCOPE: CursorScope<'static> = CursorScope { list: "leaderboards 1", about: &[] };

fn decode(text: &str) -> Result<(Timestamp, String), InvalidCursor> {
    let bytes = SCOPE.decode(text)?;
    let (time, id) = bytes.split_first_chunk::<8>().ok_or(InvalidCursor)?;
    let id = std::str::from_utf8(id).ok().filter(|id| is_id(id)).ok_or(InvalidCursor)?;
    Ok((Timestamp::from_nanos(i64::from_be_bytes(*time)), id.to_owned()))
}
