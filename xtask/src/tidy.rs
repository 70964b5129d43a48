//! The shape of the tree: what a newcomer relies on and a compiler does not check.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command::root;
use crate::layers;

/// The longest hand-written source file, in lines.
const LONGEST: usize = 800;
/// The only visible entries of the root.
const TOP_LEVEL: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "bins",
    "clippy.toml",
    "crates",
    "deny.toml",
    "deploy",
    "docs",
    "migrations",
    "proto",
    "rustfmt.toml",
    "tests",
    "xtask",
    // Made by building and by running; both are ignored by git.
    "data",
    "target",
];

/// Checks everything; fails with all problems at once.
pub(crate) fn tidy() -> Result<()> {
    let problems = problems()?;
    if !problems.is_empty() {
        bail!("the tree is not tidy:\n  {}", problems.join("\n  "));
    }
    Ok(())
}

fn problems() -> Result<Vec<String>> {
    let mut problems = layers::problems(&layers::members()?);
    let root = root();
    for entry in std::fs::read_dir(&root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str()) {
            problems.push(format!("{name} does not belong into the root"));
        }
    }
    for folder in ["crates", "bins", "tests", "xtask"] {
        let mut files = Vec::new();
        walk(&root.join(folder), &mut files)?;
        for file in files {
            check_file(&root, &file, &mut problems)?;
        }
    }
    problems.sort();
    Ok(problems)
}

fn check_file(root: &Path, file: &Path, problems: &mut Vec<String>) -> Result<()> {
    let shown = file.strip_prefix(root).unwrap_or(file).display();
    let name = file.file_name().unwrap_or_default();
    let text = std::fs::read_to_string(file)?;
    if name == "Cargo.toml" {
        if text.contains("[package]") && !text.contains("[lints]\nworkspace = true") {
            problems.push(format!("{shown} does not take the workspace's lints"));
        }
        return Ok(());
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        problems.push(format!("{shown} has {lines} lines, more than {LONGEST}"));
    }
    if name == "lib.rs" && !text.starts_with("//! ") {
        problems.push(format!("{shown} has no header"));
    }
    Ok(())
}

/// Rust sources and manifests below a folder, without what tools put there.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "node_modules" | "target" | "corpus" | "artifacts") {
                walk(&path, files)?;
            }
        } else if name == "Cargo.toml" || name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        super::tidy().unwrap();
    }
}
