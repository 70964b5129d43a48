//! `cargo xtask fuzz`: the targets of `tests/fuzz`, built with coverage instrumentation and run.
//!
//! The stable compiler can do this, since the instrumentation is a pass of LLVM and the engine a
//! library that the targets link. Nothing else needs to be installed but a C++ compiler. What the
//! nightly compiler could add are sanitizers, which matter little without unsafe code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::{cargo, root, run};

/// What tells the engine where an input has been and what it was compared with.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-sanitizer-coverage-stack-depth";
/// How long a target runs unless it is told, in seconds.
const SECONDS: u64 = 60;
/// The longest input that is made, in bytes.
const LONGEST: usize = 16 * 1024;
/// How long one input may take, in seconds.
const PATIENCE: u64 = 10;
/// What a process may hold, in MB. The targets themselves are much stricter with each input.
const MEMORY: u64 = 2048;

const HELP: &str = "\
  cargo xtask fuzz [TARGET ...] [--seconds N]   look for inputs that break a target
  cargo xtask fuzz TARGET --input FILE          run a target on one input
  cargo xtask fuzz --list                       the targets";

/// Everything about one run.
struct Fuzz {
    /// The package.
    package: PathBuf,
    /// Where everything is put that is made: programs, inputs found, logs.
    out: PathBuf,
    /// The kind of machine, which has to be named to keep build scripts uninstrumented.
    host: String,
}

/// Runs targets: all of them, or those that are named.
pub(crate) fn fuzz(args: &[String]) -> Result<()> {
    let fuzz =
        Fuzz { package: root().join("tests/fuzz"), out: root().join("target/fuzz"), host: host()? };
    let known = fuzz.targets()?;
    let (mut wanted, mut seconds, mut input) = (Vec::new(), SECONDS, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value\n\n{HELP}"));
        match arg.as_str() {
            "--list" => {
                known.iter().for_each(|target| println!("{target}"));
                return Ok(());
            }
            "--seconds" => seconds = value()?.parse().context("--seconds takes a number")?,
            "--input" => input = Some(PathBuf::from(value()?)),
            target if known.contains(target) => wanted.push(target.to_owned()),
            other => bail!("no such target or flag: {other}\n\n{HELP}"),
        }
    }
    match (wanted.as_slice(), input) {
        ([target], Some(input)) => {
            fuzz.build(&wanted)?;
            return run(fuzz.program(target).arg(input));
        }
        (_, Some(_)) => bail!("--input goes with one target\n\n{HELP}"),
        ([], None) => wanted.extend(known),
        (_, None) => {}
    }
    fuzz.build(&wanted)?;
    fuzz.write_dictionary()?;
    // All of them run, whatever the first one finds.
    let mut findings = Vec::new();
    for target in &wanted {
        findings.extend(fuzz.run(target, seconds)?);
    }
    if !findings.is_empty() {
        bail!("{}", findings.join("\n\n"));
    }
    Ok(())
}

/// The kind of machine this is, in the compiler's words.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("cannot start the compiler")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("the compiler does not say what machine this is")?.to_owned())
}

impl Fuzz {
    /// The names of the targets, which are those of their files.
    fn targets(&self) -> Result<BTreeSet<String>> {
        let files = fs::read_dir(self.package.join("fuzz_targets"))?;
        let name = |file: std::io::Result<fs::DirEntry>| {
            let path = file.ok()?.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            path.extension().is_some_and(|end| end == "rs").then_some(name)
        };
        Ok(files.filter_map(name).collect())
    }

    fn build(&self, targets: &[String]) -> Result<()> {
        let mut build = cargo();
        build
            // Not --locked: when a crate of the workspace takes a new dependency, the lock file of
            // this package has to follow.
            .args(["build", "--release", "--target", &self.host, "--manifest-path"])
            .arg(self.package.join("Cargo.toml"))
            .args(targets.iter().flat_map(|target| ["--bin", target]))
            .env("CARGO_TARGET_DIR", &self.out)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", INSTRUMENTATION);
        run(&mut build)
    }

    fn program(&self, target: &str) -> Command {
        Command::new(self.out.join(&self.host).join("release").join(target))
    }

    fn dictionary(&self) -> PathBuf {
        self.out.join("words.dict")
    }

    /// Names that mean something to the parsers: fields and messages of the protocol, options, and
    /// what all of these formats are made of.
    fn write_dictionary(&self) -> Result<()> {
        let mut words = BTreeSet::new();
        for folder in ["proto", "bins/tavern/src/config", "tests/fuzz/corpus"] {
            collect_words(&root().join(folder), &mut words)?;
        }
        for word in
            ["\\\\u0000", "\\\\ud83d", "1e999", "-1", "null", "true", "%2e", "\\x00", "\\xff"]
        {
            words.insert(word.to_owned());
        }
        let text: String = words.iter().map(|word| format!("\"{word}\"\n")).collect();
        fs::write(self.dictionary(), text).context("cannot write the dictionary")
    }

    /// Runs one target; answers what it found, if it found something.
    fn run(&self, target: &str, seconds: u64) -> Result<Option<String>> {
        let grown = self.out.join("corpus").join(target);
        let artifacts = self.out.join("artifacts").join(target);
        let log = self.out.join(format!("{target}.log"));
        fs::create_dir_all(&grown)?;
        fs::create_dir_all(&artifacts)?;
        let mut engine = self.program(target);
        engine
            .current_dir(root())
            // The engine puts what it finds into the first, and only reads the others.
            .arg(grown)
            .arg(self.package.join("corpus").join(target))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={LONGEST}"))
            .arg(format!("-timeout={PATIENCE}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-dict={}", self.dictionary().display()))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg("-print_final_stats=1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?);
        let status = engine.status().with_context(|| format!("cannot start {target}"))?;
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let last = |start: &str| said.lines().rev().find(|line| line.contains(start)).unwrap_or("");
        let runs = last("stat::number_of_executed_units").rsplit(' ').next().unwrap_or_default();
        let reached = last(" cov: ").split(" cov: ").nth(1).unwrap_or_default();
        let reached = reached.split(' ').next().unwrap_or_default();
        println!("{target:<16} {runs:>10} runs, {reached:>6} places reached, {status}");
        if status.success() {
            return Ok(None);
        }
        // What the target said, without the way there, and where the engine put the input.
        let why = said.lines().skip_while(|line| !line.contains("panicked at"));
        let mut told: Vec<_> =
            why.take_while(|line| *line != "stack backtrace:").take(20).collect();
        told.extend(said.lines().filter(|line| line.contains("ERROR: libFuzzer")));
        told.extend(said.lines().filter(|line| line.contains("Test unit written to")));
        let told = told.join("\n  ");
        Ok(Some(format!("{target} found something:\n  {told}\n  log: {}", log.display())))
    }
}

/// Words of more than two letters, digits, dots and underscores, from all files below a folder.
fn collect_words(folder: &Path, words: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_words(&path, words)?;
            continue;
        }
        let bytes = fs::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c)));
        let fits = |part: &&str| (3..40).contains(&part.len()) && part.contains('_');
        words.extend(parts.filter(fits).map(str::to_owned));
    }
    Ok(())
}
