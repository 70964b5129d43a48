//! What files have registered functions for.

use tavern_protocol::{CallId, RtId};
use tavern_runtime_hooks::{HttpMethods, RoutePattern};

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
    Http(RoutePattern, HttpMethods),
}

/// The call of this name, in any case.
pub(crate) fn call_named(name: &str) -> Option<CallId> {
    CallId::ALL.into_iter().find(|call| call.name().eq_ignore_ascii_case(name))
}

/// The realtime message of this name, in any case, and in either habit: `StatusUpdate` is the
/// field `status_update`.
pub(crate) fn message_named(name: &str) -> Option<RtId> {
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let wanted = plain(name);
    RtId::ALL.into_iter().find(|message| plain(message.name()) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_in_any_case() {
        assert_eq!(call_named("addfriends"), Some(CallId::AddFriends));
        assert_eq!(message_named("ChannelMessageSend"), Some(RtId::ChannelMessageSend));
        assert_eq!(message_named("channel_message_send"), Some(RtId::ChannelMessageSend));
        assert_eq!(message_named("Nothing"), None);
    }
}
