//! Purchases and subscriptions in stores.

use tavern_domain::{CodedError, ErrorCode};
use tavern_protocol::api;
use tavern_purchases::{GoogleAccount, ListQuery, PurchaseProof, ShopError, SubscriptionProof};

use crate::api::user;
use crate::context::Context;
use crate::services::Services;
use crate::{error, wire};

/// An error as callers see it. That a store could not be asked is said, why is for the log.
pub(crate) fn refused(error: ShopError) -> CodedError {
    if matches!(error, ShopError::Unasked { .. }) {
        CodedError::new(ErrorCode::Unknown, error.to_string()).caused_by(error)
    } else {
        error::classified(error)
    }
}

async fn purchase(
    services: &Services,
    cx: &Context,
    proof: PurchaseProof<'_>,
    persist: Option<bool>,
) -> Result<api::ValidatePurchaseResponse, CodedError> {
    let validated = services.shop.validate_purchase(user(cx)?, proof, persist.unwrap_or(true));
    Ok(wire::validated_purchases(validated.await.map_err(refused)?))
}

async fn subscription(
    services: &Services,
    cx: &Context,
    proof: SubscriptionProof<'_>,
    persist: Option<bool>,
) -> Result<api::ValidateSubscriptionResponse, CodedError> {
    let validated = services.shop.validate_subscription(user(cx)?, proof, persist.unwrap_or(true));
    let validated = wire::subscription(validated.await.map_err(refused)?, false);
    Ok(api::ValidateSubscriptionResponse { validated_subscription: Some(validated) })
}

/// Checks a receipt or signed transaction of Apple.
pub(crate) async fn apple(
    services: &Services,
    cx: &mut Context,
    request: &api::ValidatePurchaseAppleRequest,
) -> Result<api::ValidatePurchaseResponse, CodedError> {
    let proof = PurchaseProof::Apple { receipt: &request.receipt, password: None };
    purchase(services, cx, proof, request.persist).await
}

/// Checks a purchase in Google's store.
pub(crate) async fn google(
    services: &Services,
    cx: &mut Context,
    request: &api::ValidatePurchaseGoogleRequest,
) -> Result<api::ValidatePurchaseResponse, CodedError> {
    let account = GoogleAccount::default();
    let proof = PurchaseProof::Google { purchase: &request.purchase, account };
    purchase(services, cx, proof, request.persist).await
}

/// Checks a purchase in Huawei's store.
pub(crate) async fn huawei(
    services: &Services,
    cx: &mut Context,
    request: &api::ValidatePurchaseHuaweiRequest,
) -> Result<api::ValidatePurchaseResponse, CodedError> {
    let api::ValidatePurchaseHuaweiRequest { purchase: bought, signature, persist } = request;
    let proof = PurchaseProof::Huawei { purchase: bought, signature };
    purchase(services, cx, proof, *persist).await
}

/// Checks a purchase in a Facebook Instant Game.
pub(crate) async fn facebook_instant(
    services: &Services,
    cx: &mut Context,
    request: &api::ValidatePurchaseFacebookInstantRequest,
) -> Result<api::ValidatePurchaseResponse, CodedError> {
    let proof = PurchaseProof::FacebookInstant { signed_request: &request.signed_request };
    purchase(services, cx, proof, request.persist).await
}

/// Checks a purchase in Samsung's store.
pub(crate) async fn samsung(
    services: &Services,
    cx: &mut Context,
    request: &api::ValidatePurchaseSamsungRequest,
) -> Result<api::ValidatePurchaseResponse, CodedError> {
    let proof = PurchaseProof::Samsung { purchase_id: &request.purchase_id };
    purchase(services, cx, proof, request.persist).await
}

/// Checks a subscription in a receipt or signed transaction of Apple.
pub(crate) async fn subscription_apple(
    services: &Services,
    cx: &mut Context,
    request: &api::ValidateSubscriptionAppleRequest,
) -> Result<api::ValidateSubscriptionResponse, CodedError> {
    let proof = SubscriptionProof::Apple { receipt: &request.receipt, password: None };
    subscription(services, cx, proof, request.persist).await
}

/// Checks a subscription in Google's store.
pub(crate) async fn subscription_google(
    services: &Services,
    cx: &mut Context,
    request: &api::ValidateSubscriptionGoogleRequest,
) -> Result<api::ValidateSubscriptionResponse, CodedError> {
    let account = GoogleAccount::default();
    let proof = SubscriptionProof::Google { receipt: &request.receipt, account };
    subscription(services, cx, proof, request.persist).await
}

/// The player's own subscriptions, newest first.
pub(crate) async fn list_subscriptions(
    services: &Services,
    cx: &mut Context,
    request: &api::ListSubscriptionsRequest,
) -> Result<api::SubscriptionList, CodedError> {
    let query = ListQuery {
        user: Some(user(cx)?),
        limit: request.limit.map(i64::from),
        cursor: &request.cursor,
    };
    Ok(wire::subscription_list(services.shop.subscriptions(query).await.map_err(refused)?))
}

/// The player's own subscription to a product.
pub(crate) async fn get_subscription(
    services: &Services,
    cx: &mut Context,
    request: &api::GetSubscriptionRequest,
) -> Result<api::ValidatedSubscription, CodedError> {
    let found = services.shop.subscription_to(user(cx)?, &request.product_id).await;
    Ok(wire::subscription(found.map_err(refused)?, false))
}
