//! The definitions for editors and the reference of host functions are made from the tables that
//! the engines work by. When one of them has changed, this writes the files anew and fails, once.

mod reference;
mod rust_types;
mod typescript;

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a generated file with the one that is kept.
fn up_to_date(path: &str, text: &str) {
    let path = root().join(path);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if kept != text {
        std::fs::create_dir_all(path.parent().expect("a file is in a folder"))
            .expect("the tree can be written");
        std::fs::write(&path, text).expect("the tree can be written");
        panic!("{} was not up to date; it is now: look at it and commit it", path.display());
    }
}

#[test]
fn the_definitions_are_up_to_date() {
    up_to_date("docs/typescript/index.d.ts", &typescript::generate());
}

#[test]
fn each_name_is_declared_once() {
    let text = typescript::generate();
    let name = |line: &str| {
        let declared =
            line.trim().strip_prefix("interface ").or(line.trim().strip_prefix("type "))?;
        declared.split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned)
    };
    let mut names: Vec<_> = text.lines().filter_map(name).collect();
    names.sort();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn the_reference_is_up_to_date() {
    up_to_date("docs/host-functions.md", &reference::generate());
}
