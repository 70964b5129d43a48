//! The mailbox of a match.
//!
//! Nothing waits to put something in, except players' reliable data when there is no room for it;
//! then the player is not read from, which is the back-pressure. Arrivals and departures have no
//! bound of their own and need none: who is in or accepted has one of each to report at most.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use tavern_domain::{Presence, PresenceReason, SessionId};
use tavern_runtime_hooks::matches::{JoinAttempt, MatchMessage};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use super::shared::Shared;

/// What a match answers to one who wants to join.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Attempted {
    Accepted,
    Rejected(String),
    Ended,
}

/// What a match is told between its loops.
#[derive(Debug)]
pub(super) enum Control {
    Attempt {
        attempt: Box<JoinAttempt>,
        answer: oneshot::Sender<Attempted>,
    },
    Came(Vec<Presence>),
    Went(Vec<Presence>, PresenceReason),
    /// One who was accepted does not come.
    Abandoned(SessionId),
    Signal {
        data: String,
        reply: oneshot::Sender<Option<String>>,
    },
    Terminate {
        grace: Duration,
    },
}

#[derive(Debug, Default)]
struct State {
    controls: VecDeque<Control>,
    attempts: usize,
    signals: usize,
    messages: Vec<MatchMessage>,
    closed: bool,
}

/// Why something was not put in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotTaken {
    Full,
    Closed,
}

#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    wake: Notify,
    room: Notify,
}

impl Inbox {
    pub(super) fn attempt(
        &self,
        attempt: JoinAttempt,
        most: usize,
    ) -> Result<oneshot::Receiver<Attempted>, NotTaken> {
        let (answer, waiting) = oneshot::channel();
        let attempt = Box::new(attempt);
        self.put(|state| {
            if state.attempts >= most {
                return Err(NotTaken::Full);
            }
            state.attempts += 1;
            state.controls.push_back(Control::Attempt { attempt, answer });
            Ok(())
        })?;
        Ok(waiting)
    }

    pub(super) fn signal(
        &self,
        data: String,
        most: usize,
    ) -> Result<oneshot::Receiver<Option<String>>, NotTaken> {
        let (reply, waiting) = oneshot::channel();
        self.put(|state| {
            if state.signals >= most {
                return Err(NotTaken::Full);
            }
            state.signals += 1;
            state.controls.push_back(Control::Signal { data, reply });
            Ok(())
        })?;
        Ok(waiting)
    }

    /// Whatever has no bound of its own. A match that has ended is told nothing.
    pub(super) fn tell(&self, control: Control) {
        let told = self.put(|state| {
            state.controls.push_back(control);
            Ok(())
        });
        debug_assert!(told != Err(NotTaken::Full), "this has no bound");
    }

    fn put(&self, f: impl FnOnce(&mut State) -> Result<(), NotTaken>) -> Result<(), NotTaken> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(NotTaken::Closed);
        }
        f(&mut state)?;
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Puts data in, or gives it back when there is no room.
    fn offer(&self, message: MatchMessage, most: usize) -> Result<(), Option<MatchMessage>> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(None);
        }
        if state.messages.len() >= most {
            return Err(Some(message));
        }
        state.messages.push(message);
        Ok(())
    }

    /// Puts data in. Where there is no room, reliable data waits for some until `deadline`.
    pub(super) async fn message(
        &self,
        mut message: MatchMessage,
        most: impl Fn() -> usize,
        deadline: Instant,
    ) -> Result<(), NotTaken> {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Before looking, so that room made meanwhile is not missed.
            room.as_mut().enable();
            message = match self.offer(message, most()) {
                Ok(()) => return Ok(()),
                Err(None) => return Err(NotTaken::Closed),
                Err(Some(back)) if back.reliable => back,
                Err(Some(_)) => return Err(NotTaken::Full),
            };
            if tokio::time::timeout_at(deadline, room).await.is_err() {
                return Err(NotTaken::Full);
            }
        }
    }

    /// Waits until there may be something to take.
    pub(super) async fn wake(&self) {
        self.wake.notified().await;
    }

    /// The oldest that was told.
    pub(super) fn take(&self) -> Option<Control> {
        let mut state = self.state.lock();
        let control = state.controls.pop_front()?;
        match control {
            Control::Attempt { .. } => state.attempts -= 1,
            Control::Signal { .. } => state.signals -= 1,
            Control::Came(_)
            | Control::Went(..)
            | Control::Abandoned(_)
            | Control::Terminate { .. } => {}
        }
        Some(control)
    }

    /// What players have sent since the last call. Makes room.
    pub(super) fn take_messages(&self) -> Vec<MatchMessage> {
        let messages = std::mem::take(&mut self.state.lock().messages);
        self.room.notify_waiters();
        messages
    }

    /// Takes nothing more, and drops what waits: those who wait for an answer notice.
    pub(super) fn close(&self) {
        let left = {
            let mut state = self.state.lock();
            state.closed = true;
            (std::mem::take(&mut state.controls), std::mem::take(&mut state.messages))
        };
        drop(left);
        self.room.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }
}

/// The running matches of a node, as far as it takes to tell them who came and went. Made before
/// what needs it: presences come from one side, the register of matches is on the other.
#[derive(Default)]
pub struct Inboxes {
    matches: RwLock<HashMap<Uuid, Arc<Shared>>>,
    ended: Notify,
}

impl Inboxes {
    /// The presences on the stream of a match have changed. Does not wait, and calls nobody back.
    pub fn changed(
        &self,
        id: Uuid,
        joins: &[Presence],
        leaves: &[Presence],
        reason: PresenceReason,
    ) {
        let Some(shared) = self.get(id) else { return };
        if !joins.is_empty() {
            shared.inbox.tell(Control::Came(joins.to_vec()));
        }
        if !leaves.is_empty() {
            shared.inbox.tell(Control::Went(leaves.to_vec(), reason));
        }
    }

    pub(super) fn get(&self, id: Uuid) -> Option<Arc<Shared>> {
        self.matches.read().get(&id).map(Arc::clone)
    }

    pub(super) fn len(&self) -> usize {
        self.matches.read().len()
    }

    pub(super) fn add(&self, shared: Arc<Shared>) {
        self.matches.write().insert(shared.id.id, shared);
    }

    pub(super) fn remove(&self, id: Uuid) {
        let mut map = self.matches.write();
        map.remove(&id);
        if map.capacity() > 1024 && map.len() < map.capacity() / 8 {
            map.shrink_to_fit();
        }
        drop(map);
        self.ended.notify_waiters();
    }

    /// Waits until there is no match.
    pub(super) async fn empty(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Before looking, so that an end meanwhile is not missed.
            ended.as_mut().enable();
            if self.len() == 0 {
                return;
            }
            ended.await;
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        self.matches.read().values().map(Arc::clone).collect()
    }
}

impl std::fmt::Debug for Inboxes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inboxes").field("matches", &self.len()).finish()
    }
}
