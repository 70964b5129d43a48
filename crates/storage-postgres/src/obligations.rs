//! After-authenticate hooks that must still run.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{Claim, Obligation, Obligations, StorageError};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, queries};
use crate::values::{JsonText, Time};

macro_rules! columns {
    () => {
        "id, user_id, call, request, attempts, create_time"
    };
}

queries!(ObligationQueries {
    /// A released obligation is claimed by nobody: its node is empty, so that no later process of
    /// the same node takes it for its own.
    claim: "obligation_claim" = concat!(
        "UPDATE tavern_obligation SET attempts = attempts + 1, \
             claim_node = $2, claim_boot = $3, claim_until = $4 \
         WHERE id = $1 AND (claim_until <= $5 OR (claim_node = $2 AND claim_boot <> $3)) \
         RETURNING ", columns!());
    discharge: "obligation_discharge" = "DELETE FROM tavern_obligation WHERE id = $1";
    release: "obligation_release" =
        "UPDATE tavern_obligation SET claim_node = '', \
             claim_boot = '00000000-0000-0000-0000-000000000000', claim_until = $2 \
         WHERE id = $1";
    list: "obligation_list" = concat!(
        "SELECT ", columns!(), " FROM tavern_obligation WHERE (create_time, id) > ($1, $2) \
         ORDER BY create_time, id LIMIT $3");
    count: "obligation_count" = "SELECT count(*) FROM tavern_obligation";
});

/// [`Obligations`] in PostgreSQL.
pub(crate) struct PostgresObligations {
    pool: Pool,
    queries: ObligationQueries,
}

impl PostgresObligations {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: ObligationQueries::new(pool.metrics()), pool }
    }
}

fn obligation(row: &Row) -> Result<Obligation, DbError> {
    Ok(Obligation {
        id: row.column(0)?,
        user: UserId(row.column(1)?),
        call: row.column(2)?,
        request: row.column::<JsonText<'_>>(3)?.into(),
        attempts: row.column(4)?,
        create_time: row.column::<Time>(5)?.0,
    })
}

#[async_trait]
impl Obligations for PostgresObligations {
    async fn claim(
        &self,
        id: Uuid,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Option<Obligation>, StorageError> {
        let until = Time(claim.until);
        let row = self
            .pool
            .query_opt(&self.queries.claim, &[&id, &claim.node, &claim.boot, &until, &Time(now)])
            .await?;
        Ok(row.as_ref().map(obligation).transpose()?)
    }

    async fn discharge(&self, id: Uuid) -> Result<(), StorageError> {
        self.pool.execute(&self.queries.discharge, &[&id]).await?;
        Ok(())
    }

    async fn release(&self, id: Uuid, not_before: Timestamp) -> Result<(), StorageError> {
        self.pool.execute(&self.queries.release, &[&id, &Time(not_before)]).await?;
        Ok(())
    }

    async fn list(
        &self,
        after: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Obligation>, StorageError> {
        let (time, id) = after.unwrap_or((Timestamp::from_nanos(i64::MIN), Uuid::nil()));
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&Time(time), &id, &i64::from(limit)];
        let rows = self.pool.query(&self.queries.list, &params).await?;
        Ok(rows.iter().map(obligation).collect::<Result<_, _>>()?)
    }

    async fn count(&self) -> Result<u64, StorageError> {
        let row = self.pool.query_opt(&self.queries.count, &[]).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.column(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
