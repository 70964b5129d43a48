//! Parties: players who stay together from match to match.
//!
//! # Purpose
//! [`Parties`] knows which parties there are on this node, who leads them, who is in and who wants
//! in, and tells those concerned by [`Voice`].
//!
//! # Rules
//! - The one who creates a party leads it. When the leader leaves, the oldest member leads; when the
//!   last one leaves, the party is gone.
//! - An open party lets everybody in until it is full. A closed one asks its leader, who accepts or
//!   removes each request; a user asks once.
//! - Only the leader promotes, accepts, removes, updates, closes and looks for matches.
//! - Whenever somebody comes or goes, what the party has waiting elsewhere (its tickets) is over:
//!   [`Voice::changed`].
//!
//! # Invariants
//! - A session that has ended is in no party and asks for none.
//! - What members are told of one party comes in the order in which it happened.
//! - Locks: a party's, and inside it whatever [`Voice`] takes; the table's is never held across
//!   either.
//!
//! # Must not know
//! Sockets, wire envelopes, the matchmaker.
//!
//! # Entry points
//! [`Parties`], [`Voice`] (needed), [`PartyId`], [`Config`].

mod config;
mod error;
mod id;
mod listing;
mod parties;
mod party;
mod traits;

pub use config::Config;
pub use error::PartyError;
pub use id::PartyId;
pub use listing::{Listed, Listing, Page};
pub use parties::{Builder, Created, Joining, Parties};
pub use party::Member;
pub use traits::{News, Snapshot, Voice};
