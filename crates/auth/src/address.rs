//! Whose address a request really comes from.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Deserializer, Serialize};

/// The most entries of a forwarding header that are looked at, from the nearest proxy on.
const MAX_HOPS: usize = 32;

/// The address a player's request comes from: never that of a proxy of ours, as far as it is
/// known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The address at the other end of the connection, with no proxy between.
    #[must_use]
    pub fn direct(peer: IpAddr) -> Self {
        Self(peer.to_canonical())
    }

    /// Reads `X-Forwarded-For` (several such headers joined by commas, in their order).
    ///
    /// Every proxy appends the address that it was called from. So only as much of the text can be
    /// believed as our own proxies wrote, and that is its end:
    ///
    /// - If the peer is not in `trusted`, nothing is believed: the answer is the peer.
    /// - With a `proxy_count`, the answer is the entry that the outermost of so many proxies wrote;
    ///   with fewer entries than that, the first.
    /// - With a `proxy_count` of 0, proxies are told by their addresses: the answer is the last
    ///   entry that is not in `trusted`.
    /// - An entry that is no address ends the reading; the answer is then what was believed last.
    #[must_use]
    pub fn from_forwarded(
        peer: IpAddr,
        forwarded: &str,
        trusted: &[TrustedNet],
        proxy_count: u32,
    ) -> Self {
        let is_ours = |a: IpAddr| trusted.iter().any(|net| net.contains(a));
        let mut believed = peer.to_canonical();
        if !is_ours(believed) {
            return Self(believed);
        }
        let hops = usize::try_from(proxy_count).unwrap_or(MAX_HOPS);
        let most = if hops == 0 { MAX_HOPS } else { hops.min(MAX_HOPS) };
        for entry in forwarded.rsplit(',').take(most) {
            let Some(address) = address_of(entry) else { break };
            believed = address;
            if hops == 0 && !is_ours(address) {
                break;
            }
        }
        Self(believed)
    }

    /// The address.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// What counts as one caller: an IPv4 address, or a /64 of IPv6, which one household gets
    /// whole.
    #[must_use]
    pub(crate) fn caller(self) -> u128 {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads one entry: an address, perhaps in brackets, perhaps with a port.
fn address_of(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = match entry.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        // One colon is a port; more are an IPv6 address.
        None if entry.bytes().filter(|b| *b == b':').count() == 1 => entry.split_once(':')?.0,
        None => entry,
    };
    Some(bare.parse::<IpAddr>().ok()?.to_canonical())
}

/// A network whose machines are believed: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct TrustedNet(IpNet);

/// Why a text is no [`TrustedNet`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a network is an address, or an address and a prefix length such as 10.0.0.0/8")]
pub struct ParseNetError;

impl TrustedNet {
    /// Whether the address is one of it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether it is every address there is, which trusts the callers themselves.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl FromStr for TrustedNet {
    type Err = ParseNetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net = if text.contains('/') {
            text.parse::<IpNet>().map_err(|_| ParseNetError)?
        } else {
            text.parse::<IpAddr>().map_err(|_| ParseNetError)?.into()
        };
        Ok(Self(canonical(net)))
    }
}

/// Makes an IPv4 network of one that is written as IPv6.
fn canonical(net: IpNet) -> IpNet {
    const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);
    match net {
        IpNet::V6(v6) if MAPPED.contains(&v6) => {
            IpNet::new(v6.addr().to_canonical(), v6.prefix_len() - 96).unwrap_or(net)
        }
        IpNet::V6(_) | IpNet::V4(_) => net,
    }
}

impl<'de> Deserialize<'de> for TrustedNet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn nets(texts: &[&str]) -> Vec<TrustedNet> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    fn seen(peer: &str, forwarded: &str, trusted: &[&str], count: u32) -> String {
        ClientAddress::from_forwarded(ip(peer), forwarded, &nets(trusted), count).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(seen("203.0.113.9", "1.2.3.4", &["10.0.0.0/8"], 0), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", "1.2.3.4", &[], 1), "203.0.113.9");
    }

    #[test]
    fn proxies_told_by_their_addresses_are_passed_over() {
        let trusted = &["10.0.0.0/8", "fd00::1"];
        assert_eq!(seen("10.1.1.1", "1.2.3.4", trusted, 0), "1.2.3.4");
        assert_eq!(seen("10.1.1.1", "6.6.6.6, 1.2.3.4, fd00::1, 10.9.9.9", trusted, 0), "1.2.3.4");
        assert_eq!(seen("10.1.1.1", "10.5.5.5", trusted, 0), "10.5.5.5", "a caller inside");
        assert_eq!(seen("10.1.1.1", "", trusted, 0), "10.1.1.1");
    }

    #[test]
    fn with_a_count_the_outermost_own_proxy_decides() {
        let trusted = &["10.0.0.0/8"];
        assert_eq!(seen("10.1.1.1", "6.6.6.6, 1.2.3.4", trusted, 1), "1.2.3.4");
        assert_eq!(seen("10.1.1.1", "6.6.6.6, 1.2.3.4, 104.16.0.1", trusted, 2), "1.2.3.4");
        assert_eq!(seen("10.1.1.1", "1.2.3.4", trusted, 2), "1.2.3.4", "fewer than expected");
    }

    #[test]
    fn an_entry_that_is_no_address_ends_the_reading() {
        let trusted = &["10.0.0.0/8"];
        for junk in ["unknown", "_hidden", "1.2.3", "999.1.1.1", "", "[::1", "a:b"] {
            let header = format!("1.2.3.4, {junk}, 10.9.9.9");
            assert_eq!(seen("10.1.1.1", &header, trusted, 0), "10.9.9.9", "{junk}");
            assert_eq!(seen("10.1.1.1", &header, trusted, 3), "10.9.9.9", "{junk}");
        }
    }

    #[test]
    fn entries_may_have_ports_and_brackets() {
        for (entry, address) in [
            ("1.2.3.4:5678", "1.2.3.4"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(seen("10.1.1.1", entry, &["10.0.0.0/8"], 1), address);
        }
    }

    #[test]
    fn an_ipv4_address_is_the_same_however_it_is_written() {
        assert_eq!(seen("::ffff:10.1.1.1", "1.2.3.4", &["10.0.0.0/8"], 0), "1.2.3.4");
        assert_eq!(seen("10.1.1.1", "1.2.3.4", &["::ffff:10.0.0.0/104"], 0), "1.2.3.4");
        assert_eq!(ClientAddress::direct(ip("::ffff:1.2.3.4")).ip(), ip("1.2.3.4"));
    }

    #[test]
    fn a_household_is_one_caller() {
        let caller = |text| ClientAddress::direct(ip(text)).caller();
        assert_eq!(caller("2001:db8:1:2::3"), caller("2001:db8:1:2:ffff::9"));
        assert_ne!(caller("2001:db8:1:2::3"), caller("2001:db8:1:3::3"));
        assert_ne!(caller("1.2.3.4"), caller("1.2.3.5"));
    }

    #[test]
    fn networks_are_read_with_and_without_a_length() {
        let net: TrustedNet = serde_json::from_str("\"192.0.2.7\"").unwrap();
        assert!(net.contains(ip("192.0.2.7")) && !net.contains(ip("192.0.2.8")));
        assert!(serde_json::from_str::<TrustedNet>("\"10.0.0.0/33\"").is_err());
        assert!("0.0.0.0/0".parse::<TrustedNet>().unwrap().is_everything());
        assert!("::/0".parse::<TrustedNet>().unwrap().is_everything());
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic(
            header in "([0-9a-f.:\\[\\], ]|\\PC){0,80}", count in 0..4u32,
        ) {
            let _ = seen("10.1.1.1", &header, &["10.0.0.0/8"], count);
        }

        #[test]
        fn what_a_client_writes_is_never_believed(lie in "[0-9a-f.:, ]{0,60}") {
            let header = format!("{lie}, 1.2.3.4, 10.7.7.7");
            prop_assert_eq!(seen("10.1.1.1", &header, &["10.0.0.0/8"], 0), "1.2.3.4");
            prop_assert_eq!(seen("10.1.1.1", &header, &["10.0.0.0/8"], 2), "1.2.3.4");
        }
    }
}
