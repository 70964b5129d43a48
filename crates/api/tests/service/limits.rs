//! Limits meet calls, functions and messages in one place, whatever the transport.

use std::sync::Arc;
use std::time::Duration;

use tavern_api::{CallMeta, ClientAddress, Credential, Input, RpcRequest, Service as _};
use tavern_domain::ErrorCode;
use tavern_limits::{Config, Rate};
use tavern_protocol::realtime::{Ping, envelope::Message};
use tavern_protocol::{CallId, api, calls};

use crate::world::{Socket, World, bearer, call, code, sign_in};

fn meta(address: &str, credential: Credential) -> CallMeta {
    let client = ClientAddress { ip: Some(address.parse().unwrap()), port: None };
    CallMeta { credential, client }
}

fn world(limits: Config) -> World {
    let mut world = World::new();
    world.limits = limits;
    world
}

#[tokio::test(start_paused = true)]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let mut world = world(Config { address: Rate { times: 2, per_sec: 20 }, ..Config::default() });
    let api = world.api();
    let health = |address| {
        let meta = meta(address, Credential::None);
        Arc::clone(&api).call(CallId::Healthcheck, meta, Input::Binary(Default::default()))
    };
    health("203.0.113.1").await.unwrap();
    health("203.0.113.1").await.unwrap();
    let refused = health("203.0.113.1").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceExhausted);
    let wait = refused.retry_after().expect("a hint");
    assert!(wait > Duration::from_secs(9) && wait <= Duration::from_secs(10), "{wait:?}");
    health("203.0.113.2").await.unwrap();
    // Functions and sockets of the same address are in the same bucket.
    let rpc = RpcRequest {
        id: "any".into(),
        payload: String::new(),
        http_key: None,
        meta: meta("203.0.113.1", Credential::None),
        headers: Default::default(),
        query: Default::default(),
    };
    let refused = Arc::clone(&api).rpc(rpc).await.unwrap_err().error;
    assert_eq!(refused.code(), ErrorCode::ResourceExhausted);
    let hello = tavern_api::Hello {
        token: String::new(),
        status: false,
        lang: String::new(),
        client: meta("203.0.113.1", Credential::None).client,
    };
    assert_eq!(api.admit(hello).unwrap_err().code(), ErrorCode::ResourceExhausted);
    tokio::time::advance(wait).await;
    health("203.0.113.1").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_account_is_limited_over_all_its_sessions() {
    let mut world = world(Config { account: Rate { times: 3, per_sec: 60 }, ..Config::default() });
    let api = world.api();
    let (first, second) = (sign_in(&api, "alice-1").await, sign_in(&api, "alice-1").await);
    let (first, second) = (first.unwrap(), second.unwrap());
    let other = sign_in(&api, "bob-123").await.unwrap();
    for session in [&first, &second, &first] {
        call::<calls::GetAccount>(&api, bearer(session), Default::default()).await.unwrap();
    }
    let refused = call::<calls::GetAccount>(&api, bearer(&second), Default::default()).await;
    assert_eq!(code(refused), ErrorCode::ResourceExhausted);
    call::<calls::GetAccount>(&api, bearer(&other), Default::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_sends_too_much_gets_errors_and_stays_open() {
    let mut world = world(Config { session: Rate { times: 3, per_sec: 3 }, ..Config::default() });
    let api = world.api();
    let socket = Socket::open(&api, "alice-1").await;
    for _ in 0..3 {
        assert!(matches!(socket.ask(Ping {}).await, Some(Message::Pong(_))));
    }
    let Some(Message::Error(error)) = socket.ask(Ping {}).await else { panic!("not refused") };
    assert_eq!(error.code, 0);
    let wait: u64 = error.context["retry_after_ms"].parse().unwrap();
    assert!((1..=1000).contains(&wait), "{wait}");
    tokio::time::advance(Duration::from_millis(wait)).await;
    assert!(matches!(socket.ask(Ping {}).await, Some(Message::Pong(_))));
    assert_eq!(socket.closed(), None);
}

#[tokio::test(start_paused = true)]
async fn a_rule_limits_one_call_or_function_on_every_way_to_it() {
    let rules = ["GetAccount=1/60", "rpc:reward=1/60"].map(|rule| rule.parse().unwrap());
    let mut world = world(Config { rules: rules.into(), ..Config::default() });
    let api = world.api();
    let session = sign_in(&api, "alice-1").await.unwrap();
    call::<calls::GetAccount>(&api, bearer(&session), Default::default()).await.unwrap();
    let refused = call::<calls::GetAccount>(&api, bearer(&session), Default::default()).await;
    assert_eq!(code(refused), ErrorCode::ResourceExhausted);
    // There is no such function; that it was asked for counts all the same.
    let function = || api::Rpc { id: "Reward".into(), ..Default::default() };
    let unknown = call::<calls::RpcFunc>(&api, bearer(&session), function()).await;
    assert_eq!(code(unknown), ErrorCode::NotFound);
    let refused = call::<calls::RpcFunc>(&api, bearer(&session), function()).await;
    assert_eq!(code(refused), ErrorCode::ResourceExhausted);
    let socket = Socket::with(&api, session, false).await.unwrap();
    let Some(Message::Error(error)) = socket.ask(function()).await else { panic!("not refused") };
    assert!(error.context.contains_key("retry_after_ms"));
}
