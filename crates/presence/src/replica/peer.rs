//! What this node knows of another.

use std::sync::Arc;

use tavern_domain::{Presence, PresenceReason, Stream, Timestamp};

use super::buckets::{BUCKETS, Buckets, bucket_of};
use super::message::{Entry, Message, Op};
use super::state::RemoteChange;

/// A replica of another node's presences.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) incarnation: u64,
    /// When anything came from it.
    pub(super) heard: Timestamp,
    /// When it was asked for what is missing.
    pub(super) asked: Option<Timestamp>,
    /// It has said goodbye: nothing of this life counts any more.
    pub(super) gone: bool,
    buckets: Buckets,
    /// Of each bucket, the number up to which its changes are applied.
    applied: Box<[u64]>,
}

impl Peer {
    pub(super) fn new(incarnation: u64, heard: Timestamp) -> Self {
        Self {
            incarnation,
            heard,
            asked: None,
            gone: false,
            buckets: Buckets::default(),
            applied: vec![0; BUCKETS].into(),
        }
    }

    /// Up to here nothing is missing.
    pub(super) fn complete(&self) -> u64 {
        self.applied.iter().copied().min().unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.iter()
    }

    /// Whether the replica is what the node says it has.
    pub(super) fn agrees(&self, version: u64, digest: u64) -> bool {
        let complete = self.complete();
        // A heartbeat that was overtaken by what it announces says nothing.
        complete > version || (complete == version && self.buckets.digest() == digest)
    }

    pub(super) fn want(&self) -> Message {
        Message::Want {
            incarnation: self.incarnation,
            since: self.complete(),
            digests: self.buckets.digests().to_vec(),
        }
    }

    /// Applies changes; says whether something before them is missing.
    pub(super) fn delta(
        &mut self,
        from: u64,
        to: u64,
        ops: Vec<Op>,
        changes: &mut Vec<RemoteChange>,
    ) -> bool {
        for op in ops {
            let bucket = bucket_of(&op.place());
            let applied = self.applied[bucket];
            if applied >= from && op.version() > applied && op.version() <= to {
                self.apply(op, changes);
            }
        }
        let mut missing = false;
        for applied in &mut self.applied {
            if *applied >= from {
                *applied = (*applied).max(to);
            } else {
                missing = true;
            }
        }
        missing
    }

    /// Takes over whole buckets.
    pub(super) fn state(
        &mut self,
        version: u64,
        same: &[u16],
        buckets: Vec<(u16, Vec<Entry>)>,
        changes: &mut Vec<RemoteChange>,
    ) {
        for bucket in same {
            if let Some(applied) = self.applied.get_mut(usize::from(*bucket)) {
                *applied = (*applied).max(version);
            }
        }
        for (bucket, entries) in buckets {
            let bucket = usize::from(bucket);
            match self.applied.get_mut(bucket) {
                Some(applied) if *applied <= version => *applied = version,
                Some(_) | None => continue,
            }
            let kept: hashbrown::HashSet<_> = entries.iter().map(Entry::place).collect();
            let of = self.buckets.bucket(bucket).keys();
            let gone: Vec<_> = of.filter(|place| !kept.contains(*place)).cloned().collect();
            for place in gone {
                if let Some(presence) = self.buckets.remove(&place) {
                    changes.push(left(&place.stream, presence, PresenceReason::Leave));
                }
            }
            for entry in entries.into_iter().filter(|e| bucket_of(&e.place()) == bucket) {
                self.put(entry, changes);
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self, changes: &mut Vec<RemoteChange>) {
        let reason = PresenceReason::Disconnect;
        let all = self.buckets.iter().map(|e| left(&e.stream, e.presence.clone(), reason));
        changes.extend(all);
        self.buckets = Buckets::default();
        self.applied.fill(0);
    }

    fn apply(&mut self, op: Op, changes: &mut Vec<RemoteChange>) {
        match op {
            Op::Put(entry) => self.put(entry, changes),
            Op::Gone { place, reason, .. } => {
                if let Some(presence) = self.buckets.remove(&place) {
                    changes.push(left(&place.stream, presence, reason));
                }
            }
        }
    }

    fn put(&mut self, entry: Entry, changes: &mut Vec<RemoteChange>) {
        let (stream, now) = (Arc::clone(&entry.stream), entry.presence.clone());
        let was = self.buckets.put(entry);
        if was.as_ref() != Some(&now) {
            changes.push(RemoteChange { stream, was, now: Some(now), reason: None });
        }
    }
}

fn left(stream: &Arc<Stream>, was: Presence, reason: PresenceReason) -> RemoteChange {
    RemoteChange { stream: Arc::clone(stream), was: Some(was), now: None, reason: Some(reason) }
}
