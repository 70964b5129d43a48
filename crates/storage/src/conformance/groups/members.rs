//! Who is in a group.

use futures_util::future::join_all;
use tavern_domain::{Stream, UserId};

use super::super::notifications::{listed, notification};
use super::super::support::{MANY, NOW, Player, Suite, cases, id, later, unique};
use super::{create, founded, get, new, set, state};
use crate::GroupState::{Admin, Banned, JoinRequest, Member, Superadmin};
use crate::{
    Direction, GroupChange, GroupMessage, GroupRefused, GroupView, MemberView, NewGroup,
    PageRequest, Storage, StorageError,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_call_sees_what_there_is,
            the_count_is_that_of_the_members,
            a_refusal_changes_nothing,
            messages_and_notifications_are_kept_with_the_change,
            what_cannot_be_kept_changes_nothing,
            a_deleted_group_is_gone,
            members_of_one_moment_have_places_of_their_own,
            parallel_joins_fill_a_group_exactly,
            parallel_comings_and_goings_keep_the_count,
            a_deleted_player_leaves_their_groups,
            a_group_goes_with_its_last_superadmin,
            a_player_who_goes_meanwhile_is_counted_nowhere,
        ]
    );
}

async fn player(storage: &Storage) -> UserId {
    Player::create(storage).await.user
}

async fn count(storage: &Storage, group: uuid::Uuid) -> i32 {
    get(storage, group).await.expect("exists").edge_count
}

async fn members(storage: &Storage, group: uuid::Uuid) -> usize {
    let page = storage.groups.members(group, None, None, 100).await.expect("list");
    page.edges.iter().filter(|edge| edge.key.state.is_member()).count()
}

async fn a_call_sees_what_there_is(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let (asking, admin) = (Player::create(storage).await, player(storage).await);
    let nobody = UserId(id());
    set(storage, group.id, &[asking.user], Some(JoinRequest)).await;
    set(storage, group.id, &[admin], Some(Admin)).await;
    let kept = get(storage, group.id).await.expect("exists");
    let decide = |view: &GroupView| {
        let expected = GroupView {
            group: kept.clone(),
            members: vec![
                MemberView { user: nobody, username: None, state: None },
                MemberView {
                    user: asking.user,
                    username: Some(asking.username.clone()),
                    state: Some(JoinRequest),
                },
            ],
            admins: vec![(superadmin, Superadmin), (admin, Admin)],
        };
        assert_eq!(*view, expected);
        Ok(GroupChange::default())
    };
    let users = [nobody, asking.user, nobody];
    let changed = storage.groups.change(group.id, &users, later(600), &decide).await;
    assert_eq!(changed.expect("change"), Ok(GroupChange::default()));
    assert_eq!(get(storage, group.id).await, Some(kept), "nothing moved");
    let decide = |_: &GroupView| panic!("there is nothing to decide");
    let changed = storage.groups.change(id(), &users, NOW, &decide).await.expect("change");
    assert_eq!(changed, Err(GroupRefused::NoGroup));
}

async fn the_count_is_that_of_the_members(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let (a, b) = (player(storage).await, player(storage).await);
    for (users, to, expected) in [
        (&[a][..], Some(JoinRequest), 1),
        (&[a], Some(Member), 2),
        (&[a, b], Some(Admin), 3),
        (&[a], Some(Superadmin), 3),
        (&[b], Some(Banned), 2),
        (&[b], None, 2),
        (&[b], Some(Member), 3),
        (&[a, b], None, 1),
    ] {
        set(storage, group.id, users, to).await;
        assert_eq!(count(storage, group.id).await, expected, "{users:?} {to:?}");
        for user in users {
            assert_eq!(state(storage, group.id, *user).await, to);
        }
    }
    let kept = get(storage, group.id).await.expect("exists");
    assert_eq!(kept.update_time, later(60), "the update time moves with the count");
    assert_eq!(state(storage, group.id, superadmin).await, Some(Superadmin), "as before");
}

async fn a_refusal_changes_nothing(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let decide = |_: &GroupView| Err(GroupRefused::LastSuperadmin);
    let changed = storage.groups.change(group.id, &[superadmin], NOW, &decide).await;
    assert_eq!(changed.expect("change"), Err(GroupRefused::LastSuperadmin));
    assert_eq!(get(storage, group.id).await, Some(group));
}

fn message(sender: UserId, code: i16) -> GroupMessage {
    GroupMessage { id: id(), code, sender, username: "somebody".into(), create_time: later(1) }
}

async fn messages_and_notifications_are_kept_with_the_change(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let joiner = player(storage).await;
    let change = GroupChange {
        members: vec![(joiner, Some(Member))],
        messages: vec![message(joiner, 3)],
        notifications: vec![notification(superadmin, NOW)],
        ..GroupChange::default()
    };
    let decide = |_: &GroupView| Ok(change.clone());
    let changed = storage.groups.change(group.id, &[joiner], NOW, &decide).await;
    assert_eq!(changed.expect("change"), Ok(change.clone()), "told what was done");
    assert_eq!(listed(storage, superadmin).await, [change.notifications[0].id]);
    let page = PageRequest { limit: 10, direction: Direction::Forward, after: None };
    let page = storage.messages.list(&Stream::group(group.id), page).await.expect("list");
    let [kept] = &page.messages[..] else { panic!("one message, not {page:?}") };
    assert_eq!(kept.id, change.messages[0].id);
    assert_eq!((kept.code, kept.sender, kept.content.as_str()), (3, joiner, "{}"));
    assert_eq!((kept.username.as_str(), kept.create_time), ("somebody", later(1)));
}

async fn what_cannot_be_kept_changes_nothing(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let joiner = player(storage).await;
    let mut long = message(joiner, 3);
    long.username = "x".repeat(129);
    let mut subject = notification(superadmin, NOW);
    subject.subject = "x".repeat(256);
    for (messages, notifications) in
        [(vec![long], vec![]), (vec![message(UserId(id()), 3)], vec![]), (vec![], vec![subject])]
    {
        let change = GroupChange {
            members: vec![(joiner, Some(Member))],
            messages,
            notifications,
            ..GroupChange::default()
        };
        let decide = |_: &GroupView| Ok(change.clone());
        let outcome = storage.groups.change(group.id, &[joiner], NOW, &decide).await;
        assert!(
            matches!(outcome, Err(StorageError::DoesNotFit(_) | StorageError::Failed(_))),
            "{outcome:?}"
        );
    }
    assert_eq!(get(storage, group.id).await, Some(group.clone()), "all or nothing");
    assert_eq!(state(storage, group.id, joiner).await, None);
}

async fn a_deleted_group_is_gone(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let (member, banned) = (player(storage).await, player(storage).await);
    let other = create(storage, new(superadmin, &unique("group"))).await;
    set(storage, group.id, &[member], Some(Member)).await;
    set(storage, group.id, &[banned], Some(Banned)).await;
    let decide = |_: &GroupView| Ok(GroupChange { delete: true, ..GroupChange::default() });
    let changed = storage.groups.change(group.id, &[], NOW, &decide).await.expect("change");
    assert!(changed.is_ok_and(|change| change.delete));
    assert_eq!(get(storage, group.id).await, None);
    for user in [superadmin, member, banned] {
        assert_eq!(state(storage, group.id, user).await, None);
    }
    let of = async |user| storage.groups.of_user(user, None, None, 10).await.expect("list").edges;
    assert_eq!(of(member).await, []);
    assert_eq!(of(superadmin).await.len(), 1, "other groups stay");
    assert_eq!(get(storage, other.id).await.map(|group| group.edge_count), Some(1));
    // Its name is free again.
    create(storage, new(member, &group.name)).await;
}

/// A clock may stand still, or two servers may think alike.
async fn members_of_one_moment_have_places_of_their_own(storage: &Storage) {
    let (group, _) = founded(storage).await;
    let user = player(storage).await;
    for _ in 0..4 {
        create(storage, new(user, &unique("group"))).await;
    }
    let mut users = Vec::new();
    for _ in 0..6 {
        users.push(player(storage).await);
    }
    for user in &users[..3] {
        set(storage, group.id, &[*user], Some(JoinRequest)).await;
    }
    set(storage, group.id, &users, Some(Member)).await;
    assert_eq!(count(storage, group.id).await, 7);
    assert_eq!(members(storage, group.id).await, 7);
    let of = storage.groups.of_user(user, None, None, 10).await.expect("list");
    assert_eq!(of.edges.len(), 4);
}

/// Joins as the rules do: not beyond the maximum.
async fn join(storage: &Storage, group: uuid::Uuid, user: UserId) -> bool {
    let decide = |view: &GroupView| {
        if view.members[0].state.is_some() {
            return Ok(GroupChange::default());
        }
        if view.group.edge_count >= view.group.max_count {
            return Err(GroupRefused::Full);
        }
        Ok(GroupChange { members: vec![(user, Some(Member))], ..GroupChange::default() })
    };
    let changed = storage.groups.change(group, &[user], NOW, &decide).await;
    changed.expect("no conflict escapes").is_ok_and(|change| !change.is_empty())
}

async fn parallel_joins_fill_a_group_exactly(storage: &Storage) {
    let superadmin = player(storage).await;
    let name = unique("group");
    let group = create(storage, NewGroup { max_count: 6, ..new(superadmin, &name) }).await;
    let mut users = Vec::new();
    for _ in 0..MANY {
        users.push(player(storage).await);
    }
    // Everybody tries twice.
    let tries = users.iter().chain(&users).map(|user| join(storage, group.id, *user));
    let joined = join_all(tries).await.into_iter().filter(|joined| *joined).count();
    assert_eq!(joined, 5, "as many as there was room for");
    assert_eq!(count(storage, group.id).await, 6);
    assert_eq!(members(storage, group.id).await, 6);
}

async fn parallel_comings_and_goings_keep_the_count(storage: &Storage) {
    let (group, _) = founded(storage).await;
    let mut users = Vec::new();
    for _ in 0..4 {
        users.push(player(storage).await);
    }
    let mut work = Vec::new();
    for to in [Some(Member), None, Some(Banned), Some(Admin), Some(JoinRequest)] {
        for turn in 0..4 {
            let mut order = users.clone();
            order.rotate_left(turn);
            work.push(async move { set(storage, group.id, &order[..2], to).await });
        }
    }
    join_all(work).await;
    let counted = usize::try_from(count(storage, group.id).await);
    assert_eq!(counted, Ok(members(storage, group.id).await));
}

async fn a_deleted_player_leaves_their_groups(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let (gone, asking) = (player(storage).await, player(storage).await);
    set(storage, group.id, &[gone], Some(Superadmin)).await;
    set(storage, group.id, &[asking], Some(JoinRequest)).await;
    for user in [gone, asking] {
        assert!(storage.accounts.delete(user, false, later(60)).await.expect("delete"));
        assert_eq!(state(storage, group.id, user).await, None);
        assert_eq!(count(storage, group.id).await, 1);
    }
    assert_eq!(members(storage, group.id).await, 1);
    assert_eq!(state(storage, group.id, superadmin).await, Some(Superadmin));
}

async fn a_group_goes_with_its_last_superadmin(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let member = player(storage).await;
    set(storage, group.id, &[member], Some(Admin)).await;
    assert!(storage.accounts.delete(superadmin, false, NOW).await.expect("delete"));
    assert_eq!(get(storage, group.id).await, None);
    assert_eq!(state(storage, group.id, member).await, None);
    let of = storage.groups.of_user(member, None, None, 10).await.expect("list");
    assert_eq!(of.edges, []);
}

async fn a_player_who_goes_meanwhile_is_counted_nowhere(storage: &Storage) {
    for _ in 0..4 {
        let (group, _) = founded(storage).await;
        let user = player(storage).await;
        let decide = |view: &GroupView| {
            if view.members[0].username.is_none() {
                return Err(GroupRefused::NoUser);
            }
            Ok(GroupChange {
                members: vec![(user, Some(Member))],
                messages: vec![message(user, 3)],
                ..GroupChange::default()
            })
        };
        let users = [user];
        let joining = storage.groups.change(group.id, &users, NOW, &decide);
        let (joined, deleted) =
            futures_util::join!(joining, storage.accounts.delete(user, false, NOW));
        joined.expect("no conflict escapes").ok();
        assert!(deleted.expect("no conflict escapes"));
        assert_eq!(state(storage, group.id, user).await, None);
        assert_eq!(count(storage, group.id).await, 1);
    }
}
