//! The options of this crate.

use serde::{Deserialize, Serialize};

/// Bounds of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Streams that one session may be subscribed to at a time, 2 to 1,000,000. Following a user
    /// counts as one.
    pub max_subscriptions_per_session: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_subscriptions_per_session: 4096 }
    }
}

impl Config {
    /// Adds a line per problem.
    pub fn validate(&self, problems: &mut Vec<String>) {
        let max = self.max_subscriptions_per_session;
        if !(2..=1_000_000).contains(&max) {
            problems
                .push(format!("max_subscriptions_per_session: {max} is not within 2 to 1000000"));
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
        assert!(serde_json::from_str::<Config>(r#"{"max_subscription_per_session":3}"#).is_err());
    }

    #[test]
    fn bounds_are_checked() {
        for max in [0, 1, 1_000_001] {
            let mut problems = Vec::new();
            Config { max_subscriptions_per_session: max }.validate(&mut problems);
            assert_eq!(problems.len(), 1, "{max}");
        }
    }
}
