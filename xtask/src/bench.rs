//! `cargo xtask bench`: the load generator, optimised.

use anyhow::Result;

use crate::command::{cargo, run};

/// Builds the load generator with optimisations and hands it the flags.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    let mut bench = cargo();
    bench.args(["run", "--quiet", "--release", "--package", "tavern-bench", "--"]).args(args);
    run(&mut bench)
}
