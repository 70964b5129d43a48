//! Signing in through other companies' accounts, in the real server, over HTTP to stand-ins.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use tavern_domain::Secret;

use crate::harness::World;
use crate::http::{Answer, As, ask};
use crate::scripts::{folder, rpc, with};
use crate::stand_in::StandIn;

const LUA: &str = r#"
local nk = require("nakama")

nk.register_rpc(function()
  local user_id, username, created = nk.authenticate_steam("cc", false, "carol", true)
  nk.link_facebook(user_id, username, "token-c", false)
  nk.unlink_steam(user_id)
  local refused = { pcall(nk.unlink_facebook, user_id) }
  local unknown = { pcall(nk.authenticate_facebook, "nobody's", false, "dave", true) }
  local off = { pcall(nk.authenticate_apple, "x") }
  return nk.json_encode({ username = username, created = created, last = refused[3],
    unknown = unknown[3], off = off[3],
    facebook = nk.account_get_id(user_id).user.facebook_id })
end, "providers")
"#;

async fn world(stand_in: &StandIn) -> (World, tempfile::TempDir) {
    let modules = folder(&[("providers.lua", LUA)]);
    let (url, scripts) = (stand_in.url(), with(modules.path()));
    let world = World::with(Vec::new(), |settings| {
        scripts(settings);
        settings.social.steam.app_id = 480;
        settings.social.steam.publisher_key = Secret::new("made-up-key");
        settings.social.steam.api_url.clone_from(&url);
        settings.social.facebook.graph_url = url;
    })
    .await;
    (world, modules)
}

fn token(session: &Answer) -> &str {
    session.body["token"].as_str().unwrap()
}

/// Steam and Facebook: three tickets, one token.
fn providers(asked: &Request<Bytes>) -> Option<Value> {
    let mut fields = asked.uri().query().unwrap_or_default().split('&');
    match asked.uri().path() {
        "/ISteamUserAuth/AuthenticateUserTicket/v1/" => {
            let id = match fields.find_map(|field| field.strip_prefix("ticket="))? {
                "aa" => "11",
                "bb" => "22",
                "cc" => "33",
                _ => return None,
            };
            Some(json!({"response": {"params": {"result": "OK", "steamid": id}}}))
        }
        "/ISteamUser/GetFriendList/v1/" => {
            Some(json!({"friendslist": {"friends": [{"steamid": "11"}]}}))
        }
        "/me" if asked.headers().get("authorization")? == "Bearer token-c" => {
            Some(json!({"id": "303", "name": "Carol"}))
        }
        _ => None,
    }
}

#[tokio::test]
async fn players_sign_in_by_providers_and_find_their_friends() {
    let stand_in = StandIn::new(providers).await;
    let (mut world, _modules) = world(&stand_in).await;
    let game = world.at.game.http;

    let log_in = async |ticket: &str, more: &str| {
        let path = format!("/v2/account/authenticate/steam?create=true{more}");
        let body = json!({ "token": ticket }).to_string();
        ask(game, As::Client, "POST", &path, &body).await
    };
    let ada = log_in("aa", "&username=ada").await;
    assert_eq!((ada.status, &ada.body["created"]), (200, &json!(true)), "{}", ada.body);
    let bob = log_in("bb", "&username=bob&sync=true").await;
    let account = ask(game, As::Player(token(&ada)), "GET", "/v2/account", "").await;
    assert_eq!(account.body["user"]["steam_id"], "11");
    let friends = ask(game, As::Player(token(&bob)), "GET", "/v2/friend", "").await;
    assert_eq!(friends.body["friends"][0]["user"]["username"], "ada", "{}", friends.body);
    let refused = log_in("unknown", "").await;
    assert_eq!((refused.status, &refused.body["code"]), (401, &json!(16)));
    let taken = ask(
        game,
        As::Player(token(&ada)),
        "POST",
        "/v2/account/link/steam",
        r#"{"account":{"token":"bb"}}"#,
    )
    .await;
    assert_eq!((taken.status, &taken.body["code"]), (409, &json!(6)), "{}", taken.body);
    let last =
        ask(game, As::Player(token(&ada)), "POST", "/v2/account/unlink/steam", r#"{"token":"aa"}"#)
            .await;
    assert_eq!((last.status, &last.body["code"]), (403, &json!(7)), "{}", last.body);
    world.stop().await;
}

#[tokio::test]
async fn server_code_signs_players_in_and_links_them() {
    let stand_in = StandIn::new(providers).await;
    let (mut world, _modules) = world(&stand_in).await;
    let answer = rpc(&world, "providers", "").await;
    let expected = json!({
        "username": "carol", "created": true, "last": 7, "unknown": 16, "off": 9,
        "facebook": "303",
    });
    assert_eq!(answer.body, expected, "{}", answer.text);
    world.stop().await;
}
