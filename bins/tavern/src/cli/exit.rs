//! How a command ended.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use tavern_telemetry::Chain;

/// Exit codes, so that whatever started the server can tell what to do next.
///
/// | code | meaning | starting again helps |
/// | --- | --- | --- |
/// | 0 | did what it was asked, or stopped because it was told to | – |
/// | 1 | failed while running | perhaps |
/// | 2 | the configuration or the command line is wrong | no |
/// | 3 | a port is taken | once it is free |
/// | 4 | the database cannot be reached, or its schema does not fit | once it does |
/// | 5 | a server module does not load | no |
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Did what it was asked.
    Ok = 0,
    /// Failed while running.
    Failed = 1,
    /// The configuration or the command line is wrong.
    BadConfiguration = 2,
    /// A port is taken.
    PortTaken = 3,
    /// The database cannot be reached, or its schema does not fit.
    Database = 4,
    /// A server module does not load.
    Modules = 5,
}

impl Exit {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::Failed,
        Self::BadConfiguration,
        Self::PortTaken,
        Self::Database,
        Self::Modules,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it means, in a line.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "did what it was asked",
            Self::Failed => "failed while running",
            Self::BadConfiguration => "the configuration or the command line is wrong",
            Self::PortTaken => "a port is taken",
            Self::Database => "the database cannot be reached, or its schema does not fit",
            Self::Modules => "a server module does not load",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command failed, and the exit code that says so.
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    error: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// A failure with its cause.
    pub fn new(exit: Exit, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit, error: error.into() }
    }

    /// The cause.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync) {
        self.error.as_ref()
    }
}

impl fmt::Display for Failure {
    /// The cause with its own causes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Chain(self.error.as_ref()), f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_as_documented_and_distinct() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_failure_tells_all_its_causes() {
        let cause = std::io::Error::other("disk on fire");
        #[derive(Debug, thiserror::Error)]
        #[error("cannot start")]
        struct Outer(#[source] std::io::Error);
        let failure = Failure::new(Exit::Failed, Outer(cause));
        assert_eq!(failure.to_string(), "cannot start: disk on fire");
    }
}
