//! Purchases and subscriptions.

use std::collections::HashSet;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use super::limits::{broken, fits, jsonb};
use super::{Memory, Tables};
use crate::{
    AsOf, Direction, NewPurchase, NewSubscription, Purchase, PurchaseKey, PurchasePage,
    PurchaseWalk, Purchases, RecordedPurchase, StorageError, Subscription, Subscriptions,
};

/// Most characters of a product or transaction.
const WIDTH: usize = 512;

fn check(transactions: &[&str]) -> Result<(), StorageError> {
    let mut seen = HashSet::new();
    for transaction in transactions {
        fits(transaction, WIDTH)?;
        if transaction.is_empty() {
            return Err(StorageError::DoesNotFit("an empty transaction".into()));
        }
        if !seen.insert(*transaction) {
            return Err(broken("a transaction that is given twice"));
        }
    }
    Ok(())
}

/// The public tables have the epoch for "never".
fn unless_epoch(time: Option<Timestamp>) -> Option<Timestamp> {
    time.map(Timestamp::whole_micros).filter(|time| *time != Timestamp::EPOCH)
}

impl Tables {
    fn all_exist(&self, mut users: impl Iterator<Item = UserId>) -> bool {
        users.all(|user| self.users.contains_key(&user))
    }

    /// What becomes of the purchases of a deleted account.
    pub(super) fn purchases_lose(&mut self, user: UserId) {
        for purchase in self.purchases.values_mut().filter(|purchase| purchase.user == user) {
            purchase.user = UserId::NIL;
        }
        for held in self.subscriptions.values_mut().filter(|held| held.user == user) {
            held.user = UserId::NIL;
        }
    }
}

/// A part of what is kept, sorted by keys.
fn page<T: Clone>(
    kept: impl Iterator<Item = T>,
    key: impl Fn(&T) -> PurchaseKey,
    walk: PurchaseWalk<'_>,
) -> PurchasePage<T> {
    let mut kept: Vec<(PurchaseKey, T)> = kept.map(|one| (key(&one), one)).collect();
    kept.sort_by(|(a, _), (b, _)| match walk.direction {
        Direction::Forward => a.cmp(b),
        Direction::Backward => b.cmp(a),
    });
    let behind = |key: &PurchaseKey| match (walk.after, walk.direction) {
        (None, _) => true,
        (Some(after), Direction::Forward) => key > after,
        (Some(after), Direction::Backward) => key < after,
    };
    let mut rest = kept
        .into_iter()
        .filter(|(key, _)| behind(key) && walk.user.is_none_or(|user| key.user == user))
        .map(|(_, one)| one);
    let limit = usize::try_from(walk.limit).unwrap_or(usize::MAX);
    let entries: Vec<T> = rest.by_ref().take(limit).collect();
    PurchasePage { entries, more: rest.next().is_some() }
}

#[async_trait]
impl Purchases for Memory {
    async fn record(
        &self,
        purchases: &[NewPurchase],
        now: Timestamp,
    ) -> Result<Option<Vec<RecordedPurchase>>, StorageError> {
        let transactions: Vec<&str> = purchases.iter().map(|p| p.transaction.as_str()).collect();
        check(&transactions)?;
        let mut responses = Vec::with_capacity(purchases.len());
        for new in purchases {
            fits(&new.product, WIDTH)?;
            responses.push(jsonb(&new.response)?);
        }
        let mut tables = self.lock();
        if !tables.all_exist(purchases.iter().map(|new| new.user)) {
            return Ok(None);
        }
        let now = now.whole_micros();
        let recorded = purchases.iter().zip(responses).map(|(new, response)| {
            let refund_time = unless_epoch(new.refund_time);
            if let Some(kept) = tables.purchases.get_mut(&new.transaction) {
                kept.refund_time = kept.refund_time.or(refund_time);
                kept.update_time = now;
                return RecordedPurchase { purchase: kept.clone(), seen_before: true };
            }
            let purchase = Purchase {
                user: new.user,
                store: new.store,
                product: new.product.clone(),
                transaction: new.transaction.clone(),
                purchase_time: new.purchase_time.whole_micros(),
                create_time: now,
                update_time: now,
                refund_time,
                environment: new.environment,
                response,
            };
            tables.purchases.insert(new.transaction.clone(), purchase.clone());
            RecordedPurchase { purchase, seen_before: false }
        });
        Ok(Some(recorded.collect()))
    }

    async fn get(&self, transaction: &str) -> Result<Option<Purchase>, StorageError> {
        Ok(self.lock().purchases.get(transaction).cloned())
    }

    async fn list(&self, walk: PurchaseWalk<'_>) -> Result<PurchasePage<Purchase>, StorageError> {
        Ok(page(self.lock().purchases.values().cloned(), Purchase::key, walk))
    }
}

#[async_trait]
impl Subscriptions for Memory {
    async fn record(
        &self,
        subscriptions: &[NewSubscription],
        as_of: AsOf,
        now: Timestamp,
    ) -> Result<Option<Vec<Subscription>>, StorageError> {
        let transactions: Vec<&str> =
            subscriptions.iter().map(|new| new.original_transaction.as_str()).collect();
        check(&transactions)?;
        let json = |text: &Option<String>| -> Result<Option<String>, StorageError> {
            Ok(text.as_deref().map(jsonb).transpose()?.filter(|text| text != "{}"))
        };
        let mut texts = Vec::with_capacity(subscriptions.len());
        for new in subscriptions {
            fits(&new.product, WIDTH)?;
            texts.push((json(&new.response)?, json(&new.notification)?));
        }
        let mut tables = self.lock();
        if !tables.all_exist(subscriptions.iter().map(|new| new.user)) {
            return Ok(None);
        }
        let now = now.whole_micros();
        let recorded = subscriptions.iter().zip(texts).map(|(new, (response, notification))| {
            let expire_time = new.expire_time.whole_micros();
            let refund_time = unless_epoch(new.refund_time);
            let kept =
                tables.subscriptions.entry(new.original_transaction.clone()).or_insert_with(|| {
                    Subscription {
                        user: new.user,
                        store: new.store,
                        product: new.product.clone(),
                        original_transaction: new.original_transaction.clone(),
                        purchase_time: new.purchase_time.whole_micros(),
                        create_time: now,
                        update_time: now,
                        expire_time,
                        refund_time,
                        environment: new.environment,
                        response: "{}".to_owned(),
                        notification: "{}".to_owned(),
                    }
                });
            kept.update_time = now;
            if as_of == AsOf::Then && kept.expire_time > expire_time {
                return kept.clone();
            }
            kept.product.clone_from(&new.product);
            kept.expire_time = expire_time;
            kept.refund_time = refund_time.or(kept.refund_time);
            kept.response = response.unwrap_or_else(|| kept.response.clone());
            kept.notification = notification.unwrap_or_else(|| kept.notification.clone());
            kept.clone()
        });
        Ok(Some(recorded.collect()))
    }

    async fn get(&self, original_transaction: &str) -> Result<Option<Subscription>, StorageError> {
        Ok(self.lock().subscriptions.get(original_transaction).cloned())
    }

    async fn of_product(
        &self,
        user: UserId,
        product: &str,
    ) -> Result<Option<Subscription>, StorageError> {
        let tables = self.lock();
        let of_both = tables
            .subscriptions
            .values()
            .filter(|held| held.user == user && held.product == product);
        Ok(of_both.max_by_key(|held| (held.expire_time, held.key())).cloned())
    }

    async fn list(
        &self,
        walk: PurchaseWalk<'_>,
    ) -> Result<PurchasePage<Subscription>, StorageError> {
        Ok(page(self.lock().subscriptions.values().cloned(), Subscription::key, walk))
    }
}
