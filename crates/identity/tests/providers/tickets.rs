//! Proofs that a provider is asked about: Facebook's graph, Google's server codes, Steam.

use serde_json::json;
use tavern_domain::{Classify as _, ErrorCode, FetchMethod, Secret};
use tavern_identity::{Config, GoogleConfig, OauthClient, SteamConfig};

use crate::stand_in::World;

const ME: &str = "https://graph.facebook.com/v22.0/me";
const FRIENDS: &str = "https://graph.facebook.com/v22.0/me/friends";
const TICKET: &str = "https://partner.steam-api.com/ISteamUserAuth/AuthenticateUserTicket/v1/";
const STEAM_FRIENDS: &str = "https://partner.steam-api.com/ISteamUser/GetFriendList/v1/";
const EXCHANGE: &str = "https://oauth2.example.com/token";
const PLAYER: &str = "https://www.googleapis.com/games/v1/players/me";

fn steam() -> World {
    let publisher_key = Secret::new("made-up-key");
    let steam = SteamConfig { app_id: 480, publisher_key, ..SteamConfig::default() };
    World::new(Config { steam, ..Config::default() })
}

#[tokio::test]
async fn facebook_is_asked_whose_an_access_token_is() {
    let world = World::new(Config::default());
    let body = json!({
        "id": "1001", "name": "Ada", "email": "ada@example.com",
        "picture": {"data": {"height": 50, "is_silhouette": false, "url": "https://example.com/a.jpg"}},
    });
    world.web.answer(ME, 200, body.to_string());
    let profile = world.providers.facebook("an access token").await.unwrap();
    assert_eq!((profile.id.as_str(), profile.display_name.as_deref()), ("1001", Some("Ada")));
    assert_eq!(profile.avatar_url.as_deref(), Some("https://example.com/a.jpg"));
    let asked = world.web.last();
    assert!(!asked.url.contains("token"), "addresses end up in logs: {}", asked.url);
    assert!(asked.headers.contains(&("authorization".into(), "Bearer an access token".into())));

    for (status, body) in [(400, "{}"), (200, "<html>"), (200, r#"{"id":""}"#)] {
        world.web.answer(ME, status, body);
        let error = world.providers.facebook("x").await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unauthenticated, "{status} {body}");
    }
    world.web.is_gone(ME);
    let error = world.providers.facebook("x").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated, "nobody is there");
}

#[tokio::test]
async fn friends_of_facebook_come_page_by_page_up_to_a_bound() {
    let world = World::new(Config::default());
    // The same page for ever: whoever follows the cursor is not led around in circles.
    let page = json!({
        "data": [{"id": "1", "name": "x"}, {"id": "2"}],
        "paging": {"cursors": {"after": "more", "before": "y"}, "next": "https://example.com"},
    });
    world.web.answer(FRIENDS, 200, page.to_string());
    let ids = world.providers.facebook_friends("t", 100).await.unwrap();
    assert_eq!((ids.len(), world.web.asked()), (4, 2));
    assert!(world.web.last().url.ends_with("?after=more"));
    assert_eq!(world.providers.facebook_friends("t", 1).await.unwrap(), ["1"]);
    world.web.answer(FRIENDS, 200, r#"{"data":[]}"#);
    assert_eq!(world.providers.facebook_friends("t", 100).await.unwrap(), [""; 0]);
    world.web.answer(FRIENDS, 400, "{}");
    assert!(world.providers.facebook_friends("t", 100).await.is_err());
}

#[tokio::test]
async fn steam_is_asked_whose_a_ticket_is() {
    let world = steam();
    let good = json!({"response": {"params": {
        "result": "OK", "steamid": "76561197960287930", "ownersteamid": "1", "vacbanned": false,
    }}});
    world.web.answer(TICKET, 200, good.to_string());
    let profile = world.providers.steam("14 00+00").await.unwrap();
    assert_eq!(profile.id, "76561197960287930");
    let query = "?key=made-up-key&format=json&appid=480&ticket=14%2000%2B00";
    assert!(world.web.last().url.ends_with(query), "{}", world.web.last().url);
    for (status, body) in [
        (200, r#"{"response":{"error":{"errorcode":101,"errordesc":"Invalid ticket"}}}"#),
        (200, r#"{"response":{"params":{"result":"Expired","steamid":"7"}}}"#),
        (200, r#"{"response":{"params":{"result":"OK","steamid":"no number"}}}"#),
        (403, "Forbidden"),
    ] {
        world.web.answer(TICKET, status, body);
        let error = world.providers.steam("14").await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unauthenticated, "{body}");
        assert!(!format!("{error:?}").contains("made-up-key"), "{error:?}");
    }
    assert_eq!(world.providers.steam("").await.unwrap_err().code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn friends_of_steam_are_those_who_show_themselves() {
    let world = steam();
    let list = r#"{"friendslist":{"friends":[{"steamid":"11","relationship":"friend"},{"steamid":"012"}]}}"#;
    world.web.answer(STEAM_FRIENDS, 200, list);
    assert_eq!(world.providers.steam_friends("7", 10).await.unwrap(), ["11", "12"]);
    assert_eq!(world.providers.steam_friends("7", 1).await.unwrap(), ["11"]);
    world.web.answer(STEAM_FRIENDS, 401, "private");
    assert_eq!(world.providers.steam_friends("7", 10).await.unwrap(), [""; 0]);
    world.web.answer(STEAM_FRIENDS, 500, "");
    assert!(world.providers.steam_friends("7", 10).await.is_err());
}

#[tokio::test]
async fn a_server_code_of_google_is_exchanged_and_its_player_asked_for() {
    let credentials = json!({"web": {
        "client_id": "ours", "client_secret": "made-up-secret", "token_uri": EXCHANGE,
        "redirect_uris": ["https://example.com/back"], "project_id": "x",
    }});
    let oauth = Some(OauthClient::from_document(&credentials.to_string()).unwrap());
    let google = GoogleConfig { oauth, ..GoogleConfig::default() };
    let world = World::new(Config { google, ..Config::default() });
    world.web.answer(EXCHANGE, 200, r#"{"access_token":"granted","token_type":"Bearer"}"#);
    let player = r#"{"playerId":"g1","originalPlayerId":"old","displayName":"Ada","avatarImageUrl":"https://example.com/a.png"}"#;
    world.web.answer(PLAYER, 200, player);
    let profile = world.providers.google("4/0Ab code").await.unwrap();
    assert_eq!((profile.id.as_str(), profile.former_id.as_deref()), ("g1", Some("old")));
    assert_eq!(profile.display_name.as_deref(), Some("Ada"));
    {
        let asked = world.web.asked.lock();
        assert_eq!(asked[0].method, FetchMethod::Post);
        assert_eq!(
            String::from_utf8_lossy(&asked[0].body),
            "grant_type=authorization_code&code=4%2F0Ab%20code&client_id=ours\
             &client_secret=made-up-secret&redirect_uri=https%3A%2F%2Fexample.com%2Fback"
        );
        assert!(asked[1].headers.contains(&("authorization".into(), "Bearer granted".into())));
    }
    world.web.answer(EXCHANGE, 400, r#"{"error":"invalid_grant"}"#);
    let error = world.providers.google("4/0Ab code").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated);
}
