//! Tokens that are no longer good.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tavern_domain::{Timestamp, TokenId, UserId};
use tavern_storage::{Revocation, RevocationScope, Revocations, StorageError};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, queries};
use crate::values::Time;

queries!(RevocationQueries {
    load: "revocation_load" =
        "SELECT user_id, scope, token_id, revoke_time, expire_time \
         FROM tavern_revocation WHERE expire_time > $1";
    revoke: "revocation_revoke" =
        "INSERT INTO tavern_revocation AS kept \
             (user_id, scope, token_id, revoke_time, expire_time) \
         SELECT * FROM unnest(\
             $1::uuid[], $2::smallint[], $3::uuid[], $4::timestamptz[], $5::timestamptz[]) \
         ON CONFLICT (user_id, scope, token_id) DO UPDATE SET \
             revoke_time = greatest(kept.revoke_time, excluded.revoke_time), \
             expire_time = greatest(kept.expire_time, excluded.expire_time)";
    purge: "revocation_purge" = "DELETE FROM tavern_revocation WHERE expire_time <= $1";
});

/// [`Revocations`] in PostgreSQL.
pub(crate) struct PostgresRevocations {
    pool: Pool,
    queries: RevocationQueries,
}

impl PostgresRevocations {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: RevocationQueries::new(pool.metrics()), pool }
    }
}

/// The scope as its columns: the kind and the log-in.
fn columns(scope: RevocationScope) -> (i16, Uuid) {
    match scope {
        RevocationScope::Session(token) => (0, token.0),
        RevocationScope::Refresh(token) => (1, token.0),
        RevocationScope::All => (2, Uuid::nil()),
    }
}

fn revocation(row: &Row) -> Result<Revocation, DbError> {
    let token = TokenId(row.column(2)?);
    let scope = match row.column::<i16>(1)? {
        0 => RevocationScope::Session(token),
        1 => RevocationScope::Refresh(token),
        2 => RevocationScope::All,
        other => return Err(DbError::Nonsense(format!("scope {other} of a revocation").into())),
    };
    Ok(Revocation {
        user: UserId(row.column(0)?),
        scope,
        at: row.column::<Time>(3)?.0,
        expires: row.column::<Time>(4)?.0,
    })
}

#[async_trait]
impl Revocations for PostgresRevocations {
    async fn load(&self, now: Timestamp) -> Result<Vec<Revocation>, StorageError> {
        let rows = self.pool.query(&self.queries.load, &[&Time(now)]).await?;
        Ok(rows.iter().map(revocation).collect::<Result<_, _>>()?)
    }

    async fn revoke(&self, revocations: &[Revocation]) -> Result<(), StorageError> {
        if revocations.is_empty() {
            return Ok(());
        }
        // One statement cannot touch a row twice; and in the order of the keys, two of them cannot
        // wait for each other.
        let mut later = BTreeMap::new();
        for new in revocations {
            let (kind, token) = columns(new.scope);
            let at = Timestamp::from_millis(new.at.millis());
            let kept = later.entry((new.user.0, kind, token)).or_insert((at, new.expires));
            *kept = (kept.0.max(at), kept.1.max(new.expires));
        }
        let users: Vec<Uuid> = later.keys().map(|key| key.0).collect();
        let kinds: Vec<i16> = later.keys().map(|key| key.1).collect();
        let tokens: Vec<Uuid> = later.keys().map(|key| key.2).collect();
        let times: Vec<Time> = later.values().map(|times| Time(times.0)).collect();
        let ends: Vec<Time> = later.values().map(|times| Time(times.1)).collect();
        self.pool.execute(&self.queries.revoke, &[&users, &kinds, &tokens, &times, &ends]).await?;
        Ok(())
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(self.pool.execute(&self.queries.purge, &[&Time(now)]).await?)
    }
}
