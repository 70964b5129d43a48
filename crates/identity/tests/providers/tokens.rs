//! Tokens that are signed: Apple, Google, Facebook's limited log-in.

use serde_json::{Value, json};
use tavern_domain::{Classify as _, ErrorCode};
use tavern_identity::{AppleConfig, Config, FacebookConfig, GoogleConfig, IdentityError};

use crate::stand_in::{NOW, Signer, World};

const APPLE_KEYS: &str = "https://appleid.apple.com/auth/keys";
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
const FACEBOOK_KEYS: &str = "https://limited.facebook.com/.well-known/oauth/openid/jwks/";

fn config() -> Config {
    Config {
        apple: AppleConfig {
            bundle_id: "com.example.game".into(),
            client_ids: vec!["com.example.web".into()],
            ..AppleConfig::default()
        },
        google: GoogleConfig { client_ids: vec!["ours".into()], ..GoogleConfig::default() },
        facebook: FacebookConfig { limited_app_id: "77".into(), ..FacebookConfig::default() },
        ..Config::default()
    }
}

fn world(signer: &Signer) -> World {
    let world = World::new(config());
    for url in [APPLE_KEYS, GOOGLE_KEYS, FACEBOOK_KEYS] {
        world.web.answer(url, 200, signer.document());
    }
    world
}

fn apple() -> Value {
    json!({
        "iss": "https://appleid.apple.com", "aud": "com.example.game", "sub": "001.ada",
        "exp": NOW.seconds() + 600, "iat": NOW.seconds(),
        "email": "Ada@privaterelay.appleid.com", "email_verified": "true",
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn refused(outcome: Result<tavern_identity::Profile, IdentityError>, what: &str) {
    let error = outcome.expect_err(what);
    assert_eq!(error.code(), ErrorCode::Unauthenticated, "{what}: {error:?}");
    assert!(matches!(error, IdentityError::Refused { .. }), "{what}: {error:?}");
}

#[tokio::test]
async fn a_token_of_apple_says_who_and_where_to_write() {
    for signer in [Signer::rsa("k1"), Signer::p256("k1")] {
        let world = world(&signer);
        let profile = world.providers.apple(&signer.token(&apple())).await.unwrap();
        assert_eq!(profile.id, "001.ada");
        assert_eq!(profile.email.as_deref(), Some("ada@privaterelay.appleid.com"));
        let web = with(apple(), "aud", json!(["another", "com.example.web"]));
        assert_eq!(world.providers.apple(&signer.token(&web)).await.unwrap().id, "001.ada");
        let unverified = with(apple(), "email_verified", json!(false));
        let profile = world.providers.apple(&signer.token(&unverified)).await.unwrap();
        assert_eq!(profile.email, None, "nobody has verified it");
    }
}

#[tokio::test]
async fn tokens_with_wrong_claims_are_refused() {
    let signer = Signer::rsa("k1");
    let world = world(&signer);
    for (name, value) in [
        ("iss", json!("https://accounts.google.com")),
        ("iss", json!("https://appleid.apple.com.example.com")),
        ("aud", json!("com.example.other")),
        ("aud", json!([])),
        ("aud", json!(null)),
        ("exp", json!(NOW.seconds())),
        ("exp", json!(null)),
        ("exp", json!("soon")),
        ("nbf", json!(NOW.seconds() + 61)),
        ("sub", json!("")),
        ("sub", json!("x".repeat(129))),
        ("sub", json!(7)),
    ] {
        let token = signer.token(&with(apple(), name, value.clone()));
        refused(world.providers.apple(&token).await, &format!("{name}: {value}"));
    }
    let late = signer.token(&with(apple(), "nbf", json!(NOW.seconds() + 60)));
    assert!(world.providers.apple(&late).await.is_ok(), "clocks differ a little");
}

#[tokio::test]
async fn tokens_that_nobody_has_signed_are_refused() {
    let signer = Signer::rsa("k1");
    let world = world(&signer);
    let good = signer.token(&apple());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = signer.token(&with(apple(), "sub", json!("002.eve")));
    let payload = other.split('.').nth(1).unwrap();
    for (what, token) in [
        ("another payload", format!("{header}.{payload}.{signature}")),
        ("no signature", format!("{signed}.")),
        ("two parts", signed.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("another key", Signer::p256("k1").token(&apple())),
        ("no algorithm", signer.token_as(&json!({"alg": "none", "kid": "k1"}), &apple())),
        ("a shared secret", signer.token_as(&json!({"alg": "HS256", "kid": "k1"}), &apple())),
        ("another algorithm", signer.token_as(&json!({"alg": "ES256", "kid": "k1"}), &apple())),
        ("no key", signer.token_as(&json!({"alg": "RS256"}), &apple())),
        ("an unknown key", signer.token_as(&json!({"alg": "RS256", "kid": "k2"}), &apple())),
        ("no token", "x".into()),
        ("too long", format!("{good}{}", "a".repeat(16 * 1024))),
    ] {
        refused(world.providers.apple(&token).await, what);
    }
    assert!(world.providers.apple(&good).await.is_ok());
}

#[tokio::test]
async fn what_is_not_set_up_says_so() {
    let world = World::new(Config::default());
    let outcomes = [
        world.providers.apple("x").await,
        world.providers.apple("").await,
        world.providers.steam("x").await,
        world.providers.facebook_instant("x.y"),
    ];
    for outcome in outcomes {
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::FailedPrecondition);
    }
    for outcome in [world.providers.google("").await, world.providers.facebook("").await] {
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::InvalidArgument);
    }
    refused(world.providers.google("a-server-code").await, "no OAuth client");
    assert_eq!(world.web.asked(), 0, "nobody was asked");
}

#[tokio::test]
async fn a_token_of_google_has_name_picture_and_address() {
    let signer = Signer::rsa("k1");
    let claims = json!({
        "iss": "accounts.google.com", "aud": "ours", "azp": "the app", "sub": "1159",
        "exp": NOW.seconds() + 600, "email": "ada@example.com", "email_verified": true,
        "name": "Ada", "picture": "https://example.com/ada.png",
    });
    let world = world(&signer);
    let profile = world.providers.google(&signer.token(&claims)).await.unwrap();
    assert_eq!(profile.id, "1159");
    assert_eq!(profile.display_name.as_deref(), Some("Ada"));
    assert_eq!(profile.avatar_url.as_deref(), Some("https://example.com/ada.png"));
    assert_eq!(profile.email.as_deref(), Some("ada@example.com"));
    let https = with(claims.clone(), "iss", json!("https://accounts.google.com"));
    assert!(world.providers.google(&signer.token(&https)).await.is_ok());
    let other = with(claims, "aud", json!("theirs"));
    refused(world.providers.google(&signer.token(&other)).await, "another client");

    let any = World::new(Config::default());
    any.web.answer(GOOGLE_KEYS, 200, signer.document());
    assert!(any.providers.google(&signer.token(&other)).await.is_ok(), "no list, no check");
}

#[tokio::test]
async fn a_token_of_limited_log_in_is_verified_and_never_sent_to_facebook() {
    let signer = Signer::rsa("k1");
    let world = world(&signer);
    let claims = json!({
        "iss": "https://www.facebook.com", "aud": "77", "sub": "1001",
        "exp": NOW.seconds() + 600, "name": "Ada", "email": "ada@example.com",
    });
    let profile = world.providers.facebook(&signer.token(&claims)).await.unwrap();
    assert_eq!((profile.id.as_str(), profile.display_name.as_deref()), ("1001", Some("Ada")));
    assert_eq!(profile.email.as_deref(), Some("ada@example.com"));
    let other = with(claims, "aud", json!("78"));
    refused(world.providers.facebook(&signer.token(&other)).await, "another app");
    assert_eq!(world.web.asked(), 1, "for the keys");
}
