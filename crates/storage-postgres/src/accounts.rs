//! Players, their profiles, and the identities by which they sign in.

mod deletion;
mod external;
mod identities;
pub(crate) mod rows;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    Account, AccountUpdate, Accounts, Created, Field, Identity, Imported, Linked, Login,
    NewAccount, Password, StorageError, Unlinked, Updated, User,
};
use tokio_postgres::types::ToSql;

use self::deletion::DeletionQueries;
use self::identities::Identities;
use self::rows::{account, login, user};
use crate::Pool;
use crate::error::DbError;
use crate::query::{Query, queries};
use crate::transaction::{On, Transaction};
use crate::values::{Ids, JsonText, Time};

/// The columns of a log-in.
macro_rules! login {
    () => {
        "u.id, u.username, u.disable_time, u.password"
    };
}

/// The same with the obligation that stands.
macro_rules! login_with_obligation {
    () => {
        "u.id, u.username, u.disable_time, u.password, \
         o.id, o.call, o.request, o.attempts, o.create_time"
    };
}

use login as login_columns;
use login_with_obligation as owing_login_columns;

/// The columns of a player as others see them; what [`rows::user`] reads.
macro_rules! user {
    () => {
        "u.id, u.username, u.display_name, u.avatar_url, u.lang_tag, u.location, u.timezone, \
         u.metadata, u.facebook_id, u.google_id, u.gamecenter_id, u.steam_id, \
         u.facebook_instant_game_id, u.apple_id, u.edge_count, u.create_time, u.update_time"
    };
}
/// How many columns that are.
pub(crate) const USER_COLUMNS: usize = 17;
pub(crate) use user as user_columns;

queries!(AccountQueries {
    by_device: "account_by_device" = concat!(
        "SELECT ", login!(), " FROM user_device d JOIN users u ON u.id = d.user_id WHERE d.id = $1");
    by_device_owing: "account_by_device" = concat!(
        "SELECT ", login_with_obligation!(), " FROM user_device d JOIN users u ON u.id = d.user_id \
         LEFT JOIN tavern_obligation o ON o.user_id = u.id WHERE d.id = $1");
    by_custom: "account_by_custom" = concat!(
        "SELECT ", login!(), " FROM users u WHERE u.custom_id = $1");
    by_custom_owing: "account_by_custom" = concat!(
        "SELECT ", login_with_obligation!(), " FROM users u \
         LEFT JOIN tavern_obligation o ON o.user_id = u.id WHERE u.custom_id = $1");
    by_email: "account_by_email" = concat!(
        "SELECT ", login!(), " FROM users u WHERE u.email = $1");
    by_email_owing: "account_by_email" = concat!(
        "SELECT ", login_with_obligation!(), " FROM users u \
         LEFT JOIN tavern_obligation o ON o.user_id = u.id WHERE u.email = $1");
    by_username: "account_by_username" = concat!(
        "SELECT ", login!(), " FROM users u WHERE u.username = $1");
    by_username_owing: "account_by_username" = concat!(
        "SELECT ", login_with_obligation!(), " FROM users u \
         LEFT JOIN tavern_obligation o ON o.user_id = u.id WHERE u.username = $1");
    by_id: "account_by_id" = concat!(
        "SELECT ", login!(), " FROM users u WHERE u.id = $1");

    /// With a custom id or an email address.
    create: "account_create" =
        "INSERT INTO users (id, username, create_time, update_time, custom_id, email, password) \
         VALUES ($1, $2, $3, $3, $4, $5, $6)";
    create_owing: "account_create" =
        "WITH u AS (\
             INSERT INTO users \
                 (id, username, create_time, update_time, custom_id, email, password) \
             VALUES ($1, $2, $3, $3, $4, $5, $6) RETURNING id) \
         INSERT INTO tavern_obligation \
             (user_id, create_time, attempts, id, call, request, \
              claim_node, claim_boot, claim_until) \
         SELECT u.id, $3, 1, $7, $8, $9, $10, $11, $12 FROM u";
    create_device: "account_create" =
        "WITH u AS (\
             INSERT INTO users (id, username, create_time, update_time, password) \
             VALUES ($1, $2, $3, $3, $5) RETURNING id) \
         INSERT INTO user_device (user_id, id) SELECT u.id, $4 FROM u";
    create_device_owing: "account_create" =
        "WITH u AS (\
             INSERT INTO users (id, username, create_time, update_time, password) \
             VALUES ($1, $2, $3, $3, $5) RETURNING id), \
         d AS (INSERT INTO user_device (user_id, id) SELECT u.id, $4 FROM u) \
         INSERT INTO tavern_obligation \
             (user_id, create_time, attempts, id, call, request, \
              claim_node, claim_boot, claim_until) \
         SELECT u.id, $3, 1, $6, $7, $8, $9, $10, $11 FROM u";

    get: "account_get" = concat!(
        "SELECT ", user!(), ", u.wallet, u.email, u.custom_id, u.verify_time, u.disable_time, \
             ARRAY(SELECT d.id FROM user_device d WHERE d.user_id = u.id) \
         FROM users u WHERE u.id = $1");
    users_by_id: "users_by_id" = concat!(
        "SELECT ", user!(), " FROM users u \
         WHERE u.id = ANY($1) AND u.id <> '00000000-0000-0000-0000-000000000000'");
    users: "users" = concat!(
        "SELECT ", user!(), " FROM users u \
         WHERE (u.id = ANY($1) OR u.username = ANY($2) OR u.facebook_id = ANY($3)) \
             AND u.id <> '00000000-0000-0000-0000-000000000000'");
    users_from: "users_from" = concat!(
        "(SELECT ", user!(), " FROM users u \
             WHERE u.id >= $1 AND u.id <> '00000000-0000-0000-0000-000000000000' \
             ORDER BY u.id LIMIT $2) \
         UNION ALL \
         (SELECT ", user!(), " FROM users u \
             WHERE u.id < $1 AND u.id <> '00000000-0000-0000-0000-000000000000' \
             ORDER BY u.id LIMIT $2)");
    /// For each field that can be emptied: whether it changes, and to what.
    update: "account_update" =
        "UPDATE users SET \
             update_time = $2, \
             username = coalesce($3, username), \
             lang_tag = coalesce($4, lang_tag), \
             metadata = coalesce($5, metadata), \
             display_name = CASE WHEN $6 THEN $7 ELSE display_name END, \
             avatar_url = CASE WHEN $8 THEN $9 ELSE avatar_url END, \
             location = CASE WHEN $10 THEN $11 ELSE location END, \
             timezone = CASE WHEN $12 THEN $13 ELSE timezone END \
         WHERE id = $1 RETURNING 1";
    replace_password: "account_replace_password" =
        "UPDATE users SET password = $3 WHERE id = $1 AND password = $2";
    set_disabled: "account_set_disabled" =
        "UPDATE users SET disable_time = $2 WHERE id = ANY($1)";
});

/// [`Accounts`] in PostgreSQL.
pub(crate) struct PostgresAccounts {
    pool: Pool,
    queries: AccountQueries,
    identities: Identities,
    deletion: DeletionQueries,
}

impl PostgresAccounts {
    /// An update. A taken name ends a transaction that it is part of.
    pub(crate) async fn update_on(
        &self,
        on: &mut On<'_>,
        id: UserId,
        update: &AccountUpdate,
        now: Timestamp,
    ) -> Result<Updated, DbError> {
        let metadata = update.metadata.as_deref().map(JsonText);
        let (display_name, avatar_url) = (change(&update.display_name), change(&update.avatar_url));
        let (location, timezone) = (change(&update.location), change(&update.timezone));
        let params: [&(dyn ToSql + Sync); 13] = [
            &id.0,
            &Time(now),
            &update.username,
            &update.lang_tag,
            &metadata,
            &display_name.0,
            &display_name.1,
            &avatar_url.0,
            &avatar_url.1,
            &location.0,
            &location.1,
            &timezone.0,
            &timezone.1,
        ];
        match on.query(&self.queries.update, &params).await {
            Ok(rows) if rows.is_empty() => Ok(Updated::NoAccount),
            Ok(_) => Ok(Updated::Updated),
            Err(error) if error.duplicate() == Some("users_username_key") => {
                Ok(Updated::UsernameTaken)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            queries: AccountQueries::new(pool.metrics()),
            identities: Identities::new(pool.metrics()),
            deletion: DeletionQueries::new(pool.metrics()),
            pool,
        }
    }

    async fn login(
        &self,
        [plain, owing]: [&Query; 2],
        key: &(dyn ToSql + Sync),
        with_obligation: bool,
    ) -> Result<Option<Login>, StorageError> {
        let query = if with_obligation { owing } else { plain };
        let row = self.pool.query_opt(query, &[key]).await?;
        Ok(row.as_ref().map(|row| login(row, with_obligation)).transpose()?)
    }
}

/// No column holds such a text, and the database refuses to even look for it.
fn cannot_exist(text: &str) -> bool {
    text.contains('\0')
}

/// Whether a field changes, and to what.
fn change(field: &Field) -> (bool, Option<&str>) {
    match field {
        Field::Keep => (false, None),
        Field::Clear => (true, None),
        Field::Set(text) => (true, Some(text)),
    }
}

/// What came of an insertion, by the constraint that it broke.
fn created(outcome: Result<u64, DbError>) -> Result<Created, StorageError> {
    match outcome {
        Ok(_) => Ok(Created::Created),
        Err(error) => match error.duplicate() {
            Some("users_username_key") => Ok(Created::UsernameTaken),
            Some("user_device_pkey" | "users_custom_id_key" | "users_email_key") => {
                Ok(Created::IdentityTaken)
            }
            Some(constraint) if external::is_key(constraint) => Ok(Created::IdentityTaken),
            Some(_) | None => Err(error.into()),
        },
    }
}

#[async_trait]
impl Accounts for PostgresAccounts {
    async fn find(
        &self,
        identity: Identity<'_>,
        with_obligation: bool,
    ) -> Result<Option<Login>, StorageError> {
        let q = &self.queries;
        let (queries, key) = match identity {
            Identity::Device(id) => ([&q.by_device, &q.by_device_owing], id),
            Identity::Custom(id) => ([&q.by_custom, &q.by_custom_owing], id),
            Identity::Email(address) => ([&q.by_email, &q.by_email_owing], address),
            Identity::External(provider, id) => (self.identities.external.find(provider), id),
        };
        if cannot_exist(key) {
            return Ok(None);
        }
        self.login(queries, &key, with_obligation).await
    }

    async fn find_by_username(
        &self,
        username: &str,
        with_obligation: bool,
    ) -> Result<Option<Login>, StorageError> {
        if cannot_exist(username) {
            return Ok(None);
        }
        let queries = [&self.queries.by_username, &self.queries.by_username_owing];
        self.login(queries, &username, with_obligation).await
    }

    async fn find_by_id(&self, user: UserId) -> Result<Option<Login>, StorageError> {
        self.login([&self.queries.by_id; 2], &user.0, false).await
    }

    async fn create(&self, new: NewAccount<'_>) -> Result<Created, StorageError> {
        let q = &self.queries;
        let now = Time(new.now);
        let password = new.password.as_ref().map(|password| &password.0[..]);
        // What the statement has between the time and the password.
        let (id, custom, email) = match new.identity {
            Identity::Device(id) | Identity::External(_, id) => (id, None, None),
            Identity::Custom(id) => ("", Some(id), None),
            Identity::Email(address) => ("", None, Some(address)),
        };
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&new.user.0, &new.username, &now];
        let [plain, owing] = match new.identity {
            Identity::Device(_) => [&q.create_device, &q.create_device_owing],
            Identity::Custom(_) | Identity::Email(_) => [&q.create, &q.create_owing],
            Identity::External(provider, _) => self.identities.external.create(provider),
        };
        match new.identity {
            Identity::Device(_) | Identity::External(..) => params.push(&id),
            Identity::Custom(_) | Identity::Email(_) => {
                params.extend([&custom as &(dyn ToSql + Sync), &email]);
            }
        }
        params.push(&password);
        let Some(owed) = &new.obligation else {
            return created(self.pool.execute(plain, &params).await);
        };
        let (request, until) = (JsonText(&owed.request), Time(owed.claim.until));
        params.extend([
            &owed.id as &(dyn ToSql + Sync),
            &owed.call,
            &request,
            &owed.claim.node,
            &owed.claim.boot,
            &until,
        ]);
        created(self.pool.execute(owing, &params).await)
    }

    async fn get(&self, user: UserId) -> Result<Option<Account>, StorageError> {
        let row = self.pool.query_opt(&self.queries.get, &[&user.0]).await?;
        Ok(row.as_ref().map(account).transpose()?)
    }

    async fn users(
        &self,
        ids: &[UserId],
        usernames: &[String],
        facebook_ids: &[String],
    ) -> Result<Vec<User>, StorageError> {
        let q = &self.queries;
        let rows = match (ids, usernames, facebook_ids) {
            ([], [], []) => return Ok(Vec::new()),
            (ids, [], []) => self.pool.query(&q.users_by_id, &[&Ids(ids)]).await?,
            (ids, usernames, facebook_ids) => {
                let possible = |texts: &'_ [String]| -> Vec<String> {
                    texts.iter().filter(|text| !cannot_exist(text)).cloned().collect()
                };
                let (names, facebook) = (possible(usernames), possible(facebook_ids));
                self.pool.query(&q.users, &[&Ids(ids), &names, &facebook]).await?
            }
        };
        Ok(rows.iter().map(user).collect::<Result<_, _>>()?)
    }

    async fn users_from(&self, from: UserId, count: u32) -> Result<Vec<User>, StorageError> {
        let params: [&(dyn ToSql + Sync); 2] = [&from.0, &i64::from(count)];
        let rows = self.pool.query(&self.queries.users_from, &params).await?;
        let mut users = rows.iter().map(user).collect::<Result<Vec<User>, DbError>>()?;
        // A union has no order of its own.
        users.sort_unstable_by_key(|user| (user.id < from, user.id));
        users.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(users)
    }

    async fn update(
        &self,
        id: UserId,
        update: &AccountUpdate,
        now: Timestamp,
    ) -> Result<Updated, StorageError> {
        Ok(self.update_on(&mut On::Pool(&self.pool), id, update, now).await?)
    }

    async fn delete(
        &self,
        user: UserId,
        recorded: bool,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let params: [&(dyn ToSql + Sync); 3] = [&user.0, &recorded, &Time(now)];
        let q = &self.deletion;
        let work = async |mut transaction: Transaction| {
            let one: [&(dyn ToSql + Sync); 1] = [&user.0];
            let locks = [(&q.lock_groups, &one[..]), (&q.lock_users, &one[..])];
            transaction.together(locks).await?;
            transaction.last(&q.delete, &params).await
        };
        Ok(self.pool.transaction(work).await? > 0)
    }

    async fn link(
        &self,
        user: UserId,
        identity: Identity<'_>,
        password: Option<&Password>,
        now: Timestamp,
    ) -> Result<Linked, StorageError> {
        self.identities.link(&self.pool, user, identity, password, now).await
    }

    async fn unlink(
        &self,
        user: UserId,
        identity: Identity<'_>,
        now: Timestamp,
    ) -> Result<Unlinked, StorageError> {
        self.identities.unlink(&self.pool, user, identity, now).await
    }

    async fn fill(
        &self,
        user: UserId,
        imported: Imported<'_>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.identities.external.fill(&self.pool, user, imported, now).await
    }

    async fn replace_password(
        &self,
        user: UserId,
        old: &Password,
        new: &Password,
    ) -> Result<bool, StorageError> {
        let params: [&(dyn ToSql + Sync); 3] = [&user.0, &old.0, &new.0];
        Ok(self.pool.execute(&self.queries.replace_password, &params).await? > 0)
    }

    async fn set_disabled(
        &self,
        users: &[UserId],
        at: Option<Timestamp>,
    ) -> Result<(), StorageError> {
        let at = Time(at.unwrap_or(Timestamp::EPOCH));
        self.pool.execute(&self.queries.set_disabled, &[&Ids(users), &at]).await?;
        Ok(())
    }
}
