//! Lists the migrations of the workspace's `migrations` folder, so that they travel in the binary.
//!
//! A step is a pair of files, `NNNN_name.up.sql` and `NNNN_name.down.sql`. Steps are numbered from
//! one without gaps. An up file may begin with `-- needs extension: <name>`.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const NEEDS: &str = "-- needs extension: ";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../migrations");
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("../../migrations");
    let out = Path::new(&variable("OUT_DIR")).join("steps.rs");
    fs::write(out, generate(&read(&folder))).expect("the output folder is writable");
}

/// Path and text of the up and the down file of each step.
type Steps = BTreeMap<String, [Option<(PathBuf, String)>; 2]>;

fn read(folder: &Path) -> Steps {
    let mut steps = Steps::new();
    let entries = fs::read_dir(folder).expect("there is a folder of migrations");
    for entry in entries {
        let path = entry.expect("the folder can be listed").path();
        let path = path.canonicalize().expect("the file exists");
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let (step, which) = match (name.strip_suffix(".up.sql"), name.strip_suffix(".down.sql")) {
            (Some(step), _) => (step.to_owned(), 0),
            (_, Some(step)) => (step.to_owned(), 1),
            (None, None) => panic!("{name} in the folder of migrations is none"),
        };
        let text = fs::read_to_string(&path).expect("a migration is text");
        steps.entry(step).or_default()[which] = Some((path, text));
    }
    steps
}

fn generate(steps: &Steps) -> String {
    let mut out = String::from("pub(crate) static STEPS: &[Step] = &[\n");
    let mut fingerprint = 0xcbf2_9ce4_8422_2325_u64;
    for (number, (name, files)) in steps.iter().enumerate() {
        assert!(
            name.starts_with(&format!("{:04}_", number + 1)),
            "migration {name} should have number {}",
            number + 1
        );
        let [Some((up, text)), Some((down, _))] = files else {
            panic!("migration {name} needs an up and a down file")
        };
        let needs = text.lines().next().and_then(|line| line.strip_prefix(NEEDS)).map(str::trim);
        writeln!(
            out,
            "    Step {{ id: {name:?}, needs: {needs:?}, up: include_str!({up:?}), \
             down: include_str!({down:?}) }},"
        )
        .expect("writing to a string cannot fail");
        for byte in name.bytes().chain(text.bytes()) {
            fingerprint = (fingerprint ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    out.push_str("];\n");
    writeln!(out, "#[cfg(feature = \"testkit\")]").expect("writing to a string cannot fail");
    writeln!(out, "pub(crate) const FINGERPRINT: &str = \"{fingerprint:016x}\";")
        .expect("writing to a string cannot fail");
    out
}

fn variable(name: &str) -> String {
    env::var_os(name)
        .and_then(|value| value.into_string().ok())
        .unwrap_or_else(|| panic!("cargo sets {name}"))
}
