//! Why there is no embedded database.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use tavern_domain::{Classify, ErrorCode};

/// Why the embedded database did not start, or did not stop in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// [`Mode::Off`](crate::Mode::Off).
    #[error("the embedded database is switched off; configure a database address")]
    Off,
    /// Another process runs a database in the folder.
    #[error("the database in {} is in use by another process{}", dir.display(), pid_note(*holder))]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The process, if it has left its id.
        holder: Option<u32>,
    },
    /// Nothing to run.
    #[error(
        "no PostgreSQL to run ({tried}); install PostgreSQL 12 or later, for example the package \
         `postgresql`, or configure a database address"
    )]
    NoPostgres {
        /// What was tried, and why it would not do.
        tried: String,
    },
    /// The folder holds a cluster of another major version than any program found.
    #[error(
        "the database in {} was made by PostgreSQL {made}, which is not here ({tried}); install \
         that version, or move the folder away to begin anew", dir.display()
    )]
    WrongVersion {
        /// The folder.
        dir: PathBuf,
        /// The major version that made the cluster.
        made: u32,
        /// What was tried, and why it would not do.
        tried: String,
    },
    /// A folder that must be ours is not.
    #[error("{} cannot be used for the database's socket: {why}", path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// PostgreSQL refuses to run as root, and the account it would run as instead cannot get at
    /// what it needs.
    #[error(
        "PostgreSQL does not run as root, and user {uid} cannot reach {} or {}; choose folders \
         below one that everybody may enter", dir.display(), programs.display()
    )]
    Unreachable {
        /// The database's folder.
        dir: PathBuf,
        /// The folder of the programs.
        programs: PathBuf,
        /// The account.
        uid: u32,
    },
    /// The file system said no.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No thread to supervise the database from.
    #[error("cannot start the supervising thread")]
    Thread(#[source] io::Error),
    /// `initdb` failed.
    #[error("initdb failed: {output}")]
    InitDb {
        /// What it said.
        output: String,
    },
    /// The database ended before it was ready.
    #[error("the database did not start: {0}")]
    DidNotStart(Ended),
    /// The database was not ready in time, and was ended.
    #[error("the database was not ready after {seconds} s: {log}")]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// The end of its log.
        log: String,
    },
    /// Statement time-outs, lock time-outs and deadlock detection would not work.
    #[error("the timers of this PostgreSQL do not fire ({version}); it must not be used")]
    DeadTimers {
        /// Its version.
        version: String,
    },
    /// The database runs but does not answer as it should.
    #[error("the database does not answer as it should")]
    SelfCheck(#[source] tokio_postgres::Error),
    /// The database ended by itself, before it was asked to.
    #[error("the database ended by itself: {0}")]
    Died(Ended),
    /// The database had to be stopped the hard way; the next start will replay its log.
    #[error("the database did not stop within {seconds} s and was killed")]
    Killed {
        /// How long was waited.
        seconds: u64,
    },
}

impl Classify for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Off
            | Self::InUse { .. }
            | Self::NoPostgres { .. }
            | Self::WrongVersion { .. }
            | Self::NotOurs { .. }
            | Self::Unreachable { .. }
            | Self::DeadTimers { .. } => ErrorCode::FailedPrecondition,
            Self::Io { .. }
            | Self::Thread(_)
            | Self::InitDb { .. }
            | Self::DidNotStart(_)
            | Self::NotReady { .. }
            | Self::SelfCheck(_)
            | Self::Died(_)
            | Self::Killed { .. } => ErrorCode::Unavailable,
        }
    }
}

/// How the database ended without being asked to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Its exit status, in words.
    pub status: String,
    /// The end of its log.
    pub log: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.status)?;
        if !self.log.is_empty() {
            write!(f, "; its log ends with: {}", self.log)?;
        }
        Ok(())
    }
}

impl std::error::Error for Ended {}

/// For `map_err`: an [`Error::Io`] that says what was attempted on which path.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

fn pid_note(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}
