//! The configuration as the connections use it: parsed once, shared by all.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use tungstenite::protocol::WebSocketConfig;

use crate::config::Config;

/// What a connection goes by. A connection keeps the settings it was accepted with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_header: usize,
    pub(crate) max_body: usize,
    pub(crate) max_streams: u32,
    pub(crate) read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    /// How long a call may take.
    pub(crate) call_timeout: Duration,
    pub(crate) response_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) proxies: Proxies,
    pub(crate) socket: SocketSettings,
}

/// What a WebSocket session goes by.
#[derive(Clone, Debug)]
pub(crate) struct SocketSettings {
    pub(crate) max_message: usize,
    pub(crate) read_buffer: usize,
    pub(crate) write_wait: Duration,
    pub(crate) pong_wait: Duration,
    pub(crate) ping_period: Duration,
    pub(crate) ping_backoff: u32,
    pub(crate) close_ack_wait: Duration,
    pub(crate) queue_messages: usize,
    pub(crate) queue_bytes: usize,
}

impl Settings {
    /// Parses a configuration.
    ///
    /// # Errors
    /// The first response header that is none; [`Config::validate`] tells about all of them.
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let idle_timeout = Duration::from_millis(config.idle_timeout_ms);
        Ok(Self {
            max_header: config.max_header_size_bytes,
            max_body: config.max_request_size_bytes,
            max_streams: config.max_concurrent_streams,
            read_timeout: Duration::from_millis(config.read_timeout_ms),
            write_timeout: Duration::from_millis(config.write_timeout_ms),
            idle_timeout,
            call_timeout: idle_timeout.saturating_sub(Duration::from_millis(500)),
            response_headers: config
                .response_headers
                .iter()
                .map(|text| parse_response_header(text))
                .collect::<Result<_, _>>()?,
            proxies: Proxies {
                trusted: config.trusted_proxies.clone(),
                most: usize::try_from(config.proxy_count).unwrap_or(usize::MAX),
            },
            socket: SocketSettings {
                max_message: config.max_message_size_bytes,
                read_buffer: config.read_buffer_size_bytes,
                write_wait: Duration::from_millis(config.write_wait_ms),
                pong_wait: Duration::from_millis(config.pong_wait_ms),
                ping_period: Duration::from_millis(config.ping_period_ms),
                ping_backoff: config.ping_backoff_threshold,
                close_ack_wait: Duration::from_millis(config.close_ack_wait_ms),
                queue_messages: config.outgoing_queue_size,
                queue_bytes: config.outgoing_queue_bytes,
            },
        })
    }
}

impl SocketSettings {
    /// What the WebSocket codec is told. It only ever writes control frames, so its own write
    /// buffer stays empty most of the time.
    pub(crate) fn codec(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(self.read_buffer)
            .write_buffer_size(0)
            .max_message_size(Some(self.max_message))
            .max_frame_size(Some(self.max_message))
    }
}

/// One `Name=value`.
pub(crate) fn parse_response_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || format!("`{text}` is not of the form Name=value");
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
    Ok((name, value))
}

/// Whose word about a client's address counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
    most: usize,
}

impl Proxies {
    /// Whether an address is a trusted proxy.
    pub(crate) fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.trusted.iter().any(|net| net.contains(&ip))
    }

    /// Walks from the peer towards the client, one proxy after the other, as long as the one that
    /// tells is trusted. `told` yields the forwarded addresses, the last added first; one that is
    /// no address ends the walk. `None` means that the peer itself is the client.
    pub(crate) fn client<'a>(
        &self,
        peer: IpAddr,
        told: impl Iterator<Item = &'a str>,
    ) -> Option<IpAddr> {
        let mut found = None;
        let mut teller = peer;
        for text in told.take(self.most) {
            if !self.trusts(teller) {
                break;
            }
            let Some(ip) = parse_forwarded(text) else { break };
            found = Some(ip);
            teller = ip;
        }
        found
    }
}

/// An address as proxies write it: alone, or with a port.
fn parse_forwarded(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|t| t.split_once(']')).map(|(ip, _)| ip);
    bare.unwrap_or(text)
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<std::net::SocketAddr>().map(|a| a.ip()))
        .ok()
        .map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &Proxies, peer: &str, header: &str) -> Option<String> {
        let told = header.rsplit(',');
        proxies.client(peer.parse().unwrap(), told).map(|ip| ip.to_string())
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let one = Settings::new(&Config::default()).unwrap().proxies;
        assert_eq!(client(&one, "10.0.0.1", "203.0.113.9"), Some("203.0.113.9".into()));
        assert_eq!(client(&one, "203.0.113.1", "198.51.100.7"), None, "a player may lie");
        assert_eq!(
            client(&one, "10.0.0.1", "6.6.6.6, 203.0.113.9"),
            Some("203.0.113.9".into()),
            "what the client itself wrote comes first and does not count"
        );
        assert_eq!(client(&one, "10.0.0.1", "not an address"), None);
        assert_eq!(client(&one, "::ffff:10.0.0.1", "203.0.113.9"), Some("203.0.113.9".into()));
        assert_eq!(client(&one, "10.0.0.1", "[2001:db8::1]:443"), Some("2001:db8::1".into()));
        assert_eq!(client(&one, "10.0.0.1", "203.0.113.9:1234"), Some("203.0.113.9".into()));
    }

    #[test]
    fn a_chain_of_proxies_is_walked_as_far_as_it_is_trusted() {
        let config = Config { proxy_count: 3, ..Config::default() };
        let three = Settings::new(&config).unwrap().proxies;
        let chain = "6.6.6.6, 203.0.113.9, 10.0.0.2";
        assert_eq!(client(&three, "10.0.0.1", chain), Some("203.0.113.9".into()));
        let none = Config { proxy_count: 0, ..Config::default() };
        let none = Settings::new(&none).unwrap().proxies;
        assert_eq!(client(&none, "10.0.0.1", chain), None);
    }

    #[test]
    fn response_headers_are_name_and_value() {
        let (name, value) = parse_response_header("X-Game = Tavern=1").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-game", "Tavern=1"));
        assert!(parse_response_header("X-Game").is_err());
        assert!(parse_response_header("X Game=1").is_err());
        assert!(parse_response_header("X-Game=a\nb").is_err());
    }
}
