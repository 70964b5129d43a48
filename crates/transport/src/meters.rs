//! What the listeners count.

use tavern_telemetry::{Counter, Metrics, Name, SocketMetrics};

use crate::socket::End;

/// The counters of the listeners, made once.
pub(crate) struct Meters {
    pub(crate) sockets: SocketMetrics,
    /// Bytes of messages that came by sockets.
    pub(crate) received_bytes: Counter,
    /// Bytes of frames sent to sockets, pings and the like left out.
    pub(crate) sent_bytes: Counter,
    /// Messages that came by sockets.
    pub(crate) received_messages: Counter,
    /// Messages sent to sockets.
    pub(crate) sent_messages: Counter,
    /// Failures to accept a connection: usually no file descriptor is left.
    pub(crate) accept_failures: Counter,
    ends: [Counter; End::NAMES.len()],
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meters")
    }
}

impl Meters {
    /// Registers the names.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let counter = |name| metrics.counter(Name::Exact(name), &[]);
        Self {
            sockets: SocketMetrics::new(metrics),
            received_bytes: counter("tavern_socket_received_bytes_total"),
            sent_bytes: counter("tavern_socket_sent_bytes_total"),
            received_messages: counter("tavern_socket_received_messages_total"),
            sent_messages: counter("tavern_socket_sent_messages_total"),
            accept_failures: counter("tavern_accept_failures_total"),
            ends: End::NAMES.map(|reason| {
                let name = Name::Exact("tavern_sessions_closed_total");
                metrics.counter(name, &[("reason", reason)])
            }),
        }
    }

    /// A session has ended.
    pub(crate) fn ended(&self, end: &End) {
        if let Some(counter) = self.ends.get(end.index()) {
            counter.increment(1);
        }
    }
}
