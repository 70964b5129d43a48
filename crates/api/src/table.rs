//! The one table of calls.
//!
//! A row names a call of the protocol and its use case. Everything else about the call follows:
//! its routes, credential and messages come from the protocol's definition; decoding, limits,
//! hooks, metrics and encoding are the same code for all. Adding a call is adding a row here and
//! the use case it names.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tavern_domain::CodedError;
use tavern_protocol::{CallId, calls};
use tavern_storage::Obligation;

use crate::api::{Api, format_of};
use crate::cases::{
    account, authenticate, channel, events, friends, groups, health, leaderboards, link, lobby,
    matches, notifications, purchases, rpc, session, social, storage, tokens, tournaments, users,
};
use crate::service::{CallMeta, Input};

/// Runs a call from bytes to bytes.
type RunFn = fn(&Api, CallMeta, Input) -> BoxFuture<'_, Result<Vec<u8>, CodedError>>;
/// Carries out what an earlier life left of a call: its after-hook.
type CarryOutFn = for<'a> fn(&'a Api, &'a Obligation) -> BoxFuture<'a, Result<(), CodedError>>;

/// One row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) run: RunFn,
    pub(crate) carry_out: Option<CarryOutFn>,
}

macro_rules! use_cases {
    ($($(#[$obliged:ident])? $call:ident => $case:path,)*) => {
        /// The row of a call. A call without one does not compile.
        pub(crate) const fn row(call: CallId) -> Row {
            match call {
                $(CallId::$call => Row {
                    run: |api, meta, input| {
                        async move {
                            let format = format_of(&input);
                            let (mut cx, request) =
                                api.enter::<calls::$call>(meta, input).await?;
                            let answer = $case(&api.services, &mut cx, &request).await;
                            api.leave::<calls::$call>(&cx, &request, answer, format).await
                        }
                        .boxed()
                    },
                    carry_out: use_cases!(@carry_out $call $($obliged)?),
                },)*
            }
        }
    };
    (@carry_out $call:ident obliged) => {
        Some(|api, obligation| api.carry_out::<calls::$call>(obligation).boxed())
    };
    (@carry_out $call:ident) => { None };
}

// `#[obliged]`: the call may create an account, whose after-hook must not be lost.
use_cases! {
    Healthcheck => health::healthcheck,

    #[obliged] AuthenticateCustom => authenticate::custom,
    #[obliged] AuthenticateDevice => authenticate::device,
    #[obliged] AuthenticateEmail => authenticate::email,
    #[obliged] AuthenticateApple => social::authenticate_apple,
    #[obliged] AuthenticateFacebook => social::authenticate_facebook,
    #[obliged] AuthenticateFacebookInstantGame => social::authenticate_facebook_instant,
    #[obliged] AuthenticateGameCenter => social::authenticate_gamecenter,
    #[obliged] AuthenticateGoogle => social::authenticate_google,
    #[obliged] AuthenticateSteam => social::authenticate_steam,
    SessionRefresh => session::refresh,
    SessionLogout => session::logout,
    MintToken => tokens::mint,
    RevokeToken => tokens::revoke,

    GetAccount => account::get,
    UpdateAccount => account::update,
    DeleteAccount => account::delete,
    GetUsers => users::get,

    LinkCustom => link::custom,
    LinkDevice => link::device,
    LinkEmail => link::email,
    LinkApple => social::link_apple,
    LinkFacebook => social::link_facebook,
    LinkFacebookInstantGame => social::link_facebook_instant,
    LinkGameCenter => social::link_gamecenter,
    LinkGoogle => social::link_google,
    LinkSteam => social::link_steam,
    UnlinkCustom => link::unlink_custom,
    UnlinkDevice => link::unlink_device,
    UnlinkEmail => link::unlink_email,
    UnlinkApple => social::unlink_apple,
    UnlinkFacebook => social::unlink_facebook,
    UnlinkFacebookInstantGame => social::unlink_facebook_instant,
    UnlinkGameCenter => social::unlink_gamecenter,
    UnlinkGoogle => social::unlink_google,
    UnlinkSteam => social::unlink_steam,

    WriteStorageObjects => storage::write,
    ReadStorageObjects => storage::read,
    ListStorageObjects => storage::list,
    DeleteStorageObjects => storage::delete,

    AddFriends => friends::add,
    DeleteFriends => friends::delete,
    BlockFriends => friends::block,
    ListFriends => friends::list,
    ListFriendsOfFriends => friends::of_friends,
    ImportFacebookFriends => social::import_facebook_friends,
    ImportSteamFriends => social::import_steam_friends,

    CreateGroup => groups::create,
    UpdateGroup => groups::update,
    DeleteGroup => groups::delete,
    JoinGroup => groups::join,
    LeaveGroup => groups::leave,
    AddGroupUsers => groups::add,
    KickGroupUsers => groups::kick,
    BanGroupUsers => groups::ban,
    PromoteGroupUsers => groups::promote,
    DemoteGroupUsers => groups::demote,
    ListGroups => groups::list,
    ListGroupUsers => groups::users,
    ListUserGroups => groups::of_user,

    ListNotifications => notifications::list,
    DeleteNotifications => notifications::delete,
    WriteLeaderboardRecord => leaderboards::write,
    DeleteLeaderboardRecord => leaderboards::delete,
    ListLeaderboardRecords => leaderboards::list,
    ListLeaderboardRecordsAroundOwner => leaderboards::around,

    ListTournaments => tournaments::list,
    JoinTournament => tournaments::join,
    WriteTournamentRecord => tournaments::write,
    DeleteTournamentRecord => tournaments::delete,
    ListTournamentRecords => tournaments::records,
    ListTournamentRecordsAroundOwner => tournaments::around,

    ListChannelMessages => channel::list_messages,
    ListMatches => matches::list,
    Event => events::send,
    ListParties => lobby::list_parties,
    GetMatchmakerStats => lobby::matchmaker_stats,
    RpcFunc => rpc::call,

    ValidatePurchaseApple => purchases::apple,
    ValidatePurchaseFacebookInstant => purchases::facebook_instant,
    ValidatePurchaseGoogle => purchases::google,
    ValidatePurchaseHuawei => purchases::huawei,
    ValidatePurchaseSamsung => purchases::samsung,
    ValidateSubscriptionApple => purchases::subscription_apple,
    ValidateSubscriptionGoogle => purchases::subscription_google,
    ListSubscriptions => purchases::list_subscriptions,
    GetSubscription => purchases::get_subscription,
}
