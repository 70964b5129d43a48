//! Who is on which stream, and the joins and leaves that follow from it.
//!
//! # Purpose
//! Keep `(session, stream)` pairs with what the session shows there (name, hidden, status), and
//! tell a [`PresenceSink`] of every join and leave. A presence is not a subscription: it makes a
//! session visible on a stream, it does not make it hear anything.
//!
//! # Invariants
//! - A session on N streams produces exactly N leaves when it goes, hidden ones not counted.
//! - For one stream, diffs reach the sink in the order in which the changes were applied, one after
//!   the other, under that stream's lock; their [`version`](PresenceDiff::version)s grow.
//! - What [`Presences::track`] returns and the diffs after it are a history without gap or overlap:
//!   a session that subscribes to the stream first and tracks itself second sees its own join once,
//!   and everything later; what came earlier is in [`Tracked::before`].
//! - Hidden presences are announced to nobody, in no way.
//! - Members are listed in the order in which they joined.
//! - No change takes a lock that all changes share. `core` does no I/O, reads no clock and holds
//!   no lock.
//! - Locks are taken in the order session, stream, then whatever the sink takes; neither
//!   [`PresenceSink`] nor [`OpenSessions`] may call back.
//!
//! # Must not know
//! Sockets, wire envelopes, matches, parties, SQL, hook languages.
//!
//! # Entry points
//! [`Presences`] (offered), [`LocalPresence`] (default), [`PresenceSink`] and [`OpenSessions`]
//! (needed), `conformance::run` (feature `testkit`).
//!
//! # Other nodes
//! Each node is the only writer of its own sessions' presences. [`replica`] is what nodes tell each
//! other, as a value; `Replication` (feature `cluster`) is the thin task around it. What another
//! node has is listed, counted and announced by [`LocalPresence`] like this node's own, so callers
//! of [`Presences`] do not see the difference. A session whose socket broke is present until
//! somebody untracks it: grace for reconnects is not to do so yet.

mod config;
#[cfg(feature = "testkit")]
pub mod conformance;
mod core;
mod error;
mod local;
mod members;
pub mod replica;
#[cfg(feature = "cluster")]
mod replication;
mod traits;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use config::Config;
pub use error::PresenceError;
pub use local::{Builder, LocalPresence, Totals};
#[cfg(feature = "cluster")]
pub use replication::Replication;
pub use traits::{
    ChangeLog, Count, Include, OpenSessions, PresenceDiff, PresenceSink, Presences, Tracked,
};
