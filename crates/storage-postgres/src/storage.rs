//! Everything that is kept, put together.

use std::sync::Arc;

use tavern_storage::Storage;

use crate::Pool;
use crate::accounts::PostgresAccounts;
use crate::archives::PostgresArchives;
use crate::friends::PostgresFriends;
use crate::groups::PostgresGroups;
use crate::leaderboards::{PostgresBoards, PostgresRecords, PostgresSchedules};
use crate::messages::PostgresMessages;
use crate::notifications::PostgresNotifications;
use crate::objects::PostgresObjects;
use crate::obligations::PostgresObligations;
use crate::purchases::PostgresPurchases;
use crate::revocations::PostgresRevocations;
use crate::sql::PostgresSql;
use crate::subscriptions::PostgresSubscriptions;
use crate::together::PostgresTogethers;
use crate::token_revocations::PostgresTokenRevocations;
use crate::wallets::PostgresWallets;

/// Everything that is kept, in the database behind this pool. The schema must be up to date, which
/// [`Migrator::verify`](crate::Migrator::verify) tells.
#[must_use]
pub fn storage(pool: &Pool) -> Storage {
    Storage {
        accounts: Arc::new(PostgresAccounts::new(pool.clone())),
        revocations: Arc::new(PostgresRevocations::new(pool.clone())),
        token_revocations: Arc::new(PostgresTokenRevocations::new(pool.clone())),
        obligations: Arc::new(PostgresObligations::new(pool.clone())),
        friends: Arc::new(PostgresFriends::new(pool.clone())),
        groups: Arc::new(PostgresGroups::new(pool.clone())),
        notifications: Arc::new(PostgresNotifications::new(pool.clone())),
        messages: Arc::new(PostgresMessages::new(pool.clone())),
        wallets: Arc::new(PostgresWallets::new(pool.clone())),
        objects: Arc::new(PostgresObjects::new(pool.clone())),
        boards: Arc::new(PostgresBoards::new(pool.clone())),
        board_records: Arc::new(PostgresRecords::new(pool.clone())),
        board_schedules: Arc::new(PostgresSchedules::new(pool.clone())),
        purchases: Arc::new(PostgresPurchases::new(pool.clone())),
        subscriptions: Arc::new(PostgresSubscriptions::new(pool.clone())),
        togethers: Arc::new(PostgresTogethers::new(pool.clone())),
        archives: Arc::new(PostgresArchives::new(pool.clone())),
        sql: Arc::new(PostgresSql::new(pool.clone())),
    }
}
