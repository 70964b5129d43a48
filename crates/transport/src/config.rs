//! The `socket` section of the configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer};
use tavern_domain::Secret;

use crate::settings::parse_response_header;

/// Which network family the listeners use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Both, where the machine has both.
    #[default]
    Tcp,
    /// IPv4 only.
    Tcp4,
    /// IPv6 only.
    Tcp6,
}

/// The game listeners, by what they are for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenerName {
    /// REST, WebSocket and gRPC; 7350 unless configured otherwise.
    Http,
    /// WebSocket and gRPC, where stock SDKs look for gRPC; one below.
    Realtime,
    /// gRPC alone; two below.
    Grpc,
}

impl ListenerName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Http, Self::Realtime, Self::Grpc];

    /// The name in messages and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Realtime => "realtime",
            Self::Grpc => "grpc",
        }
    }
}

/// The `socket` section. Keys that Nakama has keep their names, units and defaults; an empty
/// document is a valid one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address to listen on; empty means every interface.
    pub address: String,
    /// The network family.
    pub protocol: Family,
    /// Port of REST, WebSocket and gRPC. 0 takes any free port, for all three listeners.
    pub port: u16,
    /// Port of WebSocket and gRPC; `port - 1` when absent.
    pub realtime_port: Option<u16>,
    /// Port of gRPC alone; `port - 2` when absent.
    pub grpc_port: Option<u16>,
    /// What clients send as user name when they log in. Read by whoever verifies it, not here.
    #[serde(serialize_with = "stars")]
    pub server_key: Secret,

    /// Largest message on a socket, in bytes.
    pub max_message_size_bytes: usize,
    /// Largest request body, before and after decompression, in bytes.
    pub max_request_size_bytes: usize,
    /// Largest request line and headers together, in bytes. Nakama says 5120 and grants 4096 on
    /// top of it.
    pub max_header_size_bytes: usize,
    /// Memory kept for reading per socket, in bytes.
    pub read_buffer_size_bytes: usize,
    /// Accepted and without effect: sockets share one buffer per thread for writing.
    pub write_buffer_size_bytes: usize,

    /// How long a request may take to arrive: first its head, then its body. Milliseconds.
    pub read_timeout_ms: u64,
    /// How long an answer may be stuck because the client does not read. Milliseconds.
    pub write_timeout_ms: u64,
    /// How long a connection may rest between requests; a call may take 500 ms less. Milliseconds.
    pub idle_timeout_ms: u64,

    /// How long a write to a socket may be stuck. Milliseconds.
    pub write_wait_ms: u64,
    /// How long a socket may go without a pong. Milliseconds.
    pub pong_wait_ms: u64,
    /// Time between pings. Milliseconds.
    pub ping_period_ms: u64,
    /// This many messages within a ping period stand in for a pong; 0 means none do.
    pub ping_backoff_threshold: u32,
    /// How long to wait for the client's part of a closing handshake. Milliseconds.
    pub close_ack_wait_ms: u64,
    /// Most messages that wait for one socket.
    pub outgoing_queue_size: usize,
    /// Most bytes that wait for one socket. A single larger message passes when nothing else waits.
    pub outgoing_queue_bytes: usize,

    /// Certificate chain, a PEM file; empty means no TLS.
    pub ssl_certificate: PathBuf,
    /// Private key, a PEM file.
    pub ssl_private_key: PathBuf,
    /// Which listeners use TLS when there is a certificate.
    pub ssl_listeners: Vec<ListenerName>,

    /// More headers for answers, each `Name=value`, where an answer does not have them already.
    pub response_headers: Vec<String>,
    /// Most proxies to look through for the client's address.
    pub proxy_count: u32,
    /// Who may say where a client comes from. Forwarded addresses from anybody else are ignored.
    pub trusted_proxies: Vec<IpNet>,
    /// Most connections, sockets included; 0 means no limit.
    pub max_connections: usize,
    /// Most connections of one address (of one /64 network for IPv6); 0 means no limit. The
    /// trusted proxies are exempt.
    pub max_connections_per_address: usize,
    /// Most calls at a time on one HTTP/2 connection.
    pub max_concurrent_streams: u32,
}

fn stars<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.is_empty() { "" } else { "***" })
}

/// Loopback and the private networks: where a load balancer usually is, and no player.
const NEAR: [&str; 6] =
    ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"];

impl Default for Config {
    fn default() -> Self {
        Self {
            address: String::new(),
            protocol: Family::Tcp,
            port: 7350,
            realtime_port: None,
            grpc_port: None,
            server_key: Secret::default(),
            max_message_size_bytes: 4096,
            max_request_size_bytes: 262_144,
            max_header_size_bytes: 5120 + 4096,
            read_buffer_size_bytes: 4096,
            write_buffer_size_bytes: 4096,
            read_timeout_ms: 10_000,
            write_timeout_ms: 10_000,
            idle_timeout_ms: 60_000,
            write_wait_ms: 5_000,
            pong_wait_ms: 25_000,
            ping_period_ms: 15_000,
            ping_backoff_threshold: 20,
            close_ack_wait_ms: 2_000,
            outgoing_queue_size: 64,
            outgoing_queue_bytes: 1 << 20,
            ssl_certificate: PathBuf::new(),
            ssl_private_key: PathBuf::new(),
            ssl_listeners: ListenerName::ALL.to_vec(),
            response_headers: Vec::new(),
            proxy_count: 1,
            trusted_proxies: NEAR.iter().filter_map(|net| net.parse().ok()).collect(),
            max_connections: 131_072,
            max_connections_per_address: 16_384,
            max_concurrent_streams: 128,
        }
    }
}

impl Config {
    /// Adds one line per problem; never stops at the first.
    pub fn validate(&self, problems: &mut Vec<String>) {
        let mut bad = |key: &str, text: String| problems.push(format!("socket.{key}: {text}"));
        if let Err(text) = self.interface() {
            bad("address", text);
        }
        if matches!(self.port, 1 | 2) && (self.realtime_port.is_none() || self.grpc_port.is_none())
        {
            bad("port", "must be 0 or above 2, or the other two ports be given".to_owned());
        }
        let ports = ListenerName::ALL.map(|name| self.port_of(name));
        if ports.iter().enumerate().any(|(i, p)| *p != 0 && ports[..i].contains(p)) {
            bad("port", "the three listeners need three ports".to_owned());
        }
        let positive: [(&str, u64); 11] = [
            ("max_message_size_bytes", self.max_message_size_bytes as u64),
            ("max_request_size_bytes", self.max_request_size_bytes as u64),
            ("read_buffer_size_bytes", self.read_buffer_size_bytes as u64),
            ("write_buffer_size_bytes", self.write_buffer_size_bytes as u64),
            ("read_timeout_ms", self.read_timeout_ms),
            ("write_timeout_ms", self.write_timeout_ms),
            ("write_wait_ms", self.write_wait_ms),
            ("close_ack_wait_ms", self.close_ack_wait_ms),
            ("ping_period_ms", self.ping_period_ms),
            ("outgoing_queue_size", self.outgoing_queue_size as u64),
            ("outgoing_queue_bytes", self.outgoing_queue_bytes as u64),
        ];
        for (key, value) in positive {
            if value == 0 {
                bad(key, "must be at least 1".to_owned());
            }
        }
        if self.max_header_size_bytes < 1024 {
            bad("max_header_size_bytes", "must be at least 1024".to_owned());
        }
        if self.idle_timeout_ms <= 500 {
            bad("idle_timeout_ms", "must be above 500".to_owned());
        }
        if self.ping_period_ms >= self.pong_wait_ms {
            bad("ping_period_ms", "must be below socket.pong_wait_ms".to_owned());
        }
        if self.max_concurrent_streams == 0 {
            bad("max_concurrent_streams", "must be at least 1".to_owned());
        }
        let (cert, key) = (&self.ssl_certificate, &self.ssl_private_key);
        if cert.as_os_str().is_empty() != key.as_os_str().is_empty() {
            bad("ssl_certificate", "set it together with socket.ssl_private_key".to_owned());
        }
        for header in &self.response_headers {
            if let Err(text) = parse_response_header(header) {
                bad("response_headers", text);
            }
        }
    }

    /// Whether a listener uses TLS.
    #[must_use]
    pub fn uses_tls(&self, name: ListenerName) -> bool {
        !self.ssl_certificate.as_os_str().is_empty() && self.ssl_listeners.contains(&name)
    }

    /// The port of a listener; 0 means any.
    #[must_use]
    pub fn port_of(&self, name: ListenerName) -> u16 {
        match name {
            ListenerName::Http => self.port,
            ListenerName::Realtime => {
                self.realtime_port.unwrap_or_else(|| self.port.saturating_sub(1))
            }
            ListenerName::Grpc => self.grpc_port.unwrap_or_else(|| self.port.saturating_sub(2)),
        }
    }

    /// The addresses to try for a listener, in this order, until one can be bound: every interface
    /// of a machine without IPv6 is the second.
    pub(crate) fn addresses_of(&self, name: ListenerName) -> Result<Vec<SocketAddr>, String> {
        let port = self.port_of(name);
        Ok(self.interface()?.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    fn interface(&self) -> Result<Vec<IpAddr>, String> {
        const EVERY4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        const EVERY6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let address = self.address.trim().trim_start_matches('[').trim_end_matches(']');
        let address = match address {
            "" => {
                return Ok(match self.protocol {
                    Family::Tcp => vec![EVERY6, EVERY4],
                    Family::Tcp4 => vec![EVERY4],
                    Family::Tcp6 => vec![EVERY6],
                });
            }
            "localhost" if self.protocol == Family::Tcp6 => "::1",
            "localhost" => "127.0.0.1",
            other => other,
        };
        let ip: IpAddr = address
            .parse()
            .map_err(|_| format!("`{address}` is neither an IP address nor `localhost`"))?;
        match (self.protocol, ip) {
            (Family::Tcp4, IpAddr::V6(_)) | (Family::Tcp6, IpAddr::V4(_)) => {
                Err(format!("`{address}` does not belong to socket.protocol"))
            }
            (Family::Tcp | Family::Tcp4, IpAddr::V4(_))
            | (Family::Tcp | Family::Tcp6, IpAddr::V6(_)) => Ok(vec![ip]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(config: &Config) -> Vec<String> {
        let mut problems = Vec::new();
        config.validate(&mut problems);
        problems
    }

    #[test]
    fn an_empty_document_is_the_default() {
        let config: Config = serde_yaml_ng::from_str("{}").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(problems(&config), Vec::<String>::new());
        assert_eq!(config.trusted_proxies.len(), NEAR.len());
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let error = serde_yaml_ng::from_str::<Config>("prot: 7350").unwrap_err();
        assert!(error.to_string().contains("prot"));
    }

    #[test]
    fn ports_are_derived_and_zero_stays_zero() {
        let ports = |config: &Config| ListenerName::ALL.map(|name| config.port_of(name));
        assert_eq!(ports(&Config::default()), [7350, 7349, 7348]);
        assert_eq!(ports(&Config { port: 0, ..Config::default() }), [0, 0, 0]);
        let given = Config { realtime_port: Some(9000), ..Config::default() };
        assert_eq!(ports(&given), [7350, 9000, 7348]);
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let config = Config {
            address: "nowhere".into(),
            port: 2,
            max_request_size_bytes: 0,
            pong_wait_ms: 15_000,
            idle_timeout_ms: 400,
            ssl_certificate: "cert.pem".into(),
            response_headers: vec!["no value".into()],
            ..Config::default()
        };
        let problems = problems(&config);
        for key in [
            "socket.address",
            "socket.port",
            "socket.max_request_size_bytes",
            "socket.ping_period_ms",
            "socket.idle_timeout_ms",
            "socket.ssl_certificate",
            "socket.response_headers",
        ] {
            assert!(
                problems.iter().any(|p| p.starts_with(key)),
                "nothing about {key}: {problems:?}"
            );
        }
    }

    #[test]
    fn two_listeners_on_one_port_are_refused() {
        let config = Config { grpc_port: Some(7349), ..Config::default() };
        assert_eq!(problems(&config).len(), 1);
    }

    #[test]
    fn the_key_is_not_written_out() {
        let config = Config { server_key: Secret::new("hush"), ..Config::default() };
        let text = serde_json::to_string(&config).unwrap();
        assert!(!text.contains("hush") && text.contains("***"));
    }

    #[test]
    fn every_interface_means_both_families() {
        let both = Config::default().addresses_of(ListenerName::Http).unwrap();
        assert_eq!(
            both.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["[::]:7350", "0.0.0.0:7350"]
        );
        let local = Config { address: "localhost".into(), ..Config::default() };
        assert_eq!(
            local.addresses_of(ListenerName::Grpc).unwrap()[0].to_string(),
            "127.0.0.1:7348"
        );
    }
}
