//! Subscriptions that stores have confirmed.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    AsOf, NewSubscription, PurchasePage, PurchaseWalk, StorageError, Subscription, Subscriptions,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::purchases::{environment, in_order, list, no_account, or_epoch, page, store};
use crate::query::{Column, queries};
use crate::values::{JsonText, Time};

/// Older servers kept answers and notifications of stores as JSON texts that hold them.
macro_rules! subscription {
    () => {
        "user_id, store, product_id, original_transaction_id, purchase_time, create_time, \
         update_time, expire_time, refund_time, environment, \
         coalesce(raw_response #>> '{}', '{}'), coalesce(raw_notification #>> '{}', '{}')"
    };
}

/// A column's new value, unless what is told may be old and ends before what is kept.
macro_rules! newer {
    ($column:literal, $new:expr) => {
        concat!(
            $column,
            " = CASE WHEN $12 AND s.expire_time > EXCLUDED.expire_time THEN s.",
            $column,
            " ELSE ",
            $new,
            " END, "
        )
    };
}

queries!(SubscriptionQueries {
    record: "subscription_record" = concat!(
        "INSERT INTO subscription AS s (user_id, store, product_id, original_transaction_id, \
             purchase_time, expire_time, refund_time, environment, raw_response, raw_notification, \
             create_time, update_time) \
         SELECT n.user_id, n.store, n.product, n.transaction, n.purchase_time, n.expire_time, \
             n.refund_time, n.environment, coalesce(n.response, '{}'), \
             coalesce(n.notification, '{}'), $11, $11 \
         FROM unnest($1::uuid[], $2::int2[], $3::text[], $4::text[], $5::timestamptz[], \
             $6::timestamptz[], $7::timestamptz[], $8::int2[], $9::jsonb[], $10::jsonb[]) \
             AS n (user_id, store, product, transaction, purchase_time, expire_time, refund_time, \
                 environment, response, notification) \
         ORDER BY n.transaction \
         ON CONFLICT (original_transaction_id) DO UPDATE SET ",
        newer!("product_id", "EXCLUDED.product_id"),
        newer!(
            "refund_time",
            "coalesce(nullif(EXCLUDED.refund_time, '1970-01-01 00:00:00+00'), s.refund_time)"
        ),
        newer!("raw_response", "coalesce(nullif(EXCLUDED.raw_response, '{}'), s.raw_response)"),
        newer!(
            "raw_notification",
            "coalesce(nullif(EXCLUDED.raw_notification, '{}'), s.raw_notification)"
        ),
        newer!("expire_time", "EXCLUDED.expire_time"),
        "update_time = EXCLUDED.update_time \
         RETURNING ", subscription!()
    );
    get: "subscription_get" = concat!(
        "SELECT ", subscription!(), " FROM subscription WHERE original_transaction_id = $1"
    );
    of_product: "subscription_of_product" = concat!(
        "SELECT ", subscription!(), " FROM subscription WHERE user_id = $1 AND product_id = $2 \
         ORDER BY expire_time DESC, purchase_time DESC, original_transaction_id DESC LIMIT 1"
    );
    forward: "subscription_list" =
        list!(subscription!(), "subscription", "original_transaction_id", ">", "ASC");
    backward: "subscription_list" =
        list!(subscription!(), "subscription", "original_transaction_id", "<", "DESC");
});

/// [`Subscriptions`] in PostgreSQL.
pub(crate) struct PostgresSubscriptions {
    pool: Pool,
    queries: SubscriptionQueries,
}

impl PostgresSubscriptions {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: SubscriptionQueries::new(pool.metrics()), pool }
    }
}

fn subscription(row: &Row) -> Result<Subscription, DbError> {
    Ok(Subscription {
        user: UserId(row.column(0)?),
        store: store(row.column(1)?)?,
        product: row.column(2)?,
        original_transaction: row.column(3)?,
        purchase_time: row.column::<Time>(4)?.0,
        create_time: row.column::<Time>(5)?.0,
        update_time: row.column::<Time>(6)?.0,
        expire_time: row.column::<Time>(7)?.0,
        refund_time: row.column::<Time>(8)?.unless_epoch(),
        environment: environment(row.column(9)?),
        response: row.column(10)?,
        notification: row.column(11)?,
    })
}

#[async_trait]
impl Subscriptions for PostgresSubscriptions {
    async fn record(
        &self,
        subscriptions: &[NewSubscription],
        as_of: AsOf,
        now: Timestamp,
    ) -> Result<Option<Vec<Subscription>>, StorageError> {
        let all = || subscriptions.iter();
        let users: Vec<Uuid> = all().map(|new| new.user.0).collect();
        let stores: Vec<i16> = all().map(|new| new.store.number().into()).collect();
        let products: Vec<&str> = all().map(|new| new.product.as_str()).collect();
        let transactions: Vec<&str> = all().map(|new| new.original_transaction.as_str()).collect();
        let times: Vec<Time> = all().map(|new| Time(new.purchase_time)).collect();
        let ends: Vec<Time> = all().map(|new| Time(new.expire_time)).collect();
        let refunds: Vec<Time> = all().map(|new| or_epoch(new.refund_time)).collect();
        let environments: Vec<i16> = all().map(|new| new.environment.number().into()).collect();
        let responses: Vec<_> = all().map(|new| new.response.as_deref().map(JsonText)).collect();
        let told: Vec<_> = all().map(|new| new.notification.as_deref().map(JsonText)).collect();
        let params: [&(dyn ToSql + Sync); 12] = [
            &users,
            &stores,
            &products,
            &transactions,
            &times,
            &ends,
            &refunds,
            &environments,
            &responses,
            &told,
            &Time(now),
            &(as_of == AsOf::Then),
        ];
        let rows = match self.pool.query(&self.queries.record, &params).await {
            Err(error) if no_account(&error) => return Ok(None),
            rows => rows?,
        };
        let recorded = |row: &Row| {
            let subscription = subscription(row)?;
            Ok((subscription.original_transaction.clone(), subscription))
        };
        let recorded: Vec<_> = rows.iter().map(recorded).collect::<Result<_, DbError>>()?;
        Ok(Some(in_order(recorded, transactions.into_iter())?))
    }

    async fn get(&self, original_transaction: &str) -> Result<Option<Subscription>, StorageError> {
        if original_transaction.contains('\0') {
            return Ok(None);
        }
        let row = self.pool.query_opt(&self.queries.get, &[&original_transaction]).await?;
        Ok(row.as_ref().map(subscription).transpose()?)
    }

    async fn of_product(
        &self,
        user: UserId,
        product: &str,
    ) -> Result<Option<Subscription>, StorageError> {
        if product.contains('\0') {
            return Ok(None);
        }
        let row = self.pool.query_opt(&self.queries.of_product, &[&user.0, &product]).await?;
        Ok(row.as_ref().map(subscription).transpose()?)
    }

    async fn list(
        &self,
        walk: PurchaseWalk<'_>,
    ) -> Result<PurchasePage<Subscription>, StorageError> {
        let SubscriptionQueries { forward, backward, .. } = &self.queries;
        page(&self.pool, (forward, backward), walk, subscription).await
    }
}
