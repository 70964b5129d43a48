//! Friends, invitations and blocks.

use tavern_domain::{CodedError, UserId};
use tavern_presence::Presences as _;
use tavern_protocol::{Unit, api};
use tavern_social::Named;
use tavern_storage::Friend;

use super::{DONE, author, parse_users};
use crate::api::user;
use crate::context::Context;
use crate::services::Services;
use crate::{error, wire};

/// Asks players to be friends, or agrees where they have asked.
pub(crate) async fn add(
    services: &Services,
    cx: &mut Context,
    request: &api::AddFriendsRequest,
) -> Result<Unit, CodedError> {
    let (who, ids) = (author(cx)?, parse_users(&request.ids)?);
    let named = Named { ids: &ids, usernames: &request.usernames };
    let metadata = Some(&*request.metadata).filter(|text| !text.is_empty());
    services.friends.add(&who, named, metadata).await.map_err(error::classified)?;
    DONE
}

/// Ends friendships, takes back or refuses invitations, lifts blocks.
pub(crate) async fn delete(
    services: &Services,
    cx: &mut Context,
    request: &api::DeleteFriendsRequest,
) -> Result<Unit, CodedError> {
    let (who, ids) = (author(cx)?, parse_users(&request.ids)?);
    let named = Named { ids: &ids, usernames: &request.usernames };
    services.friends.delete(&who, named).await.map_err(error::classified)?;
    DONE
}

/// Blocks players.
pub(crate) async fn block(
    services: &Services,
    cx: &mut Context,
    request: &api::BlockFriendsRequest,
) -> Result<Unit, CodedError> {
    let (who, ids) = (author(cx)?, parse_users(&request.ids)?);
    let named = Named { ids: &ids, usernames: &request.usernames };
    services.friends.block(&who, named).await.map_err(error::classified)?;
    DONE
}

/// A page of the player's friends, invitations and blocks.
pub(crate) async fn list(
    services: &Services,
    cx: &mut Context,
    request: &api::ListFriendsRequest,
) -> Result<api::FriendList, CodedError> {
    let page = services.friends.list(user(cx)?, request.limit, request.state, &request.cursor);
    let page = page.await.map_err(error::classified)?;
    Ok(api::FriendList {
        friends: shown(services, page.friends),
        cursor: page.cursor.unwrap_or_default(),
    })
}

/// Friends as they are shown, with who is online.
pub(crate) fn shown(services: &Services, friends: Vec<Friend>) -> Vec<api::Friend> {
    let ids: Vec<UserId> = friends.iter().map(|friend| friend.user.id).collect();
    let online = services.presence.are_online(&ids);
    friends.into_iter().zip(online).map(|(one, online)| wire::friend(one, online)).collect()
}

/// A page of the friends that the player's friends have.
pub(crate) async fn of_friends(
    services: &Services,
    cx: &mut Context,
    request: &api::ListFriendsOfFriendsRequest,
) -> Result<api::FriendsOfFriendsList, CodedError> {
    use api::friends_of_friends_list::FriendOfFriend;

    let page = services.friends.of_friends(user(cx)?, request.limit, &request.cursor);
    let page = page.await.map_err(error::classified)?;
    let ids: Vec<UserId> = page.entries.iter().map(|entry| entry.user.id).collect();
    let online = services.presence.are_online(&ids);
    Ok(api::FriendsOfFriendsList {
        friends_of_friends: page
            .entries
            .into_iter()
            .zip(online)
            .map(|(entry, online)| FriendOfFriend {
                referrer: entry.referrer.to_string(),
                user: Some(wire::user(entry.user, online)),
            })
            .collect(),
        cursor: page.cursor.unwrap_or_default(),
    })
}
