//! Counts and times of calls and realtime messages.

use tavern_domain::{ErrorCode, RealtimeCode};
use tavern_protocol::{CallId, RtId};
use tavern_telemetry::{CallGroup, CallMetrics, Metrics, Outcome};
use tokio::time::Instant;

/// Cells for every call and message, found by index.
pub(crate) struct ApiMetrics {
    calls: CallMetrics,
    messages: CallMetrics,
}

impl ApiMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let calls: Vec<&'static str> = CallId::ALL.iter().map(|call| call.name()).collect();
        let messages: Vec<&'static str> = RtId::ALL.iter().map(|message| message.name()).collect();
        Self {
            calls: CallMetrics::new(metrics, CallGroup::Api, &calls),
            messages: CallMetrics::new(metrics, CallGroup::Message, &messages),
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
}

fn outcome(code: usize, begun: Instant, received: usize, sent: usize) -> Outcome {
    Outcome { code, took: begun.elapsed(), received: received as u64, sent: sent as u64 }
}
