//! `tavern migrate`.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use tavern_domain::{Lifecycle, OsEntropy};
use tavern_storage_postgres::{Migrator, Pool};
use tavern_telemetry::Metrics;

use crate::boot::{pool_config, start_embedded};
use crate::cli::Migrate;
use crate::config::Settings;

/// Works on the schema of the configured database, or of the embedded one.
pub(crate) async fn run(
    settings: &Settings,
    migrate: Migrate,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let life = Lifecycle::new();
    let embedded = start_embedded(settings, &life).await?;
    let metrics = Metrics::new(settings.metrics_config());
    let pool = Pool::new(pool_config(settings, embedded.as_ref())?, Arc::new(OsEntropy), &metrics)?;
    let worked = work(&Migrator::new(&pool), settings, migrate, out).await;
    pool.close();
    life.drain().cancel();
    if let Some(embedded) = embedded {
        embedded.stop().await.context("the embedded database did not stop in order")?;
    }
    worked
}

async fn work(
    migrator: &Migrator,
    settings: &Settings,
    migrate: Migrate,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let limit = usize::try_from(settings.limit).ok().filter(|limit| *limit > 0);
    match migrate {
        Migrate::Up => tell(out, "applied", &migrator.up(limit).await?)?,
        Migrate::Down => tell(out, "taken back", &migrator.down(limit).await?)?,
        Migrate::Redo => tell(out, "repeated", &migrator.redo().await?)?,
        Migrate::Status => {
            for line in migrator.status().await?.lines() {
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

fn tell(out: &mut dyn Write, what: &str, migrations: &[String]) -> std::io::Result<()> {
    if migrations.is_empty() {
        return writeln!(out, "nothing to do");
    }
    migrations.iter().try_for_each(|name| writeln!(out, "{what}: {name}"))
}
