//! What a call is about, thing by thing.
//!
//! Ids are told in the one way that the server itself writes them, so that no other spelling slips
//! past a check. What is no id is told as it came: the use case refuses it.

use tavern_delegation::{Element, Name};
use tavern_domain::{MatchId, UserId};
use tavern_parties::PartyId;
use tavern_protocol::{Unit, api};
use tavern_social::Channel;

use crate::wire::ChannelName;

/// A request that tells what it is about.
pub(crate) trait About {
    /// Each thing that the request of this user is about; none for a request about nothing in
    /// particular.
    fn about(&self, user: UserId) -> Vec<Element>;
}

/// A value as checks see it: ids in the one way that the server writes them.
#[must_use]
pub fn canonical(name: Name, value: &str) -> String {
    match name {
        Name::Group | Name::Owner | Name::Target => id(value),
        Name::Match => {
            value.parse::<MatchId>().map_or_else(|_| value.to_owned(), |id| id.to_string())
        }
        Name::Party => {
            value.parse::<PartyId>().map_or_else(|_| value.to_owned(), |id| id.to_string())
        }
        Name::Channel => {
            Channel::parse(value).map_or_else(|_| value.to_owned(), |it| it.stream().to_string())
        }
        // Server code's functions are found in lower case too.
        Name::Function => value.to_lowercase(),
        Name::Board | Name::Collection | Name::Key => value.to_owned(),
    }
}

fn id(text: &str) -> String {
    text.parse::<UserId>().map_or_else(|_| text.to_owned(), |id| id.to_string())
}

/// A thing of this name.
pub(super) fn of(name: Name, value: &str) -> Element {
    Element::of(name, canonical(name, value))
}

/// A channel, and the group or the other user whose it is.
pub(super) fn channel(parsed: Option<&Channel>, text: &str, user: UserId) -> Element {
    let Some(parsed) = parsed else { return of(Name::Channel, text) };
    let name = ChannelName::of(parsed.stream());
    let mut thing = Element::of(Name::Channel, name.id);
    if !name.group_id.is_empty() {
        thing = thing.with(Name::Group, name.group_id);
    }
    if let Some(other) = parsed.partner(user) {
        thing = thing.with(Name::Target, other.to_string());
    }
    thing
}

/// A channel by its id.
pub(super) fn channel_of(text: &str, user: UserId) -> Element {
    channel(Channel::parse(text).ok().as_ref(), text, user)
}

/// Each of the users, by ids and names, as things of their own.
pub(super) fn targets<'a>(all: impl IntoIterator<Item = &'a String>) -> Vec<Element> {
    all.into_iter().map(|one| of(Name::Target, one)).collect()
}

/// A group and each of the users with it; the group alone when there is none.
fn group_users(group: &str, users: &[String]) -> Vec<Element> {
    let group = of(Name::Group, group);
    if users.is_empty() {
        return vec![group];
    }
    users.iter().map(|user| group.clone().with(Name::Target, id(user))).collect()
}

/// A board, and each of the owners on it.
fn board_owners(board: &str, owners: &[String]) -> Vec<Element> {
    let board = Element::of(Name::Board, board);
    // The board alone too, for the answer has the best of all as well.
    std::iter::once(board.clone())
        .chain(owners.iter().map(|owner| board.clone().with(Name::Owner, id(owner))))
        .collect()
}

fn board_owner(board: &str, owner: &str) -> Vec<Element> {
    vec![Element::of(Name::Board, board).with(Name::Owner, id(owner))]
}

fn object(collection: &str, key: &str, owner: &str) -> Element {
    let object = Element::of(Name::Collection, collection).with(Name::Key, key);
    if owner.is_empty() { object } else { object.with(Name::Owner, id(owner)) }
}

/// Requests that are about these things.
macro_rules! about {
    ($($request:ident($it:ident, $user:ident) => $things:expr;)*) => {
        $(impl About for api::$request {
            fn about(&self, $user: UserId) -> Vec<Element> {
                let $it = self;
                $things
            }
        })*
    };
}

/// Requests about nothing in particular.
macro_rules! about_nothing {
    ($($request:ident)*) => {
        $(impl About for api::$request {
            fn about(&self, _user: UserId) -> Vec<Element> {
                Vec::new()
            }
        })*
    };
}

impl About for Unit {
    fn about(&self, _user: UserId) -> Vec<Element> {
        Vec::new()
    }
}

about! {
    ReadStorageObjectsRequest(it, _user) => it
        .object_ids
        .iter()
        .map(|one| object(&one.collection, &one.key, &one.user_id))
        .collect();
    WriteStorageObjectsRequest(it, user) => it
        .objects
        .iter()
        .map(|one| object(&one.collection, &one.key, &user.to_string()))
        .collect();
    DeleteStorageObjectsRequest(it, user) => it
        .object_ids
        .iter()
        .map(|one| object(&one.collection, &one.key, &user.to_string()))
        .collect();
    ListStorageObjectsRequest(it, _user) => {
        let list = Element::of(Name::Collection, it.collection.as_str());
        vec![if it.user_id.is_empty() { list } else { list.with(Name::Owner, id(&it.user_id)) }]
    };

    AddFriendsRequest(it, _user) => targets(it.ids.iter().chain(&it.usernames));
    DeleteFriendsRequest(it, _user) => targets(it.ids.iter().chain(&it.usernames));
    BlockFriendsRequest(it, _user) => targets(it.ids.iter().chain(&it.usernames));
    GetUsersRequest(it, _user) => {
        targets(it.ids.iter().chain(&it.usernames).chain(&it.facebook_ids))
    };

    UpdateGroupRequest(it, _user) => vec![of(Name::Group, &it.group_id)];
    DeleteGroupRequest(it, _user) => vec![of(Name::Group, &it.group_id)];
    JoinGroupRequest(it, _user) => vec![of(Name::Group, &it.group_id)];
    LeaveGroupRequest(it, _user) => vec![of(Name::Group, &it.group_id)];
    ListGroupUsersRequest(it, _user) => vec![of(Name::Group, &it.group_id)];
    AddGroupUsersRequest(it, _user) => group_users(&it.group_id, &it.user_ids);
    KickGroupUsersRequest(it, _user) => group_users(&it.group_id, &it.user_ids);
    BanGroupUsersRequest(it, _user) => group_users(&it.group_id, &it.user_ids);
    PromoteGroupUsersRequest(it, _user) => group_users(&it.group_id, &it.user_ids);
    DemoteGroupUsersRequest(it, _user) => group_users(&it.group_id, &it.user_ids);
    ListUserGroupsRequest(it, _user) => targets([&it.user_id]);

    ListChannelMessagesRequest(it, user) => vec![channel_of(&it.channel_id, user)];

    WriteLeaderboardRecordRequest(it, user) => {
        board_owner(&it.leaderboard_id, &user.to_string())
    };
    DeleteLeaderboardRecordRequest(it, user) => {
        board_owner(&it.leaderboard_id, &user.to_string())
    };
    ListLeaderboardRecordsRequest(it, _user) => board_owners(&it.leaderboard_id, &it.owner_ids);
    ListLeaderboardRecordsAroundOwnerRequest(it, _user) => {
        board_owner(&it.leaderboard_id, &it.owner_id)
    };
    JoinTournamentRequest(it, _user) => {
        vec![Element::of(Name::Board, it.tournament_id.as_str())]
    };
    WriteTournamentRecordRequest(it, user) => board_owner(&it.tournament_id, &user.to_string());
    DeleteTournamentRecordRequest(it, user) => board_owner(&it.tournament_id, &user.to_string());
    ListTournamentRecordsRequest(it, _user) => board_owners(&it.tournament_id, &it.owner_ids);
    ListTournamentRecordsAroundOwnerRequest(it, _user) => {
        board_owner(&it.tournament_id, &it.owner_id)
    };

    Rpc(it, _user) => vec![of(Name::Function, &it.id)];
}

about_nothing! {
    AccountApple AccountCustom AccountDevice AccountEmail AccountFacebook
    AccountFacebookInstantGame AccountGameCenter AccountGoogle AccountSteam
    AuthenticateAppleRequest AuthenticateCustomRequest AuthenticateDeviceRequest
    AuthenticateEmailRequest AuthenticateFacebookRequest AuthenticateFacebookInstantGameRequest
    AuthenticateGameCenterRequest AuthenticateGoogleRequest AuthenticateSteamRequest
    CreateGroupRequest DeleteNotificationsRequest Event GetSubscriptionRequest
    ImportFacebookFriendsRequest ImportSteamFriendsRequest LinkFacebookRequest LinkSteamRequest
    ListFriendsRequest ListFriendsOfFriendsRequest ListGroupsRequest ListMatchesRequest
    ListNotificationsRequest ListPartiesRequest ListSubscriptionsRequest ListTournamentsRequest
    MintTokenRequest RevokeTokenRequest SessionLogoutRequest SessionRefreshRequest
    UpdateAccountRequest ValidatePurchaseAppleRequest ValidatePurchaseFacebookInstantRequest
    ValidatePurchaseGoogleRequest ValidatePurchaseHuaweiRequest ValidatePurchaseSamsungRequest
    ValidateSubscriptionAppleRequest ValidateSubscriptionGoogleRequest
}
