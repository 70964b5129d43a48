//! Resets and ends that are due.
//!
//! Each board that resets or ends has a kept watermark: up to when everything is done, and when the
//! next is due. Whoever finds a board due claims it, carries out what is due at that time, and moves
//! the watermark. A claim runs out, so that what a killed process has left is carried out by
//! another; its [`Occasion::id`] is then the same.

use tavern_domain::Timestamp;
use tavern_storage::{Board, DueBoard, Period, Watermark};
use uuid::Uuid;

use crate::boards::BoardView;
use crate::cron::Cron;
use crate::leaderboards::Known;
use crate::window::Window;
use crate::{Leaderboards, LeaderboardsError};

/// How long a claim lasts, in seconds: longer than server code should take for an occasion.
const CLAIM_SECONDS: i64 = 60;
/// The first pause after a failure, in seconds; it doubles with every attempt.
const FIRST_PAUSE: i64 = 1;
/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 300;
/// How often an occasion that fails is tried.
const MOST_ATTEMPTS: u32 = 10;
/// Occasions of one board that are caught up with after a stop; of more, the latest.
const MOST_MISSED: usize = 100;

/// What happens to a board.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OccasionKind {
    /// A leaderboard begins anew.
    LeaderboardReset,
    /// A tournament's active time is over.
    TournamentEnd,
    /// A tournament's records expire.
    TournamentReset,
}

impl OccasionKind {
    const fn name(self) -> &'static str {
        match self {
            Self::LeaderboardReset => "leaderboard reset",
            Self::TournamentEnd => "tournament end",
            Self::TournamentReset => "tournament reset",
        }
    }
}

/// Something that is to be told to server code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Occasion {
    /// The same whenever and wherever this occasion is told.
    pub id: Uuid,
    /// What happens.
    pub kind: OccasionKind,
    /// The board as it was in the second before.
    pub board: BoardView,
    /// When the active time ended, in seconds since the epoch; 0 for leaderboards.
    pub end: i64,
    /// When the records expire, in seconds since the epoch; 0 for never.
    pub reset: i64,
}

/// A board with something due, claimed by this process.
#[derive(Debug)]
pub struct Due {
    claimed: DueBoard,
    /// What is due, in order.
    pub occasions: Vec<Occasion>,
}

/// The first time after `after` at which something happens to a board.
fn next(known: &Known, after: i64) -> Option<i64> {
    let Some(terms) = &known.board.tournament else {
        return known.cron.as_ref().and_then(|cron| cron.next(after));
    };
    if terms.end_time.is_some_and(|end| end.seconds() <= after) {
        return None;
    }
    let window = Window::of(terms, known.cron.as_deref(), after);
    let times = [window.end_active, window.expiry];
    let found = times.into_iter().filter(|time| *time > after).min();
    // Behind the end of a period the next one follows.
    found.or_else(|| {
        let next = known.cron.as_ref()?.next(after)?;
        let window = Window::of(terms, known.cron.as_deref(), next);
        Some(window.end_active).filter(|time| *time > after)
    })
}

/// What happens to a board at a time.
fn occasions(known: &Known, at: i64) -> Vec<Occasion> {
    // As it was in the second before, so that it is the old period that is told of.
    let before = at - 1;
    let view = BoardView::of(&known.board, known.cron.as_deref(), before);
    let occasion = |kind: OccasionKind, end, reset| {
        let name = format!("{}\n{at}\n{}", kind.name(), known.board.create_time.micros());
        let space = Uuid::new_v5(&Uuid::NAMESPACE_OID, known.board.id.as_bytes());
        let id = Uuid::new_v5(&space, name.as_bytes());
        Occasion { id, kind, board: view.clone(), end, reset }
    };
    let Some(window) = view.window else {
        return vec![occasion(OccasionKind::LeaderboardReset, 0, at)];
    };
    let mut found = Vec::new();
    if window.end_active == at {
        found.push(occasion(OccasionKind::TournamentEnd, window.end_active, window.expiry));
    }
    if window.expiry == at {
        found.push(occasion(OccasionKind::TournamentReset, window.end_active, window.expiry));
    }
    found
}

/// Where to begin when so much was missed that not all of it is caught up with.
fn caught_up(cron: Option<&Cron>, due: i64, now: i64) -> i64 {
    let Some(cron) = cron else { return due };
    let mut at = now.saturating_add(1);
    for _ in 0..MOST_MISSED {
        match cron.previous(at) {
            Some(previous) if previous >= due => at = previous,
            Some(_) | None => return due,
        }
    }
    at
}

/// Tells the operator of a schedule that another server has let through.
pub(crate) fn unreadable(board: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(board, error, "a kept schedule cannot be read");
}

impl Leaderboards {
    fn watermark(known: &Known, done: i64) -> Watermark {
        Watermark {
            done: Timestamp::from_seconds(done),
            due: next(known, done).map(Timestamp::from_seconds),
        }
    }

    /// Keeps the schedule of a new board, if it has one.
    pub(crate) async fn schedule(
        &self,
        board: &Board,
        now: Timestamp,
    ) -> Result<(), LeaderboardsError> {
        if board.reset_schedule.is_none() && board.tournament.is_none() {
            return Ok(());
        }
        let known = Known::new(board.clone(), now)?;
        let watermark = Self::watermark(&known, now.seconds());
        self.schedules.schedule(&board.id, watermark).await?;
        self.scheduled.notify_one();
        Ok(())
    }

    /// Returns when a schedule was kept since this was last waited for: something may be due
    /// earlier than [`next_due`](Self::next_due) said. For one waiter.
    pub async fn scheduled(&self) {
        self.scheduled.notified().await;
    }

    /// Keeps the schedules of boards that have none yet, such as those that another server has
    /// created: from now on. Answers how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn adopt_boards(&self) -> Result<usize, LeaderboardsError> {
        let now = self.clock.now();
        let boards = self.schedules.unscheduled(1_000).await?;
        for board in &boards {
            let outcome = self.schedule(board, now).await;
            if let Err(LeaderboardsError::Schedule(error)) = &outcome {
                unreadable(&board.id, error);
                let never = Watermark { done: now, due: None };
                self.schedules.schedule(&board.id, never).await?;
            } else {
                outcome?;
            }
        }
        Ok(boards.len())
    }

    /// When something is due next.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, LeaderboardsError> {
        Ok(self.schedules.next_due().await?)
    }

    /// Claims boards with something due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim_due(&self) -> Result<Vec<Due>, LeaderboardsError> {
        let now = self.clock.now();
        let until = now.plus_seconds(CLAIM_SECONDS);
        let most = self.config.callback_queue_workers.max(1);
        loop {
            let claimed = self.schedules.claim_due(now, until, most).await?;
            let none = claimed.is_empty();
            let mut due = Vec::with_capacity(claimed.len());
            for claimed in claimed {
                due.extend(self.understood(claimed, now).await?);
            }
            // Boards that were only put right may be due at once.
            if none || !due.is_empty() {
                return Ok(due);
            }
        }
    }

    /// What is due of a claimed board; `None` when that is to be claimed anew.
    async fn understood(
        &self,
        claimed: DueBoard,
        now: Timestamp,
    ) -> Result<Option<Due>, LeaderboardsError> {
        let Ok(known) = Known::new(claimed.board.clone(), now) else {
            // A schedule that cannot be read is never due again.
            let never = Watermark { done: now, due: None };
            self.schedules.done(&claimed.board.id, claimed.due, never).await?;
            return Ok(None);
        };
        let at = caught_up(known.cron.as_deref(), claimed.due.seconds(), now.seconds());
        if at == claimed.due.seconds() {
            return Ok(Some(Due { occasions: occasions(&known, at), claimed }));
        }
        let board = &*known.id;
        tracing::warn!(board, most = MOST_MISSED, "too many were missed; the latest follow");
        let watermark = Watermark {
            done: Timestamp::from_seconds(at - 1),
            due: Some(Timestamp::from_seconds(at)),
        };
        self.schedules.done(board, claimed.due, watermark).await?;
        Ok(None)
    }

    /// What was due is carried out: the next is due in its time. A tournament's places are free
    /// again after a reset.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn carried_out(&self, due: Due) -> Result<(), LeaderboardsError> {
        let at = due.claimed.due.seconds();
        let known = Known::new(due.claimed.board, self.clock.now())?;
        let reset = |occasion: &Occasion| occasion.kind == OccasionKind::TournamentReset;
        if due.occasions.iter().any(reset) {
            let expiry = known.expiry(self.now());
            self.records.recount(Period { board: &known.id, expiry }).await?;
        }
        let watermark = Self::watermark(&known, at);
        self.schedules.done(&known.id, due.claimed.due, watermark).await?;
        Ok(())
    }

    /// What was due has failed: it is due again after a pause that grows. Answers whether it is
    /// given up after so many attempts that the next occasion must not wait any longer.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn failed(&self, due: Due) -> Result<bool, LeaderboardsError> {
        if due.claimed.attempts >= MOST_ATTEMPTS {
            self.carried_out(due).await?;
            return Ok(true);
        }
        let doublings = due.claimed.attempts.clamp(1, 16) - 1;
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        let not_before = self.clock.now().plus_seconds(pause);
        self.schedules.release(&due.claimed.board.id, due.claimed.due, not_before).await?;
        Ok(false)
    }
}
