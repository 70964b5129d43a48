//! A small group under all rules.

use proptest::prelude::*;
use tavern_domain::Timestamp;
use tavern_storage::Group;
use uuid::Uuid;

use super::*;

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

/// A group of these players (1, 2, ...), of whom a call names some.
fn view(states: &[Option<GroupState>], named: &[usize], open: bool, max_count: i32) -> GroupView {
    let count = states.iter().flatten().filter(|state| state.is_member()).count();
    let at = |i: usize| user(i as u128 + 1);
    GroupView {
        group: Group {
            id: Uuid::from_u128(99),
            creator: user(1),
            name: "g".into(),
            description: None,
            avatar_url: None,
            lang_tag: "en".into(),
            metadata: "{}".into(),
            open,
            edge_count: i32::try_from(count).unwrap(),
            max_count,
            create_time: Timestamp::EPOCH,
            update_time: Timestamp::EPOCH,
        },
        members: named
            .iter()
            .map(|i| MemberView { user: at(*i), username: Some("n".into()), state: states[*i] })
            .collect(),
        admins: states
            .iter()
            .enumerate()
            .filter_map(|(i, state)| state.filter(|s| s.is_admin()).map(|s| (at(i), s)))
            .collect(),
    }
}

fn codes(plan: &Plan) -> Vec<i16> {
    plan.said.iter().map(|(code, ..)| code.0).collect()
}

/// What one rule makes of one other player, by the caller's state.
fn step(
    rule: fn(&GroupView, Caller) -> Outcome,
    caller: GroupState,
    other: Option<GroupState>,
) -> Option<Option<GroupState>> {
    let view = view(&[Some(caller), other, Some(Superadmin)], &[0, 1], true, 10);
    let plan = rule(&view, Some(user(1))).unwrap();
    plan.members.first().map(|(_, to)| *to)
}

#[test]
fn who_has_no_rights_does_nothing() {
    for caller in [Some(Member), Some(JoinRequest), Some(Banned), None] {
        let view = view(&[caller, Some(Member), Some(Superadmin)], &[0, 1], true, 10);
        for rule in [add, kick, ban, promote, demote, delete] {
            assert_eq!(rule(&view, Some(user(1))), Err(GroupRefused::NotAllowed), "{caller:?}");
        }
    }
}

#[test]
fn promotions_go_one_step_and_not_beyond_ones_own() {
    for (caller, other, to) in [
        (Superadmin, Some(Member), Some(Some(Admin))),
        (Superadmin, Some(Admin), Some(Some(Superadmin))),
        (Superadmin, Some(Superadmin), None),
        (Admin, Some(Member), Some(Some(Admin))),
        (Admin, Some(Admin), None),
        (Admin, Some(JoinRequest), None),
        (Superadmin, Some(JoinRequest), None),
        (Superadmin, Some(Banned), None),
        (Superadmin, None, None),
    ] {
        assert_eq!(step(promote, caller, other), to, "{caller:?} {other:?}");
    }
}

#[test]
fn demotions_go_one_step_and_not_above_oneself() {
    for (caller, other, to) in [
        (Superadmin, Some(Superadmin), Some(Some(Admin))),
        (Superadmin, Some(Admin), Some(Some(Member))),
        (Superadmin, Some(Member), None),
        (Admin, Some(Superadmin), None),
        (Admin, Some(Admin), Some(Some(Member))),
        (Superadmin, Some(JoinRequest), None),
        (Superadmin, Some(Banned), None),
    ] {
        assert_eq!(step(demote, caller, other), to, "{caller:?} {other:?}");
    }
}

#[test]
fn admins_remove_only_those_below_them() {
    for (caller, other, kicked, banned) in [
        (Superadmin, Some(Superadmin), Some(None), Some(Some(Banned))),
        (Superadmin, Some(Admin), Some(None), Some(Some(Banned))),
        (Admin, Some(Superadmin), None, None),
        (Admin, Some(Admin), None, None),
        (Admin, Some(Member), Some(None), Some(Some(Banned))),
        (Admin, Some(JoinRequest), Some(None), Some(Some(Banned))),
        (Admin, Some(Banned), Some(None), None),
        (Admin, None, None, None),
    ] {
        assert_eq!(step(kick, caller, other), kicked, "{caller:?} {other:?}");
        assert_eq!(step(ban, caller, other), banned, "{caller:?} {other:?}");
    }
}

#[test]
fn the_chat_hears_of_members_only() {
    let states = [Some(Superadmin), Some(Member), Some(JoinRequest), Some(Banned), None];
    let view = view(&states, &[0, 1, 2, 3, 4], true, 10);
    assert_eq!(codes(&kick(&view, Some(user(1))).unwrap()), [6]);
    assert_eq!(codes(&ban(&view, Some(user(1))).unwrap()), [8]);
    let added = add(&view, Some(user(1))).unwrap();
    assert_eq!(codes(&added), [4, 4], "the one who asked and the stranger");
    assert_eq!(added.added, [user(3), user(5)]);
    assert_eq!(codes(&promote(&view, None).unwrap()), [7]);
    assert_eq!(codes(&leave(&view, user(2)).unwrap()), [5]);
    assert_eq!(codes(&leave(&view, user(3)).unwrap()), [0; 0], "a request taken back");
}

#[test]
fn joining_depends_on_the_group() {
    let states = [Some(Superadmin), Some(Admin), None];
    let open = join(&view(&states, &[2], true, 3), user(3)).unwrap();
    assert_eq!((&open.members[..], codes(&open)), (&[(user(3), Some(Member))][..], vec![3]));
    let closed = join(&view(&states, &[2], false, 3), user(3)).unwrap();
    assert_eq!(closed.members, [(user(3), Some(JoinRequest))]);
    assert_eq!(closed.asked, [user(1), user(2)], "all admins are told");
    assert_eq!(closed.said, []);
    for open in [true, false] {
        let full = view(&states, &[2], open, 2);
        assert_eq!(join(&full, user(3)), Err(GroupRefused::Full));
        for state in [Superadmin, Admin, Member, JoinRequest, Banned] {
            let states = [Some(Superadmin), Some(Admin), Some(state)];
            let again = join(&view(&states, &[2], open, 9), user(3)).unwrap();
            assert_eq!(again, Plan::default(), "{state:?}");
        }
        let mut nobody = view(&states, &[2], open, 9);
        nobody.members[0].username = None;
        assert_eq!(join(&nobody, user(3)), Err(GroupRefused::NoUser));
    }
}

#[test]
fn a_group_is_never_overfilled() {
    let states = [Some(Superadmin), None, Some(JoinRequest), None];
    let plan = add(&view(&states, &[0, 1, 2], true, 3), Some(user(1))).unwrap();
    assert_eq!(plan.members.len(), 2, "as many as there is room for");
    let full = add(&view(&states, &[0, 1, 2, 3], true, 3), Some(user(1)));
    assert_eq!(full, Err(GroupRefused::Full), "one too many: nobody is added");
}

#[test]
fn the_last_one_takes_the_group_along() {
    let alone = [Some(Superadmin), Some(JoinRequest), Some(Banned)];
    assert!(leave(&view(&alone, &[0], true, 9), user(1)).unwrap().delete);
    let led = [Some(Superadmin), Some(Admin)];
    let refused = leave(&view(&led, &[0], true, 9), user(1));
    assert_eq!(refused, Err(GroupRefused::LastSuperadmin));
    let two = [Some(Superadmin), Some(Superadmin)];
    let plan = leave(&view(&two, &[0], true, 9), user(1)).unwrap();
    assert_eq!(plan.members, [(user(1), None)]);
    for state in [None, Some(Banned)] {
        let states = [state, Some(Superadmin)];
        assert_eq!(leave(&view(&states, &[0], true, 9), user(1)), Ok(Plan::default()));
    }
}

fn any_state() -> impl Strategy<Value = Option<GroupState>> {
    prop_oneof![
        Just(None),
        Just(Some(Superadmin)),
        Just(Some(Admin)),
        Just(Some(Member)),
        Just(Some(JoinRequest)),
        Just(Some(Banned)),
    ]
}

proptest! {
    /// Whatever is done by whom: a led group stays led, and never has more members than it may.
    #[test]
    fn groups_stay_led_and_within_bounds(
        states in prop::collection::vec(any_state(), 1..7),
        rule in prop::sample::select(vec![add, kick, ban, promote, demote]),
        server: bool,
        room in 0..3,
        mask: u8,
    ) {
        let mut states = states;
        states[0] = Some(Superadmin);
        let named: Vec<usize> =
            (0..states.len()).filter(|i| *i == 0 || mask & (1 << i) != 0).collect();
        let members = states.iter().flatten().filter(|state| state.is_member()).count();
        let max = i32::try_from(members).unwrap() + room;
        let view = view(&states, &named, true, max);
        let caller = (!server).then(|| user(1));
        if let Ok(plan) = rule(&view, caller) {
            for (who, to) in &plan.members {
                let i = usize::try_from(who.0.as_u128()).unwrap() - 1;
                prop_assert!(named.contains(&i), "only those named");
                prop_assert!(states[i] != *to, "only changes");
                states[i] = *to;
            }
            let led = states.contains(&Some(Superadmin));
            prop_assert!(led, "{states:?}");
            let members = states.iter().flatten().filter(|state| state.is_member()).count();
            prop_assert!(i32::try_from(members).unwrap() <= max);
            prop_assert!(plan.said.len() <= plan.members.len());
        }
    }
}
