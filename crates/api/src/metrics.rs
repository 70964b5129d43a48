//! Counts and times of calls, realtime messages and hooks.

use tavern_domain::{ErrorCode, RealtimeCode};
use tavern_protocol::{CallId, RtId};
use tavern_telemetry::{CallGroup, CallMetrics, HookMetrics, Metrics, Outcome, When};
use tokio::time::Instant;

/// What requests of the routes of server code are called in logs, metrics and traces.
pub(crate) const ROUTED: &str = "HttpRoute";

/// Cells for every call and message, found by index.
pub(crate) struct ApiMetrics {
    calls: CallMetrics,
    messages: CallMetrics,
    /// Where requests of the routes of server code are among the calls.
    routed: usize,
    /// Calls first, then messages.
    hooks: HookMetrics,
}

impl ApiMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let calls: Vec<&'static str> = CallId::ALL.iter().map(|call| call.name()).collect();
        let messages: Vec<&'static str> = RtId::ALL.iter().map(|message| message.name()).collect();
        let hooked: Vec<&'static str> = calls.iter().chain(&messages).copied().collect();
        let routed = calls.len();
        let named: Vec<&'static str> = calls.iter().copied().chain([ROUTED]).collect();
        Self {
            calls: CallMetrics::new(metrics, CallGroup::Api, &named),
            routed,
            messages: CallMetrics::new(metrics, CallGroup::Message, &messages),
            hooks: HookMetrics::new(metrics, &hooked),
        }
    }

    pub(crate) fn call(
        &self,
        call: CallId,
        begun: Instant,
        code: Option<ErrorCode>,
        received: usize,
        sent: usize,
    ) {
        self.at(call as usize, begun, code, received, sent);
    }

    /// A request by a route of server code.
    pub(crate) fn routed(
        &self,
        begun: Instant,
        code: Option<ErrorCode>,
        received: usize,
        sent: usize,
    ) {
        self.at(self.routed, begun, code, received, sent);
    }

    fn at(
        &self,
        index: usize,
        begun: Instant,
        code: Option<ErrorCode>,
        received: usize,
        sent: usize,
    ) {
        let code = code.map_or(0, |code| usize::from(code.number()));
        self.calls.record(index, outcome(code, begun, received, sent));
    }

    pub(crate) fn message(&self, message: RtId, begun: Instant, code: Option<RealtimeCode>) {
        let code = code.map_or(0, |code| code as usize + 1);
        self.messages.record(message as usize, outcome(code, begun, 0, 0));
    }

    pub(crate) fn call_hook(&self, when: When, call: CallId, failed: bool, begun: Instant) {
        self.hooks.record(when, call as usize, failed, begun.elapsed());
    }

    pub(crate) fn message_hook(&self, when: When, message: RtId, failed: bool, begun: Instant) {
        let index = CallId::ALL.len() + message as usize;
        self.hooks.record(when, index, failed, begun.elapsed());
    }
}

fn outcome(code: usize, begun: Instant, received: usize, sent: usize) -> Outcome {
    Outcome { code, took: begun.elapsed(), received: received as u64, sent: sent as u64 }
}
