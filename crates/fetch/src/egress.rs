//! Where requests may go.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Never asked, whatever is configured: they are no single server.
const NOWHERE: [&str; 4] = ["0.0.0.0/8", "224.0.0.0/3", "::/128", "ff00::/8"];
/// Where machines of cloud providers find their own credentials, which is what a request that
/// someone talked a server into asks for first.
const LINK_LOCAL: [&str; 3] = ["169.254.0.0/16", "fe80::/10", "fd00:ec2::/32"];

/// The networks that are not asked unless told otherwise.
#[must_use]
pub fn usual_deny_networks() -> Vec<String> {
    LINK_LOCAL.map(str::to_owned).to_vec()
}

/// What the configuration says of outgoing requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EgressConfig {
    /// The hosts that may be asked: `api.example.com`, or `*.example.com` for all below it. Empty
    /// for all.
    pub allow_hosts: Vec<HostPattern>,
    /// Networks that are not asked, though a name leads there.
    pub deny_networks: Vec<IpNet>,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self { allow_hosts: Vec::new(), deny_networks: networks(&LINK_LOCAL) }
    }
}

fn networks(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().expect("a network")).collect()
}

/// A host, or all hosts below a domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPattern {
    /// In lower case.
    name: String,
    below: bool,
}

/// A pattern that no host can match.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is neither a host nor *. and a domain")]
pub struct InvalidHostPattern(String);

impl FromStr for HostPattern {
    type Err = InvalidHostPattern;

    fn from_str(text: &str) -> Result<Self, InvalidHostPattern> {
        let (below, name) = match text.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, text),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if name.is_empty() || name.len() > 253 || !name.chars().all(fits) {
            return Err(InvalidHostPattern(text.to_owned()));
        }
        Ok(Self { name: name.to_ascii_lowercase(), below })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.name)
    }
}

impl HostPattern {
    fn matches(&self, host: &str) -> bool {
        if !self.below {
            return host == self.name;
        }
        host.strip_suffix(self.name.as_str()).is_some_and(|rest| rest.ends_with('.'))
    }
}

/// The rules for outgoing requests.
#[derive(Clone, Debug)]
pub struct Egress {
    hosts: Vec<HostPattern>,
    denied: Vec<IpNet>,
}

impl Egress {
    /// The rules that the configuration makes.
    #[must_use]
    pub fn new(config: EgressConfig) -> Self {
        let mut denied = networks(&NOWHERE);
        denied.extend(config.deny_networks);
        Self { hosts: config.allow_hosts, denied }
    }

    /// Whether a host may be asked, as its name goes; an address also as an address.
    #[must_use]
    pub fn permits_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if !self.hosts.is_empty() && !self.hosts.iter().any(|pattern| pattern.matches(&host)) {
            return false;
        }
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        literal.parse().map_or(true, |address| self.permits_address(address))
    }

    /// Whether an address may be asked.
    #[must_use]
    pub fn permits_address(&self, address: IpAddr) -> bool {
        // ::ffff:169.254.169.254 is the same machine.
        let address = address.to_canonical();
        !self.denied.iter().any(|network| network.contains(&address))
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::new(EgressConfig::default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allowing(hosts: &[&str]) -> Egress {
        let allow_hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        Egress::new(EgressConfig { allow_hosts, ..EgressConfig::default() })
    }

    #[test]
    fn all_hosts_may_be_asked_unless_some_are_named() {
        assert!(Egress::default().permits_host("api.example.com"));
        let rules = allowing(&["api.example.com", "*.example.org"]);
        for host in ["api.example.com", "API.EXAMPLE.COM", "a.example.org", "a.b.example.org"] {
            assert!(rules.permits_host(host), "{host}");
        }
        for host in ["example.com", "example.org", "badexample.org", "api.example.com.evil.net"] {
            assert!(!rules.permits_host(host), "{host}");
        }
    }

    #[test]
    fn addresses_of_metadata_services_are_not_asked_in_any_notation() {
        let rules = Egress::default();
        for host in ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "0.0.0.0", "[::]"]
        {
            assert!(!rules.permits_host(host), "{host}");
        }
        for host in ["127.0.0.1", "10.0.0.7", "[::1]", "192.0.2.1"] {
            assert!(rules.permits_host(host), "{host}");
        }
    }

    #[test]
    fn networks_that_are_given_replace_the_usual_ones_but_not_what_is_no_server() {
        let config = EgressConfig {
            deny_networks: vec!["10.0.0.0/8".parse().unwrap()],
            ..EgressConfig::default()
        };
        let rules = Egress::new(config);
        assert!(!rules.permits_host("10.1.2.3"));
        assert!(rules.permits_host("169.254.169.254"));
        assert!(!rules.permits_host("239.1.1.1"));
    }

    #[test]
    fn patterns_that_match_nothing_are_refused() {
        for text in ["", "*.", "*", "a b", "https://example.com", "example.com/x"] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
        assert_eq!("*.Example.COM".parse::<HostPattern>().unwrap().to_string(), "*.example.com");
    }

    proptest! {
        #[test]
        fn any_host_gets_an_answer(host in ".{0,300}") {
            if let Ok(pattern) = host.parse::<HostPattern>() {
                assert_eq!(pattern.to_string(), host.to_ascii_lowercase());
            }
            let rules = allowing(&["*.example.com"]);
            assert!(!rules.permits_host(&host) || host.trim_end_matches('.').len() > 12);
        }
    }
}
