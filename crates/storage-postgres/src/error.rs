//! What can go wrong between here and the database, and what it means to the caller.

use std::error::Error;
use std::time::Duration;

use deadpool_postgres::PoolError;
use tavern_domain::{Classify, ErrorCode};
use tavern_storage::StorageError;
use tokio_postgres::error::SqlState;

/// Why the database cannot even be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// No address is configured.
    #[error("there is no database address")]
    NoAddress,
    /// The authorities that may sign the server's certificate are not known.
    #[error("the certificates for the database's connection cannot be used")]
    Certificates(#[source] Box<dyn Error + Send + Sync>),
    /// The pool cannot be built.
    #[error("the database's pool cannot be built")]
    Pool(#[source] Box<dyn Error + Send + Sync>),
}

impl Classify for SetupError {
    fn code(&self) -> ErrorCode {
        ErrorCode::FailedPrecondition
    }
}

/// Why the database is not well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// It did not answer in time.
    #[error("the database did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// It cannot be reached, or answers with an error.
    #[error("the database cannot be reached")]
    Unreachable(#[source] StorageError),
}

impl Classify for HealthError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Unavailable
    }
}

/// A failure of one attempt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// There was no connection to be had.
    #[error("no database connection")]
    Pool(#[source] Box<PoolError>),
    /// The database, or the way to it, failed.
    #[error("the database refused")]
    Postgres(#[source] tokio_postgres::Error),
    /// The database answered something that makes no sense.
    #[error("the database answered nonsense")]
    Nonsense(#[source] Box<dyn Error + Send + Sync>),
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<PoolError> for DbError {
    fn from(error: PoolError) -> Self {
        Self::Pool(Box::new(error))
    }
}

impl DbError {
    fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            Self::Pool(_) | Self::Nonsense(_) => None,
        }
    }

    /// Whether the same work may succeed when it is done again: nothing of it has happened.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.state().is_some_and(|state| {
            *state == SqlState::T_R_SERIALIZATION_FAILURE
                || *state == SqlState::T_R_DEADLOCK_DETECTED
        })
    }

    /// The name of the unique constraint that this breaks, if it does.
    pub(crate) fn duplicate(&self) -> Option<&str> {
        self.broken(&SqlState::UNIQUE_VIOLATION)
    }

    /// The name of the foreign key that this breaks, if it does.
    pub(crate) fn missing(&self) -> Option<&str> {
        self.broken(&SqlState::FOREIGN_KEY_VIOLATION)
    }

    /// The name of the check that this breaks, if it does.
    pub(crate) fn check(&self) -> Option<&str> {
        self.broken(&SqlState::CHECK_VIOLATION)
    }

    fn broken(&self, kind: &SqlState) -> Option<&str> {
        match self {
            Self::Postgres(error) if error.code() == Some(kind) => {
                error.as_db_error().and_then(|error| error.constraint())
            }
            Self::Postgres(_) | Self::Pool(_) | Self::Nonsense(_) => None,
        }
    }

    /// Whether it is the way to the database that failed, for an error that the database itself did
    /// not send.
    fn is_connection(&self) -> bool {
        match self {
            Self::Pool(_) => true,
            Self::Nonsense(_) => false,
            Self::Postgres(error) => {
                error.is_closed()
                    || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
            }
        }
    }

    /// Whether a value cannot be written down as it is.
    fn does_not_fit(state: &SqlState) -> bool {
        [
            SqlState::STRING_DATA_RIGHT_TRUNCATION,
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            SqlState::UNTRANSLATABLE_CHARACTER,
            SqlState::INVALID_TEXT_REPRESENTATION,
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            SqlState::DATETIME_FIELD_OVERFLOW,
            SqlState::CHECK_VIOLATION,
            SqlState::PROGRAM_LIMIT_EXCEEDED,
        ]
        .contains(state)
    }

    /// Whether the database is out of reach, out of time or on its way down.
    fn is_unavailable(state: &SqlState) -> bool {
        // Classes: connection exceptions, insufficient resources, operator intervention (which
        // includes statement time-outs), system errors.
        ["08", "53", "57", "58"].iter().any(|class| state.code().starts_with(class))
            // A read-only standby, during a switch-over.
            || *state == SqlState::READ_ONLY_SQL_TRANSACTION
            || *state == SqlState::LOCK_NOT_AVAILABLE
    }
}

impl From<DbError> for StorageError {
    fn from(error: DbError) -> Self {
        if error.is_conflict() {
            return Self::Contention(Box::new(error));
        }
        match error.state() {
            Some(state) if DbError::does_not_fit(state) => Self::DoesNotFit(Box::new(error)),
            Some(state) if DbError::is_unavailable(state) => Self::Unavailable(Box::new(error)),
            Some(_) => Self::Failed(Box::new(error)),
            None if error.is_connection() => Self::Unavailable(Box::new(error)),
            None => Self::Failed(Box::new(error)),
        }
    }
}
