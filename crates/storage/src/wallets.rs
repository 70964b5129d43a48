//! Wallets and their ledger.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use crate::StorageError;

/// A change of one wallet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalletChange {
    /// Whose wallet.
    pub user: UserId,
    /// What to add to each currency; negative numbers take away.
    pub changeset: BTreeMap<String, i64>,
    /// Why: the text of a JSON object, kept in the ledger.
    pub metadata: String,
    /// The ledger entry's id; `None` leaves no entry.
    pub ledger_id: Option<Uuid>,
}

/// A wallet before and after a change.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct WalletOutcome {
    pub user: UserId,
    pub previous: BTreeMap<String, i64>,
    pub updated: BTreeMap<String, i64>,
}

/// Why a change was refused. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WalletRefused {
    /// A currency would go below zero.
    Negative {
        /// Whose.
        user: UserId,
        /// Which currency.
        currency: String,
    },
    /// A currency would leave the range of 64-bit integers.
    Overflow {
        /// Whose.
        user: UserId,
        /// Which currency.
        currency: String,
    },
    /// There is no such account.
    NoAccount(UserId),
}

/// One entry of a ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct LedgerEntry {
    pub id: Uuid,
    pub user: UserId,
    pub changeset: BTreeMap<String, i64>,
    pub metadata: String,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// A part of a ledger, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LedgerPage {
    /// The entries.
    pub entries: Vec<LedgerEntry>,
    /// Whether there are older ones.
    pub more: bool,
}

/// Wallets.
#[async_trait]
pub trait Wallets: Send + Sync + 'static {
    /// Applies changes in order, all or none, and moves the accounts' update times. Answers one
    /// outcome for each change. A currency stays in the wallet at zero. Concurrent changes of one
    /// wallet are applied one after the other: nothing is lost or doubled.
    async fn apply(
        &self,
        changes: &[WalletChange],
        now: Timestamp,
    ) -> Result<Result<Vec<WalletOutcome>, WalletRefused>, StorageError>;

    /// A part of a user's ledger, newest first, behind this key (`create_time`, `id`); entries of
    /// one microsecond by id, highest first.
    async fn ledger(
        &self,
        user: UserId,
        after: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<LedgerPage, StorageError>;

    /// Adds the fields of a JSON object to the metadata of a ledger entry, in place of those of the
    /// same names, moves the entry's update time, and answers the entry; `None` if there is none.
    ///
    /// # Errors
    /// [`StorageError::DoesNotFit`] when the metadata would have more than `most` bytes, as the
    /// store writes it; nothing has changed then.
    async fn annotate(
        &self,
        entry: Uuid,
        metadata: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<Option<LedgerEntry>, StorageError>;
}
