//! Players' accounts.

use std::collections::BTreeMap;

use serde::Serialize;
use tavern_domain::{Timestamp, UserId};

use super::declare::host_area;
use super::types::{MaybeUser, time};
use crate::value::Json;

/// A player as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostUser {
    pub user_id: UserId,
    pub username: String,
    pub display_name: String,
    pub avatar_url: String,
    pub lang_tag: String,
    pub location: String,
    pub timezone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apple_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facebook_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facebook_instant_game_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamecenter_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steam_id: Option<String>,
    pub online: bool,
    pub edge_count: i32,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    #[serde(with = "time")]
    pub update_time: Timestamp,
    /// A JSON object.
    pub metadata: Json,
}

/// A device that a player signs in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostDevice {
    /// Its id.
    pub id: String,
}

/// A player as server code sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostAccount {
    pub user_id: UserId,
    pub user: HostUser,
    pub wallet: BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub devices: Vec<HostDevice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_id: Option<String>,
    /// Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_time: Option<i64>,
    /// When the player was banned, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_time: Option<i64>,
}

host_area! {
    /// Players' accounts.
    AccountsHost

    /// An account; one that is not there is an error.
    fn account_get_id as "accountGetId" (AccountGetId {
        user_id: UserId,
    }) -> HostAccount;

    /// The accounts that are there, in no order.
    fn accounts_get_id as "accountsGetId" (AccountsGetId {
        user_ids: Option<Vec<UserId>>,
        device_ids: Option<Vec<String>>,
    }) -> Vec<HostAccount>;

    /// Changes an account. What is left out stays as it is; an empty text takes a field away,
    /// except the user name.
    fn account_update_id as "accountUpdateId" (AccountUpdateId {
        user_id: UserId,
        metadata: Option<Json>,
        username: Option<String>,
        display_name: Option<String>,
        timezone: Option<String>,
        location: Option<String>,
        lang_tag: Option<String>,
        avatar_url: Option<String>,
    }) -> (), js_order [
        "user_id", "username", "display_name", "timezone", "location", "lang_tag", "avatar_url",
        "metadata"
    ];

    /// Deletes an account with all that belongs to it. Its tokens are revoked and its sockets
    /// closed. Recorded, it leaves a note that it was there.
    fn account_delete_id as "accountDeleteId" (AccountDeleteId {
        user_id: UserId,
        recorded: Option<bool>,
    }) -> ();

    /// All that is kept of an account, as a JSON text: the account with its devices and wallet,
    /// objects, friends, groups, messages, records, notifications and ledger, as they were at one
    /// moment. At most 100,000 rows and 32 MiB of values; one that is not there is an error.
    fn account_export_id as "accountExportId" (AccountExportId {
        user_id: UserId,
    }) -> String;

    /// Brings in what `account_export_id` answered, all or nothing. With a user, the metadata,
    /// wallet and objects of that account are replaced. Without one, a new account is made with
    /// the id, profile, identities, wallet and objects of the export; it has no password. The rest
    /// of an export stays out: it is of others, too.
    fn account_import_id as "accountImportId" (AccountImportId {
        data: String,
        user_id: MaybeUser,
    }) -> HostAccount;

    /// The players with these ids or Facebook ids, each once, in no order.
    fn users_get_id as "usersGetId" (UsersGetId {
        user_ids: Option<Vec<UserId>>,
        facebook_ids: Option<Vec<String>>,
    }) -> Vec<HostUser>;

    /// The players with these user names, in no order.
    fn users_get_username as "usersGetUsername" (UsersGetUsername {
        usernames: Option<Vec<String>>,
    }) -> Vec<HostUser>;

    /// Random players, up to 1,000; fewer when there are not so many.
    fn users_get_random as "usersGetRandom" (UsersGetRandom {
        count: Option<i64>,
    }) -> Vec<HostUser>;

    /// Bans players: their tokens are revoked, their sockets closed, log-ins refused.
    fn users_ban_id as "usersBanId" (UsersBanId {
        user_ids: Option<Vec<UserId>>,
    }) -> ();

    /// Lifts bans.
    fn users_unban_id as "usersUnbanId" (UsersUnbanId {
        user_ids: Option<Vec<UserId>>,
    }) -> ();
}
