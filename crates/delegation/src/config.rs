//! The section `delegation` of the configuration.

use serde::{Deserialize, Serialize};
use tavern_domain::Secret;

use crate::keys::{DEVELOPMENT_KEY, Keys};

/// The longest that a token may be made to live, in seconds: ten years.
const LONGEST_SEC: u32 = 315_360_000;

/// The section `delegation`: tokens that speak for some of a player's rights.
///
/// Keys are left out when this is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DelegationConfig {
    /// Signs tokens: `ed25519-private/` and 64 hexadecimal digits. Without it none are minted.
    #[serde(skip_serializing)]
    pub signing_key: Secret,
    /// The number of the signing key, which tokens carry. A new key takes a new number.
    pub signing_key_id: u32,
    /// Further keys that tokens are believed by: `number:ed25519/…`, at most
    /// [`MAX_KEYS`](crate::MAX_KEYS) with the signing one.
    pub public_keys: Vec<String>,
    /// How long a token lives unless told otherwise, in seconds, 1 to `max_expiry_sec`.
    pub expiry_sec: u32,
    /// How long a token may live, in seconds, at most ten years. Revocations are kept as long.
    /// Making it longer than it was revives nothing that a revocation was kept for.
    pub max_expiry_sec: u32,
    /// How long an account that a token speaks for is taken to be as it was, in seconds, 1 to
    /// 3,600. What this server does to an account takes effect at once.
    pub account_check_sec: u32,
    /// Verified tokens that are remembered, 16 to 1,048,576. One is some kilobytes.
    pub cache: usize,
}

impl Default for DelegationConfig {
    fn default() -> Self {
        Self {
            signing_key: Secret::default(),
            signing_key_id: 1,
            public_keys: Vec::new(),
            expiry_sec: 86_400,
            max_expiry_sec: 2_592_000,
            account_check_sec: 30,
            cache: 4_096,
        }
    }
}

impl DelegationConfig {
    /// Fills a missing signing key with the one that everybody knows, for development.
    pub fn fill_development_key(&mut self) {
        if self.signing_key.is_empty() {
            self.signing_key = Secret::new(DEVELOPMENT_KEY);
        }
    }

    /// The keys.
    ///
    /// # Errors
    /// [`KeyProblem`](crate::KeyProblem).
    pub fn keys(&self) -> Result<Keys, crate::KeyProblem> {
        Keys::new(&self.signing_key, self.signing_key_id, &self.public_keys)
    }

    /// Adds a line for every problem but a well-known key.
    pub fn validate(&self, problems: &mut Vec<String>) {
        if let Err(problem) = self.keys() {
            let key = match problem {
                crate::KeyProblem::Private => "signing_key",
                crate::KeyProblem::Public
                | crate::KeyProblem::Numbered
                | crate::KeyProblem::SameNumber(_)
                | crate::KeyProblem::TooMany => "public_keys",
            };
            problems.push(format!("delegation.{key} {problem}"));
        }
        let longest = u64::from(self.max_expiry_sec);
        for (name, value, range) in [
            ("max_expiry_sec", longest, 1..=u64::from(LONGEST_SEC)),
            ("expiry_sec", self.expiry_sec.into(), 1..=longest.max(1)),
            ("account_check_sec", self.account_check_sec.into(), 1..=3_600),
            ("cache", self.cache as u64, 16..=1 << 20),
        ] {
            if !range.contains(&value) {
                let (low, high) = (range.start(), range.end());
                problems.push(format!("delegation.{name} must be {low} to {high}, is {value}"));
            }
        }
    }

    /// Adds a line if the signing key is the one that everybody knows, or believed in by others.
    pub fn check_secrets(&self, problems: &mut Vec<String>) {
        let Ok(keys) = self.keys() else { return };
        let known = crate::keys::SigningKey::parse(&Secret::new(DEVELOPMENT_KEY))
            .expect("the development key is a key");
        if keys.accepts(&known) {
            let key = if self.signing_key.expose().trim() == DEVELOPMENT_KEY {
                "signing_key"
            } else {
                "public_keys"
            };
            problems.push(format!("delegation.{key} is a well-known default"));
        }
    }
}

#[cfg(test)]
mod tests {
    use tavern_domain::SeededEntropy;

    use super::*;
    use crate::keys::SigningKey;

    fn problems(config: &DelegationConfig) -> Vec<String> {
        let mut problems = Vec::new();
        config.validate(&mut problems);
        config.check_secrets(&mut problems);
        problems
    }

    #[test]
    fn an_empty_document_is_the_default_and_a_misspelt_key_is_refused() {
        let parse = serde_yaml_ng::from_str::<DelegationConfig>;
        assert_eq!(parse("{}").unwrap(), DelegationConfig::default());
        assert!(parse("signing_keys: x").is_err());
        assert_eq!(problems(&DelegationConfig::default()), [""; 0]);
    }

    #[test]
    fn everybody_s_key_is_refused_in_both_places() {
        let mut config = DelegationConfig::default();
        config.fill_development_key();
        assert_eq!(problems(&config), ["delegation.signing_key is a well-known default"]);
        let public = SigningKey::parse(&config.signing_key).unwrap().public_text();
        config.signing_key = SigningKey::generate(&SeededEntropy::new(1)).secret();
        config.public_keys = vec![format!("7:{public}")];
        assert_eq!(problems(&config), ["delegation.public_keys is a well-known default"]);
    }

    #[test]
    fn all_problems_are_told_and_no_key_is_quoted() {
        let config = DelegationConfig {
            signing_key: Secret::new("hush"),
            max_expiry_sec: 0,
            expiry_sec: 0,
            account_check_sec: 0,
            cache: 1,
            ..DelegationConfig::default()
        };
        let told = problems(&config);
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(!told.concat().contains("hush"));
        assert!(!format!("{config:?}").contains("hush"));
    }
}
