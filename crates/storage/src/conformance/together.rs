//! Changes of accounts, objects and wallets that belong together.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tavern_domain::UserId;

use super::support::{MANY, Player, Suite, cases, id, later, unique};
use crate::{
    Account, AccountUpdate, Field, Object, ObjectDelete, ObjectIs, ObjectKey, ObjectRefused,
    ObjectRights, ObjectWrite, ReadPermission, Storage, Together, TogetherDone, TogetherRefused,
    WalletChange, WalletRefused, WhyRefused, WritePermission,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            all_parts_are_changed,
            a_part_may_be_missing,
            a_refusal_of_any_part_undoes_all,
            what_is_written_can_be_deleted_at_once,
            many_at_once_settle,
        ]
    );
}

struct Stage<'a> {
    storage: &'a Storage,
    collection: String,
    user: UserId,
}

impl<'a> Stage<'a> {
    /// A player with the object "old" and ten coins.
    async fn new(storage: &'a Storage) -> Self {
        let user = Player::create(storage).await.user;
        let stage = Self { storage, collection: unique("collection"), user };
        let changes =
            Together { writes: &[stage.put("old", "1")], wallets: &[stage.pay(10)], ..none() };
        stage.apply(changes).await.expect("not refused");
        stage
    }

    fn at(&self, key: &'static str) -> ObjectKey<'_> {
        ObjectKey { collection: &self.collection, key, user: self.user }
    }

    fn put(&self, key: &'static str, version: &'static str) -> ObjectWrite<'_> {
        ObjectWrite {
            at: self.at(key),
            if_is: ObjectIs::Any,
            value: r#"{"a":1}"#,
            version,
            read: ReadPermission::Owner,
            write: WritePermission::Owner,
        }
    }

    fn delete(&self, key: &'static str) -> ObjectDelete<'_> {
        ObjectDelete { at: self.at(key), if_is: ObjectIs::Any }
    }

    fn pay(&self, coins: i64) -> WalletChange {
        WalletChange {
            user: self.user,
            changeset: BTreeMap::from([("coins".to_owned(), coins)]),
            metadata: "{}".into(),
            ledger_id: Some(id()),
        }
    }

    async fn apply(&self, changes: Together<'_>) -> Result<TogetherDone, TogetherRefused> {
        self.storage.togethers.apply(changes, later(60)).await.expect("apply")
    }

    async fn account(&self) -> Account {
        self.storage.accounts.get(self.user).await.expect("get").expect("it exists")
    }

    async fn coins(&self) -> i64 {
        let wallet: BTreeMap<String, i64> =
            serde_json::from_str(&self.account().await.wallet).expect("a wallet");
        wallet.get("coins").copied().unwrap_or_default()
    }

    async fn versions(&self) -> Vec<String> {
        let keys = [self.at("new"), self.at("old")];
        let found = self.storage.objects.read(ObjectRights::Server, &keys).await.expect("read");
        let shown = |object: Object| format!("{} {}", object.key, object.version);
        found.into_iter().map(shown).collect()
    }

    async fn entries(&self) -> usize {
        let page = self.storage.wallets.ledger(self.user, None, 100).await.expect("ledger");
        page.entries.len()
    }
}

fn none() -> Together<'static> {
    Together::default()
}

fn named(name: &str) -> AccountUpdate {
    AccountUpdate { display_name: Field::Set(name.into()), ..AccountUpdate::default() }
}

async fn all_parts_are_changed(storage: &Storage) {
    let stage = Stage::new(storage).await;
    let changes = Together {
        accounts: &[(stage.user, named("Ada"))],
        writes: &[stage.put("new", "7")],
        deletes: &[stage.delete("old")],
        wallets: &[stage.pay(-3), stage.pay(-3)],
    };
    let done = stage.apply(changes).await.expect("not refused");
    assert_eq!(done.writes.len(), 1);
    assert_eq!(done.writes[0].update_time, later(60).whole_micros());
    let coins = |at: usize| (done.wallets[at].previous["coins"], done.wallets[at].updated["coins"]);
    assert_eq!((coins(0), coins(1)), ((10, 7), (7, 4)), "one after the other");
    assert_eq!(stage.account().await.user.display_name.as_deref(), Some("Ada"));
    assert_eq!(stage.versions().await, ["new 7"]);
    assert_eq!((stage.coins().await, stage.entries().await), (4, 3));
}

async fn a_part_may_be_missing(storage: &Storage) {
    let stage = Stage::new(storage).await;
    assert_eq!(stage.apply(none()).await, Ok(TogetherDone::default()));
    let before = stage.account().await.user.update_time;
    stage.apply(Together { writes: &[stage.put("new", "1")], ..none() }).await.expect("done");
    assert_eq!(stage.account().await.user.update_time, before, "the account is not touched");
    stage.apply(Together { deletes: &[stage.delete("new")], ..none() }).await.expect("done");
    let accounts = [(stage.user, named("Ada"))];
    stage.apply(Together { accounts: &accounts, ..none() }).await.expect("done");
    assert_eq!(stage.versions().await, ["old 1"]);
    assert_eq!(stage.account().await.user.display_name.as_deref(), Some("Ada"));
}

async fn a_refusal_of_any_part_undoes_all(storage: &Storage) {
    let stage = Stage::new(storage).await;
    let (nobody, other) = (UserId(id()), Player::create(storage).await);
    let fine = Together {
        accounts: &[(stage.user, named("Ada"))],
        writes: &[stage.put("new", "7")],
        deletes: &[stage.delete("old")],
        wallets: &[stage.pay(-3)],
    };
    let taken = AccountUpdate { username: Some(other.username), ..AccountUpdate::default() };
    let orphan =
        ObjectWrite { at: ObjectKey { user: nobody, ..stage.at("x") }, ..stage.put("x", "1") };
    let stale = ObjectWrite { if_is: ObjectIs::Version("2"), ..stage.put("old", "3") };
    let unpaid = WalletChange { user: nobody, ..stage.pay(1) };
    let at = |at, why| ObjectRefused { at, why };
    let currency = "coins".to_owned();
    for (changes, why) in [
        (
            Together { accounts: &[(stage.user, named("Ada")), (nobody, named("Bea"))], ..fine },
            TogetherRefused::NoAccount(nobody),
        ),
        (
            Together { accounts: &[(stage.user, taken)], ..fine },
            TogetherRefused::UsernameTaken(stage.user),
        ),
        (
            Together { writes: &[stage.put("new", "7"), stale], ..fine },
            TogetherRefused::Write(at(1, WhyRefused::Version)),
        ),
        (
            Together { writes: &[stage.put("new", "7"), orphan], ..fine },
            TogetherRefused::Write(at(1, WhyRefused::NoOwner)),
        ),
        (
            Together { deletes: &[stage.delete("old"), stage.delete("missing")], ..fine },
            TogetherRefused::Delete(at(1, WhyRefused::NotFound)),
        ),
        (
            Together { wallets: &[stage.pay(-3), stage.pay(-8)], ..fine },
            TogetherRefused::Wallet(WalletRefused::Negative { user: stage.user, currency }),
        ),
        (
            Together { wallets: &[stage.pay(-3), unpaid], ..fine },
            TogetherRefused::Wallet(WalletRefused::NoAccount(nobody)),
        ),
    ] {
        assert_eq!(stage.apply(changes).await, Err(why.clone()));
        assert_eq!(stage.account().await.user.display_name, None, "{why:?}");
        assert_eq!(stage.versions().await, ["old 1"], "{why:?}");
        assert_eq!((stage.coins().await, stage.entries().await), (10, 1), "{why:?}");
    }
    stage.apply(fine).await.expect("without what was refused");
}

async fn what_is_written_can_be_deleted_at_once(storage: &Storage) {
    let stage = Stage::new(storage).await;
    let changes =
        Together { writes: &[stage.put("new", "1")], deletes: &[stage.delete("new")], ..none() };
    stage.apply(changes).await.expect("not refused");
    assert_eq!(stage.versions().await, ["old 1"]);
}

/// Half of them name the players the other way round.
async fn many_at_once_settle(storage: &Storage) {
    let (ada, bea) = (Stage::new(storage).await, Stage::new(storage).await);
    let work = (0..MANY).map(|n| {
        let (from, to) = if n % 2 == 0 { (&ada, &bea) } else { (&bea, &ada) };
        async move {
            let changes = Together {
                accounts: &[(to.user, named("richer"))],
                writes: &[from.put("old", "2"), to.put("new", "2")],
                wallets: &[from.pay(-1), to.pay(1)],
                ..none()
            };
            from.apply(changes).await
        }
    });
    for outcome in join_all(work).await {
        outcome.expect("nobody runs out of coins");
    }
    assert_eq!(ada.coins().await + bea.coins().await, 20, "nothing is lost or doubled");
    assert_eq!(ada.entries().await, 1 + MANY);
}
