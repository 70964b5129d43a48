//! What the embedded database is told.

use std::path::PathBuf;
use std::time::Duration;

/// Which PostgreSQL to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The bundled one where it runs, else the machine's.
    #[default]
    Auto,
    /// Only the one that this library carries.
    Bundled,
    /// Only one that is installed on the machine, version 12 or later.
    System,
    /// None: [`Embedded::start`](crate::Embedded::start) fails.
    Off,
}

/// How to run the embedded database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Which PostgreSQL to run.
    pub mode: Mode,
    /// Where the cluster, its log and its lock live. Made when it is missing.
    pub dir: PathBuf,
    /// Where the bundled programs are unpacked, once per user and version. `None` is
    /// `.cache/tavern` in the home folder, or inside [`dir`](Self::dir) where there is no home.
    pub cache: Option<PathBuf>,
    /// The folder of `postgres` and `initdb` for [`Mode::System`]. `None` looks at the search path
    /// and at the usual places.
    pub programs: Option<PathBuf>,
    /// The name of the database that is made at the first start.
    pub database: String,
    /// Most connections, reserved ones included.
    pub max_connections: u16,
    /// How long a start may take, after which it is given up. A start after a crash replays the
    /// log first, which can take a while on a slow disk.
    pub start_timeout: Duration,
    /// How long an orderly stop may take before the database is stopped the hard way, which loses
    /// nothing but makes the next start replay the log. The hard way takes up to 5 s more.
    pub stop_timeout: Duration,
}

impl Config {
    /// The usual values, for a database in this folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            mode: Mode::default(),
            dir: dir.into(),
            cache: None,
            programs: None,
            database: "tavern".to_owned(),
            max_connections: 64,
            start_timeout: Duration::from_secs(120),
            stop_timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_as_in_the_configuration() {
        use serde::Deserialize;
        use serde::de::value::{Error, StrDeserializer};
        let read = |text| Mode::deserialize(StrDeserializer::<Error>::new(text));
        for (text, mode) in [
            ("auto", Mode::Auto),
            ("bundled", Mode::Bundled),
            ("system", Mode::System),
            ("off", Mode::Off),
        ] {
            assert_eq!(read(text), Ok(mode));
        }
        assert!(read("on").is_err());
    }
}
