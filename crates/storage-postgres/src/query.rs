//! Statements: prepared once per connection, timed, repeated after a conflict.

use deadpool_postgres::Object;
use tavern_telemetry::{Histogram, Metrics, exact};
use tokio::time::Instant;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::Pool;
use crate::error::DbError;

/// The values of a statement's parameters.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// One statement and the cell that its times go to.
pub(crate) struct Query {
    pub(crate) sql: &'static str,
    latency: Histogram,
}

impl Query {
    /// `name` is the label of the times.
    pub(crate) fn new(metrics: &Metrics, name: &'static str, sql: &'static str) -> Self {
        let latency =
            metrics.histogram_ms(exact::DATABASE_QUERY_LATENCY_MS, &[("statement", name)]);
        Self { sql, latency }
    }

    /// The statement on this connection; costs a round trip once per connection.
    pub(crate) async fn on(&self, connection: &Object) -> Result<Statement, DbError> {
        Ok(connection.prepare_cached(self.sql).await?)
    }

    pub(crate) fn took(&self, since: Instant) {
        self.latency.record(since.elapsed().as_secs_f64() * 1e3);
    }
}

/// Defines a struct of [`Query`]s; each field's name is the label of its times.
macro_rules! queries {
    ($name:ident { $($(#[doc = $doc:literal])* $field:ident: $label:literal = $sql:expr;)+ }) => {
        pub(crate) struct $name {
            $($(#[doc = $doc])* pub(crate) $field: crate::query::Query,)+
        }

        impl $name {
            pub(crate) fn new(metrics: &tavern_telemetry::Metrics) -> Self {
                Self { $($field: crate::query::Query::new(metrics, $label, $sql),)+ }
            }
        }
    };
}
pub(crate) use queries;

impl Pool {
    /// Runs a statement as a transaction of its own and collects its rows.
    pub(crate) async fn query(
        &self,
        query: &Query,
        params: Params<'_>,
    ) -> Result<Vec<Row>, DbError> {
        let mut retry = self.retry();
        loop {
            match self.query_once(query, params).await {
                Err(error) => retry.after(error).await?,
                rows => return rows,
            }
        }
    }

    /// The same for a statement that answers at most one row.
    pub(crate) async fn query_opt(
        &self,
        query: &Query,
        params: Params<'_>,
    ) -> Result<Option<Row>, DbError> {
        Ok(self.query(query, params).await?.pop())
    }

    /// The same for a statement that answers no rows: how many it touched.
    pub(crate) async fn execute(&self, query: &Query, params: Params<'_>) -> Result<u64, DbError> {
        let mut retry = self.retry();
        loop {
            match self.execute_once(query, params).await {
                Err(error) => retry.after(error).await?,
                touched => return touched,
            }
        }
    }

    async fn query_once(&self, query: &Query, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        let connection = self.connection().await?;
        let statement = query.on(&connection).await?;
        let begun = Instant::now();
        let outcome = connection.query(&statement, params).await;
        query.took(begun);
        Ok(outcome?)
    }

    async fn execute_once(&self, query: &Query, params: Params<'_>) -> Result<u64, DbError> {
        let connection = self.connection().await?;
        let statement = query.on(&connection).await?;
        let begun = Instant::now();
        let outcome = connection.execute(&statement, params).await;
        query.took(begun);
        Ok(outcome?)
    }
}

/// A column's value, by position.
pub(crate) trait Column {
    fn column<'a, T: tokio_postgres::types::FromSql<'a>>(&'a self, at: usize)
    -> Result<T, DbError>;
}

impl Column for Row {
    fn column<'a, T: tokio_postgres::types::FromSql<'a>>(
        &'a self,
        at: usize,
    ) -> Result<T, DbError> {
        self.try_get(at).map_err(|error| DbError::Nonsense(Box::new(error)))
    }
}
