//! `cargo xtask test`: every test there is.

use anyhow::Result;

use crate::command::{cargo, run};
use crate::database::TestDatabase;

/// Runs every test of the workspace, or those that match a filter.
pub(crate) fn test(args: &[String]) -> Result<()> {
    let database = TestDatabase::find();
    println!("{}", database.describe());
    // The end-to-end tests start these as a user would.
    run(cargo().args(["build", "--package", "tavern", "--package", "example-studio"]))?;
    let mut tests = cargo();
    tests.args(["test", "--workspace"]).args(args);
    database.hand_to(&mut tests);
    run(&mut tests)
}
