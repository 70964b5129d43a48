//! Facebook Instant Games.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};
use tavern_domain::{ErrorCode, Secret, Timestamp};
use tavern_purchases::{Config, FacebookInstantConfig, PurchaseProof, ShopError};

use crate::stand_in::{World, code};

fn world() -> World {
    let facebook_instant = FacebookInstantConfig { app_secret: Secret::new("hush") };
    World::new(Config { facebook_instant, ..Config::default() })
}

fn signed_by(secret: &str, payload: &str) -> String {
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, payload.as_bytes()));
    format!("{signature}.{payload}")
}

fn signed(payload: &Value) -> String {
    signed_by("hush", &payload.to_string())
}

fn payment() -> Value {
    json!({
        "algorithm": "HMAC-SHA256",
        "product_id": "gems",
        "purchase_token": "token",
        "payment_id": "payment",
        "purchase_time": 1_700_000_000.0,
    })
}

#[tokio::test]
async fn a_signed_payment_is_kept() {
    let world = world();
    let player = world.player().await;
    let text = signed(&payment());
    let padded = text.replacen('.', "=.", 1);
    for (text, again) in [(&text, false), (&padded, true)] {
        let proof = PurchaseProof::FacebookInstant { signed_request: text };
        let bought = world.shop.validate_purchase(player, proof, true).await.unwrap().remove(0);
        assert_eq!((bought.product.as_str(), bought.transaction.as_str()), ("gems", "token"));
        assert_eq!(bought.purchase_time, Timestamp::from_seconds(1_700_000_000));
        assert_eq!((bought.user, bought.seen_before), (player, again));
        assert_eq!(serde_json::from_str::<Value>(&bought.response).unwrap(), payment());
    }
}

#[tokio::test]
async fn what_was_not_signed_is_refused() {
    let world = world();
    let player = world.player().await;
    let good = signed(&payment());
    let (signature, payload) = good.split_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(payment().to_string().replace("gems", "all gems"));
    let with = |name: &str, value: Value| {
        let mut payment = payment();
        payment[name] = value;
        signed(&payment)
    };
    for (text, expected) in [
        (String::new(), ErrorCode::InvalidArgument),
        ("no dot".to_owned(), ErrorCode::InvalidArgument),
        (format!("!.{payload}"), ErrorCode::InvalidArgument),
        (format!(".{payload}"), ErrorCode::FailedPrecondition),
        (format!("{}.{payload}", &signature[..40]), ErrorCode::FailedPrecondition),
        (format!("{signature}.{other}"), ErrorCode::FailedPrecondition),
        (format!("{good}.x"), ErrorCode::FailedPrecondition),
        (signed_by("", &payment().to_string()), ErrorCode::FailedPrecondition),
        (signed_by("hush!", &payment().to_string()), ErrorCode::FailedPrecondition),
        (signed_by("hush", "garbage"), ErrorCode::InvalidArgument),
        (signed_by("hush", "[]"), ErrorCode::InvalidArgument),
        (with("algorithm", "none".into()), ErrorCode::InvalidArgument),
        (with("purchase_time", (-1).into()), ErrorCode::InvalidArgument),
        (with("purchase_time", 1e300.into()), ErrorCode::InvalidArgument),
        (with("purchase_token", "".into()), ErrorCode::Unknown),
    ] {
        let proof = PurchaseProof::FacebookInstant { signed_request: &text };
        let refused = world.shop.validate_purchase(player, proof, true).await;
        assert_eq!(code(refused), expected, "{text}");
    }
    assert_eq!(world.shop.purchases(Default::default()).await.unwrap().entries, []);
}

#[tokio::test]
async fn an_empty_secret_signs_nothing() {
    let world = World::new(Config::default());
    let player = world.player().await;
    let text = signed_by("", &payment().to_string());
    let proof = PurchaseProof::FacebookInstant { signed_request: &text };
    let refused = world.shop.validate_purchase(player, proof, true).await;
    assert!(matches!(refused, Err(ShopError::NotConfigured(_))), "{refused:?}");
}
