//! Functions that server code has without a subsystem, in both languages, in the real server.

use serde_json::{Value, json};

use crate::harness::{HTTP_KEY, World};
use crate::http::{As, ask};
use crate::scripts::{folder, rpc, with};

const LUA: &str = r#"
local nk = require("nakama")

local function told(f, ...)
  local went_well, answer = pcall(f, ...)
  return went_well and "went well" or tostring(answer)
end

nk.register_rpc(function()
  nk.localcache_put("kept", { list = { 1, 2 } }, 60)
  nk.metrics_counter_add("lua_calls", { kind = "test" }, 2)
  local key = "goldenbridge_key"
  return nk.json_encode({
    base64 = nk.base64_decode(nk.base64_encode("foob", false)),
    url = nk.base64url_encode("\251\255"),
    hex = nk.base16_encode(nk.base16_decode("00FF")),
    id = nk.uuid_bytes_to_string(nk.uuid_string_to_bytes("4ec4f126-3f9d-11e7-84ef-b7c182b36521")),
    fresh = #nk.uuid_v4(),
    md5 = nk.md5_hash("test"),
    sha256 = nk.sha256_hash("test"),
    hmac = nk.base16_encode(nk.hmac_sha256_hash("what do ya want for nothing?", "Jefe")),
    aes = nk.aes128_decrypt(nk.aes128_encrypt("hello", key), key),
    jwt = nk.jwt_generate("HS256", "made-up", { sub = "x" }),
    random = #nk.secure_random_bytes(12),
    right = nk.bcrypt_compare(nk.bcrypt_hash("a text"), "a text"),
    kept = nk.localcache_get("kept").list[2],
    missing = nk.localcache_get("missing", "a default"),
    file = nk.file_read("words.txt"),
    config = nk.get_config(),
    outside = told(nk.file_read, "../words.txt"),
    key = told(nk.aes256_encrypt, "hello", key),
  })
end, "lua")

nk.register_rpc(function(_, payload)
  local code, headers, body = nk.http_request(payload, "GET", { accept = "application/json" })
  local refused, why = pcall(nk.http_request, "http://169.254.169.254/", "GET", {})
  return nk.json_encode({ code = code, kind = headers["Content-Type"], body = body,
    refused = not refused and why })
end, "lua_http")

nk.register_rpc(function()
  nk.sql_exec("CREATE TABLE IF NOT EXISTS studio (id uuid PRIMARY KEY, n bigint, x float8, at timestamptz, doc jsonb, raw bytea)")
  local id = "4ec4f126-3f9d-11e7-84ef-b7c182b36521"
  local touched = nk.sql_exec("INSERT INTO studio VALUES ($1, $2, $3, $4, $5, $6)",
    { id, 7, 1.5, "2026-01-02T03:04:05Z", { a = { 1, 2 } }, "raw" })
  local rows = nk.sql_query("SELECT *, NULL AS nothing, n > $1 AS more FROM studio", { 6 })
  local refused = { pcall(nk.sql_query, "SELECT * FROM missing") }
  local few = { pcall(nk.sql_exec, "SELECT $1::text") }
  local many = { pcall(nk.sql_query, "SELECT n FROM generate_series(1, 10001) n") }
  return nk.json_encode({ touched = touched, rows = rows, refused = refused[2], few = few[2],
    many = many[2] })
end, "lua_sql")
"#;

const JAVASCRIPT: &str = r#"
function told(work) {
  try { work(); return "went well"; } catch (error) { return error.code; }
}
function InitModule(ctx, logger, nk, initializer) {
  initializer.registerRpc("javascript", (ctx, logger, nk) => {
    const key = "goldenbridge_key";
    nk.metricsCounterAdd("javascript_calls", {}, 1);
    const bytes = (buffer) => new Uint8Array(buffer).length;
    return JSON.stringify({
      base64: nk.binaryToString(nk.base64Decode(nk.base64Encode("foob"))),
      url: nk.base64UrlEncode(new Uint8Array([251, 255]).buffer),
      hex: nk.base16Encode(nk.base16Decode("00FF")),
      fresh: nk.uuidv4().length,
      md5: nk.md5Hash("test"),
      sha256: nk.sha256Hash("test"),
      hmac: nk.base16Encode(nk.hmacSha256Hash("what do ya want for nothing?", "Jefe")),
      aes: nk.aes128Decrypt(nk.aes128Encrypt("hello", key), key),
      jwt: nk.jwtGenerate("HS256", "made-up", { sub: "x" }),
      random: bytes(nk.secureRandomBytes(12)),
      right: nk.bcryptCompare(nk.bcryptHash("a text"), "another"),
      shared: nk.localcacheGet("kept").list[1],
      missing: [nk.localcacheGet("none") === undefined, nk.localcacheGet("none", undefined) === undefined,
        nk.localcacheGet("none", null) === null, nk.localcacheGet("none", "else") === "else"],
      file: nk.fileRead("words.txt"),
      outside: told(() => nk.fileRead("../words.txt")),
      key: told(() => nk.aes256Encrypt("hello", key)),
    });
  });
  initializer.registerRpc("javascript_sql", (ctx, logger, nk) => {
    const { rowsAffected } = nk.sqlExec("UPDATE studio SET n = n + $1", [1]);
    return JSON.stringify({ rowsAffected, n: nk.sqlQuery("SELECT n FROM studio")[0].n });
  });
  initializer.registerRpc("javascript_http", (ctx, logger, nk, payload) => {
    return JSON.stringify(nk.httpRequest(payload, "get"));
  });
}
"#;

/// HMAC of {"alg":"HS256","typ":"JWT"} and {"sub":"x"}.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ4In0.";

fn check_common(answer: &Value) {
    let expected = json!({
        "base64": "foob", "url": "-_8=", "hex": "00ff", "fresh": 36, "random": 12,
        "md5": "098f6bcd4621d373cade4e832627b4f6",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "hmac": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "aes": "hello   ", "file": "some words",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&answer[name], value, "{name} in {answer}");
    }
    assert!(answer["jwt"].as_str().unwrap().starts_with(TOKEN), "{answer}");
}

#[tokio::test]
async fn utilities_work_in_both_languages() {
    let files = folder(&[("main.lua", LUA), ("index.js", JAVASCRIPT), ("words.txt", "some words")]);
    let mut world = World::with(Vec::new(), with(files.path())).await;

    let answer = rpc(&world, "lua", "").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    check_common(&answer.body);
    for (name, value) in [
        ("id", json!("4ec4f126-3f9d-11e7-84ef-b7c182b36521")),
        ("right", json!(true)),
        ("kept", json!(2)),
        ("missing", json!("a default")),
    ] {
        assert_eq!(answer.body[name], value, "{name}");
    }
    let config = &answer.body["config"];
    assert_eq!(
        (&config["name"], &config["runtime"]["http_key"]),
        (&json!("tests"), &json!(HTTP_KEY))
    );
    assert_eq!(config["session"]["token_expiry_sec"], 3600);
    for refused in ["outside", "key"] {
        assert_ne!(answer.body[refused], "went well", "{refused}");
    }

    let answer = rpc(&world, "javascript", "").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    check_common(&answer.body);
    assert_eq!(answer.body["right"], false);
    assert_eq!(answer.body["shared"], 2, "languages share the cache");
    assert_eq!(answer.body["missing"], json!([true, true, true, true]));
    assert_eq!((&answer.body["outside"], &answer.body["key"]), (&json!(3), &json!(3)));

    let health = world.at.health.expect("a port for metrics");
    let metrics = ask(health, As::Nobody, "GET", "/metrics", "").await.text;
    let has = |name: &str, value: &str| {
        metrics.lines().any(|line| line.contains(name) && line.ends_with(value))
    };
    assert!(has("lua_calls", "} 2"), "{metrics}");
    assert!(has("javascript_calls", " 1"), "{metrics}");
    world.stop().await;
}

#[tokio::test]
async fn server_code_asks_other_servers() {
    let files = folder(&[("main.lua", LUA), ("index.js", JAVASCRIPT)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;
    let here = format!("http://{}/healthcheck", world.at.game.http);

    let answer = rpc(&world, "lua_http", &here).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((&answer.body["code"], &answer.body["body"]), (&json!(200), &json!("{}")));
    assert_eq!(answer.body["kind"], "application/json");
    let why = answer.body["refused"].as_str().expect("a reason");
    assert!(why.contains("requests to 169.254.169.254 are not allowed"), "{why}");

    let answer = rpc(&world, "javascript_http", &here).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((&answer.body["code"], &answer.body["body"]), (&json!(200), &json!("{}")));
    assert_eq!(answer.body["headers"]["Content-Type"], json!(["application/json"]));
    world.stop().await;
}

const LUA_STORAGE: &str = r#"
local nk = require("nakama")
local key = { collection = "counts", key = "one", user_id = nil }

local function write(value, version)
  return nk.storage_write({ { collection = "counts", key = "one", value = { n = value }, version = version } })
end

nk.register_rpc(function()
  write(1)
  local rounds = 0
  nk.storage_write_retry({ key }, function(objects)
    rounds = rounds + 1
    if rounds == 1 then
      write(10)
    end
    local found = objects[1]
    return { { collection = "counts", key = "one", value = { n = found.value.n + 1 }, version = found.version } }
  end, 3)
  local gave_up = pcall(nk.storage_write_retry, { key }, function(objects)
    write(nk.storage_read({ key })[1].value.n + 1)
    return { { collection = "counts", key = "one", value = {}, version = objects[1].version } }
  end, 1)
  return nk.json_encode({ rounds = rounds, gave_up = not gave_up, n = nk.storage_read({ key })[1].value.n })
end, "lua_retry")

nk.register_rpc(function()
  local ok, text, code = pcall(nk.account_get_id, "00000000-0000-4000-8000-000000000001")
  error({ "told on: " .. text, code })
end, "lua_told_on")
"#;

const JAVASCRIPT_ERRORS: &str = r#"
function InitModule(ctx, logger, nk, initializer) {
  initializer.registerRpc("javascript_told_on", (ctx, logger, nk) => {
    try {
      nk.accountGetId("00000000-0000-4000-8000-000000000001");
    } catch (error) {
      throw { message: `told on: ${error.message}`, code: error.code };
    }
  });
}
"#;

#[tokio::test]
async fn objects_are_written_again_when_others_were_faster() {
    let files = folder(&[("main.lua", LUA_STORAGE)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;
    let answer = rpc(&world, "lua_retry", "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body, json!({ "rounds": 2, "gave_up": true, "n": 13 }));
    world.stop().await;
}

#[tokio::test]
async fn a_code_of_the_server_reaches_the_script_and_from_there_the_client() {
    let files = folder(&[("main.lua", LUA_STORAGE), ("index.js", JAVASCRIPT_ERRORS)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;
    for id in ["lua_told_on", "javascript_told_on"] {
        let answer = rpc(&world, id, "").await;
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!(5)), "{}", answer.text);
        let message = answer.body["message"].as_str().expect("a text");
        assert!(message.starts_with("told on: "), "{message}");
    }
    world.stop().await;
}

#[tokio::test]
async fn server_code_runs_statements() {
    let files = folder(&[("main.lua", LUA), ("index.js", JAVASCRIPT)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;

    let answer = rpc(&world, "lua_sql", "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let row = &answer.body["rows"][0];
    let expected = json!({
        "id": "4ec4f126-3f9d-11e7-84ef-b7c182b36521", "n": 7, "x": 1.5, "at": 1_767_323_045,
        "doc": "{\"a\": [1, 2]}", "raw": "raw", "more": true,
    });
    assert_eq!((&answer.body["touched"], row), (&json!(1), &expected));
    for (name, why) in [
        ("refused", "\"missing\" does not exist"),
        ("few", "1 parameters, not 0"),
        ("many", "10000"),
    ] {
        let told = answer.body[name].as_str().unwrap_or_default();
        assert!(told.contains(why), "{name}: {}", answer.text);
    }

    let answer = rpc(&world, "javascript_sql", "").await;
    assert_eq!(answer.body, json!({ "rowsAffected": 1, "n": 8 }), "{}", answer.text);
    world.stop().await;
}
