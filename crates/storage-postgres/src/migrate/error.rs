//! Why a database was not migrated.

use tavern_domain::{Classify, ErrorCode};
use tokio_postgres::error::SqlState;

use crate::SetupError;

/// Why a database was not migrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The configuration is no good.
    #[error(transparent)]
    Setup(SetupError),
    /// The database cannot be reached.
    #[error("cannot connect to the database")]
    Connect(#[source] tokio_postgres::Error),
    /// The database is not as it should be, and was not touched.
    #[error(transparent)]
    Refused(#[from] Verdict),
    /// A step failed and was rolled back.
    #[error("migration {step} failed")]
    Step {
        /// Its name.
        step: &'static str,
        /// Why.
        #[source]
        source: tokio_postgres::Error,
    },
    /// Something around the steps failed.
    #[error("the database failed while it was migrated")]
    Database(#[source] tokio_postgres::Error),
}

/// Why a server may not work on a database as it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Verdict {
    /// Steps have not been applied.
    #[error("the database is not up to date, apply the migrations first: {}", steps.join(", "))]
    Pending {
        /// Which.
        steps: Vec<&'static str>,
    },
    /// A newer Nakama has migrated it.
    #[error(
        "the database was migrated by a newer Nakama: migration_info has the unknown row {row}"
    )]
    NewerNakama {
        /// What is not known here.
        row: String,
    },
    /// An older Nakama has migrated it.
    #[error(
        "the database was migrated by an older Nakama, migrate it with Nakama 3.40 first: \
         migration_info lacks {row}"
    )]
    OlderNakama {
        /// What is missing.
        row: &'static str,
    },
    /// A newer Tavern has migrated it.
    #[error(
        "the database was migrated by a newer Tavern: tavern_migration has the unknown row {row}"
    )]
    NewerTavern {
        /// What is not known here.
        row: String,
    },
    /// A column that should be there is not.
    #[error("the database is damaged: {column} is missing")]
    MissingColumn {
        /// The table and the column.
        column: &'static str,
    },
    /// A column has another type than it should have.
    #[error("the database is damaged: {column} is {found}, not {expected}")]
    WrongType {
        /// The table and the column.
        column: &'static str,
        /// Its type.
        found: String,
        /// The type it should have.
        expected: &'static str,
    },
    /// There are tables of our names that neither Nakama nor this has made.
    #[error("there is a table {table} in the database that belongs to something else")]
    InTheWay {
        /// The table.
        table: &'static str,
    },
    /// Undoing would drop somebody's data.
    #[error("table {table} has rows, which undoing the migration would drop")]
    InUse {
        /// The table.
        table: &'static str,
    },
}

impl MigrateError {
    /// Whether the user may not do what was asked.
    pub(crate) fn is_privilege(&self) -> bool {
        matches!(self, Self::Step { source, .. }
            if source.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE))
    }
}

impl From<tokio_postgres::Error> for MigrateError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl Classify for MigrateError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Setup(_) | Self::Refused(_) => ErrorCode::FailedPrecondition,
            Self::Connect(_) | Self::Database(_) => ErrorCode::Unavailable,
            Self::Step { .. } => ErrorCode::Internal,
        }
    }
}
