//! Signatures of Game Center.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use tavern_domain::{Classify as _, ErrorCode};
use tavern_identity::{Config, GameCenterProof};

use crate::stand_in::{NOW, RSA_PEM, Signer, World};

const KEY: &str = "https://static.gc.apple.com/public-key/gc-prod-10.cer";

fn certificate() -> rcgen::Certificate {
    let der = PrivatePkcs8KeyDer::from_pem_slice(RSA_PEM.as_bytes()).unwrap();
    let algorithm = &rcgen::PKCS_RSA_SHA256;
    let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, algorithm).unwrap();
    rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap()
}

fn signature(player: &str, bundle: &str, time: i64, salt: &[u8]) -> String {
    let time = time.to_be_bytes();
    let message = [player.as_bytes(), bundle.as_bytes(), &time, salt].concat();
    STANDARD.encode(Signer::rsa("").sign(&message))
}

#[tokio::test]
async fn a_signature_is_verified_with_the_certificate_at_its_address() {
    let world = World::new(Config::default());
    let (now, salt) = (NOW.millis(), STANDARD.encode(b"salt"));
    let signature = signature("T:_ada", "com.example.game", now, b"salt");
    let proof = GameCenterProof {
        player_id: "T:_ada",
        bundle_id: "com.example.game",
        timestamp: now,
        salt: &salt,
        signature: &signature,
        public_key_url: KEY,
    };
    let der = certificate().der().to_vec();
    let armour = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];
    let pem = format!("{}\n{}\n{}\n", armour[0], STANDARD.encode(&der), armour[1]);
    for body in [der, pem.into_bytes()] {
        world.web.answer(KEY, 200, body);
        assert_eq!(world.providers.game_center(proof).await.unwrap().id, "T:_ada");
    }
    let long = "x".repeat(5_000);
    for (what, wrong) in [
        ("player", GameCenterProof { player_id: "T:_eve", ..proof }),
        ("bundle", GameCenterProof { bundle_id: "com.example.other", ..proof }),
        ("time", GameCenterProof { timestamp: now + 1, ..proof }),
        ("salt", GameCenterProof { salt: "AAAA", ..proof }),
        ("salt that is no base64", GameCenterProof { salt: "?", ..proof }),
        ("signature", GameCenterProof { signature: "AAAA", ..proof }),
        ("address", GameCenterProof { public_key_url: "https://example.com/k", ..proof }),
        ("length", GameCenterProof { salt: &long, ..proof }),
    ] {
        let error = world.providers.game_center(wrong).await.expect_err(what);
        assert_eq!(error.code(), ErrorCode::Unauthenticated, "{what}");
    }
    for (status, body) in [(404, certificate().der().to_vec()), (200, b"nothing".to_vec())] {
        world.web.answer(KEY, status, body);
        assert!(world.providers.game_center(proof).await.is_err());
    }
    world.web.answer(KEY, 200, certificate().der().to_vec());
    world.clock.advance_seconds(86_401);
    assert!(world.providers.game_center(proof).await.is_err(), "too old");
}

#[tokio::test]
async fn what_lacks_is_named() {
    let world = World::new(Config::default());
    let proof = GameCenterProof {
        player_id: "a",
        bundle_id: "b",
        timestamp: 1,
        salt: "c",
        signature: "d",
        public_key_url: "e",
    };
    for (name, wrong) in [
        ("player id", GameCenterProof { player_id: "", ..proof }),
        ("bundle id", GameCenterProof { bundle_id: "", ..proof }),
        ("timestamp", GameCenterProof { timestamp: 0, ..proof }),
        ("salt", GameCenterProof { salt: "", ..proof }),
        ("signature", GameCenterProof { signature: "", ..proof }),
        ("public key", GameCenterProof { public_key_url: "", ..proof }),
    ] {
        let error = world.providers.game_center(wrong).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(world.web.asked(), 0);
}
