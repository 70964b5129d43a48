//! What a test suite needs to make databases with our schema.
//!
//! ```text
//! let server = TestServer::shared().await;
//! let database = server.database_from(testkit::VERSION, testkit::make).await;
//! let pool = testkit::pool(&database.url());
//! ```

use std::sync::Arc;

use tavern_domain::OsEntropy;
use tavern_telemetry::Metrics;

use crate::migrate::{FINGERPRINT, MigrateError, Migrator};
use crate::{Pool, PoolConfig};

/// Changes with the migrations.
pub const VERSION: &str = FINGERPRINT;

/// Brings the database at this address up to date.
///
/// # Errors
/// [`MigrateError`].
///
/// # Panics
/// When the address is none.
pub async fn make(url: String) -> Result<(), MigrateError> {
    let mut migrator = Migrator::connect(&config(&url)).await?;
    migrator.up(None).await?;
    migrator.close().await;
    Ok(())
}

/// A small pool for the database at this address.
///
/// # Panics
/// When the address is none.
#[must_use]
pub fn pool(url: &str) -> Pool {
    Pool::new(config(url), Arc::new(OsEntropy), &Metrics::default())
        .expect("an address without certificates is enough for a pool")
}

/// The configuration behind [`pool`].
///
/// # Panics
/// When the address is none.
#[must_use]
pub fn config(url: &str) -> PoolConfig {
    let address = url.parse().expect("the address of a test database is one");
    PoolConfig { max_open_conns: 8, ..PoolConfig::new(vec![address]) }
}
