//! Counts and times of calls, realtime messages and hooks.

use tavern_domain::{ErrorCode, RealtimeCode};
use tavern_protocol::{CallId, RtId};
use tavern_telemetry::{CallGroup, CallMetrics, HookMetrics, Metrics, Outcome, When};
use tokio::time::Instant;

/// Cells for every call and message, found by index.
pub(crate) struct ApiMetrics {
    calls: CallMetrics,
    messages: CallMetrics,
    /// Calls first, then messages.
    hooks: HookMetrics,
}

impl ApiMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let calls: Vec<&'static str> = CallId::ALL.iter().map(|call| call.name()).collect();
        let messages: Vec<&'static str> = RtId::ALL.iter().map(|message| message.name()).collect();
        let hooked: Vec<&'static str> = calls.iter().chain(&messages).copied().collect();
        Self {
            calls: CallMetrics::new(metrics, CallGroup::Api, &calls),
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
        let code = code.map_or(0, |code| usize::from(code.number()));
        self.calls.record(call as usize, outcome(code, begun, received, sent));
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
