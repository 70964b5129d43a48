//! Leaderboards.

use tavern_domain::{CodedError, UserId};
use tavern_leaderboards::{AroundQuery, BoardOperator, ListQuery, NewScore, Writer};
use tavern_protocol::{Unit, api};

use super::{DONE, parse_user};
use crate::api::user;
use crate::context::Context;
use crate::services::Services;
use crate::{error, wire};

/// Most records on a page of a leaderboard.
const MAX_LIMIT: u32 = 1_000;
/// Records on a page when nobody says.
const DEFAULT_LIMIT: i64 = 1;

/// Writes the player's score.
pub(crate) async fn write(
    services: &Services,
    cx: &mut Context,
    request: &api::WriteLeaderboardRecordRequest,
) -> Result<api::LeaderboardRecord, CodedError> {
    let player = cx.player()?;
    let id = named(&request.leaderboard_id)?;
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
    let written = services.leaderboards.write(Writer::Player, new).await;
    Ok(wire::leaderboard_record(written.map_err(error::classified)?))
}

/// Deletes the player's record, if there is one.
pub(crate) async fn delete(
    services: &Services,
    cx: &mut Context,
    request: &api::DeleteLeaderboardRecordRequest,
) -> Result<Unit, CodedError> {
    let id = named(&request.leaderboard_id)?;
    let deleted = services.leaderboards.delete_record(Writer::Player, id, user(cx)?).await;
    deleted.map_err(error::classified)?;
    DONE
}

/// A page of records, and those of the owners asked for.
pub(crate) async fn list(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListLeaderboardRecordsRequest,
) -> Result<api::LeaderboardRecordList, CodedError> {
    let owners = owners(&request.owner_ids)?;
    // Whoever asks for owners alone gets no page.
    let page = owners.is_empty() || !request.cursor.is_empty();
    let query = ListQuery {
        board: named(&request.leaderboard_id)?,
        owners: &owners,
        limit: request.limit.map(i64::from).or(page.then_some(DEFAULT_LIMIT)),
        max_limit: MAX_LIMIT,
        cursor: &request.cursor,
        expiry: request.expiry.unwrap_or(0),
    };
    let list = services.leaderboards.list(query).await.map_err(error::classified)?;
    Ok(wire::leaderboard_records(list))
}

/// The records around an owner's.
pub(crate) async fn around(
    services: &Services,
    _cx: &mut Context,
    request: &api::ListLeaderboardRecordsAroundOwnerRequest,
) -> Result<api::LeaderboardRecordList, CodedError> {
    let query = AroundQuery {
        board: named(&request.leaderboard_id)?,
        owner: parse_user(&request.owner_id)?,
        limit: request.limit.map_or(DEFAULT_LIMIT, i64::from),
        cursor: &request.cursor,
        expiry: request.expiry.unwrap_or(0),
    };
    let list = services.leaderboards.around(query).await.map_err(error::classified)?;
    Ok(wire::leaderboard_records(list))
}

/// An id that is there.
pub(crate) fn named(id: &str) -> Result<&str, CodedError> {
    if id.is_empty() { Err(CodedError::invalid("an id is needed")) } else { Ok(id) }
}

pub(crate) fn no_record() -> CodedError {
    CodedError::invalid("a record to write is needed")
}

pub(crate) fn owners(ids: &[String]) -> Result<Vec<UserId>, CodedError> {
    ids.iter().map(|id| parse_user(id)).collect()
}

/// What a write names instead of the board's operator.
pub(crate) fn operator(number: i32) -> Result<Option<BoardOperator>, CodedError> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(BoardOperator::Best)),
        2 => Ok(Some(BoardOperator::Set)),
        3 => Ok(Some(BoardOperator::Increment)),
        4 => Ok(Some(BoardOperator::Decrement)),
        _ => Err(CodedError::invalid("the operator is between 0 and 4")),
    }
}
