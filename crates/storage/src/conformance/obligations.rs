//! Obligations: recorded with the account, claimed by one at a time, gone when discharged.

use futures_util::future::join_all;
use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use super::support::{MANY, NOW, Player, Suite, assert_same_json, cases, id, later, login, unique};
use crate::{Claim, Created, Identity, NewAccount, NewObligation, Obligation, Storage};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            an_obligation_stands_with_its_account,
            a_refused_account_leaves_no_obligation,
            the_creators_claim_keeps_others_out,
            an_expired_claim_is_void,
            a_claim_by_an_earlier_process_of_the_node_is_void,
            a_process_does_not_claim_what_it_holds,
            a_new_claim_counts_like_the_first,
            only_one_of_many_claimers_wins,
            only_one_task_of_a_restarted_node_wins,
            every_beginning_is_counted,
            a_released_obligation_waits_for_everybody,
            a_discharged_obligation_is_gone,
            an_unknown_obligation_cannot_be_claimed,
            obligations_are_listed_oldest_first,
            obligations_are_counted,
        ]
    );
}

/// A claim for 60 seconds from `NOW` on.
fn claim(node: &str, boot: Uuid) -> Claim {
    Claim { node: node.into(), boot, until: later(60) }
}

fn obligation(claim: Claim) -> NewObligation {
    NewObligation {
        id: id(),
        call: "AuthenticateDevice",
        request: r#"{"username":"zoë","create":true,"vars":{}}"#.into(),
        claim,
    }
}

/// A player whose hook must still run, claimed by process `boot` of `node`.
async fn owing(storage: &Storage, node: &str, boot: Uuid) -> (Player, NewObligation) {
    let new = obligation(claim(node, boot));
    let player = Player::create_with(storage, Some(new.clone()), NOW).await;
    (player, new)
}

async fn try_claim(
    storage: &Storage,
    obligation: Uuid,
    claim: &Claim,
    now: Timestamp,
) -> Option<Obligation> {
    storage.obligations.claim(obligation, claim, now).await.expect("claim")
}

/// A claim by another node, at some time, for 60 seconds.
async fn stranger(storage: &Storage, obligation: Uuid, now: Timestamp) -> Option<Obligation> {
    let claim = Claim { node: unique("stranger"), boot: id(), until: now.plus_seconds(60) };
    try_claim(storage, obligation, &claim, now).await
}

/// What a login of the player shows.
async fn shown(storage: &Storage, player: &Player) -> Option<Obligation> {
    let accounts = &storage.accounts;
    let by_device = accounts.find(Identity::Device(&player.device), true).await.expect("find");
    let by_device = by_device.expect("found").obligation;
    let by_name = accounts.find_by_username(&player.username, true).await.expect("by name");
    assert_eq!(by_name.expect("found").obligation, by_device, "by name as by device");
    by_device
}

async fn an_obligation_stands_with_its_account(storage: &Storage) {
    let (player, new) = owing(storage, "node", id()).await;
    let standing = shown(storage, &player).await.expect("it stands");
    assert_eq!(standing.id, new.id, "id");
    assert_eq!(standing.user, player.user, "user");
    assert_eq!(standing.call, new.call, "call");
    assert_same_json(&standing.request, &new.request, "request");
    assert_eq!(standing.create_time, NOW, "creation time");
    assert_eq!(standing.attempts, 1, "its creator has begun it");
    let quick = login(storage, Identity::Device(&player.device)).await.expect("found");
    assert_eq!(quick.obligation, None, "it is looked up only when asked for");
    let other = Player::create(storage).await;
    assert_eq!(shown(storage, &other).await, None, "others owe nothing");
}

async fn a_refused_account_leaves_no_obligation(storage: &Storage) {
    let first = Player::create(storage).await;
    let (name, device) = (unique("name"), unique("device"));
    for (username, device, refused) in [
        (first.username.as_str(), device.as_str(), Created::UsernameTaken),
        (&name, &first.device, Created::IdentityTaken),
    ] {
        let obligation = obligation(claim("node", id()));
        let new = NewAccount {
            user: UserId(id()),
            username,
            identity: Identity::Device(device),
            password: None,
            now: NOW,
            obligation: Some(obligation.clone()),
        };
        assert_eq!(storage.accounts.create(new).await.expect("create"), refused);
        let left = stranger(storage, obligation.id, later(3_600)).await;
        assert_eq!(left, None, "{refused:?}: nothing is left to carry out");
    }
    assert_eq!(shown(storage, &first).await, None, "nor does the first one owe it");
}

async fn the_creators_claim_keeps_others_out(storage: &Storage) {
    let (player, new) = owing(storage, "node", id()).await;
    assert_eq!(stranger(storage, new.id, later(1)).await, None, "it is claimed");
    let standing = shown(storage, &player).await.expect("it stands");
    assert_eq!(standing.attempts, 1, "an attempt that did not happen is not counted");
}

async fn an_expired_claim_is_void(storage: &Storage) {
    let (player, new) = owing(storage, "node", id()).await;
    assert_eq!(stranger(storage, new.id, later(59)).await, None, "a second before the end");
    let claimed = stranger(storage, new.id, later(61)).await.expect("a second after it");
    assert_eq!((claimed.id, claimed.user), (new.id, player.user), "the whole obligation");
    assert_eq!((claimed.call.as_str(), claimed.create_time), (new.call, NOW), "as it stands");
    assert_same_json(&claimed.request, &new.request, "with its request");
    let standing = shown(storage, &player).await;
    assert_eq!(standing, Some(claimed), "and it stands on");
}

async fn a_claim_by_an_earlier_process_of_the_node_is_void(storage: &Storage) {
    let node = unique("node");
    let (_, new) = owing(storage, &node, id()).await;
    let restarted = claim(&node, id());
    let claimed = try_claim(storage, new.id, &restarted, later(1)).await;
    assert!(claimed.is_some(), "the node has restarted: nobody else can be at it");
}

async fn a_process_does_not_claim_what_it_holds(storage: &Storage) {
    let (node, boot) = (unique("node"), id());
    let (_, new) = owing(storage, &node, boot).await;
    let claimed = try_claim(storage, new.id, &claim(&node, boot), later(1)).await;
    assert_eq!(claimed, None, "another task of the same process is at it");
    let late = Claim { until: later(200), ..claim(&node, boot) };
    let claimed = try_claim(storage, new.id, &late, later(61)).await;
    assert!(claimed.is_some(), "but its expired claim is void for itself, too");
}

async fn a_new_claim_counts_like_the_first(storage: &Storage) {
    let (_, new) = owing(storage, "node", id()).await;
    let (node, boot) = (unique("node"), id());
    let second = Claim { node: node.clone(), boot, until: later(200) };
    assert!(try_claim(storage, new.id, &second, later(61)).await.is_some(), "claimed anew");
    assert_eq!(stranger(storage, new.id, later(199)).await, None, "until its own end");
    let third = Claim { node, boot: id(), until: later(300) };
    assert!(try_claim(storage, new.id, &third, later(100)).await.is_some(), "void by restart");
    assert_eq!(stranger(storage, new.id, later(201)).await, None, "the third holds it now");
    assert!(stranger(storage, new.id, later(301)).await.is_some(), "until it expires");
}

async fn only_one_of_many_claimers_wins(storage: &Storage) {
    for _ in 0..4 {
        let (player, new) = owing(storage, "node", id()).await;
        let outcomes = join_all((0..MANY).map(|_| stranger(storage, new.id, later(61)))).await;
        let winners = outcomes.iter().flatten().count();
        assert_eq!(winners, 1, "exactly one wins");
        let standing = shown(storage, &player).await.expect("it stands");
        assert_eq!(standing.attempts, 2, "and only that one is counted");
    }
}

/// The start-up run and the player's next log-in may want the same obligation at once.
async fn only_one_task_of_a_restarted_node_wins(storage: &Storage) {
    let node = unique("node");
    let (_, new) = owing(storage, &node, id()).await;
    let restarted = claim(&node, id());
    let outcomes =
        join_all((0..MANY).map(|_| try_claim(storage, new.id, &restarted, later(1)))).await;
    assert_eq!(outcomes.iter().flatten().count(), 1, "exactly one wins");
}

async fn every_beginning_is_counted(storage: &Storage) {
    let (player, new) = owing(storage, "node", id()).await;
    for attempt in 2..6 {
        let now = later(i64::from(attempt) * 100);
        let claimed = stranger(storage, new.id, now).await.expect("claimed");
        assert_eq!(claimed.attempts, attempt, "this one included");
    }
    assert_eq!(shown(storage, &player).await.expect("it stands").attempts, 5, "kept");
}

async fn a_released_obligation_waits_for_everybody(storage: &Storage) {
    let (node, boot) = (unique("node"), id());
    let (player, new) = owing(storage, &node, boot).await;
    storage.obligations.release(new.id, later(30)).await.expect("release");
    let (same, restarted) = (claim(&node, boot), claim(&node, id()));
    for (claim, who) in [(&same, "its last holder"), (&restarted, "a later process of its node")] {
        assert_eq!(try_claim(storage, new.id, claim, later(29)).await, None, "{who} waits");
    }
    assert_eq!(stranger(storage, new.id, later(29)).await, None, "others wait");
    let standing = shown(storage, &player).await.expect("it still stands");
    assert_eq!(standing.attempts, 1, "waiting is no attempt");
    assert!(stranger(storage, new.id, later(31)).await.is_some(), "before the claim's own end");
    storage.obligations.release(id(), later(31)).await.expect("releasing what is gone is fine");

    // Released for the past: at once, also for the process that has just failed.
    let (_, new) = owing(storage, &node, boot).await;
    storage.obligations.release(new.id, NOW).await.expect("release");
    assert!(try_claim(storage, new.id, &same, later(1)).await.is_some(), "the same process again");
}

async fn a_discharged_obligation_is_gone(storage: &Storage) {
    let (player, new) = owing(storage, "node", id()).await;
    let (other, kept) = owing(storage, "node", id()).await;
    for _ in 0..2 {
        storage.obligations.discharge(new.id).await.expect("discharging twice is fine");
        assert_eq!(shown(storage, &player).await, None, "the player owes nothing");
        assert_eq!(stranger(storage, new.id, later(3_600)).await, None, "nothing to claim");
    }
    let standing = shown(storage, &other).await.map(|o| o.id);
    assert_eq!(standing, Some(kept.id), "others' obligations stand");
}

async fn an_unknown_obligation_cannot_be_claimed(storage: &Storage) {
    assert_eq!(stranger(storage, id(), NOW).await, None);
}

async fn obligations_are_listed_oldest_first(storage: &Storage) {
    // A time nobody else uses, far ahead, so that these are the last ones in the list.
    let random = i64::from(id().as_fields().0);
    let base = Timestamp::from_micros(6_000_000_000_000_000 + random * 100_000);
    let mut expected = Vec::new();
    // Three of the same microsecond among them, made in no order.
    for micros in [5, 1, 3, 3, 9, 3, 7] {
        let new = obligation(claim("node", id()));
        let now = Timestamp::from_micros(base.micros() + micros);
        expected.push((now, new.id));
        Player::create_with(storage, Some(new), now).await;
    }
    expected.sort();
    let mut after = (base, Uuid::nil());
    let mut listed = Vec::new();
    for _ in 0..expected.len() {
        let page = storage.obligations.list(Some(after), 2).await.expect("list");
        assert!(page.len() <= 2, "at most as many as asked for");
        let keys = page.iter().map(|o| (o.create_time, o.id));
        listed.extend(keys.take_while(|key| *key <= expected[6]));
        match page.last() {
            Some(last) if listed.len() < expected.len() => after = (last.create_time, last.id),
            Some(_) | None => break,
        }
    }
    assert_eq!(listed, expected, "each once, by time, then id");
    let first = storage.obligations.list(None, 1).await.expect("list");
    assert_eq!(first.len(), 1, "without a key it begins at the oldest");
    assert!((first[0].create_time, first[0].id) <= expected[0], "which is none of the later");
}

async fn obligations_are_counted(storage: &Storage) {
    let count = async || storage.obligations.count().await.expect("count");
    let before = count().await;
    let (_, first) = owing(storage, "node", id()).await;
    owing(storage, "node", id()).await;
    assert_eq!(count().await, before + 2, "two more");
    storage.obligations.discharge(first.id).await.expect("discharge");
    assert_eq!(count().await, before + 1, "one of them gone");
}
