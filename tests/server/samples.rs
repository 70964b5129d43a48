//! The modules of `docs/examples/modules`, in the real server.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{World, until};
use crate::http::{As, ask, token};
use crate::scripts::with;

/// A tournament that ends in a moment, in which the caller has a score.
const CUP: &str = r#"
local nk = require("nakama")

nk.register_rpc(function(context)
  local now = math.floor(nk.time() / 1000)
  nk.tournament_create("cup", true, "desc", "best", 3, "", {}, "Cup", "", 1, now, now + 3, 10, 10,
    false, true)
  nk.tournament_record_write("cup", context.user_id, context.username, 10)
end, "play_cup")
"#;

fn samples(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/modules").join(language)
}

/// Calls the daily reward several times at once, and then once more.
async fn reward_comes_once(language: &str) {
    let mut world = World::with(Vec::new(), with(&samples(language))).await;
    let http = world.at.game.http;
    let token = token(http, "a-device-of-ada").await;
    let player = As::Player(&token);
    let reward = || ask(http, player, "POST", "/v2/rpc/daily_reward", "\"\"");

    let at_once = futures_util::future::join_all((0..8).map(|_| reward())).await;
    let given = |answer: &Value| -> i64 {
        let text = answer["payload"].as_str().unwrap_or("{}");
        let payload: Value = serde_json::from_str(text).expect("a payload is JSON");
        payload["given"].as_i64().unwrap_or(0)
    };
    let sum: i64 = at_once.iter().map(|answer| given(&answer.body)).sum();
    assert_eq!(sum, 100, "{language}: {at_once:?}");
    assert_eq!(given(&reward().await.body), 0, "{language}");

    let account = ask(http, player, "GET", "/v2/account", "").await;
    let wallet: Value = serde_json::from_str(account.body["wallet"].as_str().unwrap()).unwrap();
    assert_eq!(wallet, json!({ "coins": 100 }), "{language}");
    world.stop().await;
}

#[tokio::test]
async fn the_daily_reward_comes_once_whatever_happens_at_once() {
    reward_comes_once("typescript").await;
    reward_comes_once("lua").await;
}

/// The samples of a language, and a file more.
fn samples_and(language: &str, name: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(samples(language)).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    std::fs::write(folder.path().join(name), text).unwrap();
    folder
}

async fn winner_is_paid(language: &str) {
    let folder = samples_and(language, "cup.lua", CUP);
    let mut world = World::with(Vec::new(), with(folder.path())).await;
    let http = world.at.game.http;
    let token = token(http, "a-device-of-ada").await;
    let player = As::Player(&token);
    let played = ask(http, player, "POST", "/v2/rpc/play_cup", "\"\"").await;
    assert_eq!(played.status, 200, "{language}: {}", played.text);
    until("the prize", async || {
        let account = ask(http, player, "GET", "/v2/account", "").await;
        account.body["wallet"] == r#"{"coins": 1000}"#
            || account.body["wallet"] == r#"{"coins":1000}"#
    })
    .await;
    world.stop().await;
}

#[tokio::test]
async fn the_winner_of_a_tournament_is_paid() {
    winner_is_paid("lua").await;
    winner_is_paid("typescript").await;
}

#[tokio::test]
async fn the_first_of_a_board_are_a_page_for_everybody() {
    let create = "require('nakama').leaderboard_create('everybody', false, 'desc', 'best')\n";
    for language in ["lua", "typescript"] {
        let folder = samples_and(language, "everybody.lua", create);
        let mut world = World::with(Vec::new(), with(folder.path())).await;
        let http = world.at.game.http;
        for board in ["none", "everybody"] {
            let page = ask(http, As::Nobody, "GET", &format!("/boards/{board}/top"), "").await;
            assert_eq!(page.status, 404, "{language}: {}", page.text);
        }
        let token = token(http, "a-device-of-ada").await;
        let score = json!({ "score": "12" }).to_string();
        let board = "/v2/leaderboard/everybody";
        let kept = ask(http, As::Player(&token), "POST", board, &score).await;
        assert_eq!(kept.status, 200, "{language}: {}", kept.text);
        let page = ask(http, As::Nobody, "GET", "/boards/everybody/top", "").await;
        assert_eq!(
            (page.status, &page.headers["cache-control"]),
            (200, &"max-age=10".parse().unwrap())
        );
        let first = &page.body["records"][0];
        assert_eq!((&first["rank"], &first["score"]), (&json!(1), &json!(12)), "{language}");
        assert!(first["username"].is_string(), "{language}: {}", page.text);
        world.stop().await;
    }
}
