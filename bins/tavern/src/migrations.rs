//! `tavern migrate`.

use std::io::Write;

use anyhow::Context as _;
use tavern_domain::Lifecycle;
use tavern_storage_postgres::{Done, Migrator, StepState};

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
    let config = pool_config(settings, embedded.as_ref())?;
    let mut migrator = match migrate {
        Migrate::Up => Migrator::connect_or_create(&config).await?,
        Migrate::Down | Migrate::Redo | Migrate::Status => Migrator::connect(&config).await?,
    };
    let worked = work(&mut migrator, settings, migrate, out).await;
    migrator.close().await;
    life.drain().cancel();
    if let Some(embedded) = embedded {
        embedded.stop().await.context("the embedded database did not stop in order")?;
    }
    worked
}

async fn work(
    migrator: &mut Migrator,
    settings: &Settings,
    migrate: Migrate,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let limit = usize::try_from(settings.limit).ok().filter(|limit| *limit > 0);
    let done = match migrate {
        Migrate::Up => migrator.up(limit).await?,
        // Without a limit only the last one, as it would be a pity.
        Migrate::Down => migrator.down(limit.unwrap_or(1)).await?,
        Migrate::Redo => migrator.redo().await?,
        Migrate::Status => {
            for step in migrator.status().await? {
                writeln!(out, "{:<12} {}", state(step.state), step.id)?;
            }
            return Ok(());
        }
    };
    if done.is_empty() {
        writeln!(out, "nothing to do")?;
    }
    for (step, what) in done {
        writeln!(out, "{:<12} {step}", outcome(what))?;
    }
    Ok(())
}

const fn state(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "pending",
        StepState::Optional => "left out",
        StepState::Applied(_) => "applied",
        StepState::Adopted(_) => "adopted",
    }
}

const fn outcome(done: Done) -> &'static str {
    match done {
        Done::Applied => "applied",
        Done::Adopted => "adopted",
        Done::LeftOut => "left out",
        Done::Reverted => "taken back",
        Done::Forgotten => "forgotten",
    }
}
