//! How the database is reached and used.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Address, SslMode};

/// How the database is reached and used. Whoever reads configuration files fills it in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PoolConfig {
    /// Where the database is. Several are one database behind several doors (the nodes of a
    /// cluster, a primary and its standby): they are tried in order, beginning with the one that
    /// worked last, and one that only reads is passed over.
    pub addresses: Vec<Address>,
    /// How connections are protected where the address does not say.
    pub sslmode: SslMode,
    /// PEM file with the authorities whose signature is accepted, where the address does not say.
    /// `None` means those of the operating system.
    pub root_certificate: Option<PathBuf>,
    /// What sessions are called in the server's lists, where the address does not say.
    pub application_name: String,
    /// Most connections, at least 1.
    pub max_open_conns: u32,
    /// Most connections at rest: more are closed.
    pub max_idle_conns: u32,
    /// How long a connection may rest before it is closed; `None` means for ever.
    pub idle_timeout: Option<Duration>,
    /// How old a connection may get before it is replaced, not in the middle of its work; `None`
    /// means for ever. Names are looked up again for each new connection.
    pub conn_max_lifetime: Option<Duration>,
    /// How long to try to connect, in all.
    pub connect_timeout: Duration,
    /// How long to wait for a connection when all are at work.
    pub acquire_timeout: Duration,
    /// How long one statement may take before the server ends it; `None` means for ever.
    pub statement_timeout: Option<Duration>,
    /// How often work is repeated after a serialisation failure or a deadlock.
    pub max_retries: u32,
}

impl PoolConfig {
    /// The usual values.
    #[must_use]
    pub fn new(addresses: Vec<Address>) -> Self {
        Self {
            addresses,
            sslmode: SslMode::default(),
            root_certificate: None,
            application_name: "tavern".to_owned(),
            max_open_conns: 100,
            max_idle_conns: 100,
            idle_timeout: Some(Duration::from_secs(600)),
            conn_max_lifetime: Some(Duration::from_secs(3600)),
            connect_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Some(Duration::from_secs(30)),
            max_retries: 10,
        }
    }
}
