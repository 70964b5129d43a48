//! The options of this crate.

use serde::{Deserialize, Serialize};

/// Bounds of the register.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Streams that one session may be on at a time, 1 to 1,000,000.
    pub max_streams_per_session: usize,
    /// Presences that one stream may have at a time, 1 to 10,000,000. Whoever joins is told of all
    /// the others, so very large streams are better listened to without being present.
    pub max_presences_per_stream: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_streams_per_session: 1024, max_presences_per_stream: 65_536 }
    }
}

impl Config {
    /// Adds a line per problem.
    pub fn validate(&self, problems: &mut Vec<String>) {
        for (name, value, most) in [
            ("max_streams_per_session", self.max_streams_per_session, 1_000_000),
            ("max_presences_per_stream", self.max_presences_per_stream, 10_000_000),
        ] {
            if !(1..=most).contains(&value) {
                problems.push(format!("{name}: {value} is not within 1 to {most}"));
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
        assert!(serde_json::from_str::<Config>(r#"{"max_stream_per_session":3}"#).is_err());
    }

    #[test]
    fn all_problems_are_told() {
        let config = Config { max_streams_per_session: 0, max_presences_per_stream: 10_000_001 };
        let mut problems = Vec::new();
        config.validate(&mut problems);
        assert_eq!(problems.len(), 2);
    }
}
