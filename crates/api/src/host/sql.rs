//! Statements of the studio's own.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::host::{HostSqlDone, SqlCell, SqlExec, SqlHost, SqlQuery};
use tavern_runtime_hooks::{Blob, HookError, Json};
use tavern_storage::{SqlRefused, SqlValue};

use super::ServerHost;
use super::encoding::invalid;
use crate::error;

/// Most rows of an answer.
const MOST_ROWS: usize = 10_000;
/// Most parameters of a statement.
const MOST_PARAMS: usize = 1_000;

#[async_trait]
impl SqlHost for ServerHost {
    async fn sql_exec(&self, args: SqlExec) -> Result<HostSqlDone, HookError> {
        let params = params(args.parameters)?;
        let done = self.0.storage.sql.exec(&args.query, &params).await.map_err(error::storage)?;
        Ok(HostSqlDone { rows_affected: done.map_err(refused)? })
    }

    async fn sql_query(&self, args: SqlQuery) -> Result<Vec<BTreeMap<String, SqlCell>>, HookError> {
        let params = params(args.parameters)?;
        let found = self.0.storage.sql.query(&args.query, &params, MOST_ROWS).await;
        let found = found.map_err(error::storage)?.map_err(refused)?;
        let columns = found.columns;
        let named =
            |row: Vec<SqlValue>| columns.iter().cloned().zip(row.into_iter().map(cell)).collect();
        Ok(found.rows.into_iter().map(named).collect())
    }
}

fn refused(why: SqlRefused) -> HookError {
    HookError::new(ErrorCode::Internal, format!("sql: {why}"))
}

fn params(given: Option<Vec<Json>>) -> Result<Vec<SqlValue>, HookError> {
    let given = given.unwrap_or_default();
    if given.len() > MOST_PARAMS {
        return Err(invalid(format!("a statement has at most {MOST_PARAMS} parameters")));
    }
    given.into_iter().map(|json| param(&json)).collect()
}

fn param(json: &Json) -> Result<SqlValue, HookError> {
    let value: Value = serde_json::from_str(&json.0).map_err(HookError::internal)?;
    Ok(match value {
        Value::Null => SqlValue::Null,
        Value::Bool(yes) => SqlValue::Bool(yes),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => SqlValue::Int(whole),
            (None, Some(float)) => SqlValue::Float(float),
            (None, None) => SqlValue::Text(number.to_string()),
        },
        Value::String(text) => SqlValue::Text(text),
        Value::Array(_) | Value::Object(_) => SqlValue::Text(json.0.clone()),
    })
}

fn cell(value: SqlValue) -> SqlCell {
    match value {
        SqlValue::Null => SqlCell::Null,
        SqlValue::Bool(yes) => SqlCell::Bool(yes),
        SqlValue::Int(n) => SqlCell::Int(n),
        SqlValue::Float(n) => SqlCell::Float(n),
        SqlValue::Text(text) => SqlCell::Text(text),
        SqlValue::Bytes(bytes) => SqlCell::Bytes(Blob(bytes)),
    }
}
