//! What the task of a match and everybody else know of it together.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use tavern_domain::{ErrorCode, MatchId, NodeName, SessionId, Stream};
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::matches::{Broadcast, Dispatcher, MatchContext, MatchDispatcher};

use super::config::{BROADCAST_BYTES, HostedConfig, LABEL_BYTES};
use super::inbox::Inbox;
use super::labels::Labels;
use super::meters::HostedMeters;
use crate::traits::Members;

/// Needed: the players of a match, to speak to them.
///
/// # Contract
/// No method blocks, and none calls back into the matches, except by
/// [`Inboxes::changed`](super::Inboxes::changed).
pub trait Stage: Members {
    /// Sends to the players of a match: all, or those listed that are in.
    fn send(&self, stream: &Stream, id: &MatchId, message: &Broadcast);

    /// The match has ended: takes everybody off its stream, and tells nobody. When it has `failed`,
    /// their sockets are closed and say so.
    fn dismiss(&self, stream: &Stream, failed: bool);
}

/// What can be known of a running match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MatchInfo {
    /// Which.
    pub id: MatchId,
    /// The name of its handler.
    pub handler: Arc<str>,
    /// Loops per second.
    pub tick_rate: u32,
    /// Its label.
    pub label: Arc<str>,
    /// How many players are in.
    pub size: usize,
}

pub(super) struct Shared {
    pub(super) id: MatchId,
    pub(super) node: NodeName,
    pub(super) stream: Stream,
    pub(super) handler: Arc<str>,
    pub(super) inbox: Inbox,
    pub(super) stage: Arc<dyn Stage>,
    pub(super) labels: Arc<Labels>,
    pub(super) config: HostedConfig,
    pub(super) meters: HostedMeters,
    /// 0 while the match is being made.
    pub(super) tick_rate: AtomicUsize,
    label: RwLock<Arc<str>>,
    deferred: Mutex<Vec<Broadcast>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(
        (id, node): (MatchId, NodeName),
        handler: Arc<str>,
        (stage, labels): (Arc<dyn Stage>, Arc<Labels>),
        config: HostedConfig,
        meters: HostedMeters,
    ) -> Self {
        Self {
            stream: Stream::hosted_match(id.id, &node),
            id,
            node,
            handler,
            inbox: Inbox::default(),
            stage,
            labels,
            config,
            meters,
            tick_rate: AtomicUsize::new(0),
            label: RwLock::default(),
            deferred: Mutex::default(),
        }
    }

    pub(super) fn context(self: &Arc<Self>, tick: i64) -> MatchContext {
        MatchContext {
            id: self.id.clone(),
            node: self.node.clone(),
            handler: Arc::clone(&self.handler),
            tick,
            tick_rate: u32::try_from(self.tick_rate.load(Ordering::Relaxed)).unwrap_or_default(),
            label: self.label(),
            dispatcher: Dispatcher(Arc::new(OfMatch(Arc::clone(self)))),
        }
    }

    pub(super) fn label(&self) -> Arc<str> {
        Arc::clone(&self.label.read())
    }

    pub(super) fn set_label(&self, label: &str) -> Result<(), HookError> {
        if label.len() > LABEL_BYTES {
            let text = format!("a match label has at most {LABEL_BYTES} bytes");
            return Err(HookError::new(ErrorCode::InvalidArgument, text));
        }
        *self.label.write() = label.into();
        Ok(())
    }

    pub(super) fn info(&self) -> MatchInfo {
        MatchInfo {
            id: self.id.clone(),
            handler: Arc::clone(&self.handler),
            tick_rate: u32::try_from(self.tick_rate.load(Ordering::Relaxed)).unwrap_or_default(),
            label: self.label(),
            size: self.size(),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.stage.size(&self.stream)
    }

    /// How much data of players may wait.
    pub(super) fn input_room(&self) -> usize {
        self.config.input_queue_size.max(self.size().saturating_mul(4))
    }

    /// Sends what callbacks have put off.
    pub(super) fn flush(&self) {
        let deferred = std::mem::take(&mut *self.deferred.lock());
        for message in &deferred {
            self.stage.send(&self.stream, &self.id, message);
        }
    }

    fn checked(&self, message: &Broadcast) -> Result<(), HookError> {
        if message.data.len() > BROADCAST_BYTES {
            let text = format!("a message of a match has at most {BROADCAST_BYTES} bytes");
            return Err(HookError::new(ErrorCode::InvalidArgument, text));
        }
        self.running()
    }

    fn running(&self) -> Result<(), HookError> {
        if self.inbox.is_closed() {
            return Err(HookError::new(ErrorCode::NotFound, "the match has ended"));
        }
        Ok(())
    }
}

/// What server code holds of its match.
struct OfMatch(Arc<Shared>);

impl MatchDispatcher for OfMatch {
    fn broadcast(&self, message: Broadcast) -> Result<(), HookError> {
        self.0.checked(&message)?;
        self.0.stage.send(&self.0.stream, &self.0.id, &message);
        Ok(())
    }

    fn broadcast_deferred(&self, message: Broadcast) -> Result<(), HookError> {
        self.0.checked(&message)?;
        let mut deferred = self.0.deferred.lock();
        if deferred.len() >= self.0.config.deferred_queue_size {
            self.0.meters.deferred_refused.increment(1);
            let text = "too many messages of the match were put off";
            return Err(HookError::new(ErrorCode::ResourceExhausted, text));
        }
        deferred.push(message);
        Ok(())
    }

    fn kick(&self, players: &[SessionId]) -> Result<(), HookError> {
        self.0.running()?;
        for session in players {
            self.0.stage.leave(&self.0.stream, *session);
        }
        Ok(())
    }

    fn update_label(&self, label: &str) -> Result<(), HookError> {
        self.0.running()?;
        self.0.set_label(label)?;
        self.0.labels.changed(&self.0);
        Ok(())
    }
}
