//! Events on their way to server code.
//!
//! They wait in a queue with a bound. When it is full, the newest is dropped and counted: an event
//! tells of what has happened, and must not hold up what happens.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tavern_protocol::api;
use tavern_runtime_hooks::{EventKind, HookContext, Hooks};
use tavern_telemetry::{Counter, Gauge, Metrics, prefixed, tavern};
use tokio::sync::Semaphore;

use crate::services::Services;

struct Waiting {
    kind: EventKind,
    context: HookContext,
    event: api::Event,
}

/// The events that wait.
pub(crate) struct EventQueue {
    waiting: Mutex<VecDeque<Waiting>>,
    /// A permit for each that waits.
    there: Semaphore,
    most: usize,
    depth: Gauge,
    dropped: [Counter; 2],
}

impl EventQueue {
    pub(crate) fn new(most: usize, metrics: &Metrics) -> Self {
        let labels = &[("queue", "events")];
        Self {
            waiting: Mutex::default(),
            there: Semaphore::new(0),
            most,
            depth: metrics.gauge(tavern::QUEUE_DEPTH, labels),
            dropped: [
                metrics.counter(tavern::QUEUE_OVERFLOW_TOTAL, labels),
                metrics.counter(prefixed::DROPPED_EVENTS, &[]),
            ],
        }
    }

    /// Puts an event in; says whether there was room.
    pub(crate) fn push(&self, kind: EventKind, context: HookContext, event: api::Event) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= self.most {
            drop(waiting);
            self.dropped.iter().for_each(|counter| counter.increment(1));
            return false;
        }
        waiting.push_back(Waiting { kind, context, event });
        self.show(waiting.len());
        drop(waiting);
        self.there.add_permits(1);
        true
    }

    /// Waits for the oldest.
    async fn take(&self) -> Option<Waiting> {
        self.there.acquire().await.ok()?.forget();
        let mut waiting = self.waiting.lock();
        let oldest = waiting.pop_front();
        self.show(waiting.len());
        oldest
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    fn show(&self, waiting: usize) {
        self.depth.set(waiting as f64);
    }
}

/// Hands events to their hooks, one after the other, until dropped.
pub(crate) async fn work(services: &Services, hooks: &Hooks) {
    while let Some(Waiting { kind, context, event }) = services.events.take().await {
        if let Err(error) = hooks.event(kind, context, event).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(?kind, error, "hook for events failed");
        }
    }
}

/// What hooks are told of an event that no client has made.
pub(crate) fn by_server(services: &Services) -> HookContext {
    HookContext {
        node: services.node.clone(),
        user: None,
        username: None,
        vars: BTreeMap::new(),
        expires: None,
        session: None,
        client_ip: None,
        client_port: None,
        lang: Arc::from(""),
        obligation: None,
    }
}

#[cfg(test)]
mod tests {
    use tavern_domain::NodeName;
    use tavern_telemetry::MetricsConfig;

    use super::*;

    fn context() -> HookContext {
        HookContext {
            node: NodeName::new("tests").unwrap(),
            user: None,
            username: None,
            vars: BTreeMap::new(),
            expires: None,
            session: None,
            client_ip: None,
            client_port: None,
            lang: Arc::from(""),
            obligation: None,
        }
    }

    #[tokio::test]
    async fn a_full_queue_drops_the_newest_and_counts_it() {
        let metrics = Metrics::new(MetricsConfig::default());
        let queue = EventQueue::new(2, &metrics);
        let event = |name: &str| api::Event { name: name.to_owned(), ..Default::default() };
        for (name, fits) in [("a", true), ("b", true), ("c", false)] {
            assert_eq!(queue.push(EventKind::Custom, context(), event(name)), fits, "{name}");
        }
        for name in ["a", "b"] {
            assert_eq!(queue.take().await.unwrap().event.name, name);
        }
        assert!(queue.push(EventKind::Custom, context(), event("d")), "there is room again");
        let shown = metrics.render();
        assert!(shown.contains("nakama_dropped_events 1"), "{shown}");
    }
}
