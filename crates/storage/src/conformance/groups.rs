//! Groups and their members.

mod lists;
mod members;

use tavern_domain::UserId;
use uuid::Uuid;

use super::support::{
    NOW, Player, Suite, assert_does_not_fit, assert_same_json, cases, id, later, unique,
};
use crate::{
    Field, Group, GroupChange, GroupCreated, GroupState, GroupUpdate, GroupUpdated, NewGroup,
    Storage,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_new_group_has_one_member,
            names_belong_to_one_group,
            nobody_leads_no_group,
            what_does_not_fit_is_refused,
            a_change_keeps_what_it_does_not_name,
            only_admins_change_a_group,
            a_group_is_never_smaller_than_its_members,
        ]
    );
    members::run(suite, storage).await;
    lists::run(suite, storage).await;
}

fn new<'a>(superadmin: UserId, name: &'a str) -> NewGroup<'a> {
    NewGroup {
        id: id(),
        superadmin,
        creator: superadmin,
        name,
        description: None,
        avatar_url: None,
        lang_tag: "en",
        metadata: "{}",
        open: true,
        max_count: 100,
        now: NOW,
    }
}

async fn create(storage: &Storage, group: NewGroup<'_>) -> Group {
    match storage.groups.create(group).await.expect("create") {
        GroupCreated::Created(group) => group,
        other @ (GroupCreated::NameTaken | GroupCreated::NoUser) => panic!("{other:?}"),
    }
}

/// A group with a superadmin.
async fn founded(storage: &Storage) -> (Group, UserId) {
    let player = Player::create(storage).await.user;
    (create(storage, new(player, &unique("group"))).await, player)
}

async fn get(storage: &Storage, group: Uuid) -> Option<Group> {
    storage.groups.get(&[group]).await.expect("get").pop()
}

async fn state(storage: &Storage, group: Uuid, user: UserId) -> Option<GroupState> {
    storage.groups.state(group, user).await.expect("state")
}

/// Makes players be this to a group, whatever they were.
async fn set(storage: &Storage, group: Uuid, users: &[UserId], to: Option<GroupState>) {
    let members = users.iter().map(|user| (*user, to)).collect();
    let change = GroupChange { members, ..GroupChange::default() };
    let decide = |_: &crate::GroupView| Ok(change.clone());
    let changed = storage.groups.change(group, users, later(60), &decide).await.expect("change");
    changed.expect("not refused");
}

async fn a_new_group_has_one_member(storage: &Storage) {
    let player = Player::create(storage).await.user;
    let name = unique("group");
    let given = NewGroup {
        creator: UserId::NIL,
        description: Some("what it is"),
        avatar_url: Some("http://example.com/a.png"),
        lang_tag: "fr",
        metadata: r#"{"a":1}"#,
        open: false,
        max_count: 7,
        ..new(player, &name)
    };
    let group = create(storage, given.clone()).await;
    assert_same_json(&group.metadata, given.metadata, "metadata");
    let expected = Group {
        id: given.id,
        creator: UserId::NIL,
        name: name.clone(),
        description: Some("what it is".into()),
        avatar_url: Some("http://example.com/a.png".into()),
        lang_tag: "fr".into(),
        metadata: group.metadata.clone(),
        open: false,
        edge_count: 1,
        max_count: 7,
        create_time: NOW,
        update_time: NOW,
    };
    assert_eq!(group, expected);
    assert_eq!(get(storage, group.id).await, Some(group.clone()), "as it was answered");
    assert_eq!(state(storage, group.id, player).await, Some(GroupState::Superadmin));
    assert_eq!(state(storage, group.id, UserId(id())).await, None);
    assert_eq!(get(storage, id()).await, None);
}

async fn names_belong_to_one_group(storage: &Storage) {
    let (group, player) = founded(storage).await;
    let taken = storage.groups.create(new(player, &group.name)).await.expect("create");
    assert_eq!(taken, GroupCreated::NameTaken);
    let other = create(storage, new(player, &unique("group"))).await;
    let rename = |name: &str| GroupUpdate { name: Some(name.into()), ..GroupUpdate::default() };
    let update = async |update| storage.groups.update(other.id, None, &update, NOW).await;
    assert_eq!(update(rename(&group.name)).await.expect("update"), GroupUpdated::NameTaken);
    assert_eq!(
        update(rename(&other.name)).await.expect("update"),
        GroupUpdated::Updated,
        "its own"
    );
    assert_eq!(get(storage, other.id).await.expect("exists").name, other.name);
}

async fn nobody_leads_no_group(storage: &Storage) {
    let name = unique("group");
    for nobody in [UserId(id()), UserId::NIL] {
        let created = storage.groups.create(new(nobody, &name)).await.expect("create");
        assert_eq!(created, GroupCreated::NoUser);
    }
    let player = Player::create(storage).await.user;
    create(storage, new(player, &name)).await;
}

async fn what_does_not_fit_is_refused(storage: &Storage) {
    let (group, player) = founded(storage).await;
    let (long, name) = ("x".repeat(513), unique("group"));
    for (bad, what) in [
        (NewGroup { name: &long, ..new(player, &name) }, "name"),
        (NewGroup { description: Some(&long), ..new(player, &name) }, "description"),
        (NewGroup { avatar_url: Some(&long), ..new(player, &name) }, "avatar"),
        (NewGroup { lang_tag: &long, ..new(player, &name) }, "language"),
        (NewGroup { metadata: "{", ..new(player, &name) }, "metadata"),
        (NewGroup { max_count: 0, ..new(player, &name) }, "size"),
    ] {
        assert_does_not_fit(storage.groups.create(bad).await, what);
    }
    let set = Field::Set(long.clone());
    for (bad, what) in [
        (GroupUpdate { name: Some(long.clone()), ..GroupUpdate::default() }, "name"),
        (GroupUpdate { description: set.clone(), ..GroupUpdate::default() }, "description"),
        (GroupUpdate { avatar_url: set, ..GroupUpdate::default() }, "avatar"),
        (GroupUpdate { metadata: Some("{".into()), ..GroupUpdate::default() }, "metadata"),
    ] {
        assert_does_not_fit(storage.groups.update(group.id, None, &bad, NOW).await, what);
    }
    assert_eq!(get(storage, group.id).await, Some(group), "nothing was changed");
    create(storage, new(player, &name)).await;
}

async fn a_change_keeps_what_it_does_not_name(storage: &Storage) {
    let (group, player) = founded(storage).await;
    let name = unique("group");
    let all = GroupUpdate {
        name: Some(name.clone()),
        description: Field::Set("d".into()),
        avatar_url: Field::Set("a".into()),
        lang_tag: Some("de".into()),
        metadata: Some("{}".into()),
        open: Some(false),
        max_count: Some(5),
        creator: Some(UserId::NIL),
    };
    let update = async |update, at| {
        let updated = storage.groups.update(group.id, Some(player), &update, later(at)).await;
        assert_eq!(updated.expect("update"), GroupUpdated::Updated);
        get(storage, group.id).await.expect("exists")
    };
    let mut expected = Group {
        creator: UserId::NIL,
        name,
        description: Some("d".into()),
        avatar_url: Some("a".into()),
        lang_tag: "de".into(),
        open: false,
        max_count: 5,
        update_time: later(1),
        ..group.clone()
    };
    assert_eq!(update(all, 1).await, expected);
    expected.update_time = later(2);
    assert_eq!(update(GroupUpdate::default(), 2).await, expected, "only the time moves");
    expected.description = None;
    expected.update_time = later(3);
    let clear = GroupUpdate { description: Field::Clear, ..GroupUpdate::default() };
    assert_eq!(update(clear, 3).await, expected, "cleared");
}

async fn only_admins_change_a_group(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let member = Player::create(storage).await.user;
    let update = GroupUpdate { open: Some(false), ..GroupUpdate::default() };
    for (state, expected) in [
        (Some(GroupState::Admin), GroupUpdated::Updated),
        (Some(GroupState::Superadmin), GroupUpdated::Updated),
        (Some(GroupState::Member), GroupUpdated::NotAllowed),
        (Some(GroupState::JoinRequest), GroupUpdated::NotAllowed),
        (Some(GroupState::Banned), GroupUpdated::NotAllowed),
        (None, GroupUpdated::NotAllowed),
    ] {
        set(storage, group.id, &[member], state).await;
        let updated = storage.groups.update(group.id, Some(member), &update, NOW).await;
        assert_eq!(updated.expect("update"), expected, "{state:?}");
    }
    for caller in [None, Some(superadmin)] {
        let updated = storage.groups.update(id(), caller, &update, NOW).await;
        assert_eq!(updated.expect("update"), GroupUpdated::NotAllowed, "there is no such group");
    }
}

async fn a_group_is_never_smaller_than_its_members(storage: &Storage) {
    let (group, _) = founded(storage).await;
    let member = Player::create(storage).await.user;
    set(storage, group.id, &[member], Some(GroupState::Member)).await;
    let resize = async |size| {
        let update = GroupUpdate { max_count: Some(size), ..GroupUpdate::default() };
        storage.groups.update(group.id, None, &update, NOW).await.expect("update")
    };
    assert_eq!(resize(1).await, GroupUpdated::TooMany);
    assert_eq!(resize(2).await, GroupUpdated::Updated);
}
