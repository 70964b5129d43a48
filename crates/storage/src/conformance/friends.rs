//! Friends, invitations and blocks.

use futures_util::future::join_all;
use tavern_domain::UserId;

use super::notifications::{listed, notification};
use super::support::{
    MANY, NOW, Player, Suite, assert_does_not_fit, assert_same_json, cases, id, later,
};
use crate::FriendState::{Blocked, Friend as Both, InviteReceived, InviteSent};
use crate::{
    FriendChanges, FriendKey, FriendState, Others, Pair, PairChange, Storage, StorageError,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            others_are_found_by_id_and_name_once,
            a_change_is_seen_from_both_sides,
            counts_are_the_numbers_of_edges,
            edges_go_in_either_direction,
            metadata_is_merged_and_replaced,
            the_connected_are_found_on_request,
            notifications_are_kept_with_the_change,
            what_cannot_be_kept_changes_nothing,
            nobody_is_asked_about_a_player_who_is_not_there,
            lists_are_by_state_then_age,
            pages_have_no_gaps_or_repeats,
            friends_of_friends_are_neither_friends_nor_oneself,
            edges_of_one_moment_have_places_of_their_own,
            parallel_changes_of_one_pair_come_one_after_the_other,
            parallel_changes_of_many_pairs_keep_the_counts,
            a_deleted_player_is_nobodys_friend,
        ]
    );
}

type States = (Option<FriendState>, Option<FriendState>);

async fn players<const N: usize>(storage: &Storage) -> [UserId; N] {
    let mut players = [UserId::NIL; N];
    for player in &mut players {
        *player = Player::create(storage).await.user;
    }
    players
}

fn change_to(pair: &Pair, (mine, theirs): States) -> PairChange {
    PairChange { pair: Pair { mine, theirs, ..*pair }, metadata: None, their_metadata: None }
}

/// Makes a player and others be this to each other, at `NOW` plus so many seconds.
async fn set(storage: &Storage, user: UserId, others: &[UserId], states: States, at: i64) {
    let decide = |pairs: &[Pair]| FriendChanges {
        pairs: pairs.iter().map(|pair| change_to(pair, states)).collect(),
        notifications: Vec::new(),
    };
    let others = Others { ids: others, ..Others::default() };
    storage.friends.change(user, others, later(at), &decide).await.expect("change");
}

async fn between(storage: &Storage, a: UserId, b: UserId) -> States {
    let pair = storage.friends.between(a, b).await.expect("between").expect("both exist");
    (pair.mine, pair.theirs)
}

async fn count(storage: &Storage, user: UserId) -> i32 {
    storage.accounts.get(user).await.expect("get").expect("exists").user.edge_count
}

async fn ids(storage: &Storage, user: UserId) -> Vec<UserId> {
    let page = storage.friends.list(user, None, None, 100).await.expect("list");
    page.friends.iter().map(|friend| friend.user.id).collect()
}

async fn others_are_found_by_id_and_name_once(storage: &Storage) {
    let (a, b, c) = (
        Player::create(storage).await,
        Player::create(storage).await,
        Player::create(storage).await,
    );
    let seen = std::sync::Mutex::new(Vec::new());
    let decide = |pairs: &[Pair]| {
        *seen.lock().expect("no panic before") = pairs.to_vec();
        FriendChanges::default()
    };
    let names = [b.username.clone(), c.username.clone(), "nobody at all".into(), "\0".into()];
    let others = Others {
        ids: &[a.user, b.user, b.user, UserId(id()), UserId::NIL],
        usernames: &names,
        ..Others::default()
    };
    let changed = storage.friends.change(a.user, others, NOW, &decide).await.expect("change");
    assert_eq!(changed.found, 2, "neither oneself, nor the system, nor the unknown");
    let mut seen: Vec<Pair> = seen.lock().expect("no panic before").clone();
    seen.sort_by_key(|pair| pair.other.0);
    let mut expected =
        [b.user, c.user].map(|other| Pair { other, mine: None, theirs: None, named: true });
    expected.sort_by_key(|pair| pair.other.0);
    assert_eq!(seen, expected, "each once");
    let none = storage.friends.change(a.user, Others::default(), NOW, &decide).await;
    assert_eq!(none.expect("change").found, 0, "nobody is named");
}

async fn a_change_is_seen_from_both_sides(storage: &Storage) {
    let [a, b] = players(storage).await;
    assert_eq!(between(storage, a, b).await, (None, None), "strangers");
    set(storage, a, &[b], (Some(InviteSent), Some(InviteReceived)), 0).await;
    assert_eq!(between(storage, a, b).await, (Some(InviteSent), Some(InviteReceived)));
    assert_eq!(between(storage, b, a).await, (Some(InviteReceived), Some(InviteSent)));
    set(storage, b, &[a], (Some(Both), Some(Both)), 60).await;
    for (one, other) in [(a, b), (b, a)] {
        let [friend] = &storage.friends.get(one, &[other]).await.expect("get")[..] else {
            panic!("one edge")
        };
        assert_eq!((friend.user.id, friend.state), (other, Both));
        assert_eq!(friend.update_time, later(60), "when they became friends");
        assert_same_json(&friend.metadata, "{}", "none was given");
    }
    assert_eq!(storage.friends.get(a, &[UserId(id())]).await.expect("get"), []);
    assert_eq!(storage.friends.between(a, UserId(id())).await.expect("between"), None);
}

async fn counts_are_the_numbers_of_edges(storage: &Storage) {
    let [a, b, c] = players(storage).await;
    set(storage, a, &[b, c], (Some(InviteSent), Some(InviteReceived)), 10).await;
    assert_eq!((count(storage, a).await, count(storage, b).await), (2, 1), "invited");
    let time = async |user| {
        storage.accounts.get(user).await.expect("get").expect("exists").user.update_time
    };
    assert_eq!(time(b).await, later(10), "the update time moves with the count");
    set(storage, b, &[a], (Some(Both), Some(Both)), 20).await;
    assert_eq!((count(storage, a).await, count(storage, b).await), (2, 1), "accepted");
    assert_eq!(time(b).await, later(10), "and only with it");
    set(storage, a, &[b], (Some(Blocked), None), 30).await;
    assert_eq!((count(storage, a).await, count(storage, b).await), (2, 0), "a block is an edge");
    set(storage, a, &[b, c], (None, None), 40).await;
    assert_eq!((count(storage, a).await, count(storage, c).await), (0, 0), "none is left");
}

async fn edges_go_in_either_direction(storage: &Storage) {
    let [a, b] = players(storage).await;
    set(storage, a, &[b], (Some(Both), Some(Both)), 0).await;
    set(storage, a, &[b], (Some(Both), None), 0).await;
    assert_eq!(between(storage, a, b).await, (Some(Both), None));
    set(storage, a, &[b], (None, Some(Blocked)), 0).await;
    assert_eq!(between(storage, a, b).await, (None, Some(Blocked)));
    set(storage, a, &[b], (None, None), 0).await;
    assert_eq!((ids(storage, a).await, ids(storage, b).await), (vec![], vec![]));
}

async fn metadata_is_merged_and_replaced(storage: &Storage) {
    let [a, b] = players(storage).await;
    let give = async |mine: Option<&str>, theirs: Option<&str>| {
        let decide = |pairs: &[Pair]| FriendChanges {
            pairs: pairs
                .iter()
                .map(|pair| PairChange {
                    metadata: mine.map(str::to_owned),
                    their_metadata: theirs.map(str::to_owned),
                    ..change_to(pair, (Some(Both), Some(Both)))
                })
                .collect(),
            notifications: Vec::new(),
        };
        let others = Others { ids: &[b], ..Others::default() };
        storage.friends.change(a, others, NOW, &decide).await.map(drop)
    };
    let kept = async |from: UserId, to: UserId| {
        storage.friends.get(from, &[to]).await.expect("get")[0].metadata.clone()
    };
    give(Some(r#"{"x":1,"y":1}"#), None).await.expect("change");
    assert_same_json(&kept(a, b).await, r#"{"x":1,"y":1}"#, "given");
    assert_same_json(&kept(b, a).await, "{}", "not the other one's");
    give(Some(r#"{"y":2}"#), Some(r#"{"z":3}"#)).await.expect("change");
    assert_same_json(&kept(a, b).await, r#"{"x":1,"y":2}"#, "merged");
    assert_same_json(&kept(b, a).await, r#"{"z":3}"#, "the other one's");
    give(None, None).await.expect("change");
    assert_same_json(&kept(a, b).await, r#"{"x":1,"y":2}"#, "kept");
    assert!(storage.friends.set_metadata(a, b, r#"{"n":1}"#).await.expect("set"));
    assert_same_json(&kept(a, b).await, r#"{"n":1}"#, "replaced");
    let nobody = storage.friends.set_metadata(a, UserId(id()), "{}").await.expect("set");
    assert!(!nobody, "there is no such edge");
    assert_does_not_fit(give(Some("{"), None).await, "what is no JSON");
    assert_does_not_fit(storage.friends.set_metadata(a, b, "{").await, "what is no JSON");
}

async fn the_connected_are_found_on_request(storage: &Storage) {
    let [a, b, c, d, e] = players(storage).await;
    set(storage, a, &[b], (Some(Both), Some(Both)), 0).await;
    set(storage, c, &[a], (Some(Blocked), None), 0).await;
    set(storage, d, &[e], (Some(Both), Some(Both)), 0).await;
    let decide = |pairs: &[Pair]| {
        let mut found: Vec<_> =
            pairs.iter().map(|pair| (pair.other, pair.mine, pair.theirs, pair.named)).collect();
        found.sort_by_key(|(other, ..)| other.0);
        let mut expected = vec![
            (b, Some(Both), Some(Both), false),
            (c, None, Some(Blocked), false),
            (d, None, None, true),
        ];
        expected.sort_by_key(|(other, ..)| other.0);
        assert_eq!(found, expected, "those with an edge either way, and those named");
        FriendChanges::default()
    };
    let others = Others { ids: &[d], connected: true, ..Others::default() };
    let changed = storage.friends.change(a, others, NOW, &decide).await.expect("change");
    assert_eq!(changed.found, 1, "only those named count");
}

async fn notifications_are_kept_with_the_change(storage: &Storage) {
    let [a, b] = players(storage).await;
    let new = notification(b, NOW);
    let decide = |pairs: &[Pair]| FriendChanges {
        pairs: pairs
            .iter()
            .map(|p| change_to(p, (Some(InviteSent), Some(InviteReceived))))
            .collect(),
        notifications: vec![new.clone()],
    };
    let others = Others { ids: &[b], ..Others::default() };
    let changed = storage.friends.change(a, others, NOW, &decide).await.expect("change");
    assert_eq!(changed.changes.notifications.len(), 1, "told what was done");
    assert_eq!(changed.changes.notifications[0], new);
    assert_eq!(listed(storage, b).await, [new.id]);
}

async fn what_cannot_be_kept_changes_nothing(storage: &Storage) {
    let [a, b] = players(storage).await;
    let kept = notification(b, NOW);
    storage.notifications.insert(std::slice::from_ref(&kept)).await.expect("insert");
    let mut long = notification(b, NOW);
    long.subject = "x".repeat(256);
    for bad in [kept.clone(), long] {
        let decide = |pairs: &[Pair]| FriendChanges {
            pairs: pairs.iter().map(|p| change_to(p, (Some(Both), Some(Both)))).collect(),
            notifications: vec![bad.clone()],
        };
        let others = Others { ids: &[b], ..Others::default() };
        let outcome = storage.friends.change(a, others, NOW, &decide).await;
        assert!(
            matches!(outcome, Err(StorageError::DoesNotFit(_) | StorageError::Failed(_))),
            "{outcome:?}"
        );
    }
    assert_eq!(between(storage, a, b).await, (None, None), "all or nothing");
    assert_eq!(count(storage, a).await, 0);
    assert_eq!(listed(storage, b).await, [kept.id]);
}

async fn nobody_is_asked_about_a_player_who_is_not_there(storage: &Storage) {
    let [b] = players(storage).await;
    let decide = |_: &[Pair]| panic!("there is nothing to decide");
    let others = Others { ids: &[b], ..Others::default() };
    let changed = storage.friends.change(UserId(id()), others, NOW, &decide).await;
    assert_eq!(changed.expect("change"), crate::FriendsChanged::default());
}

async fn lists_are_by_state_then_age(storage: &Storage) {
    let [a, b, c, d, e, f] = players(storage).await;
    set(storage, a, &[b], (Some(Blocked), None), 1).await;
    set(storage, a, &[c], (Some(InviteReceived), Some(InviteSent)), 2).await;
    set(storage, a, &[e], (Some(InviteSent), Some(InviteReceived)), 3).await;
    set(storage, a, &[d], (Some(InviteSent), Some(InviteReceived)), 4).await;
    set(storage, a, &[f], (Some(Both), Some(Both)), 5).await;
    assert_eq!(ids(storage, a).await, [f, e, d, c, b]);
    // Who changes state keeps their place in time.
    set(storage, a, &[d, e], (Some(Both), Some(Both)), 9).await;
    assert_eq!(ids(storage, a).await, [e, d, f, c, b]);
    for (state, expected) in
        [(Both, vec![e, d, f]), (InviteSent, vec![]), (InviteReceived, vec![c]), (Blocked, vec![b])]
    {
        let page = storage.friends.list(a, Some(state), None, 100).await.expect("list");
        let listed: Vec<_> = page.friends.iter().map(|friend| friend.user.id).collect();
        assert_eq!(listed, expected, "{state:?}");
        assert!(page.friends.iter().all(|friend| friend.state == state), "{state:?}");
    }
}

async fn pages_have_no_gaps_or_repeats(storage: &Storage) {
    let [a, b, c, d, e, f] = players(storage).await;
    set(storage, a, &[b, c, d], (Some(InviteSent), Some(InviteReceived)), 0).await;
    set(storage, a, &[e, f], (Some(Both), Some(Both)), 0).await;
    for state in [None, Some(InviteSent), Some(Both), Some(Blocked)] {
        let all = storage.friends.list(a, state, None, 100).await.expect("list").friends;
        for limit in 1..=6 {
            let (mut walked, mut after) = (Vec::new(), None);
            loop {
                let page = storage.friends.list(a, state, after, limit).await.expect("list");
                assert!(page.friends.len() <= limit as usize);
                let last = page.friends.last();
                after = last.map(|f| FriendKey { state: f.state, position: f.position });
                walked.extend(page.friends);
                if !page.more {
                    break;
                }
            }
            assert_eq!(walked, all, "{state:?}, {limit} at a time");
        }
    }
}

async fn friends_of_friends_are_neither_friends_nor_oneself(storage: &Storage) {
    let [a, b, c, d, e, f] = players(storage).await;
    let both: States = (Some(Both), Some(Both));
    set(storage, a, &[b, c], both, 0).await;
    set(storage, b, &[c, d, e], both, 0).await;
    set(storage, c, &[d], both, 0).await;
    set(storage, b, &[f], (Some(InviteSent), Some(InviteReceived)), 0).await;
    let mut expected = vec![(b, d), (b, e), (c, d)];
    expected.sort_by_key(|(referrer, user)| (referrer.0, user.0));
    for limit in 1..=4 {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = storage.friends.of_friends(a, after, limit).await.expect("list");
            walked.extend(page.entries.iter().map(|entry| (entry.referrer, entry.user.id)));
            after = walked.last().copied();
            if !page.more {
                break;
            }
        }
        assert_eq!(walked, expected, "{limit} at a time");
    }
    let nobody = storage.friends.of_friends(f, None, 10).await.expect("list");
    assert_eq!(nobody.entries, [], "an invitation is no friendship");
}

/// A clock may stand still, or two servers may think alike.
async fn edges_of_one_moment_have_places_of_their_own(storage: &Storage) {
    let others: [UserId; 8] = players(storage).await;
    let [a] = players(storage).await;
    for other in &others[..4] {
        set(storage, *other, &[a], (Some(InviteSent), Some(InviteReceived)), 0).await;
    }
    set(storage, a, &others[4..], (Some(InviteSent), Some(InviteReceived)), 0).await;
    set(storage, a, &others, (Some(Both), Some(Both)), 0).await;
    let mut listed = ids(storage, a).await;
    listed.sort_by_key(|user| user.0);
    let mut expected = others;
    expected.sort_by_key(|user| user.0);
    assert_eq!(listed, expected, "all of them");
    assert_eq!(count(storage, a).await, 8);
}

/// Both ask each other at once: the later one finds the invitation of the earlier one.
async fn parallel_changes_of_one_pair_come_one_after_the_other(storage: &Storage) {
    for _ in 0..MANY {
        let [a, b] = players(storage).await;
        let decide = |pairs: &[Pair]| FriendChanges {
            pairs: pairs
                .iter()
                .filter_map(|pair| match (pair.mine, pair.theirs) {
                    (None, None) => Some(change_to(pair, (Some(InviteSent), Some(InviteReceived)))),
                    (Some(InviteReceived), _) => Some(change_to(pair, (Some(Both), Some(Both)))),
                    _ => None,
                })
                .collect(),
            notifications: Vec::new(),
        };
        let ask = async |user: UserId, other: UserId| {
            let others = Others { ids: &[other], ..Others::default() };
            storage.friends.change(user, others, NOW, &decide).await.expect("no conflict escapes");
        };
        futures_util::join!(ask(a, b), ask(b, a), ask(a, b), ask(b, a));
        assert_eq!(between(storage, a, b).await, (Some(Both), Some(Both)));
        assert_eq!((count(storage, a).await, count(storage, b).await), (1, 1));
    }
}

async fn parallel_changes_of_many_pairs_keep_the_counts(storage: &Storage) {
    let crowd: [UserId; 6] = players(storage).await;
    let mut work = Vec::new();
    for (i, user) in crowd.iter().enumerate() {
        // Each names the others in an order of its own.
        let mut others: Vec<_> = crowd.iter().copied().filter(|other| other != user).collect();
        others.rotate_left(i % 5);
        for states in [(Some(Both), Some(Both)), (None, None), (Some(Blocked), None)] {
            let others = others.clone();
            work.push(async move { set(storage, *user, &others, states, 0).await });
        }
    }
    join_all(work).await;
    for user in crowd {
        let edges = ids(storage, user).await.len();
        assert_eq!(usize::try_from(count(storage, user).await), Ok(edges), "{user}");
    }
}

async fn a_deleted_player_is_nobodys_friend(storage: &Storage) {
    let [a, b, c, d] = players(storage).await;
    set(storage, a, &[b], (Some(Both), Some(Both)), 0).await;
    set(storage, a, &[c], (Some(InviteSent), Some(InviteReceived)), 0).await;
    set(storage, d, &[a], (Some(Blocked), None), 0).await;
    set(storage, b, &[c], (Some(Both), Some(Both)), 0).await;
    assert!(storage.accounts.delete(a, false, later(60)).await.expect("delete"));
    assert_eq!(ids(storage, b).await, [c], "others stay");
    let counts = [count(storage, b).await, count(storage, c).await, count(storage, d).await];
    assert_eq!(counts, [1, 1, 0]);
}
