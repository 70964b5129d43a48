//! `cargo xtask run` and `cargo xtask migrate`: the server, built and started.

use anyhow::Result;

use crate::command::{cargo, run as run_command};

/// Builds the server and starts it in development mode. Further flags go to the server, which
/// prints its addresses and what to try next.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut server = cargo();
    server.args(["run", "--package", "tavern", "--", "--dev"]).args(args);
    run_command(&mut server)
}

/// The server's own migrate command.
pub(crate) fn migrate(args: &[String]) -> Result<()> {
    let mut migrate = cargo();
    migrate.args(["run", "--quiet", "--package", "tavern", "--", "migrate"]).args(args);
    run_command(&mut migrate)
}
