//! Delegated tokens that are no longer good.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{RevokedTokens, StorageError, TokenRevocation, TokenRevocations};
use tokio_postgres::Row;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, queries};
use crate::values::Time;

queries!(TokenRevocationQueries {
    load: "token_revocation_load" =
        "SELECT user_id, block_id, revoke_time, expire_time \
         FROM tavern_token_revocation WHERE expire_time > $1";
    // All tokens of a user at once can always be revoked, and what is kept already again.
    revoke: "token_revocation_revoke" =
        "INSERT INTO tavern_token_revocation AS kept \
             (user_id, block_id, revoke_time, expire_time) \
         SELECT $1::uuid, $2::bytea, $3::timestamptz, $4::timestamptz \
         WHERE $2 = ''::bytea \
             OR EXISTS (SELECT 1 FROM tavern_token_revocation \
                 WHERE user_id = $1 AND block_id = $2) \
             OR (SELECT count(*) FROM tavern_token_revocation \
                 WHERE user_id = $1 AND block_id <> ''::bytea) < $5::bigint \
         ON CONFLICT (user_id, block_id) DO UPDATE SET \
             revoke_time = greatest(kept.revoke_time, excluded.revoke_time), \
             expire_time = greatest(kept.expire_time, excluded.expire_time)";
    purge: "token_revocation_purge" = "DELETE FROM tavern_token_revocation WHERE expire_time <= $1";
});

/// [`TokenRevocations`] in PostgreSQL.
pub(crate) struct PostgresTokenRevocations {
    pool: Pool,
    queries: TokenRevocationQueries,
}

impl PostgresTokenRevocations {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: TokenRevocationQueries::new(pool.metrics()), pool }
    }
}

fn revocation(row: &Row) -> Result<TokenRevocation, DbError> {
    let block: Vec<u8> = row.column(1)?;
    Ok(TokenRevocation {
        user: UserId(row.column(0)?),
        which: if block.is_empty() { RevokedTokens::All } else { RevokedTokens::Block(block) },
        at: row.column::<Time>(2)?.0,
        expires: row.column::<Time>(3)?.0,
    })
}

#[async_trait]
impl TokenRevocations for PostgresTokenRevocations {
    async fn load(&self, now: Timestamp) -> Result<Vec<TokenRevocation>, StorageError> {
        let rows = self.pool.query(&self.queries.load, &[&Time(now)]).await?;
        Ok(rows.iter().map(revocation).collect::<Result<_, _>>()?)
    }

    async fn revoke(&self, new: &TokenRevocation, most: u32) -> Result<bool, StorageError> {
        let block: &[u8] = match &new.which {
            RevokedTokens::All => &[],
            RevokedTokens::Block(id) => id,
        };
        let at = Time(Timestamp::from_millis(new.at.millis()));
        let (expires, most) = (Time(new.expires), i64::from(most));
        let kept = self
            .pool
            .execute(&self.queries.revoke, &[&new.user.0, &block, &at, &expires, &most])
            .await?;
        Ok(kept > 0)
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(self.pool.execute(&self.queries.purge, &[&Time(now)]).await?)
    }
}
