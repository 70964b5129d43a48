//! Counts and times of hooks before and after calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::calls::Totals;
use crate::exposition::{Exposition, Kind, clean_name};
use crate::metrics::{Collect, Metrics};
use crate::names::Name;
use crate::timer::{Timer, Times};

/// Whether a hook runs before or after its call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Before.
    Before,
    /// After.
    After,
}

impl When {
    const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

#[derive(Default)]
struct Cell {
    count: AtomicU64,
    errors: AtomicU64,
    timer: Timer,
}

struct Table {
    names: Vec<&'static str>,
    cells: [Vec<OnceLock<Box<Cell>>>; 2],
}

/// Cells for the hooks of a fixed set of calls, found by index. Cheap to clone.
#[derive(Clone)]
pub struct HookMetrics(Arc<Table>);

impl HookMetrics {
    /// Registers the hooks of a set of calls. Register all calls, API and realtime, in one set:
    /// the totals over hooks are written by the set.
    #[must_use]
    pub fn new(metrics: &Metrics, names: &[&'static str]) -> Self {
        let empty = || names.iter().map(|_| OnceLock::new()).collect();
        let table = Arc::new(Table { names: names.to_vec(), cells: [empty(), empty()] });
        metrics.add_collector(Arc::clone(&table) as Arc<dyn Collect>);
        Self(table)
    }

    /// Counts one run of a hook. An unknown index is ignored (and a bug, so debug builds stop).
    pub fn record(&self, when: When, call: usize, failed: bool, took: Duration) {
        let side = &self.0.cells[usize::from(when == When::After)];
        let Some(cell) = side.get(call) else {
            debug_assert!(false, "no call with index {call}");
            return;
        };
        let cell = cell.get_or_init(Box::default);
        cell.count.fetch_add(1, Ordering::Relaxed);
        cell.errors.fetch_add(u64::from(failed), Ordering::Relaxed);
        cell.timer.record(took);
    }
}

impl Collect for Table {
    fn turn(&self) {
        for cell in self.cells.iter().flatten().filter_map(OnceLock::get) {
            cell.timer.turn();
        }
    }

    fn collect(&self, prefix: &str, _totals: &mut Totals, out: &mut Exposition) {
        let start = Name::Prefixed("").full(prefix);
        for (when, cells) in [When::Before, When::After].into_iter().zip(&self.cells) {
            let (mut count, mut errors, mut times) = (0, 0, Times::default());
            for (name, cell) in self.names.iter().zip(cells) {
                let Some(cell) = cell.get() else { continue };
                let base = format!("{start}{}_{}", when.word(), clean_name(name));
                let taken = cell.timer.snapshot();
                let (c, e) =
                    (cell.count.load(Ordering::Relaxed), cell.errors.load(Ordering::Relaxed));
                write(out, &base, c, e, &taken);
                count += c;
                errors += e;
                times.add(&taken);
            }
            write(out, &format!("{start}overall_{}", when.word()), count, errors, &times);
        }
    }
}

/// The same times go out under two names, because the dashboards know both.
fn write(out: &mut Exposition, base: &str, count: u64, errors: u64, times: &Times) {
    out.sample(&format!("{base}_count"), Kind::Counter, "", "", &[], count);
    out.sample(&format!("{base}_errors"), Kind::Counter, "", "", &[], errors);
    times.write_summary(out, &format!("{base}_latency_ms"), "", &[]);
    times.write_summary(out, &format!("{base}_latency"), "", &[]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MetricsConfig;

    #[test]
    fn hooks_show_by_call_and_in_total() {
        let metrics = Metrics::new(MetricsConfig::default());
        let hooks = HookMetrics::new(&metrics, &["GetAccount", "ping"]);
        hooks.record(When::Before, 0, false, Duration::from_millis(1));
        hooks.record(When::Before, 1, true, Duration::from_millis(1));
        hooks.record(When::After, 0, false, Duration::from_millis(1));
        let text = metrics.render();
        for line in [
            "nakama_before_GetAccount_count 1",
            "nakama_before_ping_errors 1",
            "nakama_overall_before_count 2",
            "nakama_overall_before_errors 1",
            "nakama_overall_after_count 1",
            "nakama_overall_after_latency_ms_count 1",
            "nakama_overall_after_latency_count 1",
        ] {
            assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
        }
        assert!(!text.contains("after_ping"), "it never ran");
    }
}
