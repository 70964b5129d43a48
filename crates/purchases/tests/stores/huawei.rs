//! Huawei's store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use tavern_domain::{ErrorCode, Secret, Timestamp, UserId};
use tavern_purchases::{Config, HuaweiConfig, PurchaseProof, ShopError, ValidatedPurchase};
use tavern_storage::StoreEnvironment;

use crate::stand_in::{IMPATIENT, Reply, Seen, StandIn, World, code, failures, in_turn};

fn key() -> KeyPair {
    KeyPair::from_pem(include_str!("rsa_key.pem")).unwrap()
}

fn config(at: &StandIn) -> Config {
    let huawei = HuaweiConfig {
        client_id: "client".to_owned(),
        client_secret: Secret::new("a secret&"),
        public_key: STANDARD.encode(key().subject_public_key_info()),
        token_url: format!("{}/token", at.url),
        orders_url: format!("{}/orders", at.url),
        app_touch_url: format!("{}/touch", at.url),
    };
    Config { huawei, timeout: IMPATIENT, ..Config::default() }
}

async fn store(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> StandIn {
    StandIn::new(move |seen| match seen.path.as_str() {
        "/token" => Reply::json(&json!({ "access_token": "t0ken", "expires_in": 3600 })),
        _ => script(seen),
    })
    .await
}

fn claim() -> Value {
    json!({
        "productId": "gems",
        "purchaseToken": "a.token",
        "purchaseTime": 1_700_000_000_000_i64,
        "purchaseState": 0,
        "kind": 0,
    })
}

fn confirmed(data: Value) -> Reply {
    Reply::json(&json!({ "responseCode": "0", "purchaseTokenData": data }))
}

async fn bring(world: &World, user: UserId, claim: &Value) -> Result<ValidatedPurchase, ShopError> {
    let purchase = claim.to_string();
    let signature = STANDARD.encode(key().sign(purchase.as_bytes()).unwrap());
    let proof = PurchaseProof::Huawei { purchase: &purchase, signature: &signature };
    world.shop.validate_purchase(user, proof, true).await.map(|mut all| all.remove(0))
}

#[tokio::test]
async fn a_signed_purchase_is_looked_up_where_its_account_is() {
    let store = store(|_| confirmed(claim().to_string().into())).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let bought = bring(&world, player, &claim()).await.unwrap();
    assert_eq!((bought.transaction.as_str(), bought.product.as_str()), ("a.token", "gems"));
    assert_eq!(bought.purchase_time, Timestamp::from_seconds(1_700_000_000));
    assert_eq!(bought.environment, StoreEnvironment::Production);
    let mut touch = claim();
    touch["accountFlag"] = 1.into();
    touch["purchaseType"] = 0.into();
    let bought = bring(&world, player, &touch).await.unwrap();
    assert!(bought.seen_before);
    let seen = store.seen();
    let paths: Vec<&str> = seen.iter().map(|seen| seen.path.as_str()).collect();
    let [orders, touch] =
        ["/orders", "/touch"].map(|at| format!("{at}/applications/purchases/tokens/verify"));
    assert_eq!(paths, ["/token", &orders, &touch], "one token for both");
    let form = "grant_type=client_credentials&client_id=client&client_secret=a%20secret%26";
    assert_eq!(seen[0].body, form);
    let expected = format!("Basic {}", STANDARD.encode("APPAT:t0ken"));
    assert_eq!(seen[1].authorization, expected);
    let sent: Value = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(sent, json!({ "purchaseToken": "a.token", "productId": "gems" }));
}

#[tokio::test]
async fn a_trial_is_marked_as_one() {
    let mut trial = claim();
    trial["purchaseType"] = 0.into();
    let answer = trial.clone();
    let store = store(move |_| confirmed(answer.clone())).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let bought = bring(&world, player, &trial).await.unwrap();
    assert_eq!(bought.environment, StoreEnvironment::Sandbox);
}

#[tokio::test]
async fn what_huawei_did_not_sign_is_never_asked_about() {
    let store = StandIn::new(|_| panic!("nobody asks")).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let purchase = claim().to_string();
    let good = STANDARD.encode(key().sign(purchase.as_bytes()).unwrap());
    let changed = purchase.replace("gems", "many gems");
    for (purchase, signature, expected) in [
        (changed.as_str(), good.as_str(), ErrorCode::FailedPrecondition),
        (&purchase, "", ErrorCode::InvalidArgument),
        (&purchase, "!", ErrorCode::FailedPrecondition),
        (&purchase, "AAAA", ErrorCode::FailedPrecondition),
        ("", &good, ErrorCode::InvalidArgument),
    ] {
        let proof = PurchaseProof::Huawei { purchase, signature };
        let refused = world.shop.validate_purchase(player, proof, true).await;
        assert_eq!(code(refused), expected, "{purchase} {signature}");
    }
    let mut subscription = claim();
    subscription["kind"] = 2.into();
    let refused = bring(&world, player, &subscription).await;
    assert!(matches!(refused, Err(ShopError::NoPurchase)), "{refused:?}");
    let refused = bring(&world, player, &json!("a text")).await;
    assert!(matches!(refused, Err(ShopError::Malformed(_))), "{refused:?}");
    assert_eq!(store.seen().len(), 0);
}

#[tokio::test]
async fn a_purchase_that_the_store_does_not_confirm_is_refused() {
    let changed = |name: &str, value: Value| {
        let mut claim = claim();
        claim[name] = value;
        claim
    };
    let answers = [
        (Reply::json(&json!({ "responseCode": "5" })), ErrorCode::FailedPrecondition),
        (Reply::json(&json!({})), ErrorCode::FailedPrecondition),
        (confirmed(changed("productId", "other".into())), ErrorCode::FailedPrecondition),
        (confirmed(changed("purchaseToken", "other".into())), ErrorCode::FailedPrecondition),
        (confirmed(changed("purchaseState", 1.into())), ErrorCode::FailedPrecondition),
        (confirmed("no JSON".into()), ErrorCode::Unknown),
        (confirmed(json!(5)), ErrorCode::Unknown),
        (Reply::Says(401, "{}".to_owned()), ErrorCode::Unknown),
    ];
    let (replies, expected): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    let next = in_turn(replies);
    let store = store(move |_| next()).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    for (at, expected) in expected.into_iter().enumerate() {
        assert_eq!(code(bring(&world, player, &claim()).await), expected, "answer {at}");
    }
    let tokens = |seen: Vec<Seen>| seen.iter().filter(|seen| seen.path == "/token").count();
    assert_eq!(tokens(store.seen()), 1);
    // A token that was taken back is not used again.
    assert_eq!(code(bring(&world, player, &claim()).await), ErrorCode::Unknown);
    assert_eq!(tokens(store.seen()), 1);
    assert_eq!(world.shop.purchases(Default::default()).await.unwrap().entries, []);
}

#[tokio::test]
async fn whatever_goes_wrong_on_the_way_is_told_apart() {
    let (replies, expected): (Vec<_>, Vec<_>) = failures().into_iter().unzip();
    let next = in_turn(replies);
    let store = store(move |_| next()).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    for (at, expected) in expected.into_iter().enumerate() {
        // What is no good answer has no good code.
        let got = code(bring(&world, player, &claim()).await);
        assert_eq!(got, expected, "failure {at}");
    }
}

#[tokio::test]
async fn without_keys_huawei_is_not_configured() {
    let store = StandIn::new(|_| panic!("nobody asks")).await;
    let empty: [fn(&mut HuaweiConfig); 3] = [
        |config| config.client_id.clear(),
        |config| config.client_secret = Secret::default(),
        |config| config.public_key.clear(),
    ];
    for without in empty {
        let mut config = config(&store);
        without(&mut config.huawei);
        let world = World::new(config);
        let player = world.player().await;
        let refused = bring(&world, player, &claim()).await;
        assert!(matches!(refused, Err(ShopError::NotConfigured(_))), "{refused:?}");
    }
    let mut config = config(&store);
    config.huawei.public_key = "AAAA".to_owned();
    let world = World::new(config);
    let player = world.player().await;
    assert_eq!(code(bring(&world, player, &claim()).await), ErrorCode::Unknown);
}
