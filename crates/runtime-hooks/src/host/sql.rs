//! Statements of the studio's own.

use std::collections::BTreeMap;

use serde::Serialize;

use super::declare::host_area;
use crate::value::{Blob, Json};

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SqlCell {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number; of a time, its Unix seconds.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text, or anything that is written as one.
    Text(String),
    /// Bytes.
    Bytes(Blob),
}

/// What a statement has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HostSqlDone {
    /// How many rows it touched.
    pub rows_affected: u64,
}

host_area! {
    /// Statements of the studio's own, with all rights of the server.
    SqlHost

    /// Runs a statement in a transaction of its own and answers how many rows it touched.
    /// Parameters are `$1` and so on; ids, times and JSON are given as texts.
    fn sql_exec as "sqlExec" (SqlExec {
        query: String,
        parameters: Option<Vec<Json>>,
    }) -> HostSqlDone, several ["rows_affected"];

    /// Runs a statement and answers its rows, at most 10000, each by the names of its columns.
    /// Columns of types that are neither numbers, texts, times, ids, JSON nor bytes must be cast
    /// to text.
    fn sql_query as "sqlQuery" (SqlQuery {
        query: String,
        parameters: Option<Vec<Json>>,
    }) -> Vec<BTreeMap<String, SqlCell>>;
}
