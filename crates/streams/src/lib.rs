//! Addresses of live data and the fan-out to the sessions subscribed to them.
//!
//! # Purpose
//! Know the sessions connected to this node, which [`Stream`](tavern_domain::Stream)s each of them
//! listens to, and hand one shared message to all listeners of a stream. A subscription is not a
//! presence: it makes nobody visible, it only says where messages go.
//!
//! # Invariants
//! - Everything is synchronous and nothing waits for a reader: a [`Sink`] takes a message or
//!   drops it, at once.
//! - A fan-out allocates nothing per recipient and copies no message; it counts references.
//! - When [`Streams::unsubscribe`] or [`Streams::close_session`] has returned, the stream hands
//!   that session nothing more. When [`Streams::subscribe`] has returned, it misses nothing.
//! - What one thread sends to a stream reaches every listener's sink in the order it was sent.
//!   Messages of different threads have no order, unless the senders give them one (as a presence
//!   registry does, which sends under the stream's lock).
//! - A closed session leaves nothing behind: no subscription, no stream, no memory.
//! - [`InterestSink`] hears of a stream's first and last subscriber in turns, never twice the same.
//! - Locks are taken in the order session, stream table, stream, and none is held while another
//!   crate waits. Neither [`Sink`] nor [`InterestSink`] may call back.
//!
//! # Must not know
//! What messages mean, wire formats, sockets, presences, other nodes.
//!
//! # Entry points
//! [`Streams`] (the registry), [`Sink`] and [`InterestSink`] (needed), [`Config`].
//!
//! # Other nodes
//! A cluster learns from [`InterestSink`] which streams have listeners here and tells its peers;
//! what arrives from a peer enters through [`Streams::send`] like any other message. A session is
//! as old as its sink, not as its socket: whoever lets a player come back on a new socket keeps the
//! sink and puts the new socket behind it, and every subscription is still there.

mod channel;
mod config;
#[cfg(feature = "testkit")]
pub mod conformance;
mod error;
mod listed;
mod sessions;
mod streams;
mod traits;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use config::Config;
pub use error::StreamsError;
pub use streams::{Builder, Streams, Totals};
pub use traits::{Class, CloseReason, InterestSink, Sink};
