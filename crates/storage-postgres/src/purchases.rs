//! Purchases that stores have confirmed, and what they have in common with subscriptions.

use std::collections::HashMap;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    Direction, NewPurchase, Purchase, PurchaseKey, PurchasePage, PurchaseWalk, Purchases,
    RecordedPurchase, StorageError, Store, StoreEnvironment,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, Query, queries};
use crate::values::{JsonText, Time};

/// Older servers kept some answers of stores as a JSON text that holds them.
macro_rules! purchase {
    () => {
        "user_id, store, product_id, transaction_id, purchase_time, create_time, update_time, \
         refund_time, environment, coalesce(raw_response #>> '{}', '{}')"
    };
}

/// A part of a list, of everybody or of one user.
macro_rules! list {
    ($what:expr, $table:literal, $id:literal, $beyond:literal, $order:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM ",
            $table,
            " WHERE ($5::uuid IS NULL OR user_id = $5) AND (purchase_time, user_id, ",
            $id,
            ") ",
            $beyond,
            " ($1, $2, $3::text) ORDER BY purchase_time ",
            $order,
            ", user_id ",
            $order,
            ", ",
            $id,
            " ",
            $order,
            " LIMIT $4"
        )
    };
}
pub(crate) use list;

queries!(PurchaseQueries {
    // In the order of the transactions, so that writers wait for each other and never in a circle.
    record: "purchase_record" = concat!(
        "INSERT INTO purchase AS p (user_id, store, product_id, transaction_id, purchase_time, \
             refund_time, environment, raw_response, create_time, update_time) \
         SELECT n.user_id, n.store, n.product, n.transaction, n.purchase_time, n.refund_time, \
             n.environment, n.response, $9, $9 \
         FROM unnest($1::uuid[], $2::int2[], $3::text[], $4::text[], $5::timestamptz[], \
             $6::timestamptz[], $7::int2[], $8::jsonb[]) \
             AS n (user_id, store, product, transaction, purchase_time, refund_time, environment, \
                 response) \
         ORDER BY n.transaction \
         ON CONFLICT (transaction_id) DO UPDATE SET \
             refund_time = CASE WHEN p.refund_time = '1970-01-01 00:00:00+00' \
                 THEN EXCLUDED.refund_time ELSE p.refund_time END, \
             update_time = EXCLUDED.update_time \
         RETURNING ", purchase!(), ", xmax::text <> '0'"
    );
    get: "purchase_get" = concat!("SELECT ", purchase!(), " FROM purchase WHERE transaction_id = $1");
    forward: "purchase_list" = list!(purchase!(), "purchase", "transaction_id", ">", "ASC");
    backward: "purchase_list" = list!(purchase!(), "purchase", "transaction_id", "<", "DESC");
});

/// [`Purchases`] in PostgreSQL.
pub(crate) struct PostgresPurchases {
    pool: Pool,
    queries: PurchaseQueries,
}

impl PostgresPurchases {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: PurchaseQueries::new(pool.metrics()), pool }
    }
}

/// The public tables have the epoch for "never".
pub(crate) fn or_epoch(time: Option<Timestamp>) -> Time {
    Time(time.unwrap_or(Timestamp::EPOCH))
}

pub(crate) fn store(number: i16) -> Result<Store, DbError> {
    let unknown = || DbError::Nonsense(format!("store {number}").into());
    Store::from_number(number).ok_or_else(unknown)
}

pub(crate) fn environment(number: i16) -> StoreEnvironment {
    StoreEnvironment::from_number(number).unwrap_or(StoreEnvironment::Unknown)
}

/// Puts what a statement gave back into the order of what it was given.
pub(crate) fn in_order<'a, T>(
    answered: Vec<(String, T)>,
    given: impl Iterator<Item = &'a str>,
) -> Result<Vec<T>, DbError> {
    let mut answered: HashMap<String, T> = answered.into_iter().collect();
    let missing = || DbError::Nonsense("no row of a transaction".into());
    given.map(|transaction| answered.remove(transaction).ok_or_else(missing)).collect()
}

/// Whether a statement failed because a user has no account.
pub(crate) fn no_account(error: &DbError) -> bool {
    matches!(error.missing(), Some("purchase_user_id_fkey" | "subscription_user_id_fkey"))
}

/// Runs the statement of a list; one row more than asked for tells whether there are more.
pub(crate) async fn page<T>(
    pool: &Pool,
    (forward, backward): (&Query, &Query),
    walk: PurchaseWalk<'_>,
    read: impl Fn(&Row) -> Result<T, DbError>,
) -> Result<PurchasePage<T>, StorageError> {
    let (query, end) = match walk.direction {
        Direction::Forward => (forward, i64::MIN),
        Direction::Backward => (backward, i64::MAX),
    };
    let end = PurchaseKey {
        purchase_time: Timestamp::from_nanos(end),
        user: UserId::NIL,
        transaction: String::new(),
    };
    let PurchaseKey { purchase_time, user, transaction } = walk.after.unwrap_or(&end);
    let whose = walk.user.map(|user| user.0);
    let params: [&(dyn ToSql + Sync); 5] =
        [&Time(*purchase_time), &user.0, transaction, &(i64::from(walk.limit) + 1), &whose];
    let rows = pool.query(query, &params).await?;
    let limit = usize::try_from(walk.limit).unwrap_or(usize::MAX);
    let entries = rows.iter().take(limit).map(read).collect::<Result<_, _>>()?;
    Ok(PurchasePage { entries, more: rows.len() > limit })
}

fn purchase(row: &Row) -> Result<Purchase, DbError> {
    Ok(Purchase {
        user: UserId(row.column(0)?),
        store: store(row.column(1)?)?,
        product: row.column(2)?,
        transaction: row.column(3)?,
        purchase_time: row.column::<Time>(4)?.0,
        create_time: row.column::<Time>(5)?.0,
        update_time: row.column::<Time>(6)?.0,
        refund_time: row.column::<Time>(7)?.unless_epoch(),
        environment: environment(row.column(8)?),
        response: row.column(9)?,
    })
}

#[async_trait]
impl Purchases for PostgresPurchases {
    async fn record(
        &self,
        purchases: &[NewPurchase],
        now: Timestamp,
    ) -> Result<Option<Vec<RecordedPurchase>>, StorageError> {
        let all = || purchases.iter();
        let users: Vec<Uuid> = all().map(|new| new.user.0).collect();
        let stores: Vec<i16> = all().map(|new| new.store.number().into()).collect();
        let products: Vec<&str> = all().map(|new| new.product.as_str()).collect();
        let transactions: Vec<&str> = all().map(|new| new.transaction.as_str()).collect();
        let times: Vec<Time> = all().map(|new| Time(new.purchase_time)).collect();
        let refunds: Vec<Time> = all().map(|new| or_epoch(new.refund_time)).collect();
        let environments: Vec<i16> = all().map(|new| new.environment.number().into()).collect();
        let responses: Vec<JsonText<'_>> = all().map(|new| JsonText(&new.response)).collect();
        let params: [&(dyn ToSql + Sync); 9] = [
            &users,
            &stores,
            &products,
            &transactions,
            &times,
            &refunds,
            &environments,
            &responses,
            &Time(now),
        ];
        let rows = match self.pool.query(&self.queries.record, &params).await {
            Err(error) if no_account(&error) => return Ok(None),
            rows => rows?,
        };
        let recorded = |row: &Row| {
            let purchase = purchase(row)?;
            let transaction = purchase.transaction.clone();
            Ok((transaction, RecordedPurchase { purchase, seen_before: row.column(10)? }))
        };
        let recorded: Vec<_> = rows.iter().map(recorded).collect::<Result<_, DbError>>()?;
        Ok(Some(in_order(recorded, transactions.into_iter())?))
    }

    async fn get(&self, transaction: &str) -> Result<Option<Purchase>, StorageError> {
        if transaction.contains('\0') {
            return Ok(None);
        }
        let row = self.pool.query_opt(&self.queries.get, &[&transaction]).await?;
        Ok(row.as_ref().map(purchase).transpose()?)
    }

    async fn list(&self, walk: PurchaseWalk<'_>) -> Result<PurchasePage<Purchase>, StorageError> {
        let PurchaseQueries { forward, backward, .. } = &self.queries;
        page(&self.pool, (forward, backward), walk, purchase).await
    }
}
