//! What the nodes of a cluster tell each other, as a trait, and a bus within one process.
//!
//! # Purpose
//! [`Bus`] carries bytes between nodes and knows nothing of what they mean. [`Hub`] joins nodes
//! that live in one process: one node alone, or several in a test.
//!
//! # Invariants
//! - A message may be lost; it is never changed, and never delivered to its sender by
//!   [`Bus::publish`].
//! - What one node sends on one topic arrives in the order in which it was sent.
//! - Every inbox is bounded. When one is full the newest message is lost, counted by
//!   [`Inbox::lost`], and its sender is not held up.
//! - A payload is at most [`MAX_PAYLOAD`] bytes.
//!
//! # Must not know
//! What messages mean; a broker.
//!
//! # Entry points
//! [`Bus`], [`Hub`]; `conformance::run` (feature `testkit`).

mod bus;
#[cfg(feature = "testkit")]
pub mod conformance;
mod error;
mod hub;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use bus::{Answer, Bus, Inbox, Letter, MAX_PAYLOAD, Topic};
pub use error::BusError;
pub use hub::{Hub, LocalBus};
