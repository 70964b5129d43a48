//! Who may do what to whom in a group: pure functions of what there is.

use std::collections::HashMap;

use tavern_domain::UserId;
use tavern_storage::GroupState::{Admin, Banned, JoinRequest, Member, Superadmin};
use tavern_storage::{GroupRefused, GroupState, GroupView, MemberView};

use crate::MessageCode;

/// What a call does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Plan {
    /// What players are to be to the group, in the order of the call.
    pub(super) members: Vec<(UserId, Option<GroupState>)>,
    /// Whether the group goes.
    pub(super) delete: bool,
    /// What the group's chat says of whom.
    pub(super) said: Vec<(MessageCode, UserId, String)>,
    /// Who is told that they were added.
    pub(super) added: Vec<UserId>,
    /// Who is told that somebody asks to join.
    pub(super) asked: Vec<UserId>,
}

type Outcome = Result<Plan, GroupRefused>;

/// Server code, or a player.
type Caller = Option<UserId>;

/// A plan in the making: what is so far.
struct Draft<'v> {
    view: &'v GroupView,
    plan: Plan,
    members: i32,
    superadmins: usize,
}

impl<'v> Draft<'v> {
    fn new(view: &'v GroupView) -> Self {
        let superadmins = view.admins.iter().filter(|(_, state)| *state == Superadmin).count();
        Self { view, plan: Plan::default(), members: view.group.edge_count, superadmins }
    }

    /// Whether the group would be left without a superadmin if this member were no longer one.
    fn is_last_superadmin(&self, member: &MemberView) -> bool {
        member.state == Some(Superadmin) && self.superadmins <= 1
    }

    fn set(&mut self, member: &MemberView, to: Option<GroupState>) {
        let counts =
            |state: Option<GroupState>| i32::from(state.is_some_and(GroupState::is_member));
        self.members += counts(to) - counts(member.state);
        if member.state == Some(Superadmin) && to != Some(Superadmin) {
            self.superadmins -= 1;
        }
        if member.state != Some(Superadmin) && to == Some(Superadmin) {
            self.superadmins += 1;
        }
        self.plan.members.push((member.user, to));
    }

    fn say(&mut self, code: MessageCode, member: &MemberView) {
        // Of somebody who does not exist nothing is kept.
        if let Some(name) = &member.username {
            self.plan.said.push((code, member.user, name.clone()));
        }
    }

    fn is_full(&self) -> bool {
        self.members >= self.view.group.max_count
    }
}

fn find(view: &GroupView, user: UserId) -> Option<&MemberView> {
    view.members.iter().find(|member| member.user == user)
}

/// The caller's rights; server code has those of a superadmin.
fn rights(view: &GroupView, caller: Caller) -> Result<GroupState, GroupRefused> {
    let Some(caller) = caller else { return Ok(Superadmin) };
    let state = find(view, caller).and_then(|member| member.state);
    state.filter(|state| state.is_admin()).ok_or(GroupRefused::NotAllowed)
}

/// Those whom the call is about: everybody but the caller.
fn others(view: &GroupView, caller: Caller) -> impl Iterator<Item = &MemberView> {
    view.members.iter().filter(move |member| Some(member.user) != caller)
}

/// Joins an open group, or asks to join a closed one. Nothing for whoever is anything to it.
pub(super) fn join(view: &GroupView, user: UserId) -> Outcome {
    let mut draft = Draft::new(view);
    if draft.is_full() {
        return Err(GroupRefused::Full);
    }
    let Some(member) = find(view, user).filter(|member| member.username.is_some()) else {
        return Err(GroupRefused::NoUser);
    };
    if member.state.is_some() {
        return Ok(Plan::default());
    }
    if view.group.open {
        draft.set(member, Some(Member));
        draft.say(MessageCode::GROUP_JOIN, member);
    } else {
        draft.set(member, Some(JoinRequest));
        draft.plan.asked = view.admins.iter().map(|(admin, _)| *admin).collect();
    }
    Ok(draft.plan)
}

/// Leaves, or takes a request back. A ban stays.
pub(super) fn leave(view: &GroupView, user: UserId) -> Outcome {
    let mut draft = Draft::new(view);
    let Some(member) = find(view, user) else { return Ok(Plan::default()) };
    if matches!(member.state, None | Some(Banned)) {
        return Ok(Plan::default());
    }
    if draft.is_last_superadmin(member) {
        if draft.members > 1 {
            return Err(GroupRefused::LastSuperadmin);
        }
        return Ok(Plan { delete: true, ..Plan::default() });
    }
    draft.set(member, None);
    if member.state.is_some_and(GroupState::is_member) {
        draft.say(MessageCode::GROUP_LEAVE, member);
    }
    Ok(draft.plan)
}

/// Adds players, or lets in those who asked. Nothing for members and the banned.
pub(super) fn add(view: &GroupView, caller: Caller) -> Outcome {
    rights(view, caller)?;
    let mut draft = Draft::new(view);
    for member in others(view, caller) {
        if member.username.is_none() {
            return Err(GroupRefused::NoUser);
        }
        if !matches!(member.state, None | Some(JoinRequest)) {
            continue;
        }
        if draft.is_full() {
            return Err(GroupRefused::Full);
        }
        draft.set(member, Some(Member));
        draft.say(MessageCode::GROUP_ADD, member);
        draft.plan.added.push(member.user);
    }
    Ok(draft.plan)
}

/// Removes players, refuses requests, lifts bans.
pub(super) fn kick(view: &GroupView, caller: Caller) -> Outcome {
    remove(view, caller, None, MessageCode::GROUP_KICK)
}

/// Removes players for good. Nothing for those who are nothing to the group.
pub(super) fn ban(view: &GroupView, caller: Caller) -> Outcome {
    remove(view, caller, Some(Banned), MessageCode::GROUP_BAN)
}

fn remove(view: &GroupView, caller: Caller, to: Option<GroupState>, code: MessageCode) -> Outcome {
    let rights = rights(view, caller)?;
    let mut draft = Draft::new(view);
    for member in others(view, caller) {
        // Admins have no say over admins; nobody removes the last superadmin.
        let spared = (rights == Admin && member.state.is_some_and(GroupState::is_admin))
            || draft.is_last_superadmin(member);
        if spared || member.state.is_none() || member.state == to {
            continue;
        }
        draft.set(member, to);
        if member.state.is_some_and(GroupState::is_member) {
            draft.say(code, member);
        }
    }
    Ok(draft.plan)
}

/// Raises members by one step, to the caller's own at most.
pub(super) fn promote(view: &GroupView, caller: Caller) -> Outcome {
    let rights = rights(view, caller)?;
    let mut draft = Draft::new(view);
    for member in others(view, caller) {
        let to = match (member.state, rights) {
            (Some(Member), _) => Admin,
            (Some(Admin), Superadmin) => Superadmin,
            _ => continue,
        };
        draft.set(member, Some(to));
        draft.say(MessageCode::GROUP_PROMOTE, member);
    }
    Ok(draft.plan)
}

/// Lowers members by one step, but nobody above the caller, and not the last superadmin.
pub(super) fn demote(view: &GroupView, caller: Caller) -> Outcome {
    let rights = rights(view, caller)?;
    let mut draft = Draft::new(view);
    for member in others(view, caller) {
        let to = match (member.state, rights) {
            (Some(Superadmin), Superadmin) if !draft.is_last_superadmin(member) => Admin,
            (Some(Admin), _) => Member,
            _ => continue,
        };
        draft.set(member, Some(to));
        draft.say(MessageCode::GROUP_DEMOTE, member);
    }
    Ok(draft.plan)
}

/// Ends the group.
pub(super) fn delete(view: &GroupView, caller: Caller) -> Outcome {
    if rights(view, caller)? != Superadmin {
        return Err(GroupRefused::NotAllowed);
    }
    Ok(Plan { delete: true, ..Plan::default() })
}

/// What each player of a plan was before it.
pub(super) fn before(view: &GroupView) -> HashMap<UserId, Option<GroupState>> {
    view.members.iter().map(|member| (member.user, member.state)).collect()
}

#[cfg(test)]
mod tests;
