//! What has been revoked and has not expired, in memory: asked on every call.

use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use metrics::Gauge;
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{RevokedTokens, TokenRevocation};

/// A block of a token of a user, told by a hash of both: a revocation of it by somebody else's
/// hand reaches nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct BlockKey(u128);

impl BlockKey {
    pub(crate) fn new(user: UserId, id: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(user.0.as_bytes());
        hash.update(id);
        let hash: [u8; 32] = hash.finalize().into();
        let (half, _) = hash.split_at(16);
        Self(u128::from_le_bytes(half.try_into().expect("half of 32 is 16")))
    }
}

/// All tokens of a user up to an instant.
#[derive(Clone, Copy, Debug)]
struct User {
    at: Timestamp,
    until: Timestamp,
}

#[derive(Default)]
struct Lists {
    blocks: HashMap<BlockKey, Timestamp>,
    users: HashMap<UserId, User>,
}

impl Lists {
    fn len(&self) -> usize {
        self.blocks.len() + self.users.len()
    }
}

/// The list. An entry leaves when the last token that it concerns has expired, and not before, so
/// there is no cap here: storage bounds how many a user has.
pub(crate) struct RevokedList {
    /// How many entries there are, so that an empty list needs no lock.
    len: AtomicUsize,
    lists: RwLock<Lists>,
    entries: Gauge,
}

impl RevokedList {
    pub(crate) fn new(entries: Gauge) -> Self {
        Self { len: AtomicUsize::new(0), lists: RwLock::default(), entries }
    }

    /// Whether a token of the user that was minted at this instant, or one of its blocks, is
    /// revoked.
    pub(crate) fn has(&self, user: UserId, minted: Timestamp, blocks: &[BlockKey]) -> bool {
        // Pairs with the store in `change`: who learned of a revocation sees it here.
        if self.len.load(Ordering::Acquire) == 0 {
            return false;
        }
        let lists = self.lists.read();
        lists.users.get(&user).is_some_and(|all| minted.millis() <= all.at.millis())
            || blocks.iter().any(|block| lists.blocks.contains_key(block))
    }

    /// The instant up to which all tokens of the user are revoked.
    pub(crate) fn all_until(&self, user: UserId) -> Option<Timestamp> {
        self.lists.read().users.get(&user).map(|user| user.at)
    }

    /// Adds revocations, in any order and as often as one likes: the later times win.
    pub(crate) fn apply(&self, revocations: &[TokenRevocation]) {
        self.change(|lists| {
            for new in revocations {
                match &new.which {
                    RevokedTokens::All => {
                        let all = lists
                            .users
                            .entry(new.user)
                            .or_insert(User { at: new.at, until: new.expires });
                        all.at = all.at.max(new.at);
                        all.until = all.until.max(new.expires);
                    }
                    RevokedTokens::Block(id) => {
                        let until = lists.blocks.entry(BlockKey::new(new.user, id));
                        let until = until.or_insert(new.expires);
                        *until = (*until).max(new.expires);
                    }
                }
            }
        });
    }

    /// Forgets what concerns expired tokens only.
    pub(crate) fn sweep(&self, now: Timestamp) {
        self.change(|lists| {
            lists.blocks.retain(|_, until| *until > now);
            lists.users.retain(|_, user| user.until > now);
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    fn change(&self, change: impl FnOnce(&mut Lists)) {
        let mut lists = self.lists.write();
        change(&mut lists);
        let len = lists.len();
        self.len.store(len, Ordering::Release);
        drop(lists);
        self.entries.set(u32::try_from(len).unwrap_or(u32::MAX));
    }
}
