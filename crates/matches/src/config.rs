//! The options of this crate.

use serde::{Deserialize, Serialize};

/// Bounds of relayed matches.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Members that a match lets in, 1 to 65,536. Looked at before one joins, so some who join at
    /// the same moment may pass together.
    pub max_members: usize,
    /// Length of the name of a match in bytes, 1 to 65,536.
    pub max_name_bytes: usize,
    /// Recipients that one piece of data may list, 1 to 65,536.
    pub max_listed_presences: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_members: 10_000, max_name_bytes: 4096, max_listed_presences: 1024 }
    }
}

impl Config {
    /// Adds a line per problem.
    pub fn validate(&self, problems: &mut Vec<String>) {
        for (name, value) in [
            ("max_members", self.max_members),
            ("max_name_bytes", self.max_name_bytes),
            ("max_listed_presences", self.max_listed_presences),
        ] {
            if !(1..=65_536).contains(&value) {
                problems.push(format!("{name}: {value} is not within 1 to 65536"));
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
        assert!(serde_json::from_str::<Config>(r#"{"max_member":3}"#).is_err());
    }

    #[test]
    fn all_problems_are_told() {
        let config =
            Config { max_members: 0, max_name_bytes: 100_000, max_listed_presences: 65_537 };
        let mut problems = Vec::new();
        config.validate(&mut problems);
        assert_eq!(problems.len(), 3);
    }
}
