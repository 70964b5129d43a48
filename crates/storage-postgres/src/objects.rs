//! Objects that players and server code keep.
//!
//! A batch is one statement. Most batches have one member, and most of those go through; for them
//! there are statements that cost the database a third. They do it or change nothing, and then the
//! statement for batches is asked, which also says why not.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    Object, ObjectDelete, ObjectIs, ObjectKey, ObjectPage, ObjectPosition, ObjectRefused,
    ObjectRights, ObjectTimes, ObjectWrite, Objects, ObjectsOf, ReadPermission, StorageError,
    WhyRefused, WritePermission,
};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, Params, Query, queries};
use crate::retry::Conflict;
use crate::transaction::On;
use crate::values::{JsonText, Time};

/// The columns of an object besides its names.
macro_rules! object {
    () => {
        "s.value, s.version, s.read, s.write, s.create_time, s.update_time"
    };
}
pub(crate) use object as object_columns;

/// What the statements say of the members of a batch.
const DONE: i16 = 0;
const NOTHING_TO_DO: i16 = 1;
const VERSION: i16 = 2;
const PERMISSION: i16 = 3;
const NOT_FOUND: i16 = 4;

queries!(ObjectQueries {
    /// One object, under no condition, unless it is there already as it is to be.
    put_one: "object_write" =
        "INSERT INTO storage (collection, key, user_id, value, version, read, write, \
             create_time, update_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) \
         ON CONFLICT (collection, key, user_id) DO UPDATE SET \
             value = excluded.value, version = excluded.version, read = excluded.read, \
             write = excluded.write, update_time = excluded.update_time \
         WHERE storage.write >= $9 AND (storage.version, storage.read, storage.write) \
             IS DISTINCT FROM (excluded.version, excluded.read, excluded.write) \
         RETURNING create_time";
    /// One object that must not be there.
    add_one: "object_write" =
        "INSERT INTO storage (collection, key, user_id, value, version, read, write, \
             create_time, update_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) \
         ON CONFLICT (collection, key, user_id) DO NOTHING RETURNING create_time";
    /// One object that must have a version, unless it is already as it is to be.
    replace_one: "object_write" =
        "UPDATE storage SET value = $4, version = $5::text, read = $6, write = $7, \
             update_time = $8 \
         WHERE collection = $1 AND key = $2 AND user_id = $3 AND write >= $9 AND version = $10 \
             AND (version, read, write) IS DISTINCT FROM ($5::text, $6, $7) \
         RETURNING create_time";
    delete_one: "object_delete" =
        "DELETE FROM storage WHERE collection = $1 AND key = $2 AND user_id = $3 \
             AND write >= $4 AND ($5::text IS NULL OR version = $5)";
    /// Locks what is there in the order of the batch, judges every member by what is locked, and
    /// writes if none is refused.
    ///
    /// An object that appears between the look and the insertion was judged as absent. It is left
    /// alone; then fewer rows are written than should be, and a division by zero undoes everything:
    /// see `Overtaken`.
    write: "object_write" =
        "WITH ops AS MATERIALIZED (\
             SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::jsonb[], $5::text[], \
                     $6::smallint[], $7::smallint[], $8::text[]) \
                 WITH ORDINALITY \
                 AS o (collection, key, user_id, value, version, read, write, expected, n)), \
         held AS MATERIALIZED (\
             SELECT o.n, s.version, s.read, s.write, s.create_time, s.update_time \
             FROM ops o JOIN storage s \
                 ON s.collection = o.collection AND s.key = o.key AND s.user_id = o.user_id \
             ORDER BY o.n FOR NO KEY UPDATE OF s), \
         judged AS MATERIALIZED (\
             SELECT o.*, h.n IS NOT NULL AS known, h.create_time, h.update_time, (CASE \
                 WHEN o.user_id <> $10 OR ($10::uuid IS NOT NULL AND h.write < 1) THEN 3 \
                 WHEN o.expected = '' AND h.n IS NOT NULL THEN 2 \
                 WHEN o.expected <> '' AND h.version IS DISTINCT FROM o.expected THEN 2 \
                 WHEN h.version = o.version AND h.read = o.read AND h.write = o.write THEN 1 \
                 ELSE 0 END)::smallint AS verdict \
             FROM ops o LEFT JOIN held h ON h.n = o.n), \
         written AS (\
             INSERT INTO storage (collection, key, user_id, value, version, read, write, \
                 create_time, update_time) \
             SELECT collection, key, user_id, value, version, read, write, $9, $9 FROM judged \
             WHERE verdict = 0 AND NOT EXISTS (SELECT FROM judged WHERE verdict > 1) ORDER BY n \
             ON CONFLICT (collection, key, user_id) DO UPDATE SET \
                 value = excluded.value, version = excluded.version, read = excluded.read, \
                 write = excluded.write, update_time = excluded.update_time \
             WHERE (storage.collection::text, storage.key::text, storage.user_id) IN \
                 (SELECT j.collection, j.key, j.user_id FROM judged j WHERE j.known) \
             RETURNING 1) \
         SELECT verdict, create_time, update_time, \
             1 / ((SELECT count(*) FROM written) = (SELECT count(*) FROM judged WHERE verdict = 0) \
                 OR EXISTS (SELECT FROM judged WHERE verdict > 1))::int \
         FROM judged ORDER BY n";
    /// Like `write`; what is locked cannot be overtaken.
    delete: "object_delete" =
        "WITH ops AS MATERIALIZED (\
             SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[]) \
                 WITH ORDINALITY AS o (collection, key, user_id, expected, n)), \
         held AS MATERIALIZED (\
             SELECT o.n, s.version, s.write \
             FROM ops o JOIN storage s \
                 ON s.collection = o.collection AND s.key = o.key AND s.user_id = o.user_id \
             ORDER BY o.n FOR UPDATE OF s), \
         judged AS MATERIALIZED (\
             SELECT o.*, (CASE \
                 WHEN h.n IS NULL THEN 4 \
                 WHEN o.user_id <> $5 OR ($5::uuid IS NOT NULL AND h.write < 1) THEN 3 \
                 WHEN h.version <> o.expected THEN 2 \
                 ELSE 0 END)::smallint AS verdict \
             FROM ops o LEFT JOIN held h ON h.n = o.n), \
         deleted AS (\
             DELETE FROM storage s USING judged j \
             WHERE s.collection = j.collection AND s.key = j.key AND s.user_id = j.user_id \
                 AND NOT EXISTS (SELECT FROM judged WHERE verdict > 0)) \
         SELECT n, verdict FROM judged WHERE verdict > 0";
    /// The place in the batch comes first.
    read: "object_read" = concat!(
        "SELECT o.n, ", object!(),
        " FROM unnest($1::text[], $2::text[], $3::uuid[]) \
             WITH ORDINALITY AS o (collection, key, user_id, n) \
         JOIN storage s \
             ON s.collection = o.collection AND s.key = o.key AND s.user_id = o.user_id \
         WHERE $4::uuid IS NULL OR s.read >= 2 OR (s.read = 1 AND s.user_id = $4)");
    /// Every key is behind the empty text, with which a list begins.
    list_user: "object_list" = concat!(
        "SELECT s.key, s.user_id, ", object!(), " FROM storage s \
         WHERE s.collection = $1 AND s.user_id = $2 AND (s.read, s.key) > ($3, $4) \
         ORDER BY s.read, s.key LIMIT $5");
    list_public: "object_list" = concat!(
        "SELECT s.key, s.user_id, ", object!(), " FROM storage s \
         WHERE s.collection = $1 AND s.read = 2 AND (s.key, s.user_id) > ($2, $3) \
         ORDER BY s.key, s.user_id LIMIT $4");
    list_everything: "object_list" = concat!(
        "SELECT s.key, s.user_id, ", object!(), " FROM storage s \
         WHERE s.collection = $1 AND (s.key, s.user_id) > ($2, $3) \
         ORDER BY s.key, s.user_id LIMIT $4");
    owners: "object_owners" = "SELECT id FROM users WHERE id = ANY($1)";
});

/// The foreign key from an object to its owner's account.
const OWNER: &str = "storage_user_id_fkey";

/// [`Objects`] in PostgreSQL.
pub(crate) struct PostgresObjects {
    pool: Pool,
    queries: ObjectQueries,
}

/// An object that was not there when the batch was judged is there now.
struct Overtaken(DbError);

impl Conflict for Overtaken {
    fn is_conflict(&self) -> bool {
        true
    }
}

pub(crate) fn is_overtaken(error: &DbError) -> bool {
    matches!(error, DbError::Postgres(e) if e.code() == Some(&SqlState::DIVISION_BY_ZERO))
}

/// The members of a batch in the order in which all batches lock, column by column.
pub(crate) struct Sorted<'a, T> {
    /// Where each member was.
    order: Vec<usize>,
    members: Vec<&'a T>,
    collections: Vec<&'a str>,
    keys: Vec<&'a str>,
    owners: Vec<Uuid>,
}

impl<'a, T> Sorted<'a, T> {
    pub(crate) fn new(
        batch: &'a [T],
        at: impl Fn(&T) -> ObjectKey<'a>,
    ) -> Result<Self, StorageError> {
        let mut order: Vec<usize> = (0..batch.len()).collect();
        order.sort_unstable_by_key(|n| at(&batch[*n]));
        if order.windows(2).any(|pair| at(&batch[pair[0]]) == at(&batch[pair[1]])) {
            return Err(StorageError::Failed("a batch names an object twice".into()));
        }
        let keys = || order.iter().map(|n| at(&batch[*n]));
        Ok(Self {
            members: order.iter().map(|n| &batch[*n]).collect(),
            collections: keys().map(|at| at.collection).collect(),
            keys: keys().map(|at| at.key).collect(),
            owners: keys().map(|at| at.user.0).collect(),
            order,
        })
    }
}

/// `NULL` for anything; the empty text, which is nobody's version, for nothing.
fn expected(is: ObjectIs<'_>) -> Option<&str> {
    match is {
        ObjectIs::Any => None,
        ObjectIs::Absent => Some(""),
        ObjectIs::Version(version) => Some(version),
    }
}

/// The least write permission that an object must have to be touched; `None` when none is enough.
fn least_permission(rights: ObjectRights, owner: UserId) -> Option<i16> {
    match rights {
        ObjectRights::Server => Some(WritePermission::Nobody.number()),
        ObjectRights::Player(player) => {
            (player == owner).then_some(WritePermission::Owner.number())
        }
    }
}

/// `NULL` for the server.
fn player(rights: ObjectRights) -> Option<Uuid> {
    match rights {
        ObjectRights::Server => None,
        ObjectRights::Player(player) => Some(player.0),
    }
}

fn refusal(verdict: i16) -> Result<Option<WhyRefused>, DbError> {
    match verdict {
        DONE | NOTHING_TO_DO => Ok(None),
        VERSION => Ok(Some(WhyRefused::Version)),
        PERMISSION => Ok(Some(WhyRefused::Permission)),
        NOT_FOUND => Ok(Some(WhyRefused::NotFound)),
        other => Err(DbError::Nonsense(format!("an unknown verdict {other}").into())),
    }
}

/// Keeps the first refusal of a batch.
fn note(refused: &mut Option<ObjectRefused>, at: usize, why: Option<WhyRefused>) {
    if let Some(why) = why
        && refused.is_none_or(|first| at < first.at)
    {
        *refused = Some(ObjectRefused { at, why });
    }
}

/// The member at a place that the database counted, from 1.
fn member<T>(batch: &[T], n: i64) -> Result<&T, DbError> {
    let member = usize::try_from(n).ok().and_then(|n| batch.get(n.checked_sub(1)?));
    member.ok_or_else(|| DbError::Nonsense("a place outside the batch".into()))
}

/// No column holds such a name, and the database refuses to even look for it.
pub(crate) fn cannot_exist(at: ObjectKey<'_>) -> bool {
    at.collection.contains('\0') || at.key.contains('\0')
}

/// An object of a known name, whose other columns begin at `from`.
pub(crate) fn object(row: &Row, from: usize, at: ObjectKey<'_>) -> Result<Object, DbError> {
    let nonsense = || DbError::Nonsense("a permission below 0".into());
    // The table takes larger numbers, too; they give no more than the largest that is known.
    let read = row.column::<i16>(from + 2)?.min(2);
    let write = row.column::<i16>(from + 3)?.min(1);
    Ok(Object {
        collection: at.collection.to_owned(),
        key: at.key.to_owned(),
        user: at.user,
        value: row.column::<JsonText<'_>>(from)?.into(),
        version: row.column(from + 1)?,
        read: ReadPermission::from_number(read.into()).ok_or_else(nonsense)?,
        write: WritePermission::from_number(write.into()).ok_or_else(nonsense)?,
        create_time: row.column::<Time>(from + 4)?.0,
        update_time: row.column::<Time>(from + 5)?.0,
    })
}

impl PostgresObjects {
    /// Writes a batch. An overtaking write or a missing owner ends a transaction that it is part
    /// of.
    pub(crate) async fn write_on(
        &self,
        on: &mut On<'_>,
        sorted: &Sorted<'_, ObjectWrite<'_>>,
        rights: ObjectRights,
        now: Timestamp,
    ) -> Result<Result<Vec<ObjectTimes>, ObjectRefused>, DbError> {
        let new = || sorted.members.iter();
        let values: Vec<JsonText<'_>> = new().map(|new| JsonText(new.value)).collect();
        let versions: Vec<&str> = new().map(|new| new.version).collect();
        let reads: Vec<i16> = new().map(|new| new.read.number()).collect();
        let writes: Vec<i16> = new().map(|new| new.write.number()).collect();
        let expected: Vec<Option<&str>> = new().map(|new| expected(new.if_is)).collect();
        let params: [&(dyn ToSql + Sync); 10] = [
            &sorted.collections,
            &sorted.keys,
            &sorted.owners,
            &values,
            &versions,
            &reads,
            &writes,
            &expected,
            &Time(now),
            &player(rights),
        ];
        let rows = on.query(&self.queries.write, &params).await?;
        let now = now.whole_micros();
        let mut times =
            vec![ObjectTimes { create_time: now, update_time: now }; sorted.order.len()];
        let mut refused = None;
        for (row, at) in rows.iter().zip(&sorted.order) {
            let verdict = row.column(0)?;
            note(&mut refused, *at, refusal(verdict)?);
            if let Some(Time(created)) = row.column(1)? {
                times[*at].create_time = created;
            }
            if verdict == NOTHING_TO_DO {
                times[*at].update_time = row.column::<Time>(2)?.0;
            }
        }
        Ok(refused.map_or(Ok(times), Err))
    }

    /// Deletes a batch.
    pub(crate) async fn delete_on(
        &self,
        on: &mut On<'_>,
        sorted: &Sorted<'_, ObjectDelete<'_>>,
        rights: ObjectRights,
    ) -> Result<Result<(), ObjectRefused>, DbError> {
        let expected: Vec<Option<&str>> =
            sorted.members.iter().map(|gone| expected(gone.if_is)).collect();
        let params: [&(dyn ToSql + Sync); 5] =
            [&sorted.collections, &sorted.keys, &sorted.owners, &expected, &player(rights)];
        let mut refused = None;
        for row in on.query(&self.queries.delete, &params).await? {
            let at = *member(&sorted.order, row.column(0)?)?;
            note(&mut refused, at, refusal(row.column(1)?)?);
        }
        Ok(refused.map_or(Ok(()), Err))
    }

    /// Why a batch was not written, if the batch is to blame.
    pub(crate) async fn not_written(
        &self,
        batch: &[ObjectWrite<'_>],
        error: DbError,
    ) -> Result<ObjectRefused, StorageError> {
        if is_overtaken(&error) {
            return Err(StorageError::Contention(Box::new(error)));
        }
        if error.missing() == Some(OWNER)
            && let Some(at) = self.without_owner(batch).await?
        {
            return Ok(ObjectRefused { at, why: WhyRefused::NoOwner });
        }
        Err(error.into())
    }

    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: ObjectQueries::new(pool.metrics()), pool }
    }

    /// Writes one object if all is well; `None` means that nothing was changed.
    async fn write_one(
        &self,
        rights: ObjectRights,
        new: &ObjectWrite<'_>,
        now: Timestamp,
    ) -> Result<Option<ObjectTimes>, StorageError> {
        let Some(least) = least_permission(rights, new.at.user) else { return Ok(None) };
        let (value, now) = (JsonText(new.value), now.whole_micros());
        let (read, write, time) = (new.read.number(), new.write.number(), Time(now));
        let (collection, key) = (&new.at.collection, &new.at.key);
        let base: [&(dyn ToSql + Sync); 8] =
            [collection, key, &new.at.user.0, &value, &new.version, &read, &write, &time];
        let [a, b, c, d, e, f, g, h] = base;
        let q = &self.queries;
        let row = match new.if_is {
            ObjectIs::Any => {
                self.pool.query_opt(&q.put_one, &[a, b, c, d, e, f, g, h, &least]).await
            }
            ObjectIs::Absent => self.pool.query_opt(&q.add_one, &base).await,
            ObjectIs::Version(version) => {
                let params: Params<'_> = &[a, b, c, d, e, f, g, h, &least, &version];
                self.pool.query_opt(&q.replace_one, params).await
            }
        };
        match row {
            Ok(Some(row)) => {
                let create_time = row.column::<Time>(0)?.0;
                Ok(Some(ObjectTimes { create_time, update_time: now }))
            }
            Ok(None) => Ok(None),
            Err(error) if error.missing() == Some(OWNER) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes one object if all is well; `false` means that nothing was changed.
    async fn delete_one(
        &self,
        rights: ObjectRights,
        gone: &ObjectDelete<'_>,
    ) -> Result<bool, StorageError> {
        let Some(least) = least_permission(rights, gone.at.user) else { return Ok(false) };
        let ObjectKey { collection, key, user } = gone.at;
        let params: [&(dyn ToSql + Sync); 5] =
            [&collection, &key, &user.0, &least, &expected(gone.if_is)];
        Ok(self.pool.execute(&self.queries.delete_one, &params).await? > 0)
    }

    /// The first member of a batch whose owner has no account.
    async fn without_owner(&self, batch: &[ObjectWrite<'_>]) -> Result<Option<usize>, DbError> {
        let owners: Vec<Uuid> = batch.iter().map(|new| new.at.user.0).collect();
        let rows = self.pool.query(&self.queries.owners, &[&owners]).await?;
        let there: Vec<Uuid> = rows.iter().map(|row| row.column(0)).collect::<Result<_, _>>()?;
        Ok(owners.iter().position(|owner| !there.contains(owner)))
    }

    async fn page(
        &self,
        collection: &str,
        query: &Query,
        params: Params<'_>,
        limit: u32,
    ) -> Result<ObjectPage, StorageError> {
        let rows = self.pool.query(query, params).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let objects = rows.iter().take(limit).map(|row| {
            let (key, user) = (row.column(0)?, UserId(row.column(1)?));
            object(row, 2, ObjectKey { collection, key, user })
        });
        Ok(ObjectPage { objects: objects.collect::<Result<_, _>>()?, more })
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
        if batch.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        if let [new] = batch
            && let Some(times) = self.write_one(rights, new, now).await?
        {
            return Ok(Ok(vec![times]));
        }
        let sorted = Sorted::new(batch, |new| new.at)?;
        let mut retry = self.pool.retry();
        loop {
            match self.write_on(&mut On::Pool(&self.pool), &sorted, rights, now).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) if is_overtaken(&error) => {
                    if let Err(Overtaken(error)) = retry.after(Overtaken(error)).await {
                        return self.not_written(batch, error).await.map(Err);
                    }
                }
                Err(error) => return self.not_written(batch, error).await.map(Err),
            }
        }
    }

    async fn read(
        &self,
        rights: ObjectRights,
        batch: &[ObjectKey<'_>],
    ) -> Result<Vec<Object>, StorageError> {
        let batch: Vec<_> = batch.iter().filter(|at| !cannot_exist(**at)).copied().collect();
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let collections: Vec<&str> = batch.iter().map(|at| at.collection).collect();
        let keys: Vec<&str> = batch.iter().map(|at| at.key).collect();
        let owners: Vec<Uuid> = batch.iter().map(|at| at.user.0).collect();
        let params: [&(dyn ToSql + Sync); 4] = [&collections, &keys, &owners, &player(rights)];
        let mut rows: Vec<(i64, Row)> = Vec::with_capacity(batch.len());
        for row in self.pool.query(&self.queries.read, &params).await? {
            rows.push((row.column(0)?, row));
        }
        rows.sort_unstable_by_key(|(n, _)| *n);
        let objects = rows.iter().map(|(n, row)| object(row, 1, *member(&batch, *n)?));
        Ok(objects.collect::<Result<_, _>>()?)
    }

    async fn delete(
        &self,
        rights: ObjectRights,
        batch: &[ObjectDelete<'_>],
    ) -> Result<Result<(), ObjectRefused>, StorageError> {
        if let Some(at) = batch.iter().position(|gone| cannot_exist(gone.at)) {
            return Ok(Err(ObjectRefused { at, why: WhyRefused::NotFound }));
        }
        if batch.is_empty() {
            return Ok(Ok(()));
        }
        if let [gone] = batch
            && self.delete_one(rights, gone).await?
        {
            return Ok(Ok(()));
        }
        let sorted = Sorted::new(batch, |gone| gone.at)?;
        Ok(self.delete_on(&mut On::Pool(&self.pool), &sorted, rights).await?)
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
        let key = after.map_or("", |after| &after.key);
        let owner = after.map_or(Uuid::nil(), |after| after.user.0);
        // One more tells whether there are more.
        let most = i64::from(limit) + 1;
        let q = &self.queries;
        match of {
            ObjectsOf::User(user, least) => {
                // A place before what may be seen is no place to begin.
                let (read, key) = match after {
                    Some(after) if after.read >= least => (after.read, key),
                    Some(_) | None => (least, ""),
                };
                let params: [&(dyn ToSql + Sync); 5] =
                    [&collection, &user.0, &read.number(), &key, &most];
                self.page(collection, &q.list_user, &params, limit).await
            }
            ObjectsOf::Public => {
                let params: Params<'_> = &[&collection, &key, &owner, &most];
                self.page(collection, &q.list_public, params, limit).await
            }
            ObjectsOf::Everything => {
                let params: Params<'_> = &[&collection, &key, &owner, &most];
                self.page(collection, &q.list_everything, params, limit).await
            }
        }
    }
}
