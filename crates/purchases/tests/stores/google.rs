//! Google's store.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tavern_domain::{ErrorCode, Secret, Timestamp};
use tavern_purchases::{
    Config, GoogleAccount, GoogleConfig, PurchaseProof, ShopError, SubscriptionProof,
};
use tavern_storage::StoreEnvironment;

use crate::stand_in::{IMPATIENT, NOW, Reply, Seen, StandIn, World, code, failures, in_turn};

const KEY: &str = include_str!("rsa_key.pem");

fn config(at: &StandIn) -> Config {
    let google = GoogleConfig {
        client_email: "shop@example.iam".to_owned(),
        private_key: Secret::new(KEY),
        token_url: format!("{}/token", at.url),
        api_url: at.url.clone(),
    };
    Config { google, timeout: IMPATIENT, ..Config::default() }
}

/// A store that hands out tokens and leaves the rest to the script.
async fn store(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> StandIn {
    StandIn::new(move |seen| match seen.path.as_str() {
        "/token" => Reply::json(&json!({ "access_token": "t0ken", "expires_in": 3600 })),
        _ => script(seen),
    })
    .await
}

fn claim() -> Value {
    json!({
        "orderId": "GPA.1",
        "packageName": "com.example.game",
        "productId": "gems",
        "purchaseTime": 1_i64,
        "purchaseState": 0,
        "purchaseToken": "a/token?",
    })
}

fn purchase(purchase: &str) -> PurchaseProof<'_> {
    PurchaseProof::Google { purchase, account: GoogleAccount::default() }
}

fn subscription(receipt: &str) -> SubscriptionProof<'_> {
    SubscriptionProof::Google { receipt, account: GoogleAccount::default() }
}

fn product() -> Value {
    json!({ "purchaseTimeMillis": "1700000000000", "purchaseState": 0, "orderId": "GPA.1" })
}

#[tokio::test]
async fn a_purchase_is_looked_up_with_a_token_that_is_kept() {
    let store = store(|_| Reply::json(&product())).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let wrapped = json!({ "json": claim().to_string(), "signature": ".." }).to_string();
    for (text, again) in [(claim().to_string(), false), (wrapped, true)] {
        let bought = world.shop.validate_purchase(player, purchase(&text), true).await.unwrap();
        assert_eq!(bought.len(), 1);
        let bought = &bought[0];
        assert_eq!((bought.product.as_str(), bought.transaction.as_str()), ("gems", "a/token?"));
        let time = Timestamp::from_seconds(1_700_000_000);
        assert_eq!(bought.purchase_time, time, "the store's, and not the device's");
        assert_eq!(bought.environment, StoreEnvironment::Production);
        assert_eq!(bought.seen_before, again);
        assert!(bought.response.contains("GPA.1"));
    }
    let seen = store.seen();
    let paths: Vec<&str> = seen.iter().map(|seen| seen.path.as_str()).collect();
    let at = "/androidpublisher/v3/applications/com.example.game/purchases/products/gems/tokens/a%2Ftoken%3F";
    assert_eq!(paths, ["/token", at, at], "one token for both");
    assert_eq!(seen[1].authorization, "Bearer t0ken");
    let form = &seen[0].body;
    assert!(form.starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"));
    let assertion = form.split("assertion=").nth(1).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], "shop@example.iam");
    assert_eq!(claims["aud"], format!("{}/token", store.url));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3_600);
    assert_eq!(claims["iat"], NOW.seconds());
    world.clock.advance_seconds(3_300);
    world.shop.validate_purchase(player, purchase(&claim().to_string()), true).await.unwrap();
    assert_eq!(store.seen()[0].path, "/token", "the old one has nearly expired");
}

#[tokio::test]
async fn the_request_for_a_token_is_signed_with_the_accounts_key() {
    let store = store(|_| Reply::json(&product())).await;
    let mut config = config(&store);
    // As it is often written in an environment variable.
    config.google.private_key = Secret::new(KEY.replace('\n', "\\n"));
    let world = World::new(config);
    let player = world.player().await;
    world.shop.validate_purchase(player, purchase(&claim().to_string()), true).await.unwrap();
    let form = store.seen().remove(0).body;
    let assertion = form.split("assertion=").nth(1).unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let key = rcgen::KeyPair::from_pem(KEY).unwrap();
    let key = ring::signature::UnparsedPublicKey::new(
        &ring::signature::RSA_PKCS1_2048_8192_SHA256,
        key.public_key_raw(),
    );
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();
    assert!(key.verify(b"something else", &signature).is_err());
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_asked_for_again_once() {
    let answers = in_turn(vec![
        Reply::json(&product()),
        Reply::Says(401, "{}".to_owned()),
        Reply::json(&product()),
        Reply::Says(401, "{}".to_owned()),
        Reply::Says(401, "{}".to_owned()),
    ]);
    let store = store(move |_| answers()).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let text = claim().to_string();
    for fine in [true, true, false] {
        let outcome = world.shop.validate_purchase(player, purchase(&text), true).await;
        assert_eq!(outcome.is_ok(), fine, "{outcome:?}");
    }
    assert_eq!(store.seen().iter().filter(|seen| seen.path == "/token").count(), 3);
}

#[tokio::test]
async fn what_is_not_completed_is_refused() {
    let answers = [
        (Reply::json(&json!({ "purchaseTimeMillis": "1", "purchaseState": 1 })), 9),
        (Reply::json(&json!({ "purchaseTimeMillis": "1", "purchaseState": 2 })), 9),
        (Reply::json(&json!({ "purchaseTimeMillis": "1", "productId": "other" })), 9),
        (Reply::json(&json!({ "purchaseState": 0 })), 2),
        (Reply::Says(400, "{}".to_owned()), 9),
        (Reply::Says(404, "{}".to_owned()), 9),
        (Reply::Says(410, String::new()), 9),
        (Reply::json(&product()), 9),
    ];
    let (replies, expected): (Vec<_>, Vec<u8>) = answers.into_iter().unzip();
    let next = in_turn(replies);
    let store = store(move |_| next()).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let last = expected.len() - 1;
    for (at, expected) in expected.into_iter().enumerate() {
        let mut claim = claim();
        // The last one is fine for the store, and not for the device itself.
        claim["purchaseState"] = u8::from(at == last).into();
        let text = claim.to_string();
        let refused = world.shop.validate_purchase(player, purchase(&text), true).await;
        assert_eq!(code(refused).number(), expected, "answer {at}");
    }
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
        let refused =
            world.shop.validate_purchase(player, purchase(&claim().to_string()), true).await;
        assert_eq!(code(refused), expected, "failure {at}");
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_used_is_the_servers_fault() {
    let bad_token = StandIn::new(|_| Reply::json(&json!({ "access_token": "a\nb" }))).await;
    let not_let_in = StandIn::new(|_| Reply::Says(401, "{}".to_owned())).await;
    for store in [&bad_token, &not_let_in] {
        let world = World::new(config(store));
        let player = world.player().await;
        let refused =
            world.shop.validate_purchase(player, purchase(&claim().to_string()), true).await;
        assert_eq!(code(refused), ErrorCode::Unknown);
        assert_eq!(store.seen().len(), 1, "the purchase was not asked about");
    }
    let mut config = config(&bad_token);
    config.google.private_key = Secret::new("no key");
    let world = World::new(config);
    let player = world.player().await;
    let refused = world.shop.validate_purchase(player, purchase(&claim().to_string()), true).await;
    assert_eq!(code(refused), ErrorCode::Unknown);
    assert_eq!(bad_token.seen().len(), 0);
}

#[tokio::test]
async fn without_an_account_google_is_not_configured() {
    let world = World::new(Config::default());
    let player = world.player().await;
    for text in ["", "x"] {
        let refused = world.shop.validate_purchase(player, purchase(text), true).await;
        assert!(matches!(refused, Err(ShopError::NotConfigured(_))), "{refused:?}");
        let refused = world.shop.validate_subscription(player, subscription(text), true).await;
        assert!(matches!(refused, Err(ShopError::NotConfigured(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_trial_is_marked_as_one() {
    let mut trial = product();
    trial["purchaseType"] = 0.into();
    let store = store(move |_| Reply::json(&trial)).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let bought =
        world.shop.validate_purchase(player, purchase(&claim().to_string()), false).await.unwrap();
    assert_eq!(bought[0].environment, StoreEnvironment::Sandbox);
    assert_eq!((bought[0].kept, bought[0].user), (None, player), "not kept");
    assert_eq!(world.shop.purchases(Default::default()).await.unwrap().entries, []);
}

#[tokio::test]
async fn a_subscription_goes_on_under_the_token_that_it_replaces() {
    let first = json!({
        "startTime": "2026-01-02T03:04:05Z",
        "lineItems": [{ "productId": "season", "expiryTime": "2027-02-01T00:00:00Z" }],
    });
    let upgraded = json!({
        "startTime": "2026-03-02T03:04:05.5Z",
        "linkedPurchaseToken": "a/token?",
        "testPurchase": {},
        "lineItems": [
            { "productId": "other", "expiryTime": "2029-01-01T00:00:00Z" },
            { "productId": "better", "expiryTime": "2028-01-01T00:00:00Z" },
        ],
    });
    let answers = in_turn(vec![
        Reply::json(&first),
        Reply::json(&upgraded),
        Reply::json(&json!({ "startTime": "2026-01-02T03:04:05Z", "lineItems": [{}] })),
        Reply::json(
            &json!({ "lineItems": [{ "productId": "a", "expiryTime": "2027-02-01T00:00:00Z" }] }),
        ),
    ]);
    let store = store(move |_| answers()).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let text = claim().to_string();
    let held = world.shop.validate_subscription(player, subscription(&text), true).await.unwrap();
    assert_eq!((held.original_transaction.as_str(), held.active), ("a/token?", true));
    assert_eq!(held.product, "season", "the store's, and not the device's");
    let at = "/androidpublisher/v3/applications/com.example.game/purchases/subscriptionsv2/tokens/a%2Ftoken%3F";
    assert_eq!(store.seen()[1].path, at);
    let mut better = claim();
    better["productId"] = "better".into();
    better["purchaseToken"] = "next".into();
    let text = better.to_string();
    let held = world.shop.validate_subscription(player, subscription(&text), true).await.unwrap();
    assert_eq!((held.original_transaction.as_str(), held.product.as_str()), ("a/token?", "better"));
    let all = world.shop.subscriptions(Default::default()).await.unwrap().entries;
    assert_eq!(all.len(), 1, "one subscription");
    let refused = world.shop.validate_subscription(player, subscription(&text), true).await;
    assert_eq!(code(refused), ErrorCode::FailedPrecondition, "nothing is paid for yet");
    let refused = world.shop.validate_subscription(player, subscription(&text), true).await;
    assert_eq!(code(refused), ErrorCode::Unknown, "no beginning");
}
