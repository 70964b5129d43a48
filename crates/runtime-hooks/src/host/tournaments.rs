//! Tournaments.

use serde::Serialize;
use tavern_domain::{Timestamp, UserId};

use super::declare::host_area;
use super::leaderboards::{HostRecord, HostRecordPage};
use super::types::time;
use crate::value::Json;

/// A tournament as it is at some moment. Times in Unix seconds, 0 where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostTournament {
    pub id: String,
    pub title: String,
    pub description: String,
    pub category: u32,
    pub authoritative: bool,
    /// 0 ascending, 1 descending.
    pub sort_order: u32,
    /// `best`, `set`, `increment` or `decrement`.
    pub operator: String,
    pub size: u32,
    pub max_size: u32,
    pub max_num_score: u32,
    /// In seconds.
    pub duration: u32,
    pub start_active: i64,
    pub end_active: i64,
    pub can_enter: bool,
    pub prev_reset: i64,
    pub next_reset: i64,
    /// A JSON object.
    pub metadata: Json,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    #[serde(with = "time")]
    pub start_time: Timestamp,
    pub end_time: i64,
    pub join_required: bool,
}

/// A part of the list of tournaments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostTournamentPage {
    /// By start (earliest first), end (latest first), category and id.
    pub tournaments: Vec<HostTournament>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

host_area! {
    /// Tournaments.
    TournamentsHost

    /// Creates a tournament; one that is there stays as it is. Authoritative unless told otherwise.
    /// Words are those of leaderboards; times are Unix seconds, 0 for now or never; 0 for the
    /// largest size and the number of scores means no limit.
    fn tournament_create as "tournamentCreate" (TournamentCreate {
        id: String,
        authoritative: Option<bool>,
        sort_order: Option<String>,
        operator: Option<String>,
        duration: Option<i64>,
        reset_schedule: Option<String>,
        metadata: Option<Json>,
        title: Option<String>,
        description: Option<String>,
        category: Option<i64>,
        start_time: Option<i64>,
        end_time: Option<i64>,
        max_size: Option<i64>,
        max_num_score: Option<i64>,
        join_required: Option<bool>,
        enable_ranks: Option<bool>,
    }) -> ();

    /// Deletes a tournament with its records; one that is not there is fine.
    fn tournament_delete as "tournamentDelete" (TournamentDelete {
        id: String,
    }) -> ();

    /// Changes how often an owner may write in this period.
    fn tournament_add_attempt as "tournamentAddAttempt" (TournamentAddAttempt {
        id: String,
        owner_id: UserId,
        count: i64,
    }) -> ();

    /// Makes a user a member of a tournament that one must join.
    fn tournament_join as "tournamentJoin" (TournamentJoin {
        id: String,
        user_id: UserId,
        username: String,
    }) -> ();

    /// Tournaments of these categories (0 to 0 unless told otherwise) that start at a time or later
    /// and end at a time or before it (0 for those without an end; left out for those that have not
    /// ended). A page has 1 to 100, 10 unless asked otherwise.
    fn tournament_list as "tournamentList" (TournamentList {
        category_start: Option<i64>,
        category_end: Option<i64>,
        start_time: Option<i64>,
        end_time: Option<i64>,
        limit: Option<i64>,
        cursor: Option<String>,
    }) -> HostTournamentPage, several ["tournaments", "cursor"];

    /// The tournaments that are there, in the order of the ids.
    fn tournaments_get_id as "tournamentsGetId" (TournamentsGetId {
        tournament_ids: Option<Vec<String>>,
    }) -> Vec<HostTournament>;

    /// Works out no ranks of a tournament any more.
    fn tournament_ranks_disable as "tournamentsRanksDisable" (TournamentRanksDisable {
        id: String,
    }) -> ();

    /// A page of records and those of the owners named, as for leaderboards.
    fn tournament_records_list as "tournamentRecordsList" (TournamentRecordsList {
        tournament_id: String,
        owner_ids: Option<Vec<UserId>>,
        limit: Option<i64>,
        cursor: Option<String>,
        expiry_override: Option<i64>,
    }) -> HostRecordPage, several [
        "records", "owner_records", "next_cursor", "prev_cursor", "rank_count"
    ];

    /// The records around an owner's, as for leaderboards.
    fn tournament_records_haystack as "tournamentRecordsHaystack" (TournamentRecordsHaystack {
        id: String,
        owner_id: UserId,
        limit: Option<i64>,
        cursor: Option<String>,
        expiry_override: Option<i64>,
    }) -> HostRecordPage, several ["records", "next_cursor", "prev_cursor", "rank_count"];

    /// Writes a score, also in authoritative tournaments; answers the record as it is then.
    fn tournament_record_write as "tournamentRecordWrite" (TournamentRecordWrite {
        id: String,
        owner_id: UserId,
        username: Option<String>,
        score: Option<i64>,
        subscore: Option<i64>,
        metadata: Option<Json>,
        operator: Option<String>,
    }) -> HostRecord;

    /// Deletes an owner's present record and frees the place; one that is not there is fine.
    fn tournament_record_delete as "tournamentRecordDelete" (TournamentRecordDelete {
        id: String,
        owner_id: UserId,
    }) -> ();
}
