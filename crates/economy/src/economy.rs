//! Changing wallets and reading their ledger.

use std::sync::Arc;

use tavern_domain::{Clock, Entropy, UserId, check_json_object};
use tavern_storage::{LedgerEntry, StorageError, WalletChange, WalletOutcome, Wallets};
use uuid::Uuid;

use crate::ledger::Walk;
use crate::{Changeset, EconomyError, Ledger, LedgerQuery};

/// Most updates in one call: they are one transaction, which locks as many accounts.
pub const MAX_UPDATES: usize = 1_000;
/// Most bytes of the metadata of one update.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;
/// Most bytes of the metadata of a ledger entry with all that was added to it.
pub const MAX_ANNOTATED_BYTES: usize = 64 * 1024;

/// What to do to one wallet, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalletUpdate {
    /// Whose wallet.
    pub user: UserId,
    /// What to add.
    pub changeset: Changeset,
    /// Why: the text of a JSON object, kept in the ledger; `None` is the empty one.
    pub metadata: Option<String>,
}

/// Wallets: rules over the kept ones.
pub struct Economy {
    wallets: Arc<dyn Wallets>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Economy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Economy").finish_non_exhaustive()
    }
}

impl Economy {
    /// An economy over this store.
    #[must_use]
    pub fn new(
        wallets: Arc<dyn Wallets>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { wallets, clock, entropy }
    }

    /// Changes one wallet; with `ledger`, an entry says so.
    ///
    /// Safe to drop half-way, but then nobody knows whether it was done.
    ///
    /// # Errors
    /// [`EconomyError`]; nothing was changed, unless the store failed.
    pub async fn update(
        &self,
        update: WalletUpdate,
        ledger: bool,
    ) -> Result<WalletOutcome, EconomyError> {
        let mut outcomes = self.update_many(vec![update], ledger).await?;
        outcomes.pop().ok_or_else(|| {
            EconomyError::Storage(StorageError::Failed("no outcome of a wallet change".into()))
        })
    }

    /// Changes wallets in the order given, all or none, and answers one outcome for each update;
    /// with `ledger`, an entry for each says so. A user may appear more than once.
    ///
    /// Safe to drop half-way, but then nobody knows whether it was done.
    ///
    /// # Errors
    /// [`EconomyError`]; nothing was changed, unless the store failed.
    pub async fn update_many(
        &self,
        updates: Vec<WalletUpdate>,
        ledger: bool,
    ) -> Result<Vec<WalletOutcome>, EconomyError> {
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        let changes = self.changes(updates, ledger)?;
        let applied = self.wallets.apply(&changes, self.clock.now()).await.map_err(not_kept)?;
        Ok(applied?)
    }

    /// Updates as a store takes them, checked: for one that changes more than wallets in one
    /// transaction. Else [`update_many`](Self::update_many) does all of it.
    ///
    /// # Errors
    /// [`EconomyError`] says what is wrong with them.
    pub fn changes(
        &self,
        updates: Vec<WalletUpdate>,
        ledger: bool,
    ) -> Result<Vec<WalletChange>, EconomyError> {
        if updates.len() > MAX_UPDATES {
            return Err(EconomyError::TooManyUpdates);
        }
        updates.into_iter().map(|update| self.change(update, ledger)).collect()
    }

    /// A part of a user's ledger, newest first. Changes nothing; safe to drop half-way.
    ///
    /// # Errors
    /// [`EconomyError::Limit`], [`EconomyError::Cursor`], [`EconomyError::Storage`].
    pub async fn ledger(
        &self,
        user: UserId,
        query: LedgerQuery<'_>,
    ) -> Result<Ledger, EconomyError> {
        let walk = Walk::new(user, query)?;
        Ok(walk.page(self.wallets.ledger(user, walk.after, walk.limit).await?))
    }

    /// Adds the fields of a JSON object to the metadata of a ledger entry, in place of those of the
    /// same names, and answers the entry. What is added has up to [`MAX_METADATA_BYTES`], all of it
    /// together up to [`MAX_ANNOTATED_BYTES`].
    ///
    /// # Errors
    /// [`EconomyError::Metadata`], [`EconomyError::NoEntry`], [`EconomyError::NotKeepable`],
    /// [`EconomyError::Storage`].
    pub async fn annotate(&self, entry: Uuid, metadata: &str) -> Result<LedgerEntry, EconomyError> {
        check_json_object(metadata, MAX_METADATA_BYTES).map_err(EconomyError::Metadata)?;
        let annotated =
            self.wallets.annotate(entry, metadata, MAX_ANNOTATED_BYTES, self.clock.now()).await;
        annotated.map_err(not_kept)?.ok_or(EconomyError::NoEntry { entry })
    }

    fn change(&self, update: WalletUpdate, ledger: bool) -> Result<WalletChange, EconomyError> {
        let metadata = match update.metadata {
            None => "{}".to_owned(),
            Some(text) => {
                check_json_object(&text, MAX_METADATA_BYTES).map_err(EconomyError::Metadata)?;
                text
            }
        };
        Ok(WalletChange {
            user: update.user,
            changeset: update.changeset.into_amounts(),
            metadata,
            ledger_id: ledger.then(|| self.entropy.uuid_v4()),
        })
    }
}

/// Currencies were checked, so what does not fit is the metadata.
fn not_kept(error: StorageError) -> EconomyError {
    if matches!(error, StorageError::DoesNotFit(_)) {
        EconomyError::NotKeepable(error)
    } else {
        EconomyError::Storage(error)
    }
}
