//! The matchmaker of one node, shared between threads.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tavern_domain::{Clock, Entropy, SessionId};

use crate::config::Config;
use crate::error::MatchmakerError;
use crate::matchmaker::{Matchmaker, Stats};
use crate::pass::{Group, PassReport, Progress};
use crate::ticket::{Owner, Ticket, TicketId, TicketSpec};

/// Work per slice: a few tenths of a millisecond, besides what the last ticket in it may cost.
const SLICE: u64 = 5_000;

/// A [`Matchmaker`] behind a mutex, with a clock and a source of ids.
///
/// Everything takes microseconds, also while a pass is running: it holds the mutex for a slice of
/// less than a millisecond at a time and then lets others in first. Whoever owns this calls
/// [`Self::pass`] every [`Config::interval_sec`], from a thread that may be busy for a while.
pub struct LocalMatchmaker {
    core: Mutex<Matchmaker>,
    /// One pass at a time.
    passing: Mutex<()>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for LocalMatchmaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalMatchmaker").finish_non_exhaustive()
    }
}

impl LocalMatchmaker {
    /// An empty one.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { core: Mutex::new(Matchmaker::new(config)), passing: Mutex::new(()), clock, entropy }
    }

    /// Adds a ticket under a new id.
    ///
    /// # Errors
    /// As [`Matchmaker::add`].
    pub fn add(&self, spec: TicketSpec) -> Result<Arc<Ticket>, MatchmakerError> {
        let (id, now) = (TicketId(self.entropy.uuid_v4()), self.clock.now());
        self.core.lock().add(id, spec, now)
    }

    /// As [`Matchmaker::remove_of`].
    ///
    /// # Errors
    /// As there.
    pub fn remove_of(&self, owner: &Owner, id: TicketId) -> Result<(), MatchmakerError> {
        self.core.lock().remove_of(owner, id)
    }

    /// As [`Matchmaker::remove_session`].
    pub fn remove_session(&self, session: SessionId) -> Vec<Arc<Ticket>> {
        self.core.lock().remove_session(session)
    }

    /// As [`Matchmaker::remove_all_of`].
    pub fn remove_all_of(&self, owner: &Owner) -> Vec<Arc<Ticket>> {
        self.core.lock().remove_all_of(owner)
    }

    /// As [`Matchmaker::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.lock().stats()
    }

    /// Anything else, while nobody else can do anything: keep it short.
    pub fn with<R>(&self, what: impl FnOnce(&mut Matchmaker) -> R) -> R {
        what(&mut self.core.lock())
    }

    /// Runs one pass and hands each group to `matched` as soon as it is formed, without holding the
    /// lock: it may add, remove and give back. Waits for a pass that another thread is running.
    pub fn pass(&self, matched: impl FnMut(Group)) -> PassReport {
        self.run(false, matched)
    }

    /// As [`Self::pass`], but nobody leaves the pool: `found` gets groups that somebody else is
    /// asked about, who takes those to be formed with [`Matchmaker::take_group`]. Meanwhile their
    /// tickets wait like all others, and whoever leaves takes them along.
    pub fn propose(&self, found: impl FnMut(Group)) -> PassReport {
        self.run(true, found)
    }

    fn run(&self, keep: bool, mut matched: impl FnMut(Group)) -> PassReport {
        let _alone = self.passing.lock();
        let now = self.clock.now();
        let mut pass = match keep {
            true => self.core.lock().begin_proposals(now),
            false => self.core.lock().begin_pass(now),
        };
        let mut groups = Vec::new();
        loop {
            let mut core = self.core.lock();
            let progress = core.advance(&mut pass, self.clock.now(), SLICE, &mut groups);
            if keep {
                // At once: a session that ends must find its tickets.
                groups.iter().cloned().for_each(|group| core.give_back(group));
            }
            // Without fairness the pass would take the lock again before anybody who waits wakes.
            MutexGuard::unlock_fair(core);
            groups.drain(..).for_each(&mut matched);
            if let Progress::Done(report) = progress {
                return report;
            }
        }
    }
}
