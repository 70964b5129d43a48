//! What this node tells of itself.

use std::collections::VecDeque;

use super::ReplicaConfig;
use super::buckets::{BUCKETS, Buckets};
use super::message::{Entry, Message, Op};

/// This node's presences and its latest changes.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) incarnation: u64,
    /// The number of the last change.
    version: u64,
    buckets: Buckets,
    /// The latest changes, without a gap up to `version`.
    log: VecDeque<Op>,
    /// Up to here the others have been told.
    told: u64,
}

impl Own {
    pub(super) fn new(incarnation: u64) -> Self {
        Self { incarnation, version: 0, buckets: Buckets::default(), log: VecDeque::new(), told: 0 }
    }

    /// The number of the last change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter()
    }

    /// Takes a change down; `make` gets its number.
    pub(super) fn change(&mut self, make: impl FnOnce(u64) -> Op, config: &ReplicaConfig) {
        self.version += 1;
        let op = make(self.version);
        match &op {
            Op::Put(entry) => drop(self.buckets.put(entry.clone())),
            Op::Gone { place, .. } => drop(self.buckets.remove(place)),
        }
        self.log.push_back(op);
        while self.log.len() > config.log_changes {
            self.log.pop_front();
        }
    }

    pub(super) fn heartbeat(&self) -> Message {
        Message::Heartbeat {
            incarnation: self.incarnation,
            version: self.version,
            digest: self.buckets.digest(),
        }
    }

    /// What the others have not been told yet. What has fallen out of the log they find out by
    /// the gap.
    pub(super) fn news(&mut self, config: &ReplicaConfig, to: &mut Vec<Message>) {
        let from = self.told.max(self.floor());
        self.told = self.version;
        self.deltas(from, config, to);
    }

    /// The number after which the log begins.
    fn floor(&self) -> u64 {
        self.log.front().map_or(self.version, |op| op.version() - 1)
    }

    /// The changes after `since`, which the log must have.
    fn deltas(&self, since: u64, config: &ReplicaConfig, to: &mut Vec<Message>) {
        let skip = usize::try_from(since - self.floor()).unwrap_or(usize::MAX);
        let ops: Vec<&Op> = self.log.iter().skip(skip).collect();
        for chunk in ops.chunks(config.message_entries) {
            let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { continue };
            to.push(Message::Delta {
                incarnation: self.incarnation,
                from: first.version() - 1,
                to: last.version(),
                ops: chunk.iter().map(|op| (*op).clone()).collect(),
            });
        }
    }

    /// Answers one who has missed something: the changes while the log has them, unless their
    /// number is right and their content is not.
    pub(super) fn answer(
        &self,
        since: u64,
        digests: &[u64],
        config: &ReplicaConfig,
    ) -> Vec<Message> {
        let mut answer = Vec::new();
        if since >= self.floor() && since < self.version {
            self.deltas(since, config, &mut answer);
            return answer;
        }
        let same_as =
            |bucket: &usize| digests.get(*bucket) == Some(&self.buckets.digests()[*bucket]);
        let (same, other): (Vec<usize>, Vec<usize>) = (0..BUCKETS).partition(same_as);
        let number = |bucket: usize| u16::try_from(bucket).unwrap_or(u16::MAX);
        let message = |same: Vec<u16>, buckets| Message::State {
            incarnation: self.incarnation,
            version: self.version,
            same,
            buckets,
        };
        let mut same: Vec<u16> = same.into_iter().map(number).collect();
        let (mut part, mut size) = (Vec::new(), 0);
        for bucket in other {
            let entries: Vec<Entry> = self.buckets.bucket(bucket).values().cloned().collect();
            if size > 0 && size + entries.len() > config.message_entries {
                answer.push(message(std::mem::take(&mut same), std::mem::take(&mut part)));
                size = 0;
            }
            size += entries.len();
            part.push((number(bucket), entries));
        }
        answer.push(message(same, part));
        answer
    }
}
