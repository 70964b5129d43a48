//! Identities with other companies: a column of `users` for each of them.

use tavern_domain::{Timestamp, UserId};
use tavern_storage::{Imported, Provider, StorageError};
use tavern_telemetry::Metrics;

use super::{cannot_exist, login_columns, owing_login_columns};
use crate::Pool;
use crate::query::{Query, queries};
use crate::values::Time;

queries!(ProfileQueries {
    fill: "account_fill" =
        "UPDATE users u SET update_time = $5, \
             display_name = coalesce(nullif(u.display_name, ''), $2::text), \
             avatar_url = coalesce(nullif(u.avatar_url, ''), $3::text), \
             email = coalesce(u.email, e.free) \
         FROM (SELECT CASE WHEN NOT EXISTS (SELECT FROM users WHERE email = $4::text) THEN $4::text END \
             AS free) e \
         WHERE u.id = $1 AND (\
             (coalesce(u.display_name, '') = '' AND $2::text IS NOT NULL) \
             OR (coalesce(u.avatar_url, '') = '' AND $3::text IS NOT NULL) \
             OR (u.email IS NULL AND e.free IS NOT NULL))";
});

/// The statements about one provider.
struct ProviderQueries {
    find: [Query; 2],
    create: [Query; 2],
    link: Query,
    unlink: Query,
}

/// The statements about a provider, by the column of its ids and all other columns that a player
/// may sign in with.
macro_rules! provider {
    ($metrics:expr, $column:literal, $others:literal) => {{
        let query = |name, sql| Query::new($metrics, name, sql);
        ProviderQueries {
            find: [
                query(
                    "account_by_provider",
                    concat!(
                        "SELECT ",
                        login_columns!(),
                        " FROM users u WHERE u.",
                        $column,
                        " = $1"
                    ),
                ),
                query(
                    "account_by_provider",
                    concat!(
                        "SELECT ",
                        owing_login_columns!(),
                        " FROM users u LEFT JOIN tavern_obligation o ON o.user_id = u.id WHERE u.",
                        $column,
                        " = $1"
                    ),
                ),
            ],
            create: [
                query(
                    "account_create",
                    concat!(
                        "INSERT INTO users (id, username, create_time, update_time, password, ",
                        $column,
                        ") VALUES ($1, $2, $3, $3, $5, $4)"
                    ),
                ),
                query(
                    "account_create",
                    concat!(
                        "WITH u AS (\
                             INSERT INTO users (id, username, create_time, update_time, password, ",
                        $column,
                        ") VALUES ($1, $2, $3, $3, $5, $4) RETURNING id) \
                         INSERT INTO tavern_obligation \
                             (user_id, create_time, attempts, id, call, request, \
                              claim_node, claim_boot, claim_until) \
                         SELECT u.id, $3, 1, $6, $7, $8, $9, $10, $11 FROM u"
                    ),
                ),
            ],
            link: query(
                "account_link",
                concat!("UPDATE users SET ", $column, " = $2, update_time = $3 WHERE id = $1"),
            ),
            unlink: query(
                "account_unlink",
                concat!(
                    "UPDATE users SET ",
                    $column,
                    " = NULL, update_time = $3 WHERE id = $1 AND ",
                    $column,
                    " = $2 AND (coalesce(custom_id, ",
                    $others,
                    ") IS NOT NULL OR (email IS NOT NULL AND password IS NOT NULL) \
                     OR EXISTS (SELECT FROM user_device WHERE user_id = $1))"
                ),
            ),
        }
    }};
}

/// Whether a constraint is the one of a provider's ids.
pub(super) fn is_key(constraint: &str) -> bool {
    matches!(
        constraint,
        "users_apple_id_key"
            | "users_facebook_id_key"
            | "users_facebook_instant_game_id_key"
            | "users_gamecenter_id_key"
            | "users_google_id_key"
            | "users_steam_id_key"
    )
}

/// Statements about identities with other companies.
pub(super) struct ExternalQueries {
    apple: ProviderQueries,
    facebook: ProviderQueries,
    facebook_instant: ProviderQueries,
    game_center: ProviderQueries,
    google: ProviderQueries,
    steam: ProviderQueries,
    profile: ProfileQueries,
}

impl ExternalQueries {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            apple: provider!(
                metrics,
                "apple_id",
                "facebook_id, facebook_instant_game_id, gamecenter_id, google_id, steam_id"
            ),
            facebook: provider!(
                metrics,
                "facebook_id",
                "apple_id, facebook_instant_game_id, gamecenter_id, google_id, steam_id"
            ),
            facebook_instant: provider!(
                metrics,
                "facebook_instant_game_id",
                "apple_id, facebook_id, gamecenter_id, google_id, steam_id"
            ),
            game_center: provider!(
                metrics,
                "gamecenter_id",
                "apple_id, facebook_id, facebook_instant_game_id, google_id, steam_id"
            ),
            google: provider!(
                metrics,
                "google_id",
                "apple_id, facebook_id, facebook_instant_game_id, gamecenter_id, steam_id"
            ),
            steam: provider!(
                metrics,
                "steam_id",
                "apple_id, facebook_id, facebook_instant_game_id, gamecenter_id, google_id"
            ),
            profile: ProfileQueries::new(metrics),
        }
    }

    const fn of(&self, provider: Provider) -> &ProviderQueries {
        match provider {
            Provider::Apple => &self.apple,
            Provider::Facebook => &self.facebook,
            Provider::FacebookInstant => &self.facebook_instant,
            Provider::GameCenter => &self.game_center,
            Provider::Google => &self.google,
            Provider::Steam => &self.steam,
        }
    }

    /// Without and with the obligation that stands.
    pub(super) const fn find(&self, provider: Provider) -> [&Query; 2] {
        let [plain, owing] = &self.of(provider).find;
        [plain, owing]
    }

    /// Without and with an obligation.
    pub(super) const fn create(&self, provider: Provider) -> [&Query; 2] {
        let [plain, owing] = &self.of(provider).create;
        [plain, owing]
    }

    pub(super) const fn link(&self, provider: Provider) -> &Query {
        &self.of(provider).link
    }

    pub(super) const fn unlink(&self, provider: Provider) -> &Query {
        &self.of(provider).unlink
    }

    pub(super) async fn fill(
        &self,
        pool: &Pool,
        user: UserId,
        imported: Imported<'_>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let possible =
            |text: Option<&'_ str>| text.filter(|text| !cannot_exist(text)).map(str::to_owned);
        let (name, avatar) = (possible(imported.display_name), possible(imported.avatar_url));
        let (mut email, now) = (possible(imported.email), Time(now));
        loop {
            let done =
                pool.execute(&self.profile.fill, &[&user.0, &name, &avatar, &email, &now]).await;
            match done {
                Ok(_) => return Ok(()),
                // Somebody else took the address this very moment.
                Err(error) if error.duplicate() == Some("users_email_key") && email.is_some() => {
                    email = None;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
