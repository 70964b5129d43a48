//! Purchases and subscriptions that stores have confirmed.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use crate::{Direction, StorageError};

/// A store. The numbers are those of the public tables and protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Store {
    Apple = 0,
    Google = 1,
    Huawei = 2,
    FacebookInstant = 3,
    Samsung = 4,
}

impl Store {
    /// Every store, in the order of the numbers.
    pub const ALL: [Self; 5] =
        [Self::Apple, Self::Google, Self::Huawei, Self::FacebookInstant, Self::Samsung];

    /// The number, 0 to 4.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The store of a number.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|store| i16::from(store.number()) == number)
    }
}

/// Whether money was paid. The numbers are those of the public tables and protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum StoreEnvironment {
    /// The store did not say.
    Unknown = 0,
    /// A trial by a developer.
    Sandbox = 1,
    /// A real one.
    Production = 2,
}

impl StoreEnvironment {
    /// The number, 0 to 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The environment of a number.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Unknown, Self::Sandbox, Self::Production]
            .into_iter()
            .find(|environment| i16::from(environment.number()) == number)
    }
}

/// A purchase to be kept. Times are kept in microseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPurchase {
    /// Who brought it; the nil user for nobody.
    pub user: UserId,
    /// Where it was made.
    pub store: Store,
    /// What was bought, 1 to 512 characters.
    pub product: String,
    /// What makes it this purchase and no other, in any store: 1 to 512 characters.
    pub transaction: String,
    /// When it was made.
    pub purchase_time: Timestamp,
    /// When the money was given back, if it was.
    pub refund_time: Option<Timestamp>,
    /// Whether money was paid.
    pub environment: StoreEnvironment,
    /// What the store said: the text of a JSON object.
    pub response: String,
}

/// A kept purchase.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it, and those of `NewPurchase`")]
pub struct Purchase {
    /// Who brought it first; the nil user when nobody did, or the account is deleted.
    pub user: UserId,
    pub store: Store,
    pub product: String,
    pub transaction: String,
    pub purchase_time: Timestamp,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
    pub refund_time: Option<Timestamp>,
    pub environment: StoreEnvironment,
    pub response: String,
}

/// What came of keeping a purchase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedPurchase {
    /// As it is kept now.
    pub purchase: Purchase,
    /// Whether it had been kept before, whoever brought it.
    pub seen_before: bool,
}

/// A subscription to be kept. Times are kept in microseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSubscription {
    /// Who brought it; the nil user for nobody.
    pub user: UserId,
    /// Where it was made.
    pub store: Store,
    /// What was subscribed to, 1 to 512 characters.
    pub product: String,
    /// What all renewals have in common: 1 to 512 characters.
    pub original_transaction: String,
    /// When it began.
    pub purchase_time: Timestamp,
    /// When it ends unless it is renewed.
    pub expire_time: Timestamp,
    /// When the money was given back, if it was.
    pub refund_time: Option<Timestamp>,
    /// Whether money is paid.
    pub environment: StoreEnvironment,
    /// What the store answered, the text of a JSON object; `None` and the empty
    /// object leave what is kept.
    pub response: Option<String>,
    /// What the store told by itself, the text of a JSON object; `None` and the empty
    /// object leave what is kept.
    pub notification: Option<String>,
}

/// What is known about the age of what a store said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AsOf {
    /// The store says so now.
    Now,
    /// The store said so once, so that things may have changed meanwhile: nothing of it is taken
    /// over by a kept subscription that ends later.
    Then,
}

/// A kept subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it, and those of `NewSubscription`")]
pub struct Subscription {
    /// Who brought it first; the nil user when nobody did, or the account is deleted.
    pub user: UserId,
    pub store: Store,
    pub product: String,
    pub original_transaction: String,
    pub purchase_time: Timestamp,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
    pub expire_time: Timestamp,
    pub refund_time: Option<Timestamp>,
    pub environment: StoreEnvironment,
    /// `{}` when there is none.
    pub response: String,
    /// `{}` when there is none.
    pub notification: String,
}

/// Where in the list a purchase or subscription stands: by these, in this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PurchaseKey {
    /// When it was made, in microseconds.
    pub purchase_time: Timestamp,
    /// Whose it is.
    pub user: UserId,
    /// Its transaction, or the original one of a subscription.
    pub transaction: String,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PurchaseWalk<'a> {
    /// Whose; `None` for everybody's.
    pub user: Option<UserId>,
    /// Most entries, at least 1.
    pub limit: u32,
    /// Which way to walk.
    pub direction: Direction,
    /// Begin behind this one, in that direction; `None` begins at the end.
    pub after: Option<&'a PurchaseKey>,
}

/// A part of a list, in the order walked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurchasePage<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Purchases.
#[async_trait]
pub trait Purchases: Send + Sync + 'static {
    /// Keeps purchases, all or none, and answers them in the order given; `None` when a user has
    /// no account.
    ///
    /// One that is kept already stays as it is and whose it is. Only its update time moves, and it
    /// takes a refund that was not known; a known one is never taken back. Of concurrent calls
    /// exactly one sees a purchase for the first time.
    ///
    /// # Errors
    /// Besides the usual ones: [`StorageError::Failed`] when a transaction is given twice,
    /// [`StorageError::DoesNotFit`] for texts that no store can keep and empty transactions.
    async fn record(
        &self,
        purchases: &[NewPurchase],
        now: Timestamp,
    ) -> Result<Option<Vec<RecordedPurchase>>, StorageError>;

    /// The purchase of a transaction.
    async fn get(&self, transaction: &str) -> Result<Option<Purchase>, StorageError>;

    /// A part of the list, in the order of the [`PurchaseKey`]s or backwards.
    async fn list(&self, walk: PurchaseWalk<'_>) -> Result<PurchasePage<Purchase>, StorageError>;
}

/// Subscriptions.
#[async_trait]
pub trait Subscriptions: Send + Sync + 'static {
    /// Keeps subscriptions, all or none, and answers them as they are kept now, in the order
    /// given; `None` when a user has no account.
    ///
    /// One that is kept already stays whose it is, and keeps its beginning, store and environment;
    /// a known refund is never taken back.
    ///
    /// # Errors
    /// Besides the usual ones: [`StorageError::Failed`] when an original transaction is given
    /// twice, [`StorageError::DoesNotFit`] for texts that no store can keep and empty transactions.
    async fn record(
        &self,
        subscriptions: &[NewSubscription],
        as_of: AsOf,
        now: Timestamp,
    ) -> Result<Option<Vec<Subscription>>, StorageError>;

    /// The subscription of an original transaction.
    async fn get(&self, original_transaction: &str) -> Result<Option<Subscription>, StorageError>;

    /// A user's subscription to a product; of several, the one that ends last.
    async fn of_product(
        &self,
        user: UserId,
        product: &str,
    ) -> Result<Option<Subscription>, StorageError>;

    /// A part of the list, in the order of the [`PurchaseKey`]s or backwards.
    async fn list(
        &self,
        walk: PurchaseWalk<'_>,
    ) -> Result<PurchasePage<Subscription>, StorageError>;
}

impl Purchase {
    /// Where it stands in the list.
    #[must_use]
    pub fn key(&self) -> PurchaseKey {
        let Self { purchase_time, user, transaction, .. } = self;
        PurchaseKey { purchase_time: *purchase_time, user: *user, transaction: transaction.clone() }
    }
}

impl Subscription {
    /// Where it stands in the list.
    #[must_use]
    pub fn key(&self) -> PurchaseKey {
        let Self { purchase_time, user, original_transaction, .. } = self;
        PurchaseKey {
            purchase_time: *purchase_time,
            user: *user,
            transaction: original_transaction.clone(),
        }
    }
}
