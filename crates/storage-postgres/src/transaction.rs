//! Transactions of several statements, in as few round trips as there are decisions to take.

use std::future::Future;

use deadpool_postgres::Object;
use futures_util::FutureExt;
use futures_util::future::{join, join_all};
use tokio::time::Instant;
use tokio_postgres::Row;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Params, Query};
use crate::retry::Conflict;

/// A transaction. Its `BEGIN` travels with the first statement and its `COMMIT` with the last.
///
/// Dropped before that, it is rolled back.
pub(crate) struct Transaction {
    connection: Object,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NotBegun,
    Open,
    Ended,
}

impl Transaction {
    /// Runs a statement and collects its rows.
    pub(crate) async fn query(
        &mut self,
        query: &Query,
        params: Params<'_>,
    ) -> Result<Vec<Row>, DbError> {
        let statement = query.on(&self.connection).await?;
        let begun = Instant::now();
        let rows = self.connection.query(&statement, params);
        let rows = if self.state == State::NotBegun {
            // From here on the server may see it, whatever happens to this future.
            self.state = State::Open;
            // Polled in this order, so sent in this order.
            let (opened, rows) = join(self.connection.batch_execute("BEGIN"), rows).await;
            opened?;
            rows
        } else {
            rows.await
        };
        query.took(begun);
        Ok(rows?)
    }

    /// Runs several statements, one after the other but in one round trip, and collects the rows of
    /// each. Each sees what those before it have waited for. Only for statements that may all run
    /// whatever the others answer.
    pub(crate) async fn together<const N: usize>(
        &mut self,
        statements: [(&Query, Params<'_>); N],
    ) -> Result<[Vec<Row>; N], DbError> {
        let mut prepared = Vec::with_capacity(N);
        for (query, _) in statements {
            prepared.push(query.on(&self.connection).await?);
        }
        let begun = Instant::now();
        let first = self.state == State::NotBegun;
        // From here on the server may see it, whatever happens to this future.
        self.state = State::Open;
        let opened =
            async { if first { self.connection.batch_execute("BEGIN").await } else { Ok(()) } };
        let rows = join_all(
            prepared
                .iter()
                .zip(statements)
                .map(|(statement, (_, params))| self.connection.query(statement, params)),
        );
        // Polled in this order, so sent in this order.
        let (opened, rows) = join(opened, rows).await;
        opened?;
        for (query, _) in statements {
            query.took(begun);
        }
        let mut answers: [Vec<Row>; N] = std::array::from_fn(|_| Vec::new());
        for (answer, rows) in answers.iter_mut().zip(rows) {
            *answer = rows?;
        }
        Ok(answers)
    }

    /// Runs the last statement, commits, and answers how many rows it touched.
    ///
    /// When the statement fails, the commit behind it rolls back.
    pub(crate) async fn last(mut self, query: &Query, params: Params<'_>) -> Result<u64, DbError> {
        let statement = query.on(&self.connection).await?;
        let begun = Instant::now();
        let work = self.connection.execute(&statement, params);
        let outcome = if self.state == State::NotBegun {
            // A transaction of its own.
            self.state = State::Ended;
            work.await
        } else {
            let (outcome, committed) = join(work, self.connection.batch_execute("COMMIT")).await;
            self.state = State::Ended;
            let touched = outcome?;
            committed?;
            Ok(touched)
        };
        query.took(begun);
        Ok(outcome?)
    }
}

/// Where a statement runs.
pub(crate) enum On<'a> {
    /// Alone.
    Pool(&'a Pool),
    /// Within a transaction.
    Transaction(&'a mut Transaction),
}

impl On<'_> {
    /// Runs a statement and collects its rows.
    pub(crate) async fn query(
        &mut self,
        query: &Query,
        params: Params<'_>,
    ) -> Result<Vec<Row>, DbError> {
        match self {
            Self::Pool(pool) => pool.query(query, params).await,
            Self::Transaction(transaction) => transaction.query(query, params).await,
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.state == State::Open {
            // Polled once, which sends it. Whoever has the connection next sends behind it.
            drop(self.connection.batch_execute("ROLLBACK").now_or_never());
        }
    }
}

impl Pool {
    /// Runs work in a transaction, and again after a serialisation failure or a deadlock, so that
    /// work must change nothing outside the database. What it does not commit by
    /// [`Transaction::last`] is rolled back.
    pub(crate) async fn transaction<T, E, F>(&self, work: impl Fn(Transaction) -> F) -> Result<T, E>
    where
        E: From<DbError> + Conflict,
        F: Future<Output = Result<T, E>>,
    {
        let mut retry = self.retry();
        loop {
            let connection = self.connection().await?;
            match work(Transaction { connection, state: State::NotBegun }).await {
                Err(error) => retry.after(error).await?,
                done => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tavern_embedded_postgres::testkit::{TestDatabase, TestServer};
    use tavern_telemetry::Metrics;

    use super::*;
    use crate::query::Column;
    use crate::testkit;

    async fn pool() -> (TestDatabase, Pool) {
        let server = TestServer::shared().await;
        let database = server.database_from(testkit::VERSION, testkit::make).await;
        let pool = testkit::pool(&database.url());
        (database, pool)
    }

    fn query(sql: &'static str) -> Query {
        Query::new(&Metrics::default(), "test", sql)
    }

    async fn names(pool: &Pool) -> Vec<String> {
        let all = query("SELECT name FROM setting WHERE name <> 'utc_toggle' ORDER BY name");
        let rows = pool.query(&all, &[]).await.unwrap();
        rows.iter().map(|row| row.column(0).unwrap()).collect()
    }

    const INSERT: &str = "INSERT INTO setting (name) VALUES ($1)";

    #[tokio::test]
    async fn the_last_statement_commits_everything() {
        let (_database, pool) = pool().await;
        let insert = query(INSERT);
        let touched = pool
            .transaction(async |mut transaction: Transaction| {
                assert!(transaction.query(&insert, &[&"a"]).await?.is_empty());
                transaction.query(&insert, &[&"b"]).await?;
                transaction.last(&insert, &[&"c"]).await
            })
            .await;
        assert_eq!(touched.unwrap(), 1);
        assert_eq!(names(&pool).await, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn statements_together_see_each_other_and_are_one_transaction() {
        let (_database, pool) = pool().await;
        let insert = query(INSERT);
        let count = query("SELECT count(*) FROM setting WHERE name = ANY($1)");
        let names_of = vec!["a", "b"];
        let touched = pool
            .transaction(async |mut transaction: Transaction| {
                let [_, rows] =
                    transaction.together([(&insert, &[&"a"]), (&count, &[&names_of])]).await?;
                assert_eq!(rows[0].column::<i64>(0)?, 1, "the second sees the first");
                let [_, rows] =
                    transaction.together([(&insert, &[&"b"]), (&count, &[&names_of])]).await?;
                assert_eq!(rows[0].column::<i64>(0)?, 2, "also when it is begun already");
                transaction.last(&insert, &[&"c"]).await
            })
            .await;
        assert_eq!(touched.unwrap(), 1);
        assert_eq!(names(&pool).await, ["a", "b", "c"]);
        let outcome: Result<(), DbError> = pool
            .transaction(async |mut transaction: Transaction| {
                transaction.together([(&insert, &[&"d"]), (&insert, &[&"a"])]).await.map(drop)
            })
            .await;
        assert_eq!(outcome.unwrap_err().duplicate(), Some("setting_name_uniq"));
        assert_eq!(names(&pool).await, ["a", "b", "c"], "all or none");
    }

    #[tokio::test]
    async fn a_single_statement_is_enough() {
        let (_database, pool) = pool().await;
        let insert = query(INSERT);
        pool.transaction(async |transaction: Transaction| transaction.last(&insert, &[&"a"]).await)
            .await
            .unwrap();
        assert_eq!(names(&pool).await, ["a"]);
    }

    #[tokio::test]
    async fn what_is_not_committed_is_rolled_back() {
        let (_database, pool) = pool().await;
        let insert = query(INSERT);
        pool.transaction(async |mut transaction: Transaction| {
            transaction.query(&insert, &[&"a"]).await.map(drop)
        })
        .await
        .unwrap();
        assert!(names(&pool).await.is_empty(), "dropped without a last statement");
        let outcome: Result<(), DbError> = pool
            .transaction(async |mut transaction: Transaction| {
                transaction.query(&insert, &[&"a"]).await?;
                transaction.query(&insert, &[&"a"]).await.map(drop)
            })
            .await;
        assert_eq!(outcome.unwrap_err().duplicate(), Some("setting_name_uniq"));
        assert!(names(&pool).await.is_empty(), "a statement failed");
        let outcome: Result<u64, DbError> = pool
            .transaction(async |mut transaction: Transaction| {
                transaction.query(&insert, &[&"a"]).await?;
                transaction.last(&insert, &[&"a"]).await
            })
            .await;
        assert!(outcome.is_err());
        assert!(names(&pool).await.is_empty(), "the last statement failed");
        // The connection that all this went over is none the worse.
        assert_eq!(pool.stats().open, 1);
        pool.execute(&insert, &[&"b"]).await.unwrap();
        assert_eq!(names(&pool).await, ["b"]);
    }

    #[tokio::test]
    async fn a_future_dropped_halfway_leaves_nothing() {
        let (_database, pool) = pool().await;
        let (insert, slow) = (query(INSERT), query("SELECT pg_sleep(60)"));
        let work = pool.transaction(async |mut transaction: Transaction| {
            transaction.query(&insert, &[&"a"]).await?;
            transaction.query(&slow, &[]).await?;
            transaction.last(&insert, &[&"b"]).await
        });
        let sleeping = query(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'",
        );
        let until_it_sleeps = async {
            while pool.query(&sleeping, &[]).await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            outcome = work => assert!(outcome.is_err(), "it was cancelled"),
            () = until_it_sleeps => {}
        }
        assert!(names(&pool).await.is_empty());
    }

    #[tokio::test]
    async fn a_serialisation_failure_is_repeated() {
        let (_database, pool) = pool().await;
        let insert = query(INSERT);
        // Made up by the server once, by a counter that a rollback does not take back.
        pool.execute(&query("CREATE SEQUENCE attempts"), &[]).await.unwrap();
        pool.execute(
            &query(
                "CREATE FUNCTION fail_once() RETURNS void LANGUAGE plpgsql AS $$ BEGIN \
                     IF nextval('attempts') < 3 THEN \
                         RAISE EXCEPTION 'made up' USING ERRCODE = '40001'; \
                     END IF; END $$",
            ),
            &[],
        )
        .await
        .unwrap();
        let fail_once = query("SELECT fail_once()");
        pool.transaction(async |mut transaction: Transaction| {
            transaction.query(&insert, &[&"a"]).await?;
            transaction.query(&fail_once, &[]).await?;
            transaction.last(&insert, &[&"b"]).await
        })
        .await
        .unwrap();
        assert_eq!(names(&pool).await, ["a", "b"]);
        let attempts = query("SELECT last_value FROM attempts");
        let row = pool.query_opt(&attempts, &[]).await.unwrap().unwrap();
        assert_eq!(row.column::<i64>(0).unwrap(), 3);
    }

    #[tokio::test]
    async fn a_statement_is_prepared_once_per_connection() {
        let (_database, pool) = pool().await;
        let insert = query(INSERT);
        for name in ["a", "b", "c"] {
            pool.execute(&insert, &[&name]).await.unwrap();
        }
        let prepared =
            query("SELECT statement FROM pg_prepared_statements WHERE statement LIKE 'INS%'");
        let rows = pool.query(&prepared, &[]).await.unwrap();
        assert_eq!((rows.len(), pool.stats().open), (1, 1));
    }
}
