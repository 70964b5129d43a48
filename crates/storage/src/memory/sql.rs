//! Statements of the studio's own, which only a database understands.

use async_trait::async_trait;

use super::Memory;
use crate::{Sql, SqlRefused, SqlRows, SqlValue, StorageError};

fn refused<T>() -> Result<Result<T, SqlRefused>, StorageError> {
    Ok(Err(SqlRefused("this store has no database to run statements".into())))
}

#[async_trait]
impl Sql for Memory {
    async fn exec(&self, _: &str, _: &[SqlValue]) -> Result<Result<u64, SqlRefused>, StorageError> {
        refused()
    }

    async fn query(
        &self,
        _: &str,
        _: &[SqlValue],
        _: usize,
    ) -> Result<Result<SqlRows, SqlRefused>, StorageError> {
        refused()
    }
}
