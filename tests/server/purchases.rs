//! Purchases and subscriptions, with stores and without.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use tavern_domain::Secret;

use crate::harness::World;
use crate::http::{As, ask, sign_in};
use crate::scripts::{folder, rpc, with};
use crate::stand_in::StandIn;

#[tokio::test]
async fn stores_that_are_not_configured_say_so() {
    let mut world = World::new().await;
    let at = world.at.game.http;
    let session = sign_in(at, "a-device-of-purchases").await.body;
    let player = As::Player(session["token"].as_str().unwrap());
    for (path, body, status, code) in [
        ("/v2/iap/purchase/apple", r#"{"receipt":"x"}"#, 400, 9),
        ("/v2/iap/purchase/apple", r#"{"receipt":""}"#, 400, 3),
        ("/v2/iap/purchase/google", r#"{"purchase":"x"}"#, 400, 9),
        ("/v2/iap/purchase/huawei", r#"{"purchase":"x","signature":"y"}"#, 400, 9),
        ("/v2/iap/purchase/facebookinstant", r#"{"signed_request":"x"}"#, 400, 9),
        ("/v2/iap/purchase/samsung", r#"{"purchase_id":""}"#, 400, 3),
        ("/v2/iap/subscription/apple", r#"{"receipt":"x"}"#, 400, 9),
        ("/v2/iap/subscription/google", r#"{"receipt":"x"}"#, 400, 9),
        ("/v2/iap/subscription", r#"{"limit":0}"#, 400, 3),
        ("/v2/iap/subscription", r#"{"limit":101}"#, 400, 3),
        ("/v2/iap/subscription", r#"{"cursor":"nonsense"}"#, 400, 3),
    ] {
        let answer = ask(at, player, "POST", path, body).await;
        let told = (answer.status, answer.body["code"].as_u64());
        assert_eq!(told, (status, Some(code)), "{path} {body}: {}", answer.body);
    }
    for body in ["{}", ""] {
        let listed = ask(at, player, "POST", "/v2/iap/subscription", body).await;
        assert_eq!((listed.status, listed.body), (200, json!({})), "no subscriptions");
    }
    let none = ask(at, player, "GET", "/v2/iap/subscription/gold", "").await;
    assert_eq!((none.status, none.body["code"].as_u64()), (404, Some(5)));
    world.stop().await;
}

/// Apple, as far as a receipt names what was bought.
fn apple(request: &Request<Bytes>) -> Option<Value> {
    if request.uri().path() != "/verifyReceipt" {
        return None;
    }
    let sent: Value = serde_json::from_slice(request.body()).ok()?;
    let name = sent["receipt-data"].as_str()?;
    let mut entry = json!({
        "transaction_id": name,
        "original_transaction_id": name,
        "product_id": "gold",
        "purchase_date_ms": "1700000000000",
    });
    if name.starts_with("subscription") {
        entry["expires_date_ms"] = "4000000000000".into();
    }
    let status = if name == "bad" { 21_003 } else { 0 };
    Some(json!({ "status": status, "receipt": { "in_app": [entry] } }))
}

#[tokio::test]
async fn what_a_store_confirms_is_kept_once_and_whose_it_is() {
    let store = StandIn::new(apple).await;
    let mut world = World::with(Vec::new(), |settings| {
        settings.iap.apple.shared_password = Secret::new("hush");
        settings.iap.apple.production_url = store.url();
    })
    .await;
    let at = world.at.game.http;
    let ada = sign_in(at, "a-device-of-ada").await.body;
    let eve = sign_in(at, "a-device-of-eve").await.body;
    let [ada, eve] = [&ada, &eve].map(|session| As::Player(session["token"].as_str().unwrap()));
    let bring = async |who, path: &str, receipt: &str, persist: bool| {
        let body = json!({ "receipt": receipt, "persist": persist }).to_string();
        ask(at, who, "POST", &format!("/v2/iap/{path}/apple"), &body).await
    };
    let id = ask(at, ada, "GET", "/v2/account", "").await.body["user"]["id"].clone();

    let bad = bring(ada, "purchase", "bad", true).await;
    assert_eq!((bad.status, bad.body["code"].as_u64()), (400, Some(9)));
    let looked = bring(ada, "purchase", "one", false).await.body["validated_purchases"][0].clone();
    assert_eq!((&looked["transaction_id"], &looked["user_id"]), (&json!("one"), &id));
    assert_eq!(looked.get("create_time"), None, "not kept");
    let bought = bring(ada, "purchase", "one", true).await.body["validated_purchases"][0].clone();
    assert_eq!(bought.get("seen_before"), None, "the first time");
    assert_eq!(bought["purchase_time"], "2023-11-14T22:13:20Z");
    assert_eq!(bought["environment"], 2, "real money");
    assert!(bought["create_time"].is_string());
    assert_eq!(
        bought["provider_response"].as_str().unwrap().parse::<Value>().unwrap()["status"],
        0
    );
    let replayed = bring(eve, "purchase", "one", true).await;
    assert_eq!(replayed.status, 200);
    let replayed = &replayed.body["validated_purchases"][0];
    assert_eq!((&replayed["seen_before"], &replayed["user_id"]), (&json!(true), &id));

    let wrong = bring(ada, "subscription", "one", true).await;
    assert_eq!((wrong.status, wrong.body["code"].as_u64()), (400, Some(9)));
    for name in ["subscription-1", "subscription-2", "subscription-3"] {
        let held = bring(ada, "subscription", name, true).await.body;
        assert_eq!(held["validated_subscription"]["active"], true, "{held}");
    }
    let page = async |cursor: &str| {
        let body = json!({ "limit": 2, "cursor": cursor }).to_string();
        ask(at, ada, "POST", "/v2/iap/subscription", &body).await.body
    };
    let first = page("").await;
    let names = |page: &Value| -> Vec<String> {
        let listed = page["validated_subscriptions"].as_array().unwrap().iter();
        listed.map(|one| one["original_transaction_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["subscription-3", "subscription-2"]);
    assert_eq!(first["validated_subscriptions"][0]["refund_time"], "1970-01-01T00:00:00Z");
    let second = page(first["cursor"].as_str().unwrap()).await;
    assert_eq!(names(&second), ["subscription-1"]);
    assert_eq!(second.get("cursor"), None, "the last page");
    let back = page(second["prev_cursor"].as_str().unwrap()).await;
    assert_eq!(names(&back), names(&first));
    let gold = ask(at, ada, "GET", "/v2/iap/subscription/gold", "").await;
    assert_eq!((gold.status, &gold.body["user_id"]), (200, &id));
    let hers = ask(at, eve, "GET", "/v2/iap/subscription/gold", "").await;
    assert_eq!(hers.status, 404, "nobody sees another player's");
    world.stop().await;
}

const LUA: &str = r#"
local nk = require("nakama")

nk.register_rpc(function(_, user)
  local fresh = nk.purchase_validate_apple(user, "lua-1").validated_purchases[1]
  local again = nk.purchase_validate_apple(user, "lua-1").validated_purchases[1]
  local looked = nk.purchase_validate_apple(user, "lua-2", false).validated_purchases[1]
  local bad, why, code = pcall(nk.purchase_validate_apple, user, "bad")
  local google, not_there = pcall(nk.purchase_validate_google, user, "x")
  local list, cursor, before = nk.purchases_list(user, 1)
  local held = nk.subscription_validate_apple(user, "subscription-lua").validated_subscription
  local found = nk.subscription_get_by_product_id(user, "gold")
  local kept = nk.subscriptions_list(user)
  return nk.json_encode({
    fresh = fresh, again = again.seen_before, looked = looked.create_time == nil,
    bad = { bad, code }, google = { google, tostring(not_there) },
    listed = { #list, list[1].refund_time, cursor == nil, before == nil },
    active = held.active, found = found.original_transaction_id, kept = #kept,
    got = nk.purchase_get_by_transaction_id("lua-1").user_id,
  })
end, "lua")
"#;

const JAVASCRIPT: &str = r#"
function InitModule(ctx, logger, nk, initializer) {
  initializer.registerRpc("javascript", (ctx, logger, nk, user) => {
    const bought = nk.purchaseValidateApple(user, "js-1").validatedPurchases[0];
    const page = nk.purchasesList(user, 1);
    const rest = nk.purchasesList(user, 10, page.cursor);
    let code;
    try { nk.purchaseGetByTransactionId("nothing"); } catch (error) { code = error.code; }
    const held = nk.subscriptionValidateApple(user, "subscription-js").validatedSubscription;
    return JSON.stringify({
      bought, code, held: held.originalTransactionId,
      pages: [page.validatedPurchases.length, rest.validatedPurchases.length, !!rest.prevCursor],
      subscriptions: nk.subscriptionsList(user).validatedSubscriptions.length,
    });
  });
}
"#;

#[tokio::test]
async fn server_code_checks_and_lists_purchases() {
    let store = StandIn::new(apple).await;
    let files = folder(&[("shop.lua", LUA), ("index.js", JAVASCRIPT)]);
    let mut world = World::with(Vec::new(), |settings| {
        with(files.path())(settings);
        settings.iap.apple.shared_password = Secret::new("hush");
        settings.iap.apple.production_url = store.url();
    })
    .await;
    let at = world.at.game.http;
    let session = sign_in(at, "a-device-of-shoppers").await.body;
    let player = As::Player(session["token"].as_str().unwrap());
    let account = ask(at, player, "GET", "/v2/account", "").await.body;
    let id = account["user"]["id"].as_str().unwrap();

    let lua = rpc(&world, "lua", id).await.body;
    assert_eq!(lua["fresh"]["store"], "APPLE_APP_STORE", "{lua}");
    assert_eq!(lua["fresh"]["environment"], "PRODUCTION");
    assert_eq!((&lua["fresh"]["user_id"], &lua["got"]), (&json!(id), &json!(id)));
    assert_eq!(lua["fresh"]["purchase_time"], 1_700_000_000);
    assert_eq!(lua["fresh"].get("refund_time"), None, "not refunded");
    assert_eq!((&lua["fresh"]["seen_before"], &lua["again"]), (&json!(false), &json!(true)));
    assert_eq!((&lua["looked"], &lua["bad"]), (&json!(true), &json!([false, 9])));
    assert_eq!(lua["google"][0], false);
    assert!(lua["google"][1].as_str().unwrap().contains("not configured"), "{lua}");
    assert_eq!(lua["listed"], json!([1, 0, true, true]));
    assert_eq!((&lua["active"], &lua["kept"]), (&json!(true), &json!(1)));
    assert_eq!(lua["found"], "subscription-lua");

    let js = rpc(&world, "javascript", id).await.body;
    assert_eq!(js["bought"]["transactionId"], "js-1", "{js}");
    assert_eq!((&js["code"], &js["held"]), (&json!(5), &json!("subscription-js")));
    assert_eq!((&js["pages"], &js["subscriptions"]), (&json!([1, 1, true]), &json!(2)));
    world.stop().await;
}
