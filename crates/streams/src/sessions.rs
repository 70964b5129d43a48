//! The sessions of this node, by id and by user.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::{Mutex, RwLock};
use tavern_domain::{SessionId, UserId};

use crate::channel::Channel;
use crate::traits::Sink;

/// A connected session.
pub(crate) struct Session<M> {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) sink: Arc<dyn Sink<M>>,
    /// The live channels it is a member of; `None` once it is closed, so that a `subscribe` that
    /// found the session a moment too early cannot leave anything behind.
    pub(crate) channels: Mutex<Option<Vec<Arc<Channel<M>>>>>,
}

/// How many locks the tables are split over. A power of two.
const SHARDS: usize = 64;

#[repr(align(64))] // a cache line each, so that neighbours do not slow each other down
struct Shard<M> {
    by_id: RwLock<HashTable<Arc<Session<M>>>>,
    /// Several entries with one hash when a user has several sockets.
    by_user: RwLock<HashTable<(UserId, SessionId)>>,
}

/// Every session of this node.
pub(crate) struct Sessions<M> {
    shards: Box<[Shard<M>]>,
    hasher: DefaultHashBuilder,
}

impl<M: Send + Sync + 'static> Sessions<M> {
    pub(crate) fn new() -> Self {
        let shard = |_| Shard {
            by_id: RwLock::new(HashTable::new()),
            by_user: RwLock::new(HashTable::new()),
        };
        Self { shards: (0..SHARDS).map(shard).collect(), hasher: DefaultHashBuilder::default() }
    }

    fn shard(&self, hash: u64) -> &Shard<M> {
        &self.shards[shard_of(hash, SHARDS)]
    }

    /// Adds a session; says whether its id was free.
    pub(crate) fn insert(&self, id: SessionId, user: UserId, sink: Arc<dyn Sink<M>>) -> bool {
        let hash = self.hasher.hash_one(id);
        let rehash = |s: &Arc<Session<M>>| self.hasher.hash_one(s.id);
        match self.shard(hash).by_id.write().entry(hash, |s| s.id == id, rehash) {
            Entry::Occupied(_) => return false,
            Entry::Vacant(slot) => {
                let channels = Mutex::new(Some(Vec::new()));
                slot.insert(Arc::new(Session { id, user, sink, channels }));
            }
        }
        let hash = self.hasher.hash_one(user);
        let mut users = self.shard(hash).by_user.write();
        users.insert_unique(hash, (user, id), |(user, _)| self.hasher.hash_one(user));
        true
    }

    /// Takes a session out of the tables.
    pub(crate) fn remove(&self, id: SessionId) -> Option<Arc<Session<M>>> {
        let hash = self.hasher.hash_one(id);
        let session = {
            let mut table = self.shard(hash).by_id.write();
            let (session, _) = table.find_entry(hash, |s| s.id == id).ok()?.remove();
            give_back(&mut table, |s| self.hasher.hash_one(s.id));
            session
        };
        let hash = self.hasher.hash_one(session.user);
        let mut users = self.shard(hash).by_user.write();
        if let Ok(entry) = users.find_entry(hash, |pair| *pair == (session.user, id)) {
            entry.remove();
        }
        give_back(&mut users, |(user, _)| self.hasher.hash_one(user));
        drop(users);
        Some(session)
    }

    /// Calls `f` with the session, under its table's lock.
    pub(crate) fn with<T>(
        &self,
        id: SessionId,
        f: impl FnOnce(&Arc<Session<M>>) -> T,
    ) -> Option<T> {
        let hash = self.hasher.hash_one(id);
        self.shard(hash).by_id.read().find(hash, |s| s.id == id).map(f)
    }

    /// The sessions of a user, in no order.
    pub(crate) fn of_user(&self, user: UserId) -> Vec<SessionId> {
        let hash = self.hasher.hash_one(user);
        let users = self.shard(hash).by_user.read();
        users.iter_hash(hash).filter(|(u, _)| *u == user).map(|(_, id)| *id).collect()
    }

    /// Calls `f` with every session, a shard at a time, under no lock.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&Session<M>)) {
        for shard in &self.shards {
            let sessions: Vec<_> = shard.by_id.read().iter().cloned().collect();
            sessions.iter().for_each(|s| f(s));
        }
    }

    /// How many sessions there are.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|s| s.by_id.read().len()).sum()
    }
}

/// Picks a shard by bits that the tables themselves use last.
pub(crate) fn shard_of(hash: u64, shards: usize) -> usize {
    debug_assert!(shards.is_power_of_two() && shards <= 1 << 16);
    usize::from(((hash >> 40) & 0xffff) as u16) & (shards - 1)
}

/// Returns memory after a wave of departures; rare enough to cost nothing per removal.
pub(crate) fn give_back<T>(table: &mut HashTable<T>, hasher: impl Fn(&T) -> u64) {
    if table.capacity() > 32 && table.len() < table.capacity() / 8 {
        table.shrink_to(table.len() * 2, hasher);
    }
}
