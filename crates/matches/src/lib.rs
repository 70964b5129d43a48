//! Relayed matches: ids, members and data routing.
//!
//! # Purpose
//! The rules of matches whose players talk to each other through the server, which looks at nothing
//! they say: how such a match comes to be and ends, who may join, who gets which data, and how
//! matches are listed.
//!
//! # Invariants
//! - A relayed match is nothing but its members: it exists while it has some, it has no owner, and
//!   nothing is kept of it when the last one has left.
//! - Data goes to members only and comes from members only; what an outsider sends is dropped without
//!   a word.
//! - The sender gets its own data only when it lists itself.
//! - Whoever creates a match by a name shares it with all who do so by the same name.
//! - Nothing here is allocated per recipient, and no data is touched: [`Relayed::route`] says where
//!   it goes.
//!
//! # Must not know
//! Wire envelopes, sockets, how members are kept, the matchmaker's tokens.
//!
//! # Entry points
//! [`Relayed`] (the rules), [`parse_id`] and [`parse_listed`] (what clients write), [`Listing`],
//! [`Members`] (needed).
//!
//! # Matches that the server runs
//! Their ids name a node ([`MatchId::node`](tavern_domain::MatchId)): callers look at that first and
//! bring only ids without one here; with one, every rule below says that there is no such match.

mod config;
#[cfg(feature = "testkit")]
pub mod conformance;
mod error;
mod listing;
mod relayed;
mod traits;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use config::Config;
pub use error::{BadListing, MatchError};
pub use listing::{Filter, Kind, Listing};
pub use relayed::{
    Admission, Builder, Joined, Recipients, Relayed, Route, member, parse_id, parse_listed,
};
pub use traits::{Entered, Members};
