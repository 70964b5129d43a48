//! Bringing a database up to date, and back.
//!
//! Steps are the pairs of files in the workspace's `migrations` folder. What was applied is kept
//! in `tavern_migration`. Each step is one transaction, which first takes a row lock that every
//! migrating process takes; so any number of them may start at once. A row lock it is because
//! CockroachDB has no advisory ones.
//!
//! The first step makes the tables that Nakama knows. A database that Nakama 3.40 has made is
//! adopted instead: the step counts as applied, and what it would have made is never dropped.

mod catalogue;
mod error;
mod steps;

use std::time::Duration;

use tavern_domain::Timestamp;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use self::catalogue::{Found, Standing};
pub use self::error::{MigrateError, Verdict};
#[cfg(feature = "testkit")]
pub(crate) use self::steps::FINGERPRINT;
use self::steps::{STEPS, Step};
use crate::connect::Connector;
use crate::{Address, PoolConfig};

/// What migrating needs of its own; made when a database is first migrated.
const BOOKKEEPING: &str = "
    CREATE TABLE IF NOT EXISTS tavern_migration (
        id         text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now(),
        adopted    boolean NOT NULL DEFAULT false,
        CONSTRAINT tavern_migration_pkey PRIMARY KEY (id)
    );
    CREATE TABLE IF NOT EXISTS tavern_lock (
        name text NOT NULL,
        CONSTRAINT tavern_lock_pkey PRIMARY KEY (name)
    );
    INSERT INTO tavern_lock (name) VALUES ('migrations') ON CONFLICT DO NOTHING;
";

/// What was done about one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// Applied.
    Applied,
    /// What it makes was there; it counts as applied.
    Adopted,
    /// Left out: the database lacks an extension that only this step needs.
    LeftOut,
    /// Undone.
    Reverted,
    /// It had been adopted: no longer counts as applied, and everything stays.
    Forgotten,
}

/// How one step stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepState {
    /// Not applied.
    Pending,
    /// Not applied, and it need not be.
    Optional,
    /// Applied at this time.
    Applied(Timestamp),
    /// Adopted at this time.
    Adopted(Timestamp),
}

/// One step and how it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepStatus {
    /// Its name.
    pub id: &'static str,
    /// How it stands.
    pub state: StepState,
}

/// Migrates one database, over a connection of its own.
pub struct Migrator {
    client: Client,
    task: JoinHandle<()>,
}

impl Migrator {
    /// Connects to a database that exists.
    ///
    /// # Errors
    /// [`MigrateError::Setup`] and [`MigrateError::Connect`].
    pub async fn connect(config: &PoolConfig) -> Result<Self, MigrateError> {
        let connector = Connector::new(config).map_err(MigrateError::Setup)?;
        let (client, task) = connector.connect().await.map_err(MigrateError::Connect)?;
        // Making an index takes as long as it takes, and so does waiting for another process that
        // does it; but not for ever.
        client.batch_execute("SET statement_timeout = 0; SET lock_timeout = '10min'").await?;
        Ok(Self { client, task })
    }

    /// Connects, and makes the database of the first address if there is none of its name.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect); also when the user may not make a database.
    pub async fn connect_or_create(config: &PoolConfig) -> Result<Self, MigrateError> {
        match Self::connect(config).await {
            Err(MigrateError::Connect(error)) if is_missing_database(&error) => {}
            outcome => return outcome,
        }
        let Some(address) = config.addresses.first() else { return Self::connect(config).await };
        create_database(config, address).await?;
        Self::connect(config).await
    }

    /// Applies steps in order: all that are missing, or at most so many.
    ///
    /// Safe to call by several processes at once, and again at any time. Steps that were applied
    /// stay when a later one fails.
    ///
    /// # Errors
    /// [`MigrateError::Refused`] for a database that must not be touched, and whatever the
    /// database itself refuses.
    pub async fn up(
        &mut self,
        limit: Option<usize>,
    ) -> Result<Vec<(&'static str, Done)>, MigrateError> {
        self.advance(limit, |_| true).await
    }

    /// Applies those steps that are missing and wanted.
    async fn advance(
        &mut self,
        limit: Option<usize>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<(&'static str, Done)>, MigrateError> {
        // Before anything is written.
        Found::read(&self.client).await?.check()?;
        self.keep_books().await?;
        let (mut done, mut left_out) = (Vec::new(), Vec::new());
        while limit.is_none_or(|limit| done.len() < limit) {
            self.lock().await?;
            let found = Found::read(&self.client).await?;
            let standing = found.check()?;
            let next = STEPS.iter().find(|step| {
                wanted(step.id) && found.applied(step.id).is_none() && !left_out.contains(&step.id)
            });
            let Some(step) = next else {
                self.client.batch_execute("ROLLBACK").await?;
                break;
            };
            match self.apply(step, &found, standing).await {
                Ok(Done::LeftOut) => left_out.push(step.id),
                Ok(outcome) => done.push((step.id, outcome)),
                Err(error) => {
                    self.client.batch_execute("ROLLBACK").await?;
                    if !step.is_optional() || !error.is_privilege() {
                        return Err(error);
                    }
                    tracing::warn!(step = step.id, "left out: the user may not do it");
                    left_out.push(step.id);
                }
            }
        }
        done.extend(left_out.into_iter().map(|id| (id, Done::LeftOut)));
        Ok(done)
    }

    /// Undoes the last steps, so many of them. What was adopted is forgotten, not dropped.
    ///
    /// # Errors
    /// [`MigrateError::Refused`] when that would drop tables with rows that no step has put there.
    pub async fn down(&mut self, limit: usize) -> Result<Vec<(&'static str, Done)>, MigrateError> {
        let found = Found::read(&self.client).await?;
        found.check()?;
        let mut done = Vec::new();
        if found.has_books() {
            while done.len() < limit {
                self.lock().await?;
                let found = Found::read(&self.client).await?;
                found.check()?;
                let last = STEPS.iter().rev().find(|step| found.applied(step.id).is_some());
                let Some(step) = last else {
                    self.client.batch_execute("ROLLBACK").await?;
                    break;
                };
                match self.revert(step, &found).await {
                    Ok(outcome) => done.push((step.id, outcome)),
                    Err(error) => {
                        self.client.batch_execute("ROLLBACK").await?;
                        return Err(error);
                    }
                }
            }
        }
        Ok(done)
    }

    /// Undoes the last step and applies it again.
    ///
    /// # Errors
    /// Those of [`down`](Self::down) and [`up`](Self::up).
    pub async fn redo(&mut self) -> Result<Vec<(&'static str, Done)>, MigrateError> {
        let mut done = self.down(1).await?;
        let undone: Vec<&str> = done.iter().map(|(id, _)| *id).collect();
        let again = self.advance(None, |id| undone.contains(&id)).await?;
        done.extend(again);
        Ok(done)
    }

    /// Every step and how it stands; changes nothing.
    ///
    /// # Errors
    /// When the database cannot be asked. That it must not be touched is no error here: see
    /// [`verify`](Self::verify).
    pub async fn status(&self) -> Result<Vec<StepStatus>, MigrateError> {
        let found = Found::read(&self.client).await?;
        let state = |step: &Step| match found.applied(step.id) {
            Some(applied) if applied.adopted => StepState::Adopted(applied.at),
            Some(applied) => StepState::Applied(applied.at),
            None if step.is_optional() => StepState::Optional,
            None => StepState::Pending,
        };
        Ok(STEPS.iter().map(|step| StepStatus { id: step.id, state: state(step) }).collect())
    }

    /// Whether a server may work on this database as it is; changes nothing.
    ///
    /// # Errors
    /// [`MigrateError::Refused`] says why not: what is missing, unknown or pending.
    pub async fn verify(&self) -> Result<(), MigrateError> {
        let found = Found::read(&self.client).await?;
        found.check()?;
        let pending: Vec<&'static str> = STEPS
            .iter()
            .filter(|step| !step.is_optional() && found.applied(step.id).is_none())
            .map(|step| step.id)
            .collect();
        if pending.is_empty() { Ok(()) } else { Err(Verdict::Pending { steps: pending }.into()) }
    }

    /// Ends the connection and waits until it is gone.
    pub async fn close(self) {
        drop(self.client);
        // It was not cancelled and does not panic; and if it did, it would be gone as well.
        drop(self.task.await);
    }

    /// Makes the tables for what was applied. Two processes that do it at once get in each other's
    /// way; the one that loses finds them made.
    async fn keep_books(&self) -> Result<(), MigrateError> {
        for _ in 0..20 {
            match self.client.batch_execute(BOOKKEEPING).await {
                Ok(()) => return Ok(()),
                Err(error) if is_race(&error) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.client.batch_execute(BOOKKEEPING).await?)
    }

    /// Begins a transaction that no other migrating process has at the same time.
    async fn lock(&self) -> Result<(), MigrateError> {
        let lock = "BEGIN; SELECT name FROM tavern_lock WHERE name = 'migrations' FOR UPDATE";
        Ok(self.client.batch_execute(lock).await?)
    }

    /// Applies a step within the open transaction and commits.
    async fn apply(
        &self,
        step: &Step,
        found: &Found,
        standing: Standing,
    ) -> Result<Done, MigrateError> {
        let adopt = match step.needs {
            // Its index is of the same name there.
            Some(_) => found.has_display_name_index(),
            None => step.makes_public_tables() && standing == Standing::MadeByNakama,
        };
        if let Some(extension) = step.needs
            && !adopt
            && !self.can_have(extension).await?
        {
            tracing::info!(
                step = step.id,
                extension,
                "left out: the database has no such extension"
            );
            self.client.batch_execute("ROLLBACK").await?;
            return Ok(Done::LeftOut);
        }
        if !adopt {
            self.client
                .batch_execute(step.up)
                .await
                .map_err(|source| MigrateError::Step { step: step.id, source })?;
        }
        let note = "INSERT INTO tavern_migration (id, adopted) VALUES ($1, $2)";
        self.client.execute(note, &[&step.id, &adopt]).await?;
        self.client.batch_execute("COMMIT").await?;
        Ok(if adopt { Done::Adopted } else { Done::Applied })
    }

    /// Undoes a step within the open transaction and commits.
    async fn revert(&self, step: &Step, found: &Found) -> Result<Done, MigrateError> {
        let adopted = found.applied(step.id).is_some_and(|applied| applied.adopted);
        if !adopted {
            if step.makes_public_tables()
                && let Some(table) = catalogue::table_in_use(&self.client).await?
            {
                return Err(Verdict::InUse { table }.into());
            }
            self.client
                .batch_execute(step.down)
                .await
                .map_err(|source| MigrateError::Step { step: step.id, source })?;
        }
        let note = "DELETE FROM tavern_migration WHERE id = $1";
        self.client.execute(note, &[&step.id]).await?;
        self.client.batch_execute("COMMIT").await?;
        Ok(if adopted { Done::Forgotten } else { Done::Reverted })
    }

    async fn can_have(&self, extension: &str) -> Result<bool, MigrateError> {
        let question = "SELECT 1 FROM pg_available_extensions WHERE name = $1";
        Ok(self.client.query_opt(question, &[&extension]).await?.is_some())
    }
}

fn is_missing_database(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_CATALOG_NAME)
}

/// Whether two processes made the same thing at once.
fn is_race(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::UNIQUE_VIOLATION,
            SqlState::DUPLICATE_TABLE,
            SqlState::DUPLICATE_OBJECT,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ]
        .contains(code)
    })
}

async fn create_database(config: &PoolConfig, address: &Address) -> Result<(), MigrateError> {
    let maintenance = address.with_database("postgres");
    let config = PoolConfig { addresses: vec![maintenance], ..config.clone() };
    let admin = Migrator::connect(&config).await?;
    let name = address.database.replace('"', "\"\"");
    let outcome = admin.client.batch_execute(&format!("CREATE DATABASE \"{name}\"")).await;
    admin.close().await;
    match outcome {
        Err(error) if error.code() == Some(&SqlState::DUPLICATE_DATABASE) || is_race(&error) => {
            Ok(())
        }
        outcome => Ok(outcome?),
    }
}
