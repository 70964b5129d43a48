//! `tavern token revoke`.

use std::sync::Arc;

use anyhow::Context as _;
use tavern_delegation::{DelegationMeters, DelegationParts, Delegations};
use tavern_domain::{Entropy, Lifecycle, OsEntropy, SystemClock, UserId};
use tavern_storage_postgres::{Migrator, Pool, storage};
use tavern_telemetry::{Metrics, MetricsConfig};

use crate::boot::{pool_config, start_embedded};
use crate::config::Settings;

/// Revokes a user's delegated tokens with this block, or all of them, in the configured database or
/// the embedded one. Running servers notice within a minute.
pub(crate) async fn run(
    settings: &Settings,
    user: UserId,
    block: Option<&str>,
) -> anyhow::Result<()> {
    let life = Lifecycle::new();
    let embedded = start_embedded(settings, &life).await?;
    let config = pool_config(settings, embedded.as_ref())?;
    let migrator = Migrator::connect(&config).await?;
    let verified = migrator.verify().await;
    migrator.close().await;
    verified.context("run `tavern migrate up` with this configuration first")?;
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let pool = Pool::new(config, Arc::clone(&entropy), &Metrics::new(MetricsConfig::default()))?;
    let storage = storage(&pool);
    let delegations = Delegations::new(DelegationParts {
        config: settings.delegation.clone(),
        store: storage.token_revocations,
        accounts: storage.accounts,
        clock: Arc::new(SystemClock),
        entropy,
        meters: DelegationMeters::default(),
    })?;
    let revoked = match block {
        Some(block) => delegations.revoke_id(user, block).await,
        None => delegations.revoke_all(user).await,
    };
    pool.close();
    life.drain().cancel();
    if let Some(embedded) = embedded {
        embedded.stop().await.context("the embedded database did not stop in order")?;
    }
    Ok(revoked?)
}
