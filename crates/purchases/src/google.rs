//! Google's store, asked as a service account.
//!
//! The facts are those of Google's documents of service accounts
//! (<https://developers.google.com/identity/protocols/oauth2/service-account>) and of the Play
//! Developer API (<https://developers.google.com/android-publisher/api-ref/rest>).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tavern_domain::fetch::percent;
use tavern_domain::{FetchRequest, FetchResponse, Timestamp};
use tavern_storage::{Store, StoreEnvironment};

use crate::ShopError;
use crate::ask::{Asking, base};
use crate::config::GoogleConfig;
use crate::store::{Sale, Term, named, proof};
use crate::time::{millis, rfc3339};
use crate::token::{Granted, Tokens, account};

/// What the account asks to be allowed.
const SCOPE: &str = "https://www.googleapis.com/auth/androidpublisher";
/// How long a signed request for a token is good, in seconds: the most that Google takes.
const ASSERTION: i64 = 3_600;
/// The account that is not let in.
const NOT_LET_IN: u16 = 401;
/// Google knows no such purchase: it never was, or is gone.
const UNKNOWN: [u16; 3] = [400, 404, 410];

/// What Google stands behind.
pub(crate) struct Google<'a> {
    pub(crate) config: &'a GoogleConfig,
    /// The mail address of the service account.
    pub(crate) email: &'a str,
    /// Its key in PEM.
    pub(crate) key: &'a str,
    pub(crate) tokens: &'a Tokens,
    pub(crate) asking: Asking<'a>,
    pub(crate) now: Timestamp,
}

/// What a device says that it bought. Only what Google is then asked about is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
    #[serde(default)]
    package_name: String,
    #[serde(default)]
    product_id: String,
    #[serde(default)]
    purchase_token: String,
    #[serde(default)]
    purchase_state: i64,
}

/// `ProductPurchase`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    #[serde(default, deserialize_with = "millis")]
    purchase_time_millis: Option<Timestamp>,
    /// 0 purchased, 1 cancelled, 2 pending.
    #[serde(default)]
    purchase_state: i64,
    /// Not in all answers.
    #[serde(default)]
    product_id: Option<String>,
    /// Left out for real money; 0 for a trial.
    #[serde(default)]
    purchase_type: Option<i64>,
}

/// `SubscriptionPurchaseV2`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscribed {
    #[serde(default)]
    line_items: Vec<LineItem>,
    #[serde(default)]
    start_time: String,
    #[serde(default)]
    linked_purchase_token: String,
    #[serde(default)]
    test_purchase: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineItem {
    #[serde(default)]
    product_id: String,
    #[serde(default)]
    expiry_time: String,
}

fn malformed() -> ShopError {
    ShopError::Malformed(Store::Google)
}

/// Reads what a device says, which may be wrapped into the `json` of another object.
fn claim(text: &str) -> Result<Claim, ShopError> {
    #[derive(Deserialize)]
    struct Wrapped {
        json: String,
    }
    let unwrapped = serde_json::from_str::<Wrapped>(text).map(|wrapped| wrapped.json);
    let text = unwrapped.as_deref().unwrap_or(text);
    let claim: Claim = serde_json::from_str(text).map_err(|_| malformed())?;
    // They become parts of a path.
    let parts = [&claim.package_name, &claim.product_id, &claim.purchase_token];
    if parts.iter().any(|part| matches!(part.as_str(), "" | "." | "..")) {
        return Err(malformed());
    }
    Ok(claim)
}

impl Google<'_> {
    /// The purchase that a device says it made.
    pub(crate) async fn purchase(&self, text: &str) -> Result<Sale, ShopError> {
        let claim = claim(proof("the purchase", text)?)?;
        let path = format!(
            "{}/purchases/products/{}/tokens/{}",
            percent(&claim.package_name),
            percent(&claim.product_id),
            percent(&claim.purchase_token),
        );
        let (product, answer) = self.look_up::<Product>(&path).await?;
        for state in [product.purchase_state, claim.purchase_state] {
            if state != 0 {
                return Err(self.refused(format!("purchase state {state}")));
            }
        }
        if product.product_id.is_some_and(|product| product != claim.product_id) {
            return Err(self.refused("another product".to_owned()));
        }
        Ok(Sale {
            product: named(Store::Google, &claim.product_id)?,
            transaction: named(Store::Google, &claim.purchase_token)?,
            purchase_time: product
                .purchase_time_millis
                .ok_or_else(|| self.asking.unasked("an answer without a time"))?,
            refund_time: None,
            environment: environment(product.purchase_type == Some(0)),
            answer,
        })
    }

    /// The subscription that a device says it has.
    pub(crate) async fn subscription(&self, text: &str) -> Result<Term, ShopError> {
        let claim = claim(proof("the receipt", text)?)?;
        let path = format!(
            "{}/purchases/subscriptionsv2/tokens/{}",
            percent(&claim.package_name),
            percent(&claim.purchase_token),
        );
        let (subscribed, answer) = self.look_up::<Subscribed>(&path).await?;
        let items = subscribed.line_items.iter();
        let (item, expire_time) = items
            .filter_map(|item| Some((item, rfc3339(&item.expiry_time)?)))
            .max_by_key(|(item, end)| (item.product_id == claim.product_id, *end))
            .ok_or_else(|| self.refused("nothing is paid for yet".to_owned()))?;
        // A subscription that replaces another one goes on under the other one's token.
        let original = match subscribed.linked_purchase_token.as_str() {
            "" => &claim.purchase_token,
            linked => linked,
        };
        let purchase_time = rfc3339(&subscribed.start_time)
            .ok_or_else(|| self.asking.unasked("an answer without a time"))?;
        Ok(Term {
            product: named(Store::Google, &item.product_id)?,
            original_transaction: named(Store::Google, original)?,
            purchase_time,
            expire_time,
            refund_time: None,
            environment: environment(subscribed.test_purchase.is_some()),
            answer,
        })
    }

    fn refused(&self, why: String) -> ShopError {
        ShopError::Refused { store: Store::Google, why }
    }

    /// Asks about something of an app, with a token that may have to be asked for first.
    async fn look_up<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<(T, String), ShopError> {
        let account = account(self.email, self.key);
        let held = self.tokens.get(&account, self.now);
        let fresh = held.is_none();
        let token = match held {
            Some(token) => token,
            None => self.token(account).await?,
        };
        let mut answer = self.look_up_as(&token, path).await?;
        if answer.status == NOT_LET_IN && !fresh {
            // It was taken back before its time.
            self.tokens.forget(&account);
            answer = self.look_up_as(&self.token(account).await?, path).await?;
        }
        if UNKNOWN.contains(&answer.status) {
            return Err(self.refused(format!("status {}", answer.status)));
        }
        self.asking.read(answer)
    }

    async fn look_up_as(&self, token: &str, path: &str) -> Result<FetchResponse, ShopError> {
        let base = base(&self.config.api_url);
        let url = format!("{base}/androidpublisher/v3/applications/{path}");
        self.asking
            .send(FetchRequest::get(url).header("authorization", format!("Bearer {token}")))
            .await
    }

    async fn token(&self, account: [u8; 32]) -> Result<String, ShopError> {
        let request = self.token_request()?;
        let (granted, _) = self.asking.read::<Granted>(self.asking.send(request).await?)?;
        if granted.access_token.is_empty()
            || !granted.access_token.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(self.asking.unasked("no token"));
        }
        self.tokens.put(account, &granted, self.now);
        Ok(granted.access_token)
    }

    fn token_request(&self) -> Result<FetchRequest, ShopError> {
        let url = &self.config.token_url;
        let issued = self.now.seconds();
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": url,
            "iat": issued,
            "exp": issued + ASSERTION,
        });
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed =
            format!("{}.{}", encode(r#"{"alg":"RS256","typ":"JWT"}"#), encode(&claims.to_string()));
        let signature = self.sign(signed.as_bytes())?;
        let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        Ok(FetchRequest::form(url, &[("grant_type", grant), ("assertion", &assertion)]))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, ShopError> {
        // In environment variables and JSON, the lines of a key are often written as `\n`.
        let pem = self.key.replace("\\n", "\n");
        let unusable = || self.asking.unasked("the key of the service account cannot be used");
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unusable())?;
        let pair = KeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| unusable())?;
        let mut signature = vec![0; pair.public().modulus_len()];
        // Chance only hides the key from whoever measures; the signature is always the same.
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .map_err(|_| unusable())?;
        Ok(signature)
    }
}

fn environment(trial: bool) -> StoreEnvironment {
    if trial { StoreEnvironment::Sandbox } else { StoreEnvironment::Production }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn claims_are_read_wrapped_or_not() {
        let plain = r#"{"packageName":"a.b","productId":"gems","purchaseToken":"t"}"#;
        let wrapped = json!({ "json": plain, "signature": "..", "skuDetails": "{}" }).to_string();
        for text in [plain, &wrapped] {
            let claim = claim(text).unwrap();
            assert_eq!((claim.package_name.as_str(), claim.product_id.as_str()), ("a.b", "gems"));
            assert_eq!((claim.purchase_token.as_str(), claim.purchase_state), ("t", 0));
        }
    }

    #[test]
    fn what_would_be_another_path_is_no_claim() {
        for part in ["", ".", ".."] {
            for name in ["packageName", "productId", "purchaseToken"] {
                let mut text =
                    json!({ "packageName": "a", "productId": "b", "purchaseToken": "c" });
                text[name] = part.into();
                let refused = claim(&text.to_string()).err();
                assert!(matches!(refused, Some(ShopError::Malformed(_))), "{name} {part}");
            }
        }
    }

    proptest! {
        #[test]
        fn garbage_is_no_claim(text in any::<String>()) {
            prop_assert!(claim(&text).is_err());
        }
    }
}
