//! What friends, groups and chats need of those who know the open sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tavern_domain::UserId;

use crate::{Channel, ChatMessage, Notification};

/// Whom something is about.
#[derive(Clone, Copy, Debug)]
pub enum Whom<'a> {
    /// Everybody who is there.
    Everybody,
    /// These users, on whichever sockets.
    Users(&'a [UserId]),
}

/// Needed. Must not block and must not call back. Whoever is not there is passed over.
pub trait Live: Send + Sync + 'static {
    /// Shows each notification on the sockets of the user whom it is for.
    fn notify(&self, notifications: &[Notification]);

    /// Shows a notification on every socket. Whom it says it is for does not matter.
    fn notify_everybody(&self, notification: &Notification);

    /// Shows a message to everybody in its channel.
    fn said(&self, message: &ChatMessage);

    /// Takes users off a channel: once it returns they neither hear it nor are seen on it. Those
    /// who stay see them leave.
    fn evict(&self, channel: &Channel, whom: Whom<'_>);
}

/// Nobody is there: for programs without sockets.
impl Live for () {
    fn notify(&self, _: &[Notification]) {}
    fn notify_everybody(&self, _: &Notification) {}
    fn said(&self, _: &ChatMessage) {}
    fn evict(&self, _: &Channel, _: Whom<'_>) {}
}

/// The sockets, and how often somebody was taken off a channel.
///
/// Whoever joins a channel is first let in by what is kept and then put on it, and may lose the
/// right to it in between. Reading the number before and after tells: see [`crate::Chat::evictions`].
pub(crate) struct Sockets {
    pub(crate) live: Arc<dyn Live>,
    evictions: AtomicU64,
}

impl Sockets {
    pub(crate) fn new(live: Arc<dyn Live>) -> Self {
        Self { live, evictions: AtomicU64::new(0) }
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::SeqCst)
    }

    /// Call it when the store says that they may not be there any more.
    pub(crate) fn evict(&self, channel: &Channel, whom: Whom<'_>) {
        // First: whoever comes onto the channel behind this reads the new number.
        self.evictions.fetch_add(1, Ordering::SeqCst);
        self.live.evict(channel, whom);
    }
}
