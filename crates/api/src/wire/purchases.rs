//! Purchases and subscriptions.

use tavern_domain::{Timestamp, UserId};
use tavern_protocol::{api, wkt};
use tavern_purchases::{Listed, ValidatedPurchase, ValidatedSubscription};

use super::time;

/// Nobody has no id.
fn user(user: UserId) -> String {
    if user.is_nil() { String::new() } else { user.to_string() }
}

/// A refund. Lists show the epoch when there was none, as the protocol says; answers to a proof
/// leave it out.
fn refund(at: Option<Timestamp>, listed: bool) -> Option<wkt::Timestamp> {
    at.or(listed.then_some(Timestamp::EPOCH)).and_then(time)
}

fn purchase(one: ValidatedPurchase) -> api::ValidatedPurchase {
    api::ValidatedPurchase {
        user_id: user(one.user),
        product_id: one.product,
        transaction_id: one.transaction,
        store: one.store.number().into(),
        purchase_time: time(one.purchase_time),
        create_time: one.kept.and_then(|kept| time(kept.create_time)),
        update_time: one.kept.and_then(|kept| time(kept.update_time)),
        refund_time: refund(one.refund_time, false),
        provider_response: one.response,
        environment: one.environment.number().into(),
        seen_before: one.seen_before,
    }
}

/// What came of a proof.
pub(crate) fn validated_purchases(all: Vec<ValidatedPurchase>) -> api::ValidatePurchaseResponse {
    api::ValidatePurchaseResponse { validated_purchases: all.into_iter().map(purchase).collect() }
}

/// A subscription, out of the list or not.
pub(crate) fn subscription(one: ValidatedSubscription, listed: bool) -> api::ValidatedSubscription {
    api::ValidatedSubscription {
        user_id: user(one.user),
        product_id: one.product,
        original_transaction_id: one.original_transaction,
        store: one.store.number().into(),
        purchase_time: time(one.purchase_time),
        create_time: one.kept.and_then(|kept| time(kept.create_time)),
        update_time: one.kept.and_then(|kept| time(kept.update_time)),
        environment: one.environment.number().into(),
        expiry_time: time(one.expire_time),
        refund_time: refund(one.refund_time, listed),
        provider_response: one.response,
        provider_notification: one.notification,
        active: one.active,
    }
}

/// A page of the kept subscriptions.
pub(crate) fn subscription_list(list: Listed<ValidatedSubscription>) -> api::SubscriptionList {
    let Listed { entries, cursor, prev_cursor } = list;
    api::SubscriptionList {
        validated_subscriptions: entries.into_iter().map(|one| subscription(one, true)).collect(),
        cursor: cursor.unwrap_or_default(),
        prev_cursor: prev_cursor.unwrap_or_default(),
    }
}
