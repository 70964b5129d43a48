//! Facebook Instant Games: what the game has from `getSignedPlayerInfoAsync`.
//!
//! Source: Facebook's documentation of the Instant Games SDK: `signature.payload`, both base64url,
//! the signature being an HMAC-SHA256 of the payload's text under the app's secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Deserialize;
use tavern_domain::Secret;
use tavern_storage::Provider::FacebookInstant;

use crate::error::{IdentityError, Why};
use crate::profile::{Profile, Said};
use crate::token::MAX_TOKEN_BYTES;

#[derive(Deserialize)]
struct Payload {
    algorithm: String,
    player_id: String,
}

/// The player whom the secret's owner has signed.
pub(crate) fn profile(secret: &Secret, signed: &str) -> Result<Profile, IdentityError> {
    if signed.is_empty() {
        return Err(IdentityError::Missing("a Facebook Instant Game signed player info"));
    }
    // Without a secret anybody could sign.
    if secret.expose().is_empty() {
        return Err(IdentityError::NotConfigured(FacebookInstant));
    }
    let id = player(secret, signed).map_err(|why| IdentityError::refused(FacebookInstant, why))?;
    Said { id, ..Said::default() }.checked(FacebookInstant)
}

fn player(secret: &Secret, signed: &str) -> Result<String, Why> {
    let shape = Why::Proof("it is no signed player info");
    if signed.len() > MAX_TOKEN_BYTES {
        return Err(shape);
    }
    let Some((signature, payload)) = signed.split_once('.') else { return Err(shape) };
    let unpadded = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
    let Ok(signature) = unpadded(signature) else { return Err(shape) };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    hmac::verify(&key, payload.as_bytes(), &signature)
        .map_err(|_| Why::Proof("the signature is wrong"))?;
    let Ok(payload) = unpadded(payload) else { return Err(shape) };
    let payload: Payload = serde_json::from_slice(&payload).map_err(|_| shape)?;
    if !matches!(payload.algorithm.as_str(), "HMAC-SHA256" | "HS256") {
        return Err(Why::Proof("the algorithm is another one"));
    }
    Ok(payload.player_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(secret: &str, payload: &str) -> String {
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, payload.as_bytes()));
        format!("{signature}.{payload}")
    }

    #[test]
    fn what_the_secret_has_signed_is_believed() {
        let payload =
            r#"{"algorithm":"HMAC-SHA256","issued_at":1,"player_id":"12345","request_payload":""}"#;
        let secret = Secret::new("made-up");
        assert_eq!(profile(&secret, &signed("made-up", payload)).unwrap().id, "12345");
    }

    #[test]
    fn everything_else_is_refused() {
        let payload = r#"{"algorithm":"HMAC-SHA256","player_id":"12345"}"#;
        let secret = Secret::new("made-up");
        let good = signed("made-up", payload);
        for wrong in [
            signed("another", payload),
            signed("", payload),
            signed("made-up", r#"{"algorithm":"none","player_id":"12345"}"#),
            signed("made-up", r#"{"algorithm":"HMAC-SHA256"}"#),
            signed("made-up", "nonsense"),
            format!("{good}x"),
            good.replacen('.', "", 1),
            "x.y".into(),
            "a".repeat(MAX_TOKEN_BYTES + 1),
        ] {
            let error = profile(&secret, &wrong).unwrap_err();
            assert!(matches!(error, IdentityError::Refused { .. }), "{wrong}: {error:?}");
        }
        let unset = profile(&Secret::default(), &signed("", payload)).unwrap_err();
        assert!(matches!(unset, IdentityError::NotConfigured(FacebookInstant)));
        assert!(matches!(profile(&secret, "").unwrap_err(), IdentityError::Missing(_)));
    }
}
