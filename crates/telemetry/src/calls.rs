//! Counts and times of API calls, realtime messages and server functions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::exposition::{Exposition, Kind, clean_name};
use crate::metrics::{Collect, Metrics};
use crate::names::{Name, exact, help, prefixed};
use crate::timer::{Timer, Times};

/// The outcome names of gRPC, at the index of their number.
pub const GRPC_CODES: &[&str] = &[
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// The outcome names of realtime messages: 0 is success, `n + 1` the protocol's error code `n`.
pub const REALTIME_CODES: &[&str] = &[
    "OK",
    "RuntimeException",
    "UnrecognizedPayload",
    "MissingPayload",
    "BadInput",
    "MatchNotFound",
    "MatchJoinRejected",
    "RuntimeFunctionNotFound",
    "RuntimeFunctionException",
];

/// More outcome codes than any list above has.
const MAX_CODES: usize = 17;

/// What a set of calls is and which totals it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallGroup {
    /// Client API calls by HTTP or gRPC; outcome codes are [`GRPC_CODES`].
    Api,
    /// Messages on a socket; outcome codes are [`REALTIME_CODES`].
    Message,
    /// Server functions called by HTTP or gRPC, by their ids; outcome codes are [`GRPC_CODES`].
    /// Not part of the totals, because the API call that carries them is.
    ApiRpc,
    /// Server functions called on a socket; outcome codes are [`GRPC_CODES`]. Not part of the
    /// totals either.
    SocketRpc,
}

impl CallGroup {
    const fn transport(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Message => "ws",
            Self::ApiRpc => "api_rpc",
            Self::SocketRpc => "ws_rpc",
        }
    }

    const fn codes(self) -> &'static [&'static str] {
        match self {
            Self::Message => REALTIME_CODES,
            Self::Api | Self::ApiRpc | Self::SocketRpc => GRPC_CODES,
        }
    }

    const fn is_function(self) -> bool {
        match self {
            Self::ApiRpc | Self::SocketRpc => true,
            Self::Api | Self::Message => false,
        }
    }
}

/// How one call ended.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Index into the group's codes; 0 is success. One out of range counts as the group's
    /// `Unknown` or first error.
    pub code: usize,
    /// From the first byte understood to the answer handed to the connection.
    pub took: Duration,
    /// Bytes of the request.
    pub received: u64,
    /// Bytes of the answer.
    pub sent: u64,
}

#[derive(Default)]
struct Cell {
    codes: [AtomicU64; MAX_CODES],
    received: AtomicU64,
    sent: AtomicU64,
    timer: Timer,
}

impl Cell {
    fn count(&self) -> u64 {
        self.codes.iter().map(|c| c.load(Ordering::Relaxed)).sum()
    }

    fn errors(&self) -> u64 {
        self.codes[1..].iter().map(|c| c.load(Ordering::Relaxed)).sum()
    }
}

struct Table {
    group: CallGroup,
    names: Vec<&'static str>,
    /// Made on the first record, so that calls nobody makes cost nothing.
    cells: Vec<OnceLock<Box<Cell>>>,
}

/// Cells for a fixed set of calls, found by index: no name is looked up while the server runs.
///
/// Cheap to clone; all clones are the same cells.
#[derive(Clone)]
pub struct CallMetrics(Arc<Table>);

impl CallMetrics {
    /// Registers a set of calls. The index of a name is the index to record under.
    #[must_use]
    pub fn new(metrics: &Metrics, group: CallGroup, names: &[&'static str]) -> Self {
        let table = Arc::new(Table {
            group,
            names: names.to_vec(),
            cells: names.iter().map(|_| OnceLock::new()).collect(),
        });
        metrics.add_collector(Arc::clone(&table) as Arc<dyn Collect>);
        Self(table)
    }

    /// Counts one call: six additions, no lock, no allocation after a call's first time. An
    /// unknown index is ignored (and a bug, so debug builds stop).
    pub fn record(&self, call: usize, outcome: Outcome) {
        let Some(cell) = self.0.cells.get(call) else {
            debug_assert!(false, "no call with index {call}");
            return;
        };
        let cell = cell.get_or_init(Box::default);
        let known = outcome.code < self.0.group.codes().len();
        let code = if known { outcome.code } else { 2 };
        cell.codes[code].fetch_add(1, Ordering::Relaxed);
        cell.received.fetch_add(outcome.received, Ordering::Relaxed);
        cell.sent.fetch_add(outcome.sent, Ordering::Relaxed);
        cell.timer.record(outcome.took);
    }

    /// How often a call was recorded.
    #[must_use]
    pub fn count(&self, call: usize) -> u64 {
        self.0.cells.get(call).and_then(OnceLock::get).map_or(0, |cell| cell.count())
    }
}

/// Sums over the groups that make up the totals, kept while an export is written.
#[derive(Default)]
pub(crate) struct Totals {
    sides: [Side; 2],
    times: Times,
}

#[derive(Default)]
struct Side {
    count: u64,
    errors: u64,
    received: u64,
    sent: u64,
}

impl Totals {
    pub(crate) fn write(&self, prefix: &str, out: &mut Exposition) {
        let [api, ws] = &self.sides;
        let rows = [
            (prefixed::OVERALL_COUNT, api.count + ws.count),
            (prefixed::OVERALL_ERRORS, api.errors + ws.errors),
            (prefixed::OVERALL_RECV_BYTES, api.received + ws.received),
            (prefixed::OVERALL_SENT_BYTES, api.sent + ws.sent),
            (prefixed::OVERALL_REQUEST_COUNT, api.count),
            (prefixed::OVERALL_REQUEST_ERRORS, api.errors),
            (prefixed::OVERALL_REQUEST_RECV_BYTES, api.received),
            (prefixed::OVERALL_REQUEST_SENT_BYTES, api.sent),
            (prefixed::OVERALL_MESSAGE_COUNT, ws.count),
            (prefixed::OVERALL_MESSAGE_ERRORS, ws.errors),
            (prefixed::OVERALL_MESSAGE_RECV_BYTES, ws.received),
            (prefixed::OVERALL_MESSAGE_SENT_BYTES, ws.sent),
        ];
        for (name, value) in rows {
            counter(out, name, prefix, &[], value);
        }
        let name = prefixed::OVERALL_LATENCY_MS;
        self.times.write_summary(out, &name.full(prefix), help(name), &[]);
    }
}

fn counter(
    out: &mut Exposition,
    name: Name,
    prefix: &str,
    labels: &[(&str, &str)],
    value: impl std::fmt::Display,
) {
    out.sample(&name.full(prefix), Kind::Counter, help(name), "", labels, value);
}

impl Collect for Table {
    fn turn(&self) {
        for cell in self.cells.iter().filter_map(OnceLock::get) {
            cell.timer.turn();
        }
    }

    fn collect(&self, prefix: &str, totals: &mut Totals, out: &mut Exposition) {
        for (name, cell) in self.names.iter().zip(&self.cells) {
            if let Some(cell) = cell.get() {
                self.collect_cell(name, cell, prefix, totals, out);
            }
        }
    }
}

impl Table {
    fn collect_cell(
        &self,
        name: &str,
        cell: &Cell,
        prefix: &str,
        totals: &mut Totals,
        out: &mut Exposition,
    ) {
        let transport = self.group.transport();
        let (received, sent) =
            (cell.received.load(Ordering::Relaxed), cell.sent.load(Ordering::Relaxed));
        let times = cell.timer.snapshot();
        for (code, count) in self.group.codes().iter().zip(&cell.codes) {
            let count = count.load(Ordering::Relaxed);
            if count == 0 {
                continue;
            }
            if !self.group.is_function() {
                let labels = [("rpc", name), ("transport", transport), ("code", code)];
                counter(out, exact::API_RPC_CALLS_TOTAL, prefix, &labels, count);
            }
            let labels = [("transport", transport), ("rpc_id", name), ("rpc_code", *code)];
            counter(out, prefixed::COUNT, prefix, &labels, count);
        }
        let labels = [("transport", transport), ("rpc_id", name)];
        counter(out, prefixed::RECV_BYTES, prefix, &labels, received);
        counter(out, prefixed::SENT_BYTES, prefix, &labels, sent);
        if self.group.is_function() {
            self.collect_function(name, cell, &times, prefix, out);
            return;
        }
        let labels = [("rpc", name), ("transport", transport)];
        let latency = exact::API_RPC_LATENCY_MS;
        times.write_histogram(out, &latency.full(prefix), help(latency), &labels);

        let base = Name::Prefixed("").full(prefix) + &clean_name(name);
        let rows = [
            ("_count", cell.count()),
            ("_errors", cell.errors()),
            ("_recv_bytes", received),
            ("_sent_bytes", sent),
        ];
        for (suffix, value) in rows {
            out.sample(&format!("{base}{suffix}"), Kind::Counter, "", "", &[], value);
        }
        times.write_summary(out, &format!("{base}_latency_ms"), "", &[]);

        let side = &mut totals.sides[usize::from(self.group == CallGroup::Message)];
        side.count += cell.count();
        side.errors += cell.errors();
        side.received += received;
        side.sent += sent;
        totals.times.add(&times);
    }

    /// Server functions have one series per id and way, whereas the dashboards know only the id;
    /// so the way is a label more.
    fn collect_function(
        &self,
        name: &str,
        cell: &Cell,
        times: &Times,
        prefix: &str,
        out: &mut Exposition,
    ) {
        let labels = [("rpc_id", name), ("transport", self.group.transport())];
        counter(out, prefixed::RPC_COUNT, prefix, &labels, cell.count());
        counter(out, prefixed::RPC_ERRORS, prefix, &labels, cell.errors());
        let received = cell.received.load(Ordering::Relaxed);
        counter(out, prefixed::RPC_RECV_BYTES, prefix, &labels, received);
        let sent = cell.sent.load(Ordering::Relaxed);
        counter(out, prefixed::RPC_SENT_BYTES, prefix, &labels, sent);
        let latency = prefixed::RPC_LATENCY_MS;
        times.write_summary(out, &latency.full(prefix), help(latency), &labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MetricsConfig;

    const OK: Outcome = Outcome { code: 0, took: Duration::from_millis(2), received: 10, sent: 20 };

    fn lines(metrics: &Metrics) -> Vec<String> {
        metrics.render().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_call_shows_under_the_fixed_names_and_under_those_of_dashboards() {
        let metrics = Metrics::new(MetricsConfig::default());
        let api = CallMetrics::new(&metrics, CallGroup::Api, &["GetAccount", "DeleteAccount"]);
        let ws = CallMetrics::new(&metrics, CallGroup::Message, &["ping"]);
        api.record(0, OK);
        api.record(0, Outcome { code: 5, ..OK });
        ws.record(0, OK);
        let got = lines(&metrics);
        for line in [
            "api_rpc_calls_total{rpc=\"GetAccount\",transport=\"api\",code=\"OK\"} 1",
            "api_rpc_calls_total{rpc=\"GetAccount\",transport=\"api\",code=\"NotFound\"} 1",
            "api_rpc_latency_ms_bucket{rpc=\"GetAccount\",transport=\"api\",le=\"2.5\"} 2",
            "api_rpc_latency_ms_sum{rpc=\"ping\",transport=\"ws\"} 2",
            "nakama_overall_count 3",
            "nakama_overall_errors 1",
            "nakama_overall_request_count 2",
            "nakama_overall_message_sent_bytes 20",
            "nakama_GetAccount_count 2",
            "nakama_GetAccount_errors 1",
            "nakama_GetAccount_latency_ms{quantile=\"0.5\"} 0.002",
            "nakama_GetAccount_latency_ms_count 2",
            "nakama_count{transport=\"api\",rpc_id=\"GetAccount\",rpc_code=\"NotFound\"} 1",
            "nakama_overall_latency_ms_count 3",
        ] {
            assert!(got.iter().any(|l| l == line), "no line {line} in\n{}", got.join("\n"));
        }
        assert!(!got.iter().any(|l| l.contains("DeleteAccount")), "it was never called");
    }

    #[test]
    fn server_functions_are_not_counted_twice_in_the_totals() {
        let metrics = Metrics::new(MetricsConfig { prefix: String::new(), ..Default::default() });
        let rpc = CallMetrics::new(&metrics, CallGroup::ApiRpc, &["rewards.claim"]);
        rpc.record(0, OK);
        let got = lines(&metrics);
        assert!(got.contains(&"overall_count 0".to_owned()));
        assert!(
            got.contains(&"Rpc_count{rpc_id=\"rewards.claim\",transport=\"api_rpc\"} 1".to_owned())
        );
        assert!(!got.iter().any(|l| l.starts_with("api_rpc_calls_total{")));
    }

    #[test]
    fn every_family_has_one_type_line_and_stands_in_one_piece() {
        let metrics = Metrics::new(MetricsConfig::default());
        for (group, names) in [
            (CallGroup::Api, &["GetAccount", "GetUsers"][..]),
            (CallGroup::Message, &["ping"]),
            (CallGroup::ApiRpc, &["f"]),
            (CallGroup::SocketRpc, &["f"]),
        ] {
            let calls = CallMetrics::new(&metrics, group, names);
            for i in 0..names.len() {
                calls.record(i, OK);
            }
        }
        let mut types = std::collections::HashSet::new();
        let mut current = String::new();
        for line in lines(&metrics) {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                current = rest.split(' ').next().unwrap().to_owned();
                assert!(types.insert(current.clone()), "{current} is typed twice");
            } else if !line.starts_with('#') && !line.is_empty() {
                assert!(line.starts_with(&current), "{line} stands under {current}");
            }
        }
    }

    #[test]
    fn a_code_out_of_range_counts_as_unknown() {
        let metrics = Metrics::new(MetricsConfig::default());
        let api = CallMetrics::new(&metrics, CallGroup::Api, &["GetAccount"]);
        api.record(0, Outcome { code: 99, ..OK });
        assert!(metrics.render().contains("code=\"Unknown\"} 1"));
        assert_eq!(api.count(0), 1);
    }
}
