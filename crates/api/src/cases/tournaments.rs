//! Tournaments.

use tavern_domain::CodedError;
use tavern_leaderboards::{AroundQuery, ListQuery, NewScore, TournamentQuery, Writer};
use tavern_protocol::{Unit, api};

use super::leaderboards::{named, no_record, operator, owners};
use super::{DONE, parse_user};
use crate::api::user;
use crate::context::Context;
use crate::services::Services;
use crate::{error, wire};

/// Most records on a page of a tournament.
const MAX_LIMIT: u32 = 100;
/// Records on a page when nobody says.
const DEFAULT_LIMIT: i64 = 10;
/// Records around an owner when nobody says.
const DEFAULT_AROUND: i64 = 100;
/// Tournaments on a page when nobody says.
const DEFAULT_TOURNAMENTS: i64 = 100;
/// The highest category, where lists end when nobody says.
const LAST_CATEGORY: i64 = 127;

/// A page of tournaments.
pub(crate) async fn list(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListTournamentsRequest,
) -> Result<api::TournamentList, CodedError> {
    let query = TournamentQuery {
        category_start: request.category_start.map_or(0, i64::from),
        category_end: request.category_end.map_or(LAST_CATEGORY, i64::from),
        start_time: request.start_time.map_or(-1, i64::from),
        end_time: request.end_time.map_or(-1, i64::from),
        limit: request.limit.map_or(DEFAULT_TOURNAMENTS, i64::from),
        cursor: &request.cursor,
    };
    let listed = services.leaderboards.list_tournaments(query).await;
    let (tournaments, cursor) = listed.map_err(error::classified)?;
    Ok(api::TournamentList {
        tournaments: tournaments.into_iter().filter_map(wire::tournament).collect(),
        cursor: cursor.unwrap_or_default(),
    })
}

/// Makes the player a member.
pub(crate) async fn join(
    services: &Services,
    cx: &mut Context,
    request: &api::JoinTournamentRequest,
) -> Result<Unit, CodedError> {
    let player = cx.player()?;
    let id = named(&request.tournament_id)?;
    let joined = services.leaderboards.join(id, player.user, &player.username).await;
    joined.map_err(error::classified)?;
    DONE
}

/// Writes the player's score.
pub(crate) async fn write(
    services: &Services,
    cx: &mut Context,
    request: &api::WriteTournamentRecordRequest,
) -> Result<api::LeaderboardRecord, CodedError> {
    let player = cx.player()?;
    let id = named(&request.tournament_id)?;
    let record = request.record.as_ref().ok_or_else(no_record)?;
    let new = NewScore {
        board: id,
        owner: player.user,
        username: &player.username,
        score: record.score,
        subscore: record.subscore,
        metadata: &record.metadata,
        operator: operator(record.operator)?,
    };
    let written = services.leaderboards.write_tournament(Writer::Player, new).await;
    Ok(wire::leaderboard_record(written.map_err(error::classified)?))
}

/// Deletes the player's record, if there is one.
pub(crate) async fn delete(
    services: &Services,
    cx: &mut Context,
    request: &api::DeleteTournamentRecordRequest,
) -> Result<Unit, CodedError> {
    let id = named(&request.tournament_id)?;
    let deleted =
        services.leaderboards.delete_tournament_record(Writer::Player, id, user(cx)?).await;
    deleted.map_err(error::classified)?;
    DONE
}

/// A page of records, and those of the owners asked for.
pub(crate) async fn records(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListTournamentRecordsRequest,
) -> Result<api::TournamentRecordList, CodedError> {
    let owners = owners(&request.owner_ids)?;
    // Only who goes on behind a cursor and asks for owners gets no page.
    let page = owners.is_empty() || request.cursor.is_empty();
    let query = ListQuery {
        board: named(&request.tournament_id)?,
        owners: &owners,
        limit: request.limit.map(i64::from).or(page.then_some(DEFAULT_LIMIT)),
        max_limit: MAX_LIMIT,
        cursor: &request.cursor,
        expiry: request.expiry.unwrap_or(0),
    };
    let list = services.leaderboards.list_tournament(query).await.map_err(error::classified)?;
    Ok(wire::tournament_records(list))
}

/// The records around an owner's.
pub(crate) async fn around(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListTournamentRecordsAroundOwnerRequest,
) -> Result<api::TournamentRecordList, CodedError> {
    let query = AroundQuery {
        board: named(&request.tournament_id)?,
        owner: parse_user(&request.owner_id)?,
        limit: request.limit.map_or(DEFAULT_AROUND, i64::from),
        cursor: &request.cursor,
        expiry: request.expiry.unwrap_or(0),
    };
    let list = services.leaderboards.around_tournament(query).await.map_err(error::classified)?;
    Ok(wire::tournament_records(list))
}
