//! Leaderboards.

use serde::Serialize;
use tavern_domain::{Timestamp, UserId};

use super::declare::host_area;
use super::types::time;
use crate::value::Json;

/// A leaderboard. Times in Unix seconds, 0 where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostLeaderboard {
    pub id: String,
    pub title: String,
    pub description: String,
    pub category: u32,
    pub authoritative: bool,
    /// 0 ascending, 1 descending.
    pub sort_order: u32,
    /// `best`, `set`, `increment` or `decrement`.
    pub operator: String,
    pub prev_reset: i64,
    pub next_reset: i64,
    /// A JSON object.
    pub metadata: Json,
    #[serde(with = "time")]
    pub create_time: Timestamp,
}

/// Leaderboards by age.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostLeaderboardPage {
    /// The leaderboards.
    pub leaderboards: Vec<HostLeaderboard>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// A record of a leaderboard or tournament.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostRecord {
    pub leaderboard_id: String,
    pub owner_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    pub score: i64,
    pub subscore: i64,
    pub num_score: u32,
    pub max_num_score: u32,
    /// A JSON object.
    pub metadata: Json,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    #[serde(with = "time")]
    pub update_time: Timestamp,
    /// Unix seconds; left out when the record never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry_time: Option<i64>,
    /// The best has 1; 0 when the board has no ranks.
    pub rank: u64,
}

/// A part of a period's records, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostRecordPage {
    pub records: Vec<HostRecord>,
    pub owner_records: Vec<HostRecord>,
    pub next_cursor: Option<String>,
    pub prev_cursor: Option<String>,
    /// How many records there are; 0 when the board has no ranks.
    pub rank_count: u64,
}

host_area! {
    /// Leaderboards.
    LeaderboardsHost

    /// Creates a leaderboard; one that is there stays as it is. Sort orders are `asc` and `desc`
    /// (the default), operators `best` (the default), `set`, `incr` and `decr`; the reset schedule
    /// is a cron expression.
    fn leaderboard_create as "leaderboardCreate" (LeaderboardCreate {
        leaderboard_id: String,
        authoritative: Option<bool>,
        sort_order: Option<String>,
        operator: Option<String>,
        reset_schedule: Option<String>,
        metadata: Option<Json>,
        enable_ranks: Option<bool>,
    }) -> ();

    /// Deletes a leaderboard with its records; one that is not there is fine.
    fn leaderboard_delete as "leaderboardDelete" (LeaderboardDelete {
        id: String,
    }) -> ();

    /// Leaderboards by age. A page has 1 to 100, 10 unless asked otherwise.
    fn leaderboard_list as "leaderboardList" (LeaderboardList {
        limit: Option<i64>,
        cursor: Option<String>,
    }) -> HostLeaderboardPage, several ["leaderboards", "cursor"];

    /// The leaderboards that are there, in the order of the ids.
    fn leaderboards_get_id as "leaderboardsGetId" (LeaderboardsGetId {
        ids: Option<Vec<String>>,
    }) -> Vec<HostLeaderboard>;

    /// Works out no ranks of a leaderboard any more.
    fn leaderboard_ranks_disable as "leaderboardRanksDisable" (LeaderboardRanksDisable {
        id: String,
    }) -> ();

    /// A page of records and those of the owners named. A page has up to 10,000 records; without a
    /// limit there is none. An expiry names a past period.
    fn leaderboard_records_list as "leaderboardRecordsList" (LeaderboardRecordsList {
        id: String,
        owner_ids: Option<Vec<UserId>>,
        limit: Option<i64>,
        cursor: Option<String>,
        expiry_override: Option<i64>,
    }) -> HostRecordPage, several [
        "records", "owner_records", "next_cursor", "prev_cursor", "rank_count"
    ];

    /// The records around an owner's: 1 to 100, 10 unless asked otherwise.
    fn leaderboard_records_haystack as "leaderboardRecordsHaystack" (LeaderboardRecordsHaystack {
        id: String,
        owner_id: UserId,
        limit: Option<i64>,
        cursor: Option<String>,
        expiry_override: Option<i64>,
    }) -> HostRecordPage, several ["records", "next_cursor", "prev_cursor", "rank_count"];

    /// A cursor with which a list of records begins at a rank; empty for the first.
    fn leaderboard_records_list_cursor_from_rank as "leaderboardRecordsListCursorFromRank" (
        LeaderboardCursorFromRank {
            leaderboard_id: String,
            rank: i64,
            expiry_override: Option<i64>,
        }
    ) -> String;

    /// Writes a score, also on authoritative boards; answers the record as it is then. The operator
    /// takes the place of the board's.
    fn leaderboard_record_write as "leaderboardRecordWrite" (LeaderboardRecordWrite {
        id: String,
        owner_id: UserId,
        username: Option<String>,
        score: Option<i64>,
        subscore: Option<i64>,
        metadata: Option<Json>,
        operator: Option<String>,
    }) -> HostRecord;

    /// Deletes an owner's present record; one that is not there is fine.
    fn leaderboard_record_delete as "leaderboardRecordDelete" (LeaderboardRecordDelete {
        id: String,
        owner_id: UserId,
    }) -> ();

    /// The first time after a moment that a cron expression names, both in Unix seconds.
    fn cron_next as "cronNext" (CronNext {
        expression: String,
        timestamp: i64,
    }) -> i64;

    /// The last time before a moment that a cron expression names, both in Unix seconds.
    fn cron_prev as "cronPrev" (CronPrev {
        expression: String,
        timestamp: i64,
    }) -> i64;
}
