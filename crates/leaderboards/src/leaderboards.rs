//! The parts, joined.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use hashbrown::HashMap;
use parking_lot::Mutex;
use tavern_domain::{Clock, Timestamp};
use tavern_storage::{Board, BoardRecords, BoardSchedules, Boards, StorageError};
use tokio::sync::Notify;

use crate::cron::Cron;
use crate::ranks::Ranks;
use crate::window::{self, Window};
use crate::{Config, LeaderboardsError, RankTotals};

/// Boards that are known at a time; those looked up longest ago are dropped first.
const MOST_KNOWN: usize = 10_000;

/// Leaderboards and tournaments: rules over the kept ones.
pub struct Leaderboards {
    pub(crate) boards: Arc<dyn Boards>,
    pub(crate) records: Arc<dyn BoardRecords>,
    pub(crate) schedules: Arc<dyn BoardSchedules>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) ranks: Ranks,
    pub(crate) scheduled: Notify,
    known: Mutex<HashMap<Arc<str>, Known>>,
}

impl std::fmt::Debug for Leaderboards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaderboards").finish_non_exhaustive()
    }
}

/// A board that was looked up.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) id: Arc<str>,
    pub(crate) board: Arc<Board>,
    pub(crate) cron: Option<Arc<Cron>>,
    looked_up: Timestamp,
}

impl Known {
    pub(crate) fn new(board: Board, looked_up: Timestamp) -> Result<Self, LeaderboardsError> {
        let cron = board.reset_schedule.as_deref().map(Cron::parse).transpose();
        let cron = cron.map_err(LeaderboardsError::Schedule)?.map(Arc::new);
        Ok(Self { id: Arc::from(&*board.id), board: Arc::new(board), cron, looked_up })
    }

    /// Which period a tournament is in; `None` for a leaderboard.
    pub(crate) fn window(&self, now: i64) -> Option<Window> {
        let terms = self.board.tournament.as_ref()?;
        Some(Window::of(terms, self.cron.as_deref(), now))
    }

    /// When what is written now expires; the epoch for never.
    pub(crate) fn expiry(&self, now: i64) -> Timestamp {
        Timestamp::from_seconds(window::expiry(&self.board, self.cron.as_deref(), now))
    }
}

impl Leaderboards {
    /// Leaderboards over these stores.
    #[must_use]
    pub fn new(
        boards: Arc<dyn Boards>,
        records: Arc<dyn BoardRecords>,
        schedules: Arc<dyn BoardSchedules>,
        clock: Arc<dyn Clock>,
        config: Config,
    ) -> Self {
        Self {
            boards,
            ranks: Ranks::new(Arc::clone(&records), config.rank_keys),
            records,
            schedules,
            clock,
            config,
            scheduled: Notify::new(),
            known: Mutex::default(),
        }
    }

    /// Sums over the ranks in memory, for metrics.
    #[must_use]
    pub fn rank_totals(&self) -> RankTotals {
        self.ranks.totals()
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().seconds()
    }

    /// Whether a board has ranks.
    pub(crate) fn has_ranks(&self, board: &Board) -> bool {
        board.ranks && self.config.allows_ranks(&board.id)
    }

    /// A board; `None` when there is none. Asks the store at most every
    /// [`Config::board_ttl_ms`](crate::Config::board_ttl_ms).
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Known>, LeaderboardsError> {
        let now = self.clock.now();
        let ttl = i64::try_from(self.config.board_ttl_ms).unwrap_or(i64::MAX);
        let known = self.known.lock().get(id).cloned();
        if let Some(known) = &known
            && (0..=ttl).contains(&now.millis().saturating_sub(known.looked_up.millis()))
        {
            return Ok(Some(known.clone()));
        }
        if !is_id(id) {
            return Ok(None);
        }
        let Some(board) = self.boards.get(&[id]).await?.pop() else {
            self.lose(id);
            return Ok(None);
        };
        if known.is_some_and(|known| known.board.create_time != board.create_time) {
            // It was deleted and created anew elsewhere.
            self.lose(id);
        }
        self.learn(board, now).map(Some)
    }

    /// Takes a board for known.
    pub(crate) fn learn(&self, board: Board, now: Timestamp) -> Result<Known, LeaderboardsError> {
        let found = Known::new(board, now)?;
        let mut known = self.known.lock();
        known.insert(Arc::clone(&found.id), found.clone());
        if known.len() > MOST_KNOWN {
            let oldest = known.iter().min_by_key(|(_, known)| known.looked_up);
            if let Some(oldest) = oldest.map(|(id, _)| Arc::clone(id)) {
                known.remove(&oldest);
            }
        }
        Ok(found)
    }

    /// A board is gone.
    pub(crate) fn lose(&self, id: &str) {
        self.known.lock().remove(id);
        self.ranks.forget_board(id);
    }

    /// Counts the records of every board that has ranks, so that the first who ask do not wait for
    /// it. Boards of which that fails are counted when they are asked about.
    ///
    /// # Errors
    /// When the boards cannot be listed.
    pub async fn warm(&self) -> Result<usize, StorageError> {
        let workers = self.config.rank_cache_workers.max(1);
        let (mut after, mut counted) = (None::<(Timestamp, String)>, 0);
        loop {
            let from = after.as_ref().map(|(time, id)| (*time, &**id));
            let boards = self.boards.all(from, 1_000).await?;
            let Some(last) = boards.last() else { return Ok(counted) };
            after = Some((last.create_time, last.id.clone()));
            let counted_here = stream::iter(boards)
                .map(|board| self.count_board(board))
                .buffer_unordered(usize::try_from(workers).unwrap_or(1))
                .filter(|counted| std::future::ready(*counted))
                .count();
            counted += counted_here.await;
        }
    }

    /// Counts the present records of a board; answers whether it was done.
    async fn count_board(&self, board: Board) -> bool {
        if !self.has_ranks(&board) {
            return false;
        }
        let Ok(known) = Known::new(board, Timestamp::EPOCH) else { return false };
        let now = self.now();
        if known.window(now).is_some_and(|window| window.is_over(now)) {
            return false;
        }
        match self.ranks.count(&known.id, known.expiry(now)).await {
            Ok(_) => true,
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(board = &*known.id, error, "cannot count the records");
                false
            }
        }
    }
}

/// Whether a board can have this id.
pub(crate) fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 512
        && id.chars().count() <= 128
        && !id.chars().any(char::is_control)
}
