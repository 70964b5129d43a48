//! Wallets and their ledger.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde_json::Value;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    LedgerEntry, LedgerPage, StorageError, WalletChange, WalletOutcome, WalletRefused, Wallets,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, queries};
use crate::retry::Conflict;
use crate::transaction::Transaction;
use crate::values::{Ids, JsonText, Time};

queries!(WalletQueries {
    /// In the order of the ids, so that two calls cannot wait for each other.
    lock: "wallet_lock" =
        "SELECT id, wallet FROM users WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";
    write: "wallet_write" =
        "WITH wallets AS (\
             UPDATE users u SET wallet = w.wallet, update_time = $3 \
             FROM unnest($1::uuid[], $2::jsonb[]) AS w (id, wallet) WHERE u.id = w.id) \
         INSERT INTO wallet_ledger (id, user_id, changeset, metadata, create_time, update_time) \
         SELECT id, user_id, changeset, metadata, $3, $3 \
         FROM unnest($4::uuid[], $5::uuid[], $6::jsonb[], $7::jsonb[]) \
             AS l (id, user_id, changeset, metadata)";
    annotate: "wallet_annotate" =
        "UPDATE wallet_ledger SET metadata = metadata || $2, update_time = $3 \
         WHERE id = $1 AND octet_length((metadata || $2)::text) <= $4 \
         RETURNING id, changeset, metadata, create_time, update_time, user_id";
    is_there: "wallet_ledger_has" = "SELECT 1 FROM wallet_ledger WHERE id = $1";
    ledger: "wallet_ledger" =
        "SELECT id, changeset, metadata, create_time, update_time FROM wallet_ledger \
         WHERE user_id = $1 AND (create_time, id) < ($2, $3) \
         ORDER BY create_time DESC, id DESC LIMIT $4";
});

/// [`Wallets`] in PostgreSQL.
pub(crate) struct PostgresWallets {
    pool: Pool,
    queries: WalletQueries,
}

type Amounts = BTreeMap<String, i64>;

/// Why a change was not applied.
pub(crate) enum Stopped {
    Refused(WalletRefused),
    Db(DbError),
}

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl Conflict for Stopped {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Db(error) => error.is_conflict(),
        }
    }
}

impl PostgresWallets {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: WalletQueries::new(pool.metrics()), pool }
    }

    async fn apply_in(
        &self,
        mut transaction: Transaction,
        changes: &[WalletChange],
        now: Timestamp,
    ) -> Result<Vec<WalletOutcome>, Stopped> {
        let users: Vec<UserId> = changes.iter().map(|change| change.user).collect();
        let rows = self.lock(&mut transaction, &users).await?;
        self.apply_last(transaction, &rows, changes, now).await
    }

    /// Locks accounts in the order of their ids.
    pub(crate) async fn lock(
        &self,
        transaction: &mut Transaction,
        users: &[UserId],
    ) -> Result<Vec<Row>, DbError> {
        transaction.query(&self.queries.lock, &[&Ids(users)]).await
    }

    /// Applies changes to the accounts that were locked, and commits.
    pub(crate) async fn apply_last(
        &self,
        transaction: Transaction,
        rows: &[Row],
        changes: &[WalletChange],
        now: Timestamp,
    ) -> Result<Vec<WalletOutcome>, Stopped> {
        let mut wallets = BTreeMap::new();
        let changed: BTreeSet<UserId> = changes.iter().map(|change| change.user).collect();
        for row in rows {
            let wallet = amounts(row.column::<JsonText<'_>>(1)?)?;
            wallets.insert(UserId(row.column(0)?), wallet);
        }
        wallets.retain(|user, _| changed.contains(user));
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            let user = change.user;
            let wallet =
                wallets.get_mut(&user).ok_or(Stopped::Refused(WalletRefused::NoAccount(user)))?;
            let updated = applied(wallet, change).map_err(Stopped::Refused)?;
            let previous = std::mem::replace(wallet, updated.clone());
            outcomes.push(WalletOutcome { user, previous, updated });
        }
        self.write(transaction, &wallets, changes, now).await?;
        Ok(outcomes)
    }

    async fn write(
        &self,
        transaction: Transaction,
        wallets: &BTreeMap<UserId, Amounts>,
        changes: &[WalletChange],
        now: Timestamp,
    ) -> Result<(), DbError> {
        let ids: Vec<Uuid> = wallets.keys().map(|user| user.0).collect();
        let texts: Vec<String> = wallets.values().map(json).collect();
        let texts: Vec<JsonText<'_>> = texts.iter().map(|text| JsonText(text)).collect();
        let recorded = || changes.iter().filter(|change| change.ledger_id.is_some());
        let entries: Vec<Uuid> = changes.iter().filter_map(|change| change.ledger_id).collect();
        let owners: Vec<Uuid> = recorded().map(|change| change.user.0).collect();
        let added: Vec<String> = recorded().map(|change| json(&change.changeset)).collect();
        let added: Vec<JsonText<'_>> = added.iter().map(|text| JsonText(text)).collect();
        let why: Vec<JsonText<'_>> = recorded().map(|change| JsonText(&change.metadata)).collect();
        let params: [&(dyn ToSql + Sync); 7] =
            [&ids, &texts, &Time(now), &entries, &owners, &added, &why];
        transaction.last(&self.queries.write, &params).await.map(drop)
    }
}

/// A wallet with a change applied, or why that cannot be.
fn applied(wallet: &Amounts, change: &WalletChange) -> Result<Amounts, WalletRefused> {
    let user = change.user;
    let mut updated = wallet.clone();
    for (currency, amount) in &change.changeset {
        let held = updated.get(currency).copied().unwrap_or(0);
        let Some(sum) = held.checked_add(*amount) else {
            return Err(WalletRefused::Overflow { user, currency: currency.clone() });
        };
        if sum < 0 {
            return Err(WalletRefused::Negative { user, currency: currency.clone() });
        }
        updated.insert(currency.clone(), sum);
    }
    Ok(updated)
}

fn json(amounts: &Amounts) -> String {
    serde_json::to_string(amounts).expect("a map of numbers is JSON")
}

/// The amounts of a kept wallet or change.
fn amounts(kept: JsonText<'_>) -> Result<Amounts, DbError> {
    // Older servers kept some amounts as `5.0`.
    serde_json::from_str(kept.0).or_else(|_| {
        let nonsense = || DbError::Nonsense("a wallet with other things than whole numbers".into());
        let kept: BTreeMap<String, Value> =
            serde_json::from_str(kept.0).map_err(|e| DbError::Nonsense(Box::new(e)))?;
        let whole = |(currency, amount): (String, Value)| {
            let amount = amount.as_i64().or_else(|| amount.as_f64().and_then(whole_number));
            Ok((currency, amount.ok_or_else(nonsense)?))
        };
        kept.into_iter().map(whole).collect()
    })
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and exact")]
fn whole_number(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// An entry of a known owner.
pub(crate) fn entry(row: &Row, user: UserId) -> Result<LedgerEntry, DbError> {
    Ok(LedgerEntry {
        id: row.column(0)?,
        user,
        changeset: amounts(row.column(1)?)?,
        metadata: row.column::<JsonText<'_>>(2)?.into(),
        create_time: row.column::<Time>(3)?.0,
        update_time: row.column::<Time>(4)?.0,
    })
}

#[async_trait]
impl Wallets for PostgresWallets {
    async fn apply(
        &self,
        changes: &[WalletChange],
        now: Timestamp,
    ) -> Result<Result<Vec<WalletOutcome>, WalletRefused>, StorageError> {
        if changes.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let outcome =
            self.pool.transaction(|transaction| self.apply_in(transaction, changes, now)).await;
        match outcome {
            Ok(outcomes) => Ok(Ok(outcomes)),
            Err(Stopped::Refused(why)) => Ok(Err(why)),
            Err(Stopped::Db(error)) => Err(error.into()),
        }
    }

    async fn ledger(
        &self,
        user: UserId,
        after: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<LedgerPage, StorageError> {
        let (time, id) = after.unwrap_or((Timestamp::from_nanos(i64::MAX), Uuid::max()));
        // One more tells whether there are more.
        let params: [&(dyn ToSql + Sync); 4] = [&user.0, &Time(time), &id, &(i64::from(limit) + 1)];
        let rows = self.pool.query(&self.queries.ledger, &params).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let entries =
            rows.iter().take(limit).map(|row| entry(row, user)).collect::<Result<_, _>>()?;
        Ok(LedgerPage { entries, more })
    }

    async fn annotate(
        &self,
        id: Uuid,
        metadata: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<Option<LedgerEntry>, StorageError> {
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let params: [&(dyn ToSql + Sync); 4] = [&id, &JsonText(metadata), &Time(now), &most];
        if let Some(row) = self.pool.query_opt(&self.queries.annotate, &params).await? {
            return Ok(Some(entry(&row, UserId(row.column(5)?))?));
        }
        // Either it is not there, or it would be too large.
        match self.pool.query_opt(&self.queries.is_there, &[&id]).await? {
            Some(_) => Err(StorageError::DoesNotFit("too much metadata".into())),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        let kept = amounts(JsonText(r#"{"a": 5, "b": 5.0, "c": 9223372036854775807}"#)).unwrap();
        let expected = [("a", 5), ("b", 5), ("c", i64::MAX)];
        assert_eq!(kept, expected.map(|(k, v)| (k.to_owned(), v)).into());
        for bad in [r#"{"a": 1.5}"#, r#"{"a": "1"}"#, r#"{"a": 1e30}"#, "[]", "{"] {
            assert!(matches!(amounts(JsonText(bad)), Err(DbError::Nonsense(_))), "{bad}");
        }
    }
}
