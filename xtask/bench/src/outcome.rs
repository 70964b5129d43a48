//! What a measurement yields.

use crate::latency::Latency;
use crate::procfs::Resident;
use crate::target::Usage;

/// What counts as one unit when CPU time is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A request that was answered.
    Operation,
    /// A message that reached one receiver.
    Delivery,
    /// An open socket for one second.
    SocketSecond,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operation => "op",
            Self::Delivery => "delivery",
            Self::SocketSecond => "socket-second",
        }
    }
}

/// Counts of one measurement.
#[derive(Clone)]
pub(crate) struct Tally {
    /// Requests answered, or messages sent where the unit is a delivery.
    pub(crate) operations: u64,
    /// What CPU time is divided by.
    pub(crate) units: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    pub(crate) latency: Latency,
    /// How late the generator itself was with operations of an open loop.
    pub(crate) lateness: Latency,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            operations: 0,
            units: 0,
            errors: 0,
            first_error: None,
            latency: Latency::new(),
            lateness: Latency::new(),
        }
    }

    pub(crate) fn fail(&mut self, count: u64, why: impl FnOnce() -> String) {
        if count > 0 {
            self.errors += count;
            self.first_error.get_or_insert_with(why);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.operations += other.operations;
        self.units += other.units;
        self.errors += other.errors;
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
        self.latency.merge(&other.latency);
        self.lateness.merge(&other.lateness);
    }
}

/// Memory of the server around the opening of sockets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Memory {
    pub(crate) sockets: usize,
    pub(crate) before: Resident,
    pub(crate) after: Resident,
}

impl Memory {
    /// KiB of PSS per socket.
    pub(crate) fn pss(&self) -> f64 {
        per(self.before.pss_kib, self.after.pss_kib, self.sockets)
    }

    /// KiB of RSS per socket.
    pub(crate) fn rss(&self) -> f64 {
        per(self.before.rss_kib, self.after.rss_kib, self.sockets)
    }
}

fn per(before: u64, after: u64, sockets: usize) -> f64 {
    (after as f64 - before as f64) / sockets as f64
}

/// What a good function is compared by, alone and beside bad ones.
#[derive(Clone)]
pub(crate) struct Beside {
    /// Of the good one, alone.
    pub(crate) quiet: Latency,
    /// How often the bad ones were called meanwhile.
    pub(crate) calls: u64,
    pub(crate) before: Resident,
    pub(crate) after: Resident,
}

impl Beside {
    /// The same over several rounds: memory as it was before the first and after the last.
    fn merge(&mut self, other: &Self) {
        self.quiet.merge(&other.quiet);
        self.calls += other.calls;
        self.after = other.after;
    }
}

/// The result of one or several rounds.
#[derive(Clone)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    pub(crate) usage: Usage,
    pub(crate) memory: Option<Memory>,
    pub(crate) beside: Option<Beside>,
    /// Server CPU per unit of each round, to show how far they lie apart.
    pub(crate) rounds: Vec<f64>,
}

impl Outcome {
    pub(crate) fn new(tally: Tally, usage: Usage) -> Self {
        let mut outcome = Self { tally, usage, memory: None, beside: None, rounds: Vec::new() };
        outcome.rounds.push(outcome.server_micros());
        outcome
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.usage.merge(&other.usage);
        self.memory = self.memory.or(other.memory);
        match (&mut self.beside, &other.beside) {
            (Some(beside), Some(other)) => beside.merge(other),
            (beside, other) => *beside = beside.take().or_else(|| other.clone()),
        }
        self.rounds.extend_from_slice(&other.rounds);
    }

    /// Microseconds of server CPU per unit.
    pub(crate) fn server_micros(&self) -> f64 {
        self.usage.server.as_secs_f64() * 1e6 / self.tally.units as f64
    }

    /// Microseconds of database CPU per unit.
    pub(crate) fn database_micros(&self) -> Option<f64> {
        Some(self.usage.database?.as_secs_f64() * 1e6 / self.tally.units as f64)
    }

    /// Half the distance between the dearest and the cheapest round.
    pub(crate) fn spread(&self) -> f64 {
        let top = self.rounds.iter().copied().fold(f64::MIN, f64::max);
        let bottom = self.rounds.iter().copied().fold(f64::MAX, f64::min);
        (top - bottom) / 2.0
    }

    pub(crate) fn units_per_second(&self) -> f64 {
        self.tally.units as f64 / self.usage.elapsed.as_secs_f64()
    }

    /// Share of one core that the generator used; near 1, it is what limits the figures.
    pub(crate) fn generator_load(&self) -> f64 {
        self.usage.generator.as_secs_f64() / self.usage.elapsed.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outcome(units: u64, server_micros: u64) -> Outcome {
        let mut tally = Tally::new();
        (tally.operations, tally.units) = (units, units);
        tally.latency.record(Duration::from_millis(1));
        let usage = Usage {
            elapsed: Duration::from_secs(2),
            server: Duration::from_micros(server_micros),
            database: Some(Duration::from_micros(units * 7)),
            generator: Duration::from_secs(1),
        };
        Outcome::new(tally, usage)
    }

    #[test]
    fn rounds_are_weighed_by_their_units() {
        let mut sum = outcome(1_000, 10_000);
        sum.merge(&outcome(3_000, 90_000));
        assert!((sum.server_micros() - 25.0).abs() < 1e-9);
        assert!((sum.database_micros().unwrap() - 7.0).abs() < 1e-9);
        assert!((sum.spread() - 10.0).abs() < 1e-9, "rounds at 10 and 30");
        assert!((sum.units_per_second() - 1_000.0).abs() < 1e-9);
        assert!((sum.generator_load() - 0.5).abs() < 1e-9);
        assert_eq!(sum.tally.latency.count(), 2);
    }

    #[test]
    fn the_first_error_is_kept() {
        let mut tally = Tally::new();
        tally.fail(0, || "nothing".into());
        assert_eq!(tally.first_error, None);
        tally.fail(1, || "one".into());
        tally.fail(2, || "two".into());
        assert_eq!((tally.errors, tally.first_error.as_deref()), (3, Some("one")));
    }

    #[test]
    fn rounds_beside_others_are_one() {
        let at = |kib| Resident { rss_kib: kib, pss_kib: kib };
        let beside = |before, after| {
            let mut quiet = Latency::new();
            quiet.record(Duration::from_millis(2));
            let mut outcome = outcome(10, 10);
            let (before, after) = (at(before), at(after));
            outcome.beside = Some(Beside { quiet, calls: 3, before, after });
            outcome
        };
        let mut sum = beside(100, 110);
        sum.merge(&beside(120, 105));
        let sum = sum.beside.unwrap();
        assert_eq!((sum.quiet.count(), sum.calls), (2, 6));
        assert_eq!((sum.before, sum.after), (at(100), at(105)));
    }

    #[test]
    fn memory_per_socket_may_be_negative() {
        let at = |kib| Resident { rss_kib: kib, pss_kib: kib };
        let memory = Memory { sockets: 100, before: at(5_000), after: at(4_000) };
        assert!((memory.pss() + 10.0).abs() < 1e-9);
    }
}
