//! Signing in through other companies' accounts, over providers that answer as they are told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tavern_api::{Api, ServerHost};
use tavern_domain::{ErrorCode, Fetch, FetchError, FetchRequest, FetchResponse, Secret, UserId};
use tavern_identity::{Config, GoogleConfig, OauthClient, SteamConfig};
use tavern_protocol::{api, calls};
use tavern_runtime_hooks::{HookError, Host, Module, ModuleError, Registrar, load};
use tavern_storage::{Identity, Provider, Storage};

use crate::world::{World, bearer, call, code, id_of, server_key, sign_in, with_hooks};

/// What an address answers, by a part of its address or of what is sent there.
#[derive(Default)]
struct Web(Mutex<HashMap<&'static str, String>>);

impl Web {
    fn answer(&self, part: &'static str, body: serde_json::Value) {
        self.0.lock().unwrap().insert(part, body.to_string());
    }
}

#[async_trait]
impl Fetch for Web {
    async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let secret = request.headers.iter().map(|(_, value)| value.as_str());
        let text = secret.fold(request.url.clone(), |text, value| format!("{text} {value}"));
        let answers = self.0.lock().unwrap();
        // The longest that fits is the one that is meant.
        let fitting = answers.iter().filter(|(part, _)| text.contains(**part));
        let body = fitting.max_by_key(|(part, _)| part.len()).map(|(_, body)| body.clone());
        let status = if body.is_some() { 200 } else { 403 };
        let body = body.unwrap_or_default().into_bytes();
        Ok(FetchResponse { status, headers: Vec::new(), body })
    }
}

fn world() -> (World, Arc<Web>) {
    let (mut world, web) = (World::new(), Arc::new(Web::default()));
    world.providers = Arc::clone(&web) as _;
    let publisher_key = Secret::new("made-up");
    let client = json!({"web": {
        "client_id": "ours", "client_secret": "made-up", "token_uri": "https://google/exchange",
    }});
    world.identity = Config {
        steam: SteamConfig { app_id: 480, publisher_key, ..SteamConfig::default() },
        google: GoogleConfig {
            oauth: Some(OauthClient::from_document(&client.to_string()).unwrap()),
            ..GoogleConfig::default()
        },
        ..Config::default()
    };
    (world, web)
}

fn steam_id(web: &Web, ticket: &'static str, id: &str) {
    let params = json!({"result": "OK", "steamid": id});
    web.answer(ticket, json!({"response": {"params": params}}));
}

fn steam(ticket: &str) -> Option<api::AccountSteam> {
    Some(api::AccountSteam { token: ticket.to_owned(), ..Default::default() })
}

fn facebook(token: &str) -> Option<api::AccountFacebook> {
    Some(api::AccountFacebook { token: token.to_owned(), ..Default::default() })
}

type Answer = Result<api::Session, tavern_domain::CodedError>;

async fn by_steam(api: &Arc<Api>, ticket: &str, create: Option<bool>) -> Answer {
    let request =
        api::AuthenticateSteamRequest { account: steam(ticket), create, ..Default::default() };
    call::<calls::AuthenticateSteam>(api, server_key(), request).await
}

async fn by_facebook(api: &Arc<Api>, token: &str, sync: bool) -> Answer {
    let request = api::AuthenticateFacebookRequest {
        account: facebook(token),
        sync: Some(sync),
        ..Default::default()
    };
    call::<calls::AuthenticateFacebook>(api, server_key(), request).await
}

async fn account(storage: &Storage, session: &api::Session) -> tavern_storage::Account {
    let user: UserId = id_of(session).parse().unwrap();
    storage.accounts.get(user).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_ticket_signs_in_and_creates_an_account_once() {
    let (mut world, web) = world();
    let api = world.api();
    steam_id(&web, "ticket=aa", "11");
    assert_eq!(code(by_steam(&api, "aa", Some(false)).await), ErrorCode::NotFound);
    let first = by_steam(&api, "aa", None).await.unwrap();
    let again = by_steam(&api, "aa", None).await.unwrap();
    assert_eq!((first.created, again.created), (true, false));
    assert_eq!(id_of(&first), id_of(&again));
    let account = account(&world.storage, &first).await;
    assert_eq!(account.user.steam_id.as_deref(), Some("11"));
    for (ticket, expected) in
        [("unknown", ErrorCode::Unauthenticated), ("", ErrorCode::InvalidArgument)]
    {
        assert_eq!(code(by_steam(&api, ticket, None).await), expected, "{ticket:?}");
    }
    let user = account.user.id;
    world
        .storage
        .accounts
        .set_disabled(&[user], Some(tavern_domain::Timestamp::from_seconds(1)))
        .await
        .unwrap();
    assert_eq!(code(by_steam(&api, "aa", None).await), ErrorCode::PermissionDenied, "banned");
}

#[tokio::test]
async fn what_facebook_knows_is_taken_over_where_it_lacks() {
    let (mut world, web) = world();
    let api = world.api();
    web.answer(
        "Bearer token-a",
        json!({
            "id": "1", "name": "Ada", "email": "ada@example.com",
            "picture": {"data": {"url": "https://example.com/a.jpg"}},
        }),
    );
    let ada = by_facebook(&api, "token-a", false).await.unwrap();
    let kept = account(&world.storage, &ada).await;
    assert_eq!(kept.user.display_name.as_deref(), Some("Ada"));
    assert_eq!(kept.user.avatar_url.as_deref(), Some("https://example.com/a.jpg"));
    assert_eq!(kept.email.as_deref(), Some("ada@example.com"));
    let rename = api::UpdateAccountRequest {
        display_name: Some("Countess".to_owned()),
        ..Default::default()
    };
    call::<calls::UpdateAccount>(&api, bearer(&ada), rename).await.unwrap();
    by_facebook(&api, "token-a", false).await.unwrap();
    let kept = account(&world.storage, &ada).await;
    assert_eq!(kept.user.display_name.as_deref(), Some("Countess"), "what is there stays");
}

#[tokio::test]
async fn friends_elsewhere_become_friends_here() {
    let (mut world, web) = world();
    let api = world.api();
    for (token, id) in [("Bearer token-a", "1"), ("Bearer token-b", "2"), ("Bearer token-c", "3")] {
        web.answer(token, json!({ "id": id }));
    }
    let bob = by_facebook(&api, "token-b", true).await.unwrap();
    web.answer("me/friends Bearer token-a", json!({"data": [{"id": "2"}, {"id": "99"}]}));
    let ada = by_facebook(&api, "token-a", true).await.unwrap();
    let friends = async |who: &api::Session| {
        let list = call::<calls::ListFriends>(&api, bearer(who), Default::default()).await.unwrap();
        list.friends.into_iter().map(|f| (f.user.unwrap().id, f.state)).collect::<Vec<_>>()
    };
    assert_eq!(friends(&ada).await, [(id_of(&bob), Some(0))]);
    assert_eq!(friends(&bob).await, [(id_of(&ada), Some(0))]);

    let cid = by_facebook(&api, "token-c", false).await.unwrap();
    web.answer("me/friends Bearer token-a", json!({"data": [{"id": "3"}]}));
    let import = |reset| api::ImportFacebookFriendsRequest { account: facebook("token-a"), reset };
    call::<calls::ImportFacebookFriends>(&api, bearer(&ada), import(Some(true))).await.unwrap();
    assert_eq!(friends(&ada).await, [(id_of(&cid), Some(0))], "others are gone");
    let nothing = api::ImportFacebookFriendsRequest { account: facebook(""), reset: None };
    let refused = call::<calls::ImportFacebookFriends>(&api, bearer(&ada), nothing).await;
    assert_eq!(code(refused), ErrorCode::InvalidArgument);
    let unknown = api::ImportFacebookFriendsRequest { account: facebook("x"), reset: None };
    let refused = call::<calls::ImportFacebookFriends>(&api, bearer(&ada), unknown).await;
    assert_eq!(code(refused), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn friends_on_steam_are_imported_by_a_ticket() {
    let (mut world, web) = world();
    let api = world.api();
    steam_id(&web, "ticket=aa", "11");
    steam_id(&web, "ticket=bb", "22");
    web.answer("steamid=22", json!({"friendslist": {"friends": [{"steamid": "11"}]}}));
    let ada = by_steam(&api, "aa", None).await.unwrap();
    let bob = by_steam(&api, "bb", None).await.unwrap();
    let import =
        |ticket: &str| api::ImportSteamFriendsRequest { account: steam(ticket), reset: None };
    call::<calls::ImportSteamFriends>(&api, bearer(&bob), import("bb")).await.unwrap();
    let list = call::<calls::ListFriends>(&api, bearer(&ada), Default::default()).await.unwrap();
    assert_eq!(list.friends[0].user.as_ref().unwrap().id, id_of(&bob));
    let refused = call::<calls::ImportSteamFriends>(&api, bearer(&bob), import("")).await;
    assert_eq!(code(refused), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn identities_are_linked_and_unlinked_and_the_last_one_stays() {
    let (mut world, web) = world();
    let api = world.api();
    steam_id(&web, "ticket=aa", "11");
    let (ada, eve) =
        (sign_in(&api, "ada-ada").await.unwrap(), sign_in(&api, "eve-eve").await.unwrap());
    let link = || api::LinkSteamRequest { account: steam("aa"), sync: None };
    call::<calls::LinkSteam>(&api, bearer(&ada), link()).await.unwrap();
    call::<calls::LinkSteam>(&api, bearer(&ada), link()).await.unwrap();
    let taken = call::<calls::LinkSteam>(&api, bearer(&eve), link()).await;
    assert_eq!(code(taken), ErrorCode::AlreadyExists);
    assert_eq!(id_of(&by_steam(&api, "aa", None).await.unwrap()), id_of(&ada));

    let unlink = |ticket: &str| steam(ticket).unwrap();
    let refused = call::<calls::UnlinkSteam>(&api, bearer(&ada), unlink("unknown")).await;
    assert_eq!(code(refused), ErrorCode::Unauthenticated, "a proof that proves nothing");
    steam_id(&web, "ticket=cc", "33");
    let other = call::<calls::UnlinkSteam>(&api, bearer(&ada), unlink("cc")).await;
    assert_eq!(code(other), ErrorCode::PermissionDenied, "somebody else's");
    call::<calls::UnlinkSteam>(&api, bearer(&ada), unlink("")).await.unwrap();
    let gone = call::<calls::UnlinkSteam>(&api, bearer(&ada), unlink("")).await;
    assert_eq!(code(gone), ErrorCode::PermissionDenied, "nothing is left to unlink");

    let only = by_steam(&api, "cc", None).await.unwrap();
    let last = call::<calls::UnlinkSteam>(&api, bearer(&only), unlink("cc")).await;
    assert_eq!(code(last), ErrorCode::PermissionDenied, "the last way to sign in");
    assert_eq!(id_of(&by_steam(&api, "cc", None).await.unwrap()), id_of(&only));
}

#[tokio::test]
async fn an_account_moves_to_the_new_id_of_its_player() {
    let (mut world, web) = world();
    let api = world.api();
    web.answer("google/exchange", json!({"access_token": "granted"}));
    web.answer("players/me", json!({"playerId": "old"}));
    let request = || api::AuthenticateGoogleRequest {
        account: Some(api::AccountGoogle { token: "a code".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let before = call::<calls::AuthenticateGoogle>(&api, server_key(), request()).await.unwrap();
    web.answer("players/me", json!({"playerId": "new", "originalPlayerId": "old"}));
    let after = call::<calls::AuthenticateGoogle>(&api, server_key(), request()).await.unwrap();
    assert_eq!((id_of(&after), after.created), (id_of(&before), false));
    assert_eq!(account(&world.storage, &after).await.user.google_id.as_deref(), Some("new"));
}

#[tokio::test]
async fn providers_that_are_not_set_up_say_so_with_the_codes_of_the_protocol() {
    let api = World::new().api();
    let apple = api::AuthenticateAppleRequest {
        account: Some(api::AccountApple { token: "x".to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let refused = call::<calls::AuthenticateApple>(&api, server_key(), apple).await;
    assert_eq!(code(refused), ErrorCode::FailedPrecondition);
    let instant = |text: &str| api::AuthenticateFacebookInstantGameRequest {
        account: Some(api::AccountFacebookInstantGame {
            signed_player_info: text.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let call_instant = async |text: &str| {
        call::<calls::AuthenticateFacebookInstantGame>(&api, server_key(), instant(text)).await
    };
    assert_eq!(code(call_instant("x.y").await), ErrorCode::DataLoss);
    assert_eq!(code(call_instant("").await), ErrorCode::InvalidArgument);
    let nothing = api::AuthenticateGameCenterRequest::default();
    let refused = call::<calls::AuthenticateGameCenter>(&api, server_key(), nothing).await;
    assert_eq!(code(refused), ErrorCode::InvalidArgument);
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let import = api::ImportSteamFriendsRequest::default();
    let refused = call::<calls::ImportSteamFriends>(&api, bearer(&ada), import).await;
    assert_eq!(code(refused), ErrorCode::FailedPrecondition);
    for (ticket, expected) in
        [("", ErrorCode::InvalidArgument), ("x", ErrorCode::FailedPrecondition)]
    {
        let link = api::LinkSteamRequest { account: steam(ticket), sync: None };
        let refused = call::<calls::LinkSteam>(&api, bearer(&ada), link).await;
        assert_eq!(code(refused), expected, "{ticket:?}");
    }
}

/// A hook after a log-in that never succeeds, so that what is owed stays.
struct Unlucky;

#[async_trait]
impl Module for Unlucky {
    fn name(&self) -> &str {
        "unlucky"
    }

    async fn init(
        &self,
        registrar: &mut Registrar,
        _host: Arc<dyn Host>,
    ) -> Result<(), ModuleError> {
        registrar.after::<calls::AuthenticateSteam, _, _>(|_context, _session, _request| async {
            Err(HookError::new(ErrorCode::Internal, "no luck"))
        });
        Ok(())
    }
}

#[tokio::test]
async fn what_is_owed_after_a_log_in_holds_no_proof() {
    let (mut world, web) = world();
    let services = world.services();
    let host = Arc::new(ServerHost::new(Arc::clone(&services)));
    let hooks = load(vec![Arc::new(Unlucky)], host, Duration::from_secs(5)).await.unwrap();
    let api = with_hooks(services, hooks);
    steam_id(&web, "ticket=secret-ticket", "11");
    assert!(by_steam(&api, "secret-ticket", None).await.is_err());
    let identity = Identity::External(Provider::Steam, "11");
    let login = world.storage.accounts.find(identity, true).await.unwrap().unwrap();
    let owed = login.obligation.expect("the hook must still run");
    assert_eq!(owed.call, "AuthenticateSteam");
    assert!(!owed.request.contains("secret-ticket"), "{}", owed.request);
}
