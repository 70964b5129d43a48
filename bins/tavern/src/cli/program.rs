//! What a program has to offer to be run by this command line.

use std::io::Write;

use tavern_domain::UserId;

#[cfg(doc)]
use super::Exit;
use super::Failure;
use crate::config::{Loaded, Settings, Sources};

/// What a server starts from.
#[derive(Debug)]
pub struct Start {
    /// The configuration. Its notices have not been shown to anybody yet.
    pub loaded: Loaded,
    /// What it was loaded from, for reloads.
    pub sources: Sources,
}

/// What to do with the database's schema. How many migrations at most is the option `limit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Migrate {
    /// Apply what is missing.
    Up,
    /// Take back what was applied last.
    Down,
    /// Take back the last one and apply it again.
    Redo,
    /// Show what is applied and what is missing; change nothing.
    Status,
}

impl Migrate {
    /// All of them with their words.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Up, "up"), (Self::Down, "down"), (Self::Redo, "redo"), (Self::Status, "status")];
}

/// A server as the command line sees it. Implemented by whoever composes one: the `tavern` binary,
/// or a studio's own.
pub trait Program {
    /// The name shown by `--version`.
    fn name(&self) -> &str {
        "tavern"
    }

    /// The version shown by `--version`.
    fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    /// The notices of what travels inside the program, shown by `licenses`.
    fn licenses(&self) -> String {
        String::new()
    }

    /// Runs the server until it is told to stop, or cannot go on.
    ///
    /// # Errors
    /// With [`Exit::PortTaken`], [`Exit::Database`], [`Exit::Modules`] or [`Exit::Failed`].
    fn serve(&self, start: Start) -> Result<(), Failure>;

    /// Works on the database's schema and writes what it did to `out`.
    ///
    /// # Errors
    /// With [`Exit::Database`].
    fn migrate(
        &self,
        settings: &Settings,
        migrate: Migrate,
        out: &mut dyn Write,
    ) -> Result<(), Failure>;

    /// Revokes a user's delegated tokens with the block of this id, or all of them. Running servers
    /// notice within a minute.
    ///
    /// # Errors
    /// With [`Exit::Database`].
    fn revoke_tokens(
        &self,
        settings: &Settings,
        user: UserId,
        block: Option<&str>,
    ) -> Result<(), Failure>;

    /// Loads the server modules without starting anything, and tells a line about each.
    ///
    /// # Errors
    /// With [`Exit::Modules`]; the error names every module that does not load.
    fn check_modules(&self, settings: &Settings) -> Result<Vec<String>, Failure>;
}
