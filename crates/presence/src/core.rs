//! The state of one shard of the streams, as a value: no lock, no clock, no I/O.
//!
//! Every change gets the next number of the shard's clock, and an entry keeps the number of its last
//! change. A node is the only one that numbers its own sessions' entries, so the numbers order
//! them without asking anybody.

use std::sync::Arc;

use hashbrown::hash_table::Entry as Slot;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use tavern_domain::{Presence, PresenceMeta, PresenceReason, SessionId, Stream, StreamMode};

use crate::error::PresenceError;
use crate::members::{Entry, Members};
use crate::traits::{Count, Include, PresenceDiff, Tracked};

/// A stream with somebody on it.
#[derive(Debug)]
struct OnStream {
    /// Shared with the lists of its members' streams.
    stream: Arc<Stream>,
    members: Members,
}

/// A change, for others to see.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) stream: Arc<Stream>,
    pub(crate) join: Option<Presence>,
    pub(crate) leave: Option<Presence>,
    pub(crate) reason: PresenceReason,
    version: u64,
}

impl Change {
    /// `None` when all of it is hidden.
    pub(crate) fn diff(&self) -> Option<PresenceDiff<'_>> {
        let (joins, leaves) = (visible(&self.join), visible(&self.leave));
        if joins.is_empty() && leaves.is_empty() {
            return None;
        }
        Some(PresenceDiff {
            stream: &self.stream,
            joins,
            leaves,
            reason: self.reason,
            version: self.version,
        })
    }
}

fn visible(presence: &Option<Presence>) -> &[Presence] {
    match presence {
        Some(shown) if !shown.meta.hidden => std::slice::from_ref(shown),
        Some(_) | None => &[],
    }
}

/// Some of the streams and everybody on them.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    /// A table per mode, few of which exist, so that one kind of stream can be listed without
    /// walking the others.
    tables: Vec<(StreamMode, HashTable<Box<OnStream>>)>,
    /// The number of the last change.
    clock: u64,
    presences: usize,
}

impl Shard {
    /// Puts one on a stream. The change is there when it is new.
    pub(crate) fn track(
        &mut self,
        hash: u64,
        stream: &Stream,
        who: &Presence,
        limit: usize,
        hasher: &DefaultHashBuilder,
    ) -> Result<(Tracked, Option<Change>), PresenceError> {
        let at = self.tables.iter().position(|(mode, _)| *mode == stream.mode);
        let at = at.unwrap_or_else(|| {
            self.tables.push((stream.mode, HashTable::new()));
            self.tables.len() - 1
        });
        let table = &mut self.tables[at].1;
        let on = match table.entry(
            hash,
            |on| *on.stream == *stream,
            |on| hasher.hash_one(&*on.stream),
        ) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => {
                let mut stream = stream.clone();
                if stream.label.is_empty() {
                    // All empty labels share one allocation; the caller's would live on with us.
                    stream.label = Arc::default();
                }
                let members = Members::default();
                slot.insert(Box::new(OnStream { stream: Arc::new(stream), members })).into_mut()
            }
        };
        if let Some(entry) = on.members.get(who.session, hasher) {
            let version = entry.version;
            let before = on.members.list(Include::VISIBLE);
            return Ok((Tracked { new: false, before, version }, None));
        }
        if on.members.count().total() >= limit {
            // `limit` is at least 1, so the stream was not made for this.
            return Err(PresenceError::StreamFull { limit });
        }
        self.clock += 1;
        self.presences += 1;
        let before = on.members.list(Include::VISIBLE);
        on.members.add(Entry { presence: who.clone(), version: self.clock }, hasher);
        let change = Change {
            stream: Arc::clone(&on.stream),
            join: Some(who.clone()),
            leave: None,
            reason: PresenceReason::Join,
            version: self.clock,
        };
        Ok((Tracked { new: true, before, version: self.clock }, Some(change)))
    }

    /// Changes what one shows; returns what it showed.
    pub(crate) fn update(
        &mut self,
        hash: u64,
        stream: &Stream,
        session: SessionId,
        meta: &Arc<PresenceMeta>,
        hasher: &DefaultHashBuilder,
    ) -> Option<(Arc<PresenceMeta>, Change)> {
        let table = self.tables.iter_mut().find(|(mode, _)| *mode == stream.mode);
        let on = table?.1.find_mut(hash, |on| *on.stream == *stream)?;
        let user = on.members.get(session, hasher)?.presence.user;
        self.clock += 1;
        let presence = Presence { user, session, meta: Arc::clone(meta) };
        let entry = Entry { presence: presence.clone(), version: self.clock };
        let old = on.members.replace(entry, hasher)?.presence;
        let shown = Arc::clone(&old.meta);
        let change = Change {
            stream: Arc::clone(&on.stream),
            join: Some(presence),
            leave: Some(old),
            reason: PresenceReason::Update,
            version: self.clock,
        };
        Some((shown, change))
    }

    /// Takes one off a stream.
    pub(crate) fn untrack(
        &mut self,
        hash: u64,
        stream: &Stream,
        session: SessionId,
        reason: PresenceReason,
        hasher: &DefaultHashBuilder,
    ) -> Option<Change> {
        let table = &mut self.tables.iter_mut().find(|(mode, _)| *mode == stream.mode)?.1;
        let mut slot = table.find_entry(hash, |on| *on.stream == *stream).ok()?;
        let on = slot.get_mut();
        let gone = on.members.remove(session, hasher)?.presence;
        let stream = Arc::clone(&on.stream);
        self.clock += 1;
        self.presences -= 1;
        if on.members.is_empty() {
            slot.remove();
            if table.capacity() > 32 && table.len() < table.capacity() / 8 {
                table.shrink_to(table.len() * 2, |on| hasher.hash_one(&*on.stream));
            }
        }
        Some(Change { stream, join: None, leave: Some(gone), reason, version: self.clock })
    }

    fn on(&self, hash: u64, stream: &Stream) -> Option<&OnStream> {
        let (_, table) = self.tables.iter().find(|(mode, _)| *mode == stream.mode)?;
        table.find(hash, |on| *on.stream == *stream).map(|on| &**on)
    }

    pub(crate) fn members(&self, hash: u64, stream: &Stream) -> Option<&Members> {
        self.on(hash, stream).map(|on| &on.members)
    }

    /// Adds to `found` until it has `limit`, the streams of a mode that `keep` wants.
    pub(crate) fn streams_of_mode(
        &self,
        mode: StreamMode,
        limit: usize,
        keep: &mut dyn FnMut(&Stream, Count) -> bool,
        found: &mut Vec<(Stream, Count)>,
    ) {
        for on in self.tables.iter().filter(|(m, _)| *m == mode).flat_map(|(_, table)| table) {
            if found.len() >= limit {
                return;
            }
            let count = on.members.count();
            if keep(&on.stream, count) {
                found.push(((*on.stream).clone(), count));
            }
        }
    }

    /// How many streams, and how many presences on them.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.tables.iter().map(|(_, table)| table.len()).sum(), self.presences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tavern_domain::UserId;
    use uuid::Uuid;

    /// What a shard is, said as slowly and plainly as possible.
    #[derive(Default)]
    struct Model(Vec<(Stream, Presence)>);

    impl Model {
        fn on(&self, stream: &Stream) -> Vec<Presence> {
            self.0.iter().filter(|(s, _)| s == stream).map(|(_, p)| p.clone()).collect()
        }
        fn at(&self, stream: &Stream, session: SessionId) -> Option<usize> {
            self.0.iter().position(|(s, p)| s == stream && p.session == session)
        }
    }

    fn shown(list: Vec<Presence>) -> Vec<Presence> {
        list.into_iter().filter(|p| !p.meta.hidden).collect()
    }

    fn stream(n: u8) -> Stream {
        match n {
            0 => Stream::status(UserId(Uuid::from_u128(1))),
            1 => Stream::relayed_match(Uuid::from_u128(1)),
            n => Stream::room(&n.to_string()),
        }
    }

    fn meta(n: u8, hidden: bool) -> Arc<PresenceMeta> {
        let status = Some(n.to_string().into());
        Arc::new(PresenceMeta { username: "name".into(), hidden, persistence: true, status })
    }

    fn check(change: &Change, joins: &[Presence], leaves: &[Presence], clock: &mut u64) {
        assert!(change.version > *clock, "versions grow");
        *clock = change.version;
        let (joins, leaves) = (shown(joins.to_vec()), shown(leaves.to_vec()));
        match change.diff() {
            Some(diff) => assert_eq!((diff.joins, diff.leaves), (&*joins, &*leaves)),
            None => assert!(joins.is_empty() && leaves.is_empty()),
        }
    }

    proptest! {
        #[test]
        fn a_shard_is_a_set_of_pairs(
            steps in prop::collection::vec((0u8..4, 0u8..4, 0u8..6, any::<bool>()), 1..200)
        ) {
            const LIMIT: usize = 4;
            let hasher = DefaultHashBuilder::default();
            let (mut shard, mut model, mut clock) = (Shard::default(), Model::default(), 0);
            for (i, (what, on, who, hidden)) in (0u8..=255).cycle().zip(steps) {
                let on = stream(on);
                let hash = hasher.hash_one(&on);
                let session = SessionId(Uuid::from_u128(u128::from(who)));
                let user = UserId(Uuid::from_u128(100 + u128::from(who)));
                let presence = Presence { user, session, meta: meta(i, hidden) };
                let at = model.at(&on, session);
                let before = model.on(&on);
                match what {
                    0 | 1 => match shard.track(hash, &on, &presence, LIMIT, &hasher) {
                        Err(error) => {
                            prop_assert_eq!(error, PresenceError::StreamFull { limit: LIMIT });
                            prop_assert!(at.is_none() && before.len() == LIMIT);
                        }
                        Ok((tracked, change)) => {
                            prop_assert_eq!(tracked.new, at.is_none());
                            prop_assert_eq!(change.is_some(), at.is_none());
                            prop_assert_eq!(tracked.before, shown(before));
                            if let Some(change) = change {
                                prop_assert_eq!(tracked.version, change.version);
                                check(&change, std::slice::from_ref(&presence), &[], &mut clock);
                                model.0.push((on.clone(), presence));
                            }
                        }
                    },
                    2 => {
                        let updated = shard.update(hash, &on, session, &presence.meta, &hasher);
                        prop_assert_eq!(updated.is_some(), at.is_some());
                        if let (Some((old, change)), Some(at)) = (updated, at) {
                            let was = std::mem::replace(&mut model.0[at].1, presence.clone());
                            prop_assert_eq!(&old, &was.meta);
                            check(&change, &[presence], &[was], &mut clock);
                        }
                    }
                    _ => {
                        let change =
                            shard.untrack(hash, &on, session, PresenceReason::Leave, &hasher);
                        prop_assert_eq!(change.is_some(), at.is_some());
                        if let (Some(change), Some(at)) = (change, at) {
                            let (_, was) = model.0.remove(at);
                            check(&change, &[], &[was], &mut clock);
                        }
                    }
                }
                let listed = shard.members(hash, &on).map(|m| m.list(Include::ALL));
                prop_assert_eq!(listed.unwrap_or_default(), model.on(&on));
                let live = (0..4).filter(|n| !model.on(&stream(*n)).is_empty()).count();
                prop_assert_eq!(shard.len(), (live, model.0.len()));
                let mut rooms = Vec::new();
                shard.streams_of_mode(StreamMode::CHANNEL, 9, &mut |_, _| true, &mut rooms);
                let live = (2..4).filter(|n| !model.on(&stream(*n)).is_empty()).count();
                prop_assert_eq!(rooms.len(), live);
            }
        }
    }
}
