//! Stopping ends within its deadline, whatever hangs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tavern::boot::Outcome;
use tavern_domain::Lifecycle;
use tavern_runtime_hooks::{Host, Module, ModuleError, Registrar};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::{HTTP_KEY, World, database, settings, start};
use crate::http::{As, ask, token, try_ask};
use crate::scripts::{folder, with};
use crate::socket::Socket;

/// A module whose function and whose shutdown never return.
struct Stuck {
    called: Arc<Notify>,
}

#[async_trait]
impl Module for Stuck {
    fn name(&self) -> &str {
        "stuck"
    }

    async fn init(&self, registrar: &mut Registrar, _: Arc<dyn Host>) -> Result<(), ModuleError> {
        let called = Arc::clone(&self.called);
        registrar.rpc("stuck", move |_, _| {
            called.notify_one();
            std::future::pending()
        });
        Ok(())
    }

    async fn shutdown(&self, _left: Duration) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn a_stop_with_everything_stuck_ends_at_the_deadline() {
    let called = Arc::new(Notify::new());
    let module: Arc<dyn Module> = Arc::new(Stuck { called: Arc::clone(&called) });
    let mut world = World::with(vec![module], |settings| settings.shutdown_grace_sec = 2).await;
    let at = world.at.game.http;
    let token = token(at, "a-device-of-stuck").await;
    let mut socket = Socket::open(at, &token).await.unwrap();
    let who = token.clone();
    let mut request = JoinSet::new();
    request.spawn(async move { try_ask(at, As::Player(&who), "POST", "/v2/rpc/stuck", "").await });
    called.notified().await;
    let begun = Instant::now();
    assert_eq!(world.stop().await, Outcome::Stopped);
    let took = begun.elapsed();
    // The grace, plus what is granted to tasks and the database to end the hard way.
    assert!(took < Duration::from_secs(2 + 4), "{took:?}");
    assert!(socket.ended().await.is_some(), "the socket was closed with a reason");
    let answer = request.join_next().await.unwrap().unwrap();
    assert!(answer.is_none(), "the stuck request got no answer");
}

#[tokio::test]
async fn an_idle_server_stops_at_once_and_asks_clients_to_come_back() {
    let mut world = World::new().await;
    let at = world.at.game.http;
    let mut socket = Socket::open(at, &token(at, "a-device-of-idle").await).await.unwrap();
    let life = world.running.as_ref().unwrap().lifecycle();
    let (outcome, code) = tokio::join!(world.stop(), socket.ended());
    assert_eq!(outcome, Outcome::Stopped);
    assert!(code.is_some());
    assert_eq!(life.tasks(), 0, "no task is left behind");
}

const LUA: &str = r#"
local nk = require("nakama")
nk.register_shutdown(function(context)
  nk.storage_write({ { collection = "last words", key = "lua", value = { mode = context.execution_mode } } })
end)
nk.register_rpc(function()
  local words = {}
  for _, object in ipairs(nk.storage_read({ { collection = "last words", key = "lua" },
    { collection = "last words", key = "javascript" } })) do
    words[object.key] = object.value.mode
  end
  return nk.json_encode(words)
end, "words")
"#;

const JAVASCRIPT: &str = r#"
function InitModule(ctx, logger, nk, initializer) {
  initializer.registerShutdown((ctx, logger, nk) => {
    nk.storageWrite([{ collection: "last words", key: "javascript", value: { mode: ctx.executionMode } }]);
  });
}
"#;

#[tokio::test]
async fn functions_for_the_end_run_before_the_database_is_gone() {
    let files = folder(&[("main.lua", LUA), ("index.js", JAVASCRIPT)]);
    let database = database().await;
    for expected in [json!({}), json!({ "lua": "shutdown", "javascript": "shutdown" })] {
        let mut settings = settings(&database.url());
        with(files.path())(&mut settings);
        let server = start(settings, Vec::new(), &Lifecycle::new()).await.unwrap().unwrap();
        let path = format!("/v2/rpc/words?unwrap&http_key={HTTP_KEY}");
        let answer = ask(server.addresses().game.http, As::Nobody, "POST", &path, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        // An empty table may be a list.
        let none = answer.body.as_array().is_some_and(Vec::is_empty);
        assert!(answer.body == expected || none && expected == json!({}), "{}", answer.text);
        assert_eq!(server.stop().await, Outcome::Stopped);
    }
}
