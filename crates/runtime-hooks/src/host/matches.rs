//! Matches.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

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

/// A party as a listing shows it. Scripts see `party_id` and `max_size` under the names `match_id`
/// and `maxSize` as well, which existing Lua modules read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct HostParty {
    pub party_id: String,
    pub open: bool,
    pub hidden: bool,
    pub max_size: u32,
    pub label: String,
}

impl Serialize for HostParty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("HostParty", 7)?;
        out.serialize_field("party_id", &self.party_id)?;
        out.serialize_field("open", &self.open)?;
        out.serialize_field("hidden", &self.hidden)?;
        out.serialize_field("max_size", &self.max_size)?;
        out.serialize_field("label", &self.label)?;
        out.serialize_field("match_id", &self.party_id)?;
        out.serialize_field("maxSize", &self.max_size)?;
        out.end()
    }
}

/// A part of the parties.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostPartyPage {
    /// The parties, newest first.
    pub parties: Vec<HostParty>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

host_area! {
    /// Matches and parties.
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

    /// Parties, newest first: 1 to 100 on a page, 10 unless asked otherwise; only open or only closed
    /// ones if asked so, hidden ones only when asked for. A query asks for the fields of labels.
    fn party_list as "partyList" (PartyList {
        limit: Option<i64>,
        open: Option<bool>,
        show_hidden: bool,
        query: Option<String>,
        cursor: Option<String>,
    }) -> HostPartyPage, several ["parties", "cursor"];

    /// Sends a signal to a match and answers its reply, which it has 10 seconds for.
    fn match_signal as "matchSignal" (MatchSignal {
        id: String,
        data: Option<String>,
    }) -> String;
}
