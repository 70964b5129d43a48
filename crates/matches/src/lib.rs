//! Matches: relayed ones, whose players talk to each other, and hosted ones, which the server runs.
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
//! - A hosted match is one task. It alone calls the match's handler, one callback at a time; what
//!   others want of it waits in its mailbox, which is bounded.
//! - A hosted match that has ended has no players: whoever was in is taken out, and whoever comes
//!   at that moment is sent away.
//! - Nothing here is allocated per recipient, and no data is touched: [`Relayed::route`] says where
//!   it goes.
//!
//! # Must not know
//! Wire envelopes, sockets, how members are kept, the matchmaker's tokens, a script language.
//!
//! # Entry points
//! [`Relayed`] (the rules), [`parse_id`] and [`parse_listed`] (what clients write), [`Listing`],
//! [`Members`] (needed). [`Hosted`] (the register of hosted matches), [`Inboxes`] (which hears of
//! their presences), [`Stage`] (needed).
//!
//! # Which is which
//! The ids of hosted matches name a node ([`MatchId::node`](tavern_domain::MatchId)). [`Relayed`]
//! knows no match with such an id, and [`Hosted`] none without.

mod config;
#[cfg(feature = "testkit")]
pub mod conformance;
mod error;
mod hosted;
mod listing;
mod relayed;
mod traits;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use config::Config;
pub use error::{BadListing, MatchError};
pub use hosted::{
    Admitted, Found, Hosted, HostedConfig, HostedMeters, HostedParts, Inboxes, MatchInfo, Sent,
    Stage,
};
pub use listing::{Filter, Kind, Listing};
pub use relayed::{
    Admission, Builder, Joined, Recipients, Relayed, Route, member, parse_id, parse_listed,
};
pub use traits::{Entered, Members};
