//! Every metric name, in one place.

/// A metric name: as it stands, or to be put after the configured prefix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Name {
    /// Exported under exactly this name.
    Exact(&'static str),
    /// Exported as `<prefix>_<name>`; the prefix is `nakama` unless configured otherwise.
    Prefixed(&'static str),
}

impl Name {
    /// The name as exported with this prefix (without the underscore; may be empty).
    #[must_use]
    pub fn full(self, prefix: &str) -> String {
        match self {
            Self::Exact(name) => name.to_owned(),
            Self::Prefixed(name) if prefix.is_empty() => name.to_owned(),
            Self::Prefixed(name) => format!("{prefix}_{name}"),
        }
    }
}

/// Upper bounds of histogram buckets, in milliseconds. All of them are bucket bounds of the
/// finer timers too, so that both can be told from one count.
pub const MS_BUCKETS: [f64; 16] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0,
    10_000.0,
];

macro_rules! names {
    ($kind:ident: $($(#[doc = $doc:literal])+ $id:ident = $name:literal;)+) => {
        $($(#[doc = $doc])+ pub const $id: Name = Name::$kind($name);)+
        /// Every name of this module with its help text.
        pub(crate) const HELP: &[(Name, &str)] = &[$(($id, concat!($($doc),+))),+];
    };
}

/// Names fixed by deployment guides: never prefixed, never renamed.
pub mod exact {
    use super::Name;
    names! { Exact:
        /// API calls and realtime messages served.
        API_RPC_CALLS_TOTAL = "api_rpc_calls_total";
        /// Time of an API call or realtime message, in milliseconds.
        API_RPC_LATENCY_MS = "api_rpc_latency_ms";
        /// Running authoritative matches.
        AUTHORITATIVE_MATCH_COUNT = "authoritative_match_count";
        /// Live socket sessions.
        ACTIVE_SESSIONS_COUNT = "active_sessions_count";
        /// Open connections of the database pool.
        DATABASE_POOL_CONNS_OPEN = "database_pool_conns_open";
        /// Time of a database call, in milliseconds.
        DATABASE_QUERY_LATENCY_MS = "database_query_latency_ms";
        /// Open websockets.
        SOCKET_CONNECTIONS_ACTIVE = "socket_connections_active";
    }
}

/// Names that dashboards made for Nakama read, exported behind the configured prefix.
///
/// Those of single calls (`<Call>_count`, `before_<Call>_latency_ms`, ...) are made from the
/// calls' names by [`CallMetrics`](crate::CallMetrics) and [`HookMetrics`](crate::HookMetrics).
pub mod prefixed {
    use super::Name;
    names! { Prefixed:
        /// API calls and socket messages.
        OVERALL_COUNT = "overall_count";
        /// API calls and socket messages that failed.
        OVERALL_ERRORS = "overall_errors";
        /// Bytes received.
        OVERALL_RECV_BYTES = "overall_recv_bytes";
        /// Bytes sent.
        OVERALL_SENT_BYTES = "overall_sent_bytes";
        /// Time of API calls and socket messages, in seconds.
        OVERALL_LATENCY_MS = "overall_latency_ms";
        /// API calls.
        OVERALL_REQUEST_COUNT = "overall_request_count";
        /// API calls that failed.
        OVERALL_REQUEST_ERRORS = "overall_request_errors";
        /// Bytes received in API calls.
        OVERALL_REQUEST_RECV_BYTES = "overall_request_recv_bytes";
        /// Bytes sent in answers to API calls.
        OVERALL_REQUEST_SENT_BYTES = "overall_request_sent_bytes";
        /// Socket messages.
        OVERALL_MESSAGE_COUNT = "overall_message_count";
        /// Socket messages that failed.
        OVERALL_MESSAGE_ERRORS = "overall_message_errors";
        /// Bytes received in socket messages.
        OVERALL_MESSAGE_RECV_BYTES = "overall_message_recv_bytes";
        /// Bytes sent in socket messages.
        OVERALL_MESSAGE_SENT_BYTES = "overall_message_sent_bytes";
        /// Calls by transport, name and outcome.
        COUNT = "count";
        /// Bytes received by transport and name.
        RECV_BYTES = "recv_bytes";
        /// Bytes sent by transport and name.
        SENT_BYTES = "sent_bytes";
        /// Calls of server functions.
        RPC_COUNT = "Rpc_count";
        /// Calls of server functions that failed.
        RPC_ERRORS = "Rpc_errors";
        /// Bytes received for server functions.
        RPC_RECV_BYTES = "Rpc_recv_bytes";
        /// Bytes sent by server functions.
        RPC_SENT_BYTES = "Rpc_sent_bytes";
        /// Time of server functions, in seconds.
        RPC_LATENCY_MS = "Rpc_latency_ms";
        /// Websockets opened.
        SOCKET_WS_OPENED = "socket_ws_opened";
        /// Websockets closed.
        SOCKET_WS_CLOSED = "socket_ws_closed";
        /// Live socket sessions.
        SESSIONS = "sessions";
        /// Tracked presences.
        PRESENCES = "presences";
        /// Presence events handled.
        PRESENCE_EVENT_COUNT = "presence_event_count";
        /// Running authoritative matches.
        AUTHORITATIVE_MATCHES = "authoritative_matches";
        /// Open parties.
        PARTIES = "parties";
        /// Matchmaker tickets.
        MATCHMAKER_TICKETS = "matchmaker_tickets";
        /// Matchmaker tickets that take part in the next pass.
        MATCHMAKER_ACTIVE_TICKETS = "matchmaker_active_tickets";
        /// Objects in a storage index, by its name.
        STORAGE_INDEX_ENTRY_COUNT = "storage_index_entry_count";
        /// Lua virtual machines.
        LUA_RUNTIMES = "lua_runtimes";
        /// JavaScript virtual machines.
        JAVASCRIPT_RUNTIMES = "javascript_runtimes";
        /// Script events lost because their queue was full.
        DROPPED_EVENTS = "dropped_events";
        /// Script metrics refused.
        METRICS_COLLECTION_ERRORS_COUNT = "metrics_collection_errors_count";
        /// Largest number of database connections.
        DB_MAX_OPEN_CONNS = "db_max_open_conns";
        /// Open database connections.
        DB_TOTAL_OPEN_CONNS = "db_total_open_conns";
        /// Database connections at work.
        DB_IN_USE_CONNS = "db_in_use_conns";
        /// Database connections at rest.
        DB_IDLE_CONNS = "db_idle_conns";
        /// Times somebody waited for a database connection.
        DB_TOTAL_WAIT_COUNT = "db_total_wait_count";
        /// Time spent waiting for a database connection, in nanoseconds.
        DB_TOTAL_WAIT_TIME_NANOS = "db_total_wait_time_nanos";
        /// Database connections closed because of their age.
        DB_TOTAL_MAX_LIFETIME_CLOSED = "db_total_max_lifetime_closed";
    }
}

/// Names of our own.
pub mod tavern {
    use super::Name;
    names! { Exact:
        /// Always 1; the labels tell the version.
        BUILD_INFO = "tavern_build_info";
        /// Entries waiting in a bounded queue.
        QUEUE_DEPTH = "tavern_queue_depth";
        /// Entries that a full queue refused or dropped.
        QUEUE_OVERFLOW_TOTAL = "tavern_queue_overflow_total";
        /// Messages dropped because a session's outbox was full.
        OUTBOX_DROPPED_TOTAL = "tavern_outbox_dropped_total";
        /// Sessions closed because their outbox was full.
        OUTBOX_OVERFLOW_CLOSES_TOTAL = "tavern_outbox_overflow_closes_total";
        /// Sessions that wait for another socket because theirs broke.
        SESSIONS_PARKED = "tavern_sessions_parked";
        /// Sessions whose socket broke and which waited for another one.
        SESSIONS_PARKED_TOTAL = "tavern_sessions_parked_total";
        /// Of these, sessions that another socket took over.
        SESSIONS_RESUMED_TOTAL = "tavern_sessions_resumed_total";
        /// Connections refused, by reason.
        CONNECTIONS_REFUSED_TOTAL = "tavern_connections_refused_total";
        /// Running relayed matches.
        RELAYED_MATCHES = "tavern_relayed_matches";
        /// Machines for scripts, by language.
        SCRIPT_MACHINES = "tavern_script_machines";
        /// Calls that wait for a machine, by language.
        SCRIPT_WAITING = "tavern_script_waiting";
        /// Calls refused because too many waited for a machine, by language.
        SCRIPT_REFUSED_TOTAL = "tavern_script_refused_total";
        /// Machines given up because they were interrupted or out of memory, by language.
        SCRIPT_DISCARDED_TOTAL = "tavern_script_discarded_total";
        /// Tickets that were not served to their end in a pass, for it would have cost too much.
        MATCHMAKER_UNFINISHED_TOTAL = "tavern_matchmaker_unfinished_total";
        /// How late loops of matches that the server runs begin, in milliseconds.
        MATCH_TICK_LATENESS_MS = "tavern_match_tick_lateness_ms";
        /// How long loops of matches that the server runs take, in milliseconds.
        MATCH_TICK_MS = "tavern_match_tick_ms";
        /// Loops left out because the one before took too long.
        MATCH_TICKS_SKIPPED_TOTAL = "tavern_match_ticks_skipped_total";
        /// Matches that ended because their code failed.
        MATCH_FAILURES_TOTAL = "tavern_match_failures_total";
        /// Obligations that still have to be carried out.
        OBLIGATIONS_PENDING = "tavern_obligations_pending";
        /// Attempts to carry out an obligation that failed.
        OBLIGATION_FAILURES_TOTAL = "tavern_obligation_failures_total";
        /// Attempts to tell server code of a reset or an end of a board that failed.
        LEADERBOARD_HOOK_FAILURES_TOTAL = "tavern_leaderboard_hook_failures_total";
        /// Records of leaderboards whose places are known one by one.
        LEADERBOARD_RANK_KEYS = "tavern_leaderboard_rank_keys";
        /// Periods of leaderboards whose records are counted.
        LEADERBOARD_RANK_PERIODS = "tavern_leaderboard_rank_periods";
        /// Changes of objects that the storage indexes have not taken in yet.
        STORAGE_INDEX_DEBTS = "tavern_storage_index_debts";
        /// Objects that left a storage index to make room, by its name.
        STORAGE_INDEX_EVICTIONS_TOTAL = "tavern_storage_index_evictions_total";
        /// Times that an object was left out of a storage index because it is too large, cannot be
        /// read, or the index's filter failed.
        STORAGE_INDEX_LEFT_OUT_TOTAL = "tavern_storage_index_left_out_total";
        /// Log-in attempts refused because of earlier failures, by kind.
        LOCKOUTS_TOTAL = "tavern_lockouts_total";
        /// Log-ins that failed because the credentials were wrong.
        LOGIN_FAILURES_TOTAL = "tavern_login_failures_total";
        /// Accounts and addresses whose failures are remembered.
        LOCKOUT_ENTRIES = "tavern_lockout_entries";
        /// Entries forgotten early because too many accounts and addresses failed.
        LOCKOUT_EVICTIONS_TOTAL = "tavern_lockout_evictions_total";
        /// Calls, messages and sockets refused because there were too many, by limit.
        LIMITED_TOTAL = "tavern_limited_total";
        /// Callers that the limits remember.
        LIMIT_CALLERS = "tavern_limit_callers";
        /// Callers that the limits forgot too early, because there were more than they remember.
        LIMIT_FORGOTTEN_TOTAL = "tavern_limit_forgotten_total";
        /// Revocations in memory.
        REVOCATIONS = "tavern_revocations";
        /// Revocations of delegated tokens in memory.
        TOKEN_REVOCATIONS = "tavern_token_revocations";
        /// Calls and messages with a delegated token, by whether it allowed them.
        DELEGATED_CALLS_TOTAL = "tavern_delegated_calls_total";
        /// Delegated tokens that came with a call or socket, by whether they were known or had to
        /// be verified.
        DELEGATED_TOKENS_TOTAL = "tavern_delegated_tokens_total";
        /// Streams with a subscriber on this node.
        STREAMS = "tavern_streams";
        /// Subscriptions of the sessions of this node.
        SUBSCRIPTIONS = "tavern_subscriptions";
        /// Messages handed to sessions by fan-out.
        DELIVERIES_TOTAL = "tavern_deliveries_total";
        /// Database transactions repeated after a serialisation failure.
        DATABASE_RETRIES_TOTAL = "tavern_database_retries_total";
        /// Bytes that the cache of server code holds.
        LOCAL_CACHE_BYTES = "tavern_local_cache_bytes";
        /// Requests to other servers that are under way.
        FETCHES = "tavern_fetches";
        /// Requests to other servers that were not sent, by reason.
        FETCHES_REFUSED_TOTAL = "tavern_fetches_refused_total";
        /// Log lines dropped because the writer could not keep up.
        LOG_LINES_DROPPED_TOTAL = "tavern_log_lines_dropped_total";
        /// Reloads of the configuration, by result.
        CONFIG_RELOADS_TOTAL = "tavern_config_reloads_total";
        /// Seconds from the start of the process until it was ready.
        READY_AFTER_SECONDS = "tavern_ready_after_seconds";
    }
}

/// The help text of a name, or the name itself where none is kept.
pub(crate) fn help(name: Name) -> &'static str {
    [exact::HELP, prefixed::HELP, tavern::HELP]
        .into_iter()
        .flatten()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, text)| text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_names_that_deployment_guides_fix_are_exported_as_they_stand() {
        let names: Vec<_> = exact::HELP.iter().map(|(n, _)| n.full("any")).collect();
        assert_eq!(
            names,
            [
                "api_rpc_calls_total",
                "api_rpc_latency_ms",
                "authoritative_match_count",
                "active_sessions_count",
                "database_pool_conns_open",
                "database_query_latency_ms",
                "socket_connections_active",
            ]
        );
    }

    #[test]
    fn the_prefix_goes_before_the_others_and_may_be_empty() {
        assert_eq!(prefixed::SESSIONS.full("nakama"), "nakama_sessions");
        assert_eq!(prefixed::SESSIONS.full(""), "sessions");
    }

    #[test]
    fn no_name_is_given_twice_even_without_a_prefix() {
        let mut seen = HashSet::new();
        for (name, text) in [exact::HELP, prefixed::HELP, tavern::HELP].into_iter().flatten() {
            assert!(seen.insert(name.full("")), "{name:?} is there twice");
            assert_eq!(help(*name), text.trim());
            assert!(!help(*name).is_empty());
        }
    }
}
