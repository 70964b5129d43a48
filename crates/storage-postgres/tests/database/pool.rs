//! The pool: limits, ages, failures, and what is measured.

use std::sync::Arc;
use std::time::Duration;

use tavern_domain::{OsEntropy, Timestamp, UserId};
use tavern_embedded_postgres::testkit::TestDatabase;
use tavern_storage::{Accounts, StorageError};
use tavern_storage_postgres::{HealthError, Pool, PoolConfig, storage, testkit};
use tavern_telemetry::Metrics;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::{self, database, texts};

const NOW: Timestamp = Timestamp::from_seconds(1_754_000_000);

fn build(config: PoolConfig, metrics: &Metrics) -> Pool {
    Pool::new(config, Arc::new(OsEntropy), metrics).unwrap()
}

fn accounts(pool: &Pool) -> Arc<dyn Accounts> {
    storage(pool).accounts
}

async fn sessions(database: &TestDatabase) -> Vec<String> {
    let sql = "SELECT application_name FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    texts(database, sql).await
}

#[tokio::test]
async fn connections_and_times_are_measured() {
    let database = database().await;
    let metrics = Metrics::default();
    let pool = build(testkit::config(&database.url()), &metrics);
    assert_eq!(pool.stats().open, 0, "nothing is opened before it is needed");
    let accounts = accounts(&pool);
    for _ in 0..3 {
        accounts.get(UserId::NIL).await.unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.open, stats.in_use, stats.max_open, stats.waits), (1, 0, 8, 0));
    let text = metrics.render();
    for line in [
        "database_pool_conns_open 1",
        "database_query_latency_ms_count{statement=\"account_get\"} 3",
    ] {
        assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
    }
    assert_eq!(sessions(&database).await, ["tavern"]);
}

#[tokio::test]
async fn whoever_finds_no_connection_waits_and_is_counted() {
    let database = database().await;
    let config = PoolConfig { max_open_conns: 2, ..testkit::config(&database.url()) };
    let pool = build(config, &Metrics::default());
    let accounts = accounts(&pool);
    let calls = (0..20).map(|_| accounts.get(UserId::NIL));
    for outcome in futures_util::future::join_all(calls).await {
        assert!(outcome.unwrap().is_some());
    }
    let stats = pool.stats();
    assert_eq!(stats.open, 2);
    assert!(stats.waits > 0 && stats.wait_nanos > 0, "{stats:?}");
}

#[tokio::test]
async fn a_pool_that_stays_busy_gives_up_in_time() {
    let database = database().await;
    let config = PoolConfig {
        max_open_conns: 1,
        acquire_timeout: Duration::from_millis(50),
        ..testkit::config(&database.url())
    };
    let pool = build(config, &Metrics::default());
    let accounts = accounts(&pool);
    // A lock that a first call waits for, with the only connection.
    support::with(&database.url(), async |client| {
        client.batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let unlock = async {
            let late = accounts.get(UserId::NIL).await;
            assert!(matches!(late, Err(StorageError::Unavailable(_))), "{late:?}");
            let health = pool.check(Duration::from_secs(10)).await;
            assert!(matches!(health, Err(HealthError::Unreachable(_))), "{health:?}");
            client.batch_execute("COMMIT").await.unwrap();
        };
        let (first, ()) = tokio::join!(accounts.get(UserId::NIL), unlock);
        assert!(first.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let database = database().await;
    let config = PoolConfig {
        statement_timeout: Some(Duration::from_millis(50)),
        ..testkit::config(&database.url())
    };
    let pool = build(config, &Metrics::default());
    let accounts = accounts(&pool);
    support::with(&database.url(), async |client| {
        client.batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let outcome = accounts.get(UserId::NIL).await;
        assert!(matches!(outcome, Err(StorageError::Unavailable(_))), "{outcome:?}");
        client.batch_execute("COMMIT").await.unwrap();
    })
    .await;
    assert!(accounts.get(UserId::NIL).await.unwrap().is_some(), "the connection is still good");
}

#[tokio::test]
async fn old_and_idle_connections_are_closed() {
    let database = database().await;
    let config =
        PoolConfig { conn_max_lifetime: Some(Duration::ZERO), ..testkit::config(&database.url()) };
    let pool = build(config, &Metrics::default());
    for _ in 0..3 {
        accounts(&pool).get(UserId::NIL).await.unwrap();
    }
    assert_eq!(pool.stats().closed_by_age, 2, "each call found the one before too old");

    let config = PoolConfig { max_idle_conns: 1, ..testkit::config(&database.url()) };
    let pool = build(config, &Metrics::default());
    let accounts = accounts(&pool);
    futures_util::future::join_all((0..4).map(|_| accounts.get(UserId::NIL))).await;
    assert_eq!(pool.stats().open, 4);
    pool.close_idle();
    assert_eq!(pool.stats().open, 1);
}

#[tokio::test]
async fn a_broken_connection_is_replaced() {
    let database = database().await;
    let pool = testkit::pool(&database.url());
    let accounts = accounts(&pool);
    accounts.get(UserId::NIL).await.unwrap();
    let kill = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_eq!(texts(&database, kill).await, ["true"]);
    // At most the one call that meets the dying connection fails; which one that is depends on how
    // soon it dies.
    let mut failed = 0;
    for _ in 0..3 {
        match accounts.get(UserId::NIL).await {
            Ok(found) => assert!(found.is_some()),
            Err(StorageError::Unavailable(_)) => failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(failed <= 1, "{failed} calls failed");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let database = database().await;
    // A port that is taken by nobody: bound here, and not listening.
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = taken.local_addr().unwrap();
    drop(taken);
    let mut config = testkit::config(&database.url());
    config.addresses.insert(0, format!("nobody@{dead}/none").parse().unwrap());
    let pool = build(config.clone(), &Metrics::default());
    assert!(accounts(&pool).get(UserId::NIL).await.unwrap().is_some());
    pool.check(Duration::from_secs(10)).await.unwrap();

    config.addresses.truncate(1);
    let pool = build(config, &Metrics::default());
    let outcome = accounts(&pool).get(UserId::NIL).await;
    assert!(matches!(outcome, Err(StorageError::Unavailable(_))), "{outcome:?}");
    let health = pool.check(Duration::from_secs(10)).await;
    assert!(matches!(health, Err(HealthError::Unreachable(_))), "{health:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    // Listens and never answers.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("nobody@{}/none", mute.local_addr().unwrap());
    let config = PoolConfig {
        connect_timeout: Duration::from_millis(50),
        ..PoolConfig::new(vec![address.parse().unwrap()])
    };
    let pool = build(config, &Metrics::default());
    let outcome = accounts(&pool).get(UserId::NIL).await;
    assert!(matches!(outcome, Err(StorageError::Unavailable(_))), "{outcome:?}");
    let config = PoolConfig::new(vec![address.parse().unwrap()]);
    let pool = build(config, &Metrics::default());
    let health = pool.check(Duration::from_millis(50)).await;
    assert!(matches!(health, Err(HealthError::TimedOut(_))), "{health:?}");
}

#[tokio::test]
async fn deadlocks_are_settled_by_doing_it_again() {
    let database = database().await;
    let metrics = Metrics::default();
    let pool = build(testkit::config(&database.url()), &metrics);
    let accounts = accounts(&pool);
    let [a, b] = [1, 2].map(|number| UserId(Uuid::from_u128(number)));
    let rows = format!("INSERT INTO users (id, username) VALUES ('{a}', 'a'), ('{b}', 'b');");
    support::run(&database, &rows).await;
    support::with(&database.url(), async |client| {
        // Both rows are held here, the second one first; a ban of both takes the first one as soon
        // as it is free and then waits for the second, while this waits for the first.
        client
            .batch_execute(&format!("BEGIN; UPDATE users SET location = 'x' WHERE id = '{b}'"))
            .await
            .unwrap();
        let both = [a, b];
        let ban = accounts.set_disabled(&both, Some(NOW));
        let collide = async {
            // Until the ban waits for the second row, having the first.
            let waits = "SELECT 'x' FROM pg_locks WHERE NOT granted AND database = \
                         (SELECT oid FROM pg_database WHERE datname = current_database()) \
                         OR NOT granted AND locktype = 'transactionid'";
            while texts(&database, waits).await.is_empty() {
                tokio::task::yield_now().await;
            }
            let update = format!("UPDATE users SET location = 'x' WHERE id = '{a}'");
            // Whichever of the two the server picks as the victim, the ban goes through.
            match client.batch_execute(&update).await {
                Ok(()) => client.batch_execute("COMMIT").await.unwrap(),
                Err(error) => {
                    assert_eq!(error.code().unwrap().code(), "40P01");
                    client.batch_execute("ROLLBACK").await.unwrap();
                }
            }
        };
        let (banned, ()) = tokio::join!(ban, collide);
        banned.unwrap();
    })
    .await;
    for user in [a, b] {
        let account = accounts.get(user).await.unwrap().unwrap();
        assert_eq!(account.disable_time, Some(NOW));
    }
}
