//! Huawei's store: a signed purchase, which the store is asked about besides.
//!
//! The facts are those of Huawei's documents of the order service
//! (<https://developer.huawei.com/consumer/en/doc/HMSCore-References/api-order-verify-purchase-token-0000001050746113>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Value, json};
use tavern_domain::{FetchRequest, Timestamp};
use tavern_storage::{Store, StoreEnvironment};

use crate::ShopError;
use crate::ask::{Asking, base, json as post};
use crate::config::HuaweiConfig;
use crate::der::public_key;
use crate::store::{Sale, named, proof};
use crate::time::millis;
use crate::token::{Granted, Tokens, account};

/// `rsaEncryption`, RFC 8017.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// The kind of a purchase that is a subscription.
const SUBSCRIPTION: i64 = 2;
/// The account flag of AppTouch, whose purchases are kept elsewhere.
const APP_TOUCH: i64 = 1;
/// The purchase is good.
const GOOD: &str = "0";

/// What Huawei stands behind.
pub(crate) struct Huawei<'a> {
    pub(crate) config: &'a HuaweiConfig,
    pub(crate) tokens: &'a Tokens,
    pub(crate) asking: Asking<'a>,
    pub(crate) now: Timestamp,
}

/// `InAppPurchaseData`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Purchase {
    #[serde(default)]
    product_id: String,
    #[serde(default)]
    purchase_token: String,
    #[serde(default, deserialize_with = "millis")]
    purchase_time: Option<Timestamp>,
    /// 0 purchased, others not or not any more.
    #[serde(default)]
    purchase_state: i64,
    #[serde(default)]
    kind: i64,
    #[serde(default)]
    account_flag: i64,
    /// Left out for real money; 0 for a trial.
    #[serde(default)]
    purchase_type: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    response_code: String,
    /// A purchase, or a text that holds one.
    #[serde(default)]
    purchase_token_data: Value,
}

impl Huawei<'_> {
    /// The purchase that a device says it made, as the store signed it.
    pub(crate) async fn purchase(&self, text: &str, signature: &str) -> Result<Sale, ShopError> {
        let (text, signature) = (proof("the purchase", text)?, proof("the signature", signature)?);
        self.check(text, signature)?;
        let malformed = |_| ShopError::Malformed(Store::Huawei);
        let claim: Purchase = serde_json::from_str(text).map_err(malformed)?;
        if claim.kind == SUBSCRIPTION {
            return Err(ShopError::NoPurchase);
        }
        let (confirmed, answer) = self.verify(&claim).await?;
        let same = claim.product_id == confirmed.product_id
            && claim.purchase_token == confirmed.purchase_token;
        for state in [claim.purchase_state, confirmed.purchase_state] {
            if state != 0 {
                return Err(refused(format!("purchase state {state}")));
            }
        }
        if !same {
            return Err(refused("another purchase".to_owned()));
        }
        let trial = confirmed.purchase_type.or(claim.purchase_type) == Some(0);
        let time = confirmed.purchase_time.or(claim.purchase_time);
        Ok(Sale {
            product: named(Store::Huawei, &confirmed.product_id)?,
            transaction: named(Store::Huawei, &confirmed.purchase_token)?,
            purchase_time: time.ok_or_else(|| self.asking.unasked("an answer without a time"))?,
            refund_time: None,
            environment: match trial {
                true => StoreEnvironment::Sandbox,
                false => StoreEnvironment::Production,
            },
            answer,
        })
    }

    /// Whether the store signed this: SHA-256 with RSA, in Base64.
    fn check(&self, text: &str, signature: &str) -> Result<(), ShopError> {
        let unusable = || self.asking.unasked("the store's public key cannot be used");
        // A key may be kept with line ends.
        let key: String = self.config.public_key.split_ascii_whitespace().collect();
        let key = STANDARD.decode(key).map_err(|_| unusable())?;
        let key = public_key(&key, RSA).ok_or_else(unusable)?;
        let forged = || ShopError::WrongSignature(Store::Huawei);
        let signature = STANDARD.decode(signature).map_err(|_| forged())?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        key.verify(text.as_bytes(), &signature).map_err(|_| forged())
    }

    async fn verify(&self, claim: &Purchase) -> Result<(Purchase, String), ShopError> {
        let HuaweiConfig { orders_url, app_touch_url, .. } = self.config;
        let at = if claim.account_flag == APP_TOUCH { app_touch_url } else { orders_url };
        let token = self.token().await?;
        let body = json!({ "purchaseToken": claim.purchase_token, "productId": claim.product_id });
        let request = post(format!("{}/applications/purchases/tokens/verify", base(at)), &body)
            .header(
                "authorization",
                format!("Basic {}", STANDARD.encode(format!("APPAT:{token}"))),
            );
        let answer = self.asking.send(request).await?;
        if answer.status == 401 {
            // It was taken back before its time; the next call asks for another.
            self.tokens.forget(&self.account());
        }
        let (answer, text) = self.asking.read::<Answer>(answer)?;
        if answer.response_code != GOOD {
            // The code is the store's, and could be anything.
            let code: String = answer.response_code.chars().take(16).collect();
            return Err(refused(format!("code {code:?}")));
        }
        let data = &answer.purchase_token_data;
        let confirmed = match data.as_str() {
            Some(text) => serde_json::from_str(text),
            None => Purchase::deserialize(data),
        };
        let confirmed =
            confirmed.map_err(|_| self.asking.unasked("an answer without a purchase"))?;
        Ok((confirmed, text))
    }

    fn account(&self) -> [u8; 32] {
        account(&self.config.client_id, self.config.client_secret.expose())
    }

    async fn token(&self) -> Result<String, ShopError> {
        let account = self.account();
        if let Some(token) = self.tokens.get(&account, self.now) {
            return Ok(token);
        }
        let HuaweiConfig { client_id, client_secret, token_url, .. } = self.config;
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", client_secret.expose()),
        ];
        let answer = self.asking.send(FetchRequest::form(token_url, &fields)).await?;
        let (granted, _) = self.asking.read::<Granted>(answer)?;
        if granted.access_token.is_empty() {
            return Err(self.asking.unasked("no token"));
        }
        self.tokens.put(account, &granted, self.now);
        Ok(granted.access_token)
    }
}

fn refused(why: String) -> ShopError {
    ShopError::Refused { store: Store::Huawei, why }
}
