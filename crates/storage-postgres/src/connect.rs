//! Opening connections: which address, how protected, with which settings.

use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Client, NoTls, config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::Host;
use crate::error::SetupError;
use crate::{Address, PoolConfig, SslMode, tls};

/// A peer that says nothing is asked whether it lives after this.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// What a peer has not acknowledged after this is lost, and the connection with it.
const PEER_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens connections to the first address that takes one. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connector {
    targets: Arc<[Target]>,
    /// Where it worked last.
    last: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Target {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
    /// Without the password.
    shown: String,
}

/// A connection: what asks, and the task that carries it.
pub(crate) type Connected = (Client, JoinHandle<()>);

impl Connector {
    /// Prepares everything that does not need the network.
    pub(crate) fn new(config: &PoolConfig) -> Result<Self, SetupError> {
        let targets: Vec<Target> = config
            .addresses
            .iter()
            .map(|address| Target::new(address, config))
            .collect::<Result<_, _>>()?;
        if targets.is_empty() {
            return Err(SetupError::NoAddress);
        }
        Ok(Self { targets: targets.into(), last: Arc::default() })
    }

    /// Tries each address once, beginning with the one that worked last.
    pub(crate) async fn connect(&self) -> Result<Connected, tokio_postgres::Error> {
        let first = self.last.load(Ordering::Relaxed);
        let count = self.targets.len();
        let mut tried = 0;
        loop {
            let at = (first + tried) % count;
            tried += 1;
            match self.targets[at].connect().await {
                Ok(connected) => {
                    self.last.store(at, Ordering::Relaxed);
                    return Ok(connected);
                }
                Err(error) if tried == count => return Err(error),
                Err(error) => {
                    let address = &self.targets[at].shown;
                    tracing::warn!(address, %error, "cannot connect to the database, trying the next");
                }
            }
        }
    }
}

impl Target {
    fn new(address: &Address, config: &PoolConfig) -> Result<Self, SetupError> {
        let sslmode = address.sslmode.unwrap_or(config.sslmode);
        let authorities = address.root_certificate.as_ref().or(config.root_certificate.as_ref());
        let mut target = tokio_postgres::Config::new();
        target.user(&address.user).dbname(&address.database).port(address.port);
        if let Some(password) = &address.password {
            target.password(password.expose());
        }
        // A unix socket has nobody in between.
        let sslmode = match &address.host {
            Host::Net(host) => {
                target.host(host);
                sslmode
            }
            Host::Socket(dir) => {
                target.host_path(dir);
                SslMode::Disable
            }
        };
        target.ssl_mode(match sslmode {
            SslMode::Disable => config::SslMode::Disable,
            SslMode::Prefer => config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => config::SslMode::Require,
        });
        let name = address.application_name.as_ref().unwrap_or(&config.application_name);
        target.application_name(name);
        let seconds = address.connect_timeout.map(|s| Duration::from_secs(s.into()));
        target.connect_timeout(seconds.unwrap_or(config.connect_timeout));
        target.keepalives_idle(KEEPALIVE).tcp_user_timeout(PEER_TIMEOUT);
        target.options(options(address, config));
        if config.addresses.len() > 1 {
            target.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let tls = tls::client_config(sslmode, authorities.map(|path| path.as_path()))
            .map_err(|source| SetupError::Certificates(Box::new(source)))?
            .map(MakeRustlsConnect::new);
        Ok(Self { config: target, tls, shown: address.to_string() })
    }

    async fn connect(&self) -> Result<Connected, tokio_postgres::Error> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                Ok((client, carry(connection)))
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                Ok((client, carry(connection)))
            }
        }
    }
}

/// The server's settings for a session, as command-line options: they cost no round trip.
fn options(address: &Address, config: &PoolConfig) -> String {
    let mut options = String::new();
    if let Some(most) = config.statement_timeout {
        setting(&mut options, "statement_timeout", &most.as_millis().to_string());
    }
    // What the address says comes later and wins.
    for (name, value) in &address.settings {
        setting(&mut options, name, value);
    }
    options
}

fn setting(options: &mut String, name: &str, value: &str) {
    let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
    write!(options, "-c {name}={value} ").expect("writing to a string cannot fail");
}

/// Runs a connection until its client is gone.
fn carry<F>(connection: F) -> JoinHandle<()>
where
    F: Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
{
    let task = async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a database connection broke");
        }
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "lives exactly as long as its client, which is waited for"
    )]
    tokio::spawn(task)
}

impl deadpool_postgres::Connect for Connector {
    fn connect(
        &self,
        _config: &tokio_postgres::Config,
    ) -> Pin<Box<dyn Future<Output = Result<Connected, tokio_postgres::Error>> + Send + '_>> {
        Box::pin(Self::connect(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_session_are_escaped_and_the_address_wins() {
        let address = "a@h/d?statement_timeout=5&search_path=a%20b%5C".parse::<Address>().unwrap();
        let config = PoolConfig {
            statement_timeout: Some(Duration::from_millis(1500)),
            ..PoolConfig::new(vec![])
        };
        assert_eq!(
            options(&address, &config),
            r"-c statement_timeout=1500 -c search_path=a\ b\\ -c statement_timeout=5 "
        );
        let endless = PoolConfig { statement_timeout: None, ..config };
        assert_eq!(options(&"a@h/d".parse().unwrap(), &endless), "");
    }

    #[test]
    fn without_an_address_there_is_nothing_to_connect_to() {
        let outcome = Connector::new(&PoolConfig::new(vec![]));
        assert!(matches!(outcome.err(), Some(SetupError::NoAddress)));
    }

    #[test]
    fn certificates_that_cannot_be_read_stop_the_start() {
        let address = "a@h/d?sslmode=verify-full&sslrootcert=/no/such/file".parse().unwrap();
        let outcome = Connector::new(&PoolConfig::new(vec![address]));
        assert!(matches!(outcome.err(), Some(SetupError::Certificates(_))));
    }
}
