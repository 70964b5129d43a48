//! Times counted in buckets: one addition per record, both a histogram and quantiles from it.
//!
//! The exporter crate keeps every sample until the next upkeep and quantiles in sketches of up to
//! a megabyte per series; with over a hundred calls that is too much memory and, on the way of
//! every call, too much work. Here a record is a search over 160 bounds and two additions, and a
//! series costs a few kilobytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::exposition::{Exposition, Kind};
use crate::names::MS_BUCKETS;

/// Twenty bounds per power of ten (a preferred-number series): each is 11 to 14 % above the last.
const DECADE: [u64; 20] = [
    100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710, 800,
    900,
];
const DECADES: usize = 8;
const BOUNDS: usize = DECADE.len() * DECADES + 1;

/// Upper bounds in nanoseconds, from 1 µs to 100 s.
const fn bounds() -> [u64; BOUNDS] {
    let mut out = [0; BOUNDS];
    let mut scale = 10;
    let mut at = 0;
    while at < BOUNDS {
        out[at] = DECADE[at % DECADE.len()] * scale;
        at += 1;
        if at % DECADE.len() == 0 {
            scale *= 10;
        }
    }
    out
}

static BOUND: [u64; BOUNDS] = bounds();

/// The quantiles exported for summaries.
const QUANTILES: [f64; 5] = [0.5, 0.75, 0.95, 0.99, 0.999];

type Counts = [u64; BOUNDS + 1];

/// How long something took, over and over.
pub(crate) struct Timer {
    /// How many fell at or below each bound; the last is for what is above all.
    counts: [AtomicU64; BOUNDS + 1],
    sum_nanos: AtomicU64,
    /// Counts at the last two turns, for quantiles of the recent past only.
    turns: Mutex<Option<Box<[Counts; 2]>>>,
}

impl Default for Timer {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            sum_nanos: AtomicU64::new(0),
            turns: Mutex::new(None),
        }
    }
}

impl Timer {
    pub(crate) fn record(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let slot = BOUND.partition_point(|bound| *bound < nanos);
        self.counts[slot].fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Makes the quantiles forget what is older than the turn before this one. Called at a fixed
    /// pace, they then speak of the last one to two periods.
    pub(crate) fn turn(&self) {
        let now = self.snapshot();
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        match turns.as_mut() {
            Some(kept) => {
                kept[0] = kept[1];
                kept[1] = now.counts;
            }
            // Nothing was ever recorded: keep owning no memory for it.
            None if now.total() == 0 => {}
            None => *turns = Some(Box::new([[0; BOUNDS + 1], now.counts])),
        }
    }

    pub(crate) fn snapshot(&self) -> Times {
        let mut times = Times::default();
        for (to, from) in times.counts.iter_mut().zip(&self.counts) {
            *to = from.load(Ordering::Relaxed);
        }
        times.sum_nanos = self.sum_nanos.load(Ordering::Relaxed);
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        times.recent = times.counts;
        if let Some(kept) = turns.as_ref() {
            for (recent, old) in times.recent.iter_mut().zip(&kept[0]) {
                *recent = recent.saturating_sub(*old);
            }
        }
        times
    }
}

/// What a [`Timer`] held at one moment; several can be added up.
#[derive(Clone)]
pub(crate) struct Times {
    counts: Counts,
    recent: Counts,
    sum_nanos: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self { counts: [0; BOUNDS + 1], recent: [0; BOUNDS + 1], sum_nanos: 0 }
    }
}

impl Times {
    pub(crate) fn add(&mut self, other: &Self) {
        for (a, b) in self.counts.iter_mut().zip(&other.counts) {
            *a += b;
        }
        for (a, b) in self.recent.iter_mut().zip(&other.recent) {
            *a += b;
        }
        self.sum_nanos = self.sum_nanos.saturating_add(other.sum_nanos);
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn seconds(&self) -> f64 {
        Duration::from_nanos(self.sum_nanos).as_secs_f64()
    }

    /// The recent time in seconds that the share `q` of records did not exceed, to within 12 %;
    /// not a number when nothing was recorded recently.
    fn quantile(&self, q: f64) -> f64 {
        let total: u64 = self.recent.iter().sum();
        if total == 0 {
            return f64::NAN;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank between 1 and the total; precision beyond 2^52 records does not matter"
        )]
        let rank = ((q * total as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (slot, count) in self.recent.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(BOUND[slot.min(BOUNDS - 1)]).as_secs_f64();
            }
        }
        f64::NAN
    }

    /// As a histogram in milliseconds.
    pub(crate) fn write_histogram(
        &self,
        out: &mut Exposition,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
    ) {
        let mut slots = BOUND.iter().zip(&self.counts).peekable();
        let mut seen = 0;
        for le in MS_BUCKETS {
            while let Some((_, count)) = slots.next_if(|(bound, _)| **bound <= nanos(le)) {
                seen += count;
            }
            let text = le.to_string();
            let mut with = labels.to_vec();
            with.push(("le", &text));
            out.sample(name, Kind::Histogram, help, "_bucket", &with, seen);
        }
        let mut with = labels.to_vec();
        with.push(("le", "+Inf"));
        let total = self.total();
        out.sample(name, Kind::Histogram, help, "_bucket", &with, total);
        out.sample(name, Kind::Histogram, help, "_sum", labels, self.seconds() * 1e3);
        out.sample(name, Kind::Histogram, help, "_count", labels, total);
    }

    /// As a summary in seconds.
    pub(crate) fn write_summary(
        &self,
        out: &mut Exposition,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
    ) {
        for q in QUANTILES {
            let text = q.to_string();
            let mut with = labels.to_vec();
            with.push(("quantile", &text));
            out.sample(name, Kind::Summary, help, "", &with, self.quantile(q));
        }
        out.sample(name, Kind::Summary, help, "_sum", labels, self.seconds());
        out.sample(name, Kind::Summary, help, "_count", labels, self.total());
    }
}

/// Milliseconds as nanoseconds.
fn nanos(millis: f64) -> u64 {
    u64::try_from(Duration::from_secs_f64(millis / 1e3).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_rise_and_hold_every_bucket_of_the_histogram() {
        assert!(BOUND.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(BOUND[0], 1_000);
        assert_eq!(BOUND[BOUNDS - 1], 100_000_000_000);
        for le in MS_BUCKETS {
            assert!(BOUND.contains(&nanos(le)), "{le} ms is no bound");
        }
    }

    #[test]
    fn histogram_counts_are_cumulative_and_in_milliseconds() {
        let t = Timer::default();
        for ms in [1, 1, 30, 20_000] {
            t.record(Duration::from_millis(ms));
        }
        let mut e = Exposition::new(&[]);
        t.snapshot().write_histogram(&mut e, "x_ms", "", &[]);
        let mut text = String::new();
        e.finish(&mut text);
        for line in [
            "x_ms_bucket{le=\"0.5\"} 0",
            "x_ms_bucket{le=\"1\"} 2",
            "x_ms_bucket{le=\"25\"} 2",
            "x_ms_bucket{le=\"50\"} 3",
            "x_ms_bucket{le=\"10000\"} 3",
            "x_ms_bucket{le=\"+Inf\"} 4",
            "x_ms_sum 20032",
            "x_ms_count 4",
        ] {
            assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
        }
    }

    #[test]
    fn quantiles_forget_what_is_two_turns_old() {
        let t = Timer::default();
        assert!(t.snapshot().quantile(0.5).is_nan());
        t.record(Duration::from_secs(1));
        t.turn();
        assert!((t.snapshot().quantile(0.5) - 1.0).abs() < 0.13);
        t.record(Duration::from_millis(1));
        t.turn();
        t.turn();
        assert!(t.snapshot().quantile(0.99).is_nan(), "both records are old by now");
        t.record(Duration::from_millis(2));
        assert!((t.snapshot().quantile(0.99) - 0.002).abs() < 0.0003);
        assert_eq!(t.snapshot().total(), 3, "the count forgets nothing");
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_a_seventh_above_the_truth(mut nanos in proptest::collection::vec(1_000u64..90_000_000_000, 1..200), q in 0.01f64..1.0) {
            let t = Timer::default();
            for n in &nanos { t.record(Duration::from_nanos(*n)); }
            nanos.sort_unstable();
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
            let rank = ((q * nanos.len() as f64).ceil() as usize).max(1);
            let exact = Duration::from_nanos(nanos[rank - 1]).as_secs_f64();
            let told = t.snapshot().quantile(q);
            prop_assert!(told >= exact * 0.999 && told <= exact * 1.143, "{told} for {exact}");
        }
    }
}
