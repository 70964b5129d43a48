//! Groups and their members.

use serde::Serialize;
use tavern_domain::{Timestamp, UserId};

use super::accounts::HostUser;
use super::declare::host_area;
use super::types::{MaybeUser, time};
use crate::value::Json;

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostGroup {
    pub id: String,
    pub creator_id: UserId,
    pub name: String,
    pub description: String,
    pub avatar_url: String,
    pub lang_tag: String,
    pub open: bool,
    pub edge_count: i32,
    pub max_count: i32,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    #[serde(with = "time")]
    pub update_time: Timestamp,
    /// A JSON object.
    pub metadata: Json,
}

/// A part of a list of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostGroupPage {
    /// The groups.
    pub groups: Vec<HostGroup>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// A player of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostGroupUser {
    /// The player.
    pub user: HostUser,
    /// 0 superadmin, 1 admin, 2 member, 3 asks to join, 4 banned.
    pub state: i32,
}

/// A part of a group's players.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostGroupUserPage {
    /// By state, then age.
    pub group_users: Vec<HostGroupUser>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// A group of a player.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostUserGroup {
    /// The group.
    pub group: HostGroup,
    /// 0 superadmin, 1 admin, 2 member, 3 asks to join.
    pub state: i32,
}

/// A part of a player's groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostUserGroupPage {
    /// By state, then age.
    pub user_groups: Vec<HostUserGroup>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

host_area! {
    /// Groups and their members: with a superadmin's rights, unless a caller is named.
    GroupsHost

    /// The groups that are there, in no order.
    fn groups_get_id as "groupsGetId" (GroupsGetId {
        group_ids: Option<Vec<String>>,
    }) -> Vec<HostGroup>;

    /// Creates a group with this superadmin.
    fn group_create as "groupCreate" (GroupCreate {
        user_id: UserId,
        name: String,
        #[serde(default)] creator_id: MaybeUser,
        lang_tag: Option<String>,
        description: Option<String>,
        avatar_url: Option<String>,
        open: Option<bool>,
        metadata: Option<Json>,
        max_count: Option<i32>,
    }) -> HostGroup;

    /// Changes a group. What is left out stays as it is; an empty text takes a description or
    /// avatar away.
    fn group_update as "groupUpdate" (GroupUpdate {
        group_id: String,
        #[serde(default)] user_id: MaybeUser,
        name: Option<String>,
        #[serde(default)] creator_id: MaybeUser,
        lang_tag: Option<String>,
        description: Option<String>,
        avatar_url: Option<String>,
        open: Option<bool>,
        metadata: Option<Json>,
        max_count: Option<i32>,
    }) -> ();

    /// Deletes a group and closes its chat.
    fn group_delete as "groupDelete" (GroupDelete {
        group_id: String,
    }) -> ();

    /// Has a player join an open group, or ask to join a closed one.
    fn group_user_join as "groupUserJoin" (GroupUserJoin {
        group_id: String,
        user_id: UserId,
        username: String,
    }) -> ();

    /// Has a player leave a group.
    fn group_user_leave as "groupUserLeave" (GroupUserLeave {
        group_id: String,
        user_id: UserId,
        username: String,
    }) -> ();

    /// Adds players, or lets in those who asked.
    fn group_users_add as "groupUsersAdd" (GroupUsersAdd {
        group_id: String,
        user_ids: Vec<UserId>,
        #[serde(default)] caller_id: MaybeUser,
    }) -> ();

    /// Removes players for good.
    fn group_users_ban as "groupUsersBan" (GroupUsersBan {
        group_id: String,
        user_ids: Vec<UserId>,
        #[serde(default)] caller_id: MaybeUser,
    }) -> ();

    /// Removes players, refuses requests, lifts bans.
    fn group_users_kick as "groupUsersKick" (GroupUsersKick {
        group_id: String,
        user_ids: Vec<UserId>,
        #[serde(default)] caller_id: MaybeUser,
    }) -> ();

    /// Raises members by one step.
    fn group_users_promote as "groupUsersPromote" (GroupUsersPromote {
        group_id: String,
        user_ids: Vec<UserId>,
        #[serde(default)] caller_id: MaybeUser,
    }) -> ();

    /// Lowers members by one step.
    fn group_users_demote as "groupUsersDemote" (GroupUsersDemote {
        group_id: String,
        user_ids: Vec<UserId>,
        #[serde(default)] caller_id: MaybeUser,
    }) -> ();

    /// A part of a group's players, of one state or, left out or below zero, of all but the
    /// banned. A page has 1 to 100 of them, 100 when not given.
    fn group_users_list as "groupUsersList" (GroupUsersList {
        group_id: String,
        limit: Option<i32>,
        state: Option<i32>,
        cursor: Option<String>,
    }) -> HostGroupUserPage, several ["group_users", "cursor"];

    /// A part of a player's groups, in one state or, left out or below zero, in any. A page has 1
    /// to 100 of them, 100 when not given.
    fn user_groups_list as "userGroupsList" (UserGroupsList {
        user_id: UserId,
        limit: Option<i32>,
        state: Option<i32>,
        cursor: Option<String>,
    }) -> HostUserGroupPage, several ["user_groups", "cursor"];

    /// A part of the groups that pass a filter: a name, in which `%` stands for anything, or any
    /// of the others; `members` is the most members, any below zero. A page has 1 to 100 groups,
    /// 100 when not given.
    fn groups_list as "groupsList" (GroupsList {
        name: Option<String>,
        lang_tag: Option<String>,
        open: Option<bool>,
        members: Option<i32>,
        limit: Option<i32>,
        cursor: Option<String>,
    }) -> HostGroupPage, several ["groups", "cursor"];

    /// Up to 1,000 groups by chance.
    fn groups_get_random as "groupsGetRandom" (GroupsGetRandom {
        count: Option<i32>,
    }) -> Vec<HostGroup>;
}
