//! Finds the PostgreSQL programs that the artifact crate of this target carries and copies them to
//! where `include_bytes!` can reach them. Without such a crate the library builds all the same and
//! uses the PostgreSQL of the machine.
//!
//! The artifact crate's own `cargo:root=` cannot be used: it is printed only for a file that the
//! published crate does not have. So this asks cargo where the crate lies.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const RUNTIME: &str = "lib/pglite-runtime.tar.zst";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.toml");
    // Another version of the artifact crate shows in the lock file.
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    println!("cargo::rustc-check-cfg=cfg(bundled_postgres)");

    let target = variable("TARGET");
    match find(&format!("pglite-rs-lib-{target}"), &target) {
        Ok(Some(found)) => include(&found),
        Ok(None) => {}
        Err(why) => {
            println!("cargo::warning=no bundled PostgreSQL: {why}");
            // A file that never exists: ask again at the next build.
            println!("cargo::rerun-if-changed=found-no-bundled-postgresql");
        }
    }
}

/// The artifact crate: its folder and its version.
struct Found {
    folder: PathBuf,
    name: String,
    version: String,
}

fn find(package: &str, target: &str) -> Result<Option<Found>, String> {
    // Offline first: cargo has fetched what this build needs. Only when the workspace has members
    // whose dependencies were never fetched does cargo have to look again.
    let listed = packages(target, true).or_else(|_| packages(target, false))?;
    let Some(listed) = listed["packages"].as_array() else {
        return Err("cargo metadata lists no packages".to_owned());
    };
    let Some(found) = listed.iter().find(|p| p["name"] == package) else { return Ok(None) };
    let manifest = found["manifest_path"].as_str().ok_or("a package without a manifest")?;
    let folder = Path::new(manifest).parent().ok_or("a manifest without a folder")?;
    if !folder.join(RUNTIME).is_file() {
        return Err(format!("{package} has no {RUNTIME}"));
    }
    Ok(Some(Found {
        folder: folder.to_owned(),
        name: package.to_owned(),
        version: found["version"].as_str().unwrap_or_default().to_owned(),
    }))
}

fn packages(target: &str, offline: bool) -> Result<Value, String> {
    let manifest = Path::new(&variable("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut cargo = Command::new(variable("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--filter-platform", target]);
    cargo.arg("--manifest-path").arg(manifest);
    if offline {
        cargo.arg("--offline");
    }
    let output = cargo.output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).replace('\n', " "));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())
}

fn include(found: &Found) {
    let out = PathBuf::from(variable("OUT_DIR"));
    let runtime = out.join("postgres.tar.zst");
    let licence = out.join("postgres-build-license.txt");
    copy(&found.folder.join(RUNTIME), &runtime);
    copy(&found.folder.join("LICENSE"), &licence);
    println!("cargo::rustc-cfg=bundled_postgres");
    println!("cargo::rustc-env=BUNDLED_POSTGRES={}", runtime.display());
    println!("cargo::rustc-env=BUNDLED_POSTGRES_LICENSE={}", licence.display());
    println!("cargo::rustc-env=BUNDLED_POSTGRES_ID={}-{}", found.name, found.version);
}

/// Like `fs::copy`, but without the permissions: a read-only copy could not be replaced.
fn copy(from: &Path, to: &Path) {
    let bytes = fs::read(from).unwrap_or_else(|e| panic!("cannot read {}: {e}", from.display()));
    fs::write(to, bytes).unwrap_or_else(|e| panic!("cannot write {}: {e}", to.display()));
}

fn variable(name: &str) -> String {
    env::var_os(name)
        .and_then(|value| value.into_string().ok())
        .unwrap_or_else(|| panic!("cargo sets {name}"))
}
