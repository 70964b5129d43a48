//! Matches.

use serde::Serialize;

use super::declare::host_area;
use crate::value::Value;

/// A running match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct HostMatch {
    pub match_id: String,
    pub authoritative: bool,
    pub label: String,
    pub size: usize,
    pub tick_rate: u32,
    pub handler_name: String,
}

host_area! {
    /// Matches.
    MatchesHost

    /// Makes a match of a registered handler, which gets the parameters, and answers its id.
    fn match_create as "matchCreate" (MatchCreate {
        module: String,
        params: Option<Value>,
    }) -> String;

    /// One match, or nothing when there is no such match.
    fn match_get as "matchGet" (MatchGet {
        id: String,
    }) -> Option<HostMatch>;

    /// Running matches: 1 to 100, 1 unless asked otherwise. A label is compared as a whole; a query
    /// asks for the fields of labels.
    fn match_list as "matchList" (MatchList {
        limit: Option<i64>,
        authoritative: Option<bool>,
        label: Option<String>,
        min_size: Option<i64>,
        max_size: Option<i64>,
        query: Option<String>,
    }) -> Vec<HostMatch>;

    /// Sends a signal to a match and answers its reply, which it has 10 seconds for.
    fn match_signal as "matchSignal" (MatchSignal {
        id: String,
        data: Option<String>,
    }) -> String;
}
