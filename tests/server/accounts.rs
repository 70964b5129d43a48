//! Accounts as server code makes and changes them, in both languages, in the real server.

use serde_json::json;

use crate::harness::World;
use crate::http::{As, ask};
use crate::scripts::{folder, rpc, with};

const LUA: &str = r#"
local nk = require("nakama")

nk.register_rpc(function()
  local id, name, created = nk.authenticate_device("a-device-of-a-bot", "bot")
  local again, _, created_again = nk.authenticate_device("a-device-of-a-bot")
  nk.link_custom(id, "custom-of-a-bot")
  local by_custom = nk.authenticate_custom("custom-of-a-bot", nil, false)
  nk.link_email(id, "Bot@Example.com", "a-long-password")
  local by_email = nk.authenticate_email("bot@example.com", "a-long-password", nil, false)
  local by_name = nk.authenticate_email("", "a-long-password", "bot")
  local wrong = pcall(nk.authenticate_email, "bot@example.com", "another-password")
  local unknown = pcall(nk.authenticate_custom, "nobody-has-this", "", false)
  nk.unlink_custom(id)
  nk.unlink_email(id, "bot@example.com")
  local last = pcall(nk.unlink_device, id, "a-device-of-a-bot")
  local token, exp = nk.authenticate_token_generate(id, name, nil, { kind = "bot" })
  return nk.json_encode({
    id = id, name = name, created = created, again = again == id, created_again = created_again,
    same = by_custom == id and by_email == id and by_name == id,
    refused = not wrong and not unknown and not last,
    token = token, exp = exp,
    found = nk.users_get_username({ "bot", "nobody" })[1].user_id == id
      and #nk.users_get_id({ id }) == 1 and #nk.users_get_id() == 0,
  })
end, "make")

nk.register_rpc(function(_, payload)
  nk.account_delete_id(payload, true)
end, "delete")
"#;

const JAVASCRIPT: &str = r#"
function InitModule(ctx, logger, nk, initializer) {
  initializer.registerRpc("make_js", (ctx, logger, nk) => {
    const made = nk.authenticateCustom("custom-of-another", "another");
    nk.linkDevice(made.userId, "a-device-of-another");
    nk.unlinkCustom(made.userId, "custom-of-another");
    const known = nk.authenticateDevice("a-device-of-another", "", false);
    const day = Math.floor(Date.now() / 1000) + 86400;
    const token = nk.authenticateTokenGenerate(made.userId, "", day, {});
    return JSON.stringify({ made, known, capped: token.exp < day, token: token.token });
  });
}
"#;

#[tokio::test]
async fn server_code_makes_links_and_deletes_accounts() {
    let files = folder(&[("main.lua", LUA), ("index.js", JAVASCRIPT)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;
    let http = world.at.game.http;

    let made = rpc(&world, "make", "").await;
    assert_eq!(made.status, 200, "{}", made.text);
    for (name, value) in [
        ("name", json!("bot")),
        ("created", json!(true)),
        ("again", json!(true)),
        ("created_again", json!(false)),
        ("same", json!(true)),
        ("refused", json!(true)),
        ("found", json!(true)),
    ] {
        assert_eq!(made.body[name], value, "{name} in {}", made.text);
    }
    let token = made.body["token"].as_str().unwrap().to_owned();
    let account = ask(http, As::Player(&token), "GET", "/v2/account", "").await;
    assert_eq!(account.body["user"]["id"], made.body["id"], "the token is good");
    assert_eq!(account.body["devices"], json!([{ "id": "a-device-of-a-bot" }]));
    assert_eq!(account.body["email"], json!(null));

    let other = rpc(&world, "make_js", "").await;
    assert_eq!(other.status, 200, "{}", other.text);
    assert_eq!(other.body["made"]["created"], true);
    assert_eq!(other.body["known"]["created"], false);
    assert_eq!(other.body["known"]["username"], "another");
    assert_eq!(other.body["capped"], true, "no token outlives what revokes it");

    let id = made.body["id"].to_string();
    assert_eq!(rpc(&world, "delete", id.trim_matches('"')).await.status, 200);
    let gone = ask(http, As::Player(&token), "GET", "/v2/account", "").await;
    assert_eq!(gone.status, 401, "tokens of a deleted account are revoked: {}", gone.text);
    world.stop().await;
}
