//! Which PostgreSQL the tests use.

use std::process::Command;

use crate::command::succeeds;

/// The variable that tells tests where to find a PostgreSQL server on which they may create
/// databases.
pub(crate) const VARIABLE: &str = "TAVERN_TEST_DATABASE";

/// Where a local PostgreSQL usually answers, with the user that may create databases.
const USUAL: &[&str] =
    &["postgres://postgres@127.0.0.1:5432/postgres", "postgres://127.0.0.1:5432/postgres"];

/// What the tests use.
pub(crate) enum TestDatabase {
    /// The one that the environment names.
    Named,
    /// A PostgreSQL found on this machine, at this address.
    Found(String),
    /// Each test process starts the embedded one.
    Embedded,
}

impl TestDatabase {
    /// Looks what there is.
    pub(crate) fn find() -> Self {
        if std::env::var_os(VARIABLE).is_some_and(|v| !v.is_empty()) {
            return Self::Named;
        }
        let query = "SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolcreatedb";
        for address in USUAL {
            let mut psql = Command::new("psql");
            psql.args(["--no-psqlrc", "--no-password", "--tuples-only", "--quiet", "--command"]);
            // Divides by zero, and so fails, when the role may not create databases.
            psql.arg(format!("SELECT 1 / count(*) FROM ({query}) AS may")).arg(address);
            psql.env("PGCONNECT_TIMEOUT", "2");
            if succeeds(&mut psql) {
                return Self::Found((*address).to_owned());
            }
        }
        Self::Embedded
    }

    /// One line for whoever runs the tests.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Named => format!("tests use the PostgreSQL that {VARIABLE} names"),
            Self::Found(address) => format!("tests use the PostgreSQL of this machine, {address}"),
            Self::Embedded => "tests use the embedded PostgreSQL".to_owned(),
        }
    }

    /// Tells a command about it.
    pub(crate) fn hand_to(&self, command: &mut Command) {
        if let Self::Found(address) = self {
            command.env(VARIABLE, address);
        }
    }
}
