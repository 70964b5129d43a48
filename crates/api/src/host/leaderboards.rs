//! Leaderboards.

use async_trait::async_trait;
use tavern_domain::{CodedError, Timestamp, UserId};
use tavern_leaderboards::cron::Cron;
use tavern_leaderboards::{
    AroundQuery, BoardOperator, BoardView, ListQuery, NewLeaderboard, NewScore, Ranked, RecordList,
    SortOrder, Writer,
};
use tavern_runtime_hooks::host::{
    CronNext, CronPrev, HostLeaderboard, HostLeaderboardPage, HostRecord, HostRecordPage,
    LeaderboardCreate, LeaderboardCursorFromRank, LeaderboardDelete, LeaderboardList,
    LeaderboardRanksDisable, LeaderboardRecordDelete, LeaderboardRecordWrite,
    LeaderboardRecordsHaystack, LeaderboardRecordsList, LeaderboardsGetId, LeaderboardsHost,
};
use tavern_runtime_hooks::{HookError, Json};

use super::ServerHost;
use crate::error;

/// Most records on a page for server code.
pub(super) const MAX_RECORDS: u32 = 10_000;
/// Boards on a page, and records around an owner, when nobody says.
pub(super) const DEFAULT_LIMIT: i64 = 10;

pub(super) fn sort_order(word: Option<&str>) -> Result<SortOrder, CodedError> {
    match word.unwrap_or("desc") {
        "asc" | "ascending" => Ok(SortOrder::Ascending),
        "desc" | "descending" => Ok(SortOrder::Descending),
        _ => Err(CodedError::invalid("the sort order is asc or desc")),
    }
}

/// An operator by its word; `None` when none is named.
pub(super) fn operator(word: Option<&str>) -> Result<Option<BoardOperator>, CodedError> {
    match word.unwrap_or_default() {
        "" => Ok(None),
        "best" => Ok(Some(BoardOperator::Best)),
        "set" => Ok(Some(BoardOperator::Set)),
        "incr" | "increment" => Ok(Some(BoardOperator::Increment)),
        "decr" | "decrement" => Ok(Some(BoardOperator::Decrement)),
        _ => Err(CodedError::invalid("the operator is best, set, incr or decr")),
    }
}

pub(super) const fn word(operator: BoardOperator) -> &'static str {
    match operator {
        BoardOperator::Best => "best",
        BoardOperator::Set => "set",
        BoardOperator::Increment => "increment",
        BoardOperator::Decrement => "decrement",
    }
}

/// The text of a JSON object that may be left out. An empty table is an empty list in Lua's eyes.
pub(super) fn object(given: Option<&Json>, default: &'static str) -> String {
    match given.map(|json| json.0.as_str()) {
        None | Some("null") => default.to_owned(),
        Some("[]") => "{}".to_owned(),
        Some(text) => text.to_owned(),
    }
}

pub(super) fn record(ranked: Ranked) -> HostRecord {
    let record = ranked.record;
    HostRecord {
        leaderboard_id: ranked.board,
        owner_id: record.owner,
        username: record.username,
        score: record.score,
        subscore: record.subscore,
        num_score: record.num_score,
        max_num_score: record.max_num_score,
        metadata: Json(record.metadata),
        create_time: record.create_time,
        update_time: record.update_time,
        expiry_time: ranked.expiry.map(Timestamp::seconds),
        rank: ranked.rank,
    }
}

pub(super) fn page(list: RecordList) -> HostRecordPage {
    HostRecordPage {
        records: list.records.into_iter().map(record).collect(),
        owner_records: list.owner_records.into_iter().map(record).collect(),
        next_cursor: list.next_cursor,
        prev_cursor: list.prev_cursor,
        rank_count: list.rank_count,
    }
}

fn leaderboard(view: BoardView) -> HostLeaderboard {
    HostLeaderboard {
        operator: word(view.board.operator).to_owned(),
        sort_order: u32::from(view.board.sort == SortOrder::Descending),
        id: view.board.id,
        title: String::new(),
        description: String::new(),
        category: 0,
        authoritative: view.board.authoritative,
        prev_reset: view.prev_reset,
        next_reset: view.next_reset,
        metadata: Json(view.board.metadata),
        create_time: view.board.create_time,
    }
}

/// A query of server code: no limit, or 0, is no page.
pub(super) fn list_query<'a>(
    board: &'a str,
    owners: &'a [UserId],
    limit: Option<i64>,
    cursor: Option<&'a str>,
    expiry: Option<i64>,
) -> ListQuery<'a> {
    ListQuery {
        board,
        owners,
        limit: limit.filter(|limit| *limit != 0),
        max_limit: MAX_RECORDS,
        cursor: cursor.unwrap_or_default(),
        expiry: expiry.unwrap_or(0),
    }
}

fn time(expression: &str, of: impl FnOnce(&Cron) -> Option<i64>) -> Result<i64, HookError> {
    let cron = Cron::parse(expression).map_err(|error| CodedError::invalid(error.to_string()))?;
    let found = of(&cron);
    Ok(found.ok_or_else(|| CodedError::invalid("the expression names no such time"))?)
}

#[async_trait]
impl LeaderboardsHost for ServerHost {
    async fn leaderboard_create(&self, args: LeaderboardCreate) -> Result<(), HookError> {
        let new = NewLeaderboard {
            id: &args.leaderboard_id,
            authoritative: args.authoritative.unwrap_or(false),
            sort: sort_order(args.sort_order.as_deref())?,
            operator: operator(args.operator.as_deref())?.unwrap_or(BoardOperator::Best),
            reset_schedule: args.reset_schedule.as_deref().unwrap_or_default(),
            metadata: &object(args.metadata.as_ref(), "{}"),
            ranks: args.enable_ranks.unwrap_or(false),
        };
        self.0.leaderboards.create_leaderboard(&new).await.map_err(error::classified)?;
        Ok(())
    }

    async fn leaderboard_delete(&self, args: LeaderboardDelete) -> Result<(), HookError> {
        self.0.leaderboards.delete_board(&args.id).await.map_err(error::classified)?;
        Ok(())
    }

    async fn leaderboard_list(
        &self,
        args: LeaderboardList,
    ) -> Result<HostLeaderboardPage, HookError> {
        let limit = args.limit.unwrap_or(DEFAULT_LIMIT);
        let cursor = args.cursor.as_deref().unwrap_or_default();
        let listed = self.0.leaderboards.list_leaderboards(limit, cursor).await;
        let (boards, cursor) = listed.map_err(error::classified)?;
        let leaderboards = boards.into_iter().map(leaderboard).collect();
        Ok(HostLeaderboardPage { leaderboards, cursor })
    }

    async fn leaderboards_get_id(
        &self,
        args: LeaderboardsGetId,
    ) -> Result<Vec<HostLeaderboard>, HookError> {
        let ids = args.ids.unwrap_or_default();
        let boards = self.0.leaderboards.get_boards(&ids, false).await;
        Ok(boards.map_err(error::classified)?.into_iter().map(leaderboard).collect())
    }

    async fn leaderboard_ranks_disable(
        &self,
        args: LeaderboardRanksDisable,
    ) -> Result<(), HookError> {
        let disabled = self.0.leaderboards.disable_ranks(&args.id, false).await;
        Ok(disabled.map_err(error::classified)?)
    }

    async fn leaderboard_records_list(
        &self,
        args: LeaderboardRecordsList,
    ) -> Result<HostRecordPage, HookError> {
        let owners = args.owner_ids.unwrap_or_default();
        let cursor = args.cursor.as_deref();
        let query = list_query(&args.id, &owners, args.limit, cursor, args.expiry_override);
        Ok(page(self.0.leaderboards.list(query).await.map_err(error::classified)?))
    }

    async fn leaderboard_records_haystack(
        &self,
        args: LeaderboardRecordsHaystack,
    ) -> Result<HostRecordPage, HookError> {
        let query = AroundQuery {
            board: &args.id,
            owner: args.owner_id,
            limit: args.limit.unwrap_or(DEFAULT_LIMIT),
            cursor: args.cursor.as_deref().unwrap_or_default(),
            expiry: args.expiry_override.unwrap_or(0),
        };
        Ok(page(self.0.leaderboards.around(query).await.map_err(error::classified)?))
    }

    async fn leaderboard_records_list_cursor_from_rank(
        &self,
        args: LeaderboardCursorFromRank,
    ) -> Result<String, HookError> {
        let expiry = args.expiry_override.unwrap_or(0);
        let cursor =
            self.0.leaderboards.cursor_from_rank(&args.leaderboard_id, args.rank, expiry).await;
        Ok(cursor.map_err(error::classified)?)
    }

    async fn leaderboard_record_write(
        &self,
        args: LeaderboardRecordWrite,
    ) -> Result<HostRecord, HookError> {
        let metadata = object(args.metadata.as_ref(), "");
        let new = NewScore {
            board: &args.id,
            owner: args.owner_id,
            username: args.username.as_deref().unwrap_or_default(),
            score: args.score.unwrap_or(0),
            subscore: args.subscore.unwrap_or(0),
            metadata: &metadata,
            operator: operator(args.operator.as_deref())?,
        };
        let written = self.0.leaderboards.write(Writer::Server, new).await;
        Ok(record(written.map_err(error::classified)?))
    }

    async fn leaderboard_record_delete(
        &self,
        args: LeaderboardRecordDelete,
    ) -> Result<(), HookError> {
        let deleted =
            self.0.leaderboards.delete_record(Writer::Server, &args.id, args.owner_id).await;
        Ok(deleted.map_err(error::classified)?)
    }

    async fn cron_next(&self, args: CronNext) -> Result<i64, HookError> {
        time(&args.expression, |cron| cron.next(args.timestamp))
    }

    async fn cron_prev(&self, args: CronPrev) -> Result<i64, HookError> {
        time(&args.expression, |cron| cron.previous(args.timestamp))
    }
}
