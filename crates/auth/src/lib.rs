//! Who somebody is, and for how long we believe it.
//!
//! # Purpose
//! Session and refresh tokens ([`Sessions`], [`Tokens`]), the log-ins that are no longer good
//! ([`RevocationList`]), passwords ([`Passwords`]), the rules for names and ids ([`validate`]),
//! the limits on failed log-ins ([`Lockout`]), and the secrets of a server ([`check_secret`],
//! [`generate_secret`]).
//!
//! # Invariants
//! - No claim of a token is looked at before its signature was checked, and no token is good
//!   without passing [`Sessions::authenticate`] (or [`Sessions::verify_refresh`]), which also asks
//!   for revocations: one place for every transport.
//! - A refresh token is never good as a session token, nor the other way round: the keys differ.
//! - A revocation is durable before it holds, and holds before its caller gets an answer.
//! - A log-in after "revoke all" is good, one before it is not, also within one millisecond: see
//!   [`Sessions::revoke_all`].
//! - Memory is bounded: revocations leave with the last token they concern, failures by a cap.
//! - Hashing never runs on the caller's thread, and at most so many hashes run or wait.
//!
//! # Must not know
//! HTTP, gRPC, sockets, SQL, accounts.
//!
//! # Entry points
//! [`Sessions::new`], [`Passwords::new`], [`Lockout::new`], [`SessionConfig`], [`AuthConfig`].

mod address;
mod claims;
mod config;
mod failures;
mod hash;
mod keys;
mod lockout;
mod log_in;
mod meters;
mod password;
mod revocation;
mod secrets;
mod sessions;
mod tokens;
pub mod validate;

pub use address::{ClientAddress, ParseNetError, TrustedNet};
pub use claims::{Claims, TokenKind, Vars};
pub use config::{
    AuthConfig, LONGEST_GRACE_MS, LockoutConfig, PasswordAlgorithm, PasswordConfig, SessionConfig,
};
pub use keys::{KeyError, KeyRing, MAX_KEYS, MAX_TOKEN_BYTES, TokenError};
pub use lockout::{AccountKey, LockedOut, Lockout, LockoutKind};
pub use log_in::{log_in_id, log_in_time};
pub use meters::AuthMeters;
pub use password::{MAX_PASSWORD_BYTES, PasswordError, Passwords, Verdict};
pub use revocation::RevocationList;
pub use secrets::{MIN_SECRET_BYTES, SecretProblem, check_secret, generate_secret, same_secret};
pub use sessions::{SessionError, Sessions};
pub use tokens::{IssueError, Lifetimes, MATCH_TOKEN_SECONDS, SessionPair, Tokens};

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
