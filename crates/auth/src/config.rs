//! The sections `session` and `auth` of the configuration.
//!
//! Keys that Nakama has keep its names and meaning; the others are ours.

use serde::{Deserialize, Serialize};
use tavern_domain::Secret;

use crate::address::TrustedNet;
use crate::hash;
use crate::keys::{KeyError, MAX_KEYS};
use crate::secrets::check_secret;
use crate::tokens::Tokens;

/// The section `session`: tokens and what a session may do at a time.
///
/// Keys are left out when this is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// Signs session tokens and match tokens.
    #[serde(skip_serializing)]
    pub encryption_key: Secret,
    /// Signs refresh tokens. Must differ from `encryption_key`.
    #[serde(skip_serializing)]
    pub refresh_encryption_key: Secret,
    /// Keys that signed session tokens before: such tokens stay good until they expire. At most
    /// [`MAX_KEYS`] with the signing one.
    #[serde(skip_serializing)]
    pub previous_encryption_keys: Vec<Secret>,
    /// Keys that signed refresh tokens before.
    #[serde(skip_serializing)]
    pub previous_refresh_encryption_keys: Vec<Secret>,
    /// How long a session token is good, in seconds, at least 1.
    pub token_expiry_sec: u32,
    /// How long a refresh token is good, in seconds, at least 1.
    pub refresh_token_expiry_sec: u32,
    /// How long a revocation is remembered, in seconds. 0: as long as the tokens that it concerns
    /// live. Whoever shortens the lives of tokens sets this to the old ones until all tokens of
    /// before have expired.
    pub revocation_retention_sec: u32,
    /// One log-in per user: signing in ends all earlier sessions.
    pub single_session: bool,
    /// One socket per user: a new one closes the older ones.
    pub single_socket: bool,
    /// One party per session: joining one leaves the others. Needs `single_socket`.
    pub single_party: bool,
    /// One match per session: joining one leaves the others. Needs `single_socket`.
    pub single_match: bool,
    /// How long a session whose socket broke without a goodbye is kept for a new socket of the same
    /// log-in, in milliseconds, at most [`LONGEST_GRACE_MS`]. 0: it ends at once.
    pub resume_grace_ms: u32,
}

/// The longest [`resume_grace_ms`](SessionConfig::resume_grace_ms): five minutes.
pub const LONGEST_GRACE_MS: u32 = 300_000;

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            encryption_key: Secret::default(),
            refresh_encryption_key: Secret::default(),
            previous_encryption_keys: Vec::new(),
            previous_refresh_encryption_keys: Vec::new(),
            token_expiry_sec: 60,
            refresh_token_expiry_sec: 3600,
            revocation_retention_sec: 0,
            single_session: false,
            single_socket: false,
            single_party: false,
            single_match: false,
            resume_grace_ms: 10_000,
        }
    }
}

impl SessionConfig {
    /// Fills missing keys with those that everybody knows. For development only: whoever knows a
    /// key can sign in as anybody.
    pub fn fill_development_keys(&mut self) {
        for (key, known) in [
            (&mut self.encryption_key, "defaultencryptionkey"),
            (&mut self.refresh_encryption_key, "defaultrefreshencryptionkey"),
        ] {
            if key.is_empty() {
                *key = Secret::new(known);
            }
        }
    }

    /// Adds a line for every problem but missing, known and short keys, which
    /// [`check_secrets`](Self::check_secrets) looks for.
    pub fn validate(&self, problems: &mut Vec<String>) {
        for (name, seconds) in [
            ("token_expiry_sec", self.token_expiry_sec),
            ("refresh_token_expiry_sec", self.refresh_token_expiry_sec),
        ] {
            at_least_one("session", name, seconds, problems);
        }
        if self.resume_grace_ms > LONGEST_GRACE_MS {
            problems.push(format!("session.resume_grace_ms must be at most {LONGEST_GRACE_MS}"));
        }
        for (name, on) in [("single_party", self.single_party), ("single_match", self.single_match)]
        {
            if on && !self.single_socket {
                problems.push(format!("session.{name} needs session.single_socket"));
            }
        }
        let mut one = |name: &str, key: &Secret, previous: &[Secret]| {
            if previous.iter().any(Secret::is_empty) {
                problems.push(format!("session.previous_{name}s has an empty key"));
            }
            if !key.is_empty() && previous.len() >= MAX_KEYS {
                problems
                    .push(format!("session.previous_{name}s has more than {} keys", MAX_KEYS - 1));
            }
        };
        one("encryption_key", &self.encryption_key, &self.previous_encryption_keys);
        one(
            "refresh_encryption_key",
            &self.refresh_encryption_key,
            &self.previous_refresh_encryption_keys,
        );
        if matches!(Tokens::from_config(self), Err(KeyError::Shared)) {
            problems.push(
                "session.encryption_key and session.refresh_encryption_key, with the previous ones, \
                 must have no key in common"
                    .to_owned(),
            );
        }
    }

    /// Adds a line for every key that is missing, well-known or short. Previous keys count too:
    /// tokens by them are still believed.
    pub fn check_secrets(&self, problems: &mut Vec<String>) {
        let mut check = |name: &str, secret: &Secret| {
            if let Err(problem) = check_secret(secret) {
                problems.push(format!("session.{name} {problem}"));
            }
        };
        check("encryption_key", &self.encryption_key);
        check("refresh_encryption_key", &self.refresh_encryption_key);
        for (i, key) in self.previous_encryption_keys.iter().enumerate() {
            check(&format!("previous_encryption_keys[{i}]"), key);
        }
        for (i, key) in self.previous_refresh_encryption_keys.iter().enumerate() {
            check(&format!("previous_refresh_encryption_keys[{i}]"), key);
        }
    }
}

/// The section `auth`: passwords, failed log-ins, and who may say where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// How passwords are hashed.
    pub password: PasswordConfig,
    /// Limits on failed log-ins.
    pub lockout: LockoutConfig,
    /// Proxies whose `X-Forwarded-For` is believed: addresses or networks. None by default.
    pub trusted_proxies: Vec<TrustedNet>,
    /// How many trusted proxies a request passes. 0: they are told by their addresses, so each of
    /// them must be in `trusted_proxies`; otherwise only the nearest must.
    pub trusted_proxy_count: u32,
}

impl AuthConfig {
    /// Adds a line for every problem.
    pub fn validate(&self, problems: &mut Vec<String>) {
        self.password.validate(problems);
        self.lockout.validate(problems);
        if self.trusted_proxy_count > 0 && self.trusted_proxies.is_empty() {
            problems.push("auth.trusted_proxy_count needs auth.trusted_proxies".to_owned());
        }
        if self.trusted_proxy_count == 0
            && self.trusted_proxies.iter().any(TrustedNet::is_everything)
        {
            problems.push(
                "auth.trusted_proxies trusts every address, so a caller could name any address as \
                 its own: set auth.trusted_proxy_count as well"
                    .to_owned(),
            );
        }
    }
}

/// How new passwords are hashed. Kept ones are checked by whatever they were hashed with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordAlgorithm {
    /// What a Nakama server on the same tables can check. Takes in 72 bytes at most.
    #[default]
    Bcrypt,
    /// Harder to attack with special hardware, but going back to another server then means new
    /// passwords for everybody who signed in with one meanwhile.
    Argon2id,
}

/// The section `auth.password`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordConfig {
    /// How new passwords are hashed. A password of the other kind is hashed anew when its player
    /// signs in.
    pub algorithm: PasswordAlgorithm,
    /// Cost of bcrypt, 4 to 16: each step doubles the work. 10 is about 50 ms.
    pub bcrypt_cost: u32,
    /// Memory of one argon2id hash, in KiB, 64 to 1,048,576. Every thread needs as much.
    pub argon2_memory_kib: u32,
    /// Passes of argon2id over its memory, 1 to 64.
    pub argon2_passes: u32,
    /// Lanes of argon2id, 1 to 16.
    pub argon2_lanes: u32,
    /// Passwords that are worked on at once. 0: half of the machine's cores.
    pub threads: usize,
    /// Passwords that may wait for one of the threads; further ones are refused.
    pub queue: usize,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self {
            algorithm: PasswordAlgorithm::Bcrypt,
            bcrypt_cost: 10,
            argon2_memory_kib: 19_456,
            argon2_passes: 2,
            argon2_lanes: 1,
            threads: 0,
            queue: 256,
        }
    }
}

impl PasswordConfig {
    fn validate(&self, problems: &mut Vec<String>) {
        let argon2_memory = 64.max(8 * u64::from(self.argon2_lanes))..=hash::MAX_ARGON2_KIB.into();
        for (name, value, range) in [
            ("bcrypt_cost", self.bcrypt_cost.into(), 4..=hash::MAX_BCRYPT_COST.into()),
            ("argon2_memory_kib", self.argon2_memory_kib.into(), argon2_memory),
            ("argon2_passes", self.argon2_passes.into(), 1..=hash::MAX_ARGON2_PASSES.into()),
            ("argon2_lanes", self.argon2_lanes.into(), 1..=hash::MAX_ARGON2_LANES.into()),
            ("threads", self.threads as u64, 0..=256),
            ("queue", self.queue as u64, 0..=65_536),
        ] {
            in_range("auth.password", name, value, range, problems);
        }
    }
}

/// The section `auth.lockout`.
///
/// A log-in fails when its password is wrong. So many failures within the window lock the account,
/// or the address, for a while; each lock that follows is twice as long as the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockoutConfig {
    /// Whether failures are counted at all.
    pub enabled: bool,
    /// Failures on one account, from wherever, that lock it; 1 to 10,000.
    pub account_attempts: u32,
    /// Failures from one address (one /64 of IPv6), on whatever account, that lock it; 1 to
    /// 10,000. Many players may share one.
    pub address_attempts: u32,
    /// How long a failure counts, in seconds, 1 to 86,400.
    pub window_sec: u32,
    /// The first lock, in seconds, 1 to 86,400.
    pub lock_sec: u32,
    /// The longest lock, in seconds, `lock_sec` to 86,400.
    pub max_lock_sec: u32,
    /// Accounts, and as many addresses, whose failures are remembered; 16 to 16,777,216. Beyond
    /// that the oldest that are not locked are forgotten. One is about 100 bytes.
    pub capacity: usize,
}

impl Default for LockoutConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            account_attempts: 10,
            address_attempts: 100,
            window_sec: 300,
            lock_sec: 30,
            max_lock_sec: 900,
            capacity: 65_536,
        }
    }
}

impl LockoutConfig {
    fn validate(&self, problems: &mut Vec<String>) {
        const DAY: u64 = 86_400;
        for (name, value, range) in [
            ("account_attempts", self.account_attempts.into(), 1..=10_000),
            ("address_attempts", self.address_attempts.into(), 1..=10_000),
            ("window_sec", self.window_sec.into(), 1..=DAY),
            ("lock_sec", self.lock_sec.into(), 1..=DAY),
            ("max_lock_sec", self.max_lock_sec.into(), self.lock_sec.into()..=DAY),
            ("capacity", self.capacity as u64, 16..=1 << 24),
        ] {
            in_range("auth.lockout", name, value, range, problems);
        }
    }
}

fn at_least_one(section: &str, name: &str, value: u32, problems: &mut Vec<String>) {
    if value == 0 {
        problems.push(format!("{section}.{name} must be at least 1"));
    }
}

fn in_range(
    section: &str,
    name: &str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
    problems: &mut Vec<String>,
) {
    if !range.contains(&value) {
        let (low, high) = (range.start(), range.end());
        problems.push(format!("{section}.{name} must be {low} to {high}, is {value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that can be said, with other values than the defaults.
    const SAMPLE: &str = "
session:
  encryption_key: 0123456789abcdef0123456789abcdef
  refresh_encryption_key: fedcba9876543210fedcba9876543210
  previous_encryption_keys: [an-older-key-of-at-least-32-bytes]
  previous_refresh_encryption_keys: []
  token_expiry_sec: 7200
  refresh_token_expiry_sec: 86400
  revocation_retention_sec: 604800
  single_session: true
  single_socket: true
  single_party: true
  single_match: true
auth:
  password:
    algorithm: argon2id
    bcrypt_cost: 11
    argon2_memory_kib: 65536
    argon2_passes: 3
    argon2_lanes: 2
    threads: 4
    queue: 64
  lockout:
    enabled: false
    account_attempts: 5
    address_attempts: 50
    window_sec: 60
    lock_sec: 10
    max_lock_sec: 60
    capacity: 1000
  trusted_proxies: [10.0.0.0/8, 192.0.2.7, 'fd00::/8']
  trusted_proxy_count: 1
";

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct File {
        session: SessionConfig,
        auth: AuthConfig,
    }

    fn parse(text: &str) -> Result<File, serde_yaml_ng::Error> {
        serde_yaml_ng::from_str(text)
    }

    fn problems(file: &File) -> Vec<String> {
        let mut problems = Vec::new();
        file.session.validate(&mut problems);
        file.auth.validate(&mut problems);
        problems
    }

    #[test]
    fn an_empty_document_is_the_default_and_the_default_is_fine_in_development() {
        let file = parse("{session: {}, auth: {password: {}, lockout: {}}}").unwrap();
        assert_eq!(file, File::default());
        let mut dev = File::default();
        dev.session.fill_development_keys();
        assert_eq!(problems(&dev), Vec::<String>::new());
        assert_eq!(dev.session.encryption_key.expose(), "defaultencryptionkey");
    }

    #[test]
    fn the_sample_parses_whole_and_has_no_problem() {
        let file = parse(SAMPLE).unwrap();
        assert_eq!(problems(&file), Vec::<String>::new());
        let mut secrets = Vec::new();
        file.session.check_secrets(&mut secrets);
        assert_eq!(secrets, Vec::<String>::new());
        assert_eq!(file.auth.password.algorithm, PasswordAlgorithm::Argon2id);
        assert_eq!(file.auth.trusted_proxies.len(), 3);
    }

    #[test]
    fn misspelt_keys_and_wrong_types_are_refused() {
        for bad in [
            "session: {token_expiry: 5}",
            "session: {token_expiry_sec: -1}",
            "auth: {lockouts: {}}",
            "auth: {password: {algorithm: md5}}",
            "auth: {lockout: {window: 5}}",
            "auth: {trusted_proxies: [10.0.0.0/99]}",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let file = parse(
            "{session: {token_expiry_sec: 0, refresh_token_expiry_sec: 0, single_party: true,
                single_match: true, encryption_key: a, refresh_encryption_key: a,
                previous_encryption_keys: ['']},
             auth: {password: {bcrypt_cost: 3, argon2_memory_kib: 8, argon2_passes: 0,
                argon2_lanes: 17, threads: 1000, queue: 100000}, lockout: {account_attempts: 0,
                address_attempts: 0, window_sec: 0, lock_sec: 100, max_lock_sec: 50, capacity: 0},
                trusted_proxies: [], trusted_proxy_count: 1}}",
        )
        .unwrap();
        let all = problems(&file).join("\n");
        for key in [
            "session.token_expiry_sec",
            "session.refresh_token_expiry_sec",
            "session.single_party",
            "session.single_match",
            "session.previous_encryption_keys has an empty",
            "auth.password.bcrypt_cost",
            "auth.password.argon2_memory_kib",
            "auth.password.argon2_passes",
            "auth.password.argon2_lanes",
            "auth.password.threads",
            "auth.password.queue",
            "auth.lockout.account_attempts",
            "auth.lockout.address_attempts",
            "auth.lockout.window_sec",
            "auth.lockout.max_lock_sec",
            "auth.lockout.capacity",
            "auth.trusted_proxy_count",
        ] {
            assert!(all.contains(key), "{key} is missing in\n{all}");
        }
    }

    #[test]
    fn a_key_for_both_kinds_of_token_is_a_problem_even_when_it_is_an_old_one() {
        let file = parse(
            "session: {encryption_key: a, refresh_encryption_key: b,
                previous_refresh_encryption_keys: [a]}",
        );
        assert!(problems(&file.unwrap()).join("\n").contains("no key in common"));
    }

    #[test]
    fn trusting_everybody_needs_a_count_of_proxies() {
        let open = parse("auth: {trusted_proxies: [0.0.0.0/0]}").unwrap();
        assert!(problems(&open).join("\n").contains("trusts every address"));
        let counted = parse("auth: {trusted_proxies: [0.0.0.0/0], trusted_proxy_count: 2}");
        assert_eq!(problems(&counted.unwrap()), Vec::<String>::new());
    }

    #[test]
    fn missing_known_and_short_keys_are_named_all_at_once() {
        let file = parse(
            "session: {refresh_encryption_key: short,
                previous_encryption_keys: [defaultencryptionkey]}",
        );
        let mut secrets = Vec::new();
        file.unwrap().session.check_secrets(&mut secrets);
        assert_eq!(
            secrets,
            [
                "session.encryption_key is missing",
                "session.refresh_encryption_key has 5 bytes, fewer than 32",
                "session.previous_encryption_keys[0] is a well-known default",
            ]
        );
    }

    #[test]
    fn keys_are_not_written() {
        let file = parse(SAMPLE).unwrap();
        let written = serde_json::to_string(&file.session).unwrap();
        assert!(!written.contains("key"), "{written}");
        assert!(!format!("{:?}", file.session).contains("0123"));
    }
}
