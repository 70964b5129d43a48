//! Wallets and their ledger.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use super::limits::{broken, jsonb};
use super::{Memory, Tables};
use crate::{
    LedgerEntry, LedgerPage, StorageError, WalletChange, WalletOutcome, WalletRefused, Wallets,
};

/// A wallet with a change applied, or why that cannot be.
fn applied(
    wallet: &BTreeMap<String, i64>,
    change: &WalletChange,
) -> Result<BTreeMap<String, i64>, WalletRefused> {
    let user = change.user;
    let mut updated = wallet.clone();
    for (currency, amount) in &change.changeset {
        let held = updated.get(currency).copied().unwrap_or(0);
        let sum = held
            .checked_add(*amount)
            .ok_or_else(|| WalletRefused::Overflow { user, currency: currency.clone() })?;
        if sum < 0 {
            return Err(WalletRefused::Negative { user, currency: currency.clone() });
        }
        updated.insert(currency.clone(), sum);
    }
    Ok(updated)
}

impl Tables {
    pub(super) fn change_wallets(
        &mut self,
        changes: &[WalletChange],
        now: Timestamp,
    ) -> Result<Result<Vec<WalletOutcome>, WalletRefused>, StorageError> {
        let now = now.whole_micros();
        let mut entries = Vec::with_capacity(changes.len());
        for change in changes {
            if change.changeset.keys().any(|currency| currency.contains('\0')) {
                return Err(StorageError::DoesNotFit("a NUL character in a currency".into()));
            }
            let metadata = jsonb(&change.metadata)?;
            entries.extend(change.ledger_id.map(|id| LedgerEntry {
                id,
                user: change.user,
                changeset: change.changeset.clone(),
                metadata,
                create_time: now,
                update_time: now,
            }));
        }

        let mut ids = HashSet::new();
        if entries.iter().any(|e| self.ledger_ids.contains_key(&e.id) || !ids.insert(e.id)) {
            return Err(broken("a ledger entry with this id exists"));
        }
        // The changes are worked out on copies, so that a refusal leaves nothing behind.
        let mut wallets: HashMap<UserId, BTreeMap<String, i64>> = HashMap::new();
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            let user = change.user;
            let wallet = match (wallets.get(&user), self.users.get(&user)) {
                (Some(wallet), _) => wallet.clone(),
                (None, Some(row)) => row.wallet.clone(),
                (None, None) => return Ok(Err(WalletRefused::NoAccount(user))),
            };
            match applied(&wallet, change) {
                Ok(updated) => {
                    wallets.insert(user, updated.clone());
                    outcomes.push(WalletOutcome { user, previous: wallet, updated });
                }
                Err(refused) => return Ok(Err(refused)),
            }
        }
        for (user, wallet) in wallets {
            if let Some(row) = self.users.get_mut(&user) {
                row.wallet = wallet;
                row.user.update_time = now;
            }
        }
        for entry in entries {
            self.ledger_ids.insert(entry.id, entry.user);
            let ledger = self.ledgers.entry(entry.user).or_default();
            ledger.insert((entry.create_time, entry.id), entry);
        }
        Ok(Ok(outcomes))
    }
}

/// An object with the fields of another one added.
fn merged(kept: &str, added: &str) -> Result<String, StorageError> {
    let fields = |text: &str| -> Result<serde_json::Map<String, serde_json::Value>, StorageError> {
        serde_json::from_str(text).map_err(|error| StorageError::DoesNotFit(Box::new(error)))
    };
    let mut all = fields(kept)?;
    all.extend(fields(added)?);
    jsonb(&serde_json::Value::Object(all).to_string())
}

#[async_trait]
impl Wallets for Memory {
    async fn apply(
        &self,
        changes: &[WalletChange],
        now: Timestamp,
    ) -> Result<Result<Vec<WalletOutcome>, WalletRefused>, StorageError> {
        self.lock().change_wallets(changes, now)
    }

    async fn ledger(
        &self,
        user: UserId,
        after: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<LedgerPage, StorageError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let tables = self.lock();
        let Some(ledger) = tables.ledgers.get(&user) else { return Ok(LedgerPage::default()) };
        let mut older = ledger
            .iter()
            .rev()
            .filter(|(key, _)| after.is_none_or(|after| **key < after))
            .map(|(_, entry)| entry);
        let entries: Vec<_> = older.by_ref().take(limit).cloned().collect();
        let more = older.next().is_some();
        Ok(LedgerPage { entries, more })
    }

    async fn annotate(
        &self,
        entry: Uuid,
        metadata: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<Option<LedgerEntry>, StorageError> {
        let metadata = jsonb(metadata)?;
        let mut tables = self.lock();
        let Some(user) = tables.ledger_ids.get(&entry).copied() else { return Ok(None) };
        let mut entries = tables.ledgers.entry(user).or_default().values_mut();
        let Some(held) = entries.find(|held| held.id == entry) else { return Ok(None) };
        let metadata = merged(&held.metadata, &metadata)?;
        if metadata.len() > most {
            return Err(StorageError::DoesNotFit("too much metadata".into()));
        }
        held.metadata = metadata;
        held.update_time = now.whole_micros();
        Ok(Some(held.clone()))
    }
}
