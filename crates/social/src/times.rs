//! Creation times that put things in the order in which they were made.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tavern_domain::{Clock, Timestamp};

/// How far back, in microseconds, the clock may go without the order following it.
const LARGEST_CORRECTION: i64 = 1_000_000;

/// A clock that never shows the same microsecond twice.
///
/// Histories and lists are ordered by time, then by random ids. Two things of one microsecond, or
/// the second one after the clock was corrected, would change places in them.
pub(crate) struct Times {
    clock: Arc<dyn Clock>,
    /// The newest time given out, in microseconds.
    newest: AtomicI64,
}

impl Times {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, newest: AtomicI64::new(i64::MIN) }
    }

    /// The clock's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time of something new: now, but later by a microsecond than that of the one before.
    ///
    /// A clock that goes back further than corrections do was wrong before: then it is followed.
    pub(crate) fn next(&self) -> Timestamp {
        let now = self.clock.now();
        let after = |newest: i64| match newest.saturating_sub(now.micros()) {
            0..=LARGEST_CORRECTION => newest.saturating_add(1),
            _ => now.micros(),
        };
        let (Ok(before) | Err(before)) =
            self.newest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(after(n)));
        let newest = after(before);
        if newest == now.micros() { now } else { Timestamp::from_micros(newest) }
    }
}
