//! Friends, invitations and blocks.

use serde::Serialize;
use tavern_domain::{Timestamp, UserId};

use super::accounts::HostUser;
use super::declare::host_area;
use super::types::time;
use crate::value::Json;

/// Somebody in a player's list: a friend, or invited, or blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostFriend {
    /// 0 friend, 1 invited, 2 has invited, 3 blocked.
    pub state: i32,
    #[serde(with = "time")]
    pub update_time: Timestamp,
    pub user: HostUser,
    /// A JSON object.
    pub metadata: Json,
}

/// A part of a player's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostFriendPage {
    /// By state, then age.
    pub friends: Vec<HostFriend>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// A friend of a friend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostFriendOfFriend {
    /// The friend in between.
    pub referrer: UserId,
    /// Their friend.
    pub user: HostUser,
}

/// A part of the list of a player's friends' friends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostFriendOfFriendPage {
    /// By the friend in between.
    pub friends_of_friends: Vec<HostFriendOfFriend>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

host_area! {
    /// Friends, invitations and blocks, on behalf of players.
    FriendsHost

    /// Asks players to be friends, or agrees where they have asked.
    fn friends_add as "friendsAdd" (FriendsAdd {
        user_id: UserId,
        username: String,
        user_ids: Option<Vec<UserId>>,
        usernames: Option<Vec<String>>,
        metadata: Option<Json>,
    }) -> ();

    /// Ends friendships, takes back or refuses invitations, lifts blocks.
    fn friends_delete as "friendsDelete" (FriendsDelete {
        user_id: UserId,
        username: String,
        user_ids: Option<Vec<UserId>>,
        usernames: Option<Vec<String>>,
    }) -> ();

    /// Blocks players.
    fn friends_block as "friendsBlock" (FriendsBlock {
        user_id: UserId,
        username: String,
        user_ids: Option<Vec<UserId>>,
        usernames: Option<Vec<String>>,
    }) -> ();

    /// A part of a player's list, of one state or, left out or below zero, of all. A page has 1 to
    /// 1,000 entries, 100 when not given.
    fn friends_list as "friendsList" (FriendsList {
        user_id: UserId,
        limit: Option<i32>,
        state: Option<i32>,
        cursor: Option<String>,
    }) -> HostFriendPage, several ["friends", "cursor"];

    /// Friends of friends who are not yet friends. A page has 1 to 100 entries, 100 when not given.
    fn friends_of_friends_list as "friendsOfFriendsList" (FriendsOfFriendsList {
        user_id: UserId,
        limit: Option<i32>,
        cursor: Option<String>,
    }) -> HostFriendOfFriendPage, several ["friends_of_friends", "cursor"];

    /// Replaces the metadata that a player has of another; where there is none, nothing happens.
    fn friend_metadata_update as "friendMetadataUpdate" (FriendMetadataUpdate {
        user_id: UserId,
        friend_user_id: UserId,
        metadata: Json,
    }) -> ();

    /// What these players are to a player, where they are anything.
    fn users_get_friend_status as "usersGetFriendStatus" (UsersGetFriendStatus {
        user_id: UserId,
        user_ids: Vec<UserId>,
    }) -> Vec<HostFriend>;
}
