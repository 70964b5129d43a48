//! A database of its own for a test.

use tavern_embedded_postgres::testkit::{TestDatabase, TestServer};
use tavern_storage_postgres::{Migrator, Pool, testkit};
use tokio_postgres::{Client, NoTls};

/// A database with our schema.
pub(crate) async fn database() -> TestDatabase {
    TestServer::shared().await.database_from(testkit::VERSION, testkit::make).await
}

/// A database without any.
pub(crate) async fn empty_database() -> TestDatabase {
    TestServer::shared().await.empty_database().await
}

/// A database with our schema, and a pool for it.
pub(crate) async fn pool() -> (TestDatabase, Pool) {
    let database = database().await;
    let pool = testkit::pool(&database.url());
    (database, pool)
}

pub(crate) async fn migrator(database: &TestDatabase) -> Migrator {
    Migrator::connect(&testkit::config(&database.url())).await.unwrap()
}

/// Runs something with a connection of its own.
pub(crate) async fn with<T>(url: &str, work: impl AsyncFnOnce(&Client) -> T) -> T {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let work = async move {
        let outcome = work(&client).await;
        drop(client);
        outcome
    };
    tokio::join!(work, connection).0
}

/// Runs statements.
pub(crate) async fn run(database: &TestDatabase, sql: &str) {
    with(&database.url(), async |client| client.batch_execute(sql).await.unwrap()).await;
}

/// The first column of all rows, as texts.
pub(crate) async fn texts(database: &TestDatabase, sql: &str) -> Vec<String> {
    with(&database.url(), async |client| {
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    })
    .await
}
