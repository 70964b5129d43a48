//! The thin task that keeps the presences of a cluster's nodes alike: `replica` on a bus.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tavern_cluster::{Bus, BusError, Inbox, Letter, Topic};
use tavern_domain::{Clock, Presence, PresenceReason, SessionId, Stream};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::local::LocalPresence;
use crate::replica::{Effects, Message, Place, ReplicaConfig, Replicator, To};
use crate::traits::ChangeLog;

const TOPIC: Topic = Topic::new("presence");

/// So long changes are gathered before the others are told.
const GATHER: Duration = Duration::from_millis(5);

/// This node's part of the replication. It is the [`ChangeLog`] of the node's [`LocalPresence`],
/// and shows there what other nodes tell.
pub struct Replication {
    state: Mutex<Replicator>,
    changed: Notify,
    heartbeat: Duration,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
}

impl ChangeLog for Replication {
    fn put(&self, stream: &Arc<Stream>, presence: &Presence) {
        self.state.lock().put(stream, presence.clone());
        self.changed.notify_one();
    }

    fn gone(&self, stream: &Arc<Stream>, session: SessionId, reason: PresenceReason) {
        self.state.lock().gone(Place { session, stream: Arc::clone(stream) }, reason);
        self.changed.notify_one();
    }
}

impl Replication {
    /// A node's part; `clock` also tells this life from earlier ones. Starts nothing.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, clock: Arc<dyn Clock>, config: ReplicaConfig) -> Arc<Self> {
        let incarnation = u64::try_from(clock.now().nanos()).unwrap_or_default();
        let heartbeat = Duration::from_millis(config.heartbeat_ms.into());
        let state = Mutex::new(Replicator::new(incarnation, config));
        Arc::new(Self { state, changed: Notify::new(), heartbeat, bus, clock })
    }

    /// Takes what other nodes tell from now on; to be handed to [`run`](Self::run).
    ///
    /// # Errors
    /// [`BusError::Taken`] when it was called before.
    pub fn listen(&self) -> Result<Inbox, BusError> {
        self.bus.subscribe(TOPIC)
    }

    /// Replicates until `stop`, and then says goodbye: the others see this node's sessions leave.
    /// When it is dropped instead, they see them leave once the node has been silent for too long.
    pub async fn run(
        self: Arc<Self>,
        mut inbox: Inbox,
        presence: Arc<LocalPresence>,
        stop: impl Future<Output = ()>,
    ) {
        let mut beat = tokio::time::interval(self.heartbeat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = beat.tick() => {
                    let effects = self.state.lock().tick(self.clock.now());
                    self.carry_out(effects, &presence);
                }
                letter = inbox.recv() => {
                    let Some(letter) = letter else { break };
                    self.take_in(&letter, &presence);
                }
                () = self.changed.notified() => {
                    tokio::time::sleep(GATHER).await;
                    let effects = self.state.lock().news();
                    self.carry_out(effects, &presence);
                }
            }
        }
        let goodbye = self.state.lock().goodbye();
        self.post(&To::All, &goodbye);
    }

    fn take_in(&self, letter: &Letter, presence: &LocalPresence) {
        match Message::decode(&letter.payload) {
            Ok(message) => {
                let effects = self.state.lock().handle(&letter.from, message, self.clock.now());
                self.carry_out(effects, presence);
            }
            Err(error) => {
                // Another version of this server, perhaps. Its presences are not seen here.
                let node = letter.from.as_str();
                tracing::warn!(node, error = &error as &dyn std::error::Error, "unreadable news");
            }
        }
    }

    /// Not under the lock of the state: whoever changes a presence holds its stream's lock and
    /// waits for that of the state.
    fn carry_out(&self, effects: Effects, presence: &LocalPresence) {
        for change in &effects.changes {
            presence.show(change);
        }
        for (to, message) in &effects.messages {
            self.post(to, message);
        }
    }

    /// What is lost is repaired, so nothing is sent twice.
    fn post(&self, to: &To, message: &Message) {
        let payload = message.encode().into();
        let sent = match to {
            To::All => self.bus.publish(TOPIC, payload),
            To::Node(node) => self.bus.send(node, TOPIC, payload),
        };
        match sent {
            Ok(()) | Err(BusError::Unreachable { .. }) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot tell other nodes");
            }
        }
    }
}
