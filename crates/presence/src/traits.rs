//! What this crate offers and what it needs.

use std::sync::Arc;

use tavern_domain::{
    Presence, PresenceMeta, PresenceReason, SessionId, Stream, StreamMode, UserId,
};

use crate::error::PresenceError;

/// Offered: the register of presences. Synchronous; no method waits for I/O.
///
/// Calls for one session on one stream are applied one after the other. Checked by `conformance::run`.
pub trait Presences: Send + Sync + 'static {
    /// Puts `who` on `stream`. One who is there already stays as it is, whatever meta comes along.
    ///
    /// Announced with [`PresenceReason::Join`], before this returns.
    ///
    /// # Errors
    /// The bounds of the configuration; [`PresenceError::SessionGone`].
    fn track(&self, who: &Presence, stream: &Stream) -> Result<Tracked, PresenceError>;

    /// Changes what a session shows on a stream, and returns what it showed until now; `None`, and
    /// nothing happens, when it is not there.
    ///
    /// Announced as one diff with [`PresenceReason::Update`], the new state as join and the old one
    /// as leave, each left out if hidden. An equal meta is announced all the same.
    fn update(
        &self,
        session: SessionId,
        stream: &Stream,
        meta: &Arc<PresenceMeta>,
    ) -> Option<Arc<PresenceMeta>>;

    /// Takes a session off a stream; says whether it was there.
    ///
    /// Announced with [`PresenceReason::Leave`].
    fn untrack(&self, session: SessionId, stream: &Stream) -> bool;

    /// Takes a session off all its streams, and returns how many there were; an unknown session is
    /// on none. Announced with `reason`, one diff per stream, in no order among the streams.
    fn untrack_all(&self, session: SessionId, reason: PresenceReason) -> usize;

    /// What a session shows on a stream, hidden or not.
    fn get(&self, session: SessionId, stream: &Stream) -> Option<Presence>;

    /// Whether the session is on the stream, hidden or not. Cheaper than [`get`](Self::get).
    fn is_on(&self, session: SessionId, stream: &Stream) -> bool;

    /// The presences on a stream in the order in which they joined.
    fn list(&self, stream: &Stream, include: Include) -> Vec<Presence>;

    /// How many presences are on a stream, without walking them.
    fn count(&self, stream: &Stream) -> Count;

    /// The streams that a session is on, in the order in which it joined them.
    fn streams_of(&self, session: SessionId) -> Vec<Stream>;

    /// Up to `limit` streams of one mode for which `keep` says yes, in no order. Walks the streams
    /// of that mode only, and not their members. `keep` must not call back.
    fn streams_of_mode(
        &self,
        mode: StreamMode,
        limit: usize,
        keep: &mut dyn FnMut(&Stream, Count) -> bool,
    ) -> Vec<(Stream, Count)>;

    /// Whether a user shows a status, which is what being online means to others.
    fn is_online(&self, user: UserId) -> bool {
        self.count(&Stream::status(user)).visible > 0
    }

    /// [`is_online`](Self::is_online) for many, in their order.
    fn are_online(&self, users: &[UserId]) -> Vec<bool> {
        let mut status = Stream::status(UserId::NIL);
        let online = |user: &UserId| {
            status.subject = user.0;
            self.count(&status).visible > 0
        };
        users.iter().map(online).collect()
    }
}

/// What [`Presences::track`] found and did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tracked {
    /// Whether the session was not on the stream before.
    pub new: bool,
    /// The visible presences at the moment before, in the order in which they joined. The session
    /// itself is among them when it was there already and is not hidden.
    pub before: Vec<Presence>,
    /// The version of the session's presence; when it is new, of the diff that announced it.
    pub version: u64,
}

/// Which presences to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Include {
    /// Those that announce themselves.
    pub visible: bool,
    /// Those that do not.
    pub hidden: bool,
}

impl Include {
    /// Those that announce themselves.
    pub const VISIBLE: Self = Self { visible: true, hidden: false };
    /// Everybody.
    pub const ALL: Self = Self { visible: true, hidden: true };

    /// Whether a presence is wanted.
    #[must_use]
    pub fn wants(self, meta: &PresenceMeta) -> bool {
        if meta.hidden { self.hidden } else { self.visible }
    }
}

/// How many presences a stream has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Those that announce themselves.
    pub visible: usize,
    /// Those that do not.
    pub hidden: usize,
}

impl Count {
    /// Everybody.
    #[must_use]
    pub const fn total(self) -> usize {
        self.visible + self.hidden
    }
}

/// A change of a stream's visible presences. Never empty on both sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PresenceDiff<'a> {
    /// The stream.
    pub stream: &'a Stream,
    /// Who came, or what an update made of it.
    pub joins: &'a [Presence],
    /// Who went, or what it was before an update.
    pub leaves: &'a [Presence],
    /// Why.
    pub reason: PresenceReason,
    /// Grows from diff to diff of one stream, not by one.
    pub version: u64,
}

/// Needed: hears of every change of visible presences.
///
/// # Contract
/// Called by the thread that makes the change, under the lock of the stream's shard, before the
/// change's method returns. So it must not block, must not call back into [`Presences`], and should
/// do no more than hand the diff to those who listen to the stream (which is what gives their
/// messages the order of the changes). Nor may it
/// panic: what an unfinished [`Presences::untrack_all`] has not reached would stay.
pub trait PresenceSink: Send + Sync + 'static {
    /// A change.
    fn on_diff(&self, diff: &PresenceDiff<'_>);
}

/// Needed by clusters: hears of every change of this node's own sessions, hidden ones too.
///
/// # Contract
/// As for [`PresenceSink`]. The changes of one session on one stream come in their order.
pub trait ChangeLog: Send + Sync + 'static {
    /// A session came to a stream, or shows something else there.
    fn put(&self, stream: &Arc<Stream>, presence: &Presence);

    /// A session left a stream.
    fn gone(&self, stream: &Arc<Stream>, session: SessionId, reason: PresenceReason);
}

/// Needed by servers: knows which sessions are still open.
///
/// Without it, a slow request that tracks a session just after its [`Presences::untrack_all`] would
/// leave a presence that nobody ever takes away. With it, and with the session closed *before*
/// `untrack_all` is called, that cannot happen.
///
/// # Contract
/// Called under the lock of the session: must not block and must not call back.
pub trait OpenSessions: Send + Sync + 'static {
    /// Whether the session is open.
    fn is_open(&self, session: SessionId) -> bool;
}
