//! Linking and unlinking what players sign in with.

use tavern_domain::{Timestamp, UserId};
use tavern_storage::{Identity, Linked, Password, StorageError, Unlinked};
use tavern_telemetry::Metrics;

use super::cannot_exist;
use super::external::{self, ExternalQueries};
use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, Query, queries};
use crate::values::Time;

queries!(IdentityQueries {
    /// Answers whether the account exists and whether the device is somebody else's.
    link_device: "account_link" =
        "WITH owner AS (SELECT user_id FROM user_device WHERE id = $2), \
         account AS (\
             UPDATE users SET update_time = $3 \
             WHERE id = $1 AND NOT EXISTS (SELECT FROM owner WHERE user_id <> $1) \
             RETURNING id), \
         added AS (\
             INSERT INTO user_device (id, user_id) \
             SELECT $2, id FROM account WHERE NOT EXISTS (SELECT FROM owner)) \
         SELECT EXISTS (SELECT FROM users WHERE id = $1), EXISTS (SELECT FROM account)";
    device_owner: "account_link" = "SELECT user_id FROM user_device WHERE id = $1";
    link_custom: "account_link" =
        "UPDATE users SET custom_id = $2, update_time = $3 WHERE id = $1";
    link_email: "account_link" =
        "UPDATE users SET email = $2, password = $4, update_time = $3 WHERE id = $1";

    /// Keeps others from linking and unlinking at the same time.
    lock: "account_unlink" = "SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE";
    unlink_device: "account_unlink" =
        "WITH gone AS (\
             DELETE FROM user_device d USING users u \
             WHERE d.id = $2 AND d.user_id = $1 AND u.id = $1 AND (\
                 coalesce(u.custom_id, u.facebook_id, u.google_id, u.gamecenter_id, \
                     u.steam_id, u.apple_id, u.facebook_instant_game_id) IS NOT NULL \
                 OR (u.email IS NOT NULL AND u.password IS NOT NULL) \
                 OR EXISTS (SELECT FROM user_device o WHERE o.user_id = $1 AND o.id <> $2)) \
             RETURNING d.user_id) \
         UPDATE users u SET update_time = $3 FROM gone WHERE u.id = gone.user_id";
    unlink_custom: "account_unlink" =
        "UPDATE users SET custom_id = NULL, update_time = $3 \
         WHERE id = $1 AND custom_id = $2 AND (\
             coalesce(facebook_id, google_id, gamecenter_id, steam_id, apple_id, \
                 facebook_instant_game_id) IS NOT NULL \
             OR (email IS NOT NULL AND password IS NOT NULL) \
             OR EXISTS (SELECT FROM user_device WHERE user_id = $1))";
    unlink_email: "account_unlink" =
        "UPDATE users SET email = NULL, password = NULL, update_time = $2 \
         WHERE id = $1 AND email IS NOT NULL AND (\
             coalesce(custom_id, facebook_id, google_id, gamecenter_id, steam_id, apple_id, \
                 facebook_instant_game_id) IS NOT NULL \
             OR EXISTS (SELECT FROM user_device WHERE user_id = $1))";
});

/// Everything about identities but finding and creating accounts.
pub(super) struct Identities {
    own: IdentityQueries,
    pub(super) external: ExternalQueries,
}

impl Identities {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self { own: IdentityQueries::new(metrics), external: ExternalQueries::new(metrics) }
    }
    pub(super) async fn link(
        &self,
        pool: &Pool,
        user: UserId,
        identity: Identity<'_>,
        password: Option<&Password>,
        now: Timestamp,
    ) -> Result<Linked, StorageError> {
        let now = Time(now);
        let outcome = match identity {
            Identity::Device(id) => return self.link_device(pool, user, id, now).await,
            Identity::Custom(id) => {
                pool.execute(&self.own.link_custom, &[&user.0, &id, &now]).await
            }
            Identity::Email(address) => {
                let password = password.map(|password| &password.0[..]);
                pool.execute(&self.own.link_email, &[&user.0, &address, &now, &password]).await
            }
            Identity::External(provider, id) => {
                pool.execute(self.external.link(provider), &[&user.0, &id, &now]).await
            }
        };
        match outcome {
            Ok(0) => Ok(Linked::NoAccount),
            Ok(_) => Ok(Linked::Linked),
            Err(error) => match error.duplicate() {
                Some("users_custom_id_key" | "users_email_key") => Ok(Linked::Elsewhere),
                Some(constraint) if external::is_key(constraint) => Ok(Linked::Elsewhere),
                Some(_) | None => Err(error.into()),
            },
        }
    }

    async fn link_device(
        &self,
        pool: &Pool,
        user: UserId,
        device: &str,
        now: Time,
    ) -> Result<Linked, StorageError> {
        match pool.query_opt(&self.own.link_device, &[&user.0, &device, &now]).await {
            Ok(row) => {
                let row = row.ok_or_else(|| DbError::Nonsense("no row".into()))?;
                Ok(match (row.column(0)?, row.column(1)?) {
                    (_, true) => Linked::Linked,
                    (true, false) => Linked::Elsewhere,
                    (false, false) => Linked::NoAccount,
                })
            }
            // Somebody added it a moment ago; it may have been the same player.
            Err(error) if error.duplicate() == Some("user_device_pkey") => {
                let row = pool.query_opt(&self.own.device_owner, &[&device]).await?;
                let owner = row.map(|row| row.column(0)).transpose()?.map(UserId);
                Ok(if owner == Some(user) { Linked::Linked } else { Linked::Elsewhere })
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn unlink(
        &self,
        pool: &Pool,
        user: UserId,
        identity: Identity<'_>,
        now: Timestamp,
    ) -> Result<Unlinked, StorageError> {
        let (query, key): (&Query, Option<&str>) = match identity {
            Identity::Device(id) => (&self.own.unlink_device, Some(id)),
            Identity::Custom(id) => (&self.own.unlink_custom, Some(id)),
            Identity::Email(_) => (&self.own.unlink_email, None),
            Identity::External(provider, id) => (self.external.unlink(provider), Some(id)),
        };
        let now = Time(now);
        if key.is_some_and(cannot_exist) {
            return Ok(Unlinked::LastOrMissing);
        }
        // The second statement has to see what whoever held the lock before has done, which a
        // single statement would not: it sees what was there when it began.
        let touched = pool
            .transaction(|mut transaction| async move {
                transaction.query(&self.own.lock, &[&user.0]).await?;
                match &key {
                    Some(key) => transaction.last(query, &[&user.0, key, &now]).await,
                    None => transaction.last(query, &[&user.0, &now]).await,
                }
            })
            .await?;
        Ok(if touched > 0 { Unlinked::Unlinked } else { Unlinked::LastOrMissing })
    }
}
