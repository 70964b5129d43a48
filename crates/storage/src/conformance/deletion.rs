//! Deleting accounts with all that hangs on them.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tavern_domain::{Stream, TokenId, UserId};
use uuid::Uuid;

use super::support::{MANY, NOW, Player, Suite, cases, count_of, create, id, later, owner, unique};
use crate::{
    Changed, Claim, Created, Direction, Identity, NewMessage, NewObligation, PageRequest,
    Revocation, RevocationScope, Storage, WalletChange, WalletRefused,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_deleted_account_is_gone,
            deleting_nobody_answers_so,
            name_and_identities_are_free_again,
            devices_go_with_the_account,
            messages_go_with_the_account,
            the_ledger_goes_with_the_account,
            an_obligation_goes_with_the_account,
            revocations_outlive_the_account,
            parallel_deletions_succeed_once,
        ]
    );
}

async fn delete(storage: &Storage, user: UserId) -> bool {
    storage.accounts.delete(user, true, later(60)).await.expect("delete")
}

async fn a_deleted_account_is_gone(storage: &Storage) {
    let (a, b) = (Player::create(storage).await, Player::create(storage).await);
    let accounts = &storage.accounts;
    assert!(delete(storage, a.user).await, "there was one");
    assert_eq!(accounts.get(a.user).await.expect("get"), None, "no account");
    assert_eq!(accounts.find_by_id(a.user).await.expect("by id"), None, "no login by id");
    let by_name = accounts.find_by_username(&a.username, false).await.expect("by name");
    assert_eq!(by_name, None, "no login by name");
    assert_eq!(accounts.users(&[a.user], &[a.username], &[]).await.expect("users"), [], "no user");
    assert!(accounts.get(b.user).await.expect("get").is_some(), "others stay");
}

async fn deleting_nobody_answers_so(storage: &Storage) {
    assert!(!delete(storage, UserId(id())).await, "no such account");
    for recorded in [false, true] {
        let player = Player::create(storage).await;
        let delete = async || storage.accounts.delete(player.user, recorded, NOW).await;
        assert!(delete().await.expect("delete"), "there was one (recorded: {recorded})");
        assert!(!delete().await.expect("delete"), "gone already (recorded: {recorded})");
    }
}

async fn name_and_identities_are_free_again(storage: &Storage) {
    let player = Player::create(storage).await;
    let custom = unique("custom");
    let identity = Identity::Custom(&custom);
    storage.accounts.link(player.user, identity, None, NOW).await.expect("link");
    delete(storage, player.user).await;
    let (heir, other) = (UserId(id()), UserId(id()));
    let created = create(storage, heir, &player.username, Identity::Device(&player.device)).await;
    assert_eq!(created, Created::Created, "name and device");
    let created = create(storage, other, &unique("name"), identity).await;
    assert_eq!(created, Created::Created, "custom id");
    // The same id may even come back, as when an account is imported again.
    let created =
        create(storage, player.user, &unique("name"), Identity::Device(&unique("device"))).await;
    assert_eq!(created, Created::Created, "user id");
}

async fn devices_go_with_the_account(storage: &Storage) {
    let player = Player::create(storage).await;
    let second = unique("device");
    let linked = storage.accounts.link(player.user, Identity::Device(&second), None, NOW).await;
    linked.expect("link");
    delete(storage, player.user).await;
    for device in [&player.device, &second] {
        assert_eq!(owner(storage, Identity::Device(device)).await, None, "{device}");
    }
}

async fn messages_go_with_the_account(storage: &Storage) {
    let (a, b) = (Player::create(storage).await, Player::create(storage).await);
    let stream = Stream::room(&unique("room"));
    let mut ids: Vec<Uuid> = Vec::new();
    for (i, player) in [&a, &b, &a, &b].into_iter().enumerate() {
        ids.push(id());
        let message = NewMessage {
            id: ids[i],
            code: 0,
            sender: player.user,
            username: &player.username,
            stream: &stream,
            content: "{}",
            create_time: later(i64::try_from(i).expect("small")),
        };
        storage.messages.insert(message).await.expect("insert");
    }
    delete(storage, a.user).await;
    let page = PageRequest { limit: 10, direction: Direction::Forward, after: None };
    let page = storage.messages.list(&stream, page).await.expect("list");
    let left: Vec<_> = page.messages.iter().map(|message| message.id).collect();
    assert_eq!(left, [ids[1], ids[3]], "only the other player's messages stay");
    assert!(!page.more, "and no more");
    let removed = storage.messages.remove(&stream, ids[0], a.user).await.expect("remove");
    assert_eq!(removed, Changed::NotFound, "a message that went with its sender");
}

async fn the_ledger_goes_with_the_account(storage: &Storage) {
    let player = Player::create(storage).await;
    let change = WalletChange {
        user: player.user,
        changeset: BTreeMap::from([("coins".into(), 5)]),
        metadata: "{}".into(),
        ledger_id: Some(id()),
    };
    let applied = storage.wallets.apply(std::slice::from_ref(&change), NOW).await;
    applied.expect("apply").expect("not refused");
    delete(storage, player.user).await;
    let ledger = storage.wallets.ledger(player.user, None, 10).await.expect("ledger");
    assert_eq!(ledger.entries, [], "no entries are left");
    let refused = storage.wallets.apply(&[change], NOW).await.expect("apply");
    assert_eq!(refused, Err(WalletRefused::NoAccount(player.user)), "nor is there a wallet");
}

async fn an_obligation_goes_with_the_account(storage: &Storage) {
    let claim = Claim { node: "node".into(), boot: id(), until: later(60) };
    let obligation =
        NewObligation { id: id(), call: "AuthenticateDevice", request: "{}".into(), claim };
    let player = Player::create_with(storage, Some(obligation.clone()), NOW).await;
    delete(storage, player.user).await;
    let claim = Claim { node: "other".into(), boot: id(), until: later(600) };
    let claimed = storage.obligations.claim(obligation.id, &claim, later(120)).await;
    assert_eq!(claimed.expect("claim"), None, "nothing is left to carry out");
}

/// Tokens of a deleted player are still out there.
async fn revocations_outlive_the_account(storage: &Storage) {
    let player = Player::create(storage).await;
    let revocations = [
        Revocation {
            user: player.user,
            scope: RevocationScope::All,
            at: NOW.whole_seconds(),
            expires: later(600),
        },
        Revocation {
            user: player.user,
            scope: RevocationScope::Session(TokenId(id())),
            at: NOW.whole_seconds(),
            expires: later(600),
        },
    ];
    storage.revocations.revoke(&revocations).await.expect("revoke");
    delete(storage, player.user).await;
    let loaded = storage.revocations.load(later(60)).await.expect("load");
    for revocation in revocations {
        assert!(loaded.contains(&revocation), "{revocation:?}");
    }
}

async fn parallel_deletions_succeed_once(storage: &Storage) {
    let player = Player::create(storage).await;
    let outcomes = join_all((0..MANY).map(|_| delete(storage, player.user))).await;
    assert_eq!(count_of(&outcomes, &true), 1, "one has deleted it");
}
