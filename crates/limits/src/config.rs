//! The section `limits` of the configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Rule;

/// How often something may happen: `times` at once, and as many again spread over `per_sec`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many at once, 1 to 10,000,000.
    pub times: u32,
    /// In how many seconds all of them come back, 1 to 86,400.
    pub per_sec: u32,
}

/// The section `limits`: how often clients may ask. All of it can change while the server runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether there are limits at all.
    pub enabled: bool,
    /// Calls and new sockets of one address: an IPv4 address, or a /64 of IPv6.
    pub address: Rate,
    /// Calls and messages of one account, over all of its sessions.
    pub account: Rate,
    /// Calls and messages of one session: what one log-in does by calls, or on one socket.
    pub session: Rate,
    /// Limits of single calls, messages and functions, per account, or per address for callers
    /// without one; at most [`MAX_RULES`](Self::MAX_RULES).
    pub rules: Vec<Rule>,
    /// Networks whose addresses are not limited: the studio's own servers, and this machine, from
    /// where a proxy may speak for everybody. Their accounts and sessions are.
    #[serde(deserialize_with = "nets")]
    pub exempt: Vec<IpNet>,
    /// Callers that each limit remembers, 64 to 16,777,216, at about 40 bytes each.
    pub capacity: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            address: Rate { times: 10_000, per_sec: 5 },
            account: Rate { times: 10_000, per_sec: 10 },
            session: Rate { times: 10_000, per_sec: 10 },
            rules: Vec::new(),
            exempt: vec![
                Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
                Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128).into(),
            ],
            capacity: 65_536,
        }
    }
}

impl Config {
    /// Most rules.
    pub const MAX_RULES: usize = 256;

    /// Adds a line per problem.
    pub fn validate(&self, problems: &mut Vec<String>) {
        let mut check = |name: &str, value: u64, low: u64, high: u64| {
            if !(low..=high).contains(&value) {
                problems.push(format!("{name} must be {low} to {high}, is {value}"));
            }
        };
        let rates =
            [("address", self.address), ("account", self.account), ("session", self.session)];
        for (name, rate) in rates {
            check(&format!("{name}.times"), rate.times.into(), 1, 10_000_000);
            check(&format!("{name}.per_sec"), rate.per_sec.into(), 1, 86_400);
        }
        check("capacity", self.capacity as u64, 64, 1 << 24);
        if self.rules.len() > Self::MAX_RULES {
            problems.push(format!("rules must be at most {}", Self::MAX_RULES));
        }
        for (at, rule) in self.rules.iter().enumerate() {
            if self.rules[..at].iter().any(|other| other.name == rule.name) {
                problems.push(format!("rules: more than one for the same name: {rule}"));
            }
        }
    }
}

/// Networks, or single addresses.
fn nets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let net = |text: String| {
        let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
        text.parse::<IpNet>().ok().or_else(single).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is neither a network nor an address"))
        })
    };
    texts.into_iter().map(net).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_the_default() {
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
        let mut problems = Vec::new();
        Config::default().validate(&mut problems);
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn what_was_written_can_be_read() {
        let config = Config {
            rules: vec!["rpc:a=1/2".parse().unwrap()],
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
            ..Config::default()
        };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
        assert!(serde_json::from_str::<Config>(r#"{"addres":{}}"#).is_err(), "misspelt");
        let bare: Config = serde_json::from_str(r#"{"exempt":["10.1.2.3"]}"#).unwrap();
        assert_eq!(bare.exempt[0].prefix_len(), 32);
    }

    #[test]
    fn all_problems_are_told() {
        let config = Config {
            address: Rate { times: 0, per_sec: 0 },
            capacity: 1,
            rules: vec!["A=1/2".parse().unwrap(), "A=3/4".parse().unwrap()],
            ..Config::default()
        };
        let mut problems = Vec::new();
        config.validate(&mut problems);
        assert_eq!(problems.len(), 4, "{problems:?}");
    }
}
