//! The presences on one stream: in the order in which they joined, found by session.
//!
//! Small streams are a plain list. Larger ones have an index, and leave holes that are closed
//! once they are the greater part, so that joining, leaving and finding cost the same in a room of
//! ten and of ten thousand.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use tavern_domain::{Presence, SessionId};

use crate::traits::{Count, Include};

/// A presence and the number of its last change.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) presence: Presence,
    pub(crate) version: u64,
}

/// Up to this many slots a scan beats an index.
const SCAN: usize = 16;

/// The presences on one stream.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// In the order of joining; `None` is a hole, and there are none without an index.
    slots: Vec<Option<Entry>>,
    /// The slot of each session; there when there are more than [`SCAN`] slots.
    index: Option<Box<HashTable<u32>>>,
    count: Count,
}

impl Members {
    pub(crate) fn count(&self) -> Count {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count.total() == 0
    }

    pub(crate) fn get(&self, session: SessionId, hasher: &DefaultHashBuilder) -> Option<&Entry> {
        self.slots[self.find(session, hasher)?].as_ref()
    }

    /// In the order of joining.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().flatten()
    }

    /// The wanted ones, in the order of joining.
    pub(crate) fn list(&self, include: Include) -> Vec<Presence> {
        let most = if include.visible { self.count.visible } else { 0 }
            + if include.hidden { self.count.hidden } else { 0 };
        let mut list = Vec::with_capacity(most);
        let wanted = self.iter().map(|e| &e.presence).filter(|p| include.wants(&p.meta));
        list.extend(wanted.cloned());
        list
    }

    /// Adds one whose session is not in.
    pub(crate) fn add(&mut self, entry: Entry, hasher: &DefaultHashBuilder) {
        debug_assert!(self.find(entry.presence.session, hasher).is_none());
        *side(&mut self.count, &entry.presence) += 1;
        if self.slots.capacity() == 0 {
            self.slots.reserve_exact(1); // a status stream never has more, mostly
        }
        let hash = hasher.hash_one(entry.presence.session);
        let slot = slot_number(self.slots.len());
        self.slots.push(Some(entry));
        match &mut self.index {
            Some(index) => {
                let slots = &self.slots;
                index.insert_unique(hash, slot, |slot| hash_of(slots, *slot, hasher));
            }
            None if self.slots.len() > SCAN => self.reindex(hasher),
            None => {}
        }
    }

    /// Takes one out.
    pub(crate) fn remove(
        &mut self,
        session: SessionId,
        hasher: &DefaultHashBuilder,
    ) -> Option<Entry> {
        let at = self.find(session, hasher)?;
        let gone = match &mut self.index {
            None => self.slots.remove(at),
            Some(index) => {
                let slots = &self.slots;
                let hash = hasher.hash_one(session);
                if let Ok(slot) = index.find_entry(hash, |slot| is_at(slots, *slot, session)) {
                    slot.remove();
                }
                self.slots[at].take()
            }
        }?;
        *side(&mut self.count, &gone.presence) -= 1;
        // Every removal pays for closing one hole.
        if self.index.is_some() && self.count.total() * 2 < self.slots.len() {
            self.slots.retain(Option::is_some);
            self.slots.shrink_to(self.slots.len() * 2);
            self.reindex(hasher);
        }
        Some(gone)
    }

    /// Replaces what a session shows, in its place; returns the entry as it was.
    pub(crate) fn replace(&mut self, entry: Entry, hasher: &DefaultHashBuilder) -> Option<Entry> {
        let at = self.find(entry.presence.session, hasher)?;
        *side(&mut self.count, &entry.presence) += 1;
        let old = self.slots[at].replace(entry)?;
        *side(&mut self.count, &old.presence) -= 1;
        Some(old)
    }

    fn find(&self, session: SessionId, hasher: &DefaultHashBuilder) -> Option<usize> {
        match &self.index {
            None => (0..self.slots.len()).find(|at| is_at(&self.slots, slot_number(*at), session)),
            Some(index) => index
                .find(hasher.hash_one(session), |slot| is_at(&self.slots, *slot, session))
                .map(|slot| *slot as usize),
        }
    }

    /// Builds the index anew, or drops it when the list has become short; there are no holes.
    fn reindex(&mut self, hasher: &DefaultHashBuilder) {
        self.index = None;
        if self.slots.len() > SCAN {
            let mut index = HashTable::with_capacity(self.slots.len() * 2);
            for at in 0..self.slots.len() {
                let rehash = |slot: &u32| hash_of(&self.slots, *slot, hasher);
                index.insert_unique(rehash(&slot_number(at)), slot_number(at), rehash);
            }
            self.index = Some(Box::new(index));
        }
    }
}

fn slot_number(at: usize) -> u32 {
    u32::try_from(at).expect("the configuration bounds a stream to far fewer presences")
}

fn is_at(slots: &[Option<Entry>], slot: u32, session: SessionId) -> bool {
    slots[slot as usize].as_ref().is_some_and(|e| e.presence.session == session)
}

fn hash_of(slots: &[Option<Entry>], slot: u32, hasher: &DefaultHashBuilder) -> u64 {
    let entry = slots[slot as usize].as_ref().expect("the index names no holes");
    hasher.hash_one(entry.presence.session)
}

fn side<'a>(count: &'a mut Count, presence: &Presence) -> &'a mut usize {
    if presence.meta.hidden { &mut count.hidden } else { &mut count.visible }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tavern_domain::{PresenceMeta, UserId};
    use uuid::Uuid;

    fn entry(n: u64, hidden: bool) -> Entry {
        let meta = PresenceMeta { username: "x".into(), hidden, persistence: false, status: None };
        let session = SessionId(Uuid::from_u64_pair(n, 0));
        Entry {
            presence: Presence { user: UserId::NIL, session, meta: Arc::new(meta) },
            version: n,
        }
    }

    proptest::proptest! {
        #[test]
        fn a_list_in_the_order_of_joining(
            steps in proptest::collection::vec((0u64..60, 0u8..5, proptest::bool::ANY), 1..400)
        ) {
            let hasher = DefaultHashBuilder::default();
            let mut members = Members::default();
            let mut model: Vec<(SessionId, bool)> = Vec::new();
            for (n, what, hidden) in steps {
                let entry = entry(n, hidden);
                let session = entry.presence.session;
                let at = model.iter().position(|(s, _)| *s == session);
                match (what, at) {
                    (0..3, None) => {
                        members.add(entry, &hasher);
                        model.push((session, hidden));
                    }
                    (3, at) => {
                        let old = members.replace(entry, &hasher).map(|e| e.presence.meta.hidden);
                        proptest::prop_assert_eq!(old, at.map(|at| model[at].1));
                        at.into_iter().for_each(|at| model[at].1 = hidden);
                    }
                    (4, at) => {
                        let gone = members.remove(session, &hasher);
                        proptest::prop_assert_eq!(gone.is_some(), at.is_some());
                        at.into_iter().for_each(|at| { model.remove(at); });
                    }
                    _ => {}
                }
                let all: Vec<_> = members.iter()
                    .map(|e| (e.presence.session, e.presence.meta.hidden)).collect();
                proptest::prop_assert_eq!(&all, &model);
                let hidden = model.iter().filter(|(_, hidden)| *hidden).count();
                let count = Count { visible: model.len() - hidden, hidden };
                proptest::prop_assert_eq!(members.count(), count);
                proptest::prop_assert_eq!(members.list(Include::VISIBLE).len(), count.visible);
                proptest::prop_assert_eq!(members.is_empty(), model.is_empty());
                for (session, _) in &model {
                    proptest::prop_assert!(members.get(*session, &hasher).is_some());
                }
                proptest::prop_assert!(members.slots.len() <= SCAN.max(model.len() * 2) + 1);
            }
        }
    }
}
