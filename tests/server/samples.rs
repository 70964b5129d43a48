//! The modules of `docs/examples/modules`, in the real server.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::World;
use crate::http::{As, ask, token};
use crate::scripts::with;

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
