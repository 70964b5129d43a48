//! Statements of the studio's own.

use async_trait::async_trait;

use crate::StorageError;

/// A value in a statement or in a row.
#[derive(Clone, PartialEq, Debug)]
pub enum SqlValue {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text, or anything that is written as one: ids, JSON, dates.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Rows that a statement answers.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SqlRows {
    /// The names of the columns, in their order.
    pub columns: Vec<String>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<SqlValue>>,
}

/// A statement was refused, and why, in the store's own words.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct SqlRefused(pub String);

/// Statements of the studio's own, with all rights of the server.
///
/// Values are written into the statement's parameters as texts of their types: an id, a date or
/// JSON is given as text. A statement runs alone, in a transaction of its own, and is not repeated.
#[async_trait]
pub trait Sql: Send + Sync + 'static {
    /// Runs a statement and answers how many rows it touched.
    async fn exec(
        &self,
        statement: &str,
        params: &[SqlValue],
    ) -> Result<Result<u64, SqlRefused>, StorageError>;

    /// Runs a statement and answers its rows, of which there may be at most `most`.
    async fn query(
        &self,
        statement: &str,
        params: &[SqlValue],
        most: usize,
    ) -> Result<Result<SqlRows, SqlRefused>, StorageError>;
}
