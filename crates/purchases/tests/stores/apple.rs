//! Apple's store.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, IsCa, Issuer, KeyPair, SigningKey as _,
};
use serde_json::{Value, json};
use tavern_domain::{ErrorCode, Secret, Timestamp, UserId};
use tavern_purchases::{
    AppleConfig, Config, PurchaseProof, ShopError, SubscriptionProof, ValidatedPurchase,
};
use tavern_storage::StoreEnvironment;

use crate::stand_in::{IMPATIENT, NOW, Reply, StandIn, World, code, failures, in_turn};

fn config(at: &StandIn) -> Config {
    let apple = AppleConfig {
        shared_password: Secret::new("hush"),
        production_url: format!("{}/production/", at.url),
        sandbox_url: format!("{}/sandbox", at.url),
        ..AppleConfig::default()
    };
    Config { apple, timeout: IMPATIENT, ..Config::default() }
}

fn entry(transaction: &str, end: Option<i64>) -> Value {
    let mut entry = json!({
        "transaction_id": transaction,
        "original_transaction_id": format!("{transaction}-original"),
        "product_id": "gems",
        "purchase_date_ms": "1700000000000",
        "original_purchase_date_ms": "1690000000000",
    });
    if let Some(end) = end {
        entry["expires_date_ms"] = end.to_string().into();
    }
    entry
}

fn good(in_app: &[Value], latest: &[Value]) -> Value {
    json!({
        "status": 0,
        "environment": "Production",
        "receipt": { "bundle_id": "com.example.game", "in_app": in_app },
        "latest_receipt_info": latest,
    })
}

fn receipt(receipt: &str) -> PurchaseProof<'_> {
    PurchaseProof::Apple { receipt, password: None }
}

fn of_subscription(receipt: &str) -> SubscriptionProof<'_> {
    SubscriptionProof::Apple { receipt, password: None }
}

#[tokio::test]
async fn a_receipt_is_checked_and_all_in_it_is_kept() {
    let answer = good(
        &[entry("one", None), entry("two", Some(1)), entry("one", None)],
        &[entry("three", None)],
    );
    let store = StandIn::new(move |_| Reply::json(&answer)).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let bought = world.shop.validate_purchase(player, receipt("a+b/="), true).await.unwrap();
    let transactions: Vec<&str> = bought.iter().map(|one| one.transaction.as_str()).collect();
    assert_eq!(transactions, ["one", "three"], "each once, and no subscription");
    let one = &bought[0];
    assert_eq!((one.user, one.product.as_str(), one.seen_before), (player, "gems", false));
    assert_eq!(one.purchase_time, Timestamp::from_seconds(1_700_000_000));
    assert_eq!(one.environment, StoreEnvironment::Production);
    assert_eq!(one.kept.unwrap().create_time, NOW);
    let seen = store.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].method.as_str(), seen[0].path.as_str()),
        ("POST", "/production/verifyReceipt")
    );
    let sent: Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!(sent["receipt-data"], "a+b/=");
    assert_eq!(sent["password"], "hush");
    let kept = world.shop.purchase_of("one").await.unwrap();
    assert_eq!(kept.user, player);
}

#[tokio::test]
async fn a_receipt_of_a_trial_is_checked_elsewhere() {
    let store = StandIn::new(|seen| match seen.path.as_str() {
        "/production/verifyReceipt" => Reply::json(&json!({ "status": 21007 })),
        "/sandbox/verifyReceipt" => {
            let mut answer = good(&[entry("one", None)], &[]);
            answer["environment"] = "Sandbox".into();
            Reply::json(&answer)
        }
        other => panic!("nobody asks for {other}"),
    })
    .await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let bought = world.shop.validate_purchase(player, receipt("trial"), true).await.unwrap();
    assert_eq!(bought[0].environment, StoreEnvironment::Sandbox);
    assert_eq!(store.seen().len(), 2);
}

#[tokio::test]
async fn a_refused_receipt_keeps_nothing() {
    for (answer, expected) in [
        (json!({ "status": 21003 }), ErrorCode::FailedPrecondition),
        (json!({ "status": 21007 }), ErrorCode::FailedPrecondition),
        (json!({ "status": 21005 }), ErrorCode::Unavailable),
        (json!({ "status": 21150, "is-retryable": true }), ErrorCode::Unavailable),
        (json!({ "status": 21150, "is-retryable": 1 }), ErrorCode::Unavailable),
        (json!({ "status": 21150, "is-retryable": 0 }), ErrorCode::FailedPrecondition),
        (json!({}), ErrorCode::Unknown),
        (good(&[], &[]), ErrorCode::FailedPrecondition),
        (good(&[json!({ "transaction_id": "one" })], &[]), ErrorCode::Unknown),
        (good(&[json!({ "purchase_date_ms": "soon" })], &[]), ErrorCode::Unknown),
        (good(&[entry("", None)], &[]), ErrorCode::Unknown),
        (good(&[entry(&"e".repeat(513), None)], &[]), ErrorCode::Unknown),
        (good(&vec![entry("one", None); 1_001], &[]), ErrorCode::Unknown),
    ] {
        let shown = answer.to_string();
        let store = StandIn::new(move |_| Reply::json(&answer)).await;
        let world = World::new(config(&store));
        let player = world.player().await;
        let refused = world.shop.validate_purchase(player, receipt("bad"), true).await;
        assert_eq!(code(refused), expected, "{shown:.100}");
        let kept = world.shop.purchases(Default::default()).await.unwrap();
        assert_eq!(kept.entries, [], "{shown:.100}");
    }
}

#[tokio::test]
async fn whatever_goes_wrong_on_the_way_is_told_apart() {
    let (replies, expected): (Vec<_>, Vec<_>) = failures().into_iter().unzip();
    let next = in_turn(replies);
    let store = StandIn::new(move |_| next()).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    for (at, expected) in expected.into_iter().enumerate() {
        let refused = world.shop.validate_purchase(player, receipt("any"), true).await;
        let error = refused.unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
        assert_eq!(code::<()>(Err(error)), expected, "failure {at}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_receipt_is_never_sent() {
    let store = StandIn::new(|_| panic!("nobody asks")).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let long = "x".repeat(tavern_purchases::MAX_PROOF_BYTES + 1);
    for (text, expected) in [
        ("", ErrorCode::InvalidArgument),
        (long.as_str(), ErrorCode::InvalidArgument),
        ("a.b.c", ErrorCode::InvalidArgument),
        ("..", ErrorCode::InvalidArgument),
    ] {
        let refused = world.shop.validate_purchase(player, receipt(text), true).await;
        assert_eq!(code(refused), expected, "{text:.10}");
        let refused = world.shop.validate_subscription(player, of_subscription(text), true).await;
        assert_eq!(code(refused), expected, "{text:.10}");
    }
    assert_eq!(store.seen().len(), 0);
}

#[tokio::test]
async fn a_password_of_server_code_goes_before_the_configured_one() {
    let answer = good(&[entry("one", None)], &[]);
    let store = StandIn::new(move |_| Reply::json(&answer)).await;
    let mut config = config(&store);
    config.apple.shared_password = Secret::default();
    let world = World::new(config);
    let player = world.player().await;
    let refused = world.shop.validate_purchase(player, receipt("any"), true).await;
    assert!(matches!(refused, Err(ShopError::NotConfigured(_))), "{refused:?}");
    let proof = PurchaseProof::Apple { receipt: "any", password: Some("other") };
    world.shop.validate_purchase(player, proof, true).await.unwrap();
    assert!(store.seen()[0].body.contains(r#""password":"other""#));
}

#[tokio::test]
async fn of_several_renewals_the_last_one_counts() {
    let hour = 3_600_000;
    let now = NOW.millis();
    let renewal = |original: &str, end| {
        let mut renewal = entry(&format!("{original}-{end}"), Some(end));
        renewal["original_transaction_id"] = original.into();
        renewal
    };
    let answer = good(
        &[entry("once", None)],
        &[
            renewal("a", now - hour),
            renewal("b", now + 2 * hour),
            renewal("a", now + hour),
            renewal("b", now - 2 * hour),
        ],
    );
    let store = StandIn::new(move |_| Reply::json(&answer)).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let held =
        world.shop.validate_subscription(player, of_subscription("any"), true).await.unwrap();
    assert_eq!((held.original_transaction.as_str(), held.active), ("b", true));
    assert_eq!(held.expire_time, Timestamp::from_millis(now + 2 * hour));
    assert_eq!(held.purchase_time, Timestamp::from_seconds(1_690_000_000), "the first one's");
    let all = world.shop.subscriptions(Default::default()).await.unwrap().entries;
    let mut ends: Vec<i64> = all.iter().map(|one| one.expire_time.millis() - now).collect();
    ends.sort_unstable();
    assert_eq!(ends, [hour, 2 * hour], "both are kept as they are now");
    world.clock.advance_seconds(2 * 3_600);
    let held = world.shop.subscription_to(player, "gems").await.unwrap();
    assert!(!held.active, "it has ended");
}

#[tokio::test]
async fn purchases_and_subscriptions_are_not_taken_for_each_other() {
    let answers = in_turn(vec![
        Reply::json(&good(&[entry("one", Some(1))], &[])),
        Reply::json(&good(&[entry("one", None)], &[])),
    ]);
    let store = StandIn::new(move |_| answers()).await;
    let world = World::new(config(&store));
    let player = world.player().await;
    let refused = world.shop.validate_purchase(player, receipt("any"), true).await;
    assert!(matches!(refused, Err(ShopError::NoPurchase)), "{refused:?}");
    let refused = world.shop.validate_subscription(player, of_subscription("any"), true).await;
    assert!(matches!(refused, Err(ShopError::NoSubscription)), "{refused:?}");
}

#[tokio::test]
async fn receipts_of_another_app_are_refused() {
    let answer = good(&[entry("one", None)], &[]);
    let store = StandIn::new(move |_| Reply::json(&answer)).await;
    for (bundle, fine) in [("com.example.game", true), ("com.example", false)] {
        let mut config = config(&store);
        config.apple.bundle_id = bundle.to_owned();
        let world = World::new(config);
        let player = world.player().await;
        let outcome = world.shop.validate_purchase(player, receipt("any"), true).await;
        assert_eq!(outcome.is_ok(), fine, "{bundle}: {outcome:?}");
    }
}

/// Someone who signs transactions.
struct Signer {
    authority: Vec<u8>,
    chain: Vec<String>,
    key: KeyPair,
}

const SIGNS: [u64; 8] = [1, 2, 840, 113_635, 100, 6, 11, 1];
const CERTIFIES: [u64; 8] = [1, 2, 840, 113_635, 100, 6, 2, 1];

impl Signer {
    /// As Apple is; or with other marks on the certificates.
    fn new(marks: [&[u64]; 2], until: i32) -> Self {
        let mark = |params: &mut CertificateParams, oid: &[u64]| {
            params.custom_extensions = vec![CustomExtension::from_oid_content(oid, vec![5, 0])];
        };
        let ca = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            (params, KeyPair::generate().unwrap())
        };
        let (root, root_key) = ca("root");
        let authority = root.self_signed(&root_key).unwrap();
        let root = Issuer::new(root, root_key);
        let (mut between, between_key) = ca("between");
        mark(&mut between, marks[1]);
        let certified = between.signed_by(&between_key, &root).unwrap();
        let between = Issuer::new(between, between_key);
        let mut leaf = CertificateParams::new(Vec::new()).unwrap();
        mark(&mut leaf, marks[0]);
        leaf.not_before = rcgen::date_time_ymd(2020, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let leaf = leaf.signed_by(&key, &between).unwrap();
        let chain = [&leaf, &certified, &authority].map(|one| STANDARD.encode(one.der()));
        Self { authority: authority.der().to_vec(), chain: chain.to_vec(), key }
    }

    fn good() -> Self {
        Self::new([&SIGNS, &CERTIFIES], 2040)
    }

    fn sign_as(&self, algorithm: &str, payload: &Value) -> String {
        let header = json!({ "alg": algorithm, "x5c": self.chain });
        let [header, payload] =
            [&header, payload].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{payload}");
        let signature = fixed(&self.key.sign(signed.as_bytes()).unwrap());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign(&self, payload: &Value) -> String {
        self.sign_as("ES256", payload)
    }

    /// A world that trusts it, and never asks anybody.
    fn world(&self) -> World {
        let apple = AppleConfig {
            bundle_id: "com.example.game".to_owned(),
            authority: self.authority.clone().into(),
            production_url: "http://127.0.0.1:9".to_owned(),
            ..AppleConfig::default()
        };
        World::new(Config { apple, ..Config::default() })
    }
}

/// The two numbers of a signature in DER, as a JWS has them: 32 bytes each.
fn fixed(der: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 2;
    for _ in 0..2 {
        let length = usize::from(der[at + 1]);
        let number = &der[at + 2..at + 2 + length];
        let number = &number[number.len().saturating_sub(32)..];
        out.extend(std::iter::repeat_n(0, 32 - number.len()));
        out.extend_from_slice(number);
        at += 2 + length;
    }
    out
}

fn transaction() -> Value {
    json!({
        "bundleId": "com.example.game",
        "transactionId": "one",
        "originalTransactionId": "first",
        "productId": "gems",
        "purchaseDate": 1_700_000_000_000_i64,
        "originalPurchaseDate": 1_690_000_000_000_i64,
        "environment": "Sandbox",
    })
}

async fn buy(
    world: &World,
    player: UserId,
    text: &str,
) -> Result<Vec<ValidatedPurchase>, ShopError> {
    world.shop.validate_purchase(player, receipt(text), true).await
}

#[tokio::test]
async fn a_signed_transaction_is_taken_without_asking() {
    let signer = Signer::good();
    let world = signer.world();
    let player = world.player().await;
    let text = signer.sign(&transaction());
    let bought = buy(&world, player, &text).await.unwrap().remove(0);
    assert_eq!((bought.transaction.as_str(), bought.product.as_str()), ("one", "gems"));
    assert_eq!(bought.environment, StoreEnvironment::Sandbox);
    assert_eq!((bought.response.as_str(), bought.refund_time), ("", None));
    let kept = world.shop.purchase_of("one").await.unwrap();
    assert!(kept.response.contains(&text), "what was signed is kept");
    let mut refunded = transaction();
    refunded["revocationDate"] = 1_710_000_000_000_i64.into();
    let refunded = buy(&world, player, &signer.sign(&refunded)).await.unwrap().remove(0);
    assert_eq!(refunded.refund_time, Some(Timestamp::from_seconds(1_710_000_000)));
    assert!(refunded.seen_before);
}

#[tokio::test]
async fn an_old_signed_transaction_takes_no_renewal_back() {
    let signer = Signer::good();
    let world = signer.world();
    let player = world.player().await;
    let until = |end: i64| {
        let mut payload = transaction();
        payload["expiresDate"] = end.into();
        signer.sign(&payload)
    };
    let (old, new) = (until(NOW.millis() + 1_000), until(NOW.millis() + 9_000));
    for text in [&new, &old] {
        let held =
            world.shop.validate_subscription(player, of_subscription(text), true).await.unwrap();
        assert_eq!(held.expire_time, NOW.plus_seconds(9), "the later end");
        assert_eq!((held.original_transaction.as_str(), held.active), ("first", true));
    }
    let refused = buy(&world, player, &new).await;
    assert!(matches!(refused, Err(ShopError::NoPurchase)), "{refused:?}");
    let purchase = signer.sign(&transaction());
    let refused = world.shop.validate_subscription(player, of_subscription(&purchase), true).await;
    assert!(matches!(refused, Err(ShopError::NoSubscription)), "{refused:?}");
}

#[tokio::test]
async fn what_was_not_signed_by_apple_is_refused() {
    let signer = Signer::good();
    let world = signer.world();
    let player = world.player().await;
    let forged = |result: Result<_, ShopError>, what: &str| {
        assert!(matches!(result, Err(ShopError::WrongSignature(_))), "{what}: {result:?}");
    };
    let good = signer.sign(&transaction());
    let parts: Vec<&str> = good.split('.').collect();
    let mut other = transaction();
    other["productId"] = "all of them".into();
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    forged(buy(&world, player, &format!("{}.{other}.{}", parts[0], parts[2])).await, "changed");
    forged(buy(&world, player, &format!("{}.{}.", parts[0], parts[1])).await, "unsigned");
    let stranger = Signer::good().sign(&transaction());
    forged(buy(&world, player, &stranger).await, "another authority");
    // Certified by the same authority, for other things.
    for marks in [[&SIGNS[..], &SIGNS[..]], [&CERTIFIES, &CERTIFIES], [&[1, 2, 3], &[1, 2, 4]]] {
        let developer = Signer::new(marks, 2040);
        let world = developer.world();
        let player = world.player().await;
        forged(buy(&world, player, &developer.sign(&transaction())).await, "a developer's");
    }
    let expired = Signer::new([&SIGNS, &CERTIFIES], 2026);
    let world = expired.world();
    let player = world.player().await;
    forged(buy(&world, player, &expired.sign(&transaction())).await, "expired");
    assert_eq!(world.shop.purchases(Default::default()).await.unwrap().entries, []);
}

#[tokio::test]
async fn what_is_no_signed_transaction_is_malformed() {
    let signer = Signer::good();
    let world = signer.world();
    let player = world.player().await;
    let mut none = Signer::good();
    none.chain = Vec::new();
    let mut many = Signer::good();
    many.chain = vec![many.chain[0].clone(); 9];
    let mut garbage = Signer::good();
    garbage.chain[0] = "!".to_owned();
    for text in [
        signer.sign_as("none", &transaction()),
        signer.sign_as("HS256", &transaction()),
        none.sign(&transaction()),
        many.sign(&transaction()),
        garbage.sign(&transaction()),
        signer.sign(&json!("a text")),
        signer.sign(&json!({ "bundleId": 1 })),
        format!("{}.", signer.sign(&transaction()).rsplit_once('.').unwrap().0.replace('.', "..")),
    ] {
        let refused = buy(&world, player, &text).await;
        assert!(
            matches!(refused, Err(ShopError::Malformed(_) | ShopError::NotConfigured(_))),
            "{refused:?}"
        );
    }
    let mut other = transaction();
    other["bundleId"] = "com.example.other".into();
    let refused = buy(&world, player, &signer.sign(&other)).await;
    assert!(matches!(refused, Err(ShopError::OtherApp(_))), "{refused:?}");
}
