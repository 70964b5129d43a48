//! Asking stores, and keeping what they confirm.

use std::sync::Arc;

use tavern_domain::{Clock, Fetch, Timestamp, UserId};
use tavern_storage::{
    AsOf, NewPurchase, NewSubscription, Purchase, Purchases, RecordedPurchase, Store,
    StoreEnvironment, Subscription, Subscriptions,
};

use crate::apple::Apple;
use crate::ask::Asking;
use crate::google::Google;
use crate::huawei::Huawei;
use crate::listing::Walk;
use crate::store::{Sale, Term};
use crate::token::Tokens;
use crate::{Config, ListQuery, Listed, ShopError, facebook, samsung};

/// What a [`Shop`] is made of.
pub struct ShopParts {
    /// Kept purchases.
    pub purchases: Arc<dyn Purchases>,
    /// Kept subscriptions.
    pub subscriptions: Arc<dyn Subscriptions>,
    /// The way to the stores.
    pub fetch: Arc<dyn Fetch>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What the stores are configured with.
    pub config: Config,
}

/// Purchases and subscriptions: asks the stores, and keeps what they confirm.
pub struct Shop {
    parts: ShopParts,
    google: Tokens,
    huawei: Tokens,
}

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shop").finish_non_exhaustive()
    }
}

/// A service account in place of the configured one.
#[derive(Clone, Copy, Default)]
pub struct GoogleAccount<'a> {
    /// Its mail address; `None` for the configured one.
    pub client_email: Option<&'a str>,
    /// Its private key in PEM; `None` for the configured one.
    pub private_key: Option<&'a str>,
}

/// What a device got from a store when something was bought.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum PurchaseProof<'a> {
    /// A receipt or a signed transaction.
    Apple {
        /// Base64, or a JWS.
        receipt: &'a str,
        /// In place of the configured shared password.
        password: Option<&'a str>,
    },
    /// A purchase.
    Google {
        /// JSON.
        purchase: &'a str,
        /// Who asks.
        account: GoogleAccount<'a>,
    },
    /// A purchase in Huawei's store.
    Huawei {
        /// JSON, as it was signed.
        purchase: &'a str,
        /// Base64.
        signature: &'a str,
    },
    /// A purchase in a Facebook Instant Game.
    FacebookInstant {
        /// A signature, a dot and the payment.
        signed_request: &'a str,
    },
    /// A purchase in Samsung's store.
    Samsung {
        /// Its id.
        purchase_id: &'a str,
    },
}

/// What a device got from a store when something was subscribed to.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum SubscriptionProof<'a> {
    /// A receipt or a signed transaction.
    Apple {
        /// Base64, or a JWS.
        receipt: &'a str,
        /// In place of the configured shared password.
        password: Option<&'a str>,
    },
    /// A subscription.
    Google {
        /// JSON.
        receipt: &'a str,
        /// Who asks.
        account: GoogleAccount<'a>,
    },
}

/// What is known of something that is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// When it was first kept.
    pub create_time: Timestamp,
    /// When it was last brought, or heard of.
    pub update_time: Timestamp,
}

/// A purchase that a store has confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct ValidatedPurchase {
    /// Whose it is; the nil user when it is nobody's (any more).
    pub user: UserId,
    pub store: Store,
    pub product: String,
    pub transaction: String,
    pub purchase_time: Timestamp,
    /// `None` when it is not kept.
    pub kept: Option<Kept>,
    pub refund_time: Option<Timestamp>,
    pub environment: StoreEnvironment,
    /// The store's answer; empty when it is what was brought.
    pub response: String,
    /// Whether it was kept before, whoever brought it.
    pub seen_before: bool,
}

/// A subscription that a store has confirmed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct ValidatedSubscription {
    /// Whose it is; the nil user when it is nobody's (any more).
    pub user: UserId,
    pub store: Store,
    pub product: String,
    pub original_transaction: String,
    pub purchase_time: Timestamp,
    /// `None` when it is not kept.
    pub kept: Option<Kept>,
    pub expire_time: Timestamp,
    pub refund_time: Option<Timestamp>,
    pub environment: StoreEnvironment,
    /// The store's answer; empty when it is what was brought.
    pub response: String,
    /// What the store told by itself; empty when nothing was kept.
    pub notification: String,
    /// Whether it has not ended and its money was not given back.
    pub active: bool,
}

impl Shop {
    /// A shop. Asks nobody.
    #[must_use]
    pub fn new(parts: ShopParts) -> Self {
        Self { parts, google: Tokens::default(), huawei: Tokens::default() }
    }

    /// What a store confirms of a purchase, for this player. With `persist` it is kept, and what
    /// was kept already is marked as seen before and stays whose it is. A receipt of Apple can
    /// hold several; for all other proofs there is one.
    ///
    /// Safe to drop half-way, but then nobody knows whether it was kept.
    ///
    /// # Errors
    /// [`ShopError`]; nothing was kept, unless the storage failed.
    pub async fn validate_purchase(
        &self,
        user: UserId,
        proof: PurchaseProof<'_>,
        persist: bool,
    ) -> Result<Vec<ValidatedPurchase>, ShopError> {
        let (store, sales) = match proof {
            PurchaseProof::Apple { receipt, password } => {
                (Store::Apple, self.apple(password).purchases(receipt).await?)
            }
            PurchaseProof::Google { purchase, account } => {
                (Store::Google, vec![self.google(account)?.purchase(purchase).await?])
            }
            PurchaseProof::Huawei { purchase, signature } => {
                (Store::Huawei, vec![self.huawei()?.purchase(purchase, signature).await?])
            }
            PurchaseProof::FacebookInstant { signed_request } => {
                let config = &self.parts.config.facebook_instant;
                if config.app_secret.is_empty() {
                    return Err(ShopError::NotConfigured(Store::FacebookInstant));
                }
                (Store::FacebookInstant, vec![facebook::purchase(config, signed_request)?])
            }
            PurchaseProof::Samsung { purchase_id } => {
                let (config, asking) = (&self.parts.config.samsung, self.asking(Store::Samsung));
                (Store::Samsung, vec![samsung::purchase(config, asking, purchase_id).await?])
            }
        };
        self.keep_purchases(user, store, sales, persist).await
    }

    /// What a store confirms of a subscription, for this player. With `persist` it is kept. A
    /// receipt of Apple can hold several, which are all kept; the one that ends last is answered.
    ///
    /// Safe to drop half-way, but then nobody knows whether it was kept.
    ///
    /// # Errors
    /// [`ShopError`]; nothing was kept, unless the storage failed.
    pub async fn validate_subscription(
        &self,
        user: UserId,
        proof: SubscriptionProof<'_>,
        persist: bool,
    ) -> Result<ValidatedSubscription, ShopError> {
        let (store, terms, as_of) = match proof {
            SubscriptionProof::Apple { receipt, password } => {
                let (terms, as_of) = self.apple(password).subscriptions(receipt).await?;
                (Store::Apple, terms, as_of)
            }
            SubscriptionProof::Google { receipt, account } => {
                let term = self.google(account)?.subscription(receipt).await?;
                (Store::Google, vec![term], AsOf::Now)
            }
        };
        self.keep_subscriptions(user, store, terms, as_of, persist).await
    }

    fn apple<'a>(&'a self, password: Option<&'a str>) -> Apple<'a> {
        Apple {
            config: &self.parts.config.apple,
            password,
            asking: self.asking(Store::Apple),
            now: self.parts.clock.now(),
        }
    }

    fn google<'a>(&'a self, account: GoogleAccount<'a>) -> Result<Google<'a>, ShopError> {
        let config = &self.parts.config.google;
        let email = account.client_email.unwrap_or(&config.client_email);
        let key = account.private_key.unwrap_or_else(|| config.private_key.expose());
        if email.is_empty() || key.is_empty() {
            return Err(ShopError::NotConfigured(Store::Google));
        }
        let (asking, now) = (self.asking(Store::Google), self.parts.clock.now());
        Ok(Google { config, email, key, tokens: &self.google, asking, now })
    }

    fn huawei(&self) -> Result<Huawei<'_>, ShopError> {
        let config = &self.parts.config.huawei;
        let parts = [&config.client_id, config.client_secret.expose(), &config.public_key];
        if parts.iter().any(|part| part.is_empty()) {
            return Err(ShopError::NotConfigured(Store::Huawei));
        }
        let (asking, now) = (self.asking(Store::Huawei), self.parts.clock.now());
        Ok(Huawei { config, tokens: &self.huawei, asking, now })
    }

    fn asking(&self, store: Store) -> Asking<'_> {
        Asking { fetch: &*self.parts.fetch, store, timeout: self.parts.config.timeout }
    }

    async fn keep_purchases(
        &self,
        user: UserId,
        store: Store,
        sales: Vec<Sale>,
        persist: bool,
    ) -> Result<Vec<ValidatedPurchase>, ShopError> {
        let new = |sale: Sale| NewPurchase {
            user,
            store,
            product: sale.product,
            transaction: sale.transaction,
            purchase_time: sale.purchase_time,
            refund_time: sale.refund_time,
            environment: sale.environment,
            response: sale.answer,
        };
        let new: Vec<NewPurchase> = sales.into_iter().map(new).collect();
        if !persist {
            return Ok(new.into_iter().map(ValidatedPurchase::unkept).collect());
        }
        let now = self.parts.clock.now();
        let recorded = self.parts.purchases.record(&new, now).await?.ok_or(ShopError::NoAccount)?;
        let answers = recorded.into_iter().zip(new).map(|(recorded, new)| {
            let RecordedPurchase { purchase, seen_before } = recorded;
            let validated = ValidatedPurchase::from(purchase);
            ValidatedPurchase { response: told(new.response), seen_before, ..validated }
        });
        Ok(answers.collect())
    }

    async fn keep_subscriptions(
        &self,
        user: UserId,
        store: Store,
        terms: Vec<Term>,
        as_of: AsOf,
        persist: bool,
    ) -> Result<ValidatedSubscription, ShopError> {
        let new = |term: Term| NewSubscription {
            user,
            store,
            product: term.product,
            original_transaction: term.original_transaction,
            purchase_time: term.purchase_time,
            expire_time: term.expire_time,
            refund_time: term.refund_time,
            environment: term.environment,
            response: Some(term.answer),
            notification: None,
        };
        let mut new: Vec<NewSubscription> = terms.into_iter().map(new).collect();
        let now = self.parts.clock.now();
        if new.is_empty() {
            return Err(ShopError::NoSubscription);
        }
        if !persist {
            return Ok(ValidatedSubscription::unkept(new.swap_remove(0), now));
        }
        let recorded = self.parts.subscriptions.record(&new, as_of, now).await?;
        let recorded = recorded.ok_or(ShopError::NoAccount)?;
        let first = recorded.into_iter().next().ok_or(ShopError::NoSubscription)?;
        let response = told(new.swap_remove(0).response.unwrap_or_default());
        Ok(ValidatedSubscription { response, ..ValidatedSubscription::kept(first, now) })
    }

    /// A part of the kept purchases, newest first. Changes nothing; safe to drop half-way.
    ///
    /// # Errors
    /// [`ShopError::Limit`], [`ShopError::Cursor`], [`ShopError::Storage`].
    pub async fn purchases(
        &self,
        query: ListQuery<'_>,
    ) -> Result<Listed<ValidatedPurchase>, ShopError> {
        let walk = Walk::new("purchases 1", query)?;
        let page = self.parts.purchases.list(walk.request()).await?;
        Ok(walk.page(page, Purchase::key).map(ValidatedPurchase::from))
    }

    /// A part of the kept subscriptions, newest first. Changes nothing; safe to drop half-way.
    ///
    /// # Errors
    /// [`ShopError::Limit`], [`ShopError::Cursor`], [`ShopError::Storage`].
    pub async fn subscriptions(
        &self,
        query: ListQuery<'_>,
    ) -> Result<Listed<ValidatedSubscription>, ShopError> {
        let walk = Walk::new("subscriptions 1", query)?;
        let page = self.parts.subscriptions.list(walk.request()).await?;
        let now = self.parts.clock.now();
        Ok(walk.page(page, Subscription::key).map(|one| ValidatedSubscription::kept(one, now)))
    }

    /// The kept purchase of a transaction.
    ///
    /// # Errors
    /// [`ShopError::NotFound`], [`ShopError::Storage`].
    pub async fn purchase_of(&self, transaction: &str) -> Result<ValidatedPurchase, ShopError> {
        let purchase = self.parts.purchases.get(transaction).await?;
        purchase.map(ValidatedPurchase::from).ok_or(ShopError::NotFound("purchase"))
    }

    /// A player's kept subscription to a product; of several, the one that ends last.
    ///
    /// # Errors
    /// [`ShopError::NotFound`], [`ShopError::Storage`].
    pub async fn subscription_to(
        &self,
        user: UserId,
        product: &str,
    ) -> Result<ValidatedSubscription, ShopError> {
        let found = self.parts.subscriptions.of_product(user, product).await?;
        let found = found.ok_or(ShopError::NotFound("subscription"))?;
        Ok(ValidatedSubscription::kept(found, self.parts.clock.now()))
    }
}

/// What is told of an answer: nothing when it is merely what was brought.
fn told(answer: String) -> String {
    if answer.starts_with(r#"{"jws":"#) { String::new() } else { answer }
}

impl ValidatedPurchase {
    fn unkept(new: NewPurchase) -> Self {
        Self {
            user: new.user,
            store: new.store,
            product: new.product,
            transaction: new.transaction,
            purchase_time: new.purchase_time,
            kept: None,
            refund_time: new.refund_time,
            environment: new.environment,
            response: told(new.response),
            seen_before: false,
        }
    }
}

impl From<Purchase> for ValidatedPurchase {
    /// As it is in a list.
    fn from(purchase: Purchase) -> Self {
        let Purchase { create_time, update_time, .. } = purchase;
        Self {
            user: purchase.user,
            store: purchase.store,
            product: purchase.product,
            transaction: purchase.transaction,
            purchase_time: purchase.purchase_time,
            kept: Some(Kept { create_time, update_time }),
            refund_time: purchase.refund_time,
            environment: purchase.environment,
            response: purchase.response,
            seen_before: false,
        }
    }
}

impl ValidatedSubscription {
    fn unkept(new: NewSubscription, now: Timestamp) -> Self {
        Self {
            user: new.user,
            store: new.store,
            product: new.product,
            original_transaction: new.original_transaction,
            purchase_time: new.purchase_time,
            kept: None,
            expire_time: new.expire_time,
            refund_time: new.refund_time,
            environment: new.environment,
            response: told(new.response.unwrap_or_default()),
            notification: String::new(),
            active: new.expire_time > now && new.refund_time.is_none(),
        }
    }

    fn kept(kept: Subscription, now: Timestamp) -> Self {
        let Subscription { create_time, update_time, .. } = kept;
        Self {
            user: kept.user,
            store: kept.store,
            product: kept.product,
            original_transaction: kept.original_transaction,
            purchase_time: kept.purchase_time,
            kept: Some(Kept { create_time, update_time }),
            expire_time: kept.expire_time,
            refund_time: kept.refund_time,
            environment: kept.environment,
            response: kept.response,
            notification: kept.notification,
            active: kept.expire_time > now && kept.refund_time.is_none(),
        }
    }
}
