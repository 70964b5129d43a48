//! The database of a server: the configured one, or the embedded one.

use std::sync::Arc;

use anyhow::{Context as _, bail};
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
        let pool = Pool::new(config, Arc::clone(&entropy), metrics)?;
        let migrator = Migrator::new(&pool);
        if embedded.is_some() || settings.dev {
            let done = migrator.up(None).await.context("cannot migrate the database")?;
            if !done.is_empty() {
                tracing::info!(migrations = done.len(), "database migrated");
            }
        } else {
            let status = migrator.status().await.context("cannot look at the database's schema")?;
            if let Some(missing) = status.first_missing() {
                bail!(
                    "the database lacks the migration {missing}; run `tavern migrate up` with this \
                     configuration first"
                );
            }
        }
        let storage = storage(&pool);
        Ok(Self { pool, storage, embedded })
    }

    pub(super) fn storage(&self) -> Storage {
        self.storage.clone()
    }

    pub(super) const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// What to say about an embedded database.
    pub(super) fn notice(&self) -> Option<String> {
        self.embedded.as_ref().map(Embedded::notice)
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

/// Starts the embedded database when none is configured.
pub(crate) async fn start_embedded(
    settings: &Settings,
    life: &Lifecycle,
) -> anyhow::Result<Option<Embedded>> {
    if !settings.database.address.is_empty() {
        return Ok(None);
    }
    let mut config =
        tavern_embedded_postgres::Config::new(settings.data_dir.join("postgres"));
    config.mode = settings.embedded_mode();
    let embedded = Embedded::start(config).await.context(
        "no database.address is configured, and the embedded database does not start",
    )?;
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
    if embedded.is_some() {
        // It takes 64 connections, of which some are its own.
        config.max_open_conns = config.max_open_conns.min(50);
        config.max_idle_conns = config.max_idle_conns.min(config.max_open_conns);
    }
    Ok(config)
}
