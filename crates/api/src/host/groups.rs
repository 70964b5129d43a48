//! Groups and their members.

use async_trait::async_trait;
use tavern_domain::{CodedError, UserId};
use tavern_presence::Presences as _;
use tavern_runtime_hooks::host::{
    GroupCreate, GroupDelete, GroupUpdate, GroupUserJoin, GroupUserLeave, GroupUsersAdd,
    GroupUsersBan, GroupUsersDemote, GroupUsersKick, GroupUsersList, GroupUsersPromote,
    GroupsGetId, GroupsGetRandom, GroupsHost, GroupsList, HostGroup, HostGroupPage, HostGroupUser,
    HostGroupUserPage, HostUserGroup, HostUserGroupPage, UserGroupsList,
};
use tavern_runtime_hooks::{HookError, Json};
use tavern_social::{GroupQuery, NewGroup, parse_group_id};
use tavern_storage::{Field, Group};
use uuid::Uuid;

use super::friends::{page, state};
use super::{ServerHost, accounts};
use crate::error;

fn id(text: &str) -> Result<Uuid, CodedError> {
    parse_group_id(text).map_err(error::classified)
}

fn shown(group: Group) -> HostGroup {
    HostGroup {
        id: group.id.to_string(),
        creator_id: group.creator,
        name: group.name,
        description: group.description.unwrap_or_default(),
        avatar_url: group.avatar_url.unwrap_or_default(),
        lang_tag: group.lang_tag,
        open: group.open,
        edge_count: group.edge_count,
        max_count: group.max_count,
        create_time: group.create_time,
        update_time: group.update_time,
        metadata: Json(group.metadata),
    }
}

/// The functions that do something to members: they differ in the method alone.
macro_rules! member_function {
    ($self:ident, $args:ident, $method:ident) => {{
        let group = id(&$args.group_id)?;
        let done = $self.0.groups.$method($args.caller_id.0, group, &$args.user_ids).await;
        Ok(done.map_err(error::classified)?)
    }};
}

#[async_trait]
impl GroupsHost for ServerHost {
    async fn groups_get_id(&self, args: GroupsGetId) -> Result<Vec<HostGroup>, HookError> {
        let ids = args.group_ids.unwrap_or_default();
        let ids: Vec<Uuid> = ids.iter().map(|text| id(text)).collect::<Result<_, _>>()?;
        let groups = self.0.groups.get(&ids).await.map_err(error::classified)?;
        Ok(groups.into_iter().map(shown).collect())
    }

    async fn group_create(&self, args: GroupCreate) -> Result<HostGroup, HookError> {
        let new = NewGroup {
            name: &args.name,
            description: args.description.as_deref().unwrap_or_default(),
            avatar_url: args.avatar_url.as_deref().unwrap_or_default(),
            lang_tag: args.lang_tag.as_deref().unwrap_or_default(),
            metadata: args.metadata.as_ref().map(|json| json.0.as_str()).unwrap_or_default(),
            open: args.open.unwrap_or(false),
            max_count: args.max_count.unwrap_or(0),
        };
        let creator = args.creator_id.0.unwrap_or_default();
        let group = self.0.groups.create(args.user_id, creator, new).await;
        Ok(shown(group.map_err(error::classified)?))
    }

    async fn group_update(&self, args: GroupUpdate) -> Result<(), HookError> {
        let group = id(&args.group_id)?;
        let field = |text: Option<String>| match text {
            None => Field::Keep,
            Some(text) if text.is_empty() => Field::Clear,
            Some(text) => Field::Set(text),
        };
        let update = tavern_storage::GroupUpdate {
            name: args.name,
            description: field(args.description),
            avatar_url: field(args.avatar_url),
            lang_tag: args.lang_tag,
            metadata: args.metadata.map(|json| json.0),
            open: args.open,
            max_count: args.max_count.filter(|max_count| *max_count != 0),
            creator: args.creator_id.0,
        };
        let caller = args.user_id.0.filter(|user| !user.is_nil());
        let done = self.0.groups.update(caller, group, &update).await;
        Ok(done.map_err(error::classified)?)
    }

    async fn group_delete(&self, args: GroupDelete) -> Result<(), HookError> {
        let done = self.0.groups.delete(None, id(&args.group_id)?).await;
        Ok(done.map_err(error::classified)?)
    }

    async fn group_user_join(&self, args: GroupUserJoin) -> Result<(), HookError> {
        let done = self.0.groups.join(args.user_id, id(&args.group_id)?).await;
        Ok(done.map_err(error::classified)?)
    }

    async fn group_user_leave(&self, args: GroupUserLeave) -> Result<(), HookError> {
        let done = self.0.groups.leave(args.user_id, id(&args.group_id)?).await;
        Ok(done.map_err(error::classified)?)
    }

    async fn group_users_add(&self, args: GroupUsersAdd) -> Result<(), HookError> {
        member_function!(self, args, add)
    }

    async fn group_users_ban(&self, args: GroupUsersBan) -> Result<(), HookError> {
        member_function!(self, args, ban)
    }

    async fn group_users_kick(&self, args: GroupUsersKick) -> Result<(), HookError> {
        member_function!(self, args, kick)
    }

    async fn group_users_promote(&self, args: GroupUsersPromote) -> Result<(), HookError> {
        member_function!(self, args, promote)
    }

    async fn group_users_demote(&self, args: GroupUsersDemote) -> Result<(), HookError> {
        member_function!(self, args, demote)
    }

    async fn group_users_list(&self, args: GroupUsersList) -> Result<HostGroupUserPage, HookError> {
        let (group, cursor) = (id(&args.group_id)?, args.cursor.unwrap_or_default());
        let listed = self.0.groups.users(group, page(args.limit), state(args.state), &cursor).await;
        let listed = listed.map_err(error::classified)?;
        let ids: Vec<UserId> = listed.edges.iter().map(|edge| edge.of.id).collect();
        let online = self.0.presence.are_online(&ids);
        let group_users = listed
            .edges
            .into_iter()
            .zip(online)
            .map(|(edge, online)| HostGroupUser {
                user: accounts::user(edge.of, online),
                state: edge.key.state.number().into(),
            })
            .collect();
        Ok(HostGroupUserPage { group_users, cursor: listed.cursor })
    }

    async fn user_groups_list(&self, args: UserGroupsList) -> Result<HostUserGroupPage, HookError> {
        let cursor = args.cursor.unwrap_or_default();
        let (limit, state) = (page(args.limit), state(args.state));
        let listed = self.0.groups.of_user(args.user_id, limit, state, &cursor).await;
        let listed = listed.map_err(error::classified)?;
        let user_groups = listed
            .edges
            .into_iter()
            .map(|edge| HostUserGroup {
                group: shown(edge.of),
                state: edge.key.state.number().into(),
            })
            .collect();
        Ok(HostUserGroupPage { user_groups, cursor: listed.cursor })
    }

    async fn groups_list(&self, args: GroupsList) -> Result<HostGroupPage, HookError> {
        let query = GroupQuery {
            name: args.name.as_deref().unwrap_or_default(),
            lang_tag: args.lang_tag.as_deref().unwrap_or_default(),
            open: args.open,
            members: args.members,
            limit: page(args.limit),
            cursor: args.cursor.as_deref().unwrap_or_default(),
        };
        let listed = self.0.groups.list(query).await.map_err(error::classified)?;
        let groups = listed.groups.into_iter().map(shown).collect();
        Ok(HostGroupPage { groups, cursor: listed.cursor })
    }

    async fn groups_get_random(&self, args: GroupsGetRandom) -> Result<Vec<HostGroup>, HookError> {
        let groups = self.0.groups.random(args.count.unwrap_or(0)).await;
        Ok(groups.map_err(error::classified)?.into_iter().map(shown).collect())
    }
}
