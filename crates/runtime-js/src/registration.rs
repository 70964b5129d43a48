//! What `InitModule` has asked for.

use tavern_protocol::{CallId, RtId};
use tavern_runtime_hooks::{HttpMethods, IndexDefinition, RoutePattern};

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
    PurchaseNotificationApple,
    PurchaseNotificationGoogle,
    SubscriptionNotificationApple,
    SubscriptionNotificationGoogle,
    StorageIndexFilter(String),
    /// Its functions are in the order of [`MATCH_FUNCTIONS`].
    Match(String),
    Shutdown,
    Http(RoutePattern, HttpMethods),
}

/// What a match handler consists of.
pub(crate) const MATCH_FUNCTIONS: [&str; 7] = [
    "matchInit",
    "matchJoinAttempt",
    "matchJoin",
    "matchLeave",
    "matchLoop",
    "matchTerminate",
    "matchSignal",
];

/// Everything that was registered. The same in every machine of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registrations {
    /// A place and the number of its function in the machine; of a match, the first of seven.
    pub(crate) places: Vec<(Place, usize)>,
    pub(crate) indexes: Vec<IndexDefinition>,
}

impl Registrations {
    /// The place that was registered twice, if one was.
    pub(crate) fn twice(&self) -> Option<&Place> {
        let mut seen = hashbrown::HashSet::new();
        self.places.iter().map(|(place, _)| place).find(|place| !seen.insert(*place))
    }
}
