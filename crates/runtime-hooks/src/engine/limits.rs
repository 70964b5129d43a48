//! What a call of server code may use.

use std::time::Duration;

/// Bounds on machines and their calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Machines made at the start; at most `most_machines`.
    pub first_machines: usize,
    /// Machines at a time; at least 1. A match has one of its own, which does not count here.
    pub most_machines: usize,
    /// Calls that may wait for a machine; one more is refused.
    pub waiting: usize,
    /// Memory of a machine, in bytes.
    pub memory: usize,
    /// Stack of a machine, in bytes; at least 64 KiB.
    pub stack: usize,
    /// Computing time of a call. Waiting for the server does not count.
    pub call: Duration,
    /// Computing time of an initialiser.
    pub init: Duration,
    /// How long a call may sleep on timers, all in all.
    pub sleep: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_machines: 1,
            most_machines: 32,
            waiting: 4_096,
            memory: 128 << 20,
            stack: 1 << 20,
            call: Duration::from_secs(5),
            init: Duration::from_secs(30),
            sleep: Duration::from_secs(30),
        }
    }
}

/// The computing time of the thread that asks, which stands still while the thread waits: limits
/// by it mean the same on a busy machine as on an idle one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CpuTime(Duration);

impl CpuTime {
    /// Now, on this thread.
    #[must_use]
    pub fn now() -> Self {
        let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Self(Duration::new(
            u64::try_from(at.tv_sec).unwrap_or_default(),
            u32::try_from(at.tv_nsec).unwrap_or_default(),
        ))
    }

    /// How much later than `earlier` it is, on the same thread.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This time and so much more; in nanoseconds, for an atomic.
    #[must_use]
    pub fn nanos_after(self, more: Duration) -> u64 {
        u64::try_from((self.0 + more).as_nanos()).unwrap_or(u64::MAX)
    }

    /// In nanoseconds.
    #[must_use]
    pub fn nanos(self) -> u64 {
        self.nanos_after(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computing_time_passes_while_computing() {
        let begun = CpuTime::now();
        let mut x = 1_u64;
        while CpuTime::now().since(begun) < Duration::from_millis(2) {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(CpuTime::now() > begun);
        assert!(begun.nanos_after(Duration::from_secs(1)) > CpuTime::now().nanos());
    }
}
