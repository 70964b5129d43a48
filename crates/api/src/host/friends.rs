//! Friends, invitations and blocks.

use async_trait::async_trait;
use tavern_domain::UserId;
use tavern_presence::Presences as _;
use tavern_runtime_hooks::host::{
    FriendMetadataUpdate, FriendsAdd, FriendsBlock, FriendsDelete, FriendsHost, FriendsList,
    FriendsOfFriendsList, HostFriend, HostFriendOfFriend, HostFriendOfFriendPage, HostFriendPage,
    UsersGetFriendStatus,
};
use tavern_runtime_hooks::{HookError, Json};
use tavern_social::{Author, Named};
use tavern_storage::Friend;

use super::{ServerHost, accounts};
use crate::error;

/// What most lists hold unless server code says.
const PAGE: i32 = 100;

fn author(user: UserId, username: &str) -> Author {
    Author { user, username: username.into() }
}

/// A state to filter by; below zero is none.
pub(super) fn state(given: Option<i32>) -> Option<i32> {
    given.filter(|state| *state >= 0)
}

#[async_trait]
impl FriendsHost for ServerHost {
    async fn friends_add(&self, args: FriendsAdd) -> Result<(), HookError> {
        let (ids, usernames) =
            (args.user_ids.unwrap_or_default(), args.usernames.unwrap_or_default());
        let named = Named { ids: &ids, usernames: &usernames };
        let metadata = args.metadata.map(|json| json.0);
        let who = author(args.user_id, &args.username);
        let done = self.0.friends.add(&who, named, metadata.as_deref()).await;
        Ok(done.map_err(error::classified)?)
    }

    async fn friends_delete(&self, args: FriendsDelete) -> Result<(), HookError> {
        let (ids, usernames) =
            (args.user_ids.unwrap_or_default(), args.usernames.unwrap_or_default());
        let named = Named { ids: &ids, usernames: &usernames };
        let done = self.0.friends.delete(&author(args.user_id, &args.username), named).await;
        Ok(done.map_err(error::classified)?)
    }

    async fn friends_block(&self, args: FriendsBlock) -> Result<(), HookError> {
        let (ids, usernames) =
            (args.user_ids.unwrap_or_default(), args.usernames.unwrap_or_default());
        let named = Named { ids: &ids, usernames: &usernames };
        let done = self.0.friends.block(&author(args.user_id, &args.username), named).await;
        Ok(done.map_err(error::classified)?)
    }

    async fn friends_list(&self, args: FriendsList) -> Result<HostFriendPage, HookError> {
        let (limit, cursor) = (page(args.limit), args.cursor.unwrap_or_default());
        let listed = self.0.friends.list(args.user_id, limit, state(args.state), &cursor).await;
        let page = listed.map_err(error::classified)?;
        Ok(HostFriendPage { friends: self.shown_friends(page.friends), cursor: page.cursor })
    }

    async fn friends_of_friends_list(
        &self,
        args: FriendsOfFriendsList,
    ) -> Result<HostFriendOfFriendPage, HookError> {
        let (limit, cursor) = (page(args.limit), args.cursor.unwrap_or_default());
        let listed = self.0.friends.of_friends(args.user_id, limit, &cursor).await;
        let page = listed.map_err(error::classified)?;
        let ids: Vec<UserId> = page.entries.iter().map(|entry| entry.user.id).collect();
        let online = self.0.presence.are_online(&ids);
        let entries = page.entries.into_iter().zip(online);
        Ok(HostFriendOfFriendPage {
            friends_of_friends: entries
                .map(|(entry, online)| HostFriendOfFriend {
                    referrer: entry.referrer,
                    user: accounts::user(entry.user, online),
                })
                .collect(),
            cursor: page.cursor,
        })
    }

    async fn friend_metadata_update(&self, args: FriendMetadataUpdate) -> Result<(), HookError> {
        let (user, other) = (args.user_id, args.friend_user_id);
        let done = self.0.friends.set_metadata(user, other, &args.metadata.0).await;
        Ok(done.map_err(error::classified)?)
    }

    async fn users_get_friend_status(
        &self,
        args: UsersGetFriendStatus,
    ) -> Result<Vec<HostFriend>, HookError> {
        let friends = self.0.friends.status(args.user_id, &args.user_ids).await;
        Ok(self.shown_friends(friends.map_err(error::classified)?))
    }
}

impl ServerHost {
    fn shown_friends(&self, friends: Vec<Friend>) -> Vec<HostFriend> {
        let ids: Vec<UserId> = friends.iter().map(|friend| friend.user.id).collect();
        let online = self.0.presence.are_online(&ids);
        let shown = |(friend, online): (Friend, bool)| HostFriend {
            state: friend.state.number().into(),
            update_time: friend.update_time,
            user: accounts::user(friend.user, online),
            metadata: Json(friend.metadata),
        };
        friends.into_iter().zip(online).map(shown).collect()
    }
}

/// A JSON object that may be left out.
pub(super) fn or_empty(json: Option<Json>) -> String {
    json.map_or_else(|| "{}".to_owned(), |json| json.0)
}

/// How long a page is to be.
pub(super) fn page(limit: Option<i32>) -> Option<i32> {
    limit.or(Some(PAGE))
}
