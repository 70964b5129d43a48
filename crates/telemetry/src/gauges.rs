//! Ready-made sets of handles for the parts that every server has.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use metrics::Counter;

use crate::metrics::Metrics;
use crate::names::{exact, prefixed, tavern};

/// Why a connection was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RefusedConnection {
    TooMany,
    TooManyFromAddress,
    TlsFailed,
    Draining,
    HeaderTimeout,
}

impl RefusedConnection {
    const ALL: [(Self, &'static str); 5] = [
        (Self::TooMany, "too_many"),
        (Self::TooManyFromAddress, "too_many_from_address"),
        (Self::TlsFailed, "tls_failed"),
        (Self::Draining, "draining"),
        (Self::HeaderTimeout, "header_timeout"),
    ];
}

#[derive(Default)]
struct SocketCells {
    opened: AtomicU64,
    closed: AtomicU64,
    sessions: AtomicI64,
    parked: LiveCount,
}

/// Sockets and sessions: opened, closed, live, dropped messages. Cheap to clone.
#[derive(Clone)]
pub struct SocketMetrics {
    cells: Arc<SocketCells>,
    dropped: Counter,
    overflow_closes: Counter,
    parked: Counter,
    resumed: Counter,
    refused: [Counter; RefusedConnection::ALL.len()],
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^52 are exact")]
impl SocketMetrics {
    /// Registers the names.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let cells = Arc::new(SocketCells::default());
        let c = Arc::clone(&cells);
        metrics.observe_counter(&[prefixed::SOCKET_WS_OPENED], &[], move || {
            c.opened.load(Ordering::Relaxed) as f64
        });
        let c = Arc::clone(&cells);
        metrics.observe_counter(&[prefixed::SOCKET_WS_CLOSED], &[], move || {
            c.closed.load(Ordering::Relaxed) as f64
        });
        let c = Arc::clone(&cells);
        metrics.observe_gauge(&[exact::SOCKET_CONNECTIONS_ACTIVE], &[], move || {
            let closed = c.closed.load(Ordering::Relaxed);
            c.opened.load(Ordering::Relaxed).saturating_sub(closed) as f64
        });
        let c = Arc::clone(&cells);
        let names = [exact::ACTIVE_SESSIONS_COUNT, prefixed::SESSIONS];
        metrics.observe_gauge(&names, &[], move || c.sessions.load(Ordering::Relaxed) as f64);
        let c = Arc::clone(&cells);
        metrics.observe_gauge(&[tavern::SESSIONS_PARKED], &[], move || c.parked.value());
        Self {
            cells,
            parked: metrics.counter(tavern::SESSIONS_PARKED_TOTAL, &[]),
            resumed: metrics.counter(tavern::SESSIONS_RESUMED_TOTAL, &[]),
            dropped: metrics.counter(tavern::OUTBOX_DROPPED_TOTAL, &[]),
            overflow_closes: metrics.counter(tavern::OUTBOX_OVERFLOW_CLOSES_TOTAL, &[]),
            refused: RefusedConnection::ALL.map(|(_, reason)| {
                metrics.counter(tavern::CONNECTIONS_REFUSED_TOTAL, &[("reason", reason)])
            }),
        }
    }

    /// A websocket was opened.
    pub fn opened(&self) {
        self.cells.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// A websocket was closed.
    pub fn closed(&self) {
        self.cells.closed.fetch_add(1, Ordering::Relaxed);
    }

    /// A session has begun on a socket.
    pub fn session_began(&self) {
        self.cells.sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// A session on a socket has ended.
    pub fn session_ended(&self) {
        self.cells.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    /// A session waits for another socket, for as long as the answer is held.
    #[must_use]
    pub fn parked(&self) -> ParkedSession {
        self.parked.increment(1);
        self.cells.parked.began();
        ParkedSession(self.cells.parked.clone())
    }

    /// Another socket took a parked session over.
    pub fn resumed(&self) {
        self.resumed.increment(1);
    }

    /// Messages were dropped because an outbox was full.
    pub fn outbox_dropped(&self, messages: u64) {
        self.dropped.increment(messages);
    }

    /// A session was closed because its outbox was full.
    pub fn closed_by_overflow(&self) {
        self.overflow_closes.increment(1);
    }

    /// A connection was refused.
    pub fn refused(&self, why: RefusedConnection) {
        for ((reason, _), counter) in RefusedConnection::ALL.iter().zip(&self.refused) {
            if *reason == why {
                counter.increment(1);
            }
        }
    }
}

/// A session that waits for another socket.
#[derive(Debug)]
pub struct ParkedSession(LiveCount);

impl Drop for ParkedSession {
    fn drop(&mut self) {
        self.0.ended();
    }
}

/// How many of something there are now. Cheap to clone; all clones are the same count.
#[derive(Clone, Debug, Default)]
pub struct LiveCount(Arc<AtomicI64>);

impl LiveCount {
    /// One more.
    pub fn began(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn ended(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts below 2^52 are exact")]
    pub(crate) fn value(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64
    }
}

/// What a database pool looks like at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PoolStats {
    /// Most connections it may open.
    pub max_open: u64,
    /// Open connections.
    pub open: u64,
    /// Of these, connections at work.
    pub in_use: u64,
    /// Times somebody had to wait, since the start.
    pub waits: u64,
    /// Nanoseconds spent waiting, since the start.
    pub wait_nanos: u64,
    /// Connections closed because of their age, since the start.
    pub closed_by_age: u64,
}

/// Registers the pool's names; `stats` is asked when somebody looks and must not wait.
#[expect(clippy::cast_precision_loss, reason = "counts below 2^52 are exact")]
pub fn observe_pool(metrics: &Metrics, stats: impl Fn() -> PoolStats + Send + Sync + 'static) {
    let stats = Arc::new(stats);
    type Pick = fn(PoolStats) -> u64;
    let gauges: [(&[crate::names::Name], Pick); 4] = [
        (&[prefixed::DB_MAX_OPEN_CONNS], |s| s.max_open),
        (&[exact::DATABASE_POOL_CONNS_OPEN, prefixed::DB_TOTAL_OPEN_CONNS], |s| s.open),
        (&[prefixed::DB_IN_USE_CONNS], |s| s.in_use),
        (&[prefixed::DB_IDLE_CONNS], |s| s.open.saturating_sub(s.in_use)),
    ];
    for (names, pick) in gauges {
        let stats = Arc::clone(&stats);
        metrics.observe_gauge(names, &[], move || pick(stats()) as f64);
    }
    let counters: [(crate::names::Name, Pick); 3] = [
        (prefixed::DB_TOTAL_WAIT_COUNT, |s| s.waits),
        (prefixed::DB_TOTAL_WAIT_TIME_NANOS, |s| s.wait_nanos),
        (prefixed::DB_TOTAL_MAX_LIFETIME_CLOSED, |s| s.closed_by_age),
    ];
    for (name, pick) in counters {
        let stats = Arc::clone(&stats);
        metrics.observe_counter(&[name], &[], move || pick(stats()) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(metrics: &Metrics, line: &str) -> bool {
        metrics.render().lines().any(|l| l == line)
    }

    #[test]
    fn sockets_and_sessions_are_counted_apart() {
        let metrics = Metrics::default();
        let sockets = SocketMetrics::new(&metrics);
        sockets.opened();
        sockets.opened();
        sockets.closed();
        sockets.session_began();
        sockets.session_began();
        sockets.session_ended();
        sockets.outbox_dropped(5);
        sockets.closed_by_overflow();
        sockets.refused(RefusedConnection::TooManyFromAddress);
        for line in [
            "socket_connections_active 1",
            "active_sessions_count 1",
            "nakama_sessions 1",
            "nakama_socket_ws_opened 2",
            "nakama_socket_ws_closed 1",
            "tavern_outbox_dropped_total 5",
            "tavern_outbox_overflow_closes_total 1",
            "tavern_connections_refused_total{reason=\"too_many_from_address\"} 1",
            "tavern_connections_refused_total{reason=\"too_many\"} 0",
        ] {
            assert!(has(&metrics, line), "no line {line} in\n{}", metrics.render());
        }
    }

    #[test]
    fn the_pool_shows_under_both_sets_of_names() {
        let metrics = Metrics::default();
        observe_pool(&metrics, || PoolStats {
            max_open: 100,
            open: 8,
            in_use: 3,
            waits: 2,
            wait_nanos: 9,
            closed_by_age: 1,
        });
        for line in [
            "database_pool_conns_open 8",
            "nakama_db_total_open_conns 8",
            "nakama_db_idle_conns 5",
            "nakama_db_total_wait_time_nanos 9",
        ] {
            assert!(has(&metrics, line), "no line {line}");
        }
    }
}
