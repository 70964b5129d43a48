//! What is measured.

use tavern_telemetry::{Counter, Histogram, LiveCount};

/// The meters of the matches that the server runs. The default ones measure nothing.
#[derive(Clone, Debug)]
pub struct HostedMeters {
    /// Running matches.
    pub running: LiveCount,
    /// How late loops begin, in milliseconds.
    pub lateness: Histogram,
    /// How long loops take, in milliseconds.
    pub looped: Histogram,
    /// Loops that were left out because an earlier one took too long.
    pub skipped: Counter,
    /// Matches that ended because a callback failed.
    pub failed: Counter,
    /// Data of players that a full queue did not take.
    pub input_dropped: Counter,
    /// Attempts to join that a full queue refused.
    pub attempts_refused: Counter,
    /// Signals that a full queue refused.
    pub signals_refused: Counter,
    /// Broadcasts that could not be put off, because too many were.
    pub deferred_refused: Counter,
}

impl Default for HostedMeters {
    fn default() -> Self {
        let none = Counter::noop;
        Self {
            running: LiveCount::default(),
            lateness: Histogram::noop(),
            looped: Histogram::noop(),
            skipped: none(),
            failed: none(),
            input_dropped: none(),
            attempts_refused: none(),
            signals_refused: none(),
            deferred_refused: none(),
        }
    }
}
