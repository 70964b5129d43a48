//! Delegated tokens on calls and sockets.

use std::sync::Arc;

use crate::world::{Socket, World, bearer, call, code, id_of, server_key, sign_in};
use tavern_api::{Api, CloseReason, Credential, Flow};
use tavern_delegation::{Name, Narrowing, attenuate, inspect};
use tavern_domain::{CodedError, ErrorCode};
use tavern_protocol::realtime::{
    ChannelJoin, ChannelMessageSend, MatchCreate, MatchJoin, Ping, StatusUpdate, envelope::Message,
    match_join,
};
use tavern_protocol::{Unit, api, calls};

async fn mint(
    api: &Arc<Api>,
    session: &api::Session,
    request: api::MintTokenRequest,
) -> Result<api::MintedToken, CodedError> {
    call::<calls::MintToken>(api, bearer(session), request).await
}

fn rights(names: &[&str]) -> api::MintTokenRequest {
    let rights = names.iter().map(|name| (*name).to_owned()).collect();
    api::MintTokenRequest { rights, ..Default::default() }
}

async fn token(api: &Arc<Api>, session: &api::Session, names: &[&str]) -> Credential {
    Credential::Bearer(mint(api, session, rights(names)).await.unwrap().token)
}

fn text(credential: &Credential) -> String {
    let Credential::Bearer(token) = credential else { panic!("a bearer token") };
    token.clone()
}

fn narrowed(credential: &Credential, things: &[(Name, &str)]) -> Credential {
    let things = things.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let narrowing = Narrowing { things, ..Narrowing::default() };
    Credential::Bearer(attenuate(&text(credential), &narrowing).unwrap())
}

fn object(collection: &str) -> api::WriteStorageObject {
    api::WriteStorageObject {
        collection: collection.to_owned(),
        key: "one".to_owned(),
        value: "{}".to_owned(),
        ..Default::default()
    }
}

async fn write(
    api: &Arc<Api>,
    credential: &Credential,
    collections: &[&str],
) -> Result<api::StorageObjectAcks, CodedError> {
    let objects = collections.iter().map(|name| object(name)).collect();
    let request = api::WriteStorageObjectsRequest { objects };
    call::<calls::WriteStorageObjects>(api, credential.clone(), request).await
}

async fn read(
    api: &Arc<Api>,
    credential: &Credential,
    owner: &str,
    collections: &[&str],
) -> Result<usize, CodedError> {
    let object_ids = collections.iter().map(|name| api::ReadStorageObjectId {
        collection: (*name).to_owned(),
        key: "one".to_owned(),
        user_id: owner.to_owned(),
    });
    let request = api::ReadStorageObjectsRequest { object_ids: object_ids.collect() };
    let read = call::<calls::ReadStorageObjects>(api, credential.clone(), request).await;
    read.map(|read| read.objects.len())
}

async fn account(api: &Arc<Api>, credential: &Credential) -> Result<api::Account, CodedError> {
    call::<calls::GetAccount>(api, credential.clone(), Unit {}).await
}

#[tokio::test]
async fn a_token_stands_for_its_player_within_its_rights() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let bot = token(&api, &ada, &["GetAccount"]).await;
    let seen = account(&api, &bot).await.unwrap().user.unwrap();
    assert_eq!((seen.id, seen.username), (id_of(&ada), "ada-ada".to_owned()));
    assert_eq!(code(write(&api, &bot, &["saves"]).await), ErrorCode::PermissionDenied);
    let garbage = Credential::Bearer("Z2FyYmFnZQ==".to_owned());
    assert_eq!(code(account(&api, &garbage).await), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_batch_is_allowed_as_a_whole_or_not_at_all() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let me = id_of(&ada);
    let all = token(&api, &ada, &["*"]).await;
    let saves = narrowed(&all, &[(Name::Collection, "saves"), (Name::Collection, "replays")]);
    assert_eq!(write(&api, &saves, &["saves", "replays"]).await.unwrap().acks.len(), 2);
    let refused = write(&api, &saves, &["saves", "replays", "secrets"]).await;
    assert_eq!(code(refused), ErrorCode::PermissionDenied);
    write(&api, &all, &["secrets"]).await.unwrap();
    let three = ["saves", "replays", "secrets"];
    assert_eq!(read(&api, &all, &me, &three).await.unwrap(), 3);
    assert_eq!(read(&api, &saves, &me, &three[..2]).await.unwrap(), 2);
    assert_eq!(code(read(&api, &saves, &me, &three).await), ErrorCode::PermissionDenied);
    let list = api::ListStorageObjectsRequest {
        collection: "secrets".to_owned(),
        user_id: me,
        ..Default::default()
    };
    let listed = call::<calls::ListStorageObjects>(&api, saves, list).await;
    assert_eq!(code(listed), ErrorCode::PermissionDenied);
}

#[tokio::test]
async fn ids_are_the_same_however_they_are_spelt() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let request = api::CreateGroupRequest { name: "guild".to_owned(), ..Default::default() };
    let group = call::<calls::CreateGroup>(&api, bearer(&ada), request).await.unwrap();
    let all = token(&api, &ada, &["*"]).await;
    let users = async |credential: &Credential, id: &str| {
        let request = api::ListGroupUsersRequest { group_id: id.to_owned(), ..Default::default() };
        call::<calls::ListGroupUsers>(&api, credential.clone(), request).await
    };
    let guild = narrowed(&all, &[(Name::Group, &group.id)]);
    assert!(users(&guild, &group.id).await.is_ok());
    assert!(users(&guild, &group.id.to_uppercase()).await.is_ok());
    let request = api::MintTokenRequest {
        groups: vec![group.id.to_uppercase()],
        ..rights(&["ListGroupUsers"])
    };
    let minted = Credential::Bearer(mint(&api, &ada, request).await.unwrap().token);
    assert!(users(&minted, &group.id).await.is_ok());
    let other = "00000000-0000-0000-0000-000000000001";
    assert_eq!(code(users(&guild, other).await), ErrorCode::PermissionDenied);
    // The channel of the group is a thing of the group.
    let history = async |credential: &Credential, channel_id: String| {
        let request = api::ListChannelMessagesRequest { channel_id, ..Default::default() };
        call::<calls::ListChannelMessages>(&api, credential.clone(), request).await
    };
    assert!(history(&guild, format!("3.{}..", group.id)).await.is_ok());
    let refused = history(&guild, "2...lobby".to_owned()).await;
    assert_eq!(code(refused), ErrorCode::PermissionDenied);
}

#[tokio::test]
async fn what_could_take_an_account_away_has_to_be_named() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let all = token(&api, &ada, &["*"]).await;
    let link = |id: &str| api::AccountCustom { id: id.to_owned(), ..Default::default() };
    let refused = [
        code(call::<calls::DeleteAccount>(&api, all.clone(), Unit {}).await),
        code(call::<calls::LinkCustom>(&api, all.clone(), link("mallory")).await),
        code(call::<calls::UnlinkCustom>(&api, all.clone(), link("ada-ada")).await),
        code(call::<calls::SessionLogout>(&api, all.clone(), Default::default()).await),
        code(call::<calls::RpcFunc>(&api, all.clone(), Default::default()).await),
        code(call::<calls::MintToken>(&api, all.clone(), rights(&["read"])).await),
        code(call::<calls::RevokeToken>(&api, all.clone(), Default::default()).await),
    ];
    assert_eq!(refused, [ErrorCode::PermissionDenied; 7]);
    // Nor is it a refresh token.
    let request = api::SessionRefreshRequest { token: text(&all), ..Default::default() };
    let refresh = call::<calls::SessionRefresh>(&api, server_key(), request).await;
    assert_eq!(code(refresh), ErrorCode::Unauthenticated);
    for never in ["MintToken", "RevokeToken", "AuthenticateCustom", "SessionRefresh", "Nothing", ""]
    {
        assert_eq!(code(mint(&api, &ada, rights(&[never])).await), ErrorCode::InvalidArgument);
    }
    assert_eq!(code(mint(&api, &ada, rights(&[])).await), ErrorCode::InvalidArgument);
    let named = token(&api, &ada, &["DeleteAccount"]).await;
    call::<calls::DeleteAccount>(&api, named.clone(), Unit {}).await.unwrap();
    assert_eq!(code(account(&api, &named).await), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn what_is_asked_for_beyond_the_bounds_is_refused() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    for bad in [
        api::MintTokenRequest { expiry_sec: Some(0), ..rights(&["*"]) },
        api::MintTokenRequest { expiry_sec: Some(u32::MAX), ..rights(&["*"]) },
        api::MintTokenRequest { collections: vec!["c".to_owned(); 65], ..rights(&["*"]) },
        api::MintTokenRequest { collections: vec!["c".repeat(257)], ..rights(&["*"]) },
        api::MintTokenRequest { vars: vec!["none".to_owned()], ..rights(&["*"]) },
        api::MintTokenRequest {
            requires: vec![api::TokenRequirement {
                name: "x) or true; check if y(".to_owned(),
                values: vec!["1".to_owned()],
                public_key: "ed25519/00".to_owned(),
            }],
            ..rights(&["*"])
        },
    ] {
        assert_eq!(code(mint(&api, &ada, bad).await), ErrorCode::InvalidArgument);
    }
    let owners = (0..500).map(|n| format!("00000000-0000-0000-0000-{n:012}")).collect();
    let request = api::GetUsersRequest { ids: owners, ..Default::default() };
    let all = token(&api, &ada, &["*"]).await;
    let users = call::<calls::GetUsers>(&api, all, request).await;
    assert_eq!(code(users), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn the_player_revokes_and_it_survives_a_restart() {
    let mut world = World::new();
    let services = world.services();
    let api = crate::world::with_hooks(services, tavern_runtime_hooks::Hooks::none());
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let bob = sign_in(&api, "bob-bob").await.unwrap();
    let [first, second, third] = [
        token(&api, &ada, &["GetAccount"]).await,
        token(&api, &ada, &["GetAccount"]).await,
        token(&api, &ada, &["GetAccount"]).await,
    ];
    let of_second = narrowed(&second, &[(Name::Key, "k")]);
    let revoke = async |session: &api::Session, request| {
        call::<calls::RevokeToken>(&api, bearer(session), request).await
    };
    let by_token = |credential: &Credential| api::RevokeTokenRequest {
        token: text(credential),
        ..Default::default()
    };
    revoke(&ada, by_token(&first)).await.unwrap();
    let id = inspect(&text(&of_second), None).unwrap().blocks[0].revocation_id.clone();
    let by_id = api::RevokeTokenRequest { revocation_id: id, ..Default::default() };
    revoke(&bob, by_id.clone()).await.unwrap();
    assert!(account(&api, &second).await.is_ok(), "bob's hand does not reach ada's tokens");
    assert_eq!(code(revoke(&bob, by_token(&second)).await), ErrorCode::InvalidArgument);
    let both = api::RevokeTokenRequest { token: text(&second), ..by_id.clone() };
    assert_eq!(code(revoke(&ada, both).await), ErrorCode::InvalidArgument);
    revoke(&ada, by_id).await.unwrap();
    let next = world.services();
    next.look_at_revocations().await.unwrap();
    let next = crate::world::with_hooks(next, tavern_runtime_hooks::Hooks::none());
    for api in [&api, &next] {
        for gone in [&first, &second, &of_second] {
            assert_eq!(code(account(api, gone).await), ErrorCode::Unauthenticated);
        }
        assert!(account(api, &third).await.is_ok());
    }
    revoke(&ada, api::RevokeTokenRequest::default()).await.unwrap();
    assert_eq!(code(account(&api, &third).await), ErrorCode::Unauthenticated);
    assert!(account(&api, &bearer(&ada)).await.is_ok(), "the session goes on");
    let fourth = token(&api, &ada, &["GetAccount"]).await;
    assert!(account(&api, &fourth).await.is_ok());
    // Logging out everywhere means everywhere.
    call::<calls::SessionLogout>(&api, bearer(&ada), Default::default()).await.unwrap();
    assert_eq!(code(account(&api, &fourth).await), ErrorCode::Unauthenticated);
}

async fn open(api: &Arc<Api>, credential: &Credential, status: bool) -> Result<Socket, CodedError> {
    let session = api::Session { token: text(credential), ..Default::default() };
    Socket::with(api, session, status).await
}

fn join(name: &str) -> ChannelJoin {
    ChannelJoin { target: name.to_owned(), r#type: 1, ..Default::default() }
}

#[tokio::test]
async fn each_message_of_a_socket_is_looked_at() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let closed = token(&api, &ada, &["ChannelJoin"]).await;
    let refused = open(&api, &closed, false).await.err().unwrap();
    assert_eq!(refused.code(), ErrorCode::PermissionDenied);
    let request = api::MintTokenRequest {
        channels: vec!["2...lobby".to_owned()],
        ..rights(&["OpenSocket", "ChannelJoin", "ChannelMessageSend"])
    };
    let bot = Credential::Bearer(mint(&api, &ada, request).await.unwrap().token);
    assert!(open(&api, &bot, true).await.is_err(), "it may not appear online");
    let bot = open(&api, &bot, false).await.unwrap();
    assert!(matches!(bot.ask(Ping {}).await, Some(Message::Pong(_))));
    let Some(Message::Channel(lobby)) = bot.ask(join("lobby")).await else { panic!("a channel") };
    let say = |channel_id: String| ChannelMessageSend { channel_id, content: "{}".to_owned() };
    assert!(matches!(bot.ask(say(lobby.id)).await, Some(Message::ChannelMessageAck(_))));
    let denied = async |answer: Option<Message>| {
        let Some(Message::Error(error)) = answer else { panic!("{answer:?}") };
        assert!(error.message.contains("does not allow"), "{error:?}");
    };
    denied(bot.ask(join("lounge")).await).await;
    denied(bot.ask(say("2...lounge".to_owned())).await).await;
    denied(bot.ask(StatusUpdate { status: Some("x".to_owned()) }).await).await;
    denied(bot.ask(MatchCreate::default()).await).await;
}

#[tokio::test]
async fn a_match_is_told_by_its_name_and_its_id_alike() {
    let api = World::new().api();
    let ada = Socket::open(&api, "ada-ada").await;
    let created = ada.ask(MatchCreate { name: "arena".to_owned() }).await;
    let Some(Message::Match(created)) = created else { panic!("{created:?}") };
    let all = token(&api, &ada.session, &["*"]).await;
    let bot = narrowed(&all, &[(Name::Match, &created.match_id)]);
    let bot = open(&api, &bot, false).await.unwrap();
    let by = |id: &str| {
        let id = Some(match_join::Id::MatchId(id.to_owned()));
        MatchJoin { id, ..Default::default() }
    };
    let upper = created.match_id.to_uppercase();
    assert!(matches!(bot.ask(by(&upper)).await, Some(Message::Match(_))));
    let other = MatchCreate { name: "other".to_owned() };
    assert!(matches!(bot.ask(other).await, Some(Message::Error(_))));
    let arena = MatchCreate { name: "arena".to_owned() };
    assert!(matches!(bot.ask(arena).await, Some(Message::Match(_))));
}

#[tokio::test]
async fn a_bot_hears_notifications_only_if_it_may_list_them() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let deaf = token(&api, &ada, &["OpenSocket"]).await;
    let hears = token(&api, &ada, &["OpenSocket", "ListNotifications"]).await;
    let (deaf, hears) =
        (open(&api, &deaf, false).await.unwrap(), open(&api, &hears, false).await.unwrap());
    let bob = sign_in(&api, "bob-bob").await.unwrap();
    let request = api::AddFriendsRequest { ids: vec![id_of(&ada)], ..Default::default() };
    call::<calls::AddFriends>(&api, bearer(&bob), request).await.unwrap();
    assert_eq!(crate::world::notified(&deaf).len(), 0);
    assert_eq!(crate::world::notified(&hears).len(), 1);
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let mut world = World::new();
    let services = world.services();
    let api = crate::world::with_hooks(Arc::clone(&services), tavern_runtime_hooks::Hooks::none());
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let player = Socket::with(&api, ada.clone(), false).await.unwrap();
    let short = api::MintTokenRequest { expiry_sec: Some(100), ..rights(&["*"]) };
    let short = Credential::Bearer(mint(&api, &ada, short).await.unwrap().token);
    let long = token(&api, &ada, &["*"]).await;
    let (revoked, expired) =
        (open(&api, &long, false).await.unwrap(), open(&api, &short, false).await.unwrap());
    let narrow = Narrowing {
        expires: Some(tavern_domain::Timestamp::from_seconds(1_800_000_050)),
        ..Narrowing::default()
    };
    let narrow = Credential::Bearer(attenuate(&text(&short), &narrow).unwrap());
    let narrow = open(&api, &narrow, false).await.unwrap();
    let request = api::RevokeTokenRequest { token: text(&long), ..Default::default() };
    call::<calls::RevokeToken>(&api, bearer(&ada), request).await.unwrap();
    let closed = [&player, &revoked, &expired, &narrow].map(Socket::closed);
    assert_eq!(closed, [None, Some(CloseReason::LoggedOut), None, None]);
    world.clock.advance_seconds(50);
    services.close_delegated(false);
    assert_eq!(narrow.closed(), None);
    services.close_delegated(true);
    assert_eq!(narrow.closed(), Some(CloseReason::LoggedOut));
    assert_eq!(expired.closed(), None);
    world.clock.advance_seconds(50);
    // Whether it is found by the worker or by a message of its own.
    assert!(matches!(expired.send(Ping {}).await, Flow::Close(_)));
    services.close_delegated(false);
    assert_eq!(expired.closed(), Some(CloseReason::LoggedOut));
    assert_eq!(player.closed(), None);
}

#[tokio::test]
async fn a_bot_does_not_take_the_player_s_only_socket() {
    let mut world = World::new();
    world.single_socket = true;
    let api = world.api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let first = Socket::with(&api, ada.clone(), false).await.unwrap();
    let bot = open(&api, &token(&api, &ada, &["*"]).await, false).await.unwrap();
    assert_eq!((first.closed(), bot.closed()), (None, None));
    let second = Socket::with(&api, ada, false).await.unwrap();
    assert_eq!(first.closed(), Some(CloseReason::Replaced));
    assert_eq!((second.closed(), bot.closed()), (None, None));
}

#[tokio::test]
async fn a_ban_ends_the_tokens_and_their_sockets() {
    let mut world = World::new();
    let services = world.services();
    let api = crate::world::with_hooks(Arc::clone(&services), tavern_runtime_hooks::Hooks::none());
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let bot = token(&api, &ada, &["*"]).await;
    let socket = open(&api, &bot, false).await.unwrap();
    let user = id_of(&ada).parse().unwrap();
    let host = tavern_api::ServerHost::new(Arc::clone(&services));
    let ban = tavern_runtime_hooks::host::UsersBanId { user_ids: Some(vec![user]) };
    tavern_runtime_hooks::host::AccountsHost::users_ban_id(&host, ban).await.unwrap();
    assert_eq!(code(account(&api, &bot).await), ErrorCode::Unauthenticated);
    assert!(socket.closed().is_some());
    // A ban that another server has written to the table is noticed within a while.
    let bob = sign_in(&api, "bob-bob").await.unwrap();
    let bot = token(&api, &bob, &["*"]).await;
    assert!(account(&api, &bot).await.is_ok());
    let bob = id_of(&bob).parse().unwrap();
    let now = tavern_domain::Clock::now(&*world.clock);
    world.storage.accounts.set_disabled(&[bob], Some(now)).await.unwrap();
    world.clock.advance_seconds(30);
    assert_eq!(code(account(&api, &bot).await), ErrorCode::Unauthenticated);
}
