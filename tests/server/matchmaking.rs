//! Server code chooses who plays with whom, in both languages, in the real server.

use serde_json::json;

use crate::harness::World;
use crate::http::token;
use crate::scripts::{folder, rpc, with};
use crate::socket::Socket;

/// Refuses what it is asked first, then accepts it; remembers what it has seen.
const LUA_OVERRIDE: &str = r#"
local nk = require("nakama")
nk.register_matchmaker_override(function(context, groups)
  local asked = nk.localcache_get("asked", 0) + 1
  nk.localcache_put("asked", asked, 600)
  local entry = groups[1][1]
  nk.localcache_put("seen", { mode = context.execution_mode, groups = #groups, players = #groups[1],
    skill = entry.properties.skill, ticket = #entry.ticket, name = entry.presence.username ~= "" }, 600)
  return asked > 1 and groups or {}
end)
nk.register_rpc(function()
  return nk.json_encode({ asked = nk.localcache_get("asked"), seen = nk.localcache_get("seen") })
end, "seen")
"#;

const JS_OVERRIDE: &str = r#"
function InitModule(ctx, logger, nk, initializer) {
  initializer.registerMatchmakerOverride((ctx, logger, nk, groups) => {
    const asked = nk.localcacheGet("asked", 0) + 1;
    nk.localcachePut("asked", asked, 600);
    const entry = groups[0][0];
    nk.localcachePut("seen", { mode: ctx.executionMode, groups: groups.length,
      players: groups[0].length, skill: entry.properties.skill, ticket: entry.ticket.length,
      name: entry.presence.username !== "" }, 600);
    return asked > 1 ? groups.map((group) => group.map((entry) => entry.ticket)) : null;
  });
  initializer.registerRpc("seen", (ctx, logger, nk) =>
    JSON.stringify({ asked: nk.localcacheGet("asked"), seen: nk.localcacheGet("seen") }));
}
"#;

/// Puts the two who wait together, though neither wants the other; fails before both are there, and puts
/// one of them into two groups first.
const LUA_PROCESSOR: &str = r#"
local nk = require("nakama")
nk.register_matchmaker_processor(function(context, entries)
  if context.execution_mode ~= "matchmaker_processor" or #entries < 2 then
    error("not yet")
  end
  if not nk.localcache_get("wrong") then
    nk.localcache_put("wrong", true, 600)
    return { { entries[1] }, { entries[1], entries[2] } }
  end
  return { { entries[1], entries[2].ticket } }
end)
"#;

const JS_PROCESSOR: &str = r#"
function InitModule(ctx, logger, nk, initializer) {
  initializer.registerMatchmakerProcessor((ctx, logger, nk, entries) => {
    if (ctx.executionMode !== "matchmaker_processor" || entries.length < 2) throw "not yet";
    return [["00000000-0000-4000-8000-000000000000"], [entries[0], entries[1].ticket]];
  });
}
"#;

/// A server with this module, and two players who are waiting with this query.
async fn waiting(file: &str, module: &str, query: &str) -> (World, [Socket; 2]) {
    let files = folder(&[(file, module)]);
    let scripts = with(files.path());
    let world = World::with(Vec::new(), |settings| {
        scripts(settings);
        settings.matchmaker.interval_sec = 1;
    })
    .await;
    let at = world.at.game.http;
    let mut sockets = Vec::new();
    for device in ["a-device-of-the-first", "a-device-of-the-second"] {
        let mut socket = Socket::open(at, &token(at, device).await).await.expect("a socket");
        let add = json!({ "cid": "1", "matchmaker_add": { "min_count": 2, "max_count": 2,
            "query": query, "numeric_properties": { "skill": 7 } } });
        socket.send(&add.to_string()).await;
        socket.next("matchmaker_ticket").await.expect("a ticket");
        sockets.push(socket);
    }
    (world, sockets.try_into().ok().expect("two of them"))
}

async fn are_matched(sockets: &mut [Socket; 2]) {
    for socket in sockets {
        let matched = socket.next("matchmaker_matched").await.expect("a match");
        assert_eq!(matched["users"].as_array().map(Vec::len), Some(2), "{matched}");
        assert!(matched["token"].is_string(), "{matched}");
    }
}

#[tokio::test]
async fn an_override_decides_which_groups_are_formed() {
    for (file, module) in [("main.lua", LUA_OVERRIDE), ("index.js", JS_OVERRIDE)] {
        let (mut world, mut sockets) = waiting(file, module, "*").await;
        are_matched(&mut sockets).await;
        let seen = rpc(&world, "seen", "").await;
        assert_eq!(seen.status, 200, "{file}: {}", seen.text);
        assert_eq!(
            seen.body,
            json!({ "asked": 2, "seen": { "mode": "matchmaker_override", "groups": 1,
                "players": 2, "skill": 7, "ticket": 36, "name": true } }),
            "{file}"
        );
        world.stop().await;
    }
}

#[tokio::test]
async fn a_processor_forms_the_groups() {
    for (file, module) in [("main.lua", LUA_PROCESSOR), ("index.js", JS_PROCESSOR)] {
        let (mut world, mut sockets) = waiting(file, module, "+properties.skill:8").await;
        are_matched(&mut sockets).await;
        world.stop().await;
    }
}
