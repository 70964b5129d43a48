//! Matches that the server runs.
//!
//! One task per match owns the handler and calls it, one callback at a time. Everything that others
//! want of the match goes through its [mailbox](inbox): attempts to join, arrivals and departures,
//! signals, and what players send, which waits for the next loop.

mod config;
mod inbox;
mod labels;
mod meters;
mod registry;
mod shared;
mod task;

pub use config::HostedConfig;
pub use inbox::Inboxes;
pub use labels::Found;
pub use meters::HostedMeters;
pub use registry::{Admitted, Hosted, HostedParts, Sent};
pub use shared::{MatchInfo, Stage};
