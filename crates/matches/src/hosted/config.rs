//! The options of matches that the server runs.

use std::time::Duration;

/// Bounds of matches that the server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedConfig {
    /// Players that a match lets in, 1 to 65,536.
    pub max_members: usize,
    /// Data messages that wait for the next loop of a match; four for each of its players if that
    /// is more.
    pub input_queue_size: usize,
    /// Attempts to join that wait for a match; more are refused.
    pub join_attempt_queue_size: usize,
    /// Signals that wait for a match; more are refused.
    pub signal_queue_size: usize,
    /// Broadcasts that one callback may put off; more are an error.
    pub deferred_queue_size: usize,
    /// How long an accepted player has to come in.
    pub join_marker_deadline: Duration,
    /// How often changed labels reach the listing.
    pub label_update_interval: Duration,
    /// How long a match may be empty; zero means for ever.
    pub max_empty: Duration,
}

impl Default for HostedConfig {
    fn default() -> Self {
        Self {
            max_members: 10_000,
            input_queue_size: 128,
            join_attempt_queue_size: 128,
            signal_queue_size: 10,
            deferred_queue_size: 128,
            join_marker_deadline: Duration::from_secs(15),
            label_update_interval: Duration::from_secs(1),
            max_empty: Duration::ZERO,
        }
    }
}

/// Most matches on one node.
pub(super) const MOST_MATCHES: usize = 100_000;
/// Most bytes of a label.
pub(super) const LABEL_BYTES: usize = 2048;
/// Most bytes of one broadcast.
pub(super) const BROADCAST_BYTES: usize = 4 * 1024 * 1024;
/// How long one who wants to join, or has sent a signal, waits for the match.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a player's data waits for room. Meanwhile nothing more is read from that player.
pub(super) const ROOM_WITHIN: Duration = Duration::from_secs(1);
