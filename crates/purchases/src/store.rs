//! What all stores have in common: their names, and what they confirm.

use tavern_domain::Timestamp;
use tavern_storage::{Store, StoreEnvironment};

use crate::ShopError;

/// Most bytes of what a device brings as a proof.
pub const MAX_PROOF_BYTES: usize = 1 << 20;
/// Most characters of a product or transaction that can be kept.
const MAX_NAME: usize = 512;
/// Longest answer of a store that is kept with each purchase, in bytes.
const MAX_KEPT_ANSWER: usize = 64 * 1024;

/// A store as texts name it.
pub(crate) const fn name(store: Store) -> &'static str {
    match store {
        Store::Apple => "Apple's store",
        Store::Google => "Google's store",
        Store::Huawei => "Huawei's store",
        Store::FacebookInstant => "Facebook Instant Games",
        Store::Samsung => "Samsung's store",
    }
}

/// A purchase that a store stands behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sale {
    pub(crate) product: String,
    pub(crate) transaction: String,
    pub(crate) purchase_time: Timestamp,
    pub(crate) refund_time: Option<Timestamp>,
    pub(crate) environment: StoreEnvironment,
    /// The text of a JSON object.
    pub(crate) answer: String,
}

/// A subscription that a store stands behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Term {
    pub(crate) product: String,
    pub(crate) original_transaction: String,
    pub(crate) purchase_time: Timestamp,
    pub(crate) expire_time: Timestamp,
    pub(crate) refund_time: Option<Timestamp>,
    pub(crate) environment: StoreEnvironment,
    /// The text of a JSON object.
    pub(crate) answer: String,
}

/// A part of a proof that is there, and not longer than can be.
pub(crate) fn proof<'a>(what: &'static str, text: &'a str) -> Result<&'a str, ShopError> {
    if text.is_empty() {
        return Err(ShopError::Empty(what));
    }
    if text.len() > MAX_PROOF_BYTES {
        return Err(ShopError::TooLong);
    }
    Ok(text)
}

/// A product or transaction of a store's answer: they can be kept.
pub(crate) fn named(store: Store, text: &str) -> Result<String, ShopError> {
    let long = text.len() > MAX_NAME && text.chars().count() > MAX_NAME;
    if text.is_empty() || long || text.contains('\0') {
        return Err(ShopError::unasked(store, "an answer without a product or transaction"));
    }
    Ok(text.to_owned())
}

/// What is kept of an answer with one of the purchases in it: all of it, or when that is long only
/// the part about the purchase.
pub(crate) fn kept_answer(whole: &str, part: impl FnOnce() -> String) -> String {
    if whole.len() <= MAX_KEPT_ANSWER { whole.to_owned() } else { part() }
}
