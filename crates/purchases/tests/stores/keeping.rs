//! What is kept, whoever brings it, and how it is listed.

use serde_json::json;
use tavern_domain::{Secret, UserId};
use tavern_purchases::{
    AppleConfig, Config, ListQuery, PurchaseProof, ShopError, ValidatedPurchase,
};

use crate::stand_in::{Reply, StandIn, World};

/// A store whose receipts name what was bought: transactions with commas between.
async fn world() -> World {
    let store = StandIn::new(|seen| {
        let sent: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
        let bought = sent["receipt-data"].as_str().unwrap().split(',').enumerate();
        let bought: Vec<_> = bought
            .map(|(at, transaction)| {
                let time = (1_700_000_000_000 + i64::try_from(at).unwrap() * 1_000).to_string();
                json!({ "transaction_id": transaction, "product_id": "gems", "purchase_date_ms": time })
            })
            .collect();
        Reply::json(&json!({ "status": 0, "receipt": { "in_app": bought } }))
    })
    .await;
    let apple = AppleConfig {
        shared_password: Secret::new("hush"),
        production_url: store.url.clone(),
        ..AppleConfig::default()
    };
    World::new(Config { apple, ..Config::default() })
}

async fn bring(
    world: &World,
    user: UserId,
    receipt: &str,
) -> Result<Vec<ValidatedPurchase>, ShopError> {
    let proof = PurchaseProof::Apple { receipt, password: None };
    world.shop.validate_purchase(user, proof, true).await
}

#[tokio::test]
async fn what_another_player_brings_again_stays_whose_it_is() {
    let world = world().await;
    let (first, thief) = (world.player().await, world.player().await);
    let bought = bring(&world, first, "one").await.unwrap();
    assert!(!bought[0].seen_before);
    world.clock.advance_seconds(10);
    let replayed = bring(&world, thief, "one,two").await.unwrap();
    let told: Vec<_> =
        replayed.iter().map(|p| (p.transaction.as_str(), p.user, p.seen_before)).collect();
    assert_eq!(told, [("one", first, true), ("two", thief, false)]);
    assert!(bring(&world, first, "one").await.unwrap()[0].seen_before, "also for its owner");
    let of = async |user| {
        let query = ListQuery { user: Some(user), ..ListQuery::default() };
        world.shop.purchases(query).await.unwrap().entries.len()
    };
    assert_eq!((of(first).await, of(thief).await), (1, 1));
}

#[tokio::test]
async fn a_player_without_an_account_keeps_nothing() {
    let world = world().await;
    let gone = world.player().await;
    world.storage.accounts.delete(gone, false, crate::stand_in::NOW).await.unwrap();
    let refused = bring(&world, gone, "one").await;
    assert!(matches!(refused, Err(ShopError::NoAccount)), "{refused:?}");
    let unknown = world.shop.purchase_of("one").await;
    assert!(matches!(unknown, Err(ShopError::NotFound(_))), "{unknown:?}");
}

#[tokio::test]
async fn pages_can_be_turned_both_ways() {
    let world = world().await;
    let player = world.player().await;
    bring(&world, player, "a,b,c,d,e").await.unwrap();
    let page = async |cursor: &str| {
        let query = ListQuery { user: Some(player), limit: Some(2), cursor };
        let page = world.shop.purchases(query).await.unwrap();
        let names: Vec<_> = page.entries.into_iter().map(|p| p.transaction).collect();
        (names.concat(), page.cursor.unwrap_or_default(), page.prev_cursor.unwrap_or_default())
    };
    let (first, next, none) = page("").await;
    assert_eq!((first.as_str(), none.as_str()), ("ed", ""), "newest first");
    let (second, last, back) = page(&next).await;
    assert_eq!(second, "cb");
    let (third, none, back_again) = page(&last).await;
    assert_eq!((third.as_str(), none.as_str()), ("a", ""));
    assert_eq!(page(&back_again).await.0, "cb", "back from the last page");
    let (again, next_again, none) = page(&back).await;
    assert_eq!((again.as_str(), none.as_str()), ("ed", ""), "back to the first");
    assert_eq!(page(&next_again).await.0, "cb", "and on from there");
}
