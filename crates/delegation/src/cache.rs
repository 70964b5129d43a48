//! Verified tokens, so that the signatures of each are checked once and not on every call.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::token::Delegate;

/// A bounded map from texts to tokens, by a hash of the text.
///
/// In two halves: what is used goes to the young one, and when that is full it becomes the old one,
/// whose rest is forgotten. So what is used at least once in so many others stays.
pub(crate) struct Cache {
    half: usize,
    halves: Mutex<Halves>,
}

type Key = [u8; 32];

#[derive(Default)]
struct Halves {
    young: HashMap<Key, Arc<Delegate>>,
    old: HashMap<Key, Arc<Delegate>>,
}

impl Cache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { half: (capacity / 2).max(1), halves: Mutex::default() }
    }

    pub(crate) fn key(token: &str) -> Key {
        Sha256::digest(token.as_bytes()).into()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Delegate>> {
        let mut halves = self.halves.lock();
        if let Some(found) = halves.young.get(key) {
            return Some(Arc::clone(found));
        }
        let found = halves.old.remove(key)?;
        self.put(&mut halves, *key, &found);
        Some(found)
    }

    pub(crate) fn insert(&self, key: Key, token: &Arc<Delegate>) {
        self.put(&mut self.halves.lock(), key, token);
    }

    /// Forgets a token that is not good any more.
    pub(crate) fn remove(&self, key: &Key) {
        let mut halves = self.halves.lock();
        halves.young.remove(key);
        halves.old.remove(key);
    }

    fn put(&self, halves: &mut Halves, key: Key, token: &Arc<Delegate>) {
        if halves.young.len() >= self.half {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(key, Arc::clone(token));
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let halves = self.halves.lock();
        halves.young.len() + halves.old.len()
    }
}

#[cfg(test)]
mod tests {
    use tavern_domain::{SeededEntropy, Timestamp};

    use super::*;
    use crate::config::DelegationConfig;
    use crate::grant::{Grant, mint};
    use crate::keys::SigningKey;
    use crate::token::verify;

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let entropy = SeededEntropy::new(1);
        let signing_key = SigningKey::generate(&entropy).secret();
        let config = DelegationConfig { signing_key, ..DelegationConfig::default() };
        let grant = Grant { rights: vec!["*".to_owned()], ..Grant::default() };
        let token = mint(&config, &grant, None, Timestamp::EPOCH, &entropy).unwrap().token;
        let token = Arc::new(verify(&token, &config.keys().unwrap()).unwrap());
        let cache = Cache::new(16);
        let used = Cache::key("used");
        cache.insert(used, &token);
        for n in 0..1_000 {
            cache.insert(Cache::key(&n.to_string()), &token);
            assert!(cache.get(&used).is_some(), "{n}");
            assert!(cache.len() <= 16, "{n}");
        }
        assert!(cache.get(&Cache::key("0")).is_none());
        cache.remove(&used);
        assert!(cache.get(&used).is_none());
    }
}
