//! What every implementation of the port must do.
//!
//! Each function runs many small cases, all of them even when some fail, and panics at the end
//! with the names of those that failed. Every case makes up ids of its own, so a store may hold
//! anything else; but nothing else may change it meanwhile, since a few cases count.
//!
//! Concurrency is tried with many futures in flight at once on one task, which a database sees as
//! that many connections.

mod accounts;
mod archives;
mod deletion;
mod external;
mod friends;
mod groups;
mod identities;
mod leaderboards;
mod messages;
mod notifications;
mod objects;
mod obligations;
mod profiles;
mod purchases;
mod revocations;
mod subscriptions;
mod support;
mod together;
mod token_revocations;
mod wallets;

use self::support::Suite;
use crate::Storage;

/// Players, their profiles and identities.
///
/// # Panics
/// When a case fails.
pub async fn accounts(storage: &Storage) {
    let mut suite = Suite::new("accounts");
    accounts::run(&mut suite, storage).await;
    profiles::run(&mut suite, storage).await;
    identities::run(&mut suite, storage).await;
    external::run(&mut suite, storage).await;
    deletion::run(&mut suite, storage).await;
    suite.finish();
}

/// Revocations.
///
/// # Panics
/// When a case fails.
pub async fn revocations(storage: &Storage) {
    let mut suite = Suite::new("revocations");
    revocations::run(&mut suite, storage).await;
    token_revocations::run(&mut suite, storage).await;
    suite.finish();
}

/// Obligations and their claims.
///
/// # Panics
/// When a case fails.
pub async fn obligations(storage: &Storage) {
    let mut suite = Suite::new("obligations");
    obligations::run(&mut suite, storage).await;
    suite.finish();
}

/// Friends, invitations and blocks.
///
/// # Panics
/// When a case fails.
pub async fn friends(storage: &Storage) {
    let mut suite = Suite::new("friends");
    friends::run(&mut suite, storage).await;
    suite.finish();
}

/// Groups and their members.
///
/// # Panics
/// When a case fails.
pub async fn groups(storage: &Storage) {
    let mut suite = Suite::new("groups");
    groups::run(&mut suite, storage).await;
    suite.finish();
}

/// Notifications that wait for their readers.
///
/// # Panics
/// When a case fails.
pub async fn notifications(storage: &Storage) {
    let mut suite = Suite::new("notifications");
    notifications::run(&mut suite, storage).await;
    suite.finish();
}

/// Chat history.
///
/// # Panics
/// When a case fails.
pub async fn messages(storage: &Storage) {
    let mut suite = Suite::new("messages");
    messages::run(&mut suite, storage).await;
    suite.finish();
}

/// Wallets and their ledger.
///
/// # Panics
/// When a case fails.
pub async fn wallets(storage: &Storage) {
    let mut suite = Suite::new("wallets");
    wallets::run(&mut suite, storage).await;
    suite.finish();
}

/// Objects that players and server code keep.
///
/// # Panics
/// When a case fails.
pub async fn objects(storage: &Storage) {
    let mut suite = Suite::new("objects");
    objects::run(&mut suite, storage).await;
    suite.finish();
}

/// Leaderboards and tournaments, their records and schedules.
///
/// # Panics
/// When a case fails.
pub async fn leaderboards(storage: &Storage) {
    let mut suite = Suite::new("leaderboards");
    leaderboards::run(&mut suite, storage).await;
    suite.finish();
}

/// Purchases and subscriptions.
///
/// # Panics
/// When a case fails.
pub async fn purchases(storage: &Storage) {
    let mut suite = Suite::new("purchases");
    purchases::run(&mut suite, storage).await;
    subscriptions::run(&mut suite, storage).await;
    suite.finish();
}

/// Changes of accounts, objects and wallets that belong together.
///
/// # Panics
/// When a case fails.
pub async fn togethers(storage: &Storage) {
    let mut suite = Suite::new("togethers");
    together::run(&mut suite, storage).await;
    suite.finish();
}

/// Accounts with all that belongs to them.
///
/// # Panics
/// When a case fails.
pub async fn archives(storage: &Storage) {
    let mut suite = Suite::new("archives");
    archives::run(&mut suite, storage).await;
    suite.finish();
}

/// All of them, one after the other, each on a store that `make` hands out: a new one or always
/// the same.
///
/// # Panics
/// When a case fails.
pub async fn all(make: impl AsyncFn() -> Storage) {
    accounts(&make().await).await;
    revocations(&make().await).await;
    obligations(&make().await).await;
    friends(&make().await).await;
    groups(&make().await).await;
    notifications(&make().await).await;
    messages(&make().await).await;
    wallets(&make().await).await;
    objects(&make().await).await;
    leaderboards(&make().await).await;
    purchases(&make().await).await;
    togethers(&make().await).await;
    archives(&make().await).await;
}

#[cfg(test)]
mod tests {
    use crate::memory;

    #[tokio::test]
    async fn memory_keeps_accounts() {
        super::accounts(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_what_belongs_together() {
        super::togethers(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_what_is_brought_back() {
        super::archives(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_revocations() {
        super::revocations(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_obligations() {
        super::obligations(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_friends() {
        super::friends(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_groups() {
        super::groups(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_notifications() {
        super::notifications(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_messages() {
        super::messages(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_wallets() {
        super::wallets(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_objects() {
        super::objects(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_leaderboards() {
        super::leaderboards(&memory::storage()).await;
    }

    #[tokio::test]
    async fn memory_keeps_purchases() {
        super::purchases(&memory::storage()).await;
    }

    #[tokio::test]
    async fn the_suites_share_one_store() {
        let storage = memory::storage();
        super::all(async || storage.clone()).await;
        super::all(async || storage.clone()).await;
    }
}
