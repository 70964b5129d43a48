//! What server code in both languages learns of players and parties, and its notes in ledgers.

use serde_json::{Value, json};

use crate::harness::World;
use crate::http::{Answer, As, ask, token};
use crate::scripts::{folder, with};
use crate::socket::Socket;

const LUA: &str = r#"
local nk = require("nakama")

nk.register_rpc(function()
  local parties = nk.party_list(10, nil, true)
  local open = nk.party_list(10, false, true)
  local shown = nk.party_list(10, nil, false)
  return nk.json_encode({
    users = #nk.users_get_random(2), label = parties[1].label,
    old_names = parties[1].match_id == parties[1].party_id and parties[1].maxSize == parties[1].max_size,
    parties = #parties, closed = #open, shown = #shown,
  })
end, "look")

nk.register_rpc(function(context)
  local user = context.user_id
  nk.wallet_update(user, { coins = 5 }, { why = "gift" }, true)
  local entry = nk.wallet_ledger_update(nk.wallet_ledger_list(user, 1)[1].id, { seen = true })
  return nk.json_encode({ changeset = entry.changeset, metadata = entry.metadata })
end, "note")

nk.register_rpc(function()
  nk.wallet_ledger_update("00000000-0000-4000-8000-000000000000", { seen = true })
end, "note_nothing")

nk.register_rpc(function(context, payload)
  nk.status_follow(context.session_id, { payload })
  return "{}"
end, "follow")

nk.register_rpc(function(context, payload)
  nk.status_unfollow(context.session_id, { payload, context.user_id })
  return "{}"
end, "unfollow")
"#;

const TYPESCRIPT: &str = r#"
export const InitModule: nkruntime.InitModule = (ctx, logger, nk, initializer) => {
  initializer.registerRpc("look", (ctx, logger, nk): string => {
    const { parties } = nk.partyList(10, null, true);
    return JSON.stringify({
      users: nk.usersGetRandom(2).length,
      label: parties[0].label,
      old_names: parties[0].maxSize === 4,
      parties: parties.length,
      closed: nk.partyList(10, false, true).parties.length,
      shown: nk.partyList(10, null, false).parties.length,
    });
  });
  initializer.registerRpc("note", (ctx, logger, nk): string => {
    nk.walletUpdate(ctx.userId, { coins: 5 }, { why: "gift" }, true);
    const [first] = nk.walletLedgerList(ctx.userId, 1).items;
    const { changeset, metadata } = nk.walletLedgerUpdate(first.id, { seen: true });
    return JSON.stringify({ changeset, metadata });
  });
  initializer.registerRpc("note_nothing", (ctx, logger, nk): void => {
    nk.walletLedgerUpdate("00000000-0000-4000-8000-000000000000", { seen: true });
  });
  initializer.registerRpc("follow", (ctx, logger, nk, payload): string => {
    nk.statusFollow(ctx.sessionId, [payload]);
    return "{}";
  });
  initializer.registerRpc("unfollow", (ctx, logger, nk, payload): string => {
    nk.statusUnfollow(ctx.sessionId, [payload, ctx.userId]);
    return "{}";
  });
};
"#;

async fn both() -> [World; 2] {
    let lua = folder(&[("people.lua", LUA)]);
    let typescript = folder(&[("index.ts", TYPESCRIPT)]);
    [
        World::with(Vec::new(), with(lua.path())).await,
        World::with(Vec::new(), with(typescript.path())).await,
    ]
}

async fn call(world: &World, token: &str, name: &str) -> Answer {
    let path = format!("/v2/rpc/{name}?unwrap");
    ask(world.at.game.http, As::Player(token), "POST", &path, "").await
}

async fn id(world: &World, token: &str) -> String {
    let account = ask(world.at.game.http, As::Player(token), "GET", "/v2/account", "").await;
    account.body["user"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn server_code_sees_players_and_parties() {
    for mut world in both().await {
        let at = world.at.game.http;
        let ada = token(at, "a-device-of-ada").await;
        let bob = token(at, "a-device-of-bob").await;
        token(at, "a-device-of-cleo").await;
        let label = r#"{"mode":"duel"}"#;
        let hidden = json!({ "open": true, "max_size": 4, "hidden": true });
        let labelled = json!({ "open": true, "max_size": 4, "label": label });
        let mut sockets = Vec::new();
        // The newest comes first in a list.
        for (player, party) in [(&bob, hidden), (&ada, labelled)] {
            let mut socket = Socket::open(at, player).await.unwrap();
            socket.send(&json!({ "cid": "1", "party_create": party }).to_string()).await;
            assert!(socket.next("party").await.is_some());
            sockets.push(socket);
        }
        let seen = call(&world, &ada, "look").await;
        let expected = json!({ "users": 2, "label": label, "old_names": true, "parties": 2, "closed": 0, "shown": 1 });
        assert_eq!((seen.status, &seen.body), (200, &expected), "{seen:?}");
        let listed = ask(at, As::Player(&bob), "GET", "/v2/party?limit=10", "").await;
        assert_eq!(listed.body["parties"][0]["label"], label, "{listed:?}");
        let stats = ask(at, As::Player(&bob), "GET", "/v2/matchmaker/stats", "").await;
        assert_eq!(stats.status, 200, "{stats:?}");
        world.stop().await;
    }
}

#[tokio::test]
async fn server_code_adds_to_an_entry_of_a_ledger() {
    for mut world in both().await {
        let ada = token(world.at.game.http, "a-device-of-ada").await;
        let noted = call(&world, &ada, "note").await;
        let metadata = json!({ "why": "gift", "seen": true });
        let expected = json!({ "changeset": { "coins": 5 }, "metadata": metadata });
        assert_eq!((noted.status, &noted.body), (200, &expected), "{noted:?}");
        let refused = call(&world, &ada, "note_nothing").await;
        assert_ne!(refused.status, 200, "{refused:?}");
        world.stop().await;
    }
}

/// The next presence on a status stream that this is true of.
async fn status(socket: &mut Socket, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let told = socket.next("status_presence_event").await.unwrap();
        let joins = told["joins"].as_array().cloned().unwrap_or_default();
        if let Some(join) = joins.into_iter().find(&wanted) {
            return join;
        }
    }
}

#[tokio::test]
async fn server_code_follows_for_a_session() {
    for mut world in both().await {
        let at = world.at.game.http;
        let (ada, bob) = (token(at, "a-device-of-ada").await, token(at, "a-device-of-bob").await);
        let (her_id, his_id) = (id(&world, &ada).await, id(&world, &bob).await);
        let mut hers = Socket::open(at, &ada).await.unwrap();
        let call = |name: &str| {
            json!({ "cid": name, "rpc": { "id": name, "payload": his_id } }).to_string()
        };
        hers.send(&call("follow")).await;
        assert!(hers.next("rpc").await.is_some());
        let mut his = Socket::open(at, &bob).await.unwrap();
        status(&mut hers, |join| join["user_id"] == his_id.as_str()).await;

        hers.send(&call("unfollow")).await;
        assert!(hers.next("rpc").await.is_some());
        his.send(r#"{"cid":"1","status_update":{"status":"unheard"}}"#).await;
        assert!(his.next("cid").await.is_some());
        hers.send(r#"{"cid":"2","status_update":{"status":"heard"}}"#).await;
        let told = status(&mut hers, |join| !join["status"].as_str().unwrap_or("").is_empty());
        assert_eq!(told.await["user_id"], her_id.as_str(), "her own is still heard, his is not");
        world.stop().await;
    }
}
