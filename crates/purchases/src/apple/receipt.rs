//! Receipts, which Apple checks (`verifyReceipt`).
//!
//! The facts are those of Apple's documents of the App Store receipts
//! (<https://developer.apple.com/documentation/appstorereceipts>).

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::{Value, json};
use tavern_domain::Timestamp;
use tavern_storage::{Store, StoreEnvironment};

use super::environment;
use crate::ShopError;
use crate::ask::{Asking, base, json as post};
use crate::store::{Sale, Term, kept_answer, named};
use crate::time::millis;

/// Most purchases and renewals in one receipt.
const MAX_ENTRIES: usize = 1_000;
/// The receipt is good.
const GOOD: i64 = 0;
/// The receipt is one of a trial, which is checked elsewhere.
const OF_A_TRIAL: i64 = 21_007;
/// Apple cannot check receipts now, or not this one.
const LATER: [i64; 2] = [21_005, 21_009];

/// Apple's answer.
#[derive(Deserialize)]
struct Answer {
    status: i64,
    #[serde(default)]
    environment: String,
    /// A number in the documents, a truth value in examples.
    #[serde(default, rename = "is-retryable", alias = "is_retryable")]
    is_retryable: Value,
    #[serde(default)]
    receipt: Option<Body>,
    #[serde(default)]
    latest_receipt_info: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    bundle_id: String,
    #[serde(default)]
    in_app: Vec<Value>,
}

/// One purchase or renewal.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    transaction_id: String,
    #[serde(default)]
    original_transaction_id: String,
    #[serde(default)]
    product_id: String,
    #[serde(default, deserialize_with = "millis")]
    purchase_date_ms: Option<Timestamp>,
    #[serde(default, deserialize_with = "millis")]
    original_purchase_date_ms: Option<Timestamp>,
    #[serde(default, deserialize_with = "millis")]
    expires_date_ms: Option<Timestamp>,
    #[serde(default, deserialize_with = "millis")]
    cancellation_date_ms: Option<Timestamp>,
}

/// A receipt that Apple stands behind.
pub(super) struct Receipt {
    bundle_id: String,
    environment: StoreEnvironment,
    /// Each with the part of the answer that it was read from.
    entries: Vec<(Entry, Value)>,
    answer: String,
}

fn nonsense(why: &'static str) -> ShopError {
    ShopError::unasked(Store::Apple, why)
}

/// Asks Apple whether a receipt is good; about one of a trial where those are checked.
pub(super) async fn verify(
    asking: Asking<'_>,
    [production, sandbox]: [&str; 2],
    password: &str,
    receipt: &str,
) -> Result<Receipt, ShopError> {
    let body = json!({
        "receipt-data": receipt,
        "password": password,
        "exclude-old-transactions": true,
    });
    let ask = async |at: &str| -> Result<(Answer, String), ShopError> {
        let answer = asking.send(post(format!("{}/verifyReceipt", base(at)), &body)).await?;
        asking.read(answer)
    };
    let (mut answer, mut text) = ask(production).await?;
    if answer.status == OF_A_TRIAL {
        (answer, text) = ask(sandbox).await?;
    }
    let retry = answer.is_retryable == Value::Bool(true) || answer.is_retryable == json!(1);
    match answer.status {
        GOOD => Receipt::read(answer, text),
        status if retry || LATER.contains(&status) => Err(ShopError::Later(Store::Apple)),
        status => Err(ShopError::Refused { store: Store::Apple, why: format!("status {status}") }),
    }
}

impl Receipt {
    fn read(answer: Answer, text: String) -> Result<Self, ShopError> {
        let Answer { environment: word, receipt, latest_receipt_info, .. } = answer;
        let Body { bundle_id, in_app } = receipt.unwrap_or_default();
        if in_app.len() + latest_receipt_info.len() > MAX_ENTRIES {
            return Err(nonsense("more purchases than anybody makes"));
        }
        let entries = in_app.into_iter().chain(latest_receipt_info).map(|part| {
            let entry = Entry::deserialize(&part).map_err(|_| nonsense("a purchase that is none"));
            Ok((entry?, part))
        });
        Ok(Self {
            bundle_id,
            environment: environment(&word),
            entries: entries.collect::<Result<_, ShopError>>()?,
            answer: text,
        })
    }

    pub(super) fn bundle_id(&self) -> &str {
        &self.bundle_id
    }

    /// Its purchases, each once.
    pub(super) fn sales(self) -> Result<Vec<Sale>, ShopError> {
        let mut seen = HashSet::new();
        let mut sales = Vec::new();
        for (entry, part) in &self.entries {
            if entry.expires_date_ms.is_some() || !seen.insert(&entry.transaction_id) {
                continue;
            }
            sales.push(Sale {
                product: named(Store::Apple, &entry.product_id)?,
                transaction: named(Store::Apple, &entry.transaction_id)?,
                purchase_time: entry.purchase_date_ms.ok_or_else(|| nonsense("no time"))?,
                refund_time: entry.cancellation_date_ms,
                environment: self.environment,
                answer: kept_answer(&self.answer, || part.to_string()),
            });
        }
        match (sales.is_empty(), self.entries.is_empty()) {
            (false, _) => Ok(sales),
            (true, false) => Err(ShopError::NoPurchase),
            (true, true) => {
                let why = "nothing was bought".to_owned();
                Err(ShopError::Refused { store: Store::Apple, why })
            }
        }
    }

    /// Its subscriptions, each as it is now; the one that ends last comes first.
    pub(super) fn terms(self) -> Result<Vec<Term>, ShopError> {
        let mut latest: BTreeMap<&str, (Timestamp, &Entry, &Value)> = BTreeMap::new();
        for (entry, part) in &self.entries {
            let Some(end) = entry.expires_date_ms else { continue };
            let held = latest.entry(&entry.original_transaction_id).or_insert((end, entry, part));
            if held.0 < end {
                *held = (end, entry, part);
            }
        }
        let mut terms = Vec::with_capacity(latest.len());
        for (expire_time, entry, part) in latest.into_values() {
            let purchase_time = entry.original_purchase_date_ms.or(entry.purchase_date_ms);
            terms.push(Term {
                product: named(Store::Apple, &entry.product_id)?,
                original_transaction: named(Store::Apple, &entry.original_transaction_id)?,
                purchase_time: purchase_time.ok_or_else(|| nonsense("no time"))?,
                expire_time,
                refund_time: entry.cancellation_date_ms,
                environment: self.environment,
                answer: kept_answer(&self.answer, || part.to_string()),
            });
        }
        terms.sort_by_key(|term| std::cmp::Reverse(term.expire_time));
        if terms.is_empty() {
            return Err(ShopError::NoSubscription);
        }
        Ok(terms)
    }
}
