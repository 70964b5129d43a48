//! What files have registered functions for.

use tavern_protocol::{CallId, RtId};

/// A place that a function was registered for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Rpc(String),
    Before(CallId),
    After(CallId),
    RtBefore(RtId),
    RtAfter(RtId),
    MatchmakerMatched,
    MatchmakerOverride,
    MatchmakerProcessor,
    TournamentEnd,
    TournamentReset,
    LeaderboardReset,
    StorageIndexFilter(String),
    Event,
    SessionStart,
    SessionEnd,
    Shutdown,
}

/// The call of this name, in any case.
pub(crate) fn call_named(name: &str) -> Option<CallId> {
    CallId::ALL.into_iter().find(|call| call.name().eq_ignore_ascii_case(name))
}

/// The realtime message of this name, in any case.
pub(crate) fn message_named(name: &str) -> Option<RtId> {
    RtId::ALL.into_iter().find(|message| message.name().eq_ignore_ascii_case(name))
}
