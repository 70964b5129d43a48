//! What the parts of a server are told, made from the settings.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tavern_domain::{NodeName, Secret};
use tavern_fetch::{Egress, EgressConfig};
use tavern_storage_postgres::PoolConfig;
use tavern_telemetry::{
    LogConfig, LogFile, LogFormat, LogLevel, MetricsConfig, OtlpConfig, Rotation,
};

use super::sections::{EmbeddedMode, LogFormatOption, LogLevelOption, SslMode};
use super::settings::Settings;

/// Where to ask whether a running server is well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthTarget {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path.
    pub path: &'static str,
}

impl Settings {
    /// The node's name.
    ///
    /// # Panics
    /// When it is none, which [`validate`](Self::validate) tells.
    #[must_use]
    pub fn node_name(&self) -> NodeName {
        NodeName::new(&self.name).expect("the configuration was validated")
    }

    /// The folder of server modules.
    #[must_use]
    pub fn modules_dir(&self) -> PathBuf {
        if self.runtime.path.as_os_str().is_empty() {
            self.data_dir.join("modules")
        } else {
            self.runtime.path.clone()
        }
    }

    /// How long stopping may take.
    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_sec.into())
    }

    /// The pairs that server code sees as its environment.
    #[must_use]
    pub fn runtime_env(&self) -> BTreeMap<String, String> {
        let pair = |secret: &Secret| {
            let (name, value) = secret.expose().split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        self.runtime.env.iter().filter_map(pair).collect()
    }

    /// Where server code may send requests. What is no host or no network was refused before.
    #[must_use]
    pub fn egress(&self) -> Egress {
        let runtime = &self.runtime;
        Egress::new(EgressConfig {
            allow_hosts: runtime.http_allow_hosts.iter().filter_map(|h| h.parse().ok()).collect(),
            deny_networks: runtime
                .http_deny_networks
                .iter()
                .filter_map(|n| n.parse().ok())
                .collect(),
        })
    }

    /// Addresses to try, in this order, for metrics and health; none when they are off. Every
    /// interface means IPv6 with IPv4, or IPv4 alone on a machine without IPv6.
    #[must_use]
    pub fn metrics_addresses(&self) -> Vec<SocketAddr> {
        let port = match self.metrics.prometheus_port {
            0 => return Vec::new(),
            any if any < 0 => 0,
            port => u16::try_from(port).unwrap_or(0),
        };
        let ips = interface(&self.metrics.address).unwrap_or_default();
        ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
    }

    /// Where this configuration's server answers whether it is well: the port of metrics and
    /// health, or else the port of clients.
    #[must_use]
    pub fn health_target(&self) -> HealthTarget {
        let host = |address: &str| match address {
            "" | "0.0.0.0" | "::" | "[::]" | "localhost" => "127.0.0.1".to_owned(),
            other => other.trim_matches(['[', ']']).to_owned(),
        };
        match u16::try_from(self.metrics.prometheus_port) {
            Ok(port) if port > 0 => {
                HealthTarget { host: host(&self.metrics.address), port, path: "/readyz" }
            }
            _ => HealthTarget {
                host: host(&self.socket.address),
                port: self.socket.port,
                path: "/healthcheck",
            },
        }
    }

    /// Which PostgreSQL runs when no address is given.
    #[must_use]
    pub const fn embedded_mode(&self) -> tavern_embedded_postgres::Mode {
        use tavern_embedded_postgres::Mode;
        match self.database.embedded {
            EmbeddedMode::Auto => Mode::Auto,
            EmbeddedMode::Bundled => Mode::Bundled,
            EmbeddedMode::System => Mode::System,
            EmbeddedMode::Off => Mode::Off,
        }
    }

    /// What the database's pool is told; 0 stands for "for ever" in the options.
    #[must_use]
    pub fn pool_config(&self, addresses: Vec<tavern_storage_postgres::Address>) -> PoolConfig {
        let database = &self.database;
        let or_ever = |millis: u64| (millis > 0).then(|| Duration::from_millis(millis));
        let certificate = &database.ssl_root_certificate;
        PoolConfig {
            sslmode: match database.sslmode {
                SslMode::Disable => tavern_storage_postgres::SslMode::Disable,
                SslMode::Prefer => tavern_storage_postgres::SslMode::Prefer,
                SslMode::Require => tavern_storage_postgres::SslMode::Require,
                SslMode::VerifyCa => tavern_storage_postgres::SslMode::VerifyCa,
                SslMode::VerifyFull => tavern_storage_postgres::SslMode::VerifyFull,
            },
            root_certificate: (!certificate.as_os_str().is_empty()).then(|| certificate.clone()),
            max_open_conns: database.max_open_conns,
            max_idle_conns: database.max_idle_conns,
            idle_timeout: or_ever(database.conn_idle_timeout_ms),
            conn_max_lifetime: or_ever(database.conn_max_lifetime_ms),
            connect_timeout: Duration::from_millis(database.connect_timeout_ms),
            acquire_timeout: Duration::from_millis(database.acquire_timeout_ms),
            statement_timeout: or_ever(database.statement_timeout_ms),
            max_retries: database.max_retries,
            ..PoolConfig::new(addresses)
        }
    }

    /// What the log is told. `utc_offset_seconds` is the machine's time zone, for the names of
    /// files put aside.
    #[must_use]
    pub fn log_config(&self, utc_offset_seconds: i32) -> LogConfig {
        let logger = &self.logger;
        let rotation = logger.rotation.then(|| Rotation {
            max_bytes: logger.max_size.saturating_mul(1024 * 1024),
            max_age_days: logger.max_age,
            max_backups: usize::try_from(logger.max_backups).unwrap_or(usize::MAX),
            compress: logger.compress,
            utc_offset_seconds: if logger.local_time { utc_offset_seconds } else { 0 },
        });
        let named = !logger.file.as_os_str().is_empty();
        LogConfig {
            level: self.log_level(),
            format: match logger.format {
                LogFormatOption::Json => LogFormat::Json,
                LogFormatOption::Stackdriver => LogFormat::Stackdriver,
                LogFormatOption::Text => LogFormat::Text,
            },
            stdout: logger.stdout,
            file: named.then(|| LogFile { path: logger.file.clone(), rotation }),
        }
    }

    /// The lowest level written to the log.
    #[must_use]
    pub const fn log_level(&self) -> LogLevel {
        match self.logger.level {
            LogLevelOption::Trace => LogLevel::Trace,
            LogLevelOption::Debug => LogLevel::Debug,
            LogLevelOption::Info => LogLevel::Info,
            LogLevelOption::Warn => LogLevel::Warn,
            LogLevelOption::Error => LogLevel::Error,
        }
    }

    /// What the metrics are told.
    #[must_use]
    pub fn metrics_config(&self) -> MetricsConfig {
        MetricsConfig {
            prefix: self.metrics.prefix.clone(),
            custom_prefix: self.metrics.custom_prefix.clone(),
            custom_scope_limit: self.metrics.custom_scope_limit,
            node_name: self.name.clone(),
            namespace: self.metrics.namespace.clone(),
        }
    }

    /// Where spans go, unless they go nowhere.
    #[must_use]
    pub fn otlp_config(&self, version: &str) -> Option<OtlpConfig> {
        let otlp = &self.telemetry.otlp;
        (!otlp.endpoint.is_empty()).then(|| OtlpConfig {
            endpoint: otlp.endpoint.clone(),
            timeout: Duration::from_millis(otlp.timeout_ms),
            sample_ratio: otlp.sample_ratio,
            queue_size: otlp.queue_size,
            node_name: self.name.clone(),
            version: version.to_owned(),
        })
    }
}

/// The addresses that a listener's option means; `None` when it is no address.
pub(crate) fn interface(address: &str) -> Option<Vec<IpAddr>> {
    let address = address.trim();
    let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
    match bare {
        "" => Some(vec![Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()]),
        "localhost" => Some(vec![Ipv4Addr::LOCALHOST.into()]),
        other => other.parse().ok().map(|ip| vec![ip]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_ask_for_health() {
        let mut settings = Settings::default();
        let target = settings.health_target();
        assert_eq!(
            (target.host.as_str(), target.port, target.path),
            ("127.0.0.1", 9100, "/readyz")
        );
        settings.metrics.prometheus_port = 0;
        settings.socket.address = "[::1]".into();
        let target = settings.health_target();
        assert_eq!((target.host.as_str(), target.port, target.path), ("::1", 7350, "/healthcheck"));
        assert!(settings.metrics_addresses().is_empty());
        settings.metrics.prometheus_port = -1;
        assert!(settings.metrics_addresses().iter().all(|address| address.port() == 0));
    }

    #[test]
    fn the_pool_is_told_what_the_options_say() {
        let mut settings = Settings::default();
        let usual = settings.pool_config(Vec::new());
        assert_eq!(usual, PoolConfig::new(Vec::new()), "the defaults of both agree");
        settings.database.statement_timeout_ms = 0;
        settings.database.sslmode = SslMode::VerifyFull;
        let pool = settings.pool_config(Vec::new());
        assert_eq!(pool.statement_timeout, None);
        assert_eq!(pool.sslmode, tavern_storage_postgres::SslMode::VerifyFull);
    }

    #[test]
    fn the_log_is_told_what_the_options_say() {
        let mut settings = Settings::default();
        assert_eq!(settings.log_config(0), LogConfig::default());
        settings.logger.file = "t.log".into();
        settings.logger.rotation = true;
        settings.logger.max_size = 2;
        let rotation = settings.log_config(3600).file.and_then(|file| file.rotation).unwrap();
        assert_eq!((rotation.max_bytes, rotation.utc_offset_seconds), (2 << 20, 0));
        settings.logger.local_time = true;
        let rotation = settings.log_config(3600).file.and_then(|file| file.rotation).unwrap();
        assert_eq!(rotation.utc_offset_seconds, 3600);
    }
}
