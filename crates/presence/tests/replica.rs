//! Several nodes over a network that loses, delays, doubles, reorders and splits: in the end all
//! see the same, and what each showed meanwhile was never nonsense.
//!
//! Everything follows from one seed, so a failure repeats itself.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use tavern_domain::{
    Entropy, NodeName, Presence, PresenceMeta, PresenceReason, SeededEntropy, SessionId, Stream,
    Timestamp, UserId,
};
use tavern_presence::replica::{
    Effects, Message, Place, RemoteChange, ReplicaConfig, Replicator, To,
};
use uuid::Uuid;

/// What is shown of other nodes: by session and stream.
type Shown = BTreeMap<(SessionId, String), Presence>;

struct Node {
    name: NodeName,
    replicator: Replicator,
    shown: Shown,
    /// Of each presence of another's life: the number of the latest change seen, and whether it
    /// was there at the last look.
    seen: BTreeMap<(String, SessionId, String), (u64, bool)>,
    up: bool,
}

impl Node {
    fn new(number: usize, life: u64) -> Self {
        let config =
            ReplicaConfig { log_changes: 8, message_entries: 3, ..ReplicaConfig::default() };
        Self {
            name: NodeName::new(&format!("node{number}")).unwrap(),
            replicator: Replicator::new(life, config),
            shown: Shown::new(),
            seen: BTreeMap::new(),
            up: true,
        }
    }

    /// Shows a change; panics when it makes no sense.
    fn show(&mut self, change: RemoteChange) {
        let RemoteChange { stream, was, now, reason } = change;
        let session = was.as_ref().or(now.as_ref()).expect("something changed").session;
        let key = (session, stream.to_string());
        assert_eq!(self.shown.remove(&key), was, "{}: what changes was shown before", self.name);
        assert_eq!(reason.is_some(), now.is_none());
        if let Some(now) = now {
            self.shown.insert(key, now);
        }
    }

    /// Time never runs backwards: what has changed is newer, and what is gone stays gone unless it
    /// came anew. Sessions of different lives have different ids.
    fn look(&mut self) {
        let mut before = std::mem::take(&mut self.seen);
        // One that was silent for too long begins anew.
        let nodes: BTreeSet<&str> = self.replicator.nodes().map(|(node, _)| node).collect();
        before.retain(|(node, ..), _| nodes.contains(&**node));
        for (node, entry) in self.replicator.others() {
            let key = (node.to_owned(), entry.presence.session, entry.stream.to_string());
            if let Some((version, there)) = before.remove(&key) {
                let newer = if there { entry.version >= version } else { entry.version > version };
                assert!(newer, "{}: {key:?} at {} after {version}", self.name, entry.version);
            }
            self.seen.insert(key, (entry.version, true));
        }
        self.seen.extend(before.into_iter().map(|(key, (version, _))| (key, (version, false))));
    }

    fn own(&self) -> Shown {
        let key = |e: &tavern_presence::replica::Entry| (e.presence.session, e.stream.to_string());
        self.replicator.own().map(|e| (key(e), e.presence.clone())).collect()
    }
}

struct World {
    nodes: Vec<Node>,
    chance: SeededEntropy,
    now: Timestamp,
    lives: u64,
    /// When, to whom, from whom, what.
    wire: Vec<(Timestamp, usize, usize, Vec<u8>)>,
    /// Nodes on the other side of a split.
    beyond: BTreeSet<usize>,
    /// Of 100 messages, how many are lost.
    loss: u64,
}

impl World {
    fn new(seed: u64, nodes: usize) -> Self {
        Self {
            nodes: (0..nodes).map(|n| Node::new(n, 1)).collect(),
            chance: SeededEntropy::new(seed),
            now: Timestamp::from_seconds(1),
            lives: 1,
            wire: Vec::new(),
            beyond: BTreeSet::new(),
            loss: 30,
        }
    }

    fn below(&self, most: u64) -> u64 {
        self.chance.next_u64() % most
    }

    fn post(&mut self, from: usize, to: usize, message: &Message) {
        if self.below(100) < self.loss || self.beyond.contains(&from) != self.beyond.contains(&to) {
            return;
        }
        let copies = if self.loss > 0 && self.below(10) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            let late = if self.loss > 0 { self.below(3_000) } else { 1 };
            let at = Timestamp::from_millis(self.now.millis() + i64::try_from(late).unwrap());
            self.wire.push((at, to, from, message.encode()));
        }
    }

    fn carry_out(&mut self, at: usize, effects: Effects) {
        for change in effects.changes {
            self.nodes[at].show(change);
        }
        for (to, message) in effects.messages {
            let others: Vec<usize> = match to {
                To::All => (0..self.nodes.len()).filter(|n| *n != at).collect(),
                To::Node(name) => {
                    self.nodes.iter().position(|n| n.name == name).into_iter().collect()
                }
            };
            for other in others {
                self.post(at, other, &message);
            }
        }
    }

    /// A step of somebody, and 50 ms.
    fn step(&mut self) {
        let at = usize::try_from(self.below(self.nodes.len() as u64)).unwrap();
        match self.below(40) {
            0 => self.restart(at),
            // A split, or its end.
            1 if self.beyond.remove(&at) => {}
            1 => drop(self.beyond.insert(at)),
            2..=30 if self.nodes[at].up => self.change(at),
            _ => {}
        }
        self.pass(50);
    }

    fn change(&mut self, at: usize) {
        // Sessions belong to one life of one node.
        let who = self.below(6);
        let life = u64::try_from(at).unwrap() << 32 | self.lives_of(at);
        let session = SessionId(Uuid::from_u64_pair(life, who));
        let stream = Arc::new(Stream::room(&self.below(4).to_string()));
        let status = Some(Arc::from(self.below(3).to_string()));
        let meta = PresenceMeta {
            username: "somebody".into(),
            hidden: self.below(2) == 0,
            persistence: false,
            status,
        };
        let there = self.nodes[at].own().contains_key(&(session, stream.to_string()));
        let goes = there && self.below(2) == 0;
        let node = &mut self.nodes[at].replicator;
        if goes {
            node.gone(Place { session, stream }, PresenceReason::Leave);
        } else {
            let user = UserId(Uuid::from_u64_pair(0, who));
            node.put(&stream, Presence { user, session, meta: Arc::new(meta) });
        }
        if self.below(3) == 0 {
            let news = self.nodes[at].replicator.news();
            self.carry_out(at, news);
        }
    }

    fn lives_of(&self, at: usize) -> u64 {
        match self.nodes[at].replicator.goodbye() {
            Message::Goodbye { incarnation } => incarnation,
            other => panic!("{other:?}"),
        }
    }

    /// Down, with or without a word; or up again as a new life.
    fn restart(&mut self, at: usize) {
        if self.nodes[at].up {
            if self.below(2) == 0 {
                let message = self.nodes[at].replicator.goodbye();
                for other in (0..self.nodes.len()).filter(|n| *n != at) {
                    self.post(at, other, &message);
                }
            }
            self.nodes[at].up = false;
        } else {
            self.lives += 1;
            self.nodes[at] = Node::new(at, self.lives);
        }
    }

    fn pass(&mut self, millis: i64) {
        self.now = Timestamp::from_millis(self.now.millis() + millis);
        for at in 0..self.nodes.len() {
            if self.nodes[at].up {
                let effects = self.nodes[at].replicator.tick(self.now);
                self.carry_out(at, effects);
                self.nodes[at].look();
            }
        }
        let mut due: Vec<_> = Vec::new();
        let now = self.now;
        self.wire.retain(|letter| {
            let keeps = letter.0 > now;
            if !keeps {
                due.push(letter.clone());
            }
            keeps
        });
        due.sort_by_key(|letter| letter.0);
        for (_, to, from, bytes) in due {
            if self.nodes[to].up {
                let message = Message::decode(&bytes).expect("what was encoded can be decoded");
                let from = self.nodes[from].name.clone();
                let effects = self.nodes[to].replicator.handle(&from, message, now);
                self.carry_out(to, effects);
                self.nodes[to].look();
            }
        }
    }

    /// The network is well from now on; everybody has the time that a repair takes.
    fn heal(&mut self) {
        self.beyond.clear();
        self.loss = 0;
        for _ in 0..400 {
            self.pass(50);
        }
    }

    fn check(&self) {
        for node in self.nodes.iter().filter(|n| n.up) {
            let others = self.nodes.iter().filter(|n| n.up && n.name != node.name);
            let expected: Shown = others.flat_map(Node::own).collect();
            assert_eq!(node.shown, expected, "{} shows what the others have", node.name);
            assert_eq!(node.replicator.others().count(), expected.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn all_see_the_same_in_the_end(seed in any::<u64>(), nodes in 2usize..6, steps in 50usize..400) {
        let mut world = World::new(seed, nodes);
        for _ in 0..steps {
            world.step();
        }
        world.heal();
        world.check();
    }

    #[test]
    fn rubbish_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Message::decode(&bytes) {
            // Whatever can be read must be survivable, and must not look like ours.
            let mut node = Replicator::new(7, ReplicaConfig::default());
            let from = NodeName::new("stranger").unwrap();
            let effects = node.handle(&from, message, Timestamp::from_seconds(1));
            prop_assert_eq!(node.own().count(), 0);
            prop_assert!(effects.messages.len() <= 2);
        }
    }
}

#[test]
fn a_change_is_seen_elsewhere_with_one_message() {
    let mut world = World::new(1, 2);
    world.loss = 0;
    world.change(0);
    let news = world.nodes[0].replicator.news();
    world.carry_out(0, news);
    world.pass(1);
    world.pass(1);
    world.check();
    assert_eq!(world.nodes[1].shown.len(), 1);
}

#[test]
fn a_silent_node_is_gone_and_comes_back_as_it_was() {
    let mut world = World::new(2, 2);
    world.loss = 0;
    world.change(0);
    world.heal();
    assert_eq!(world.nodes[1].shown.len(), 1);
    world.beyond.insert(0);
    for _ in 0..250 {
        world.pass(50);
    }
    assert_eq!(world.nodes[1].shown.len(), 0, "after {} ms", 250 * 50);
    world.heal();
    world.check();
    assert_eq!(world.nodes[1].shown.len(), 1);
}

#[test]
fn what_the_log_has_lost_comes_as_buckets() {
    let mut world = World::new(3, 2);
    world.loss = 0;
    world.heal();
    world.beyond.insert(0);
    for _ in 0..100 {
        world.change(0);
    }
    world.beyond.clear();
    // The heartbeat, the question, the answer.
    world.pass(2_000);
    world.pass(1);
    world.pass(1);
    let states = world.wire.iter().filter(|(_, to, _, bytes)| {
        *to == 1 && matches!(Message::decode(bytes).unwrap(), Message::State { .. })
    });
    assert!(states.count() > 1, "in several messages");
    world.heal();
    world.check();
}
