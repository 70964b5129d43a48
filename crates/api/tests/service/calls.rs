//! Calls, from credentials to answers.

use crate::world::{World, bearer, call, code, server_key, sign_in};
use tavern_api::Credential;
use tavern_domain::ErrorCode;
use tavern_protocol::{Unit, api, calls};

#[tokio::test]
async fn every_kind_of_credential_is_checked() {
    let api = World::new().api();
    let none = Credential::None;
    assert_eq!(
        code(call::<calls::GetAccount>(&api, none, Unit {}).await),
        ErrorCode::Unauthenticated
    );
    let wrong = Credential::Bearer("garbage".to_owned());
    assert_eq!(
        code(call::<calls::GetAccount>(&api, wrong, Unit {}).await),
        ErrorCode::Unauthenticated
    );
    let basic = server_key();
    assert_eq!(
        code(call::<calls::GetAccount>(&api, basic, Unit {}).await),
        ErrorCode::Unauthenticated
    );
    let other = Credential::Basic("another key".to_owned());
    let request = api::AuthenticateCustomRequest::default();
    let refused = call::<calls::AuthenticateCustom>(&api, other, request).await;
    assert_eq!(code(refused), ErrorCode::Unauthenticated);
    call::<calls::Healthcheck>(&api, Credential::Malformed, Unit {}).await.unwrap();
}

#[tokio::test]
async fn signing_in_twice_is_one_account() {
    let api = World::new().api();
    let first = sign_in(&api, "a-player").await.unwrap();
    let again = sign_in(&api, "a-player").await.unwrap();
    assert!(first.created && !again.created);
    let account = call::<calls::GetAccount>(&api, bearer(&again), Unit {}).await.unwrap();
    assert_eq!(account.custom_id, "a-player");
    assert_eq!(account.user.unwrap().username, "a-player");
}

#[tokio::test]
async fn an_account_is_changed_field_by_field() {
    let api = World::new().api();
    let session = sign_in(&api, "a-player").await.unwrap();
    let update = |display: Option<&str>, lang: Option<&str>| api::UpdateAccountRequest {
        display_name: display.map(str::to_owned),
        lang_tag: lang.map(str::to_owned),
        ..Default::default()
    };
    let change =
        async |request| call::<calls::UpdateAccount>(&api, bearer(&session), request).await;
    change(update(Some("Ada"), Some("fr"))).await.unwrap();
    change(update(Some(""), None)).await.unwrap();
    assert_eq!(code(change(update(None, None)).await), ErrorCode::InvalidArgument);
    assert_eq!(code(change(update(None, Some(""))).await), ErrorCode::InvalidArgument);
    let user =
        call::<calls::GetAccount>(&api, bearer(&session), Unit {}).await.unwrap().user.unwrap();
    assert_eq!((user.display_name.as_str(), user.lang_tag.as_str()), ("", "fr"));
}

#[tokio::test]
async fn guessing_a_password_is_slowed_down() {
    let mut world = World::new();
    let api = world.api();
    let try_with = async |password: &str| {
        let account = api::AccountEmail {
            email: "player@example.com".to_owned(),
            password: password.to_owned(),
            ..Default::default()
        };
        let request =
            api::AuthenticateEmailRequest { account: Some(account), ..Default::default() };
        call::<calls::AuthenticateEmail>(&api, server_key(), request).await
    };
    try_with("the right password").await.unwrap();
    let mut refused = Vec::new();
    for _ in 0..20 {
        refused.push(code(try_with("a wrong password").await));
    }
    assert_eq!(refused.first(), Some(&ErrorCode::Unauthenticated));
    assert_eq!(refused.last(), Some(&ErrorCode::ResourceExhausted));
    assert_eq!(code(try_with("the right password").await), ErrorCode::ResourceExhausted);
    world.clock.advance_seconds(24 * 3600);
    try_with("the right password").await.unwrap();
}

#[tokio::test]
async fn a_logout_reaches_calls_and_survives_a_restart() {
    let mut world = World::new();
    let api = world.api();
    let session = sign_in(&api, "a-player").await.unwrap();
    let request = api::SessionLogoutRequest {
        token: session.token.clone(),
        refresh_token: session.refresh_token.clone(),
    };
    call::<calls::SessionLogout>(&api, bearer(&session), request).await.unwrap();
    let again = world.services();
    again.sessions().load().await.unwrap();
    for api in [api, crate::world::with_hooks(again, tavern_runtime_hooks::Hooks::none())] {
        let refused = call::<calls::GetAccount>(&api, bearer(&session), Unit {}).await;
        assert_eq!(code(refused), ErrorCode::Unauthenticated);
        let request = api::SessionRefreshRequest {
            token: session.refresh_token.clone(),
            ..Default::default()
        };
        let refused = call::<calls::SessionRefresh>(&api, server_key(), request).await;
        assert_eq!(code(refused), ErrorCode::Unauthenticated);
    }
}

#[tokio::test]
async fn the_same_log_in_sent_twice_at_once_is_one_account() {
    let api = World::new().api();
    let twice = futures_util::future::join_all((0..8).map(|_| sign_in(&api, "a-player"))).await;
    let created = twice.iter().filter(|answer| answer.as_ref().unwrap().created).count();
    assert_eq!(created, 1);
}

#[tokio::test]
async fn a_name_of_somebody_else_cannot_be_taken() {
    let api = World::new().api();
    sign_in(&api, "a-player").await.unwrap();
    let account = api::AccountCustom { id: "another-player".to_owned(), ..Default::default() };
    let request = api::AuthenticateCustomRequest {
        account: Some(account),
        create: None,
        username: "a-player".to_owned(),
    };
    let refused = call::<calls::AuthenticateCustom>(&api, server_key(), request).await;
    assert_eq!(code(refused), ErrorCode::AlreadyExists);
}
