//! What operators see of a server: metrics, log lines, traces.
//!
//! # Purpose
//! Metric names and the cells behind them ([`Metrics`], [`CallMetrics`], [`HookMetrics`],
//! [`SocketMetrics`]), log output as JSON or text with rotation and a level that can change while
//! the server runs ([`LogHandle`]), redaction of what must not be written down ([`redact_query`],
//! [`scrub`]), W3C trace context ([`TraceContext`]), spans ([`Tracer`]) and, behind the cargo
//! feature `otlp`, their export to an OpenTelemetry collector.
//!
//! # Invariants
//! - Every label value comes from a fixed set or passes a limit ([`CustomMetrics`]): no client can
//!   make the number of series grow.
//! - Writing a log line never waits for a disk or a pipe: lines go through a bounded queue to a
//!   thread of their own, what does not fit is dropped, and a counter and a later line say so.
//! - Whatever is logged passes [`scrub`] first, also lines of third-party crates.
//! - Nothing here is global except the one subscriber that [`LogHandle`]'s maker installs.
//!
//! # Must not know
//! The protocol, other crates of Tavern, sockets, where the time comes from (a [`WallClock`] is an
//! argument).
//!
//! # Entry points
//! [`Metrics::new`], [`start_logging`], [`TraceContext::parse`], [`Tracer`].

mod calls;
mod chain;
mod custom;
mod exposition;
mod gauges;
mod hooks;
mod log;
mod metrics;
mod names;
#[cfg(feature = "otlp")]
mod otlp;
mod redact;
mod timer;
mod trace;
mod tracer;

pub use calls::{CallGroup, CallMetrics, GRPC_CODES, Outcome, REALTIME_CODES};
pub use chain::Chain;
pub use custom::{CustomMetricError, CustomMetrics};
pub use gauges::{
    LiveCount, ParkedSession, PoolStats, RefusedConnection, SocketMetrics, observe_pool,
};
pub use hooks::{HookMetrics, When};
pub use log::{
    LogConfig, LogError, LogFile, LogFormat, LogGuard, LogHandle, LogLevel, Rotation, WallClock,
    log_panics, start_logging,
};
pub use metrics::{EXPOSITION_CONTENT_TYPE, Metrics, MetricsConfig};
pub use names::{MS_BUCKETS, Name, exact, prefixed, tavern};
#[cfg(feature = "otlp")]
pub use otlp::OtlpError;
pub use redact::{redact_query, scrub};
pub use trace::{SpanId, TraceContext, TraceId, TraceParseError, TraceState};
pub use tracer::{OtlpConfig, Tracer};

// So that the crates that hold handles need not depend on the facade themselves.
pub use ::metrics::{Counter, Gauge, Histogram};
