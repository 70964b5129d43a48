//! Records of leaderboards and tournaments.
//!
//! A write is one statement: it looks at the record, lets the operator meet the scores that are
//! there, and tells what was there before, which the counting of ranks needs. `ON CONFLICT` sees
//! the newest row even if the look did not; a row that is not the one looked at is left alone, and
//! the write is repeated with the row locked, so that writers of one record queue up.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    Around, BoardOperator, BoardRecord, BoardRecords, Joined, NO_MAX_SIZE, Period, RankChange,
    RankKey, RankSkeleton, RecordPage, RecordWalk, RecordWrite, Snapshot, SortOrder, StorageError,
    TournamentTerms, WriteRefused, Written,
};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::rows;
use super::rows::record;
use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, Params, Query, queries};
use crate::transaction::Transaction;
use crate::values::{Ids, JsonText, Seen, Time, Transaction as Number};

/// The look at the record. `$1` board, `$2` owner, `$3` expiry, in every statement.
macro_rules! held {
    ($lock:literal) => {
        concat!(
            "held AS MATERIALIZED (\
                 SELECT username, score, subscore, num_score, max_num_score, metadata, \
                     create_time, update_time FROM leaderboard_record \
                 WHERE owner_id = $2 AND leaderboard_id = $1 AND expiry_time = $3",
            $lock,
            ")"
        )
    };
}

/// What becomes of a score; `$9` is the operator.
macro_rules! met {
    ($column:literal, $given:literal) => {
        concat!(
            $column,
            " = CASE $9::smallint WHEN 0 THEN greatest(r.",
            $column,
            ", ",
            $given,
            ") \
             WHEN 1 THEN least(r.",
            $column,
            ", ",
            $given,
            ") WHEN 2 THEN ",
            $given,
            " \
             WHEN 3 THEN r.",
            $column,
            " + ",
            $given,
            " \
             ELSE greatest(r.",
            $column,
            " - ",
            $given,
            ", 0) END"
        )
    };
}

/// The insertion of `$4` user name, `$5` score, `$6` sub-score, `$7` metadata at `$8`, if `$room`
/// lets it, or the operator's work on the row that was looked at, if `$counts`.
macro_rules! written {
    ($most:literal, $room:literal, $counts:literal) => {
        concat!(
            "written AS (\
                 INSERT INTO leaderboard_record AS r (leaderboard_id, owner_id, expiry_time, \
                     username, score, subscore, metadata, create_time, update_time, \
                     num_score, max_num_score) \
                 SELECT $1, $2, $3, $4, CASE $9::smallint WHEN 4 THEN 0 ELSE $5::bigint END, \
                     CASE $9::smallint WHEN 4 THEN 0 ELSE $6::bigint END, \
                     coalesce($7, '{}'::jsonb), $8, $8, 1, ", $most, " ", $room, " \
                 ON CONFLICT (owner_id, leaderboard_id, expiry_time) DO UPDATE SET ",
                     met!("score", "$5"), ", ", met!("subscore", "$6"), ", \
                     num_score = r.num_score + 1, metadata = coalesce($7, r.metadata), \
                     username = coalesce($4, r.username), update_time = $8 \
                 WHERE (r.num_score, r.create_time) = (SELECT num_score, create_time FROM held) \
                     AND ", $counts, " \
                 RETURNING username, score, subscore, num_score, max_num_score, metadata, \
                     create_time, update_time, pg_current_xact_id() AS transaction, \
                     xmax = 0 AS is_new) ")
    };
}

/// What a write answers: one row, with the record as it is now.
macro_rules! answer {
    () => {
        "SELECT coalesce(w.username, h.username), coalesce(w.score, h.score), \
             coalesce(w.subscore, h.subscore), coalesce(w.num_score, h.num_score), \
             coalesce(w.max_num_score, h.max_num_score), coalesce(w.metadata, h.metadata), \
             coalesce(w.create_time, h.create_time), coalesce(w.update_time, h.update_time), \
             h.score, h.subscore, w.transaction"
    };
}

macro_rules! plain_write {
    ($lock:literal) => {
        concat!(
            "WITH ",
            held!($lock),
            ", ",
            written!(
                "1000000",
                "",
                "CASE $9::smallint WHEN 0 THEN r.score < $5 OR r.subscore < $6 \
                     WHEN 1 THEN r.score > $5 OR r.subscore > $6 \
                     WHEN 2 THEN r.score <> $5 OR r.subscore <> $6 \
                     ELSE $5 <> 0 OR $6 <> 0 END"
            ),
            answer!(),
            " FROM (SELECT) one LEFT JOIN written w ON true LEFT JOIN held h ON true"
        )
    };
}

/// `$10` most writes of a new member, `$11` whether one must join first, `$12` whether members are
/// limited. A new member without a place, or a place without a new member, undoes everything: see
/// `is_overtaken`.
macro_rules! tournament_write {
    ($lock:literal) => {
        concat!(
            "WITH ",
            held!($lock),
            ", \
             room AS (\
                 UPDATE leaderboard SET size = size + 1 \
                 WHERE id = $1 AND $12 AND NOT $11 AND size < max_size \
                     AND NOT EXISTS (SELECT FROM held) RETURNING 1), ",
            written!(
                "$10",
                "WHERE EXISTS (SELECT FROM held) \
                     OR (NOT $11 AND (NOT $12 OR EXISTS (SELECT FROM room)))",
                "r.num_score < r.max_num_score"
            ),
            answer!(),
            ", 1 / (CASE WHEN w.is_new \
                 THEN NOT $11 AND (NOT $12 OR EXISTS (SELECT FROM room)) \
                 ELSE NOT EXISTS (SELECT FROM room) END)::int \
             FROM (SELECT) one LEFT JOIN written w ON true LEFT JOIN held h ON true"
        )
    };
}

queries!(RecordQueries {
    write: "leaderboard_write" = plain_write!("");
    write_locked: "leaderboard_write" = plain_write!(" FOR UPDATE");
    tournament: "tournament_write" = tournament_write!("");
    tournament_locked: "tournament_write" = tournament_write!(" FOR UPDATE");
    /// `$4` user name, `$5` most writes, `$6` now, `$7` whether members are limited.
    join: "tournament_join" =
        "WITH held AS MATERIALIZED (\
             SELECT 1 FROM leaderboard_record \
             WHERE owner_id = $2 AND leaderboard_id = $1 AND expiry_time = $3), \
         room AS (\
             UPDATE leaderboard SET size = size + 1 \
             WHERE id = $1 AND $7 AND size < max_size AND NOT EXISTS (SELECT FROM held) \
             RETURNING 1), \
         member AS (\
             INSERT INTO leaderboard_record (leaderboard_id, owner_id, expiry_time, username, \
                 num_score, max_num_score, create_time, update_time) \
             SELECT $1, $2, $3, $4, 0, $5, $6, $6 \
             WHERE NOT EXISTS (SELECT FROM held) AND (NOT $7 OR EXISTS (SELECT FROM room)) \
             ON CONFLICT (owner_id, leaderboard_id, expiry_time) DO NOTHING \
             RETURNING pg_current_xact_id() AS transaction) \
         SELECT EXISTS (SELECT FROM held), EXISTS (SELECT FROM leaderboard WHERE id = $1), \
             (SELECT transaction FROM member), \
             1 / (NOT EXISTS (SELECT FROM room) OR EXISTS (SELECT FROM member))::int";
    /// Takes the board before the record, as first writes and joins do: the other way round they
    /// would wait for each other.
    delete: "leaderboard_record_delete" =
        "WITH board AS MATERIALIZED (\
             SELECT 1 FROM leaderboard WHERE id = $1 AND $4 FOR NO KEY UPDATE), \
         gone AS (\
             DELETE FROM leaderboard_record \
             WHERE owner_id = $2 AND leaderboard_id = $1 AND expiry_time = $3 \
                 AND (NOT $4 OR EXISTS (SELECT FROM board)) \
             RETURNING score, subscore, pg_current_xact_id() AS transaction), \
         freed AS (\
             UPDATE leaderboard SET size = size - 1 \
             WHERE id = $1 AND $4 AND size > 0 AND EXISTS (SELECT FROM gone)) \
         SELECT score, subscore, transaction FROM gone";
    delete_owner: "leaderboard_record_delete" =
        "DELETE FROM leaderboard_record WHERE owner_id = $1 \
         RETURNING leaderboard_id, expiry_time, score, subscore, pg_current_xact_id()";
    add_attempts: "tournament_add_attempts" =
        "UPDATE leaderboard_record SET max_num_score = \
             least(greatest(max_num_score::bigint + $4::int, 1), 2147483647)::int \
         WHERE owner_id = $2 AND leaderboard_id = $1 AND expiry_time = $3";
    of_owners: "leaderboard_record_owners" = concat!(
        "SELECT ", record!(), " FROM leaderboard_record \
         WHERE leaderboard_id = $1 AND expiry_time = $2 AND owner_id = ANY($3)");
    /// `$2` expiry and `$3` to `$5` the place to go on behind, as in the next.
    upwards: "leaderboard_record_list" = concat!(
        "SELECT ", record!(), " FROM leaderboard_record \
         WHERE leaderboard_id = $1 AND expiry_time = $2 \
             AND (score, subscore, owner_id) > ($3, $4, $5) \
         ORDER BY score, subscore, owner_id LIMIT $6");
    downwards: "leaderboard_record_list" = concat!(
        "SELECT ", record!(), " FROM leaderboard_record \
         WHERE leaderboard_id = $1 AND expiry_time = $2 \
             AND (score, subscore, owner_id) < ($3, $4, $5) \
         ORDER BY score DESC, subscore DESC, owner_id DESC LIMIT $6");
    /// In no order.
    around: "leaderboard_record_around" = concat!(
        "WITH own AS MATERIALIZED (\
             SELECT ", record!(), " FROM leaderboard_record \
             WHERE owner_id = $2 AND leaderboard_id = $1 AND expiry_time = $3) \
         SELECT * FROM own \
         UNION ALL SELECT r.* FROM own o CROSS JOIN LATERAL (\
             SELECT ", record!(), " FROM leaderboard_record \
             WHERE leaderboard_id = $1 AND expiry_time = $3 \
                 AND (score, subscore, owner_id) > (o.score, o.subscore, o.owner_id) \
             ORDER BY score, subscore, owner_id LIMIT $4) r \
         UNION ALL SELECT r.* FROM own o CROSS JOIN LATERAL (\
             SELECT ", record!(), " FROM leaderboard_record \
             WHERE leaderboard_id = $1 AND expiry_time = $3 \
                 AND (score, subscore, owner_id) < (o.score, o.subscore, o.owner_id) \
             ORDER BY score DESC, subscore DESC, owner_id DESC LIMIT $4) r");
    /// Walks over the index alone.
    skeleton: "leaderboard_rank_skeleton" =
        "SELECT pg_current_snapshot(), count(*), \
             array_agg(score ORDER BY n) FILTER (WHERE n % $3 = 0), \
             array_agg(subscore ORDER BY n) FILTER (WHERE n % $3 = 0), \
             array_agg(owner_id ORDER BY n) FILTER (WHERE n % $3 = 0) \
         FROM (SELECT score, subscore, owner_id, \
                   row_number() OVER (ORDER BY score, subscore, owner_id) - 1 AS n \
               FROM (SELECT score, subscore, owner_id FROM leaderboard_record \
                     WHERE leaderboard_id = $1 AND expiry_time = $2 \
                         AND (score, subscore, owner_id) >= ($4, $5, $6) \
                     ORDER BY score, subscore, owner_id LIMIT $7) part) r";
    keys: "leaderboard_rank_keys" =
        "SELECT pg_current_snapshot(), array_agg(score), array_agg(subscore), array_agg(owner_id) \
         FROM (SELECT score, subscore, owner_id FROM leaderboard_record \
               WHERE leaderboard_id = $1 AND expiry_time = $2 \
                   AND (score, subscore, owner_id) >= ($3, $4, $5) \
                   AND (score, subscore, owner_id) < ($6, $7, $8) \
               ORDER BY score, subscore, owner_id) r";
    lock_board: "tournament_recount" = "SELECT 1 FROM leaderboard WHERE id = $1 FOR UPDATE";
    recount: "tournament_recount" =
        "UPDATE leaderboard l SET size = c.n FROM (\
             SELECT count(*)::int AS n FROM leaderboard_record \
             WHERE leaderboard_id = $1 AND expiry_time = $2) c \
         WHERE l.id = $1 AND l.size > c.n";
});

/// The foreign key from a record to its board.
const BOARD: &str = "leaderboard_record_leaderboard_id_fkey";
/// The order of a board's records. A race between two first writes may break it before the
/// constraint that the statements look out for.
const ORDER: &str = "leaderboard_record_pkey";
/// How often a write is repeated that another one has overtaken.
const REPETITIONS: u32 = 20;

/// [`BoardRecords`] in PostgreSQL.
pub(crate) struct PostgresRecords {
    pool: Pool,
    queries: RecordQueries,
}

/// What one attempt of a write says.
enum Attempt {
    Done(Written),
    Overtaken,
}

fn is_overtaken(error: &DbError) -> bool {
    matches!(error, DbError::Postgres(e) if e.code() == Some(&SqlState::DIVISION_BY_ZERO))
        || error.duplicate() == Some(ORDER)
}

/// The operator as the statements number it: "best" depends on the order.
fn operator(operator: BoardOperator, sort: SortOrder) -> i16 {
    match (operator, sort) {
        (BoardOperator::Best, SortOrder::Descending) => 0,
        (BoardOperator::Best, SortOrder::Ascending) => 1,
        (BoardOperator::Set, _) => 2,
        (BoardOperator::Increment, _) => 3,
        (BoardOperator::Decrement, _) => 4,
    }
}

fn number(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// What the answer of a write says.
fn attempt(row: &Row, write: &RecordWrite<'_>) -> Result<Attempt, DbError> {
    let before: Option<i64> = row.column(8)?;
    let transaction: Option<Number> = row.column(10)?;
    let refused = |why| Ok(Attempt::Done(Written::Refused(why)));
    if before.is_none() && transaction.is_none() {
        return match write.tournament {
            // A first write that another one's has overtaken.
            None => Ok(Attempt::Overtaken),
            Some(terms) if terms.join_required => refused(WriteRefused::NotJoined),
            Some(terms) if terms.max_size != NO_MAX_SIZE => refused(WriteRefused::Full),
            Some(_) => Ok(Attempt::Overtaken),
        };
    }
    let record = rows::record_of(row, 0, write.owner)?;
    let from = before
        .map(|score| {
            Ok::<_, DbError>(RankKey { score, subscore: row.column(9)?, owner: write.owner })
        })
        .transpose()?;
    if let Some(Number(transaction)) = transaction {
        let change = RankChange { transaction, from, to: Some(record.key()) };
        return Ok(Attempt::Done(Written::Changed(record, change)));
    }
    // Nothing was written: was there a reason in the row that was looked at?
    let stays = match write.tournament {
        None => !write.change.counts((record.score, record.subscore)),
        Some(_) if record.num_score >= record.max_num_score => {
            return refused(WriteRefused::NoAttemptsLeft);
        }
        Some(_) => false,
    };
    Ok(if stays { Attempt::Done(Written::Unchanged(record)) } else { Attempt::Overtaken })
}

impl PostgresRecords {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: RecordQueries::new(pool.metrics()), pool }
    }

    async fn attempt(
        &self,
        write: &RecordWrite<'_>,
        locked: bool,
    ) -> Result<Attempt, StorageError> {
        let q = &self.queries;
        let expiry = Time(write.period.expiry);
        let metadata = write.metadata.map(JsonText);
        let now = Time(write.now);
        let operator = operator(write.change.operator, write.change.sort);
        let common: [&(dyn ToSql + Sync); 9] = [
            &write.period.board,
            &write.owner.0,
            &expiry,
            &write.username,
            &write.change.score,
            &write.change.subscore,
            &metadata,
            &now,
            &operator,
        ];
        let outcome = match write.tournament {
            None => {
                let query = if locked { &q.write_locked } else { &q.write };
                self.pool.query_opt(query, &common).await
            }
            Some(terms) => {
                let most = number(terms.max_num_score);
                let limited = terms.max_size != NO_MAX_SIZE;
                let own: [&(dyn ToSql + Sync); 3] = [&most, &terms.join_required, &limited];
                let query = if locked { &q.tournament_locked } else { &q.tournament };
                self.pool.query_opt(query, &[&common[..], &own[..]].concat()).await
            }
        };
        match outcome {
            Ok(Some(row)) => Ok(attempt(&row, write)?),
            Ok(None) => Err(DbError::Nonsense("no answer to a write".into()).into()),
            Err(error) if is_overtaken(&error) => Ok(Attempt::Overtaken),
            Err(error) if error.missing() == Some(BOARD) => {
                Ok(Attempt::Done(Written::Refused(WriteRefused::NoBoard)))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn records(
        &self,
        query: &Query,
        params: Params<'_>,
    ) -> Result<Vec<BoardRecord>, StorageError> {
        let rows = self.pool.query(query, params).await?;
        Ok(rows.iter().map(|row| rows::record_at(row, 0)).collect::<Result<_, _>>()?)
    }
}

/// Keys out of three columns of arrays, which are empty together.
fn keys(row: &Row, at: usize) -> Result<Vec<RankKey>, DbError> {
    let scores = row.column::<Option<Vec<i64>>>(at)?.unwrap_or_default();
    let subscores = row.column::<Option<Vec<i64>>>(at + 1)?.unwrap_or_default();
    let owners = row.column::<Option<Vec<Uuid>>>(at + 2)?.unwrap_or_default();
    let scores = scores.into_iter().zip(subscores).zip(owners);
    let key = |((score, subscore), owner)| RankKey { score, subscore, owner: UserId(owner) };
    Ok(scores.map(key).collect())
}

/// Behind every record.
const LAST: RankKey = RankKey { score: i64::MAX, subscore: i64::MAX, owner: UserId(Uuid::max()) };
/// Before every record.
const BEFORE_FIRST: RankKey = RankKey { score: -1, subscore: -1, owner: UserId::NIL };

#[async_trait]
impl BoardRecords for PostgresRecords {
    async fn write(&self, write: RecordWrite<'_>) -> Result<Written, StorageError> {
        for done in 0..REPETITIONS {
            if let Attempt::Done(written) = self.attempt(&write, done > 0).await? {
                return Ok(written);
            }
        }
        Err(StorageError::Contention("a record that comes and goes".into()))
    }

    async fn join(
        &self,
        period: Period<'_>,
        owner: UserId,
        username: &str,
        terms: &TournamentTerms,
        now: Timestamp,
    ) -> Result<Joined, StorageError> {
        let most = number(terms.max_num_score);
        let limited = terms.max_size != NO_MAX_SIZE;
        let params: [&(dyn ToSql + Sync); 7] =
            [&period.board, &owner.0, &Time(period.expiry), &username, &most, &Time(now), &limited];
        for _ in 0..REPETITIONS {
            let row = match self.pool.query_opt(&self.queries.join, &params).await {
                Ok(row) => row.ok_or_else(|| DbError::Nonsense("no answer to joining".into()))?,
                Err(error) if is_overtaken(&error) => continue,
                Err(error) if error.missing() == Some(BOARD) => return Ok(Joined::NoBoard),
                Err(error) => return Err(error.into()),
            };
            let (held, board): (bool, bool) = (row.column(0)?, row.column(1)?);
            if let Some(Number(transaction)) = row.column(2)? {
                let to = Some(RankKey { score: 0, subscore: 0, owner });
                return Ok(Joined::New(RankChange { transaction, from: None, to }));
            }
            match (held, board) {
                (true, _) => return Ok(Joined::Already),
                (false, false) => return Ok(Joined::NoBoard),
                (false, true) if limited => return Ok(Joined::Full),
                (false, true) => {}
            }
        }
        Err(StorageError::Contention("a record that comes and goes".into()))
    }

    async fn delete(
        &self,
        period: Period<'_>,
        owner: UserId,
        limited: bool,
    ) -> Result<Option<RankChange>, StorageError> {
        let params: [&(dyn ToSql + Sync); 4] =
            [&period.board, &owner.0, &Time(period.expiry), &limited];
        let row = self.pool.query_opt(&self.queries.delete, &params).await?;
        Ok(row.map(|row| rows::deleted(&row, 0, owner)).transpose()?)
    }

    async fn delete_owner(
        &self,
        owner: UserId,
    ) -> Result<Vec<(String, Timestamp, RankChange)>, StorageError> {
        let rows = self.pool.query(&self.queries.delete_owner, &[&owner.0]).await?;
        let gone = |row: &Row| {
            let Time(expiry) = row.column(1)?;
            Ok((row.column(0)?, expiry, rows::deleted(row, 2, owner)?))
        };
        Ok(rows.iter().map(gone).collect::<Result<_, DbError>>()?)
    }

    async fn add_attempts(
        &self,
        period: Period<'_>,
        owner: UserId,
        count: i32,
    ) -> Result<bool, StorageError> {
        let params: [&(dyn ToSql + Sync); 4] =
            [&period.board, &owner.0, &Time(period.expiry), &count];
        Ok(self.pool.execute(&self.queries.add_attempts, &params).await? > 0)
    }

    async fn of_owners(
        &self,
        period: Period<'_>,
        owners: &[UserId],
    ) -> Result<Vec<BoardRecord>, StorageError> {
        let expiry = Time(period.expiry);
        self.records(&self.queries.of_owners, &[&period.board, &expiry, &Ids(owners)]).await
    }

    async fn page(&self, walk: RecordWalk<'_>) -> Result<RecordPage, StorageError> {
        let downwards = (walk.sort == SortOrder::Descending) != walk.backwards;
        let (query, start) = if downwards {
            (&self.queries.downwards, LAST)
        } else {
            (&self.queries.upwards, BEFORE_FIRST)
        };
        let RankKey { score, subscore, owner } = walk.after.unwrap_or(start);
        // One more tells whether there are more.
        let most = i64::from(walk.limit) + 1;
        let params: [&(dyn ToSql + Sync); 6] =
            [&walk.period.board, &Time(walk.period.expiry), &score, &subscore, &owner.0, &most];
        let mut records = self.records(query, &params).await?;
        let limit = usize::try_from(walk.limit).unwrap_or(usize::MAX);
        let more = records.len() > limit;
        records.truncate(limit);
        Ok(RecordPage { records, more })
    }

    async fn around(
        &self,
        period: Period<'_>,
        sort: SortOrder,
        owner: UserId,
        limit: u32,
    ) -> Result<Option<Around>, StorageError> {
        let params: [&(dyn ToSql + Sync); 4] =
            [&period.board, &owner.0, &Time(period.expiry), &i64::from(limit)];
        let mut records = self.records(&self.queries.around, &params).await?;
        records.sort_unstable_by_key(BoardRecord::key);
        let Some(at) = records.iter().position(|record| record.owner == owner) else {
            return Ok(None);
        };
        let above = records.split_off(at + 1);
        let Some(own) = records.pop() else { return Ok(None) };
        records.reverse();
        let (better, worse) = match sort {
            SortOrder::Ascending => (records, above),
            SortOrder::Descending => (above, records),
        };
        Ok(Some(Around { better, own, worse }))
    }

    async fn skeleton(
        &self,
        period: Period<'_>,
        from: RankKey,
        run: u32,
        runs: u32,
    ) -> Result<RankSkeleton, StorageError> {
        let run = run.max(1);
        // One more tells where the next part begins.
        let most = i64::from(run) * i64::from(runs.max(1)) + 1;
        let params: [&(dyn ToSql + Sync); 7] = [
            &period.board,
            &Time(period.expiry),
            &i64::from(run),
            &from.score,
            &from.subscore,
            &from.owner.0,
            &most,
        ];
        let row = self.pool.query_opt(&self.queries.skeleton, &params).await?;
        let row = row.ok_or_else(|| DbError::Nonsense("no count of records".into()))?;
        let Seen(snapshot) = row.column(0)?;
        let counted: i64 = row.column(1)?;
        let mut bounds = keys(&row, 2)?;
        let next = if counted == most { bounds.pop() } else { None };
        let mut left = counted.min(most - 1);
        let counts = bounds.iter().map(|_| {
            let here = left.min(run.into());
            left -= here;
            u32::try_from(here).unwrap_or_default()
        });
        Ok(RankSkeleton { counts: counts.collect(), bounds, snapshot, next })
    }

    async fn keys(
        &self,
        period: Period<'_>,
        from: RankKey,
        to: Option<RankKey>,
    ) -> Result<(Vec<RankKey>, Snapshot), StorageError> {
        let to = to.unwrap_or(LAST);
        let params: [&(dyn ToSql + Sync); 8] = [
            &period.board,
            &Time(period.expiry),
            &from.score,
            &from.subscore,
            &from.owner.0,
            &to.score,
            &to.subscore,
            &to.owner.0,
        ];
        let row = self.pool.query_opt(&self.queries.keys, &params).await?;
        let row = row.ok_or_else(|| DbError::Nonsense("no keys of records".into()))?;
        let Seen(snapshot) = row.column(0)?;
        Ok((keys(&row, 1)?, snapshot))
    }

    async fn recount(&self, period: Period<'_>) -> Result<bool, StorageError> {
        let expiry = Time(period.expiry);
        // With the board locked nobody is between a place and its member.
        let work = async |mut transaction: Transaction| {
            transaction.query(&self.queries.lock_board, &[&period.board]).await?;
            transaction.last(&self.queries.recount, &[&period.board, &expiry]).await
        };
        let touched: Result<u64, DbError> = self.pool.transaction(work).await;
        Ok(touched? > 0)
    }
}
