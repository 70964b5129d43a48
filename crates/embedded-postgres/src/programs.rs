//! Which PostgreSQL to run: the bundled one, the machine's, or a clear refusal.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Config, Error, Mode, bundled, processes};

/// The oldest PostgreSQL that will do.
const OLDEST: u32 = 12;

/// Where a PostgreSQL came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Carried by this library.
    Bundled,
    /// Installed on the machine.
    System,
}

/// A PostgreSQL that runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Programs {
    /// The folder of `postgres` and `initdb`.
    pub(crate) bin: PathBuf,
    pub(crate) origin: Origin,
    pub(crate) major: u32,
    /// Its timers must be woken from outside, see `processes`.
    pub(crate) needs_waking: bool,
}

/// Finds what to run. `cluster` is the major version of an existing cluster, which no other can
/// open.
pub(crate) fn find(config: &Config, cluster: Option<u32>) -> Result<Programs, Error> {
    let mut tried = Vec::new();
    if matches!(config.mode, Mode::Auto | Mode::Bundled) {
        match bundled_programs(config) {
            Ok(programs) => match fits(&programs, cluster) {
                Ok(()) => return Ok(programs),
                Err(why) => tried.push(format!("bundled: {why}")),
            },
            Err(why) => {
                if config.mode == Mode::Auto {
                    tracing::warn!(why, "the bundled PostgreSQL does not run here");
                }
                tried.push(format!("bundled: {why}"));
            }
        }
    }
    if matches!(config.mode, Mode::Auto | Mode::System) {
        let candidates = config.programs.clone().map_or_else(usual_places, |only| vec![only]);
        if candidates.is_empty() {
            tried.push("none is installed on this machine".to_owned());
        }
        for bin in candidates {
            match probe(&bin, Origin::System).and_then(|p| fits(&p, cluster).map(|()| p)) {
                Ok(programs) => return Ok(programs),
                Err(why) => tried.push(format!("{}: {why}", bin.display())),
            }
        }
    }
    let tried = tried.join(", ");
    match (config.mode, cluster) {
        (Mode::Off, _) => Err(Error::Off),
        (_, Some(made)) => Err(Error::WrongVersion { dir: config.dir.clone(), made, tried }),
        (_, None) => Err(Error::NoPostgres { tried }),
    }
}

fn fits(programs: &Programs, cluster: Option<u32>) -> Result<(), String> {
    if programs.major < OLDEST {
        return Err(format!("version {} is older than {OLDEST}", programs.major));
    }
    match cluster {
        Some(made) if made != programs.major => Err(format!("version {}", programs.major)),
        Some(_) | None => Ok(()),
    }
}

fn bundled_programs(config: &Config) -> Result<Programs, String> {
    if bundled::ID.is_none() {
        return Err("none is bundled for this platform".to_owned());
    }
    let inside = config.dir.join("runtime");
    let places = [config.cache.clone().or_else(default_cache), Some(inside)];
    let mut why = String::new();
    for cache in places.into_iter().flatten() {
        match unpack_and_probe(&cache) {
            Ok(programs) => return Ok(programs),
            Err(error) => why = error,
        }
    }
    Err(why)
}

fn unpack_and_probe(cache: &Path) -> Result<Programs, String> {
    let install = |again| bundled::install(cache, again).map_err(|e| with_causes(&e));
    let bin = install(false)?;
    probe(&bin, Origin::Bundled).or_else(|first| {
        // Perhaps a power cut spoilt what was unpacked. A machine on which it cannot run at all
        // (another C library, say) fails the second time as well.
        tracing::warn!(why = first, "unpacking PostgreSQL again");
        probe(&install(true)?, Origin::Bundled)
    })
}

/// Where to unpack when nothing else is configured: below the user's home.
pub(crate) fn default_cache() -> Option<PathBuf> {
    std::env::home_dir()
        .filter(|home| home.is_absolute() && home.is_dir())
        .map(|home| home.join(".cache/tavern"))
}

/// Runs `postgres --version`, which fails where the C library does not fit.
fn probe(bin: &Path, origin: Origin) -> Result<Programs, String> {
    if !bin.join("initdb").is_file() {
        return Err("there is no initdb".to_owned());
    }
    let mut postgres = Command::new(bin.join("postgres"));
    postgres.arg("--version").current_dir("/").stdin(Stdio::null());
    postgres.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = processes::start(&mut postgres)
        .and_then(Child::wait_with_output)
        .map_err(|e| format!("postgres does not run: {e}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("postgres does not run: {}", said.trim()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let major = major_version(&said).ok_or_else(|| format!("not a version: {}", said.trim()))?;
    Ok(Programs { bin: bin.to_owned(), origin, major, needs_waking: origin == Origin::Bundled })
}

/// `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)` is 15.
fn major_version(said: &str) -> Option<u32> {
    let version = said.split(')').nth(1)?.split_ascii_whitespace().next()?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Folders with both programs: on the search path first, then where packages put them, the newest
/// version first.
fn usual_places() -> Vec<PathBuf> {
    // Looking a program up on the search path is part of running it, no configuration.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for (root, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
        ("/usr/local", "pgsql"),
    ] {
        places.extend(versions_in(Path::new(root), prefix));
    }
    let mut seen = BTreeSet::new();
    places.retain(|bin| {
        bin.join("postgres").is_file()
            && bin.join("initdb").is_file()
            && fs::canonicalize(bin.join("postgres")).is_ok_and(|real| seen.insert(real))
    });
    places
}

/// `<root>/<prefix><version>/bin`, the newest first.
fn versions_in(root: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?;
            let version = if version.is_empty() { 0 } else { version.parse().ok()? };
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, bin)| bin).collect()
}

/// The major version of the cluster in a folder, if there is one.
pub(crate) fn cluster_version(data: &Path) -> io::Result<Option<u32>> {
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Programs that say this when asked for their version.
    fn fake(dir: &Path, script: &str) -> PathBuf {
        fs::create_dir_all(dir).unwrap();
        for name in ["postgres", "initdb"] {
            let path = dir.join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        dir.to_owned()
    }

    fn system(dir: &Path, bin: PathBuf) -> Config {
        Config { mode: Mode::System, programs: Some(bin), ..Config::new(dir) }
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(major_version("postgres (PostgreSQL) 17.5"), Some(17));
        assert_eq!(major_version("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn a_program_that_cannot_run_is_named_with_its_reason() {
        let dir = tempfile::tempdir().unwrap();
        let bin = fake(&dir.path().join("bin"), "echo 'GLIBC_2.38 not found' >&2; exit 127");
        let error = find(&system(dir.path(), bin.clone()), None).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("GLIBC_2.38 not found"), "{text}");
        assert!(text.contains(&bin.display().to_string()), "{text}");
        assert!(text.contains("install PostgreSQL 12 or later"), "{text}");
    }

    #[test]
    fn old_versions_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let bin = fake(&dir.path().join("bin"), "echo 'postgres (PostgreSQL) 11.22'");
        let error = find(&system(dir.path(), bin), None).unwrap_err();
        assert!(error.to_string().contains("version 11 is older than 12"), "{error}");
    }

    #[test]
    fn a_cluster_of_another_version_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let bin = fake(&dir.path().join("bin"), "echo 'postgres (PostgreSQL) 16.3'");
        assert_eq!(find(&system(dir.path(), bin.clone()), Some(16)).unwrap().major, 16);
        let error = find(&system(dir.path(), bin), Some(15)).unwrap_err();
        assert!(matches!(error, Error::WrongVersion { made: 15, .. }), "{error}");
        assert!(error.to_string().contains("version 16"), "{error}");
    }

    #[test]
    fn switched_off_means_off() {
        let config = Config { mode: Mode::Off, ..Config::new("/nowhere") };
        assert!(matches!(find(&config, None), Err(Error::Off)));
    }

    #[test]
    fn where_the_bundled_one_does_not_run_the_machines_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let bin = fake(&dir.path().join("bin"), "echo 'postgres (PostgreSQL) 16.3'");
        // Neither the cache nor the database's own folder can be written to, which is one of the
        // ways for the bundled one not to run.
        let blocked = dir.path().join("file");
        fs::write(&blocked, "").unwrap();
        let config = Config {
            cache: Some(blocked.clone()),
            dir: blocked,
            programs: Some(bin.clone()),
            ..Config::new("")
        };
        let found = find(&config, None).unwrap();
        assert_eq!((found.bin.clone(), found.origin), (bin, Origin::System));
        assert!(!found.needs_waking);
        let error = find(&Config { mode: Mode::Bundled, ..config }, None).unwrap_err();
        assert!(matches!(error, Error::NoPostgres { .. }), "{error}");
    }

    #[test]
    fn the_newest_installed_version_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        for version in ["9", "16", "15", "common"] {
            fs::create_dir_all(dir.path().join(version).join("bin")).unwrap();
        }
        let found = versions_in(dir.path(), "");
        let expected: Vec<_> =
            ["16", "15", "9"].iter().map(|v| dir.path().join(v).join("bin")).collect();
        assert_eq!(found, expected);
    }
}
