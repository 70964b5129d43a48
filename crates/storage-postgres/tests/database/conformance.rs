//! The contract of the storage port, kept by a real database.

use std::sync::Arc;

use tavern_domain::OsEntropy;
use tavern_storage::{Storage, conformance};
use tavern_storage_postgres::{Pool, storage, testkit};
use tavern_telemetry::Metrics;

use crate::support;

/// The contract has more calls in flight at once than the pool has connections, so that some wait.
async fn run(suite: impl AsyncFnOnce(&Storage)) {
    let (_database, pool) = support::pool().await;
    suite(&storage(&pool)).await;
    pool.close();
}

#[tokio::test]
async fn accounts() {
    run(async |storage: &Storage| conformance::accounts(storage).await).await;
}

#[tokio::test]
async fn revocations() {
    run(async |storage: &Storage| conformance::revocations(storage).await).await;
}

#[tokio::test]
async fn obligations() {
    run(async |storage: &Storage| conformance::obligations(storage).await).await;
}

#[tokio::test]
async fn friends() {
    run(async |storage: &Storage| conformance::friends(storage).await).await;
}

#[tokio::test]
async fn groups() {
    run(async |storage: &Storage| conformance::groups(storage).await).await;
}

#[tokio::test]
async fn notifications() {
    run(async |storage: &Storage| conformance::notifications(storage).await).await;
}

#[tokio::test]
async fn messages() {
    run(async |storage: &Storage| conformance::messages(storage).await).await;
}

#[tokio::test]
async fn wallets() {
    run(async |storage: &Storage| conformance::wallets(storage).await).await;
}

#[tokio::test]
async fn objects() {
    run(async |storage: &Storage| conformance::objects(storage).await).await;
}

#[tokio::test]
async fn togethers() {
    run(async |storage: &Storage| conformance::togethers(storage).await).await;
}

#[tokio::test]
async fn archives() {
    run(async |storage: &Storage| conformance::archives(storage).await).await;
}

#[tokio::test]
async fn purchases() {
    run(async |storage: &Storage| conformance::purchases(storage).await).await;
}

#[tokio::test]
async fn leaderboards() {
    let (database, metrics) = (support::database().await, Metrics::default());
    let config = testkit::config(&database.url());
    let pool = Pool::new(config, Arc::new(OsEntropy), &metrics).expect("a pool");
    conformance::leaderboards(&storage(&pool)).await;
    pool.close();
    let exposition = metrics.render();
    assert!(
        exposition.lines().any(|line| line == "tavern_database_retries_total 0"),
        "writers, joiners and deleters take their locks in one order: {exposition}"
    );
}
