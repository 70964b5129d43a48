//! Metrics that server code makes up at run time, with a limit on how many.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use metrics::Counter;

use crate::calls::Totals;
use crate::exposition::{Exposition, Kind, clean_name};
use crate::metrics::{Collect, Metrics};
use crate::names::{Name, prefixed};
use crate::timer::Timer;

/// Why a metric of server code was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CustomMetricError {
    /// The name is empty.
    #[error("a metric needs a name")]
    NoName,
    /// The name is taken by a metric of another kind.
    #[error("metric {name} exists with another kind")]
    OtherKind {
        /// The name as given.
        name: String,
    },
    /// The limit of series is reached.
    #[error(
        "server code already has {limit} metric series, the limit of metrics.custom_scope_limit"
    )]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

enum Cell {
    Counter(AtomicU64),
    /// The bits of a floating-point number.
    Gauge(AtomicU64),
    Timer(Box<Timer>),
}

impl Cell {
    const fn kind(&self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Timer(_) => Kind::Summary,
        }
    }
}

#[derive(PartialEq, Eq, Hash, Clone)]
struct Series {
    name: String,
    labels: Vec<(String, String)>,
}

#[derive(Default)]
struct State {
    kinds: HashMap<String, Kind>,
    series: HashMap<Series, Arc<Cell>>,
}

struct Registry {
    custom_prefix: String,
    limit: usize,
    state: RwLock<State>,
}

/// Counters, gauges and timers by name, as scripts use them. Cheap to clone.
///
/// Exported as `<prefix>_<custom prefix>_<name>`; characters that are not allowed become `_`.
#[derive(Clone)]
pub struct CustomMetrics {
    registry: Arc<Registry>,
    refused: Counter,
}

impl CustomMetrics {
    /// An empty set. Make one per server.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let config = metrics.config();
        let registry = Arc::new(Registry {
            custom_prefix: config.custom_prefix.clone(),
            limit: config.custom_scope_limit,
            state: RwLock::default(),
        });
        metrics.add_collector(Arc::clone(&registry) as Arc<dyn Collect>);
        let refused = metrics.counter(prefixed::METRICS_COLLECTION_ERRORS_COUNT, &[]);
        Self { registry, refused }
    }

    /// Adds to a counter. Negative additions are ignored: a counter only rises.
    ///
    /// # Errors
    /// See [`CustomMetricError`].
    pub fn counter_add(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        delta: i64,
    ) -> Result<(), CustomMetricError> {
        let cell = self.cell(name, labels, Kind::Counter)?;
        if let Cell::Counter(value) = cell.as_ref() {
            value.fetch_add(u64::try_from(delta).unwrap_or(0), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sets a gauge.
    ///
    /// # Errors
    /// See [`CustomMetricError`].
    pub fn gauge_set(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        value: f64,
    ) -> Result<(), CustomMetricError> {
        let cell = self.cell(name, labels, Kind::Gauge)?;
        if let Cell::Gauge(bits) = cell.as_ref() {
            bits.store(value.to_bits(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Records a time.
    ///
    /// # Errors
    /// See [`CustomMetricError`].
    pub fn timer_record(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        took: Duration,
    ) -> Result<(), CustomMetricError> {
        let cell = self.cell(name, labels, Kind::Summary)?;
        if let Cell::Timer(timer) = cell.as_ref() {
            timer.record(took);
        }
        Ok(())
    }

    fn cell(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        kind: Kind,
    ) -> Result<Arc<Cell>, CustomMetricError> {
        let found = self.registry.cell(name, labels, kind);
        if found.is_err() {
            self.refused.increment(1);
        }
        found
    }
}

impl Registry {
    fn cell(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        kind: Kind,
    ) -> Result<Arc<Cell>, CustomMetricError> {
        if name.is_empty() {
            return Err(CustomMetricError::NoName);
        }
        let mut labels: Vec<_> =
            labels.iter().map(|(k, v)| (clean_name(k), (*v).to_owned())).collect();
        // The same labels in another order are the same series, and a label counts once.
        labels.sort_unstable();
        labels.dedup_by(|a, b| a.0 == b.0);
        let series = Series { name: clean_name(name), labels };
        let poisoned = "no holder of this lock panics";
        if let Some(cell) = self.state.read().expect(poisoned).series.get(&series) {
            return same_kind(cell, kind, name);
        }
        let mut state = self.state.write().expect(poisoned);
        if let Some(cell) = state.series.get(&series) {
            return same_kind(cell, kind, name);
        }
        if state.kinds.get(&series.name).is_some_and(|other| *other != kind) {
            return Err(CustomMetricError::OtherKind { name: name.to_owned() });
        }
        if self.limit != 0 && state.series.len() >= self.limit {
            return Err(CustomMetricError::TooMany { limit: self.limit });
        }
        let cell = Arc::new(match kind {
            Kind::Counter => Cell::Counter(AtomicU64::new(0)),
            Kind::Gauge => Cell::Gauge(AtomicU64::new(0)),
            Kind::Summary | Kind::Histogram => Cell::Timer(Box::default()),
        });
        state.kinds.insert(series.name.clone(), cell.kind());
        state.series.insert(series, Arc::clone(&cell));
        Ok(cell)
    }
}

fn same_kind(cell: &Arc<Cell>, kind: Kind, name: &str) -> Result<Arc<Cell>, CustomMetricError> {
    if cell.kind() == kind {
        Ok(Arc::clone(cell))
    } else {
        Err(CustomMetricError::OtherKind { name: name.to_owned() })
    }
}

impl Collect for Registry {
    fn turn(&self) {
        let state = self.state.read().expect("no holder of this lock panics");
        for cell in state.series.values() {
            if let Cell::Timer(timer) = cell.as_ref() {
                timer.turn();
            }
        }
    }

    fn collect(&self, prefix: &str, _totals: &mut Totals, out: &mut Exposition) {
        let mut start = Name::Prefixed("").full(prefix);
        if !self.custom_prefix.is_empty() {
            start.push_str(&self.custom_prefix);
            start.push('_');
        }
        let state = self.state.read().expect("no holder of this lock panics");
        let mut all: Vec<_> = state.series.iter().collect();
        all.sort_unstable_by(|a, b| (&a.0.name, &a.0.labels).cmp(&(&b.0.name, &b.0.labels)));
        for (series, cell) in all {
            let name = clean_name(&format!("{start}{}", series.name));
            let labels: Vec<_> =
                series.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            match cell.as_ref() {
                Cell::Counter(v) => {
                    out.sample(&name, Kind::Counter, "", "", &labels, v.load(Ordering::Relaxed));
                }
                Cell::Gauge(bits) => {
                    let value = f64::from_bits(bits.load(Ordering::Relaxed));
                    out.sample(&name, Kind::Gauge, "", "", &labels, value);
                }
                Cell::Timer(timer) => timer.snapshot().write_summary(out, &name, "", &labels),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MetricsConfig;

    #[test]
    fn script_metrics_are_exported_behind_both_prefixes() {
        let metrics = Metrics::default();
        let custom = CustomMetrics::new(&metrics);
        custom.counter_add("gold.spent", &[("shop", "a"), ("kind", "b")], 2).unwrap();
        custom.counter_add("gold.spent", &[("kind", "b"), ("shop", "a")], 3).unwrap();
        custom.counter_add("gold.spent", &[("kind", "b"), ("shop", "a")], -9).unwrap();
        custom.gauge_set("queue", &[], 1.5).unwrap();
        custom.timer_record("turn", &[], Duration::from_secs(1)).unwrap();
        let text = metrics.render();
        for line in [
            "nakama_custom_gold_spent{kind=\"b\",shop=\"a\"} 5",
            "nakama_custom_queue 1.5",
            "nakama_custom_turn_sum 1",
        ] {
            assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
        }
    }

    #[test]
    fn the_number_of_series_is_limited_and_refusals_are_counted() {
        let metrics =
            Metrics::new(MetricsConfig { custom_scope_limit: 2, ..MetricsConfig::default() });
        let custom = CustomMetrics::new(&metrics);
        custom.counter_add("a", &[("user", "1")], 1).unwrap();
        custom.counter_add("a", &[("user", "2")], 1).unwrap();
        let refused = custom.counter_add("a", &[("user", "3")], 1);
        assert_eq!(refused, Err(CustomMetricError::TooMany { limit: 2 }));
        custom.counter_add("a", &[("user", "1")], 1).unwrap();
        assert!(metrics.render().contains("nakama_metrics_collection_errors_count 1"));
    }

    #[test]
    fn one_name_is_of_one_kind() {
        let custom = CustomMetrics::new(&Metrics::default());
        custom.counter_add("a", &[], 1).unwrap();
        let other = Err(CustomMetricError::OtherKind { name: "a".into() });
        assert_eq!(custom.gauge_set("a", &[], 1.0), other);
        assert_eq!(custom.gauge_set("a", &[("k", "v")], 1.0), other);
        assert_eq!(custom.counter_add("", &[], 1), Err(CustomMetricError::NoName));
    }
}
