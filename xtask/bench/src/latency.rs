//! Latencies in a histogram that keeps three significant digits from 1 µs to a minute.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Longest latency told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(60);

/// A mergeable distribution of durations.
#[derive(Clone)]
pub(crate) struct Latency {
    nanos: Histogram<u64>,
}

/// The figures that are printed, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latency {
    pub(crate) fn new() -> Self {
        let longest = u64::try_from(LONGEST.as_nanos()).expect("a minute fits 64 bits of ns");
        let nanos = Histogram::new_with_bounds(1_000, longest, 3)
            .expect("the bounds are constants that the histogram accepts");
        Self { nanos }
    }

    /// Counts one value; what is longer than a minute counts as a minute.
    pub(crate) fn record(&mut self, value: Duration) {
        self.nanos.saturating_record(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.nanos.add(&other.nanos).expect("all histograms have the same bounds");
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        self.nanos.len()
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let micros = |nanos: u64| nanos as f64 / 1_000.0;
        let at = |q: f64| micros(self.nanos.value_at_quantile(q));
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: micros(self.nanos.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(got: f64, want: f64) {
        assert!((got - want).abs() <= want * 0.002, "{got} is not near {want}");
    }

    #[test]
    fn percentiles_of_a_known_distribution() {
        let mut latency = Latency::new();
        for micros in 1..=10_000 {
            latency.record(Duration::from_micros(micros));
        }
        let p = latency.percentiles();
        near(p.p50, 5_000.0);
        near(p.p90, 9_000.0);
        near(p.p99, 9_900.0);
        near(p.p999, 9_990.0);
        near(p.max, 10_000.0);
        assert_eq!(latency.count(), 10_000);
    }

    #[test]
    fn merging_equals_recording_together() {
        let (mut a, mut b, mut both) = (Latency::new(), Latency::new(), Latency::new());
        for i in 0..1_000_u64 {
            let value = Duration::from_micros(i * i % 7_919);
            if i % 3 == 0 { &mut a } else { &mut b }.record(value);
            both.record(value);
        }
        a.merge(&b);
        assert_eq!(a.percentiles(), both.percentiles());
        assert_eq!(a.count(), 1_000);
    }

    #[test]
    fn values_beyond_the_bounds_are_kept_at_the_bound() {
        let mut latency = Latency::new();
        latency.record(Duration::from_secs(3_600));
        latency.record(Duration::ZERO);
        assert_eq!(latency.count(), 2);
        near(latency.percentiles().max, 60e6);
    }
}
