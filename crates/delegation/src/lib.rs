//! Tokens that speak for some of a player's rights, and that anybody who holds one can narrow
//! further without asking the server.
//!
//! # Purpose
//! Biscuits (<https://doc.biscuitsec.org>) as Tavern uses them: [`Delegations`] mints, verifies,
//! authorises and revokes; [`attenuate`], [`inspect()`], [`request`], [`vouch`] and [`append`] need
//! neither a server nor its key.
//!
//! # Invariants
//! - Nothing of a token is believed before its signatures were checked by an accepted key.
//! - A later block never adds a right: rights are facts of the first block, and policies see no
//!   other. A property test tries.
//! - A call about several things is allowed only if each of them is, on its own.
//! - A token whose checks could cost more than a bound is no token: see `cost`.
//! - A revocation is durable before it holds, and holds before its caller gets an answer.
//! - Memory is bounded: the cache by a cap, revocations by one per user and by their expiry.
//!
//! # Must not know
//! HTTP, gRPC, sockets, SQL, which calls there are.
//!
//! # Entry points
//! [`Delegations::new`], [`DelegationConfig`].

mod cache;
mod config;
mod cost;
mod delegations;
mod error;
mod facts;
mod grant;
mod inspect;
mod keys;
mod narrow;
mod partner;
mod revoked;
mod token;

pub use config::DelegationConfig;
pub use delegations::{DelegationMeters, DelegationParts, Delegations, MAX_ELEMENTS, MAX_REVOKED};
pub use error::DelegationError;
pub use facts::{
    Action, CallFacts, Element, Interface, Name, OPEN_SOCKET, RIGHT_TO_ALL, RIGHT_TO_READ, Standing,
};
pub use grant::{Grant, Minted, mint};
pub use inspect::{BlockSeen, Seen, inspect};
pub use keys::{
    DEVELOPMENT_KEY, KeyProblem, Keys, MAX_KEYS, SigningKey, parse_public, public_text,
};
pub use narrow::{Narrowing, attenuate};
pub use partner::{PartnerFact, append, request, vouch};
pub use token::{Delegate, Form, MAX_BLOCKS, MAX_TOKEN_BYTES, is_delegated};
