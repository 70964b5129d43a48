//! Everything in memory, behind one lock: for tests, and with the semantics of the real store.
//!
//! Every method takes the lock, checks all that could be refused, and only then changes anything;
//! it never waits while it holds the lock. That makes each one atomic and serialisable, as the
//! port demands. Column widths, foreign keys and the rewriting of JSON follow PostgreSQL, so that
//! a rule tested here holds there. Nothing survives the process, of course.

mod accounts;
mod archives;
mod friends;
mod groups;
mod leaderboards;
mod limits;
mod messages;
mod notifications;
mod objects;
mod obligations;
mod purchases;
mod revocations;
mod sql;
mod together;
mod wallets;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tavern_domain::{Stream, Timestamp, UserId};
use uuid::Uuid;

use self::accounts::{IdentityKey, Row};
use self::friends::FriendEdge;
use self::groups::MemberEdge;
use self::leaderboards::BoardTables;
use self::objects::OwnedKey;
use self::obligations::Standing;
use crate::{
    Group, LedgerEntry, Message, MessageKey, Notification, NotificationKey, Object, Purchase,
    RevocationScope, RevokedTokens, Storage, Subscription,
};

/// An empty store of its own, with nobody in it but the system user.
#[must_use]
pub fn storage() -> Storage {
    let memory = Arc::new(Memory::new());
    Storage {
        accounts: Arc::clone(&memory) as _,
        revocations: Arc::clone(&memory) as _,
        token_revocations: Arc::clone(&memory) as _,
        obligations: Arc::clone(&memory) as _,
        friends: Arc::clone(&memory) as _,
        groups: Arc::clone(&memory) as _,
        notifications: Arc::clone(&memory) as _,
        messages: Arc::clone(&memory) as _,
        wallets: Arc::clone(&memory) as _,
        boards: Arc::clone(&memory) as _,
        board_records: Arc::clone(&memory) as _,
        board_schedules: Arc::clone(&memory) as _,
        purchases: Arc::clone(&memory) as _,
        subscriptions: Arc::clone(&memory) as _,
        togethers: Arc::clone(&memory) as _,
        archives: Arc::clone(&memory) as _,
        sql: Arc::clone(&memory) as _,
        objects: memory,
    }
}

/// Implements every trait of the port.
struct Memory {
    tables: Mutex<Tables>,
}

/// What a database would have as tables and indexes.
#[derive(Default)]
struct Tables {
    users: HashMap<UserId, Row>,
    usernames: HashMap<String, UserId>,
    identities: HashMap<IdentityKey, UserId>,
    revocations: HashMap<(UserId, RevocationScope), (Timestamp, Timestamp)>,
    token_revocations: HashMap<(UserId, RevokedTokens), (Timestamp, Timestamp)>,
    obligations: HashMap<Uuid, Standing>,
    friends: BTreeMap<(UserId, UserId), FriendEdge>,
    groups: BTreeMap<Uuid, Group>,
    members: BTreeMap<(Uuid, UserId), MemberEdge>,
    notifications: BTreeMap<(UserId, NotificationKey), Notification>,
    /// Whose each notification is; their ids are unique across players.
    notification_ids: HashMap<Uuid, (UserId, NotificationKey)>,
    histories: HashMap<Stream, BTreeMap<MessageKey, Message>>,
    /// Where each message is; message ids are unique across streams.
    messages: HashMap<Uuid, (Stream, MessageKey)>,
    ledgers: HashMap<UserId, BTreeMap<(Timestamp, Uuid), LedgerEntry>>,
    /// Ledger ids are unique across users.
    ledger_ids: HashMap<Uuid, UserId>,
    objects: BTreeMap<OwnedKey, Object>,
    boards: BoardTables,
    /// By their transactions.
    purchases: HashMap<String, Purchase>,
    /// By their original transactions.
    subscriptions: HashMap<String, Subscription>,
}

impl Memory {
    fn new() -> Self {
        let mut tables = Tables::default();
        // The public tables hold a nameless user that messages of the server belong to.
        tables.add_system_user();
        Self { tables: Mutex::new(tables) }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use tavern_domain::{Entropy as _, OsEntropy};

    use super::*;
    use crate::{Created, Identity, NewAccount};

    /// The contract tries concurrency on one thread, where this store has none.
    #[test]
    fn threads_that_create_one_player_create_one() {
        let storage = storage();
        let together = Barrier::new(8);
        let created = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let new = NewAccount {
                            user: UserId(OsEntropy.uuid_v4()),
                            username: "ada",
                            identity: Identity::Device("a device of hers"),
                            password: None,
                            now: Timestamp::EPOCH,
                            obligation: None,
                        };
                        together.wait();
                        let runtime = tokio::runtime::Builder::new_current_thread().build();
                        runtime.unwrap().block_on(storage.accounts.create(new)).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(created.iter().filter(|outcome| **outcome == Created::Created).count(), 1);
    }
}
