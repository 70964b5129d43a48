//! Tournaments.

use async_trait::async_trait;
use tavern_domain::{CodedError, Timestamp};
use tavern_leaderboards::{
    AroundQuery, BoardOperator, BoardView, NewLeaderboard, NewScore, NewTournament, SortOrder,
    TournamentQuery, Writer,
};
use tavern_runtime_hooks::host::{
    HostRecord, HostRecordPage, HostTournament, HostTournamentPage, TournamentAddAttempt,
    TournamentCreate, TournamentDelete, TournamentJoin, TournamentList, TournamentRanksDisable,
    TournamentRecordDelete, TournamentRecordWrite, TournamentRecordsHaystack,
    TournamentRecordsList, TournamentsGetId, TournamentsHost,
};
use tavern_runtime_hooks::{HookError, Json};

use super::ServerHost;
use super::leaderboards::{
    DEFAULT_LIMIT, list_query, object, operator, page, record, sort_order, word,
};
use crate::error;

/// A tournament; `None` for a board that is none.
fn tournament(view: BoardView) -> Option<HostTournament> {
    let BoardView { board, prev_reset, next_reset, window, can_enter } = view;
    let (terms, window) = (board.tournament?, window?);
    Some(HostTournament {
        id: board.id,
        title: terms.title,
        description: terms.description,
        category: terms.category.into(),
        authoritative: board.authoritative,
        sort_order: u32::from(board.sort == SortOrder::Descending),
        operator: word(board.operator).to_owned(),
        size: terms.size,
        max_size: terms.max_size,
        max_num_score: terms.max_num_score,
        duration: terms.duration,
        start_active: window.start_active,
        end_active: window.end_active,
        can_enter,
        prev_reset,
        next_reset,
        metadata: Json(board.metadata),
        create_time: board.create_time,
        start_time: terms.start_time,
        end_time: terms.end_time.map_or(0, Timestamp::seconds),
        join_required: terms.join_required,
    })
}

#[async_trait]
impl TournamentsHost for ServerHost {
    async fn tournament_create(&self, args: TournamentCreate) -> Result<(), HookError> {
        let new = NewTournament {
            board: NewLeaderboard {
                id: &args.id,
                authoritative: args.authoritative.unwrap_or(true),
                sort: sort_order(args.sort_order.as_deref())?,
                operator: operator(args.operator.as_deref())?.unwrap_or(BoardOperator::Best),
                reset_schedule: args.reset_schedule.as_deref().unwrap_or_default(),
                metadata: &object(args.metadata.as_ref(), "{}"),
                ranks: args.enable_ranks.unwrap_or(false),
            },
            title: args.title.as_deref().unwrap_or_default(),
            description: args.description.as_deref().unwrap_or_default(),
            category: args.category.unwrap_or(0),
            duration: args.duration.unwrap_or(0),
            start_time: args.start_time.unwrap_or(0),
            end_time: args.end_time.unwrap_or(0),
            join_required: args.join_required.unwrap_or(false),
            max_size: args.max_size.unwrap_or(0),
            max_num_score: args.max_num_score.unwrap_or(0),
        };
        self.0.leaderboards.create_tournament(&new).await.map_err(error::classified)?;
        Ok(())
    }

    async fn tournament_delete(&self, args: TournamentDelete) -> Result<(), HookError> {
        self.0.leaderboards.delete_tournament(&args.id).await.map_err(error::classified)?;
        Ok(())
    }

    async fn tournament_add_attempt(&self, args: TournamentAddAttempt) -> Result<(), HookError> {
        let count = i32::try_from(args.count)
            .map_err(|_| CodedError::invalid("the number of attempts is beyond its range"))?;
        let added = self.0.leaderboards.add_attempts(&args.id, args.owner_id, count).await;
        Ok(added.map_err(error::classified)?)
    }

    async fn tournament_join(&self, args: TournamentJoin) -> Result<(), HookError> {
        let joined = self.0.leaderboards.join(&args.id, args.user_id, &args.username).await;
        Ok(joined.map_err(error::classified)?)
    }

    async fn tournament_list(&self, args: TournamentList) -> Result<HostTournamentPage, HookError> {
        let query = TournamentQuery {
            category_start: args.category_start.unwrap_or(0),
            category_end: args.category_end.unwrap_or(0),
            start_time: args.start_time.unwrap_or(-1),
            end_time: args.end_time.unwrap_or(-1),
            limit: args.limit.unwrap_or(DEFAULT_LIMIT),
            cursor: args.cursor.as_deref().unwrap_or_default(),
        };
        let listed = self.0.leaderboards.list_tournaments(query).await;
        let (boards, cursor) = listed.map_err(error::classified)?;
        let tournaments = boards.into_iter().filter_map(tournament).collect();
        Ok(HostTournamentPage { tournaments, cursor })
    }

    async fn tournaments_get_id(
        &self,
        args: TournamentsGetId,
    ) -> Result<Vec<HostTournament>, HookError> {
        let ids = args.tournament_ids.unwrap_or_default();
        let boards = self.0.leaderboards.get_boards(&ids, true).await;
        Ok(boards.map_err(error::classified)?.into_iter().filter_map(tournament).collect())
    }

    async fn tournament_ranks_disable(
        &self,
        args: TournamentRanksDisable,
    ) -> Result<(), HookError> {
        let disabled = self.0.leaderboards.disable_ranks(&args.id, true).await;
        Ok(disabled.map_err(error::classified)?)
    }

    async fn tournament_records_list(
        &self,
        args: TournamentRecordsList,
    ) -> Result<HostRecordPage, HookError> {
        let owners = args.owner_ids.unwrap_or_default();
        let cursor = args.cursor.as_deref();
        let query =
            list_query(&args.tournament_id, &owners, args.limit, cursor, args.expiry_override);
        Ok(page(self.0.leaderboards.list_tournament(query).await.map_err(error::classified)?))
    }

    async fn tournament_records_haystack(
        &self,
        args: TournamentRecordsHaystack,
    ) -> Result<HostRecordPage, HookError> {
        let query = AroundQuery {
            board: &args.id,
            owner: args.owner_id,
            limit: args.limit.unwrap_or(DEFAULT_LIMIT),
            cursor: args.cursor.as_deref().unwrap_or_default(),
            expiry: args.expiry_override.unwrap_or(0),
        };
        let around = self.0.leaderboards.around_tournament(query).await;
        Ok(page(around.map_err(error::classified)?))
    }

    async fn tournament_record_write(
        &self,
        args: TournamentRecordWrite,
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
        let written = self.0.leaderboards.write_tournament(Writer::Server, new).await;
        Ok(record(written.map_err(error::classified)?))
    }

    async fn tournament_record_delete(
        &self,
        args: TournamentRecordDelete,
    ) -> Result<(), HookError> {
        let deleted = self
            .0
            .leaderboards
            .delete_tournament_record(Writer::Server, &args.id, args.owner_id)
            .await;
        Ok(deleted.map_err(error::classified)?)
    }
}
