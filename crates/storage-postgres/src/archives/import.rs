//! Bringing an account in.

use tavern_domain::{Timestamp, UserId};
use tavern_storage::{Account, ImportInto, ImportRefused, Object, StorageError};
use tokio_postgres::types::ToSql;

use crate::Pool;
use crate::error::DbError;
use crate::query::queries;
use crate::retry::Conflict;
use crate::transaction::Transaction;
use crate::values::{JsonText, Time};

queries!(ImportQueries {
    create: "account_import" =
        "WITH u AS (\
             INSERT INTO users (id, username, display_name, avatar_url, lang_tag, location, \
                 timezone, metadata, wallet, email, custom_id, apple_id, facebook_id, \
                 facebook_instant_game_id, google_id, gamecenter_id, steam_id, create_time, \
                 update_time, verify_time, disable_time) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
                 $18, $19, $20, $21) RETURNING id) \
         INSERT INTO user_device (user_id, id) \
         SELECT u.id, d.id FROM u CROSS JOIN unnest($22::text[]) AS d (id)";
    update: "account_import" =
        "UPDATE users SET metadata = $2, wallet = $3, update_time = $4 WHERE id = $1 RETURNING 1";
    /// Locks in the order in which batches lock.
    clear: "account_import" =
        "WITH held AS MATERIALIZED (\
             SELECT collection, key FROM storage WHERE user_id = $1 \
             ORDER BY collection COLLATE \"C\", key COLLATE \"C\" FOR UPDATE) \
         DELETE FROM storage s USING held h \
         WHERE s.collection = h.collection AND s.key = h.key AND s.user_id = $1";
    /// What appeared under one of the names after the others were cleared is replaced as well.
    fill: "account_import" =
        "INSERT INTO storage (collection, key, user_id, value, version, read, write, \
             create_time, update_time) \
         SELECT o.collection, o.key, $1, o.value, o.version, o.read, o.write, o.create_time, \
             o.update_time \
         FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::text[], $6::smallint[], \
                 $7::smallint[], $8::timestamptz[], $9::timestamptz[]) \
             AS o (collection, key, value, version, read, write, create_time, update_time) \
         ORDER BY o.collection COLLATE \"C\", o.key COLLATE \"C\" \
         ON CONFLICT (collection, key, user_id) DO UPDATE SET \
             value = excluded.value, version = excluded.version, read = excluded.read, \
             write = excluded.write, create_time = excluded.create_time, \
             update_time = excluded.update_time";
});

/// Why nothing was brought in.
enum Stopped {
    Refused(ImportRefused),
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
            Self::Refused(_) => false,
            Self::Db(error) => error.is_conflict(),
        }
    }
}

/// What is taken, by the constraint that the insertion broke.
fn not_created(error: DbError) -> Stopped {
    match error.duplicate() {
        Some("users_pkey") => Stopped::Refused(ImportRefused::IdTaken),
        Some("users_username_key") => Stopped::Refused(ImportRefused::UsernameTaken),
        Some(_) => Stopped::Refused(ImportRefused::IdentityTaken),
        None => Stopped::Db(error),
    }
}

impl ImportQueries {
    pub(super) async fn run(
        &self,
        pool: &Pool,
        into: ImportInto<'_>,
        objects: &[Object],
        now: Timestamp,
    ) -> Result<Result<(), ImportRefused>, StorageError> {
        let work = async |mut transaction: Transaction| {
            match into {
                ImportInto::New(account) => self.create(&mut transaction, account).await?,
                ImportInto::Existing { user, metadata, wallet } => {
                    let (metadata, wallet) = (JsonText(metadata), JsonText(wallet));
                    let params: [&(dyn ToSql + Sync); 4] =
                        [&user.0, &metadata, &wallet, &Time(now)];
                    if transaction.query(&self.update, &params).await?.is_empty() {
                        return Err(Stopped::Refused(ImportRefused::NoAccount));
                    }
                    transaction.query(&self.clear, &[&user.0]).await?;
                }
            }
            Ok(self.fill(transaction, into.user(), objects).await?)
        };
        match pool.transaction(work).await {
            Ok(()) => Ok(Ok(())),
            Err(Stopped::Refused(why)) => Ok(Err(why)),
            Err(Stopped::Db(error)) => Err(error.into()),
        }
    }

    async fn create(
        &self,
        transaction: &mut Transaction,
        account: &Account,
    ) -> Result<(), Stopped> {
        let user = &account.user;
        let never = |at: Option<Timestamp>| Time(at.unwrap_or(Timestamp::EPOCH));
        let params: [&(dyn ToSql + Sync); 22] = [
            &user.id.0,
            &user.username,
            &user.display_name,
            &user.avatar_url,
            &user.lang_tag,
            &user.location,
            &user.timezone,
            &JsonText(&user.metadata),
            &JsonText(&account.wallet),
            &account.email,
            &account.custom_id,
            &user.apple_id,
            &user.facebook_id,
            &user.facebook_instant_game_id,
            &user.google_id,
            &user.gamecenter_id,
            &user.steam_id,
            &Time(user.create_time),
            &Time(user.update_time),
            &never(account.verify_time),
            &never(account.disable_time),
            &account.devices,
        ];
        transaction.query(&self.create, &params).await.map(drop).map_err(not_created)
    }

    /// Writes the objects and commits.
    async fn fill(
        &self,
        transaction: Transaction,
        user: UserId,
        objects: &[Object],
    ) -> Result<(), DbError> {
        let each = || objects.iter();
        let collections: Vec<&str> = each().map(|object| &*object.collection).collect();
        let keys: Vec<&str> = each().map(|object| &*object.key).collect();
        let values: Vec<JsonText<'_>> = each().map(|object| JsonText(&object.value)).collect();
        let versions: Vec<&str> = each().map(|object| &*object.version).collect();
        let reads: Vec<i16> = each().map(|object| object.read.number()).collect();
        let writes: Vec<i16> = each().map(|object| object.write.number()).collect();
        let created: Vec<Time> = each().map(|object| Time(object.create_time)).collect();
        let updated: Vec<Time> = each().map(|object| Time(object.update_time)).collect();
        let params: [&(dyn ToSql + Sync); 9] =
            [&user.0, &collections, &keys, &values, &versions, &reads, &writes, &created, &updated];
        transaction.last(&self.fill, &params).await.map(drop)
    }
}
