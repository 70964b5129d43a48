//! Storage indexes on a real server, registered by server code in each language: what clients and
//! server code write is found at once, and after a restart.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tavern::boot::Running;
use tavern::cli::Exit;
use tavern::config::Settings;
use tavern_domain::{ErrorCode, Lifecycle};
use tavern_runtime_hooks::host::{
    HostObjectDelete, HostObjectWrite, MaybeUser, MultiUpdate, StorageIndexList,
};
use tavern_runtime_hooks::{
    HookError, Host, IndexDefinition, IndexSpec, Json, Module, ModuleError, Registrar,
};

use crate::harness::{HTTP_KEY, World, database, settings, start, until};
use crate::http::{Answer, As, ask, token};
use crate::scripts::{folder, with};

/// Server code in Rust, with the same functions as that in the other languages.
struct Decks;

fn payload(text: &str) -> Result<Value, HookError> {
    serde_json::from_str(text)
        .map_err(|error| HookError::new(ErrorCode::InvalidArgument, error.to_string()))
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn find(host: Arc<dyn Host>, text: String) -> Result<Option<String>, HookError> {
    let asked = payload(&text)?;
    let text = |field: &str| asked[field].as_str().map(str::to_owned);
    let order = asked["order"].as_array();
    let page = host
        .storage_index_list(StorageIndexList {
            index: text("index").unwrap_or_default(),
            query: text("query").unwrap_or_default(),
            limit: asked["limit"].as_i64(),
            order: order.map(|all| all.iter().map(|t| t.as_str().unwrap().to_owned()).collect()),
            caller_id: MaybeUser(text("caller").and_then(|id| id.parse().ok())),
            cursor: text("cursor"),
        })
        .await?;
    let keys: Vec<&str> = page.objects.iter().map(|object| &*object.key).collect();
    let values = page.objects.iter().map(|object| payload(&object.value.0));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(json!({"keys": keys, "values": values, "cursor": page.cursor}).to_string()))
}

async fn swap(host: Arc<dyn Host>, text: String) -> Result<Option<String>, HookError> {
    let asked = payload(&text)?;
    let key = |field: &str| asked[field].as_str().unwrap_or_default().to_owned();
    let write = HostObjectWrite {
        collection: "decks".into(),
        key: key("write"),
        value: Json(asked["value"].to_string()),
        ..HostObjectWrite::default()
    };
    let gone = asked["delete"].is_string().then(|| HostObjectDelete {
        collection: "decks".into(),
        key: key("delete"),
        ..HostObjectDelete::default()
    });
    let update = MultiUpdate {
        storage_writes: Some(vec![write]),
        storage_deletes: gone.map(|gone| vec![gone]),
        ..MultiUpdate::default()
    };
    host.multi_update(update).await?;
    Ok(None)
}

#[async_trait]
impl Module for Decks {
    fn name(&self) -> &str {
        "decks"
    }

    async fn init(
        &self,
        registrar: &mut Registrar,
        host: Arc<dyn Host>,
    ) -> Result<(), ModuleError> {
        let decks = IndexSpec {
            name: "decks".into(),
            collection: "decks".into(),
            fields: texts(&["rank", "name", "draft"]),
            sortable_fields: texts(&["rank"]),
            max_entries: 1_000,
            ..IndexSpec::default()
        };
        let names = IndexSpec {
            name: "names".into(),
            fields: texts(&["name"]),
            index_only: true,
            sortable_fields: Vec::new(),
            ..decks.clone()
        };
        registrar.storage_index(IndexDefinition::new(decks)?);
        registrar.storage_index(IndexDefinition::new(names)?);
        registrar.storage_index_filter("decks", |_, object| async move {
            Ok(payload(&object.value.0)?["draft"] != true)
        });
        let finder = Arc::clone(&host);
        registrar.rpc("find", move |_, text| find(Arc::clone(&finder), text));
        registrar.rpc("swap", move |_, text| swap(Arc::clone(&host), text));
        Ok(())
    }
}

const LUA: &str = r#"
local nk = require("nakama")

nk.register_storage_index("decks", "decks", "", { "rank", "name", "draft" }, { "rank" }, 1000, false)
nk.register_storage_index("names", "decks", "", { "name" }, {}, 1000, true)
nk.register_storage_index_filter("decks", function(context, write)
  assert(context.execution_mode == "storage_index_filter" and write.collection == "decks")
  return write.value.draft ~= true
end)

nk.register_rpc(function(context, payload)
  local asked = nk.json_decode(payload)
  local ok, objects, cursor = pcall(nk.storage_index_list, asked.index, asked.query, asked.limit,
    asked.order or {}, asked.caller or "", asked.cursor or "")
  if not ok then
    error({ objects, cursor })
  end
  local keys, values = {}, {}
  for i, object in ipairs(objects) do
    keys[i], values[i] = object.key, object.value
  end
  return nk.json_encode({ keys = keys, values = values, cursor = cursor })
end, "find")

nk.register_rpc(function(context, payload)
  local asked = nk.json_decode(payload)
  local gone = {}
  if asked.delete then
    gone[1] = { collection = "decks", key = asked.delete }
  end
  nk.multi_update({}, { { collection = "decks", key = asked.write, value = asked.value } }, gone, {})
end, "swap")
"#;

const TYPESCRIPT: &str = r#"
type Deck = { rank: number; name?: string; draft?: boolean };

export const InitModule: nkruntime.InitModule = (ctx, logger, nk, initializer) => {
  initializer.registerStorageIndex("decks", "decks", null, ["rank", "name", "draft"], ["rank"], 1000);
  initializer.registerStorageIndex("names", "decks", null, ["name"], [], 1000, true);
  initializer.registerStorageIndexFilter("decks", (ctx, logger, nk, write) => {
    if (write.collection !== "decks" || write.permissionRead > 2) throw new Error("not a deck");
    return (write.value as Deck).draft !== true;
  });
  initializer.registerRpc("find", (ctx, logger, nk, payload) => {
    const asked = JSON.parse(payload);
    try {
      const { objects, cursor } = nk.storageIndexList(
        asked.index, asked.query, asked.limit, asked.order, asked.caller, asked.cursor);
      const keys = objects.map((object) => object.key);
      return JSON.stringify({ keys, values: objects.map((object) => object.value), cursor });
    } catch (error: any) {
      throw { message: error.message, code: error.code };
    }
  });
  initializer.registerRpc("swap", (ctx, logger, nk, payload) => {
    const asked = JSON.parse(payload);
    const gone = asked.delete ? [{ collection: "decks", key: asked.delete }] : [];
    nk.multiUpdate(null, [{ collection: "decks", key: asked.write, value: asked.value }], gone);
  });
};
"#;

async fn rpc(at: SocketAddr, id: &str, payload: &Value) -> Answer {
    let path = format!("/v2/rpc/{id}?unwrap&http_key={HTTP_KEY}");
    ask(at, As::Nobody, "POST", &path, &payload.to_string()).await
}

/// The keys that a question finds.
async fn found(at: SocketAddr, asked: &Value) -> Value {
    let answer = rpc(at, "find", asked).await;
    assert_eq!(answer.status, 200, "{asked}: {}", answer.text);
    answer.body["keys"].clone()
}

async fn write(at: SocketAddr, token: &str, key: &str, read: i32, value: &Value) {
    let object = json!({
        "collection": "decks", "key": key, "value": value.to_string(), "permission_read": read,
    });
    let body = json!({ "objects": [object] }).to_string();
    let written = ask(at, As::Player(token), "PUT", "/v2/storage", &body).await;
    assert_eq!(written.status, 200, "{}", written.text);
}

async fn delete(at: SocketAddr, token: &str, key: &str) {
    let body = json!({ "object_ids": [{ "collection": "decks", "key": key }] }).to_string();
    let deleted = ask(at, As::Player(token), "PUT", "/v2/storage/delete", &body).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);
}

async fn user(at: SocketAddr, token: &str) -> String {
    let account = ask(at, As::Player(token), "GET", "/v2/account", "").await;
    account.body["user"]["id"].as_str().expect("an id").to_owned()
}

/// What a player and server code write is found by what it is now.
async fn in_one_life(at: SocketAddr, ada: &str, bob: &str) {
    write(at, ada, "d1", 2, &json!({ "rank": 5, "name": "fire" })).await;
    write(at, ada, "d2", 1, &json!({ "rank": 9, "name": "ice" })).await;
    write(at, bob, "d3", 2, &json!({ "rank": 7, "name": "ice", "more": 1 })).await;
    write(at, bob, "d4", 2, &json!({ "rank": 8, "draft": true })).await;

    let by_rank = json!({ "index": "decks", "query": "", "order": ["-value.rank"] });
    assert_eq!(found(at, &by_rank).await, json!(["d2", "d3", "d1"]), "drafts are not in it");
    let strong = json!({ "index": "decks", "query": "+value.rank:>=7 +value.name:ice" });
    assert_eq!(found(at, &strong).await, json!(["d2", "d3"]));

    let mut page = by_rank.clone();
    page["limit"] = json!(1);
    for expected in ["d2", "d3", "d1"] {
        let answer = rpc(at, "find", &page).await;
        assert_eq!(answer.body["keys"], json!([expected]));
        page["cursor"] = answer.body["cursor"].clone();
    }
    assert!(page["cursor"].is_null(), "the last page has no cursor");

    let mut as_bob = by_rank.clone();
    as_bob["caller"] = json!(user(at, bob).await);
    assert_eq!(found(at, &as_bob).await, json!(["d3", "d1"]), "what bob may read");

    write(at, bob, "d4", 2, &json!({ "rank": 8, "draft": false })).await;
    write(at, bob, "d3", 2, &json!({ "rank": 7, "name": "ice", "more": 1, "draft": true })).await;
    assert_eq!(found(at, &by_rank).await, json!(["d2", "d4", "d1"]));

    let names = json!({ "index": "names", "query": "value.name:ice" });
    let answer = rpc(at, "find", &names).await;
    assert_eq!(answer.body["keys"], json!(["d2", "d3"]), "this one has no filter");
    let ice = json!({ "name": "ice" });
    assert_eq!(answer.body["values"], json!([ice, ice]), "and has its fields alone");

    delete(at, ada, "d2").await;
    assert_eq!(found(at, &by_rank).await, json!(["d4", "d1"]));
    let first = json!({ "write": "s1", "value": { "rank": 100 } });
    assert_eq!(rpc(at, "swap", &first).await.status, 200);
    assert_eq!(found(at, &by_rank).await, json!(["s1", "d4", "d1"]));
    let second = json!({ "write": "s2", "value": { "rank": 1 }, "delete": "s1" });
    assert_eq!(rpc(at, "swap", &second).await.status, 200);
    assert_eq!(found(at, &by_rank).await, json!(["d4", "d1", "s2"]));
    // One that fails as a whole changes nothing of the index either.
    let failing = json!({ "write": "s3", "value": { "rank": 50 }, "delete": "nothing" });
    assert_ne!(rpc(at, "swap", &failing).await.status, 200);
    assert_eq!(found(at, &by_rank).await, json!(["d4", "d1", "s2"]));

    for (bad, code, words) in [
        (json!({ "index": "other", "query": "" }), 5, "not found"),
        (json!({ "index": "decks", "query": "+value.rank:>x" }), 3, "invalid query"),
        (json!({ "index": "decks", "query": "", "order": ["value.name"] }), 3, "is ordered by"),
        (json!({ "index": "decks", "query": "", "limit": 10_001 }), 3, "invalid limit"),
        (json!({ "index": "decks", "query": "", "cursor": "nonsense" }), 3, "invalid cursor"),
    ] {
        let refused = rpc(at, "find", &bad).await;
        assert_eq!(refused.body["code"], json!(code), "{bad}: {}", refused.text);
        assert!(refused.text.contains(words), "{bad}: {}", refused.text);
    }
}

/// The whole story, of server code in one language.
async fn told(modules: impl Fn() -> Vec<Arc<dyn Module>>, change: impl Fn(&mut Settings)) {
    let database = database().await;
    let life = async || -> Running {
        let mut settings = settings(&database.url());
        change(&mut settings);
        start(settings, modules(), &Lifecycle::new()).await.unwrap().unwrap()
    };
    let running = life().await;
    let at = running.addresses().game.http;
    let (ada, bob) = (token(at, "a-device-of-ada").await, token(at, "a-device-of-bob").await);
    in_one_life(at, &ada, &bob).await;
    running.stop().await;

    let running = life().await;
    let at = running.addresses().game.http;
    let by_rank = json!({ "index": "decks", "query": "", "order": ["-value.rank"] });
    assert_eq!(found(at, &by_rank).await, json!(["d4", "d1", "s2"]), "after a restart");
    let gone = ask(at, As::Player(&ada), "DELETE", "/v2/account", "").await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    assert_eq!(found(at, &by_rank).await, json!(["d4", "s2"]), "objects go with their owner");
    running.stop().await;
}

#[tokio::test]
async fn an_index_of_rust_finds_what_is_written() {
    Box::pin(told(|| vec![Arc::new(Decks) as Arc<dyn Module>], |_| {})).await;
}

#[tokio::test]
async fn an_index_of_lua_finds_what_is_written() {
    let files = folder(&[("decks.lua", LUA)]);
    Box::pin(told(Vec::new, |settings| with(files.path())(settings))).await;
}

#[tokio::test]
async fn an_index_of_typescript_finds_what_is_written() {
    let files = folder(&[("index.ts", TYPESCRIPT)]);
    Box::pin(told(Vec::new, |settings| with(files.path())(settings))).await;
}

#[tokio::test]
async fn an_index_that_makes_no_sense_stops_the_start_and_says_where() {
    let database = database().await;
    let line = "nk.register_storage_index(\"decks\", \"decks\", \"\", {}, {}, 10)";
    let script = "initializer.registerStorageIndex('decks', 'decks', null, ['rank'], [], 0);";
    let (lua, js) = (
        format!("local nk = require(\"nakama\")\n{line}\n"),
        format!("function InitModule(ctx, logger, nk, initializer) {{\n  {script}\n}}\n"),
    );
    let twice = lua.replace("{}, {}, 10", "{ \"rank\" }, {}, 10");
    let twice = format!("{twice}{}", twice.lines().nth(1).unwrap());
    for (name, text, told) in [
        ("decks.lua", &lua, vec!["decks.lua: ", "1 to 64 fields"]),
        ("index.js", &js, vec!["index.js:2:", "room for 1 to 10000000 entries"]),
        ("decks.lua", &twice, vec!["the storage index decks is registered by both lua and lua"]),
    ] {
        let files = folder(&[(name, text)]);
        let mut settings = settings(&database.url());
        with(files.path())(&mut settings);
        let failure = start(settings, Vec::new(), &Lifecycle::new()).await.err().unwrap();
        assert_eq!(failure.exit, Exit::Modules);
        let words = format!("{failure:#}");
        assert!(told.iter().all(|part| words.contains(part)), "{words}");
    }
}

#[tokio::test]
async fn in_development_indexes_are_those_of_the_changed_files() {
    let files = folder(&[("index.ts", TYPESCRIPT)]);
    let mut world = World::with(Vec::new(), |settings| {
        with(files.path())(settings);
        settings.dev = true;
    })
    .await;
    let at = world.at.game.http;
    let ada = token(at, "a-device-of-ada").await;
    write(at, &ada, "d1", 2, &json!({ "rank": 5, "draft": true })).await;
    let drafts = json!({ "index": "decks", "query": "value.draft:T" });
    assert_eq!(found(at, &drafts).await, json!([]));
    let shown = TYPESCRIPT.replace("draft !== true", "draft === true");
    std::fs::write(files.path().join("index.ts"), shown).unwrap();
    until("the other filter", async || found(at, &drafts).await == json!(["d1"])).await;
    world.stop().await;
}
