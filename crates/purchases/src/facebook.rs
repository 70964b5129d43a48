//! Facebook Instant Games: a purchase signed with the app's secret.
//!
//! The facts are those of Facebook's documents of in-app purchases in Instant Games
//! (<https://developers.facebook.com/docs/games/monetize/in-app-purchases/instant-games>).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use tavern_domain::{Timestamp, check_json_object};
use tavern_storage::{Store, StoreEnvironment};

use crate::ShopError;
use crate::config::FacebookInstantConfig;
use crate::store::{MAX_PROOF_BYTES, Sale, named, proof};

/// What was signed.
#[derive(Deserialize)]
struct Payment {
    #[serde(default)]
    algorithm: String,
    #[serde(default)]
    product_id: String,
    #[serde(default)]
    purchase_token: String,
    /// In seconds; numbers with a point have been seen.
    #[serde(default)]
    purchase_time: f64,
}

/// The purchase in a signed request: a signature, a dot and the payment, both in Base64 for URLs.
pub(crate) fn purchase(config: &FacebookInstantConfig, text: &str) -> Result<Sale, ShopError> {
    let text = proof("the signed request", text)?;
    let malformed = || ShopError::Malformed(Store::FacebookInstant);
    let (signature, payload) = text.split_once('.').ok_or_else(malformed)?;
    // Padding is not sent, but taken.
    let decode =
        |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_| malformed());
    let mac = <Hmac<Sha256>>::new_from_slice(config.app_secret.expose().as_bytes());
    let mac = mac.expect("HMAC takes any key").chain_update(payload);
    mac.verify_slice(&decode(signature)?)
        .map_err(|_| ShopError::WrongSignature(Store::FacebookInstant))?;
    let answer = String::from_utf8(decode(payload)?).map_err(|_| malformed())?;
    check_json_object(&answer, MAX_PROOF_BYTES).map_err(|_| malformed())?;
    let payment: Payment = serde_json::from_str(&answer).map_err(|_| malformed())?;
    // What is left out was signed as the only algorithm there is.
    if !matches!(payment.algorithm.as_str(), "" | "HMAC-SHA256") {
        return Err(malformed());
    }
    Ok(Sale {
        product: named(Store::FacebookInstant, &payment.product_id)?,
        transaction: named(Store::FacebookInstant, &payment.purchase_token)?,
        purchase_time: seconds(payment.purchase_time).ok_or_else(malformed)?,
        refund_time: None,
        environment: StoreEnvironment::Production,
        answer,
    })
}

/// A time in seconds, up to the year 5138; none for zero.
#[expect(clippy::cast_possible_truncation, reason = "checked to be within the range")]
fn seconds(time: f64) -> Option<Timestamp> {
    (1.0..1e11).contains(&time).then(|| Timestamp::from_seconds(time as i64))
}
