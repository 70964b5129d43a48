//! Notifications that wait for their readers.

use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use super::support::{NOW, Player, Suite, assert_does_not_fit, assert_same_json, cases, id, later};
use crate::{Notification, NotificationKey, NotificationUpdate, Storage};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_kept_notification_comes_back,
            those_for_nobody_are_left_out,
            pages_have_no_gaps_or_repeats,
            what_does_not_fit_is_refused_whole,
            an_id_is_never_used_twice,
            only_the_named_ones_of_the_player_are_deleted,
            the_server_finds_and_deletes_anybodys,
            a_change_keeps_what_it_does_not_name,
            everybody_is_a_recipient_once,
        ]
    );
}

pub(super) fn notification(user: UserId, create_time: Timestamp) -> Notification {
    Notification {
        id: id(),
        user,
        subject: "something".into(),
        content: r#"{"n":1}"#.into(),
        code: 7,
        sender: UserId(id()),
        create_time,
    }
}

/// The ids of a player's notifications, in order.
pub(super) async fn listed(storage: &Storage, user: UserId) -> Vec<Uuid> {
    let page = storage.notifications.list(user, None, 100).await.expect("list");
    assert!(!page.more, "all fit on one page");
    page.notifications.iter().map(|n| n.id).collect()
}

async fn keep(storage: &Storage, notifications: &[Notification]) {
    storage.notifications.insert(notifications).await.expect("insert");
}

async fn a_kept_notification_comes_back(storage: &Storage) {
    let player = Player::create(storage).await.user;
    let time = Timestamp::from_nanos(NOW.nanos() + 999);
    let mut new = notification(player, time);
    new.code = -9;
    keep(storage, std::slice::from_ref(&new)).await;
    let page = storage.notifications.list(player, None, 10).await.expect("list");
    let [kept] = &page.notifications[..] else { panic!("one, not {page:?}") };
    assert_same_json(&kept.content, &new.content, "content");
    let expected = Notification { content: kept.content.clone(), create_time: NOW, ..new.clone() };
    assert_eq!(*kept, expected, "as it was given, the time in microseconds");
    assert!(!page.more);
}

async fn those_for_nobody_are_left_out(storage: &Storage) {
    let player = Player::create(storage).await.user;
    let new = [notification(UserId(id()), NOW), notification(player, NOW)];
    keep(storage, &new).await;
    assert_eq!(listed(storage, player).await, [new[1].id], "the other one is kept");
    assert_eq!(storage.notifications.get(None, &[new[0].id]).await.expect("get"), []);
}

async fn pages_have_no_gaps_or_repeats(storage: &Storage) {
    let (player, other) = (Player::create(storage).await.user, Player::create(storage).await.user);
    let mut new: Vec<_> =
        [3, 1, 2, 2, 2, 0, 9].iter().map(|at| notification(player, later(*at))).collect();
    new.push(notification(other, later(1)));
    keep(storage, &new).await;
    new.pop();
    new.sort_by_key(|n| (n.create_time, n.id));
    let expected: Vec<_> = new.iter().map(|n| n.id).collect();
    for limit in [1, 2, 3, 6, 7, 8] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = storage.notifications.list(player, after, limit).await.expect("list");
            assert!(page.notifications.len() <= limit as usize, "{limit}");
            walked.extend(page.notifications.iter().map(|n| n.id));
            let last = page.notifications.last();
            after = last.map(|n| NotificationKey { create_time: n.create_time, id: n.id });
            if !page.more {
                break;
            }
        }
        assert_eq!(walked, expected, "{limit} at a time");
    }
}

async fn what_does_not_fit_is_refused_whole(storage: &Storage) {
    let player = Player::create(storage).await.user;
    let good = notification(player, NOW);
    for (bad, what) in [
        (Notification { subject: "x".repeat(256), ..notification(player, NOW) }, "subject"),
        (Notification { subject: "\0".into(), ..notification(player, NOW) }, "NUL"),
        (Notification { content: "{".into(), ..notification(player, NOW) }, "content"),
        (Notification { code: 40_000, ..notification(player, NOW) }, "code"),
    ] {
        let outcome = storage.notifications.insert(&[good.clone(), bad]).await;
        assert_does_not_fit(outcome, what);
    }
    assert_eq!(listed(storage, player).await, Vec::<Uuid>::new(), "nothing was kept");
}

async fn an_id_is_never_used_twice(storage: &Storage) {
    let player = Player::create(storage).await.user;
    let first = notification(player, NOW);
    keep(storage, std::slice::from_ref(&first)).await;
    let again = Notification { create_time: later(1), ..first.clone() };
    let outcome = storage.notifications.insert(&[notification(player, NOW), again]).await;
    assert!(outcome.is_err(), "an id that exists is an error");
    assert_eq!(listed(storage, player).await, [first.id], "nothing was added");
}

async fn only_the_named_ones_of_the_player_are_deleted(storage: &Storage) {
    let (player, other) = (Player::create(storage).await.user, Player::create(storage).await.user);
    let new: Vec<_> = [player, player, other].map(|user| notification(user, NOW)).into();
    keep(storage, &new).await;
    let delete = async |ids: &[Uuid]| {
        storage.notifications.delete(Some(player), ids).await.expect("delete");
    };
    delete(&[]).await;
    delete(&[id(), new[0].id, new[2].id]).await;
    delete(&[new[0].id]).await;
    assert_eq!(listed(storage, player).await, [new[1].id], "the one that was not named");
    assert_eq!(listed(storage, other).await, [new[2].id], "somebody else's stays");
}

async fn the_server_finds_and_deletes_anybodys(storage: &Storage) {
    let (a, b) = (Player::create(storage).await.user, Player::create(storage).await.user);
    let new = [notification(a, later(2)), notification(b, later(1)), notification(a, later(3))];
    keep(storage, &new).await;
    let ids: Vec<_> = new.iter().map(|n| n.id).chain([id()]).collect();
    let found = async |user| {
        let found = storage.notifications.get(user, &ids).await.expect("get");
        found.iter().map(|n| n.id).collect::<Vec<_>>()
    };
    assert_eq!(found(None).await, [ids[1], ids[0], ids[2]], "oldest first");
    assert_eq!(found(Some(a)).await, [ids[0], ids[2]], "of one player");
    storage.notifications.delete(None, &ids[..2]).await.expect("delete");
    assert_eq!(found(None).await, [ids[2]], "whosever they were");
}

async fn a_change_keeps_what_it_does_not_name(storage: &Storage) {
    let player = Player::create(storage).await.user;
    let new = [notification(player, NOW), notification(player, later(1))];
    keep(storage, &new).await;
    let sender = UserId(id());
    let updates = [
        NotificationUpdate {
            id: new[0].id,
            subject: Some("new".into()),
            content: Some(r#"{"v":2}"#.into()),
            sender: Some(sender),
        },
        NotificationUpdate { id: new[1].id, ..NotificationUpdate::default() },
        NotificationUpdate { id: id(), ..NotificationUpdate::default() },
    ];
    storage.notifications.update(&updates).await.expect("update");
    let page = storage.notifications.list(player, None, 10).await.expect("list").notifications;
    assert_same_json(&page[0].content, r#"{"v":2}"#, "content");
    let expected = Notification {
        subject: "new".into(),
        content: page[0].content.clone(),
        sender,
        ..new[0].clone()
    };
    assert_eq!(page[0], expected, "and nothing else");
    assert_same_json(&page[1].content, &new[1].content, "content");
    assert_eq!(page[1].subject, new[1].subject, "as it was");
    let bad = [NotificationUpdate {
        id: new[0].id,
        subject: Some("x".repeat(256)),
        ..NotificationUpdate::default()
    }];
    assert_does_not_fit(storage.notifications.update(&bad).await, "a long subject");
}

async fn everybody_is_a_recipient_once(storage: &Storage) {
    let mut players = Vec::new();
    for _ in 0..5 {
        players.push(Player::create(storage).await.user);
    }
    let (mut walked, mut after) = (Vec::new(), None);
    loop {
        let page = storage.notifications.recipients(after, 2).await.expect("recipients");
        assert!(page.len() <= 2);
        after = page.last().copied();
        if page.is_empty() {
            break;
        }
        walked.extend(page);
    }
    assert!(walked.is_sorted_by(|a, b| a.0 < b.0), "by id, each once");
    assert!(players.iter().all(|player| walked.contains(player)), "everybody");
    assert!(!walked.contains(&UserId::NIL), "but the system");
}
