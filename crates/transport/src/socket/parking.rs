//! Sessions that outlive their sockets.
//!
//! A socket that breaks without a goodbye parks its session for as long as the service grants: it
//! stays whatever it was to others, and what it is sent waits in its outbox. The next socket of the
//! same user and log-in, in the same format, takes it over.
//!
//! Often a client is back before its old socket is known to be broken: it has changed networks, and
//! the old path carries nothing any more, not even an end. So before a socket begins a session of
//! its own, those that look alive are probed, see [`Parking::claim`].

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use tavern_api::{Connection, Flow, Resumption};
use tavern_protocol::Format;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::outbox::Outbox;
use crate::finish::poll_caught;
use crate::meters::Meters;
use crate::table::SessionPlace;

/// How long a peer may leave bytes unacknowledged before the path to it counts as broken.
pub(super) const PROBE: Duration = Duration::from_millis(1000);

/// How long a new socket waits to hear whether older ones are broken. The kernel notices at its
/// next try to send after [`PROBE`].
const VERDICT: Duration = Duration::from_millis(1800);

/// How long a new socket waits for a parked session that is still handling a message.
const HANDOVER: Duration = Duration::from_secs(5);

/// Most sessions of one log-in that are parked at a time; of more the oldest end.
const MOST: usize = 8;

/// Most sessions that are parked at a time; of more the next end with their sockets.
const MOST_IN_ALL: usize = 65_536;

/// Most sessions of one log-in with a socket that a new socket probes. More than that is no player.
const MOST_PROBED: usize = 8;

/// The sessions that may be taken over, by who may do it.
#[derive(Debug)]
pub(crate) struct Parking {
    sessions: Mutex<HashMap<Resumption, Vec<Entry>>>,
    places: Arc<Semaphore>,
}

impl Default for Parking {
    fn default() -> Self {
        Self { sessions: Mutex::default(), places: Arc::new(Semaphore::new(MOST_IN_ALL)) }
    }
}

#[derive(Debug)]
struct Entry {
    outbox: Arc<Outbox>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// On a socket that works, as far as is known. Those who wait for the verdict of a probe hear
    /// something if it is broken, and that nobody will tell them if it is not.
    Live(Vec<oneshot::Sender<()>>),
    /// Without a socket.
    Parked(Claim),
}

/// How a new socket asks for a parked session.
type Claim = oneshot::Sender<oneshot::Sender<Parked>>;

/// A session without a socket, on its way to the next one.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) connection: Closes,
    pub(crate) seat: Seat,
}

/// A session's place among all, and among those that may be taken over. Both are given up with it.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) outbox: Arc<Outbox>,
    /// `None`: nobody may.
    key: Option<Resumption>,
    parking: Arc<Parking>,
    _place: SessionPlace,
}

impl Seat {
    pub(crate) fn new(
        outbox: Arc<Outbox>,
        key: Option<Resumption>,
        parking: &Arc<Parking>,
        place: SessionPlace,
    ) -> Self {
        Self { outbox, key, parking: Arc::clone(parking), _place: place }
    }

    /// The session is open on a socket.
    pub(super) fn open(&self) {
        if let Some(key) = self.key {
            self.parking.open(key, &self.outbox);
        }
    }

    /// The session ends: nobody takes it over.
    pub(super) fn close(&self) {
        if let Some(key) = self.key {
            self.parking.close(key, &self.outbox);
        }
    }

    /// The socket has proved to work.
    pub(super) fn works(&self) {
        if let Some(key) = self.key {
            self.parking.works(key, &self.outbox);
        }
    }

    /// A place without a socket; `None` when there is none.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.key?;
        Arc::clone(&self.parking.places).try_acquire_owned().ok()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.close();
    }
}

/// Tells a connection that it is over, whatever happens before.
pub(crate) struct Closes(Option<Arc<dyn Connection>>);

impl Closes {
    pub(super) fn new(connection: Arc<dyn Connection>) -> Self {
        Self(Some(connection))
    }

    /// The connection, which is not over after all.
    pub(super) fn disarm(mut self) -> Option<Arc<dyn Connection>> {
        self.0.take()
    }
}

impl std::fmt::Debug for Closes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Closes")
    }
}

impl Drop for Closes {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            connection.closed();
        }
    }
}

/// What a new socket can do.
enum Step {
    /// Ask for this one.
    Ask(Claim),
    /// Wait for what becomes of those it has probed.
    Probe(Vec<oneshot::Receiver<()>>),
    /// Begin anew.
    Nothing,
}

impl Parking {
    fn open(&self, key: Resumption, outbox: &Arc<Outbox>) {
        let mut sessions = self.sessions.lock();
        let entries = sessions.entry(key).or_default();
        if entries.len() < MOST + MOST_PROBED {
            entries.push(Entry { outbox: Arc::clone(outbox), state: State::Live(Vec::new()) });
        }
    }

    fn close(&self, key: Resumption, outbox: &Arc<Outbox>) {
        let mut sessions = self.sessions.lock();
        let Slot::Occupied(mut slot) = sessions.entry(key) else { return };
        slot.get_mut().retain(|entry| !Arc::ptr_eq(&entry.outbox, outbox));
        if slot.get().is_empty() {
            slot.remove();
            if sessions.capacity() > 1024 && sessions.len() < sessions.capacity() / 8 {
                sessions.shrink_to_fit();
            }
        }
    }

    fn works(&self, key: Resumption, outbox: &Arc<Outbox>) {
        let mut sessions = self.sessions.lock();
        let entries = sessions.get_mut(&key).into_iter().flatten();
        for entry in entries.filter(|entry| Arc::ptr_eq(&entry.outbox, outbox)) {
            if let State::Live(waiting) = &mut entry.state {
                waiting.clear();
            }
        }
    }

    /// A session has lost its socket: from now on it can be claimed. Of too many of one log-in the
    /// oldest ends: its task hears that nobody can claim it any more.
    fn park(
        &self,
        key: Resumption,
        outbox: &Arc<Outbox>,
    ) -> oneshot::Receiver<oneshot::Sender<Parked>> {
        let (claim, claimed) = oneshot::channel();
        let mut sessions = self.sessions.lock();
        let entries = sessions.entry(key).or_default();
        let at = entries.iter().position(|entry| Arc::ptr_eq(&entry.outbox, outbox));
        let before = at.map(|at| entries.remove(at));
        entries.push(Entry { outbox: Arc::clone(outbox), state: State::Parked(claim) });
        let parked = |entry: &Entry| matches!(entry.state, State::Parked(_));
        if entries.iter().filter(|entry| parked(entry)).count() > MOST
            && let Some(oldest) = entries.iter().position(parked)
        {
            entries.remove(oldest);
        }
        if let Some(Entry { state: State::Live(waiting), .. }) = before {
            for socket in waiting {
                // One that has given up waiting need not hear it.
                _ = socket.send(());
            }
        }
        claimed
    }

    fn step(&self, key: Resumption, format: Format, probe: bool) -> Step {
        let mut sessions = self.sessions.lock();
        let Some(entries) = sessions.get_mut(&key) else { return Step::Nothing };
        entries.retain(|entry| match &entry.state {
            State::Parked(claim) => !claim.is_closed(),
            State::Live(_) => true,
        });
        let fits = |entry: &Entry| entry.outbox.format() == format;
        let newest = entries.iter().rposition(|e| fits(e) && matches!(e.state, State::Parked(_)));
        if let Some(at) = newest
            && let Entry { state: State::Parked(claim), .. } = entries.remove(at)
        {
            return Step::Ask(claim);
        }
        if !probe {
            return Step::Nothing;
        }
        let newest = entries.iter_mut().rev().filter(|entry| fits(entry));
        let verdicts = newest.filter_map(|entry| {
            let State::Live(waiting) = &mut entry.state else { return None };
            let (tell, hear) = oneshot::channel();
            waiting.retain(|socket| !socket.is_closed());
            waiting.push(tell);
            entry.outbox.probe();
            Some(hear)
        });
        Step::Probe(verdicts.take(MOST_PROBED).collect())
    }

    /// The session that a new socket takes over, if there is one. Waits while one that may be is
    /// probed or still handles a message.
    ///
    /// A socket whose client does not answer is not broken for that: it may be busy, and several
    /// sockets of one log-in are allowed. It is when the other end does not even acknowledge bytes.
    pub(crate) async fn claim(&self, key: Option<Resumption>, format: Format) -> Option<Parked> {
        let key = key?;
        let mut probe = true;
        loop {
            match self.step(key, format, probe) {
                Step::Nothing => return None,
                Step::Ask(claim) => {
                    let (give, given) = oneshot::channel();
                    if claim.send(give).is_ok()
                        && let Ok(Ok(parked)) = tokio::time::timeout(HANDOVER, given).await
                    {
                        return Some(parked);
                    }
                }
                Step::Probe(verdicts) => {
                    let mut verdicts: FuturesUnordered<_> = verdicts.into_iter().collect();
                    let broken = async {
                        while let Some(verdict) = verdicts.next().await {
                            if verdict.is_ok() {
                                break;
                            }
                        }
                    };
                    // With no verdict it is taken for alive.
                    _ = tokio::time::timeout(VERDICT, broken).await;
                    probe = false;
                }
            }
        }
    }
}

/// A session that has just lost its socket.
pub(super) struct Lost {
    pub(super) connection: Arc<dyn Connection>,
    pub(super) seat: Seat,
    /// What it was in the middle of.
    pub(super) handling: Option<BoxFuture<'static, Flow>>,
    /// How long it is kept.
    pub(super) grace: Duration,
    pub(super) place: OwnedSemaphorePermit,
}

/// Keeps a session until a new socket takes it over, it is ended from inside, or the time is up.
pub(super) fn keep(lost: Lost, meters: Arc<Meters>) -> impl Future<Output = ()> + Send + 'static {
    let Lost { connection, seat, handling, grace, place } = lost;
    let connection = Closes::new(connection);
    seat.outbox.park();
    let claimed = seat.key.map(|key| seat.parking.park(key, &seat.outbox));
    let until = tokio::time::Instant::now() + grace;
    let counted = meters.sockets.parked();
    async move {
        let _here = (counted, place);
        let Some(claimed) = claimed else { return };
        if let Some(mut handling) = handling {
            match poll_fn(|cx| poll_caught(&mut handling, cx)).await {
                Ok(Flow::Continue) => {}
                Ok(Flow::Close(_)) | Err(_) => return,
            }
        }
        tokio::select! {
            biased;
            () = seat.outbox.ended() => {}
            asked = claimed => {
                // Without an asker it had to make room.
                if let Ok(give) = asked {
                    meters.sockets.resumed();
                    // An asker that is gone meanwhile gets nothing, and the session ends.
                    _ = give.send(Parked { connection, seat });
                }
            }
            () = tokio::time::sleep_until(until) => {}
        }
    }
}

#[cfg(test)]
mod tests;
