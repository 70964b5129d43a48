//! What the registry needs from others.

use std::sync::Arc;

use tavern_domain::Stream;

/// How much a message matters to its sender.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// Must arrive, or the session must end: a gap would leave the client with a wrong picture.
    Reliable,
    /// May be dropped when the reader is slow: a newer one will say it better.
    Unreliable,
}

/// Why a session is ended from inside. The edge that owns the socket gives each its number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CloseReason {
    /// This node stops.
    ShuttingDown,
    /// The login was ended: logout, or a token that was revoked.
    LoggedOut,
    /// The account was banned.
    Banned,
    /// The account is gone.
    AccountDeleted,
    /// A newer socket of the same user took this one's place.
    Replaced,
    /// Server code or an operator ended the session.
    Kicked,
    /// The match this session was in failed.
    MatchFailed,
    /// The reader was too slow for what must not be dropped.
    Overflow,
}

impl CloseReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::ShuttingDown,
        Self::LoggedOut,
        Self::Banned,
        Self::AccountDeleted,
        Self::Replaced,
        Self::Kicked,
        Self::MatchFailed,
        Self::Overflow,
    ];

    /// The name used in metric labels and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ShuttingDown => "shutting_down",
            Self::LoggedOut => "logged_out",
            Self::Banned => "banned",
            Self::AccountDeleted => "account_deleted",
            Self::Replaced => "replaced",
            Self::Kicked => "kicked",
            Self::MatchFailed => "match_failed",
            Self::Overflow => "overflow",
        }
    }

    /// Whether the same client with the same token is welcome to connect again at once.
    #[must_use]
    pub const fn may_return(self) -> bool {
        match self {
            Self::ShuttingDown | Self::MatchFailed | Self::Overflow | Self::Kicked => true,
            Self::LoggedOut | Self::Banned | Self::AccountDeleted | Self::Replaced => false,
        }
    }
}

/// Needed: where a session's messages go, usually the outbox of its socket.
///
/// # Contract
/// - No method blocks or waits, for a reader or for anything else but its own short lock: a call
///   comes from the middle of a fan-out, under that stream's lock.
/// - No method calls back into [`Streams`](crate::Streams): it would wait for itself.
/// - The queue behind it is bounded. What a full one does is its own affair, and the class is what
///   it decides by: an unreliable message may go, for a reliable one the session must end.
/// - After [`close`](Self::close), or when the reader is gone, both methods do nothing. Only the
///   first `close` counts.
///
/// Checked by `conformance::sink_is_bounded` (feature `testkit`).
pub trait Sink<M>: Send + Sync + 'static {
    /// Takes a message, or drops it. The order of the calls is the order of the messages.
    fn push(&self, message: Arc<M>, class: Class);

    /// Asks for the end of the session. Its owner still calls
    /// [`close_session`](crate::Streams::close_session) when it has ended.
    fn close(&self, why: CloseReason);
}

/// Needed by clusters: hears which streams have a subscriber on this node.
///
/// # Contract
/// For one stream the calls alternate, [`gained`](Self::gained) first, in the order in which it
/// happened, and a stream has interest before its first `subscribe` returns. They come under the
/// stream's lock: do not block and do not call back into [`Streams`](crate::Streams). A stream that
/// is left and joined again at the same moment may be reported as never left.
pub trait InterestSink: Send + Sync + 'static {
    /// The first subscriber is there.
    fn gained(&self, stream: &Stream);

    /// The last subscriber is gone.
    fn lost(&self, stream: &Stream);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_reasons_are_distinct() {
        let mut names: Vec<_> = CloseReason::ALL.iter().map(|r| r.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CloseReason::ALL.len());
        assert!(!CloseReason::Banned.may_return() && CloseReason::ShuttingDown.may_return());
    }
}
