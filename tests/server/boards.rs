//! Leaderboards and tournaments on a real server, made by server code, and their resets by its
//! clock.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::host::{
    LeaderboardCreate, LeaderboardDelete, TournamentAddAttempt, TournamentCreate, TournamentDelete,
};
use tavern_runtime_hooks::{HookError, Host, Module, ModuleError, Registrar};

use crate::harness::{World, until};
use crate::http::{Answer, As, ask, token};

/// Server code that makes boards for whoever asks.
#[derive(Default)]
pub(crate) struct Boards {
    resets: Arc<Mutex<Vec<(String, i64)>>>,
}

fn payload(text: &str) -> Result<Value, HookError> {
    serde_json::from_str(text)
        .map_err(|error| HookError::new(ErrorCode::InvalidArgument, error.to_string()))
}

fn text(payload: &Value, field: &str) -> Option<String> {
    payload[field].as_str().map(str::to_owned)
}

async fn create(host: &dyn Host, payload: Value) -> Result<(), HookError> {
    let id = text(&payload, "id").unwrap_or_default();
    let Some(duration) = payload["duration"].as_i64() else {
        return host
            .leaderboard_create(LeaderboardCreate {
                leaderboard_id: id,
                authoritative: payload["authoritative"].as_bool(),
                sort_order: text(&payload, "sort"),
                operator: text(&payload, "operator"),
                reset_schedule: text(&payload, "reset"),
                metadata: None,
                enable_ranks: Some(true),
            })
            .await;
    };
    host.tournament_create(TournamentCreate {
        id,
        authoritative: Some(false),
        duration: Some(duration),
        title: text(&payload, "title"),
        category: payload["category"].as_i64(),
        max_size: payload["max_size"].as_i64(),
        max_num_score: payload["max_num_score"].as_i64(),
        join_required: payload["join_required"].as_bool(),
        enable_ranks: Some(true),
        ..TournamentCreate::default()
    })
    .await
}

#[async_trait]
impl Module for Boards {
    fn name(&self) -> &str {
        "boards"
    }

    async fn init(
        &self,
        registrar: &mut Registrar,
        host: Arc<dyn Host>,
    ) -> Result<(), ModuleError> {
        let maker = Arc::clone(&host);
        registrar.rpc("board_create", move |_, given| {
            let maker = Arc::clone(&maker);
            async move {
                create(&*maker, payload(&given)?).await?;
                Ok(Some("{}".to_owned()))
            }
        });
        let eraser = Arc::clone(&host);
        registrar.rpc("board_delete", move |_, given| {
            let eraser = Arc::clone(&eraser);
            async move {
                let id = text(&payload(&given)?, "id").unwrap_or_default();
                eraser.tournament_delete(TournamentDelete { id: id.clone() }).await?;
                eraser.leaderboard_delete(LeaderboardDelete { id }).await?;
                Ok(Some("{}".to_owned()))
            }
        });
        registrar.rpc("board_add_attempt", move |_, given| {
            let host = Arc::clone(&host);
            async move {
                let given = payload(&given)?;
                let owner = text(&given, "owner").unwrap_or_default();
                let attempt = TournamentAddAttempt {
                    id: text(&given, "id").unwrap_or_default(),
                    owner_id: owner.parse().map_err(HookError::internal)?,
                    count: given["count"].as_i64().unwrap_or_default(),
                };
                host.tournament_add_attempt(attempt).await?;
                Ok(Some("{}".to_owned()))
            }
        });
        let resets = Arc::clone(&self.resets);
        registrar.leaderboard_reset(move |_, board, reset| {
            resets.lock().unwrap().push((board.id, reset));
            std::future::ready(Ok(()))
        });
        Ok(())
    }
}

/// Calls a function of the server code above.
async fn function(at: SocketAddr, token: &str, name: &str, payload: &Value) {
    let body = Value::from(payload.to_string()).to_string();
    let answer = ask(at, As::Player(token), "POST", &format!("/v2/rpc/{name}"), &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn score(at: SocketAddr, token: &str, score: u64) -> Answer {
    let body = json!({ "score": score }).to_string();
    ask(at, As::Player(token), "POST", "/v2/leaderboard/race", &body).await
}

#[tokio::test]
async fn parallel_clients_lose_no_point_and_no_rank() {
    let mut world = World::with(vec![Arc::new(Boards::default())], |_| {}).await;
    let at = world.at.game.http;
    let names = (0..8).map(|n| format!("device-of-racer-{n}"));
    let tokens: Vec<String> =
        join_all(names.map(|name| async move { token(at, &name).await })).await;
    function(at, &tokens[0], "board_create", &json!({ "id": "race", "operator": "incr" })).await;
    // Everybody runs at once, the later ones faster; and all of one player's writes at once, too.
    let writes = (0..10 * tokens.len()).map(|n| {
        let runner = n % tokens.len();
        score(at, &tokens[runner], u64::try_from(runner + 1).unwrap())
    });
    for answer in join_all(writes).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let path = "/v2/leaderboard/race?limit=100";
    let list = ask(at, As::Player(&tokens[0]), "GET", path, "").await.body;
    assert_eq!(list["rank_count"], "8");
    let records = list["records"].as_array().unwrap();
    let scores: Vec<_> = records.iter().map(|r| r["score"].as_str().unwrap()).collect();
    assert_eq!(scores, ["80", "70", "60", "50", "40", "30", "20", "10"]);
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record["num_score"], 10);
        let owner = record["owner_id"].as_str().unwrap();
        let path = format!("/v2/leaderboard/race?owner_ids={owner}");
        let own = ask(at, As::Player(&tokens[0]), "GET", &path, "").await.body;
        assert_eq!(own["owner_records"][0]["rank"], (n + 1).to_string(), "{own}");
    }
    world.stop().await;
}

#[tokio::test]
async fn resets_are_told_as_they_come() {
    let boards = Arc::new(Boards::default());
    let resets = Arc::clone(&boards.resets);
    let mut world = World::with(vec![boards], |_| {}).await;
    let at = world.at.game.http;
    let token = token(at, "device-of-somebody").await;
    let every_second = json!({ "id": "race", "reset": "* * * * * * *" });
    function(at, &token, "board_create", &every_second).await;
    until("three resets", || std::future::ready(resets.lock().unwrap().len() >= 3)).await;
    world.stop().await;
    let told = resets.lock().unwrap().clone();
    for (n, (board, reset)) in told.iter().enumerate() {
        assert_eq!((board.as_str(), *reset), ("race", told[0].1 + i64::try_from(n).unwrap()));
    }
}
