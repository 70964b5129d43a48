//! The metrics of one server.

use std::future::Future;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::calls::Totals;
use crate::exposition::{Exposition, Kind};
use crate::gauges::LiveCount;
use crate::names::{MS_BUCKETS, Name, exact, help, prefixed};

/// The media type of [`Metrics::render`].
pub const EXPOSITION_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often samples kept by the exporter are folded into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);
/// Every how many upkeeps the quantiles forget: they then speak of the last one to two minutes.
const TURN_EVERY: u32 = 12;

/// What a metric's name and labels begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricsConfig {
    /// Goes before every name but the fixed ones; may be empty.
    pub prefix: String,
    /// Goes, after the prefix, before names made by server code; may be empty.
    pub custom_prefix: String,
    /// Most series that server code may make; 0 means no limit.
    pub custom_scope_limit: usize,
    /// The label `node_name` on every series; empty means none.
    pub node_name: String,
    /// The label `namespace` on every series; empty means none.
    pub namespace: String,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            prefix: "nakama".to_owned(),
            custom_prefix: "custom".to_owned(),
            custom_scope_limit: 10_000,
            node_name: String::new(),
            namespace: String::new(),
        }
    }
}

/// Something that writes its own series.
pub(crate) trait Collect: Send + Sync {
    /// Lets quantiles forget; called once a minute.
    fn turn(&self) {}
    /// Writes the present values.
    fn collect(&self, prefix: &str, totals: &mut Totals, out: &mut Exposition);
}

struct Inner {
    config: MetricsConfig,
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    collectors: RwLock<Vec<Arc<dyn Collect>>>,
    authoritative_matches: LiveCount,
}

/// The metrics of one server. Cheap to clone; all clones are the same metrics.
///
/// Nothing is global: two servers in one process have two of these. Handles are made once, when a
/// part is built, and kept; making one takes a lock, using one does not.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(MetricsConfig::default())
    }
}

impl Metrics {
    /// Metrics that nobody has recorded anything in yet.
    #[must_use]
    pub fn new(config: MetricsConfig) -> Self {
        let mut builder = PrometheusBuilder::new()
            // A histogram without buckets would become a summary with costly quantiles.
            .set_buckets(&MS_BUCKETS)
            .expect("the list of buckets is not empty");
        for (name, value) in common_labels(&config) {
            builder = builder.add_global_label(name, value);
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let authoritative_matches = LiveCount::default();
        let count = authoritative_matches.clone();
        let collectors = RwLock::default();
        let inner = Inner { config, recorder, handle, collectors, authoritative_matches };
        let metrics = Self { inner: Arc::new(inner) };
        // Dashboards look for this gauge whether or not a server can run such matches.
        let names = [exact::AUTHORITATIVE_MATCH_COUNT, prefixed::AUTHORITATIVE_MATCHES];
        metrics.observe_gauge(&names, &[], move || count.value());
        metrics
    }

    /// The running authoritative matches, to be counted by whoever runs them.
    #[must_use]
    pub fn authoritative_matches(&self) -> &LiveCount {
        &self.inner.authoritative_matches
    }

    /// The configuration these metrics were made with.
    #[must_use]
    pub fn config(&self) -> &MetricsConfig {
        &self.inner.config
    }

    /// A counter. Label values are fixed texts, so that the number of series is bounded.
    pub fn counter(&self, name: Name, labels: &[(&'static str, &'static str)]) -> Counter {
        let full = name.full(&self.inner.config.prefix);
        self.inner.recorder.describe_counter(full.clone().into(), None, help(name).into());
        self.inner.recorder.register_counter(&key(full, labels), &META)
    }

    /// A counter with a label whose values are not known beforehand; the caller bounds how many
    /// there are.
    pub fn counter_of(&self, name: Name, label: &'static str, value: &str) -> Counter {
        let full = name.full(&self.inner.config.prefix);
        self.inner.recorder.describe_counter(full.clone().into(), None, help(name).into());
        let labels = vec![Label::new(label, value.to_owned())];
        self.inner.recorder.register_counter(&Key::from_parts(full, labels), &META)
    }

    /// A gauge with such a label.
    pub fn gauge_of(&self, name: Name, label: &'static str, value: &str) -> Gauge {
        let full = name.full(&self.inner.config.prefix);
        self.inner.recorder.describe_gauge(full.clone().into(), None, help(name).into());
        let labels = vec![Label::new(label, value.to_owned())];
        self.inner.recorder.register_gauge(&Key::from_parts(full, labels), &META)
    }

    /// A gauge.
    pub fn gauge(&self, name: Name, labels: &[(&'static str, &'static str)]) -> Gauge {
        let full = name.full(&self.inner.config.prefix);
        self.inner.recorder.describe_gauge(full.clone().into(), None, help(name).into());
        self.inner.recorder.register_gauge(&key(full, labels), &META)
    }

    /// A histogram in milliseconds with the buckets [`MS_BUCKETS`].
    pub fn histogram_ms(&self, name: Name, labels: &[(&'static str, &'static str)]) -> Histogram {
        let full = name.full(&self.inner.config.prefix);
        self.inner.recorder.describe_histogram(full.clone().into(), None, help(name).into());
        self.inner.recorder.register_histogram(&key(full, labels), &META)
    }

    /// A gauge whose value is asked for when somebody looks, under one name or several. `value`
    /// must be quick and must not wait.
    pub fn observe_gauge(
        &self,
        names: &[Name],
        labels: &[(&'static str, &'static str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.observe(Kind::Gauge, names, labels, value);
    }

    /// A counter whose value is asked for when somebody looks. `value` must never go down, must be
    /// quick and must not wait.
    pub fn observe_counter(
        &self,
        names: &[Name],
        labels: &[(&'static str, &'static str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.observe(Kind::Counter, names, labels, value);
    }

    fn observe(
        &self,
        kind: Kind,
        names: &[Name],
        labels: &[(&'static str, &'static str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let observed = Observed {
            kind,
            names: names.to_vec(),
            labels: labels.to_vec(),
            value: Box::new(value),
        };
        self.add_collector(Arc::new(observed));
    }

    pub(crate) fn add_collector(&self, collector: Arc<dyn Collect>) {
        self.inner.collectors.write().expect("no holder of this lock panics").push(collector);
    }

    /// Everything in the text form that Prometheus reads.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.inner.handle.render();
        let mut out = Exposition::new(&common_labels(&self.inner.config));
        let mut totals = Totals::default();
        let prefix = &self.inner.config.prefix;
        for collector in self.collectors() {
            collector.collect(prefix, &mut totals, &mut out);
        }
        totals.write(prefix, &mut out);
        out.finish(&mut text);
        text
    }

    fn collectors(&self) -> Vec<Arc<dyn Collect>> {
        self.inner.collectors.read().expect("no holder of this lock panics").clone()
    }

    /// Folds samples into buckets every 5 seconds until `stop` completes. Without this, histograms
    /// keep every sample in memory.
    pub async fn upkeep(self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        let mut ticks = tokio::time::interval(UPKEEP);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut round = 0u32;
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => {}
            }
            self.inner.handle.run_upkeep();
            round = round.wrapping_add(1);
            if round.is_multiple_of(TURN_EVERY) {
                for collector in self.collectors() {
                    collector.turn();
                }
            }
        }
    }
}

static META: Metadata<'static> = Metadata::new("tavern", Level::INFO, None);

fn key(name: String, labels: &[(&'static str, &'static str)]) -> Key {
    let labels: Vec<_> = labels.iter().map(|(k, v)| Label::from_static_parts(k, v)).collect();
    Key::from_parts(name, labels)
}

fn common_labels(config: &MetricsConfig) -> Vec<(String, String)> {
    [("node_name", &config.node_name), ("namespace", &config.namespace)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

struct Observed {
    kind: Kind,
    names: Vec<Name>,
    labels: Vec<(&'static str, &'static str)>,
    value: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl Collect for Observed {
    fn collect(&self, prefix: &str, _totals: &mut Totals, out: &mut Exposition) {
        let value = (self.value)();
        for name in &self.names {
            out.sample(&name.full(prefix), self.kind, help(*name), "", &self.labels, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::tavern;

    #[test]
    fn handles_show_with_the_common_labels() {
        let metrics = Metrics::new(MetricsConfig {
            node_name: "n1".into(),
            namespace: "eu".into(),
            ..Default::default()
        });
        metrics.counter(tavern::LOCKOUTS_TOTAL, &[("kind", "account")]).increment(2);
        metrics.gauge(prefixed::PRESENCES, &[]).set(7.0);
        metrics.observe_gauge(&[exact::ACTIVE_SESSIONS_COUNT, prefixed::SESSIONS], &[], || 3.0);
        let text = metrics.render();
        let has = |start: &str, value: &str| {
            text.lines().any(|l| {
                l.starts_with(&format!("{start}{{"))
                    && l.ends_with(value)
                    && l.contains("node_name=\"n1\"")
                    && l.contains("namespace=\"eu\"")
            })
        };
        assert!(has("tavern_lockouts_total", "} 2"), "{text}");
        assert!(has("nakama_presences", "} 7"), "{text}");
        assert!(has("active_sessions_count", "} 3"), "{text}");
        assert!(has("nakama_sessions", "} 3"), "{text}");
        assert!(text.contains("# HELP active_sessions_count Live socket sessions."));
    }

    #[test]
    fn a_histogram_comes_out_in_buckets_of_milliseconds_under_its_exact_name() {
        let metrics = Metrics::default();
        let h =
            metrics.histogram_ms(exact::DATABASE_QUERY_LATENCY_MS, &[("statement", "account_get")]);
        h.record(0.3);
        let text = metrics.render();
        assert!(
            text.contains(
                "database_query_latency_ms_bucket{statement=\"account_get\",le=\"0.5\"} 1"
            )
        );
        assert!(text.contains("database_query_latency_ms_sum{statement=\"account_get\"} 0.3"));
        assert!(!text.contains("quantile=\"0.5\"} 0.3"));
    }

    #[test]
    fn every_fixed_name_is_exported_once_its_part_is_there() {
        use crate::{CallGroup, CallMetrics, Outcome, PoolStats, SocketMetrics, observe_pool};
        let metrics = Metrics::default();
        let calls = CallMetrics::new(&metrics, CallGroup::Api, &["Healthcheck"]);
        calls.record(0, Outcome { code: 0, took: Duration::ZERO, received: 0, sent: 0 });
        drop(SocketMetrics::new(&metrics));
        observe_pool(&metrics, PoolStats::default);
        metrics.histogram_ms(exact::DATABASE_QUERY_LATENCY_MS, &[]).record(1.0);
        metrics.authoritative_matches().began();
        let text = metrics.render();
        for (name, _) in exact::HELP {
            let typed = format!("# TYPE {} ", name.full(""));
            assert_eq!(text.matches(&typed).count(), 1, "{name:?} in\n{text}");
        }
        assert!(text.contains("\nauthoritative_match_count 1\n"), "{text}");
        assert!(text.contains("\nnakama_authoritative_matches 1\n"), "{text}");
    }

    #[test]
    fn two_servers_in_one_process_share_nothing() {
        let (a, b) = (Metrics::default(), Metrics::default());
        a.counter(tavern::LOCKOUTS_TOTAL, &[]).increment(1);
        assert!(a.render().contains("tavern_lockouts_total"));
        assert!(!b.render().contains("tavern_lockouts_total"));
    }

    #[tokio::test(start_paused = true)]
    async fn upkeep_turns_the_quantiles_and_ends_when_asked() {
        use crate::calls::{CallGroup, CallMetrics, Outcome};
        let metrics = Metrics::default();
        let calls = CallMetrics::new(&metrics, CallGroup::Api, &["GetAccount"]);
        let took = Duration::from_millis(2);
        calls.record(0, Outcome { code: 0, took, received: 0, sent: 0 });
        let quantile = "nakama_GetAccount_latency_ms{quantile=\"0.5\"} NaN";
        assert!(!metrics.render().contains(quantile));
        let stop = tokio::time::sleep(Duration::from_secs(181));
        metrics.clone().upkeep(stop).await;
        assert!(metrics.render().contains(quantile), "the record is three minutes old");
        assert!(metrics.render().contains("nakama_GetAccount_latency_ms_count 1"));
    }
}
