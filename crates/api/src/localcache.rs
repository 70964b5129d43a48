//! The cache that server code shares within a process.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tavern_domain::Timestamp;

/// Bytes of all keys and values.
const ROOM: usize = 64 << 20;
/// Bytes of one key with its value.
pub(crate) const LARGEST: usize = 1 << 20;
/// What an entry takes besides its key and value, about.
const OVERHEAD: usize = 128;

/// Values by their keys, each for a time. What was put longest ago makes room.
#[derive(Default)]
pub(crate) struct LocalCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<String, Entry>,
    /// The keys, in the order in which they were put.
    order: BTreeMap<u64, String>,
    next: u64,
    used: usize,
}

struct Entry {
    value: String,
    until: Option<Timestamp>,
    put: u64,
}

/// A value is larger than one may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl LocalCache {
    /// The value of a key that is still good.
    pub(crate) fn get(&self, key: &str, now: Timestamp) -> Option<String> {
        let mut inner = self.0.lock();
        let entry = inner.entries.get(key)?;
        if entry.until.is_some_and(|until| until <= now) {
            inner.remove(key);
            return None;
        }
        Some(entry.value.clone())
    }

    /// Keeps a value.
    pub(crate) fn put(
        &self,
        key: &str,
        value: String,
        until: Option<Timestamp>,
    ) -> Result<(), TooLarge> {
        let size = size(key, &value);
        if size > LARGEST {
            return Err(TooLarge);
        }
        let mut inner = self.0.lock();
        inner.remove(key);
        while inner.used + size > ROOM {
            let Some((_, oldest)) = inner.order.pop_first() else { break };
            inner.remove(&oldest);
        }
        let put = inner.next;
        inner.next += 1;
        inner.used += size;
        inner.order.insert(put, key.to_owned());
        inner.entries.insert(key.to_owned(), Entry { value, until, put });
        Ok(())
    }

    pub(crate) fn delete(&self, key: &str) {
        self.0.lock().remove(key);
    }

    pub(crate) fn clear(&self) {
        *self.0.lock() = Inner::default();
    }

    /// Bytes that it holds.
    pub(crate) fn used(&self) -> usize {
        self.0.lock().used
    }
}

impl Inner {
    fn remove(&mut self, key: &str) {
        if let Some((key, entry)) = self.entries.remove_entry(key) {
            self.order.remove(&entry.put);
            self.used -= size(&key, &entry.value);
        }
    }
}

fn size(key: &str, value: &str) -> usize {
    2 * key.len() + value.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_value_is_there_until_its_time_is_over() {
        let cache = LocalCache::default();
        cache.put("a", "1".into(), Some(at(10))).unwrap();
        cache.put("b", "2".into(), None).unwrap();
        assert_eq!(cache.get("a", at(9)).as_deref(), Some("1"));
        assert_eq!(cache.get("a", at(10)), None);
        assert_eq!(cache.get("b", at(99)).as_deref(), Some("2"));
        cache.put("b", "3".into(), None).unwrap();
        assert_eq!(cache.get("b", at(99)).as_deref(), Some("3"));
        cache.delete("b");
        assert_eq!(cache.get("b", at(99)), None);
        assert_eq!(cache.used(), 0);
    }

    #[test]
    fn what_was_put_longest_ago_makes_room() {
        let cache = LocalCache::default();
        let value = "x".repeat(LARGEST - 1_024);
        for n in 0..100 {
            cache.put(&n.to_string(), value.clone(), None).unwrap();
            assert!(cache.used() <= ROOM);
        }
        assert_eq!(cache.get("0", at(0)), None);
        assert!(cache.get("99", at(0)).is_some());
        assert_eq!(cache.put("a", "x".repeat(LARGEST), None), Err(TooLarge));
        cache.clear();
        assert_eq!((cache.used(), cache.get("99", at(0))), (0, None));
    }
}
