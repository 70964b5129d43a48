//! Spans around calls, made only when somebody wants them.

use std::time::Duration;

use tracing::Span;

use crate::TraceContext;

/// The target of spans that are exported; others stay in the log.
pub(crate) const SPAN_TARGET: &str = "tavern::call";

/// Where spans are sent, and how many.
#[derive(Clone, PartialEq, Debug)]
pub struct OtlpConfig {
    /// The collector's gRPC address, such as `http://127.0.0.1:4317`.
    pub endpoint: String,
    /// How long sending a batch may take.
    pub timeout: Duration,
    /// Share of the traces begun here that are recorded, 0 to 1. Traces begun elsewhere are
    /// recorded when their caller records them.
    pub sample_ratio: f64,
    /// Spans waiting to be sent; more are dropped.
    pub queue_size: usize,
    /// Name of the node, as an attribute of every span.
    pub node_name: String,
    /// Version of the server, as an attribute of every span.
    pub version: String,
}

/// Makes the spans of calls. Cheap to clone.
///
/// Without an exporter a span is made only for a request that brought a trace context, so that
/// its log lines carry the trace's id; all others cost nothing.
#[derive(Clone, Debug, Default)]
pub struct Tracer {
    #[cfg(feature = "otlp")]
    pub(crate) otlp: Option<crate::otlp::Exporter>,
}

impl Tracer {
    /// A tracer without an exporter.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Whether spans are exported.
    #[must_use]
    pub const fn exports(&self) -> bool {
        #[cfg(feature = "otlp")]
        {
            self.otlp.is_some()
        }
        #[cfg(not(feature = "otlp"))]
        {
            false
        }
    }

    /// The span of one call by a client; a span that does nothing when nobody wants it.
    #[must_use]
    pub fn call(&self, name: &'static str, parent: Option<&TraceContext>) -> Span {
        if !self.exports() && parent.is_none() {
            return Span::none();
        }
        let span = tracing::info_span!(
            target: SPAN_TARGET,
            "call",
            otel.name = name,
            otel.kind = "server",
            rpc = name,
            trace_id = tracing::field::Empty,
        );
        #[cfg(feature = "otlp")]
        if self.exports() {
            crate::otlp::adopt(&span, parent);
        }
        let trace_id = self.context(&span).map(|c| c.trace_id).or(parent.map(|p| p.trace_id));
        if let Some(trace_id) = trace_id {
            span.record("trace_id", tracing::field::display(trace_id));
        }
        span
    }

    /// A span within the present one, for a piece of work worth seeing by itself; a span that does
    /// nothing unless spans are exported.
    #[must_use]
    pub fn part(&self, name: &'static str) -> Span {
        if !self.exports() {
            return Span::none();
        }
        tracing::info_span!(target: SPAN_TARGET, "part", otel.name = name)
    }

    /// The trace context to hand on from within `span`; `None` when spans are not exported (hand
    /// on what came in, then).
    #[must_use]
    pub fn context(&self, span: &Span) -> Option<TraceContext> {
        #[cfg(feature = "otlp")]
        if self.exports() {
            return crate::otlp::context_of(span);
        }
        let _ = span;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_exporter_only_requests_with_a_context_get_a_span() {
        let tracer = Tracer::off();
        let subscriber = tracing_subscriber::registry();
        tracing::subscriber::with_default(subscriber, || {
            assert!(tracer.call("GetAccount", None).is_disabled());
            assert!(tracer.part("database").is_disabled());
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
            let parent = TraceContext::parse(parent).unwrap();
            let span = tracer.call("GetAccount", Some(&parent));
            assert!(!span.is_disabled());
            assert_eq!(tracer.context(&span), None);
        });
    }
}
