//! The seeds of the fuzz targets, replayed by the ordinary compiler.
//!
//! `cargo xtask fuzz` looks for new inputs for hours; this runs the known ones with every test, so
//! that a target never rots and what once broke a decoder does not break it again: an input that
//! the engine finds is added to `tests/fuzz/corpus`.

use std::path::PathBuf;

#[path = "../fuzz/src/targets/mod.rs"]
pub mod targets;

/// The seeds of a target with their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut seeds: Vec<_> = files
        .map(|file| {
            let path = file.expect("a readable folder").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a readable seed"))
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn every_seed_passes_whole_and_cut() {
    for (name, target) in targets::TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for (seed, bytes) in seeds {
            for eighths in 0..=8 {
                let cut = &bytes[..bytes.len() * eighths / 8];
                let outcome = std::panic::catch_unwind(|| target(cut));
                assert!(outcome.is_ok(), "{name}/{seed} at {} bytes", cut.len());
            }
        }
    }
}

#[test]
fn every_target_has_a_program() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    for (name, _) in targets::TARGETS {
        assert!(folder.join(format!("{name}.rs")).is_file(), "{name} has no program");
    }
    let programs = std::fs::read_dir(folder).expect("the folder of programs").count();
    assert_eq!(programs, targets::TARGETS.len());
}
