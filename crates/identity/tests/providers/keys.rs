//! Keys are asked for when needed, kept, and renewed.

use serde_json::json;
use tavern_identity::{AppleConfig, Config};

use crate::stand_in::{NOW, Signer, World};

const KEYS: &str = "https://appleid.apple.com/auth/keys";

fn world() -> World {
    let apple = AppleConfig { bundle_id: "game".into(), ..AppleConfig::default() };
    World::new(Config { apple, ..Config::default() })
}

fn token(signer: &Signer) -> String {
    signer.token(&json!({
        "iss": "https://appleid.apple.com", "aud": "game", "sub": "ada",
        "exp": NOW.seconds() + 1_000_000,
    }))
}

#[tokio::test]
async fn keys_are_asked_for_once_and_kept_for_their_age() {
    let (world, signer) = (world(), Signer::rsa("k1"));
    let headers = [("cache-control", "public, max-age=7200")];
    world.web.answer_with(KEYS, 200, &headers, signer.document());
    let token = token(&signer);
    let (a, b) = tokio::join!(world.providers.apple(&token), world.providers.apple(&token));
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(world.web.asked(), 1, "both wait for one answer");
    world.clock.advance_seconds(7_199);
    world.providers.apple(&token).await.unwrap();
    assert_eq!(world.web.asked(), 1, "still good");
    world.clock.advance_seconds(1);
    world.providers.apple(&token).await.unwrap();
    assert_eq!(world.web.asked(), 2, "too old");
}

#[tokio::test]
async fn whoever_gives_up_half_way_does_not_keep_others_from_asking() {
    let (world, signer) = (world(), Signer::rsa("k1"));
    world.web.answer(KEYS, 200, signer.document());
    let token = token(&signer);
    {
        let mut given_up = Box::pin(world.providers.apple(&token));
        assert!(futures_util::poll!(&mut given_up).is_pending());
    }
    assert_eq!(world.web.asked(), 1, "it was asked, and the answer never read");
    world.providers.apple(&token).await.unwrap();
    assert_eq!(world.web.asked(), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_an_unknown_one_does_not_make_us_ask_again_and_again() {
    let (world, old, new) = (world(), Signer::rsa("k1"), Signer::p256("k2"));
    world.web.answer(KEYS, 200, old.document());
    world.providers.apple(&token(&old)).await.unwrap();
    for _ in 0..20 {
        assert!(world.providers.apple(&token(&new)).await.is_err());
    }
    assert_eq!(world.web.asked(), 1, "it has just been asked");
    world.web.answer(KEYS, 200, new.document());
    world.clock.advance_seconds(60);
    world.providers.apple(&token(&new)).await.unwrap();
    assert!(world.providers.apple(&token(&old)).await.is_err(), "the old one is no longer there");
    assert_eq!(world.web.asked(), 2);
}

#[tokio::test]
async fn known_keys_outlive_a_provider_that_cannot_be_asked_but_not_for_ever() {
    let (world, signer) = (world(), Signer::rsa("k1"));
    world.web.answer(KEYS, 200, signer.document());
    let token = token(&signer);
    world.providers.apple(&token).await.unwrap();
    world.web.is_gone(KEYS);
    world.clock.advance_seconds(3_600);
    for _ in 0..3 {
        world.providers.apple(&token).await.unwrap();
    }
    assert_eq!(world.web.asked(), 2, "asked in vain, once");
    world.clock.advance_seconds(86_400);
    assert!(world.providers.apple(&token).await.is_err());
    world.web.answer(KEYS, 200, signer.document());
    assert!(world.providers.apple(&token).await.is_err(), "it has just been asked");
    world.clock.advance_seconds(60);
    world.providers.apple(&token).await.unwrap();
}

#[tokio::test]
async fn answers_that_are_no_keys_are_refused() {
    for (status, body) in [
        (500, Signer::rsa("k1").document()),
        (200, "<html>".into()),
        (200, r#"{"keys":[]}"#.into()),
        (200, "x".repeat(300 * 1024)),
    ] {
        let world = world();
        world.web.answer(KEYS, status, body);
        assert!(world.providers.apple(&token(&Signer::rsa("k1"))).await.is_err());
    }
}
