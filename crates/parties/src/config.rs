//! The options of this crate.

use serde::{Deserialize, Serialize};

/// Bounds of parties.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Parties on this node at a time, 1 to 10,000,000.
    pub max_parties: usize,
    /// Bytes of a label, 2 to 1,048,576.
    pub max_label_bytes: usize,
    /// Parties that one session may be in or ask for at a time, 1 to 1,000.
    pub max_per_session: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_parties: 1_000_000, max_label_bytes: 2_048, max_per_session: 16 }
    }
}

impl Config {
    /// Adds a line per problem.
    pub fn validate(&self, problems: &mut Vec<String>) {
        for (name, value, least, most) in [
            ("max_parties", self.max_parties, 1, 10_000_000),
            ("max_label_bytes", self.max_label_bytes, 2, 1_048_576),
            ("max_per_session", self.max_per_session, 1, 1_000),
        ] {
            if !(least..=most).contains(&value) {
                problems.push(format!("{name}: {value} is not within {least} to {most}"));
            }
        }
    }
}
