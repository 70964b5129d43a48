//! The states of buckets in bounded memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use governor::clock::Clock as _;
use governor::nanos::Nanos;
use metrics::Counter;
use parking_lot::Mutex;

use crate::bucket::Monotonic;

/// Locks. More than there are cores, so that callers seldom meet.
const SHARDS: usize = 32;

/// When each caller's bucket will be full again.
///
/// Each shard keeps two generations. When the young one has reached its share of the capacity it
/// becomes the old one, and the old one is forgotten: a caller that has asked since is in the
/// young one again. So memory is bounded without a sweep, and each call costs one or two look-ups.
/// Who is forgotten while its bucket was not full gets a full one: with as many callers at a time
/// the limits are soft, which `forgotten` shows.
pub(crate) struct Store {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    per_generation: usize,
    clock: Monotonic,
    forgotten: Counter,
}

#[derive(Default)]
struct Shard {
    young: HashMap<u128, Nanos>,
    old: HashMap<u128, Nanos>,
}

impl Store {
    pub(crate) fn new(capacity: usize, clock: Monotonic, forgotten: Counter) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            per_generation: (capacity / SHARDS / 2).max(1),
            clock,
            forgotten,
        }
    }

    /// Callers that are remembered.
    pub(crate) fn len(&self) -> usize {
        let of = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            shard.young.len() + shard.old.len()
        };
        self.shards.iter().map(of).sum()
    }

    /// Lets `decide` see the state of a caller and say which one follows; what it refuses changes
    /// nothing.
    pub(crate) fn replace<T, E>(
        &self,
        key: u128,
        decide: impl Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    ) -> Result<T, E> {
        let mut shard = self.shard(key).lock();
        let kept = shard.young.get(&key).or_else(|| shard.old.get(&key)).copied();
        let (answer, state) = decide(kept)?;
        self.keep(&mut shard, key, state);
        Ok(answer)
    }

    fn shard(&self, key: u128) -> &Mutex<Shard> {
        // The rest is below the number of shards.
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        &self.shards[at]
    }

    fn keep(&self, shard: &mut Shard, key: u128, state: Nanos) {
        if let Some(kept) = shard.young.get_mut(&key) {
            *kept = state;
            return;
        }
        if shard.young.len() >= self.per_generation {
            let now = self.clock.now();
            let forgotten = std::mem::take(&mut shard.old);
            shard.old = std::mem::take(&mut shard.young);
            let early = forgotten.values().filter(|full_at| **full_at > now).count();
            if early > 0 {
                self.forgotten.increment(early as u64);
            }
        }
        shard.old.remove(&key);
        shard.young.insert(key, state);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn set(store: &Store, key: u128, to: u64) {
        store.replace(key, |_| Ok::<_, ()>(((), Nanos::new(to)))).unwrap();
    }

    fn get(store: &Store, key: u128) -> Option<u64> {
        let seen = store.replace(key, Err::<((), Nanos), _>);
        seen.unwrap_err().map(|state| state.as_u64())
    }

    #[test]
    fn memory_is_bounded_and_who_asks_is_remembered() {
        let cell = Arc::new(AtomicU64::new(0));
        let store = Store::new(1024, Monotonic::start(), Counter::from_arc(Arc::clone(&cell)));
        for key in 0..100_000 {
            set(&store, key, u64::MAX);
            set(&store, 7, 7);
            assert_eq!(get(&store, 7), Some(7));
        }
        assert!(store.len() <= 1024 + SHARDS, "{}", store.len());
        assert!(cell.load(Ordering::Relaxed) > 90_000, "buckets that were not full");
    }

    #[test]
    fn full_buckets_are_forgotten_without_a_word() {
        let cell = Arc::new(AtomicU64::new(0));
        let store = Store::new(64, Monotonic::start(), Counter::from_arc(Arc::clone(&cell)));
        for key in 0..10_000 {
            set(&store, key, 0);
        }
        assert_eq!(cell.load(Ordering::Relaxed), 0);
    }
}
