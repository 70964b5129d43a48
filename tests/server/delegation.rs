//! Delegated tokens on every interface, and across a restart.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tavern::boot::Running;
use tavern::config::Settings;
use tavern_delegation::{
    Interface, Name, Narrowing, PartnerFact, SigningKey, append, attenuate, request, vouch,
};
use tavern_domain::{Lifecycle, OsEntropy, Secret};
use tavern_protocol::CallId;

use crate::harness::{database, settings, start};
use crate::http::{As, ask, sign_in};
use crate::interfaces::grpc_status;
use crate::program::command;
use crate::socket::Socket;

/// Settings with a fresh signing key.
fn keyed(database: &str) -> Settings {
    let mut settings = settings(database);
    settings.delegation.signing_key = SigningKey::generate(&OsEntropy).secret();
    settings
}

async fn run(settings: &Settings) -> Running {
    let life = Lifecycle::new();
    Box::pin(start(settings.clone(), Vec::new(), &life)).await.unwrap().unwrap()
}

async fn mint(at: SocketAddr, session: &str, body: Value) -> String {
    let path = "/v2/tavern/token";
    let minted = ask(at, As::Player(session), "POST", path, &body.to_string()).await;
    assert_eq!(minted.status, 200, "{:?}", minted.body);
    assert!(minted.body["expire_time"].is_string() && minted.body["revocation_id"].is_string());
    minted.body["token"].as_str().unwrap().to_owned()
}

fn narrowed(token: &str, narrowing: &Narrowing) -> String {
    attenuate(token, narrowing).unwrap()
}

#[tokio::test]
async fn one_token_serves_rest_grpc_and_sockets_within_its_rights() {
    let database = database().await;
    let server = run(&keyed(&database.url())).await;
    let game = server.addresses().game;
    let session = sign_in(game.http, "a-device-with-a-bot").await.body;
    let session = session["token"].as_str().unwrap();
    let rights =
        json!({"rights": ["GetAccount", "WriteStorageObjects", "OpenSocket", "StatusUpdate"]});
    let bot = mint(game.http, session, rights).await;
    let rest = async |token: &str, method: &str, path: &str, body: &str| {
        ask(game.http, As::Player(token), method, path, body).await.status
    };
    assert_eq!(rest(&bot, "GET", "/v2/account", "").await, 200);
    assert_eq!(rest(&bot, "GET", "/v2/friend", "").await, 403);
    assert_eq!(rest(&bot, "POST", "/v2/tavern/token", r#"{"rights":["read"]}"#).await, 403);
    assert_eq!(rest(&bot, "DELETE", "/v2/account", "").await, 403);
    for at in [game.http, game.realtime, game.grpc] {
        assert_eq!(grpc_status(at, CallId::GetAccount, &bot).await, 0);
        assert_eq!(grpc_status(at, CallId::ListFriends, &bot).await, 7);
    }
    // What comes in over gRPC only is a matter of the token, too.
    let by_grpc = Narrowing { interfaces: vec![Interface::Grpc], ..Narrowing::default() };
    let by_grpc = narrowed(&bot, &by_grpc);
    assert_eq!(rest(&by_grpc, "GET", "/v2/account", "").await, 403);
    assert_eq!(grpc_status(game.grpc, CallId::GetAccount, &by_grpc).await, 0);
    // Everything in a batch has to be allowed.
    let things = vec![(Name::Collection, "saves".to_owned())];
    let saves = narrowed(&bot, &Narrowing { things, ..Narrowing::default() });
    let write = |collections: &[&str]| {
        let objects: Vec<_> = collections
            .iter()
            .map(|name| json!({"collection": name, "key": "k", "value": "{}"}))
            .collect();
        json!({ "objects": objects }).to_string()
    };
    assert_eq!(rest(&saves, "PUT", "/v2/storage", &write(&["saves"])).await, 200);
    assert_eq!(rest(&saves, "PUT", "/v2/storage", &write(&["saves", "secrets"])).await, 403);
    for at in [game.http, game.realtime] {
        let mut socket = Socket::open(at, &bot).await.unwrap();
        socket.send(r#"{"cid":"1","ping":{}}"#).await;
        socket.next("pong").await.unwrap();
        socket.send(r#"{"cid":"2","match_create":{}}"#).await;
        let error = socket.next("error").await.unwrap();
        assert!(error["message"].as_str().unwrap().contains("does not allow"), "{error}");
    }
    // This one may not appear online, which the sockets of these tests want to.
    assert_eq!(Socket::open(game.http, &saves).await.err(), Some(403));
    assert_eq!(Socket::open(game.http, "bm90LWEtdG9rZW4=").await.err(), Some(401));
    server.stop().await;
}

#[tokio::test]
async fn functions_have_to_be_named_and_can_be_narrowed() {
    let database = database().await;
    let server = run(&keyed(&database.url())).await;
    let at = server.addresses().game.http;
    let session = sign_in(at, "a-device-with-functions").await.body;
    let session = session["token"].as_str().unwrap();
    let all = mint(at, session, json!({"rights": ["*"]})).await;
    let body = json!({"rights": ["RpcFunc"], "functions": ["Hello"]});
    let hello = mint(at, session, body).await;
    let call = async |token: &str, function: &str| {
        let path = format!("/v2/rpc/{function}");
        ask(at, As::Player(token), "POST", &path, "\"\"").await.status
    };
    assert_eq!(call(&all, "hello").await, 403);
    // There is none: who may call it is told so.
    assert_eq!(call(&hello, "hello").await, 404);
    assert_eq!(call(&hello, "HELLO").await, 404);
    assert_eq!(call(&hello, "goodbye").await, 403);
    server.stop().await;
}

#[tokio::test]
async fn a_revoked_token_is_refused_everywhere_and_after_a_restart() {
    let database = database().await;
    let settings = keyed(&database.url());
    let server = run(&settings).await;
    let game = server.addresses().game;
    let session = sign_in(game.http, "a-device-that-revokes").await.body;
    let session = session["token"].as_str().unwrap();
    let first = mint(game.http, session, json!({"rights": ["*"]})).await;
    let second = mint(game.http, session, json!({"rights": ["*"]})).await;
    let calls = vec!["GetAccount".to_owned(), "OpenSocket".to_owned(), "StatusUpdate".to_owned()];
    let narrow = narrowed(&first, &Narrowing { calls, ..Narrowing::default() });
    let mut socket = Socket::open(game.http, &narrow).await.unwrap();
    socket.send(r#"{"cid":"1","ping":{}}"#).await;
    socket.next("pong").await.unwrap();
    let path = "/v2/tavern/token/revoke";
    let body = json!({ "token": first }).to_string();
    let revoked = ask(game.http, As::Player(session), "POST", path, &body).await;
    assert_eq!(revoked.status, 200);
    socket.ended().await;
    let check = async |at: SocketAddr, grpc: SocketAddr| {
        for (token, status, code) in [(&first, 401, 16), (&narrow, 401, 16), (&second, 200, 0)] {
            let answer = ask(at, As::Player(token), "GET", "/v2/account", "").await;
            assert_eq!(answer.status, status, "{:?}", answer.body);
            assert_eq!(grpc_status(grpc, CallId::GetAccount, token).await, code);
        }
        assert_eq!(Socket::open(at, &narrow).await.err(), Some(401));
    };
    check(game.http, game.grpc).await;
    server.stop().await;
    let server = run(&settings).await;
    let game = server.addresses().game;
    check(game.http, game.grpc).await;
    let session = sign_in(game.http, "a-device-that-revokes").await.body;
    let session = session["token"].as_str().unwrap();
    let all = ask(game.http, As::Player(session), "POST", path, "{}").await;
    assert_eq!(all.status, 200);
    let answer = ask(game.http, As::Player(&second), "GET", "/v2/account", "").await;
    assert_eq!(answer.status, 401);
    server.stop().await;
}

#[tokio::test]
async fn a_partner_s_word_makes_a_token_good_and_a_new_key_keeps_it_so() {
    let database = database().await;
    let mut settings = keyed(&database.url());
    let server = run(&settings).await;
    let at = server.addresses().game.http;
    let session = sign_in(at, "a-device-with-a-partner").await.body;
    let session = session["token"].as_str().unwrap();
    let partner = SigningKey::generate(&OsEntropy);
    let requires = json!([{
        "name": "member", "values": ["guild-7"], "public_key": partner.public_text(),
    }]);
    let token = mint(at, session, json!({"rights": ["read"], "requires": requires})).await;
    let status = async |at: SocketAddr, token: &str| {
        ask(at, As::Player(token), "GET", "/v2/account", "").await.status
    };
    assert_eq!(status(at, &token).await, 403);
    let member = PartnerFact::parse("member=guild-7").unwrap();
    let block = vouch(&request(&token).unwrap(), &partner, &[member], &Narrowing::default());
    let vouched = append(&token, &block.unwrap()).unwrap();
    assert_eq!(status(at, &vouched).await, 200);
    server.stop().await;

    let old = SigningKey::parse(&settings.delegation.signing_key).unwrap();
    settings.delegation.public_keys = vec![format!("1:{}", old.public_text())];
    settings.delegation.signing_key = SigningKey::generate(&OsEntropy).secret();
    settings.delegation.signing_key_id = 2;
    let server = run(&settings).await;
    let at = server.addresses().game.http;
    assert_eq!(status(at, &vouched).await, 200);
    let session = sign_in(at, "a-device-with-a-partner").await.body;
    let session = session["token"].as_str().unwrap();
    let by_new = mint(at, session, json!({"rights": ["read"]})).await;
    assert_eq!(status(at, &by_new).await, 200);
    server.stop().await;

    settings.delegation.public_keys.clear();
    settings.delegation.signing_key = Secret::default();
    let server = run(&settings).await;
    let at = server.addresses().game.http;
    for token in [&vouched, &by_new] {
        assert_eq!(status(at, token).await, 401);
    }
    let session = sign_in(at, "a-device-with-a-partner").await.body;
    let who = As::Player(session["token"].as_str().unwrap());
    let refused = ask(at, who, "POST", "/v2/tavern/token", r#"{"rights":["read"]}"#).await;
    assert_eq!((refused.status, refused.body["code"].as_u64()), (400, Some(9)));
    server.stop().await;
}

/// An operator's hand, with the program and the database only.
#[tokio::test]
async fn an_operator_mints_and_revokes_by_the_program() {
    let database = database().await;
    let settings = keyed(&database.url());
    let server = run(&settings).await;
    let at = server.addresses().game.http;
    let session = sign_in(at, "a-device-of-a-user").await.body;
    let session = session["token"].as_str().unwrap();
    let me = ask(at, As::Player(session), "GET", "/v2/account", "").await.body;
    let user = me["user"]["id"].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let tavern = async |args: &[&str]| -> String {
        let output = command("tavern", folder.path())
            .env("TAVERN_DELEGATION__SIGNING_KEY", settings.delegation.signing_key.expose())
            .env("TAVERN_DATABASE__ADDRESS", database.url())
            .args([&["token"], args].concat())
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let account = async |at: SocketAddr, token: &str| {
        ask(at, As::Player(token), "GET", "/v2/account", "").await.status
    };
    let one = tavern(&["mint", "--user", &user, "--right", "GetAccount"]).await;
    let other = tavern(&["mint", "--user", &user, "--right", "GetAccount"]).await;
    assert_eq!((account(at, &one).await, account(at, &other).await), (200, 200));
    let nobody = "00000000-0000-0000-0000-000000000001";
    let nobody = tavern(&["mint", "--user", nobody, "--right", "GetAccount"]).await;
    assert_eq!(account(at, &nobody).await, 401);
    let shown = tavern(&["inspect", &one]).await;
    let id = shown.lines().find_map(|line| line.strip_prefix("revocation id: ")).unwrap();
    tavern(&["revoke", id, "--user", &user]).await;
    server.stop().await;
    let server = run(&settings).await;
    let at = server.addresses().game.http;
    assert_eq!((account(at, &one).await, account(at, &other).await), (401, 200));
    server.stop().await;
    tavern(&["revoke", "--user", &user]).await;
    let server = run(&settings).await;
    assert_eq!(account(server.addresses().game.http, &other).await, 401);
    server.stop().await;
}

/// The requests and the checks of the page, as they stand there.
#[tokio::test]
async fn the_examples_of_the_page_work() {
    let page = include_str!("../../docs/delegation.md");
    let database = database().await;
    let server = run(&keyed(&database.url())).await;
    let at = server.addresses().game.http;
    let session = sign_in(at, "a-device-that-reads-the-page").await.body;
    let session = session["token"].as_str().unwrap();
    let key = SigningKey::generate(&OsEntropy).public_text();
    let quoted = |fence: &str| -> Vec<String> {
        let fence = format!("```{fence}\n");
        let blocks = page.split(&fence).skip(1);
        blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
    };
    let mut token = String::new();
    for block in quoted("http") {
        let (head, body) = block.split_once("\n\n").unwrap();
        let path = head.lines().next().unwrap().strip_prefix("POST ").unwrap();
        let body = body.trim().replace("En0KEw...", &token);
        let answer = ask(at, As::Player(session), "POST", path, &body).await;
        assert_eq!(answer.status, 200, "{block}: {:?}", answer.body);
        if let Some(minted) = answer.body["token"].as_str() {
            minted.clone_into(&mut token);
        }
    }
    let shown = quoted("json");
    for member in serde_json::from_str::<Value>(&shown[0]).unwrap().as_object().unwrap().keys() {
        assert!(["token", "revocation_id", "expire_time"].contains(&member.as_str()));
    }
    let requires = serde_json::from_str(&shown[1].replace("ed25519/...", &key)).unwrap();
    let token = mint(at, session, requires).await;
    let all = page.split("```\n").filter(|block| block.starts_with("check if"));
    let checks: Vec<String> = all.flat_map(str::lines).map(|c| c.replace(';', "")).collect();
    assert_eq!(checks.len(), 3, "{checks:?}");
    narrowed(&token, &Narrowing { checks, ..Narrowing::default() });
    server.stop().await;
}

#[tokio::test]
async fn only_the_very_same_token_goes_on_where_a_socket_broke() {
    let database = database().await;
    let mut settings = keyed(&database.url());
    settings.session.resume_grace_ms = 60_000;
    let server = run(&settings).await;
    let at = server.addresses().game.http;
    let session = sign_in(at, "a-device-with-a-bot").await.body;
    let rights = json!({"rights": ["OpenSocket", "StatusUpdate", "ChannelJoin"]});
    let bot = mint(at, session["token"].as_str().unwrap(), rights).await;
    let calls = ["OpenSocket", "StatusUpdate", "ChannelJoin"].map(str::to_owned).to_vec();
    let narrower = narrowed(&bot, &Narrowing { calls, ..Narrowing::default() });
    let me = async |socket: &mut Socket| {
        socket.send(r#"{"cid":"1","channel_join":{"type":1,"target":"lobby"}}"#).await;
        socket.next("channel").await.unwrap()["self"]["session_id"].clone()
    };
    let mut socket = Socket::open(at, &bot).await.unwrap();
    let own = me(&mut socket).await;
    socket.breaks().await;
    let mut other = Socket::open(at, &narrower).await.unwrap();
    assert_ne!(me(&mut other).await, own);
    let mut socket = Socket::open(at, &bot).await.unwrap();
    assert_eq!(me(&mut socket).await, own);
    server.stop().await;
}
