//! Time as an argument.

use std::sync::atomic::{AtomicI64, Ordering};

/// A point in time, UTC, in nanoseconds since the Unix epoch (PostgreSQL keeps microseconds).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Timestamp {
    /// Nanoseconds since the Unix epoch.
    nanos: i64,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z, which the public tables use for "never".
    pub const EPOCH: Self = Self { nanos: 0 };

    /// From whole seconds since the epoch; saturates at the ends of the range (about ±292 years).
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { nanos: seconds.saturating_mul(1_000_000_000) }
    }

    /// From milliseconds since the epoch; saturates.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self { nanos: millis.saturating_mul(1_000_000) }
    }

    /// From microseconds since the epoch; saturates.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self { nanos: micros.saturating_mul(1_000) }
    }

    /// From nanoseconds since the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self { nanos }
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.nanos.div_euclid(1_000_000_000)
    }

    /// The nanoseconds within the second, 0 to 999,999,999.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "below 10^9 by construction")]
    pub const fn subsec_nanos(self) -> i32 {
        self.nanos.rem_euclid(1_000_000_000) as i32
    }

    /// Milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.nanos.div_euclid(1_000_000)
    }

    /// Microseconds since the epoch, rounded down.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.nanos.div_euclid(1_000)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.nanos
    }

    /// This instant with the fraction of the second cut off.
    #[must_use]
    pub const fn whole_seconds(self) -> Self {
        Self::from_seconds(self.seconds())
    }

    /// This instant with the nanoseconds below the microsecond cut off.
    #[must_use]
    pub const fn whole_micros(self) -> Self {
        Self::from_micros(self.micros())
    }

    /// This instant plus a number of seconds; saturates.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self { nanos: self.nanos.saturating_add(seconds.saturating_mul(1_000_000_000)) }
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present time. May go back when the system's clock is set.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let now = std::time::SystemTime::now();
        let nanos = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        Timestamp { nanos: i64::try_from(nanos).unwrap_or(i64::MAX) }
    }
}

/// A clock that stands still until it is told otherwise: for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self { nanos: AtomicI64::new(now.nanos) }
    }

    /// Moves the clock on (or back, with a negative number).
    pub fn advance_seconds(&self, seconds: i64) {
        self.nanos.fetch_add(seconds * 1_000_000_000, Ordering::SeqCst);
    }

    /// Moves the clock on by milliseconds.
    pub fn advance_millis(&self, millis: i64) {
        self.nanos.fetch_add(millis * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp { nanos: self.nanos.load(Ordering::SeqCst) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_times_before_the_epoch_stay_positive() {
        let t = Timestamp::from_nanos(-1);
        assert_eq!(t.seconds(), -1);
        assert_eq!(t.subsec_nanos(), 999_999_999);
        assert_eq!(t.whole_seconds(), Timestamp::from_seconds(-1));
    }

    #[test]
    fn the_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(Timestamp::from_seconds(100));
        assert_eq!(clock.now(), clock.now());
        clock.advance_seconds(5);
        assert_eq!(clock.now().seconds(), 105);
    }
}
