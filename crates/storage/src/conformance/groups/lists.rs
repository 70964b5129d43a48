//! Lists of groups, of their players, and of a player's groups.

use std::cmp::Reverse;

use tavern_domain::UserId;
use uuid::Uuid;

use super::super::support::{Player, Suite, cases, id, later, unique};
use super::{create, founded, new, set};
use crate::GroupState::{Banned, JoinRequest, Member};
use crate::{Group, GroupFilter, GroupPosition, GroupState, NewGroup, Storage};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            names_are_found_by_pattern,
            fields_can_be_combined,
            groups_come_in_the_order_of_their_filter,
            groups_are_found_from_any_id_on,
            members_are_listed_by_state_then_age,
            groups_of_a_player_are_listed_by_state_then_age,
        ]
    );
}

async fn ids(storage: &Storage, filter: &GroupFilter, limit: u32) -> Vec<Uuid> {
    let (mut walked, mut after) = (Vec::new(), None);
    loop {
        let page = storage.groups.list(filter, after.as_ref(), limit).await.expect("list");
        assert!(page.groups.len() <= limit as usize, "{filter:?}");
        after = page.groups.last().map(|last| GroupPosition {
            name: last.name.clone(),
            edge_count: last.edge_count,
            update_time: last.update_time,
            id: last.id,
        });
        walked.extend(page.groups.iter().map(|group| group.id));
        if !page.more {
            return walked;
        }
    }
}

async fn names_are_found_by_pattern(storage: &Storage) {
    let player = Player::create(storage).await.user;
    let base = unique("Find_Me");
    let mut groups = Vec::new();
    for suffix in ["", "-one", "-Two", "x"] {
        groups.push(create(storage, new(player, &format!("{base}{suffix}"))).await.id);
    }
    for (pattern, expected) in [
        (base.clone(), vec![0]),
        (base.to_uppercase(), vec![0]),
        (format!("{base}%"), vec![0, 1, 2, 3]),
        (format!("{}%", base.to_lowercase()), vec![0, 1, 2, 3]),
        (format!("{base}%o%"), vec![1, 2]),
        (format!("%{}%wo", &base[5..]), vec![2]),
        (format!("{base}-"), vec![]),
        (format!("{base}_"), vec![]),
        (format!(r"{base}\"), vec![]),
        (format!("{base}\0"), vec![]),
    ] {
        let filter = GroupFilter::Name(pattern.clone());
        for limit in [1, 100] {
            let mut found = ids(storage, &filter, limit).await;
            found.sort();
            let mut expected: Vec<_> = expected.iter().map(|at| groups[*at]).collect();
            expected.sort();
            assert_eq!(found, expected, "{pattern:?}");
        }
    }
}

/// Groups of a language of their own: `(id, open, members)`.
async fn some(storage: &Storage, tag: &str) -> Vec<Group> {
    let superadmin = Player::create(storage).await.user;
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(Player::create(storage).await.user);
    }
    let mut groups = Vec::new();
    for (i, (open, more)) in
        [(true, 0), (true, 1), (false, 2), (false, 1), (true, 2), (true, 1)].into_iter().enumerate()
    {
        let name = unique("group");
        let now = later(i64::try_from(10 - i).expect("small"));
        let given = NewGroup { open, lang_tag: tag, now, ..new(superadmin, &name) };
        let group = create(storage, given).await;
        if more > 0 {
            set(storage, group.id, &others[..more], Some(Member)).await;
        }
        groups.push(super::get(storage, group.id).await.expect("exists"));
    }
    groups
}

fn tag() -> String {
    unique("")[1..18].to_owned()
}

async fn fields_can_be_combined(storage: &Storage) {
    let tag = tag();
    let groups = some(storage, &tag).await;
    for lang_tag in [None, Some(tag.clone())] {
        for open in [None, Some(true), Some(false)] {
            for members in [None, Some(1), Some(2), Some(0)] {
                let filter = GroupFilter::Fields { lang_tag: lang_tag.clone(), open, members };
                let mut found = ids(storage, &filter, 100).await;
                found.retain(|id| groups.iter().any(|group| group.id == *id));
                found.sort();
                let mut expected: Vec<_> = groups
                    .iter()
                    .filter(|group| open.is_none_or(|open| group.open == open))
                    .filter(|group| members.is_none_or(|most| group.edge_count <= most))
                    .map(|group| group.id)
                    .collect();
                expected.sort();
                assert_eq!(found, expected, "{filter:?}");
            }
        }
    }
    let nobody = GroupFilter::Fields { lang_tag: Some("\0".into()), open: None, members: None };
    assert_eq!(ids(storage, &nobody, 10).await, Vec::<Uuid>::new());
}

async fn groups_come_in_the_order_of_their_filter(storage: &Storage) {
    let tag = tag();
    let mut groups = some(storage, &tag).await;
    let order = async |groups: &[Group], lang_tag: Option<&str>, open, members| {
        let lang_tag = lang_tag.map(str::to_owned);
        let filter = GroupFilter::Fields { lang_tag, open, members };
        let expected: Vec<_> = groups
            .iter()
            .filter(|group| open.is_none_or(|open| group.open == open))
            .map(|group| group.id)
            .collect();
        for limit in [1, 2, 100] {
            let mut found = ids(storage, &filter, limit).await;
            found.retain(|id| expected.contains(id));
            assert_eq!(found, expected, "{filter:?}, {limit} at a time");
        }
    };
    let lang = Some(&*tag);
    groups.sort_by_key(|g| (g.edge_count, g.id));
    order(&groups, lang, None, None).await;
    groups.sort_by_key(|g| Reverse((g.edge_count, g.id)));
    order(&groups, lang, Some(true), None).await;
    order(&groups, lang, None, Some(100)).await;
    order(&groups, lang, Some(true), Some(100)).await;
    order(&groups, None, Some(true), Some(100)).await;
    groups.sort_by_key(|g| Reverse((g.edge_count, g.update_time, g.id)));
    order(&groups, None, None, Some(100)).await;
    groups.sort_by_key(|g| (g.update_time, g.edge_count, g.id));
    order(&groups, None, None, None).await;
    order(&groups, None, Some(false), None).await;
}

async fn groups_are_found_from_any_id_on(storage: &Storage) {
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(founded(storage).await.0.id);
    }
    own.sort();
    let found = async |start, limit| {
        let groups = storage.groups.beginning_at(start, limit).await.expect("list");
        groups.iter().map(|group| group.id).collect::<Vec<_>>()
    };
    assert_eq!(found(own[1], 1).await, [own[1]], "the first at or behind it");
    let all = found(own[1], 1_000).await;
    assert!(own.iter().all(|id| all.contains(id)), "around the end");
    let distinct: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "each once");
    assert_eq!(found(id(), 2).await.len(), 2, "as many as asked for");
}

/// Walks through a list, so many at a time.
macro_rules! walk {
    ($storage:expr, $list:ident, $of:expr, $state:expr, $limit:expr) => {{
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = $storage.groups.$list($of, $state, after, $limit).await.expect("list");
            assert!(page.edges.len() <= $limit as usize);
            after = page.edges.last().map(|edge| edge.key);
            walked.extend(page.edges.into_iter().map(|edge| (edge.of.id, edge.key.state)));
            if !page.more {
                break walked;
            }
        }
    }};
}

async fn members_are_listed_by_state_then_age(storage: &Storage) {
    let (group, superadmin) = founded(storage).await;
    let mut users = Vec::new();
    for _ in 0..5 {
        users.push(Player::create(storage).await.user);
    }
    for (user, state) in
        [(0, JoinRequest), (1, Member), (2, GroupState::Admin), (3, Member), (4, Banned)]
    {
        set(storage, group.id, &[users[user]], Some(state)).await;
    }
    let expected = [
        (superadmin, GroupState::Superadmin),
        (users[2], GroupState::Admin),
        (users[1], Member),
        (users[3], Member),
        (users[0], JoinRequest),
    ];
    for limit in 1..=6 {
        assert_eq!(walk!(storage, members, group.id, None, limit), expected, "all but the banned");
        let some = walk!(storage, members, group.id, Some(Member), limit);
        assert_eq!(some, expected[2..4]);
        let some = walk!(storage, members, group.id, Some(Banned), limit);
        assert_eq!(some, [(users[4], Banned)]);
    }
    let nobody = walk!(storage, members, id(), None, 10);
    assert_eq!(nobody, [], "no such group");
}

async fn groups_of_a_player_are_listed_by_state_then_age(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let mut groups = Vec::new();
    for i in 0..2 {
        let name = unique("group");
        let given = NewGroup { now: later(i), ..new(user, &name) };
        groups.push(create(storage, given).await.id);
    }
    for state in [JoinRequest, Member, Banned] {
        let (group, _) = founded(storage).await;
        set(storage, group.id, &[user], Some(state)).await;
        groups.push(group.id);
    }
    let expected = [
        (groups[0], GroupState::Superadmin),
        (groups[1], GroupState::Superadmin),
        (groups[3], Member),
        (groups[2], JoinRequest),
    ];
    for limit in 1..=5 {
        assert_eq!(walk!(storage, of_user, user, None, limit), expected, "not where banned");
        let some = walk!(storage, of_user, user, Some(Member), limit);
        assert_eq!(some, expected[2..3]);
        assert_eq!(walk!(storage, of_user, user, Some(Banned), limit), [], "no edge of their own");
    }
    let nobody: Vec<(Uuid, GroupState)> = walk!(storage, of_user, UserId(id()), None, 10);
    assert_eq!(nobody, [], "no such player");
}
