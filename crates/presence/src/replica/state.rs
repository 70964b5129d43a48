//! The replication as a state machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use tavern_domain::{NodeName, Presence, PresenceReason, Stream, Timestamp};

use super::ReplicaConfig;
use super::message::{Entry, Message, Op, Place};
use super::own::Own;
use super::peer::Peer;

/// Whom a message is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum To {
    /// Every other node.
    All,
    /// One node.
    Node(NodeName),
}

/// What became of a presence of another node, as this node sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteChange {
    /// Where.
    pub stream: Arc<Stream>,
    /// What it was; `None` for one that came.
    pub was: Option<Presence>,
    /// What it is; `None` for one that went.
    pub now: Option<Presence>,
    /// Why it went.
    pub reason: Option<PresenceReason>,
}

/// What follows from a step: to be carried out in order.
#[derive(Default, Debug)]
pub struct Effects {
    /// To be sent. Each may be lost.
    pub messages: Vec<(To, Message)>,
    /// To be shown, in this order.
    pub changes: Vec<RemoteChange>,
}

/// One node's part of the replication.
#[derive(Debug)]
pub struct Replicator {
    own: Own,
    /// In the order of their names, so that a simulation repeats itself.
    peers: BTreeMap<Box<str>, Peer>,
    config: ReplicaConfig,
    next_heartbeat: Timestamp,
}

impl Replicator {
    /// A node that has nothing yet. `incarnation` must be higher than in its earlier lives: the
    /// time of its start will do.
    #[must_use]
    pub fn new(incarnation: u64, config: ReplicaConfig) -> Self {
        let (own, peers) = (Own::new(incarnation), BTreeMap::new());
        Self { own, peers, config, next_heartbeat: Timestamp::EPOCH }
    }

    /// A session of this node came to a stream, or shows something else there.
    pub fn put(&mut self, stream: &Arc<Stream>, presence: Presence) {
        let stream = Arc::clone(stream);
        self.own.change(|version| Op::Put(Entry { stream, presence, version }), &self.config);
    }

    /// A session of this node left a stream.
    pub fn gone(&mut self, place: Place, reason: PresenceReason) {
        self.own.change(|version| Op::Gone { place, version, reason }, &self.config);
    }

    /// What the others have not been told yet.
    #[must_use]
    pub fn news(&mut self) -> Effects {
        let mut news = Vec::new();
        self.own.news(&self.config, &mut news);
        let messages = news.into_iter().map(|message| (To::All, message)).collect();
        Effects { messages, changes: Vec::new() }
    }

    /// The last words of this node.
    #[must_use]
    pub fn goodbye(&self) -> Message {
        Message::Goodbye { incarnation: self.own.incarnation }
    }

    /// Time passes: heartbeats, and nodes that have fallen silent.
    #[must_use]
    pub fn tick(&mut self, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        if now >= self.next_heartbeat {
            self.next_heartbeat = later(now, self.config.heartbeat_ms);
            effects.messages.push((To::All, self.own.heartbeat()));
        }
        let patience = self.config.node_timeout_ms;
        self.peers.retain(|_, peer| {
            let stays = now < later(peer.heard, patience);
            if !stays {
                peer.clear(&mut effects.changes);
            }
            stays
        });
        effects
    }

    /// A message came from another node.
    #[must_use]
    pub fn handle(&mut self, from: &NodeName, message: Message, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        let incarnation = match &message {
            Message::Want { incarnation, since, digests } => {
                if *incarnation == self.own.incarnation {
                    let answer = self.own.answer(*since, digests, &self.config);
                    let to = |message| (To::Node(from.clone()), message);
                    effects.messages.extend(answer.into_iter().map(to));
                }
                return effects;
            }
            Message::Heartbeat { incarnation, .. }
            | Message::Delta { incarnation, .. }
            | Message::State { incarnation, .. }
            | Message::Goodbye { incarnation } => *incarnation,
        };
        let peer =
            self.peers.entry(from.as_str().into()).or_insert_with(|| Peer::new(incarnation, now));
        if incarnation < peer.incarnation || (incarnation == peer.incarnation && peer.gone) {
            return effects;
        }
        if incarnation > peer.incarnation {
            peer.clear(&mut effects.changes);
            *peer = Peer::new(incarnation, now);
        }
        peer.heard = now;
        let missing = match message {
            Message::Heartbeat { version, digest, .. } => !peer.agrees(version, digest),
            Message::Delta { from, to, ops, .. } => peer.delta(from, to, ops, &mut effects.changes),
            Message::State { version, same, buckets, .. } => {
                peer.state(version, &same, buckets, &mut effects.changes);
                false
            }
            Message::Goodbye { .. } => {
                peer.clear(&mut effects.changes);
                peer.gone = true;
                false
            }
            Message::Want { .. } => false,
        };
        // One question at a time: its answer, or the next heartbeat, tells what is still missing.
        let patience = self.config.heartbeat_ms / 2;
        if missing && peer.asked.is_none_or(|asked| now >= later(asked, patience)) {
            peer.asked = Some(now);
            effects.messages.push((To::Node(from.clone()), peer.want()));
        }
        effects
    }

    /// The presences of this node's sessions, in no order.
    pub fn own(&self) -> impl Iterator<Item = &Entry> {
        self.own.iter()
    }

    /// The presences of other nodes' sessions as this node knows them, in no order.
    pub fn others(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.peers.iter().flat_map(|(node, peer)| peer.iter().map(|entry| (&**node, entry)))
    }

    /// The nodes that have been heard of lately, and how many of each one's changes are applied.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, u64)> {
        let live = self.peers.iter().filter(|(_, peer)| !peer.gone);
        live.map(|(node, peer)| (&**node, peer.complete()))
    }

    /// The number of this node's last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.own.version()
    }
}

fn later(at: Timestamp, millis: u32) -> Timestamp {
    Timestamp::from_nanos(at.nanos().saturating_add(i64::from(millis) * 1_000_000))
}
