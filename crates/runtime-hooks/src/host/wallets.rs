//! Wallets and their ledger.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use super::declare::host_area;
use super::types::time;
use crate::value::Json;

/// A change of one wallet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct HostWalletUpdate {
    /// Whose.
    pub user_id: UserId,
    /// What to add to each currency; negative numbers take away.
    pub changeset: BTreeMap<String, i64>,
    /// Why: a JSON object, for the ledger.
    pub metadata: Option<Json>,
}

/// A wallet before and after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct HostWalletUpdated {
    pub user_id: UserId,
    pub updated: BTreeMap<String, i64>,
    pub previous: BTreeMap<String, i64>,
}

/// An entry of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct HostLedgerEntry {
    pub id: Uuid,
    pub user_id: UserId,
    pub changeset: BTreeMap<String, i64>,
    pub metadata: Json,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    #[serde(with = "time")]
    pub update_time: Timestamp,
}

/// A part of a ledger, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostLedgerPage {
    /// The entries.
    pub items: Vec<HostLedgerEntry>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

host_area! {
    /// Wallets and their ledger.
    WalletsHost

    /// Adds a changeset to a wallet and, if asked to, writes a ledger entry. All or nothing; no
    /// currency goes below zero.
    fn wallet_update as "walletUpdate" (WalletUpdate {
        user_id: UserId,
        changeset: BTreeMap<String, i64>,
        metadata: Option<Json>,
        update_ledger: Option<bool>,
    }) -> HostWalletUpdated, several ["updated", "previous"];

    /// Changes wallets in order, all or none.
    fn wallets_update as "walletsUpdate" (WalletsUpdate {
        updates: Vec<HostWalletUpdate>,
        update_ledger: Option<bool>,
    }) -> Vec<HostWalletUpdated>;

    /// Adds fields to the metadata of an entry of a ledger, in place of those of the same names,
    /// and answers the entry.
    fn wallet_ledger_update as "walletLedgerUpdate" (WalletLedgerUpdate {
        item_id: Uuid,
        metadata: Json,
    }) -> HostLedgerEntry;

    /// A part of a user's ledger, newest first. A page has 1 to 100 entries, 100 unless asked
    /// otherwise.
    fn wallet_ledger_list as "walletLedgerList" (WalletLedgerList {
        user_id: UserId,
        limit: Option<i64>,
        cursor: Option<String>,
    }) -> HostLedgerPage, several ["items", "cursor"];
}
