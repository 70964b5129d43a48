//! Ranks: exact, in bounded memory.
//!
//! One [`Tree`] per period that somebody asks about. It is counted from the store once, kept right
//! by the changes of every write, and reads a run of a few hundred keys when a rank in it is asked
//! for. At most [`Config::rank_keys`](crate::Config::rank_keys) keys are known at a time over all
//! periods; those longest of no use are forgotten first.

mod tree;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;
use tavern_domain::Timestamp;
use tavern_storage::{BoardRecords, Period, RankChange, RankKey, SortOrder, StorageError};
use tokio::sync::Notify;

use tree::{Missing, RUN, Tree, Wanted};

/// Runs that are counted at a time: some 130,000 records.
const RUNS: u32 = 512;
/// Changes that are kept while a period is counted. Beyond, counting begins anew.
const MOST_WAITING: usize = 1_000_000;
/// Periods whose order is kept; those longest of no use are dropped first.
const MOST_PERIODS: usize = 10_000;

type Key = (Arc<str>, Timestamp);

/// The orders of all periods.
pub(crate) struct Ranks {
    store: Arc<dyn BoardRecords>,
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
    /// Most keys that are known.
    most: usize,
    known: AtomicUsize,
    ticks: AtomicU64,
}

/// One period.
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    /// Somebody who others wait for is done.
    ready: Notify,
    used: AtomicU64,
}

#[derive(Default)]
enum State {
    #[default]
    Unknown,
    /// Being counted; what changes meanwhile. Each counting has a number.
    Counting(u64, Vec<RankChange>),
    Known(Box<Tree>),
}

/// What is to be done before a question is answered.
enum Todo {
    Count(u64),
    Read(Wanted),
    Wait,
}

/// Sums over all periods, for metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RankTotals {
    /// Periods whose order is kept.
    pub periods: usize,
    /// Records that are known one by one.
    pub known: usize,
}

/// A write under way: whatever becomes of it, its period's order learns of it.
pub(crate) struct Pending<'a> {
    ranks: &'a Ranks,
    period: Option<Key>,
}

impl Pending<'_> {
    /// The write is done and has changed this.
    pub(crate) fn changed(mut self, change: RankChange) {
        if let Some(period) = self.period.take() {
            self.ranks.apply(&period, change);
        }
    }

    /// The write is done and has changed no place.
    pub(crate) fn unchanged(mut self) {
        self.period = None;
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // Nobody knows what has happened: the order is counted anew.
        if let Some(period) = self.period.take() {
            self.ranks.forget(&period);
        }
    }
}

impl Ranks {
    pub(crate) fn new(store: Arc<dyn BoardRecords>, most: usize) -> Self {
        Self {
            store,
            slots: Mutex::default(),
            most,
            known: AtomicUsize::new(0),
            ticks: AtomicU64::new(1),
        }
    }

    pub(crate) fn totals(&self) -> RankTotals {
        let periods = self.slots.lock().len();
        RankTotals { periods, known: self.known.load(Ordering::Relaxed) }
    }

    /// A write begins.
    pub(crate) fn pending(&self, board: &Arc<str>, expiry: Timestamp) -> Pending<'_> {
        Pending { ranks: self, period: Some((Arc::clone(board), expiry)) }
    }

    /// Takes in what somebody has changed.
    pub(crate) fn apply(&self, period: &Key, change: RankChange) {
        let slot = self.slots.lock().get(period).map(Arc::clone);
        // What nobody has asked for will be counted with the change in it.
        let Some(slot) = slot else { return };
        let mut state = slot.state.lock();
        match &mut *state {
            State::Unknown => {}
            State::Counting(_, waiting) if waiting.len() < MOST_WAITING => waiting.push(change),
            // Whoever counts finds that it was in vain.
            State::Counting(..) => *state = State::Unknown,
            State::Known(tree) => {
                let before = tree.known();
                tree.apply(change);
                self.account(before, tree.known());
            }
        }
    }

    /// Forgets one period's order.
    pub(crate) fn forget(&self, period: &Key) {
        let slot = self.slots.lock().remove(period);
        if let Some(slot) = slot {
            self.release(&slot);
        }
    }

    /// Forgets every order of a board.
    pub(crate) fn forget_board(&self, board: &str) {
        let mut slots = self.slots.lock();
        let gone: Vec<_> = slots.extract_if(|(of, _), _| **of == *board).collect();
        drop(slots);
        gone.iter().for_each(|(_, slot)| self.release(slot));
    }

    /// A slot is out of the map.
    fn release(&self, slot: &Slot) {
        if let State::Known(tree) = std::mem::take(&mut *slot.state.lock()) {
            self.account(tree.known(), 0);
        }
        slot.ready.notify_waiters();
    }

    fn account(&self, before: usize, after: usize) {
        if after > before {
            self.known.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.known.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// How many records a period has.
    pub(crate) async fn count(
        &self,
        board: &Arc<str>,
        expiry: Timestamp,
    ) -> Result<u64, StorageError> {
        self.ask(board, expiry, |tree, _| Ok(tree.total())).await
    }

    /// The rank of a record, the best being 1.
    pub(crate) async fn rank(
        &self,
        board: &Arc<str>,
        expiry: Timestamp,
        sort: SortOrder,
        key: RankKey,
    ) -> Result<u64, StorageError> {
        self.ask(board, expiry, |tree, now| {
            let standing = tree.standing(key, now)?;
            Ok(match sort {
                SortOrder::Ascending => standing.before + 1,
                SortOrder::Descending => {
                    let not_above = standing.before + u64::from(standing.there);
                    tree.total().saturating_sub(not_above) + 1
                }
            })
        })
        .await
    }

    /// Where the record of a rank stands; `None` when there are not so many.
    pub(crate) async fn at_rank(
        &self,
        board: &Arc<str>,
        expiry: Timestamp,
        sort: SortOrder,
        rank: u64,
    ) -> Result<Option<RankKey>, StorageError> {
        self.ask(board, expiry, |tree, now| {
            let place = match sort {
                SortOrder::Ascending => rank.checked_sub(1),
                SortOrder::Descending => tree.total().checked_sub(rank),
            };
            place.map_or(Ok(None), |place| tree.key_at(place, now))
        })
        .await
    }

    fn slot(&self, board: &Arc<str>, expiry: Timestamp, now: u64) -> Arc<Slot> {
        let mut slots = self.slots.lock();
        let slot = Arc::clone(slots.entry((Arc::clone(board), expiry)).or_default());
        slot.used.store(now, Ordering::Relaxed);
        if slots.len() > MOST_PERIODS {
            let idle = slots.iter().min_by_key(|(_, slot)| slot.used.load(Ordering::Relaxed));
            if let Some(idle) = idle.map(|(key, _)| key.clone())
                && let Some(idle) = slots.remove(&idle)
            {
                drop(slots);
                self.release(&idle);
            }
        }
        slot
    }

    /// Answers a question about a period, reading what is missing.
    async fn ask<T>(
        &self,
        board: &Arc<str>,
        expiry: Timestamp,
        question: impl Fn(&mut Tree, u64) -> Result<T, Missing>,
    ) -> Result<T, StorageError> {
        let now = self.ticks.fetch_add(1, Ordering::Relaxed);
        let period = Period { board, expiry };
        loop {
            let slot = self.slot(board, expiry, now);
            let ready = slot.ready.notified();
            tokio::pin!(ready);
            // From here on no word is missed.
            ready.as_mut().enable();
            let todo = match &mut *slot.state.lock() {
                state @ State::Unknown => {
                    *state = State::Counting(now, Vec::new());
                    Todo::Count(now)
                }
                State::Counting(..) => Todo::Wait,
                State::Known(tree) => match question(tree, now) {
                    Ok(answer) => return Ok(answer),
                    Err(Missing::Read(wanted)) => Todo::Read(wanted),
                    Err(Missing::Wait) => Todo::Wait,
                },
            };
            match todo {
                Todo::Wait => ready.await,
                Todo::Count(number) => self.count_in(&slot, period, number).await?,
                Todo::Read(wanted) => self.read_in(&slot, period, wanted, now).await?,
            }
        }
    }

    async fn count_in(
        &self,
        slot: &Slot,
        period: Period<'_>,
        number: u64,
    ) -> Result<(), StorageError> {
        // Whether it fails or is dropped half-way, those who wait may try.
        let undo = Undo { slot, what: Reading::Counting(number) };
        // In parts, each with what it has seen: a change between two of them is added to those
        // that have not seen it.
        let first = self.store.skeleton(period, RankKey::FIRST, RUN, RUNS).await?;
        let mut next = first.next;
        let mut tree = Tree::new(first);
        while let Some(from) = next {
            let part = self.store.skeleton(period, from, RUN, RUNS).await?;
            next = part.next;
            tree.extend(part);
        }
        drop(undo_done(undo, |state| {
            let State::Counting(mine, waiting) = state else { return };
            if *mine != number {
                return;
            }
            std::mem::take(waiting).into_iter().for_each(|change| tree.apply(change));
            *state = State::Known(Box::new(tree));
        }));
        Ok(())
    }

    async fn read_in(
        &self,
        slot: &Slot,
        period: Period<'_>,
        wanted: Wanted,
        now: u64,
    ) -> Result<(), StorageError> {
        let undo = Undo { slot, what: Reading::Run(wanted) };
        let (keys, seen) = self.store.keys(period, wanted.from, wanted.to).await?;
        let mut worn = false;
        drop(undo_done(undo, |state| {
            let State::Known(tree) = state else { return };
            let before = tree.known();
            tree.read(wanted, keys, seen, now);
            self.account(before, tree.known());
            worn = tree.is_worn();
        }));
        if worn {
            self.forget(&(Arc::from(period.board), period.expiry));
        } else {
            self.cool(slot);
        }
        Ok(())
    }

    /// Forgets keys if too many are known: first those of periods that nobody asks about.
    fn cool(&self, current: &Slot) {
        if self.known.load(Ordering::Relaxed) <= self.most {
            return;
        }
        let mut others: Vec<Arc<Slot>> = self.slots.lock().values().map(Arc::clone).collect();
        others.sort_unstable_by_key(|slot| slot.used.load(Ordering::Relaxed));
        // A quarter is freed at once, so that this is rare.
        let goal = self.most - self.most / 4;
        for slot in others.iter().map(|slot| &**slot).filter(|slot| !std::ptr::eq(*slot, current)) {
            self.cool_slot(slot, 0, goal);
        }
        self.cool_slot(current, goal, goal);
    }

    fn cool_slot(&self, slot: &Slot, most: usize, goal: usize) {
        if self.known.load(Ordering::Relaxed) <= goal {
            return;
        }
        if let State::Known(tree) = &mut *slot.state.lock() {
            let before = tree.known();
            tree.cool(most);
            self.account(before, tree.known());
        }
    }
}

/// Something that others wait for.
#[derive(Clone, Copy)]
enum Reading {
    Counting(u64),
    Run(Wanted),
}

/// Gives up a reading that is not finished, and wakes those who wait in any case.
struct Undo<'a> {
    slot: &'a Slot,
    what: Reading,
}

/// Finishes a reading; what it answers wakes those who wait when it is dropped.
fn undo_done<'a>(undo: Undo<'a>, finish: impl FnOnce(&mut State)) -> Undo<'a> {
    finish(&mut undo.slot.state.lock());
    undo
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let mut state = self.slot.state.lock();
        match (&mut *state, self.what) {
            (State::Counting(number, _), Reading::Counting(mine)) if *number == mine => {
                *state = State::Unknown;
            }
            (State::Known(tree), Reading::Run(wanted)) => tree.give_up(wanted),
            (State::Unknown | State::Counting(..) | State::Known(_), _) => {}
        }
        drop(state);
        self.slot.ready.notify_waiters();
    }
}
