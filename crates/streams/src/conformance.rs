//! For tests: a sink that records, and the contract every [`Sink`] is held to.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::traits::{Class, CloseReason, Sink};

/// Keeps everything it is given.
#[derive(Debug)]
pub struct RecordingSink<M> {
    messages: Mutex<Vec<(Arc<M>, Class)>>,
    closed: Mutex<Option<CloseReason>>,
}

impl<M> Default for RecordingSink<M> {
    fn default() -> Self {
        Self { messages: Mutex::default(), closed: Mutex::default() }
    }
}

impl<M> RecordingSink<M> {
    /// What has come since the last call.
    pub fn take(&self) -> Vec<(Arc<M>, Class)> {
        std::mem::take(&mut *self.messages.lock())
    }

    /// The first reason it was closed with.
    #[must_use]
    pub fn closed(&self) -> Option<CloseReason> {
        *self.closed.lock()
    }
}

impl<M: Send + Sync + 'static> Sink<M> for RecordingSink<M> {
    fn push(&self, message: Arc<M>, class: Class) {
        if self.closed().is_none() {
            self.messages.lock().push((message, class));
        }
    }

    fn close(&self, why: CloseReason) {
        self.closed.lock().get_or_insert(why);
    }
}

/// Holds a sink that nobody reads from to its contract: it keeps at most `at_most` messages of
/// whatever class, returns every time, survives being closed twice, and keeps nothing when dropped.
///
/// # Panics
/// When the sink breaks the contract. One that blocks never returns.
pub fn sink_is_bounded<M: Send + Sync + 'static>(
    make: impl Fn() -> Arc<dyn Sink<M>>,
    message: &Arc<M>,
    at_most: usize,
) {
    let before = Arc::strong_count(message);
    let held = || Arc::strong_count(message) - before;
    for class in [Class::Unreliable, Class::Reliable] {
        let sink = make();
        for _ in 0..at_most * 4 + 16 {
            sink.push(Arc::clone(message), class);
            assert!(held() <= at_most, "keeps more than {at_most} {class:?} messages");
        }
        sink.close(CloseReason::Kicked);
        sink.close(CloseReason::Banned);
        let waiting = held();
        sink.push(Arc::clone(message), Class::Reliable);
        assert!(held() <= waiting, "takes messages after it was closed");
        drop(sink);
        assert_eq!(held(), 0, "keeps messages after its end");
    }
}
