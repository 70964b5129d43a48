//! Objects that players and server code keep.

use std::collections::HashSet;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    Object, ObjectDelete, ObjectIs, ObjectKey, ObjectPage, ObjectPosition, ObjectRefused,
    ObjectRights, ObjectTimes, ObjectWrite, Objects, ObjectsOf, ReadPermission, StorageError,
    WhyRefused, WritePermission,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, Query, queries};
use crate::retry::Conflict;
use crate::transaction::Transaction;
use crate::values::{JsonText, Time};

/// The columns of an object.
macro_rules! object {
    () => {
        "s.collection, s.key, s.user_id, s.value, s.version, s.read, s.write, \
         s.create_time, s.update_time"
    };
}

queries!(ObjectQueries {
    /// What is there of a batch, in its order, and whether each owner exists. Rows are locked in
    /// the order of their keys, so that two batches cannot wait for each other.
    lock: "object_lock" =
        "WITH held AS (\
             SELECT s.collection, s.key, s.user_id, s.version, s.read, s.write, \
                 s.create_time, s.update_time \
             FROM storage s JOIN unnest($1::text[], $2::text[], $3::uuid[]) \
                 AS i (collection, key, user_id) \
                 ON s.collection = i.collection AND s.key = i.key AND s.user_id = i.user_id \
             ORDER BY s.collection, s.key, s.user_id FOR UPDATE OF s) \
         SELECT h.version, h.read, h.write, h.create_time, h.update_time, \
             EXISTS (SELECT FROM users u WHERE u.id = i.user_id) \
         FROM unnest($1::text[], $2::text[], $3::uuid[]) WITH ORDINALITY \
             AS i (collection, key, user_id, n) \
         LEFT JOIN held h \
             ON h.collection = i.collection AND h.key = i.key AND h.user_id = i.user_id \
         ORDER BY i.n";
    /// Replaces those that are there and adds those that are not.
    write: "object_write" =
        "WITH batch AS (\
             SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::jsonb[], $5::text[], \
                 $6::smallint[], $7::smallint[], $8::boolean[]) \
             AS i (collection, key, user_id, value, version, read, write, there)), \
         replaced AS (\
             UPDATE storage s SET value = i.value, version = i.version, read = i.read, \
                 write = i.write, update_time = $9 \
             FROM batch i WHERE i.there \
                 AND s.collection = i.collection AND s.key = i.key AND s.user_id = i.user_id) \
         INSERT INTO storage (collection, key, user_id, value, version, read, write, \
             create_time, update_time) \
         SELECT i.collection, i.key, i.user_id, i.value, i.version, i.read, i.write, $9, $9 \
         FROM batch i WHERE NOT i.there";
    delete: "object_delete" =
        "DELETE FROM storage s USING unnest($1::text[], $2::text[], $3::uuid[]) \
             AS i (collection, key, user_id) \
         WHERE s.collection = i.collection AND s.key = i.key AND s.user_id = i.user_id";
    /// A player's rights are those of an owner and of everybody.
    read: "object_read" = concat!(
        "SELECT ", object!(), " FROM unnest($1::text[], $2::text[], $3::uuid[]) WITH ORDINALITY \
             AS i (collection, key, user_id, n) \
         JOIN storage s \
             ON s.collection = i.collection AND s.key = i.key AND s.user_id = i.user_id \
         WHERE $4::uuid IS NULL OR s.read = 2 OR (s.read = 1 AND s.user_id = $4) \
         ORDER BY i.n");
    list_user: "object_list" = concat!(
        "SELECT ", object!(), " FROM storage s \
         WHERE s.collection = $1 AND s.user_id = $2 AND s.read >= $3 AND (s.read, s.key) > ($4, $5) \
         ORDER BY s.read, s.key LIMIT $6");
    list_public: "object_list" = concat!(
        "SELECT ", object!(), " FROM storage s \
         WHERE s.collection = $1 AND s.read = 2 AND (s.key, s.user_id) > ($2, $3) \
         ORDER BY s.key, s.user_id LIMIT $4");
    list_everything: "object_list" = concat!(
        "SELECT ", object!(), " FROM storage s \
         WHERE s.collection = $1 AND (s.key, s.user_id) > ($2, $3) \
         ORDER BY s.key, s.user_id LIMIT $4");
});

/// [`Objects`] in PostgreSQL.
pub(crate) struct PostgresObjects {
    pool: Pool,
    queries: ObjectQueries,
}

/// Why a batch came to nothing.
enum Stopped {
    Refused(ObjectRefused),
    Db(DbError),
}

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl Conflict for Stopped {
    /// An object that was not there when the others were locked could not be locked itself: if it
    /// is there now, or its owner is gone, everything is looked at once more.
    fn is_conflict(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Db(error) => {
                error.is_conflict()
                    || error.duplicate() == Some("storage_pkey")
                    || error.missing() == Some("storage_user_id_fkey")
            }
        }
    }
}

/// The keys of a batch, column by column.
struct Keys<'a> {
    collections: Vec<&'a str>,
    keys: Vec<&'a str>,
    users: Vec<Uuid>,
}

impl<'a> Keys<'a> {
    fn of(batch: impl Iterator<Item = ObjectKey<'a>> + Clone) -> Self {
        Self {
            collections: batch.clone().map(|at| at.collection).collect(),
            keys: batch.clone().map(|at| at.key).collect(),
            users: batch.map(|at| at.user.0).collect(),
        }
    }

    fn params(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.collections, &self.keys, &self.users]
    }
}

/// An object as it is before a batch changes it.
struct Held {
    version: String,
    read: i16,
    write: i16,
    times: ObjectTimes,
}

/// What a batch finds about one of its members.
struct Before {
    held: Option<Held>,
    has_owner: bool,
}

fn before(row: &Row) -> Result<Before, DbError> {
    let held = match row.column::<Option<String>>(0)? {
        None => None,
        Some(version) => Some(Held {
            version,
            read: row.column(1)?,
            write: row.column(2)?,
            times: ObjectTimes {
                create_time: row.column::<Time>(3)?.0,
                update_time: row.column::<Time>(4)?.0,
            },
        }),
    };
    Ok(Before { held, has_owner: row.column(5)? })
}

fn may_write(rights: ObjectRights, owner: UserId, held: Option<&Held>) -> bool {
    match rights {
        ObjectRights::Server => true,
        ObjectRights::Player(player) => {
            owner == player && held.is_none_or(|held| held.write == WritePermission::Owner.number())
        }
    }
}

fn why_not_written(
    rights: ObjectRights,
    new: &ObjectWrite<'_>,
    before: &Before,
) -> Option<WhyRefused> {
    let held = before.held.as_ref();
    if !may_write(rights, new.at.user, held) {
        return Some(WhyRefused::Permission);
    }
    let as_wanted = match new.if_is {
        ObjectIs::Any => true,
        ObjectIs::Absent => held.is_none(),
        ObjectIs::Version(version) => held.is_some_and(|held| held.version == version),
    };
    if !as_wanted {
        return Some(WhyRefused::Version);
    }
    (!before.has_owner).then_some(WhyRefused::NoOwner)
}

fn why_not_deleted(
    rights: ObjectRights,
    gone: &ObjectDelete<'_>,
    before: &Before,
) -> Option<WhyRefused> {
    let Some(held) = &before.held else { return Some(WhyRefused::NotFound) };
    if !may_write(rights, gone.at.user, Some(held)) {
        return Some(WhyRefused::Permission);
    }
    let as_wanted = match gone.if_is {
        ObjectIs::Any => true,
        ObjectIs::Absent => false,
        ObjectIs::Version(version) => held.version == version,
    };
    (!as_wanted).then_some(WhyRefused::Version)
}

/// Whether a write leaves the object as it is.
fn is_unchanged(new: &ObjectWrite<'_>, held: &Held) -> bool {
    (held.version.as_str(), held.read, held.write)
        == (new.version, new.read.number(), new.write.number())
}

/// The first refusal of a batch.
fn first_refusal(refusals: impl Iterator<Item = Option<WhyRefused>>) -> Result<(), Stopped> {
    for (at, why) in refusals.enumerate() {
        if let Some(why) = why {
            return Err(Stopped::Refused(ObjectRefused { at, why }));
        }
    }
    Ok(())
}

/// No column holds such a name, and the database refuses to even look for it.
fn cannot_exist(at: ObjectKey<'_>) -> bool {
    at.collection.contains('\0') || at.key.contains('\0')
}

fn check_distinct<'a>(mut keys: impl Iterator<Item = ObjectKey<'a>>) -> Result<(), StorageError> {
    let mut seen = HashSet::new();
    if keys.all(|key| seen.insert(key)) {
        Ok(())
    } else {
        Err(StorageError::Failed("a batch names an object twice".into()))
    }
}

fn object(row: &Row) -> Result<Object, DbError> {
    let unknown = |what: &str| DbError::Nonsense(format!("an unknown {what} permission").into());
    let read = row.column::<i16>(5)?;
    let write = row.column::<i16>(6)?;
    Ok(Object {
        collection: row.column(0)?,
        key: row.column(1)?,
        user: UserId(row.column(2)?),
        value: row.column::<JsonText<'_>>(3)?.into(),
        version: row.column(4)?,
        read: ReadPermission::from_number(read.into()).ok_or_else(|| unknown("read"))?,
        write: WritePermission::from_number(write.into()).ok_or_else(|| unknown("write"))?,
        create_time: row.column::<Time>(7)?.0,
        update_time: row.column::<Time>(8)?.0,
    })
}

impl PostgresObjects {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: ObjectQueries::new(pool.metrics()), pool }
    }

    async fn lock(
        &self,
        transaction: &mut Transaction,
        keys: &Keys<'_>,
    ) -> Result<Vec<Before>, DbError> {
        let rows = transaction.query(&self.queries.lock, &keys.params()).await?;
        rows.iter().map(before).collect()
    }

    async fn write_in(
        &self,
        mut transaction: Transaction,
        rights: ObjectRights,
        batch: &[ObjectWrite<'_>],
        now: Timestamp,
    ) -> Result<Vec<ObjectTimes>, Stopped> {
        let keys = Keys::of(batch.iter().map(|new| new.at));
        let found = self.lock(&mut transaction, &keys).await?;
        let both = || batch.iter().zip(&found);
        first_refusal(both().map(|(new, before)| why_not_written(rights, new, before)))?;
        let (mut changes, mut there) = (Vec::new(), Vec::new());
        let mut times = Vec::with_capacity(batch.len());
        for (new, before) in both() {
            if let Some(held) = before.held.as_ref().filter(|held| is_unchanged(new, held)) {
                times.push(held.times);
                continue;
            }
            changes.push(new);
            there.push(before.held.is_some());
            let created = before.held.as_ref().map_or(now, |held| held.times.create_time);
            times.push(ObjectTimes { create_time: created, update_time: now });
        }
        self.put(transaction, &changes, &there, now).await?;
        Ok(times)
    }

    /// Writes what has been found to be right, and commits.
    async fn put(
        &self,
        transaction: Transaction,
        changes: &[&ObjectWrite<'_>],
        there: &[bool],
        now: Timestamp,
    ) -> Result<(), DbError> {
        let keys = Keys::of(changes.iter().map(|new| new.at));
        let values: Vec<JsonText<'_>> = changes.iter().map(|new| JsonText(new.value)).collect();
        let versions: Vec<&str> = changes.iter().map(|new| new.version).collect();
        let reads: Vec<i16> = changes.iter().map(|new| new.read.number()).collect();
        let writes: Vec<i16> = changes.iter().map(|new| new.write.number()).collect();
        let [collections, names, users] = keys.params();
        let params: [&(dyn ToSql + Sync); 9] =
            [collections, names, users, &values, &versions, &reads, &writes, &there, &Time(now)];
        transaction.last(&self.queries.write, &params).await.map(drop)
    }

    async fn delete_in(
        &self,
        mut transaction: Transaction,
        rights: ObjectRights,
        batch: &[ObjectDelete<'_>],
    ) -> Result<(), Stopped> {
        let keys = Keys::of(batch.iter().map(|gone| gone.at));
        let found = self.lock(&mut transaction, &keys).await?;
        let both = batch.iter().zip(&found);
        first_refusal(both.map(|(gone, before)| why_not_deleted(rights, gone, before)))?;
        transaction.last(&self.queries.delete, &keys.params()).await?;
        Ok(())
    }

    async fn page(
        &self,
        query: &Query,
        params: &[&(dyn ToSql + Sync)],
        limit: u32,
    ) -> Result<ObjectPage, StorageError> {
        let rows = self.pool.query(query, params).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let objects = rows.iter().take(limit).map(object).collect::<Result<_, _>>()?;
        Ok(ObjectPage { objects, more })
    }
}

#[async_trait]
impl Objects for PostgresObjects {
    async fn write(
        &self,
        rights: ObjectRights,
        batch: &[ObjectWrite<'_>],
        now: Timestamp,
    ) -> Result<Result<Vec<ObjectTimes>, ObjectRefused>, StorageError> {
        check_distinct(batch.iter().map(|new| new.at))?;
        if batch.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let now = now.whole_micros();
        let outcome = self
            .pool
            .transaction(|transaction| self.write_in(transaction, rights, batch, now))
            .await;
        match outcome {
            Ok(times) => Ok(Ok(times)),
            Err(Stopped::Refused(refused)) => Ok(Err(refused)),
            Err(Stopped::Db(error)) => Err(error.into()),
        }
    }

    async fn read(
        &self,
        rights: ObjectRights,
        batch: &[ObjectKey<'_>],
    ) -> Result<Vec<Object>, StorageError> {
        let keys = Keys::of(batch.iter().copied().filter(|at| !cannot_exist(*at)));
        let player = match rights {
            ObjectRights::Server => None,
            ObjectRights::Player(player) => Some(player.0),
        };
        let [collections, names, users] = keys.params();
        let rows =
            self.pool.query(&self.queries.read, &[collections, names, users, &player]).await?;
        Ok(rows.iter().map(object).collect::<Result<_, _>>()?)
    }

    async fn delete(
        &self,
        rights: ObjectRights,
        batch: &[ObjectDelete<'_>],
    ) -> Result<Result<(), ObjectRefused>, StorageError> {
        check_distinct(batch.iter().map(|gone| gone.at))?;
        if batch.is_empty() {
            return Ok(Ok(()));
        }
        if let Some(at) = batch.iter().position(|gone| cannot_exist(gone.at)) {
            return Ok(Err(ObjectRefused { at, why: WhyRefused::NotFound }));
        }
        let outcome =
            self.pool.transaction(|transaction| self.delete_in(transaction, rights, batch)).await;
        match outcome {
            Ok(()) => Ok(Ok(())),
            Err(Stopped::Refused(refused)) => Ok(Err(refused)),
            Err(Stopped::Db(error)) => Err(error.into()),
        }
    }

    async fn list(
        &self,
        collection: &str,
        of: ObjectsOf,
        after: Option<&ObjectPosition>,
        limit: u32,
    ) -> Result<ObjectPage, StorageError> {
        if collection.contains('\0') || after.is_some_and(|after| after.key.contains('\0')) {
            return Ok(ObjectPage::default());
        }
        let q = &self.queries;
        let read = after.map_or(-1, |after| after.read.number());
        let (key, user) = after.map_or(("", Uuid::nil()), |after| (&after.key, after.user.0));
        // One more tells whether there are more.
        let most = i64::from(limit) + 1;
        match of {
            ObjectsOf::User(owner, least) => {
                let params: [&(dyn ToSql + Sync); 6] =
                    [&collection, &owner.0, &least.number(), &read, &key, &most];
                self.page(&q.list_user, &params, limit).await
            }
            ObjectsOf::Public => {
                self.page(&q.list_public, &[&collection, &key, &user, &most], limit).await
            }
            ObjectsOf::Everything => {
                self.page(&q.list_everything, &[&collection, &key, &user, &most], limit).await
            }
        }
    }
}
