//! Presences of several nodes, as a value: no lock, no clock, no I/O.
//!
//! # How it works
//! Each node is the only writer of its own sessions' presences and numbers its changes 1, 2, 3, ….
//! It tells the others what changed ([`Message::Delta`]) and keeps the latest changes in a bounded
//! log. The others hold a replica of what it told them. Nothing is acknowledged and nothing needs
//! to arrive:
//!
//! - A heartbeat carries the number of the last change and a digest of everything. Whoever has
//!   missed something, or has something else, asks ([`Message::Want`]) with what it has: the number
//!   up to which nothing is missing, and a digest of each of 512 buckets.
//! - The answer is the missing changes, as long as the log still has them, or else the buckets that
//!   differ, whole ([`Message::State`]).
//! - A node that restarts has a higher incarnation; what its earlier life had is gone. One that
//!   says [`Message::Goodbye`], or is silent for [`ReplicaConfig::node_timeout_ms`], is gone too.
//!   What of its presences others saw becomes leaves.
//!
//! Changes are applied in the order of their numbers, per bucket, and each at most once, so
//! duplicates and messages that overtake each other do no harm.
//!
//! The idea of delta-replicated state with digests and repair is that of "Delta State Replicated
//! Data Types" (Almeida, Shoker, Baquero, 2018); with one writer per entry no merge of concurrent
//! writes is needed, and numbers replace vector clocks.
//!
//! # Bounds
//! The log, the entries per message and the questions per second are bounded by
//! [`ReplicaConfig`]. What waits to be told is at most the log: what falls out of it is repaired
//! like any other loss.

mod buckets;
mod message;
mod own;
mod peer;
mod state;

use serde::{Deserialize, Serialize};

pub use buckets::BUCKETS;
pub use message::{DecodeError, Entry, Message, Op, Place};
pub use state::{Effects, RemoteChange, Replicator, To};

/// Bounds and times of the replication.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplicaConfig {
    /// Changes that are kept for those who missed them, 1 to 1,000,000.
    pub log_changes: usize,
    /// Entries and changes in one message, 1 to 100,000.
    pub message_entries: usize,
    /// Milliseconds between two heartbeats, 10 to 60,000.
    pub heartbeat_ms: u32,
    /// After so many milliseconds of silence a node is gone; at least three heartbeats.
    pub node_timeout_ms: u32,
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        Self {
            log_changes: 16_384,
            message_entries: 2_048,
            heartbeat_ms: 1_000,
            node_timeout_ms: 10_000,
        }
    }
}

impl ReplicaConfig {
    /// Adds a line per problem.
    pub fn validate(&self, problems: &mut Vec<String>) {
        if !(1..=1_000_000).contains(&self.log_changes) {
            problems.push(format!("log_changes: {} is not within 1 to 1000000", self.log_changes));
        }
        if !(1..=100_000).contains(&self.message_entries) {
            let entries = self.message_entries;
            problems.push(format!("message_entries: {entries} is not within 1 to 100000"));
        }
        if !(10..=60_000).contains(&self.heartbeat_ms) {
            let beat = self.heartbeat_ms;
            problems.push(format!("heartbeat_ms: {beat} is not within 10 to 60000"));
        }
        if self.node_timeout_ms / 3 < self.heartbeat_ms {
            let timeout = self.node_timeout_ms;
            problems.push(format!("node_timeout_ms: {timeout} is less than three heartbeats"));
        }
    }
}
