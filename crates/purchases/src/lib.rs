//! Purchases and subscriptions that players make in stores.
//!
//! # Purpose
//! Take what a player's device got from a store, find out whether the store stands behind it, and
//! keep what it confirms ([`Shop`]): receipts and signed transactions of Apple, purchases and
//! subscriptions of Google, purchases of Huawei, Facebook Instant Games and Samsung. One file per
//! store builds its requests and reads its answers.
//!
//! # Invariants
//! - Nothing that a device says is believed: what is kept comes from the store's own answer, or
//!   from a text whose signature was checked.
//! - A transaction is kept once. Whoever brings it again is told that it was seen before, and it
//!   stays whose it is.
//! - Requests go through the port [`Fetch`](tavern_domain::Fetch) and are bounded in time and size;
//!   nothing that a device says can change where they go.
//! - No secret, receipt or answer of a store is in an error's text or in the log.
//!
//! # Must not know
//! Wire formats of clients, script languages, SQL, who may ask.
//!
//! # Entry points
//! [`Shop`], [`Config`].

mod apple;
mod ask;
mod config;
mod der;
mod error;
mod facebook;
mod google;
mod huawei;
mod listing;
mod samsung;
mod shop;
mod store;
mod time;
mod token;

pub use config::{
    AppleConfig, Authority, AuthorityError, Config, FacebookInstantConfig, GoogleConfig,
    HuaweiConfig, SamsungConfig, authority,
};
pub use error::ShopError;
pub use listing::{DEFAULT_LIMIT, ListQuery, Listed, MAX_LIMIT};
pub use shop::{
    GoogleAccount, Kept, PurchaseProof, Shop, ShopParts, SubscriptionProof, ValidatedPurchase,
    ValidatedSubscription,
};
pub use store::MAX_PROOF_BYTES;
