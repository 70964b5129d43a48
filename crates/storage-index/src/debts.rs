//! Changes that an index has not taken in yet.

use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::message::Change;

/// Most debts that are remembered one by one. Beyond, all is owed: everything is loaded again.
const MAX_DEBTS: usize = 100_000;

/// What is owed, and when it is due.
#[derive(Debug, Default)]
pub(crate) struct Debts {
    state: Mutex<State>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct State {
    changes: HashMap<Change, Due>,
    all: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    /// When it is due once more.
    again: Option<Instant>,
    /// Whether other nodes are to be told.
    tell: bool,
}

/// What is due.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    pub(crate) changes: Vec<Change>,
    /// Of these, what other nodes are to be told.
    pub(crate) tell: Vec<Change>,
    pub(crate) all: bool,
}

impl Debts {
    /// These are to be read at a time.
    pub(crate) fn owe(&self, changes: Vec<Change>, at: Instant) {
        self.add(changes, Due { at, again: None, tell: false });
    }

    /// Nobody knows whether these have happened, or still will: they are to be read now and again
    /// at a time, and others are to be told.
    pub(crate) fn owe_twice(&self, changes: Vec<Change>, now: Instant, again: Instant) {
        self.add(changes, Due { at: now, again: Some(again), tell: true });
    }

    /// Everything is to be read at a time.
    pub(crate) fn owe_all(&self, at: Instant) {
        let mut state = self.state.lock();
        state.all = Some(state.all.map_or(at, |all| all.min(at)));
        drop(state);
        self.woken.notify_one();
    }

    fn add(&self, changes: Vec<Change>, due: Due) {
        if changes.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        for change in changes {
            let known = state.changes.entry(change).or_insert(due);
            known.at = known.at.min(due.at);
            known.again = known.again.max(due.again);
            known.tell |= due.tell;
        }
        if state.changes.len() > MAX_DEBTS {
            // The latest of all times, since what is still to happen must have happened by then.
            let last = state.changes.values().map(|due| due.again.unwrap_or(due.at)).max();
            state.changes.clear();
            state.all = state.all.max(last);
        }
        drop(state);
        self.woken.notify_one();
    }

    /// Takes what is due.
    pub(crate) fn take(&self, now: Instant) -> Bill {
        let mut state = self.state.lock();
        let mut bill = Bill { all: state.all.is_some_and(|at| at <= now), ..Bill::default() };
        if bill.all {
            state.all = None;
        }
        state.changes.retain(|change, due| {
            if due.at > now {
                return true;
            }
            bill.changes.push(change.clone());
            if due.tell {
                bill.tell.push(change.clone());
            }
            match due.again.take() {
                Some(again) => {
                    due.at = again;
                    true
                }
                None => false,
            }
        });
        bill
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.changes.values().map(|due| due.at).chain(state.all).min()
    }

    /// How many there are; that all is owed counts as one.
    pub(crate) fn len(&self) -> usize {
        let state = self.state.lock();
        state.changes.len() + usize::from(state.all.is_some())
    }

    /// Waits until there is more.
    pub(crate) async fn more(&self) {
        self.woken.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tavern_domain::UserId;
    use uuid::Uuid;

    use super::*;

    fn owner(n: u128) -> Change {
        Change::Owner(UserId(Uuid::from_u128(n)))
    }

    #[tokio::test]
    async fn what_is_uncertain_is_due_twice() {
        let debts = Debts::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        debts.owe(vec![owner(1)], now);
        debts.owe_twice(vec![owner(1)], now, later);
        let bill = debts.take(now);
        assert_eq!((bill.changes, bill.tell, bill.all), (vec![owner(1)], vec![owner(1)], false));
        assert_eq!(debts.len(), 1, "once more");
        assert_eq!(debts.next(), Some(later));
        assert!(debts.take(now).changes.is_empty());
        assert_eq!(debts.take(later).changes, [owner(1)]);
        assert_eq!((debts.next(), debts.len()), (None, 0));
    }

    #[tokio::test]
    async fn too_many_debts_are_one() {
        let debts = Debts::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        debts.owe_twice(vec![owner(0)], now, later);
        debts.owe((1..=MAX_DEBTS as u128).map(owner).collect(), now);
        assert_eq!(debts.len(), 1);
        assert_eq!(debts.next(), Some(later), "the uncertain one must have happened");
        let bill = debts.take(later);
        assert!(bill.all && bill.changes.is_empty());
        debts.more().await;
    }
}
