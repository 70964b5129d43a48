//! `cargo xtask lint`: what is checked without running the code.

use anyhow::{Result, bail};

use crate::command::{cargo, root, run, succeeds};

/// Format, clippy, rustdoc, and licences and duplicates where cargo-deny is installed.
pub(crate) fn lint() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    run(cargo()
        .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "--deny warnings"))?;
    crate::tidy::tidy()?;
    if succeeds(cargo().args(["deny", "--version"])) {
        run(cargo().args(["deny", "check", "bans", "licenses", "sources"]))?;
    } else {
        println!("cargo-deny is not installed: licences and duplicates were not checked");
    }
    if !root().join("Cargo.lock").exists() {
        bail!("Cargo.lock is missing");
    }
    Ok(())
}
