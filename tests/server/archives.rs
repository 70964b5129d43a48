//! Taking away all that is kept of one account, and bringing it back, from server code.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::World;
use crate::http::{As, ask};
use crate::scripts::{folder, rpc, with};

const LUA: &str = r#"
local nk = require("nakama")

local function told(f, ...)
  local went_well, answer = pcall(f, ...)
  return went_well and "went well" or tostring(answer)
end

-- A player with something of everything.
nk.register_rpc(function(_, payload)
  local user, name = payload, nk.account_get_id(payload).user.username
  local friend = nk.authenticate_device("a-device-of-bob", "bob", true)
  nk.account_update_id(user, { level = 3 }, nil, "Ada")
  nk.wallet_update(user, { coins = 7 }, { why = "gift" }, true)
  nk.storage_write({
    { collection = "saves", key = "one", user_id = user, value = { hp = 5 }, permission_read = 2 },
    { collection = "saves", key = "two", user_id = user, value = { hp = 6 }, permission_write = 0 },
    { collection = "saves", key = "one", user_id = friend, value = { of = "bob" } },
  })
  nk.friends_add(user, name, { friend })
  nk.group_create(user, "the club")
  local room = nk.channel_id_build(user, "lobby", 1)
  nk.channel_message_send(room, { text = "hello" }, user, name, true)
  nk.leaderboard_create("best", false, "desc", "best")
  nk.leaderboard_record_write("best", user, name, 42, 1, { x = 1 })
  nk.notification_send(user, "a subject", { a = 1 }, 101, nil, true)
  return friend
end, "fill")

nk.register_rpc(function(_, payload) return nk.account_export_id(payload) end, "export")
nk.register_rpc(function(_, payload) nk.account_delete_id(payload, true) end, "delete")
nk.register_rpc(function(_, payload)
  local asked = nk.json_decode(payload)
  return nk.json_encode(nk.account_import_id(asked.data, asked.user_id))
end, "import")
nk.register_rpc(function(_, payload)
  return nk.json_encode({
    nobody = told(nk.account_export_id, "4ec4f126-3f9d-11e7-84ef-b7c182b36521"),
    nothing = told(nk.account_import_id, "{}"),
    nonsense = told(nk.account_import_id, "[1]"),
    again = told(nk.account_import_id, payload),
    missing = told(nk.account_import_id, payload, "4ec4f126-3f9d-11e7-84ef-b7c182b36521"),
  })
end, "refused")
"#;

const TYPESCRIPT: &str = r#"
export const InitModule: nkruntime.InitModule = (ctx, logger, nk, initializer) => {
  initializer.registerRpc("move", (ctx, logger, nk, payload): string => {
    const data: string = nk.accountExportId(payload);
    nk.accountDeleteId(payload, false);
    const back = nk.accountImportId(data);
    const other = nk.authenticateDevice("another-device", "other", true).userId;
    const copy = nk.accountImportId(data, other);
    const there = nk.storageRead([{ collection: "saves", key: "one", userId: other }]);
    return JSON.stringify({
      id: back.user.userId, name: back.user.username, devices: back.devices.map((d) => d.id),
      copy: copy.user.username, wallet: copy.wallet, there: there.map((o) => o.value),
    });
  });
};
"#;

async fn sign_in(http: SocketAddr, device: &str, create: bool) -> (u16, Value) {
    let path = format!("/v2/account/authenticate/device?create={create}&username=ada");
    let body = json!({ "id": device }).to_string();
    let answer = ask(http, As::Client, "POST", &path, &body).await;
    (answer.status, answer.body)
}

/// The id of a new player.
async fn player(http: SocketAddr, device: &str) -> String {
    let (_, session) = sign_in(http, device, true).await;
    let token = session["token"].as_str().expect("a token");
    let account = ask(http, As::Player(token), "GET", "/v2/account", "").await;
    account.body["user"]["id"].as_str().expect("an id").to_owned()
}

fn text(value: &Value) -> Value {
    serde_json::from_str(value.as_str().expect("a text")).expect("JSON")
}

#[tokio::test]
async fn lua_takes_an_account_away_and_brings_it_back() {
    let files = folder(&[("accounts.lua", LUA)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;
    let http = world.at.game.http;
    let ada = player(http, "a-device-of-ada").await;
    let filled = rpc(&world, "fill", &ada).await;
    assert_eq!(filled.status, 200, "{:?}", filled.body);

    let exported = rpc(&world, "export", &ada).await;
    let export = exported.body;
    assert_eq!(export["account"]["user"]["id"], json!(ada));
    assert_eq!(export["account"]["user"]["display_name"], "Ada");
    assert_eq!(export["account"]["devices"], json!([{ "id": "a-device-of-ada" }]));
    assert_eq!(text(&export["account"]["wallet"]), json!({ "coins": 7 }));
    let objects = export["objects"].as_array().expect("objects");
    assert_eq!(objects.len(), 2, "{objects:?}");
    assert_eq!((&objects[0]["key"], &objects[0]["permission_read"]), (&json!("one"), &json!(2)));
    assert_eq!(text(&objects[0]["value"]), json!({ "hp": 5 }));
    let friends = export["friends"].as_array().expect("friends");
    assert_eq!((friends.len(), &friends[0]["state"]), (1, &json!(1)));
    assert_eq!(friends[0]["user"].as_object().expect("a user").len(), 1, "nothing but the id");
    assert_eq!(export["groups"][0]["name"], "the club");
    assert_eq!(text(&export["messages"][0]["content"]), json!({ "text": "hello" }));
    assert_eq!(export["messages"][0]["room_name"], "lobby");
    let record = &export["leaderboard_records"][0];
    assert_eq!((&record["leaderboard_id"], &record["score"]), (&json!("best"), &json!("42")));
    assert_eq!(export["notifications"][0]["code"], 101);
    let entry = &export["wallet_ledgers"][0];
    assert_eq!(text(&entry["changeset"]), json!({ "coins": 7 }));
    assert_eq!(text(&entry["metadata"]), json!({ "why": "gift" }));

    let data = export.to_string();
    let refused = rpc(&world, "refused", &data).await.body;
    for (why, expected) in [
        ("nobody", "account not found"),
        ("nothing", "an export without an account"),
        ("nonsense", "the data are no export"),
        ("again", "an account with this id is there already"),
        ("missing", "account not found"),
    ] {
        let told = refused[why].as_str().expect("a text");
        assert!(told.contains(expected), "{why}: {told}");
    }

    assert_eq!(rpc(&world, "delete", &ada).await.status, 200);
    assert_eq!(sign_in(http, "a-device-of-ada", false).await.0, 404);
    let back = rpc(&world, "import", &json!({ "data": data }).to_string()).await.body;
    assert_eq!(back["user_id"], json!(ada));
    assert_eq!(back["user"]["display_name"], "Ada");
    assert_eq!(back["wallet"], json!({ "coins": 7 }));
    assert_eq!(sign_in(http, "a-device-of-ada", false).await.0, 200, "the player is back");
    let again = rpc(&world, "export", &ada).await.body;
    assert_eq!(again["objects"], export["objects"], "versions and times included");
    assert!(again.get("messages").is_none(), "what is of others, too, stays out");

    let into = json!({ "data": data, "user_id": friends[0]["user"]["id"] });
    let bob = rpc(&world, "import", &into.to_string()).await.body;
    assert_eq!((&bob["user"]["username"], &bob["wallet"]["coins"]), (&json!("bob"), &json!(7)));
    let id = friends[0]["user"]["id"].as_str().expect("an id");
    let bobs = rpc(&world, "export", id).await.body;
    let keys: Vec<_> = bobs["objects"].as_array().expect("objects").iter().collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(text(&keys[0]["value"]), json!({ "hp": 5 }), "replaced");
    world.stop().await;
}

#[tokio::test]
async fn typescript_takes_an_account_away_and_brings_it_back() {
    let files = folder(&[("index.ts", TYPESCRIPT), ("accounts.lua", LUA)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;
    let ada = player(world.at.game.http, "a-device-of-ada").await;
    assert_eq!(rpc(&world, "fill", &ada).await.status, 200);
    let moved = rpc(&world, "move", &ada).await;
    let expected = json!({
        "id": ada, "name": "ada", "devices": ["a-device-of-ada"],
        "copy": "other", "wallet": { "coins": 7 }, "there": [{ "hp": 5 }],
    });
    assert_eq!((moved.status, moved.body), (200, expected));
    world.stop().await;
}
