//! Leaderboards and tournaments.

use async_trait::async_trait;
use tavern_domain::Timestamp;
use tavern_storage::{
    Board, Boards, EndFilter, StorageError, TournamentFilter, TournamentPosition, TournamentTerms,
};
use tokio_postgres::types::ToSql;

use super::rows;
use super::rows::board;
use crate::Pool;
use crate::query::{Params, Query, queries};
use crate::values::{JsonText, Time};

queries!(BoardQueries {
    create: "leaderboard_create" = concat!(
        "INSERT INTO leaderboard AS l (id, authoritative, sort_order, operator, reset_schedule, \
             metadata, create_time, enable_ranks) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING RETURNING ", board!());
    create_tournament: "tournament_create" = concat!(
        "INSERT INTO leaderboard AS l (id, authoritative, sort_order, operator, reset_schedule, \
             metadata, create_time, enable_ranks, title, description, category, duration, \
             start_time, end_time, join_required, max_size, max_num_score) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
         ON CONFLICT (id) DO NOTHING RETURNING ", board!());
    get: "leaderboard_get" = concat!("SELECT ", board!(), " FROM leaderboard l WHERE id = ANY($1)");
    delete: "leaderboard_delete" = "DELETE FROM leaderboard WHERE id = $1";
    set_ranks: "leaderboard_set_ranks" = "UPDATE leaderboard SET enable_ranks = $2 WHERE id = $1";
    leaderboards: "leaderboard_list" = concat!(
        "SELECT ", board!(), " FROM leaderboard l \
         WHERE duration = 0 AND (create_time, id) > ($1, $2) ORDER BY create_time, id LIMIT $3");
    all: "leaderboard_list_all" = concat!(
        "SELECT ", board!(), " FROM leaderboard l \
         WHERE (create_time, id) > ($1, $2) ORDER BY create_time, id LIMIT $3");
    /// `$4` says which ends: 0 not before `$5`, 1 none, 2 at `$5` or before. The place to go on
    /// behind follows.
    tournaments: "tournament_list" = concat!(
        "SELECT ", board!(), " FROM leaderboard l \
         WHERE duration > 0 AND category BETWEEN $1 AND $2 AND start_time >= $3 \
             AND CASE $4::smallint \
                 WHEN 0 THEN end_time = 'epoch' OR end_time >= $5 \
                 WHEN 1 THEN end_time = 'epoch' \
                 ELSE end_time <> 'epoch' AND end_time <= $5 END \
             AND (start_time > $6 OR (start_time = $6 AND (end_time < $7 \
                 OR (end_time = $7 AND (category, id) > ($8, $9))))) \
         ORDER BY start_time, end_time DESC, category, id LIMIT $10");
});

/// [`Boards`] in PostgreSQL.
pub(crate) struct PostgresBoards {
    pool: Pool,
    queries: BoardQueries,
}

/// Earlier than every time of a board.
const BEFORE_ALL: Timestamp = Timestamp::from_nanos(i64::MIN);
/// Later than every time of a board.
const AFTER_ALL: Timestamp = Timestamp::from_nanos(i64::MAX);

impl PostgresBoards {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: BoardQueries::new(pool.metrics()), pool }
    }

    async fn list(&self, query: &Query, params: Params<'_>) -> Result<Vec<Board>, StorageError> {
        let rows = self.pool.query(query, params).await?;
        Ok(rows.iter().map(|row| rows::board_at(row, 0)).collect::<Result<_, _>>()?)
    }

    async fn insert(&self, board: &Board) -> Result<Vec<Board>, StorageError> {
        let (sort, operator) = (board.sort.number(), board.operator.number());
        let metadata = JsonText(&board.metadata);
        let created = Time(board.create_time);
        let common: [&(dyn ToSql + Sync); 8] = [
            &board.id,
            &board.authoritative,
            &sort,
            &operator,
            &board.reset_schedule,
            &metadata,
            &created,
            &board.ranks,
        ];
        let Some(terms) = &board.tournament else {
            return self.list(&self.queries.create, &common).await;
        };
        let TournamentTerms { title, description, join_required, .. } = terms;
        let category = i16::from(terms.category);
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let (duration, max_size, max_num_score) =
            (number(terms.duration), number(terms.max_size), number(terms.max_num_score));
        let start = Time(terms.start_time);
        let end = Time(terms.end_time.unwrap_or(Timestamp::EPOCH));
        let own: [&(dyn ToSql + Sync); 9] = [
            title,
            description,
            &category,
            &duration,
            &start,
            &end,
            join_required,
            &max_size,
            &max_num_score,
        ];
        self.list(&self.queries.create_tournament, &[&common[..], &own[..]].concat()).await
    }

    async fn by_age(
        &self,
        query: &Query,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError> {
        let (time, id) = after.unwrap_or((BEFORE_ALL, ""));
        self.list(query, &[&Time(time), &id, &i64::from(limit)]).await
    }
}

#[async_trait]
impl Boards for PostgresBoards {
    async fn create(&self, board: &Board) -> Result<(Board, bool), StorageError> {
        // Between two looks it may be created and deleted by others, but hardly for ever.
        for _ in 0..10 {
            if let Some(new) = self.insert(board).await?.pop() {
                return Ok((new, true));
            }
            if let Some(there) = self.get(&[&board.id]).await?.pop() {
                return Ok((there, false));
            }
        }
        Err(StorageError::Contention("a board that comes and goes".into()))
    }

    async fn get(&self, ids: &[&str]) -> Result<Vec<Board>, StorageError> {
        let ids: Vec<&str> = ids.iter().filter(|id| !id.contains('\0')).copied().collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.list(&self.queries.get, &[&ids]).await
    }

    async fn delete(&self, id: &str) -> Result<bool, StorageError> {
        if id.contains('\0') {
            return Ok(false);
        }
        Ok(self.pool.execute(&self.queries.delete, &[&id]).await? > 0)
    }

    async fn set_ranks(&self, id: &str, ranks: bool) -> Result<bool, StorageError> {
        if id.contains('\0') {
            return Ok(false);
        }
        Ok(self.pool.execute(&self.queries.set_ranks, &[&id, &ranks]).await? > 0)
    }

    async fn leaderboards(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError> {
        self.by_age(&self.queries.leaderboards, after, limit).await
    }

    async fn tournaments(
        &self,
        filter: TournamentFilter,
        after: Option<&TournamentPosition>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError> {
        let (first, last) = (i16::from(filter.category_start), i16::from(filter.category_end));
        let start = Time(filter.start.unwrap_or(BEFORE_ALL));
        let (ends, end) = match filter.end {
            EndFilter::NotBefore(now) => (0_i16, now),
            EndFilter::Endless => (1, Timestamp::EPOCH),
            EndFilter::At(latest) => (2, latest),
        };
        let (at_start, at_end, at_category, at_id) =
            after.map_or((BEFORE_ALL, AFTER_ALL, -1_i16, ""), |after| {
                let end = after.end_time.unwrap_or(Timestamp::EPOCH);
                (after.start_time, end, after.category.into(), &after.id)
            });
        let params: [&(dyn ToSql + Sync); 10] = [
            &first,
            &last,
            &start,
            &ends,
            &Time(end),
            &Time(at_start),
            &Time(at_end),
            &at_category,
            &at_id,
            &i64::from(limit),
        ];
        self.list(&self.queries.tournaments, &params).await
    }

    async fn all(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<Board>, StorageError> {
        self.by_age(&self.queries.all, after, limit).await
    }
}
