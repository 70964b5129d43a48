//! The options of this crate.

use serde::{Deserialize, Serialize};

/// The section `matchmaker` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Seconds between passes, at least 1. Whoever starts the passes keeps to it.
    pub interval_sec: u32,
    /// Passes for which a ticket holds out for its maximum, at least 1.
    pub max_intervals: u32,
    /// Tickets that one session, or one party, may have waiting at a time, at least 1. Tickets of
    /// server code are not counted.
    pub max_tickets: u32,
    /// Mutual matching: every member's query must accept every other member. When off, only the
    /// ticket that looks for the others is asked, and it looks only while it is new: in its first
    /// pass, or until it has stopped holding out if its minimum is below its maximum.
    ///
    /// On by default, unlike in other servers with this option.
    pub rev_precision: bool,
    /// With mutual matching: once a pass has taken this many times `interval_sec`, the rest of it
    /// asks one side only. 0 means never, and is the default: a slow pass is no reason to put
    /// players with someone they excluded.
    pub rev_threshold: u32,
    /// Most tickets waiting at a time, 1 to 4,000,000,000; more are refused.
    pub max_pool: u32,
    /// How much one ticket may cost in one pass, counted in pairs of tickets compared, 1,000 to
    /// 1,000,000. Large groups get as much as they need to compare all their members.
    pub search_budget: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval_sec: 15,
            max_intervals: 2,
            max_tickets: 3,
            rev_precision: true,
            rev_threshold: 0,
            max_pool: 1_000_000,
            search_budget: 50_000,
        }
    }
}

impl Config {
    /// Adds a line per problem.
    pub fn validate(&self, problems: &mut Vec<String>) {
        for (name, value, least, most) in [
            ("interval_sec", self.interval_sec, 1, u32::MAX),
            ("max_intervals", self.max_intervals, 1, u32::MAX),
            ("max_tickets", self.max_tickets, 1, u32::MAX),
            ("max_pool", self.max_pool, 1, 4_000_000_000),
            ("search_budget", self.search_budget, 1_000, 1_000_000),
        ] {
            if !(least..=most).contains(&value) {
                problems.push(format!("{name}: {value} is not within {least} to {most}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_document_is_the_default() {
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
        let mut problems = Vec::new();
        Config::default().validate(&mut problems);
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert!(serde_json::from_str::<Config>(r#"{"max_ticket":3}"#).is_err());
    }

    #[test]
    fn all_problems_are_told() {
        let config = Config {
            interval_sec: 0,
            max_intervals: 0,
            max_tickets: 0,
            max_pool: 0,
            search_budget: 0,
            ..Config::default()
        };
        let mut problems = Vec::new();
        config.validate(&mut problems);
        assert_eq!(problems.len(), 5);
    }
}
