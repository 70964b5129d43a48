//! Wallets and their ledger.

use async_trait::async_trait;
use tavern_economy::{Changeset, LedgerQuery};
use tavern_runtime_hooks::host::{
    HostLedgerEntry, HostLedgerPage, HostWalletUpdate, HostWalletUpdated, WalletLedgerList,
    WalletLedgerUpdate, WalletUpdate, WalletsHost, WalletsUpdate,
};
use tavern_runtime_hooks::{HookError, Json};
use tavern_storage::{LedgerEntry, WalletOutcome};

use super::ServerHost;
use crate::error;

#[async_trait]
impl WalletsHost for ServerHost {
    async fn wallet_update(&self, args: WalletUpdate) -> Result<HostWalletUpdated, HookError> {
        let WalletUpdate { user_id, changeset, metadata, update_ledger } = args;
        let update = change(HostWalletUpdate { user_id, changeset, metadata })?;
        let outcome = self.0.economy.update(update, update_ledger.unwrap_or_default()).await;
        outcome.map(updated).map_err(|error| error::classified(error).into())
    }

    async fn wallets_update(
        &self,
        args: WalletsUpdate,
    ) -> Result<Vec<HostWalletUpdated>, HookError> {
        let updates = args.updates.into_iter().map(change).collect::<Result<_, _>>()?;
        let ledger = args.update_ledger.unwrap_or_default();
        let outcomes = self.0.economy.update_many(updates, ledger).await;
        Ok(outcomes.map_err(error::classified)?.into_iter().map(updated).collect())
    }

    async fn wallet_ledger_update(
        &self,
        args: WalletLedgerUpdate,
    ) -> Result<HostLedgerEntry, HookError> {
        let annotated = self.0.economy.annotate(args.item_id, &args.metadata.0).await;
        Ok(entry(annotated.map_err(error::classified)?))
    }

    async fn wallet_ledger_list(
        &self,
        args: WalletLedgerList,
    ) -> Result<HostLedgerPage, HookError> {
        let query = LedgerQuery {
            // What is beyond is refused with the range.
            limit: args.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)),
            cursor: args.cursor.as_deref(),
        };
        let page = self.0.economy.ledger(args.user_id, query).await.map_err(error::classified)?;
        let items = page.entries.into_iter().map(entry).collect();
        Ok(HostLedgerPage { items, cursor: page.cursor })
    }
}

/// A wallet update as the economy takes it.
pub(super) fn change(update: HostWalletUpdate) -> Result<tavern_economy::WalletUpdate, HookError> {
    let changeset = Changeset::new(update.changeset).map_err(error::classified)?;
    let metadata = update.metadata.map(|json| json.0);
    Ok(tavern_economy::WalletUpdate { user: update.user_id, changeset, metadata })
}

/// A changed wallet as server code sees it.
pub(super) fn updated(outcome: WalletOutcome) -> HostWalletUpdated {
    let WalletOutcome { user, previous, updated } = outcome;
    HostWalletUpdated { user_id: user, previous, updated }
}

fn entry(entry: LedgerEntry) -> HostLedgerEntry {
    HostLedgerEntry {
        id: entry.id,
        user_id: entry.user,
        changeset: entry.changeset,
        metadata: Json(entry.metadata),
        create_time: entry.create_time,
        update_time: entry.update_time,
    }
}
