//! Samsung's store.

use serde_json::{Value, json};
use tavern_domain::{ErrorCode, Timestamp};
use tavern_purchases::{Config, PurchaseProof, SamsungConfig, ShopError};
use tavern_storage::StoreEnvironment;

use crate::stand_in::{IMPATIENT, Reply, StandIn, World, code, failures, in_turn};

fn config(at: &StandIn) -> Config {
    let samsung =
        SamsungConfig { package_name: "com.example.game".to_owned(), url: at.url.clone() };
    Config { samsung, timeout: IMPATIENT, ..Config::default() }
}

fn receipt() -> Value {
    json!({
        "status": "success",
        "mode": "TEST",
        "packageName": "com.example.game",
        "itemId": "gems",
        "purchaseDate": "2023-11-14 22:13:20",
    })
}

fn proof(purchase_id: &str) -> PurchaseProof<'_> {
    PurchaseProof::Samsung { purchase_id }
}

#[tokio::test]
async fn a_purchase_is_looked_up_by_its_id() {
    let store = StandIn::new(|_| Reply::json(&receipt())).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let bought = world.shop.validate_purchase(player, proof("an id&x=1"), true).await.unwrap();
    let bought = &bought[0];
    assert_eq!((bought.product.as_str(), bought.transaction.as_str()), ("gems", "an id&x=1"));
    assert_eq!(bought.purchase_time, Timestamp::from_seconds(1_700_000_000));
    assert_eq!(bought.environment, StoreEnvironment::Sandbox);
    assert_eq!(store.seen()[0].path, "/iap/v6/receipt?purchaseID=an%20id%26x%3D1");
}

#[tokio::test]
async fn what_samsung_does_not_confirm_is_refused() {
    let with = |name: &str, value: &str| {
        let mut receipt = receipt();
        receipt[name] = value.into();
        Reply::json(&receipt)
    };
    let answers = [
        (with("status", "fail"), ErrorCode::FailedPrecondition),
        (with("packageName", "com.example"), ErrorCode::FailedPrecondition),
        (with("packageName", ""), ErrorCode::FailedPrecondition),
        (with("itemId", ""), ErrorCode::Unknown),
        (with("purchaseDate", "yesterday"), ErrorCode::Unknown),
        (Reply::json(&json!({})), ErrorCode::FailedPrecondition),
    ];
    let (replies, expected): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    let next = in_turn(replies);
    let store = StandIn::new(move |_| next()).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    for (at, expected) in expected.into_iter().enumerate() {
        let refused = world.shop.validate_purchase(player, proof("id"), true).await;
        assert_eq!(code(refused), expected, "answer {at}");
    }
    store.seen();
    for bad in ["", &"x".repeat(513)] {
        let refused = world.shop.validate_purchase(player, proof(bad), true).await;
        assert_eq!(code(refused), ErrorCode::InvalidArgument);
    }
    assert_eq!(store.seen().len(), 0, "the store was not asked");
}

#[tokio::test]
async fn whatever_goes_wrong_on_the_way_is_told_apart() {
    let (replies, expected): (Vec<_>, Vec<_>) = failures().into_iter().unzip();
    let next = in_turn(replies);
    let store = StandIn::new(move |_| next()).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    for (at, expected) in expected.into_iter().enumerate() {
        let refused = world.shop.validate_purchase(player, proof("id"), true).await;
        assert_eq!(code(refused), expected, "failure {at}");
    }
    let unasked = world.shop.validate_purchase(player, proof("id"), true).await;
    assert!(matches!(unasked, Err(ShopError::Unasked { .. })), "{unasked:?}");
}
