//! The databases that test suites get.

#![expect(clippy::unwrap_used, reason = "a test: what fails must panic")]

use std::sync::atomic::{AtomicUsize, Ordering};

use tavern_embedded_postgres::testkit::TestServer;
use tokio_postgres::{Client, NoTls};

async fn with<T>(url: &str, work: impl AsyncFnOnce(&Client) -> T) -> T {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let work = async move {
        let outcome = work(&client).await;
        drop(client);
        outcome
    };
    tokio::join!(work, connection).0
}

async fn databases(server: &TestServer, name: &str) -> usize {
    with(server.url(), async |client| {
        let sql = "SELECT 1 FROM pg_database WHERE datname = $1";
        client.query(sql, &[&name]).await.unwrap().len()
    })
    .await
}

static MADE: AtomicUsize = AtomicUsize::new(0);

async fn make(url: String) -> Result<(), tokio_postgres::Error> {
    MADE.fetch_add(1, Ordering::SeqCst);
    with(&url, async |client| client.batch_execute("CREATE TABLE IF NOT EXISTS t (n int)").await)
        .await
}

/// Unlike that of any other run, so that the template is really made.
fn version() -> String {
    format!("of_testkit_{}", std::process::id())
}

#[tokio::test]
async fn each_test_has_a_copy_of_its_own() {
    let server = TestServer::shared().await;
    let version = version();
    let (one, two) =
        tokio::join!(server.database_from(&version, make), server.database_from(&version, make));
    assert_ne!(one.name(), two.name());
    with(&one.url(), async |c| c.batch_execute("INSERT INTO t VALUES (1)").await.unwrap()).await;
    let count = async |url: &str| {
        with(url, async |c| c.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0)).await
    };
    let counts: (i64, i64) = (count(&one.url()).await, count(&two.url()).await);
    assert_eq!(counts, (1, 0));
    assert_eq!(MADE.load(Ordering::SeqCst), 1, "the template is made once");
}

#[tokio::test]
async fn a_database_goes_with_its_test_even_while_it_is_used() {
    let server = TestServer::shared().await;
    let database = server.empty_database().await;
    let name = database.name().to_owned();
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    let work = async {
        client.batch_execute("CREATE TABLE t (n int)").await.unwrap();
        assert_eq!(databases(server, &name).await, 1);
        drop(database);
        assert_eq!(databases(server, &name).await, 0);
    };
    let (broken, ()) = tokio::join!(connection, work);
    assert!(broken.is_err(), "whoever still used it was disconnected");
}
