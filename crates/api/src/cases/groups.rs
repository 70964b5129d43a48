//! Groups and their members.

use tavern_domain::{CodedError, UserId};
use tavern_presence::Presences as _;
use tavern_protocol::{Unit, api};
use tavern_social::{GroupEdgeList, GroupQuery, NewGroup, parse_group_id};
use tavern_storage::{Field, Group, GroupUpdate, User};
use uuid::Uuid;

use super::{DONE, parse_user, parse_users};
use crate::api::user;
use crate::context::Context;
use crate::services::Services;
use crate::{error, wire};

fn parse_group(text: &str) -> Result<Uuid, CodedError> {
    parse_group_id(text).map_err(error::classified)
}

/// Creates a group of which the player is the superadmin.
pub(crate) async fn create(
    services: &Services,
    cx: &mut Context,
    request: &api::CreateGroupRequest,
) -> Result<api::Group, CodedError> {
    let user = user(cx)?;
    let new = NewGroup {
        name: &request.name,
        description: &request.description,
        avatar_url: &request.avatar_url,
        lang_tag: &request.lang_tag,
        metadata: "",
        open: request.open,
        max_count: request.max_count,
    };
    let group = services.groups.create(user, user, new).await.map_err(error::classified)?;
    Ok(wire::group(group))
}

/// Changes the fields that are given; an empty text clears a field that can be empty.
pub(crate) async fn update(
    services: &Services,
    cx: &mut Context,
    request: &api::UpdateGroupRequest,
) -> Result<Unit, CodedError> {
    let user = user(cx)?;
    let group = parse_group(&request.group_id)?;
    let field = |text: &Option<String>| match text.as_deref() {
        None => Field::Keep,
        Some("") => Field::Clear,
        Some(text) => Field::Set(text.to_owned()),
    };
    let update = GroupUpdate {
        name: request.name.clone(),
        description: field(&request.description),
        avatar_url: field(&request.avatar_url),
        lang_tag: request.lang_tag.clone(),
        open: request.open,
        ..GroupUpdate::default()
    };
    services.groups.update(Some(user), group, &update).await.map_err(error::classified)?;
    DONE
}

/// Deletes a group.
pub(crate) async fn delete(
    services: &Services,
    cx: &mut Context,
    request: &api::DeleteGroupRequest,
) -> Result<Unit, CodedError> {
    let (user, group) = (user(cx)?, parse_group(&request.group_id)?);
    services.groups.delete(Some(user), group).await.map_err(error::classified)?;
    DONE
}

/// Joins an open group, or asks to join a closed one.
pub(crate) async fn join(
    services: &Services,
    cx: &mut Context,
    request: &api::JoinGroupRequest,
) -> Result<Unit, CodedError> {
    let (user, group) = (user(cx)?, parse_group(&request.group_id)?);
    services.groups.join(user, group).await.map_err(error::classified)?;
    DONE
}

/// Leaves a group.
pub(crate) async fn leave(
    services: &Services,
    cx: &mut Context,
    request: &api::LeaveGroupRequest,
) -> Result<Unit, CodedError> {
    let (user, group) = (user(cx)?, parse_group(&request.group_id)?);
    services.groups.leave(user, group).await.map_err(error::classified)?;
    DONE
}

/// The calls that do something to members: they differ in the method alone.
macro_rules! member_calls {
    ($($(#[$doc:meta])* $name:ident($request:ident);)*) => {
        $($(#[$doc])*
        pub(crate) async fn $name(
            services: &Services,
            cx: &mut Context,
            request: &api::$request,
        ) -> Result<Unit, CodedError> {
            let (caller, group) = (user(cx)?, parse_group(&request.group_id)?);
            let users = parse_users(&request.user_ids)?;
            let done = services.groups.$name(Some(caller), group, &users).await;
            done.map_err(error::classified)?;
            DONE
        })*
    };
}

member_calls! {
    /// Adds players, or lets in those who asked.
    add(AddGroupUsersRequest);
    /// Removes players, refuses requests, lifts bans.
    kick(KickGroupUsersRequest);
    /// Removes players for good.
    ban(BanGroupUsersRequest);
    /// Raises members by one step.
    promote(PromoteGroupUsersRequest);
    /// Lowers members by one step.
    demote(DemoteGroupUsersRequest);
}

/// A page of the groups that pass a filter.
pub(crate) async fn list(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListGroupsRequest,
) -> Result<api::GroupList, CodedError> {
    let query = GroupQuery {
        name: &request.name,
        lang_tag: &request.lang_tag,
        open: request.open,
        members: request.members,
        limit: request.limit,
        cursor: &request.cursor,
    };
    let page = services.groups.list(query).await.map_err(error::classified)?;
    Ok(api::GroupList {
        groups: page.groups.into_iter().map(wire::group).collect(),
        cursor: page.cursor.unwrap_or_default(),
    })
}

/// A page of a group's players.
pub(crate) async fn users(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListGroupUsersRequest,
) -> Result<api::GroupUserList, CodedError> {
    let group = parse_group(&request.group_id)?;
    let page = services.groups.users(group, request.limit, request.state, &request.cursor);
    Ok(shown_users(services, page.await.map_err(error::classified)?))
}

/// Players of a group as they are shown, with who is online.
pub(crate) fn shown_users(services: &Services, page: GroupEdgeList<User>) -> api::GroupUserList {
    use api::group_user_list::GroupUser;

    let ids: Vec<UserId> = page.edges.iter().map(|edge| edge.of.id).collect();
    let online = services.presence.are_online(&ids);
    api::GroupUserList {
        group_users: page
            .edges
            .into_iter()
            .zip(online)
            .map(|(edge, online)| GroupUser {
                user: Some(wire::user(edge.of, online)),
                state: Some(edge.key.state.number().into()),
            })
            .collect(),
        cursor: page.cursor.unwrap_or_default(),
    }
}

/// A page of a player's groups.
pub(crate) async fn of_user(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListUserGroupsRequest,
) -> Result<api::UserGroupList, CodedError> {
    let user = parse_user(&request.user_id)?;
    let page = services.groups.of_user(user, request.limit, request.state, &request.cursor);
    Ok(shown_groups(page.await.map_err(error::classified)?))
}

/// Groups of a player as they are shown.
pub(crate) fn shown_groups(page: GroupEdgeList<Group>) -> api::UserGroupList {
    use api::user_group_list::UserGroup;

    let group = |edge: tavern_storage::GroupEdge<Group>| UserGroup {
        group: Some(wire::group(edge.of)),
        state: Some(edge.key.state.number().into()),
    };
    api::UserGroupList {
        user_groups: page.edges.into_iter().map(group).collect(),
        cursor: page.cursor.unwrap_or_default(),
    }
}
