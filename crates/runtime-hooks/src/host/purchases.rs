//! Purchases and subscriptions in stores.

use serde::Serialize;
use tavern_domain::{Timestamp, UserId};

use super::declare::host_area;
use super::types::{MaybeUser, time};

/// A purchase that a store has confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostPurchase {
    /// Whose it is; empty when nobody has brought it, or the account is deleted.
    pub user_id: String,
    /// What was bought.
    pub product_id: String,
    /// What makes it this purchase and no other.
    pub transaction_id: String,
    /// `APPLE_APP_STORE`, `GOOGLE_PLAY_STORE`, `HUAWEI_APP_GALLERY`, `FACEBOOK_INSTANT_STORE` or
    /// `SAMSUNG_GALAXY_STORE`.
    pub store: String,
    /// When it was made.
    #[serde(with = "time")]
    pub purchase_time: Timestamp,
    /// When it was first kept, if it is.
    pub create_time: Option<i64>,
    /// When it was last brought, if it is kept.
    pub update_time: Option<i64>,
    /// When the money was given back. When it was not: 0 in lists, and left out where a proof was
    /// checked.
    pub refund_time: Option<i64>,
    /// What the store said, as JSON; empty for a signed transaction that was just brought.
    pub provider_response: String,
    /// `PRODUCTION`, `SANDBOX` for a trial, or `UNKNOWN`.
    pub environment: String,
    /// Whether it was kept before, whoever brought it.
    pub seen_before: bool,
}

/// What came of a proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostValidatedPurchases {
    /// What the store confirms: one purchase, or for a receipt of Apple all that are in it.
    pub validated_purchases: Vec<HostPurchase>,
}

/// A part of the kept purchases, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostPurchasePage {
    /// The purchases.
    pub validated_purchases: Vec<HostPurchase>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
    /// Where the page before begins; `None` on the first.
    pub prev_cursor: Option<String>,
}

/// A subscription that a store has confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostSubscription {
    /// Whose it is; empty when nobody has brought it, or the account is deleted.
    pub user_id: String,
    /// What was subscribed to.
    pub product_id: String,
    /// What all renewals have in common.
    pub original_transaction_id: String,
    /// `APPLE_APP_STORE` or `GOOGLE_PLAY_STORE`.
    pub store: String,
    /// When it began.
    #[serde(with = "time")]
    pub purchase_time: Timestamp,
    /// When it was first kept, if it is.
    pub create_time: Option<i64>,
    /// When it was last brought or heard of, if it is kept.
    pub update_time: Option<i64>,
    /// When it ends unless it is renewed.
    #[serde(with = "time")]
    pub expiry_time: Timestamp,
    /// When the money was given back. When it was not: 0 in lists, and left out where a proof was
    /// checked.
    pub refund_time: Option<i64>,
    /// What the store answered, as JSON; empty for a signed transaction that was just brought.
    pub provider_response: String,
    /// What the store told by itself, as JSON.
    pub provider_notification: String,
    /// `PRODUCTION`, `SANDBOX` for a trial, or `UNKNOWN`.
    pub environment: String,
    /// Whether it has not ended and its money was not given back.
    pub active: bool,
}

/// What came of a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostValidatedSubscription {
    /// What the store confirms.
    pub validated_subscription: HostSubscription,
}

/// A part of the kept subscriptions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostSubscriptionPage {
    /// The subscriptions.
    pub validated_subscriptions: Vec<HostSubscription>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
    /// Where the page before begins; `None` on the first.
    pub prev_cursor: Option<String>,
}

host_area! {
    /// Purchases and subscriptions in stores.
    PurchasesHost

    /// Checks a receipt or signed transaction of Apple, and keeps what it confirms unless
    /// `persist` is false. `password_override` stands in for the configured shared password.
    fn purchase_validate_apple as "purchaseValidateApple" (PurchaseValidateApple {
        user_id: UserId,
        receipt: String,
        persist: Option<bool>,
        password_override: Option<String>,
    }) -> HostValidatedPurchases;

    /// Checks a purchase in Google's store, and keeps it unless `persist` is false. The service
    /// account may be another one than the configured.
    fn purchase_validate_google as "purchaseValidateGoogle" (PurchaseValidateGoogle {
        user_id: UserId,
        purchase: String,
        persist: Option<bool>,
        client_email_override: Option<String>,
        private_key_override: Option<String>,
    }) -> HostValidatedPurchases;

    /// Checks a purchase in Huawei's store, and keeps it unless `persist` is false. The purchase and
    /// its signature may change places.
    fn purchase_validate_huawei as "purchaseValidateHuawei" (PurchaseValidateHuawei {
        user_id: UserId,
        purchase: String,
        signature: String,
        persist: Option<bool>,
    }) -> HostValidatedPurchases;

    /// Checks a purchase in a Facebook Instant Game, and keeps it unless `persist` is false.
    fn purchase_validate_facebook_instant as "purchaseValidateFacebookInstant" (
        PurchaseValidateFacebookInstant {
            user_id: UserId,
            signed_request: String,
            persist: Option<bool>,
        }
    ) -> HostValidatedPurchases;

    /// Checks a purchase in Samsung's store, and keeps it unless `persist` is false.
    fn purchase_validate_samsung as "purchaseValidateSamsung" (PurchaseValidateSamsung {
        user_id: UserId,
        purchase_id: String,
        persist: Option<bool>,
    }) -> HostValidatedPurchases;

    /// The kept purchase of a transaction.
    fn purchase_get_by_transaction_id as "purchaseGetByTransactionId" (PurchaseGetByTransactionId {
        transaction_id: String,
    }) -> HostPurchase;

    /// A part of the kept purchases, newest first: a user's, or everybody's. A page has 1 to 100,
    /// 100 unless asked otherwise.
    fn purchases_list as "purchasesList" (PurchasesList {
        #[serde(default)] user_id: MaybeUser,
        limit: Option<i64>,
        cursor: Option<String>,
    }) -> HostPurchasePage, several ["validated_purchases", "cursor", "prev_cursor"];

    /// Checks a subscription in a receipt or signed transaction of Apple, and keeps it unless
    /// `persist` is false. `password_override` stands in for the configured shared password.
    fn subscription_validate_apple as "subscriptionValidateApple" (SubscriptionValidateApple {
        user_id: UserId,
        receipt: String,
        persist: Option<bool>,
        password_override: Option<String>,
    }) -> HostValidatedSubscription;

    /// Checks a subscription in Google's store, and keeps it unless `persist` is false. The
    /// service account may be another one than the configured.
    fn subscription_validate_google as "subscriptionValidateGoogle" (SubscriptionValidateGoogle {
        user_id: UserId,
        receipt: String,
        persist: Option<bool>,
        client_email_override: Option<String>,
        private_key_override: Option<String>,
    }) -> HostValidatedSubscription;

    /// A user's kept subscription to a product; of several, the one that ends last.
    fn subscription_get_by_product_id as "subscriptionGetByProductId" (SubscriptionGetByProductId {
        user_id: UserId,
        product_id: String,
    }) -> HostSubscription;

    /// A part of the kept subscriptions, newest first: a user's, or everybody's. A page has 1 to
    /// 100, 100 unless asked otherwise.
    fn subscriptions_list as "subscriptionsList" (SubscriptionsList {
        #[serde(default)] user_id: MaybeUser,
        limit: Option<i64>,
        cursor: Option<String>,
    }) -> HostSubscriptionPage, several ["validated_subscriptions", "cursor", "prev_cursor"];
}
