//! What each call is to a delegated token.

use tavern_delegation::{Action, CallFacts, Interface, Standing};
use tavern_protocol::CallId;

/// What is known of a call before it is looked into.
pub(crate) const fn facts(call: CallId, interface: Interface) -> CallFacts {
    let (action, standing) = nature(call);
    CallFacts { call: call.name(), action, standing, interface }
}

/// Whether a token can be given a right to this call.
pub(crate) fn can_be_granted(call: CallId) -> bool {
    nature(call).1 != Standing::Never
}

/// Whether it changes anything, and how far it is open to tokens. A call that is not named here
/// does not compile.
///
/// Guarded is what could make the account somebody else's or end it, and functions of server code,
/// which do whatever the studio made them for. Never may a token make or end tokens: narrowing one
/// needs no server. Log-ins and refreshes take other credentials.
const fn nature(call: CallId) -> (Action, Standing) {
    match call {
        CallId::Healthcheck
        | CallId::GetAccount
        | CallId::GetUsers
        | CallId::ReadStorageObjects
        | CallId::ListStorageObjects
        | CallId::ListFriends
        | CallId::ListFriendsOfFriends
        | CallId::ListGroups
        | CallId::ListGroupUsers
        | CallId::ListUserGroups
        | CallId::ListNotifications
        | CallId::ListLeaderboardRecords
        | CallId::ListLeaderboardRecordsAroundOwner
        | CallId::ListTournaments
        | CallId::ListTournamentRecords
        | CallId::ListTournamentRecordsAroundOwner
        | CallId::ListChannelMessages
        | CallId::ListMatches
        | CallId::ListParties
        | CallId::GetMatchmakerStats
        | CallId::ListSubscriptions
        | CallId::GetSubscription => (Action::Read, Standing::Ordinary),
        CallId::UpdateAccount
        | CallId::WriteStorageObjects
        | CallId::DeleteStorageObjects
        | CallId::AddFriends
        | CallId::DeleteFriends
        | CallId::BlockFriends
        | CallId::ImportFacebookFriends
        | CallId::ImportSteamFriends
        | CallId::CreateGroup
        | CallId::UpdateGroup
        | CallId::DeleteGroup
        | CallId::JoinGroup
        | CallId::LeaveGroup
        | CallId::AddGroupUsers
        | CallId::KickGroupUsers
        | CallId::BanGroupUsers
        | CallId::PromoteGroupUsers
        | CallId::DemoteGroupUsers
        | CallId::DeleteNotifications
        | CallId::WriteLeaderboardRecord
        | CallId::DeleteLeaderboardRecord
        | CallId::JoinTournament
        | CallId::WriteTournamentRecord
        | CallId::DeleteTournamentRecord
        | CallId::Event
        | CallId::ValidatePurchaseApple
        | CallId::ValidatePurchaseFacebookInstant
        | CallId::ValidatePurchaseGoogle
        | CallId::ValidatePurchaseHuawei
        | CallId::ValidatePurchaseSamsung
        | CallId::ValidateSubscriptionApple
        | CallId::ValidateSubscriptionGoogle => (Action::Write, Standing::Ordinary),
        CallId::DeleteAccount
        | CallId::SessionLogout
        | CallId::LinkApple
        | CallId::LinkCustom
        | CallId::LinkDevice
        | CallId::LinkEmail
        | CallId::LinkFacebook
        | CallId::LinkFacebookInstantGame
        | CallId::LinkGameCenter
        | CallId::LinkGoogle
        | CallId::LinkSteam
        | CallId::UnlinkApple
        | CallId::UnlinkCustom
        | CallId::UnlinkDevice
        | CallId::UnlinkEmail
        | CallId::UnlinkFacebook
        | CallId::UnlinkFacebookInstantGame
        | CallId::UnlinkGameCenter
        | CallId::UnlinkGoogle
        | CallId::UnlinkSteam
        | CallId::RpcFunc => (Action::Write, Standing::Guarded),
        CallId::MintToken
        | CallId::RevokeToken
        | CallId::SessionRefresh
        | CallId::AuthenticateApple
        | CallId::AuthenticateCustom
        | CallId::AuthenticateDevice
        | CallId::AuthenticateEmail
        | CallId::AuthenticateFacebook
        | CallId::AuthenticateFacebookInstantGame
        | CallId::AuthenticateGameCenter
        | CallId::AuthenticateGoogle
        | CallId::AuthenticateSteam => (Action::Write, Standing::Never),
    }
}
