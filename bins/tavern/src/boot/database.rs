//! The database of a server: the configured one, or the embedded one.

use std::sync::Arc;

use anyhow::Context as _;
use tavern_domain::{Entropy, Lifecycle};
use tavern_embedded_postgres::Embedded;
use tavern_storage::Storage;
use tavern_storage_postgres::{Address, Migrator, Pool, PoolConfig, storage};
use tavern_telemetry::Metrics;

use crate::config::Settings;

/// An open database, its schema as expected.
pub(super) struct Database {
    pool: Pool,
    storage: Storage,
    embedded: Option<Embedded>,
}

impl Database {
    /// Opens the database. The embedded one is brought to the newest schema; a configured one must
    /// have it already.
    pub(super) async fn open(
        settings: &Settings,
        entropy: Arc<dyn Entropy>,
        metrics: &Metrics,
        life: &Lifecycle,
    ) -> anyhow::Result<Self> {
        let embedded = start_embedded(settings, life).await?;
        let config = pool_config(settings, embedded.as_ref())?;
        prepare(&config, embedded.is_some() || settings.dev).await?;
        let pool = Pool::new(config, entropy, metrics)?;
        let storage = storage(&pool);
        Ok(Self { pool, storage, embedded })
    }

    pub(super) fn storage(&self) -> Storage {
        self.storage.clone()
    }

    pub(super) const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Closes the connections, and stops the database if it is ours.
    pub(super) async fn close(self) {
        self.pool.close();
        if let Some(embedded) = self.embedded
            && let Err(error) = embedded.stop().await
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the embedded database did not stop in order");
        }
    }
}

/// Brings the schema up to date, or makes sure that it is.
async fn prepare(config: &PoolConfig, migrate: bool) -> anyhow::Result<()> {
    if migrate {
        let mut migrator = Migrator::connect_or_create(config).await?;
        let done = migrator.up(None).await.context("cannot migrate the database")?;
        migrator.close().await;
        if !done.is_empty() {
            tracing::info!(steps = done.len(), "database migrated");
        }
    } else {
        let migrator = Migrator::connect(config).await?;
        let verified = migrator.verify().await;
        migrator.close().await;
        verified.context("run `tavern migrate up` with this configuration first")?;
    }
    Ok(())
}

/// Starts the embedded database when none is configured.
pub(crate) async fn start_embedded(
    settings: &Settings,
    life: &Lifecycle,
) -> anyhow::Result<Option<Embedded>> {
    if !settings.database.address.is_empty() {
        return Ok(None);
    }
    let mut config = tavern_embedded_postgres::Config::new(settings.data_dir.join("postgres"));
    config.mode = settings.embedded_mode();
    let embedded = Embedded::start(config)
        .await
        .context("no database.address is configured, and the embedded database does not start")?;
    let (ended, life) = (embedded.ended(), life.clone());
    drop(life.clone().spawn(async move {
        tokio::select! {
            ended = ended => {
                tracing::error!(status = ended.status, log = ended.log, "the embedded database ended");
                life.fail();
            }
            () = life.drain().cancelled() => {}
        }
    }));
    Ok(Some(embedded))
}

/// How to reach the configured or the embedded database.
pub(crate) fn pool_config(
    settings: &Settings,
    embedded: Option<&Embedded>,
) -> anyhow::Result<PoolConfig> {
    let addresses = match embedded {
        Some(embedded) => vec![embedded.url().parse::<Address>()?],
        None => settings
            .database
            .address
            .iter()
            .map(|address| address.expose().parse::<Address>())
            .collect::<Result<_, _>>()?,
    };
    let mut config = settings.pool_config(addresses);
    if let Some(embedded) = embedded {
        config.max_open_conns = config.max_open_conns.min(embedded.pool_limit().into());
        config.max_idle_conns = config.max_idle_conns.min(config.max_open_conns);
    }
    Ok(config)
}
