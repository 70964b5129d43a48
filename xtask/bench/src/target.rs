//! A server under test, and what its processes use.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;

use crate::http::{Http, request};
use crate::process::{self, Database};
use crate::procfs::Resident;
use crate::users::Users;

/// Where a target is and which keys it takes, as given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) label: String,
    pub(crate) url: String,
    pub(crate) addr: SocketAddr,
}

impl Address {
    /// Parses `[label=]http://host:port`; the host has to be loopback.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (label, url) = match text.split_once('=') {
            Some((label, url)) => (Some(label), url),
            None => (None, text),
        };
        let authority = url
            .strip_prefix("http://")
            .with_context(|| format!("`{url}` does not begin with http://"))?
            .trim_end_matches('/');
        let addr = match authority.strip_prefix("localhost:") {
            Some(port) => {
                let port = port.parse().with_context(|| format!("the port in `{url}`"))?;
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
            }
            None => authority
                .parse::<SocketAddr>()
                .with_context(|| format!("`{url}` is not http://<loopback address>:<port>"))?,
        };
        ensure!(
            addr.ip().is_loopback(),
            "`{url}` is not on this machine: the generator only ever loads loopback addresses"
        );
        let label = label.map_or_else(|| addr.port().to_string(), str::to_owned);
        Ok(Self { label, url: url.to_owned(), addr })
    }
}

/// What the user says about a target besides its address.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) server_key: String,
    pub(crate) http_key: String,
    /// The server function that the RPC scenarios call.
    pub(crate) rpc: String,
    /// The leaderboard that the board scenarios write to.
    pub(crate) board: String,
}

/// Which processes make up the target's database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DatabaseChoice {
    Auto,
    None,
    Processes(Vec<u32>),
}

impl std::str::FromStr for DatabaseChoice {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            list => {
                let pids: Result<Vec<u32>, _> = list.split(',').map(str::parse).collect();
                let pids = pids.with_context(|| format!("`{list}` is no list of process ids"))?;
                Ok(Self::Processes(pids))
            }
        }
    }
}

/// A server under test.
pub(crate) struct Target {
    pub(crate) label: String,
    pub(crate) url: String,
    pub(crate) addr: SocketAddr,
    pub(crate) keys: Keys,
    pub(crate) pid: u32,
    pub(crate) database: Option<Database>,
    pub(crate) users: Users,
    /// Sets the names of this run apart from those of every other.
    run: String,
}

impl Target {
    /// Checks that the server answers and finds its processes.
    pub(crate) async fn connect(
        address: Address,
        keys: Keys,
        pid: Option<u32>,
        database: &DatabaseChoice,
        run: &str,
    ) -> Result<Rc<Self>> {
        let Address { label, url, addr } = address;
        let mut http = Http::open(addr).await?;
        http.expect_ok(&request("GET", "/healthcheck", addr, None, None))
            .await
            .with_context(|| format!("health check of {url}"))?;
        let pid = pid.map_or_else(|| process::listener(addr), Ok)?;
        process::cpu_time(pid)?;
        let database = match database {
            DatabaseChoice::None => None,
            DatabaseChoice::Processes(pids) => Some(Database::named(pids.clone())),
            DatabaseChoice::Auto => Database::of(pid),
        };
        let (users, run) = (Users::default(), run.to_owned());
        Ok(Rc::new(Self { label, url, addr, keys, pid, database, users, run }))
    }

    #[cfg(test)]
    pub(crate) fn for_tests(port: u16) -> Self {
        let keys = Keys {
            server_key: "server".to_owned(),
            http_key: "http".to_owned(),
            board: "bench".to_owned(),
            rpc: "echo".to_owned(),
        };
        Self {
            label: "test".to_owned(),
            url: String::new(),
            addr: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            keys,
            pid: std::process::id(),
            database: None,
            users: Users::default(),
            run: "test".to_owned(),
        }
    }

    /// `Authorization` for the calls that need the server key.
    pub(crate) fn server_auth(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:", self.keys.server_key)))
    }

    /// A device id that only this run uses.
    pub(crate) fn device(&self, purpose: &str, number: usize) -> String {
        format!("bench-{}-{purpose}-{number}", self.run)
    }

    /// Begins to count CPU time.
    pub(crate) fn meter(&self) -> Result<Meter> {
        Ok(Meter { began: Instant::now(), at_first: self.used()? })
    }

    /// CPU time used since the meter was made.
    pub(crate) fn read(&self, meter: &Meter) -> Result<Usage> {
        let elapsed = meter.began.elapsed();
        let (now, then) = (self.used()?, &meter.at_first);
        Ok(Usage {
            elapsed,
            server: now.server.saturating_sub(then.server),
            database: now.database.zip(then.database).map(|(now, then)| now.saturating_sub(then)),
            generator: now.generator.saturating_sub(then.generator),
        })
    }

    fn used(&self) -> Result<Used> {
        let database = self.database.as_ref().map(Database::cpu_time).transpose()?;
        Ok(Used {
            server: process::cpu_time(self.pid)?,
            database,
            generator: process::own_cpu_time(),
        })
    }

    pub(crate) fn memory(&self) -> Result<Resident> {
        process::memory(self.pid)
    }
}

struct Used {
    server: Duration,
    database: Option<Duration>,
    generator: Duration,
}

/// CPU time as it stood when a measurement began.
pub(crate) struct Meter {
    began: Instant,
    at_first: Used,
}

/// CPU time used during a measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) elapsed: Duration,
    pub(crate) server: Duration,
    pub(crate) database: Option<Duration>,
    pub(crate) generator: Duration,
}

impl Usage {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.elapsed += other.elapsed;
        self.server += other.server;
        self.generator += other.generator;
        self.database = match (self.database, other.database) {
            (Some(a), Some(b)) => Some(a + b),
            (one, other) => one.or(other),
        };
    }
}

/// A name that no other run uses.
pub(crate) fn run_name() -> Result<String> {
    let path = "/proc/sys/kernel/random/uuid";
    let uuid = std::fs::read_to_string(path).with_context(|| format!("read {path}"))?;
    match uuid.split('-').next() {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => bail!("{path} holds no uuid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_a_label() {
        let a = Address::parse("http://127.0.0.1:7350").unwrap();
        assert_eq!((a.label.as_str(), a.addr.port()), ("7350", 7350));
        let a = Address::parse("old=http://localhost:8350/").unwrap();
        assert_eq!((a.label.as_str(), a.addr), ("old", "127.0.0.1:8350".parse().unwrap()));
        assert!(Address::parse("new=http://[::1]:7350").unwrap().addr.is_ipv6());
    }

    #[test]
    fn only_this_machine_is_ever_loaded() {
        for url in [
            "http://10.0.0.1:7350",
            "http://0.0.0.0:7350",
            "http://[2001:db8::1]:7350",
            "http://example.com:7350",
            "http://localhost.example.com:7350",
            "http://127.0.0.1.example.com:7350",
            "https://127.0.0.1:7350",
            "127.0.0.1:7350",
            "http://127.0.0.1",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn database_choices() {
        assert_eq!("auto".parse::<DatabaseChoice>().unwrap(), DatabaseChoice::Auto);
        assert_eq!("none".parse::<DatabaseChoice>().unwrap(), DatabaseChoice::None);
        let pids = DatabaseChoice::Processes(vec![12, 34]);
        assert_eq!("12,34".parse::<DatabaseChoice>().unwrap(), pids);
        assert!("postgres".parse::<DatabaseChoice>().is_err());
    }

    #[test]
    fn usage_adds_up() {
        let ms = Duration::from_millis;
        let mut sum = Usage::default();
        let round =
            Usage { elapsed: ms(5), server: ms(3), database: Some(ms(2)), generator: ms(1) };
        sum.merge(&round);
        sum.merge(&round);
        let twice =
            Usage { elapsed: ms(10), server: ms(6), database: Some(ms(4)), generator: ms(2) };
        assert_eq!(sum, twice);
    }
}
