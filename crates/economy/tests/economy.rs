//! The economy over the in-memory store.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use tavern_domain::{Classify as _, ErrorCode, ManualClock, SeededEntropy, Timestamp, UserId};
use tavern_economy::{
    Changeset, Economy, EconomyError, Ledger, LedgerQuery, MAX_METADATA_BYTES, MAX_UPDATES,
    WalletUpdate,
};
use tavern_storage::{
    Created, Identity, LedgerEntry, LedgerPage, NewAccount, Storage, StorageError, WalletChange,
    WalletOutcome, WalletRefused, Wallets, memory,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_micros(1_754_000_000_123_456);

/// An economy with some players, who exist in its store.
struct World {
    storage: Storage,
    clock: Arc<ManualClock>,
    economy: Economy,
    ada: UserId,
    bob: UserId,
}

async fn player(storage: &Storage, id: u128) -> UserId {
    let user = UserId(Uuid::from_u128(id));
    let name = format!("player {id}");
    let new = NewAccount {
        user,
        username: &name,
        identity: Identity::Custom(&name),
        password: None,
        now: NOW,
        obligation: None,
    };
    assert_eq!(storage.accounts.create(new).await.unwrap(), Created::Created);
    user
}

impl World {
    async fn new() -> Self {
        let storage = memory::storage();
        let clock = Arc::new(ManualClock::at(NOW));
        let entropy = Arc::new(SeededEntropy::new(7));
        let economy = Economy::new(Arc::clone(&storage.wallets), Arc::clone(&clock) as _, entropy);
        let (ada, bob) = (player(&storage, 1).await, player(&storage, 2).await);
        Self { storage, clock, economy, ada, bob }
    }

    async fn wallet(&self, user: UserId) -> String {
        self.storage.accounts.get(user).await.unwrap().unwrap().wallet
    }

    async fn ledger(&self, limit: i32, cursor: Option<&str>) -> Ledger {
        let query = LedgerQuery { limit: Some(limit), cursor };
        self.economy.ledger(self.ada, query).await.unwrap()
    }
}

fn coins(user: UserId, amount: i64) -> WalletUpdate {
    let changeset = Changeset::new(BTreeMap::from([("coins".into(), amount)])).unwrap();
    WalletUpdate { user, changeset, metadata: None }
}

#[tokio::test]
async fn a_wallet_is_changed_and_the_ledger_says_so() {
    let w = World::new().await;
    let update = WalletUpdate {
        changeset: Changeset::from_json(r#"{"coins":100,"gems":3.0}"#).unwrap(),
        metadata: Some(r#"{"why":"start"}"#.into()),
        ..coins(w.ada, 0)
    };
    let outcome = w.economy.update(update.clone(), true).await.unwrap();
    assert_eq!(outcome.previous, BTreeMap::new());
    assert_eq!(&outcome.updated, update.changeset.amounts());
    assert_eq!(w.wallet(w.ada).await, r#"{"gems": 3, "coins": 100}"#);

    w.clock.advance_seconds(1);
    let outcome = w.economy.update(coins(w.ada, -40), true).await.unwrap();
    assert_eq!(outcome.updated["coins"], 60);
    w.economy.update(coins(w.ada, 1), false).await.unwrap();

    let ledger = w.ledger(100, None).await;
    let [spent, start] = &ledger.entries[..] else { panic!("two entries, not {ledger:?}") };
    assert_eq!(ledger.cursor, None);
    assert_eq!((spent.changeset["coins"], spent.create_time), (-40, NOW.plus_seconds(1)));
    assert_eq!(spent.metadata, "{}");
    assert_eq!((&start.changeset, start.create_time), (update.changeset.amounts(), NOW));
    assert_eq!(start.metadata, r#"{"why": "start"}"#);
    assert_eq!(start.id.get_version_num(), 4);
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let w = World::new().await;
    let nobody = UserId(Uuid::from_u128(9));
    w.economy.update(coins(w.ada, 5), true).await.unwrap();
    for (update, code, text) in [
        (coins(w.ada, -6), ErrorCode::FailedPrecondition, "not enough of \"coins\""),
        (coins(w.ada, i64::MAX), ErrorCode::OutOfRange, "cannot hold that much"),
        (coins(nobody, 1), ErrorCode::NotFound, "no account"),
    ] {
        let refused = w.economy.update_many(vec![coins(w.bob, 7), update], true).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.to_string().contains(text), "{refused}");
        assert_eq!(w.wallet(w.ada).await, r#"{"coins": 5}"#, "{refused}");
        assert_eq!(w.wallet(w.bob).await, "{}", "{refused}");
    }
    assert_eq!(w.ledger(100, None).await.entries.len(), 1);
}

#[tokio::test]
async fn many_updates_happen_in_order() {
    let w = World::new().await;
    let updates = vec![coins(w.ada, 5), coins(w.bob, 2), coins(w.ada, -5), coins(w.ada, 1)];
    let outcomes = w.economy.update_many(updates, true).await.unwrap();
    let held: Vec<_> = outcomes.iter().map(|o| (o.user, o.updated["coins"])).collect();
    assert_eq!(held, [(w.ada, 5), (w.bob, 2), (w.ada, 0), (w.ada, 1)]);
    assert_eq!(w.ledger(100, None).await.entries.len(), 3);
    assert_eq!(w.economy.update_many(vec![], true).await.unwrap(), []);
}

#[tokio::test]
async fn updates_are_bounded() {
    let w = World::new().await;
    let many = |count| vec![coins(w.ada, 1); count];
    let refused = w.economy.update_many(many(MAX_UPDATES + 1), true).await.unwrap_err();
    assert!(matches!(refused, EconomyError::TooManyUpdates));
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert_eq!(w.wallet(w.ada).await, "{}");
    w.economy.update_many(many(MAX_UPDATES), false).await.unwrap();
    assert_eq!(w.wallet(w.ada).await, format!("{{\"coins\": {MAX_UPDATES}}}"));
}

#[tokio::test]
async fn metadata_is_a_bounded_json_object() {
    let w = World::new().await;
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_METADATA_BYTES));
    for bad in ["", "x", "[]", "null", r#"{"a":"\u0000"}"#, &long] {
        let update = WalletUpdate { metadata: Some(bad.into()), ..coins(w.ada, 1) };
        // Without an entry nothing would be kept of it; but a mistake is found the first time.
        for ledger in [true, false] {
            let refused = w.economy.update(update.clone(), ledger).await.unwrap_err();
            assert!(matches!(refused, EconomyError::Metadata(_)), "{bad}: {refused}");
            assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{bad}");
        }
    }
    assert_eq!(w.wallet(w.ada).await, "{}");
}

#[tokio::test]
async fn parallel_spending_stops_at_zero() {
    let w = World::new().await;
    w.economy.update(coins(w.ada, 5), false).await.unwrap();
    let spending = (0..12).map(|_| w.economy.update(coins(w.ada, -1), true));
    let outcomes = join_all(spending).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    assert_eq!(w.wallet(w.ada).await, r#"{"coins": 0}"#);
}

#[tokio::test]
async fn ledger_pages_have_no_gaps_or_repeats() {
    let w = World::new().await;
    for n in 0..25 {
        // Always two of the same microsecond.
        w.economy.update_many(vec![coins(w.ada, n), coins(w.ada, n)], true).await.unwrap();
        w.clock.advance_millis(1);
    }
    let everything = w.ledger(100, None).await;
    assert_eq!(everything.entries.len(), 50);
    assert_eq!(everything.cursor, None, "one page holds all");
    assert!(everything.entries.is_sorted_by_key(|entry| std::cmp::Reverse(entry.create_time)));
    for limit in [1, 3, 7, 10, 25, 49, 50] {
        let mut page = w.ledger(limit, None).await;
        let mut walked = page.entries;
        while let Some(cursor) = page.cursor {
            page = w.ledger(limit, Some(&cursor)).await;
            assert!(!page.entries.is_empty(), "no page that is announced is empty");
            walked.extend(page.entries);
        }
        assert_eq!(walked, everything.entries, "{limit} at a time");
    }
}

#[tokio::test]
async fn cursors_are_bound_to_the_user() {
    let w = World::new().await;
    w.economy.update_many(vec![coins(w.ada, 1), coins(w.ada, 1)], true).await.unwrap();
    let cursor = w.ledger(1, None).await.cursor.unwrap();
    for (user, cursor) in [(w.bob, cursor.as_str()), (w.ada, "bad"), (w.ada, &cursor[1..])] {
        let query = LedgerQuery { limit: None, cursor: Some(cursor) };
        let refused = w.economy.ledger(user, query).await.unwrap_err();
        assert!(matches!(refused, EconomyError::Cursor(_)), "{cursor}: {refused}");
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
    let empty = LedgerQuery { limit: None, cursor: Some("") };
    let ledger = w.economy.ledger(w.ada, empty).await.unwrap();
    assert_eq!(ledger.entries.len(), 2, "an empty cursor is none");
}

/// Fails in the way it is told to.
struct Broken(fn() -> StorageError);

#[async_trait]
impl Wallets for Broken {
    async fn apply(
        &self,
        _: &[WalletChange],
        _: Timestamp,
    ) -> Result<Result<Vec<WalletOutcome>, WalletRefused>, StorageError> {
        Err((self.0)())
    }

    async fn ledger(
        &self,
        _: UserId,
        _: Option<(Timestamp, Uuid)>,
        _: u32,
    ) -> Result<LedgerPage, StorageError> {
        Err((self.0)())
    }

    async fn annotate(
        &self,
        _: Uuid,
        _: &str,
        _: usize,
        _: Timestamp,
    ) -> Result<Option<LedgerEntry>, StorageError> {
        Err((self.0)())
    }
}

#[tokio::test]
async fn an_entry_is_annotated() {
    let w = World::new().await;
    w.economy.update(coins(w.ada, 1), true).await.unwrap();
    let entry = w.ledger(1, None).await.entries[0].id;
    let annotated = w.economy.annotate(entry, r#"{"seen":true}"#).await.unwrap();
    assert_eq!(w.ledger(1, None).await.entries, [annotated]);
    for bad in ["[]", "1", "", &format!(r#"{{"a":"{}"}}"#, "x".repeat(16 * 1024))] {
        let refused = w.economy.annotate(entry, bad).await.unwrap_err();
        assert!(matches!(refused, EconomyError::Metadata(_)), "{refused}");
    }
    let note = |name: &str| format!(r#"{{"{name}":"{}"}}"#, "x".repeat(16 * 1024 - 100));
    for name in ["a", "b", "c", "d"] {
        w.economy.annotate(entry, &note(name)).await.unwrap();
    }
    let refused = w.economy.annotate(entry, &note("e")).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{refused}");
    w.economy.annotate(entry, &note("d")).await.unwrap();
    let refused = w.economy.annotate(Uuid::nil(), "{}").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn failures_of_the_store_keep_their_code() {
    let broken = |failure| {
        let clock = Arc::new(ManualClock::at(NOW));
        Economy::new(Arc::new(Broken(failure)), clock, Arc::new(SeededEntropy::new(7)))
    };
    let user = UserId(Uuid::from_u128(1));
    let down = broken(|| StorageError::Unavailable("made up".into()));
    let update = down.update(coins(user, 1), true).await;
    assert_eq!(update.unwrap_err().code(), ErrorCode::Unavailable);
    let ledger = down.ledger(user, LedgerQuery::default()).await;
    assert_eq!(ledger.unwrap_err().code(), ErrorCode::Unavailable);
    let narrow = broken(|| StorageError::DoesNotFit("made up".into()));
    let update = narrow.update(coins(user, 1), true).await;
    assert_eq!(update.unwrap_err().code(), ErrorCode::InvalidArgument, "the caller's metadata");
}
