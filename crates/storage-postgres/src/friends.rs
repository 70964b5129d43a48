//! Who is whose friend.
//!
//! A change locks the players that it is about, in the order of their ids, and then looks at their
//! edges: whatever two calls do about the same pair, one comes after the other, and neither waits
//! for something that the other holds. The rows of `user_edge` need no locks of their own.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tavern_domain::{Entropy, Timestamp, UserId};
use tavern_storage::{
    DecideFriends, Friend, FriendChanges, FriendKey, FriendOfFriend, FriendOfFriendPage,
    FriendPage, FriendState, Friends, FriendsChanged, Others, Pair, StorageError,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Pool;
use crate::accounts::{USER_COLUMNS, rows, user_columns};
use crate::error::DbError;
use crate::notifications::{Columns, insert_notifications};
use crate::query::{Column, Query, queries};
use crate::retry::Conflict;
use crate::transaction::Transaction;
use crate::values::{Ids, JsonText, Time};

/// A part of a player's list.
macro_rules! list {
    ($where:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", e.state, e.position, e.update_time, e.metadata \
             FROM user_edge e JOIN users u ON u.id = e.destination_id \
             WHERE e.source_id = $1 AND ",
            $where
        )
    };
}

/// Locks players in the order of their ids.
macro_rules! lock {
    ($which:literal) => {
        concat!(
            "SELECT u.id, (u.id = ANY($2)",
            $which,
            ") FROM users u WHERE (u.id = $1 OR u.id = ANY($2)",
            $which,
            ") AND u.id <> '00000000-0000-0000-0000-000000000000' \
             ORDER BY u.id FOR NO KEY UPDATE"
        )
    };
}

queries!(FriendQueries {
    lock: "friend_lock" = lock!("");
    lock_any: "friend_lock" = lock!(
        " OR u.username = ANY($3) OR u.facebook_id = ANY($4) OR u.steam_id = ANY($5)");
    /// The same with all whom the player has an edge with. An edge made meanwhile by somebody who
    /// is not locked is not seen; there is none once the player's own row is locked, but for those
    /// that were on their way.
    lock_connected: "friend_lock" =
        "SELECT u.id, (u.id = ANY($2) OR u.username = ANY($3) OR u.facebook_id = ANY($4) \
             OR u.steam_id = ANY($5)) \
         FROM users u WHERE u.id IN (\
                 SELECT $1::uuid UNION SELECT unnest($2::uuid[]) \
                 UNION SELECT n.id FROM users n WHERE n.username = ANY($3) \
                     OR n.facebook_id = ANY($4) OR n.steam_id = ANY($5) \
                 UNION SELECT e.destination_id FROM user_edge e WHERE e.source_id = $1 \
                 UNION SELECT e.source_id FROM user_edge e WHERE e.destination_id = $1) \
             AND u.id <> '00000000-0000-0000-0000-000000000000' \
         ORDER BY u.id FOR NO KEY UPDATE OF u";
    /// One look into an index for each edge, however many others the players have.
    edges: "friend_edges" =
        "SELECT o.id, true, e.state FROM unnest($2::uuid[]) AS o (id) CROSS JOIN LATERAL (\
             SELECT state FROM user_edge WHERE source_id = $1 AND destination_id = o.id LIMIT 1) e \
         UNION ALL \
         SELECT o.id, false, e.state FROM unnest($2::uuid[]) AS o (id) CROSS JOIN LATERAL (\
             SELECT state FROM user_edge WHERE source_id = o.id AND destination_id = $1 LIMIT 1) e";
    edges_any: "friend_edges" =
        "WITH o AS MATERIALIZED (\
             SELECT u.id FROM users u WHERE u.id = ANY($2) OR u.username = ANY($3) \
                 OR u.facebook_id = ANY($4) OR u.steam_id = ANY($5)) \
         SELECT o.id, true, e.state FROM o CROSS JOIN LATERAL (\
             SELECT state FROM user_edge WHERE source_id = $1 AND destination_id = o.id LIMIT 1) e \
         UNION ALL \
         SELECT o.id, false, e.state FROM o CROSS JOIN LATERAL (\
             SELECT state FROM user_edge WHERE source_id = o.id AND destination_id = $1 LIMIT 1) e";
    edges_connected: "friend_edges" =
        "SELECT e.destination_id, true, e.state FROM user_edge e WHERE e.source_id = $1 \
         UNION ALL \
         SELECT e.source_id, false, e.state FROM user_edge e WHERE e.destination_id = $1";
    /// Edges that are to be, edges that are to go, how counts change, and notifications.
    write: "friend_write" = concat!(
        "WITH edges AS (\
             INSERT INTO user_edge AS o \
                 (source_id, destination_id, state, position, update_time, metadata) \
             SELECT e.source_id, e.destination_id, e.state, $6 + e.n, $7, \
                 coalesce(e.metadata, '{}') \
             FROM unnest($1::uuid[], $2::uuid[], $3::int2[], $4::jsonb[]) WITH ORDINALITY \
                 AS e (source_id, destination_id, state, metadata, n) \
             ON CONFLICT (source_id, destination_id) DO UPDATE SET \
                 state = excluded.state, update_time = excluded.update_time, \
                 position = CASE WHEN $5 THEN excluded.position ELSE o.position END, \
                 metadata = o.metadata || excluded.metadata), \
         gone AS (\
             DELETE FROM user_edge o USING unnest($8::uuid[], $9::uuid[]) \
                 AS e (source_id, destination_id) \
             WHERE o.source_id = e.source_id AND o.destination_id = e.destination_id), \
         counts AS (\
             UPDATE users u SET edge_count = greatest(u.edge_count + c.delta, 0), \
                 update_time = $7 \
             FROM unnest($10::uuid[], $11::int4[]) AS c (id, delta) WHERE u.id = c.id) ",
        insert_notifications!("$12", "$13", "$14", "$15", "$16", "$17", "$18"));

    list: "friend_list" = list!(
        "(e.state, e.position) > ($2, $3) ORDER BY e.state, e.position LIMIT $4");
    list_state: "friend_list" = list!(
        "e.state = $2 AND e.position > $3 ORDER BY e.position LIMIT $4");
    get: "friend_get" = list!("e.destination_id = ANY($2) ORDER BY e.state, e.position");
    of_friends: "friend_of_friends" = concat!(
        "SELECT ", user_columns!(), ", e.source_id FROM user_edge f \
         JOIN user_edge e ON e.source_id = f.destination_id AND e.state = 0 \
         JOIN users u ON u.id = e.destination_id \
         WHERE f.source_id = $1 AND f.state = 0 AND e.destination_id <> $1 \
             AND (e.source_id, e.destination_id) > ($2, $3) \
             AND NOT EXISTS (SELECT FROM user_edge k \
                 WHERE k.source_id = $1 AND k.destination_id = e.destination_id AND k.state = 0) \
         ORDER BY e.source_id, e.destination_id LIMIT $4");
    between: "friend_between" =
        "SELECT m.state, o.state FROM users u \
         LEFT JOIN user_edge m ON m.source_id = $1 AND m.destination_id = u.id \
         LEFT JOIN user_edge o ON o.source_id = u.id AND o.destination_id = $1 \
         WHERE u.id = $2";
    set_metadata: "friend_set_metadata" =
        "UPDATE user_edge SET metadata = $3 WHERE source_id = $1 AND destination_id = $2";
});

/// [`Friends`] in PostgreSQL.
pub(crate) struct PostgresFriends {
    pool: Pool,
    queries: FriendQueries,
}

/// How often a change looks for positions that nobody has.
pub(crate) const MOST_SHIFTS: u32 = 8;

/// Why a change was not carried out.
enum Stopped {
    Storage(StorageError),
    Db(DbError),
}

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl Conflict for Stopped {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Storage(_) => false,
            Self::Db(error) => error.is_conflict(),
        }
    }
}

/// Edges of a player are ordered by state and position, of which no two are the same.
///
/// Positions are times, so they hardly ever meet. When they do, all edges of the change move to
/// new ones.
#[derive(Clone, Copy)]
pub(crate) struct Positions {
    pub(crate) first: i64,
    pub(crate) moves: bool,
}

impl Positions {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self { first: now.nanos(), moves: false }
    }

    pub(crate) fn shift(&mut self, entropy: &dyn Entropy) {
        let by = i64::try_from(entropy.next_u64() % 1_000_000_000).unwrap_or_default();
        *self = Self { first: self.first.saturating_add(by), moves: true };
    }
}

/// What to write, as arrays.
#[derive(Default)]
struct Edges<'a> {
    sources: Vec<Uuid>,
    destinations: Vec<Uuid>,
    states: Vec<i16>,
    metadata: Vec<Option<JsonText<'a>>>,
    gone_sources: Vec<Uuid>,
    gone_destinations: Vec<Uuid>,
    deltas: BTreeMap<UserId, i32>,
}

impl<'a> Edges<'a> {
    fn of(user: UserId, changes: &'a FriendChanges, before: &[Pair]) -> Self {
        let mut edges = Self::default();
        for change in &changes.pairs {
            let other = change.pair.other;
            let was = before.iter().find(|pair| pair.other == other);
            let (mine, theirs) = was.map_or((None, None), |pair| (pair.mine, pair.theirs));
            edges.add((user, other), mine, change.pair.mine, change.metadata.as_deref());
            edges.add((other, user), theirs, change.pair.theirs, change.their_metadata.as_deref());
        }
        edges
    }

    fn add(
        &mut self,
        (from, to): (UserId, UserId),
        was: Option<FriendState>,
        is: Option<FriendState>,
        metadata: Option<&'a str>,
    ) {
        match (was, is) {
            (None, None) => {}
            (Some(_), None) => {
                self.gone_sources.push(from.0);
                self.gone_destinations.push(to.0);
                *self.deltas.entry(from).or_default() -= 1;
            }
            (was, Some(is)) => {
                if was == Some(is) && metadata.is_none() {
                    return;
                }
                self.sources.push(from.0);
                self.destinations.push(to.0);
                self.states.push(is.number());
                self.metadata.push(metadata.map(JsonText));
                if was.is_none() {
                    *self.deltas.entry(from).or_default() += 1;
                }
            }
        }
    }
}

pub(crate) fn friend_state(number: i16) -> Result<FriendState, DbError> {
    let unknown = || DbError::Nonsense(format!("an edge of the state {number}").into());
    FriendState::from_number(number.into()).ok_or_else(unknown)
}

fn friend(row: &Row) -> Result<Friend, DbError> {
    Ok(Friend {
        user: rows::user(row)?,
        state: friend_state(row.column(USER_COLUMNS)?)?,
        position: row.column(USER_COLUMNS + 1)?,
        update_time: row.column::<Time>(USER_COLUMNS + 2)?.0,
        metadata: row.column::<JsonText<'_>>(USER_COLUMNS + 3)?.into(),
    })
}

/// No column holds such a text, and the database refuses to even look for it.
fn possible(texts: &[String]) -> Vec<&str> {
    texts.iter().map(|text| &**text).filter(|text| !text.contains('\0')).collect()
}

impl PostgresFriends {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: FriendQueries::new(pool.metrics()), pool }
    }

    /// Locks the players and looks at their edges. `None` when the acting one does not exist.
    async fn look(
        &self,
        transaction: &mut Transaction,
        user: UserId,
        others: Others<'_>,
    ) -> Result<Option<Vec<Pair>>, DbError> {
        let q = &self.queries;
        let (names, facebook, steam) =
            (possible(others.usernames), possible(others.facebook_ids), possible(others.steam_ids));
        let ids = Ids(others.ids);
        let all: [&(dyn ToSql + Sync); 5] = [&user.0, &ids, &names, &facebook, &steam];
        let only_ids = names.is_empty() && facebook.is_empty() && steam.is_empty();
        type Step<'a> = (&'a Query, usize);
        let (lock, edges): (Step<'_>, Step<'_>) = match (others.connected, only_ids) {
            (true, _) => ((&q.lock_connected, 5), (&q.edges_connected, 1)),
            (false, true) => ((&q.lock, 2), (&q.edges, 2)),
            (false, false) => ((&q.lock_any, 5), (&q.edges_any, 5)),
        };
        // The second statement begins when the first has its locks, and sees all that was done by
        // those who had them before.
        let [players, edges] =
            transaction.together([(lock.0, &all[..lock.1]), (edges.0, &all[..edges.1])]).await?;
        let mut pairs = BTreeMap::new();
        let mut exists = false;
        for row in &players {
            let (id, named) = (UserId(row.column(0)?), row.column::<Option<bool>>(1)?);
            if id == user {
                exists = true;
                continue;
            }
            let named = named == Some(true);
            pairs.insert(id, Pair { other: id, mine: None, theirs: None, named });
        }
        for row in &edges {
            let (other, mine) = (UserId(row.column(0)?), row.column::<bool>(1)?);
            let state = friend_state(row.column(2)?)?;
            if let Some(pair) = pairs.get_mut(&other) {
                *if mine { &mut pair.mine } else { &mut pair.theirs } = Some(state);
            }
        }
        Ok(exists.then(|| pairs.into_values().collect()))
    }

    async fn change_in(
        &self,
        mut transaction: Transaction,
        user: UserId,
        others: Others<'_>,
        (now, positions): (Timestamp, Positions),
        decide: &DecideFriends<'_>,
    ) -> Result<FriendsChanged, Stopped> {
        let Some(pairs) = self.look(&mut transaction, user, others).await? else {
            return Ok(FriendsChanged::default());
        };
        let changes = decide(&pairs);
        let found = pairs.iter().filter(|pair| pair.named).count();
        if changes == FriendChanges::default() {
            return Ok(FriendsChanged { found, changes });
        }
        let edges = Edges::of(user, &changes, &pairs);
        let new = Columns::of(&changes.notifications).map_err(Stopped::Storage)?;
        let counted: Vec<Uuid> = edges.deltas.keys().map(|user| user.0).collect();
        let deltas: Vec<i32> = edges.deltas.values().copied().collect();
        let params: [&(dyn ToSql + Sync); 18] = [
            &edges.sources,
            &edges.destinations,
            &edges.states,
            &edges.metadata,
            &positions.moves,
            &positions.first,
            &Time(now),
            &edges.gone_sources,
            &edges.gone_destinations,
            &counted,
            &deltas,
            &new.ids,
            &new.users,
            &new.subjects,
            &new.contents,
            &new.codes,
            &new.senders,
            &new.times,
        ];
        transaction.last(&self.queries.write, &params).await?;
        Ok(FriendsChanged { found, changes })
    }
}

#[async_trait]
impl Friends for PostgresFriends {
    async fn change(
        &self,
        user: UserId,
        others: Others<'_>,
        now: Timestamp,
        decide: &DecideFriends<'_>,
    ) -> Result<FriendsChanged, StorageError> {
        let mut positions = Positions::at(now);
        for _ in 0..MOST_SHIFTS {
            let at = (now, positions);
            let work = |transaction| self.change_in(transaction, user, others, at, decide);
            match self.pool.transaction(work).await {
                Err(Stopped::Db(error)) if error.duplicate() == Some("user_edge_pkey") => {
                    positions.shift(self.pool.entropy());
                }
                Err(Stopped::Db(error)) => return Err(error.into()),
                Err(Stopped::Storage(error)) => return Err(error),
                Ok(changed) => return Ok(changed),
            }
        }
        Err(StorageError::Contention("no free positions in a list of friends".into()))
    }

    async fn list(
        &self,
        user: UserId,
        state: Option<FriendState>,
        after: Option<FriendKey>,
        limit: u32,
    ) -> Result<FriendPage, StorageError> {
        // One more tells whether there are more.
        let most = i64::from(limit) + 1;
        let q = &self.queries;
        let rows = match (state, after) {
            // A key of another state has all of this one before it, or all behind it.
            (Some(state), Some(after)) if after.state > state => Vec::new(),
            (Some(state), after) => {
                let from = after.filter(|after| after.state == state);
                let position = from.map_or(i64::MIN, |after| after.position);
                let params: [&(dyn ToSql + Sync); 4] = [&user.0, &state.number(), &position, &most];
                self.pool.query(&q.list_state, &params).await?
            }
            (None, after) => {
                let (state, position) =
                    after.map_or((-1, 0), |after| (after.state.number(), after.position));
                let params: [&(dyn ToSql + Sync); 4] = [&user.0, &state, &position, &most];
                self.pool.query(&q.list, &params).await?
            }
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let friends = rows.iter().take(limit).map(friend).collect::<Result<_, _>>()?;
        Ok(FriendPage { friends, more })
    }

    async fn of_friends(
        &self,
        user: UserId,
        after: Option<(UserId, UserId)>,
        limit: u32,
    ) -> Result<FriendOfFriendPage, StorageError> {
        let (referrer, other) = after.unwrap_or((UserId::NIL, UserId::NIL));
        let params: [&(dyn ToSql + Sync); 4] =
            [&user.0, &referrer.0, &other.0, &(i64::from(limit) + 1)];
        let rows = self.pool.query(&self.queries.of_friends, &params).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let entry = |row: &Row| -> Result<FriendOfFriend, DbError> {
            let referrer = UserId(row.column(USER_COLUMNS)?);
            Ok(FriendOfFriend { referrer, user: rows::user(row)? })
        };
        let entries = rows.iter().take(limit).map(entry).collect::<Result<_, _>>()?;
        Ok(FriendOfFriendPage { entries, more })
    }

    async fn get(&self, user: UserId, others: &[UserId]) -> Result<Vec<Friend>, StorageError> {
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.pool.query(&self.queries.get, &[&user.0, &Ids(others)]).await?;
        Ok(rows.iter().map(friend).collect::<Result<_, _>>()?)
    }

    async fn between(&self, user: UserId, other: UserId) -> Result<Option<Pair>, StorageError> {
        let row = self.pool.query_opt(&self.queries.between, &[&user.0, &other.0]).await?;
        let Some(row) = row else { return Ok(None) };
        let state = |at| row.column::<Option<i16>>(at)?.map(friend_state).transpose();
        Ok(Some(Pair { other, mine: state(0)?, theirs: state(1)?, named: true }))
    }

    async fn set_metadata(
        &self,
        user: UserId,
        other: UserId,
        metadata: &str,
    ) -> Result<bool, StorageError> {
        let params: [&(dyn ToSql + Sync); 3] = [&user.0, &other.0, &JsonText(metadata)];
        Ok(self.pool.execute(&self.queries.set_metadata, &params).await? > 0)
    }
}
