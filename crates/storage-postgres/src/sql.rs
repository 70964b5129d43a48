//! Statements of the studio's own.

use std::error::Error;
use std::pin::pin;

use async_trait::async_trait;
use bytes::{BufMut as _, BytesMut};
use futures_util::TryStreamExt as _;
use tavern_storage::{Sql, SqlRefused, SqlRows, SqlValue, StorageError};
use tokio_postgres::types::{Format, FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::values::Time;

type Failure = Box<dyn Error + Sync + Send>;

/// [`Sql`] in PostgreSQL.
pub(crate) struct PostgresSql(Pool);

impl PostgresSql {
    pub(crate) fn new(pool: Pool) -> Self {
        Self(pool)
    }
}

/// A value as the text of whatever type the parameter has.
#[derive(Debug)]
struct Given<'a>(&'a SqlValue);

impl ToSql for Given<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match self.0 {
            SqlValue::Null => return Ok(IsNull::Yes),
            SqlValue::Bool(yes) => out.put_slice(if *yes { b"true" } else { b"false" }),
            SqlValue::Int(n) => out.put_slice(n.to_string().as_bytes()),
            SqlValue::Float(n) => out.put_slice(n.to_string().as_bytes()),
            SqlValue::Text(text) => out.put_slice(text.as_bytes()),
            SqlValue::Bytes(bytes) if *of == Type::BYTEA => {
                out.put_slice(b"\\x");
                for byte in bytes {
                    out.put_slice(format!("{byte:02x}").as_bytes());
                }
            }
            SqlValue::Bytes(bytes) => out.put_slice(std::str::from_utf8(bytes)?.as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// A value of a row.
struct Taken(SqlValue);

impl<'a> FromSql<'a> for Taken {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        let text =
            |raw: &[u8]| Ok::<_, Failure>(SqlValue::Text(std::str::from_utf8(raw)?.to_owned()));
        Ok(Self(match *of {
            Type::BOOL => SqlValue::Bool(bool::from_sql(of, raw)?),
            Type::INT2 => SqlValue::Int(i16::from_sql(of, raw)?.into()),
            Type::INT4 => SqlValue::Int(i32::from_sql(of, raw)?.into()),
            Type::INT8 => SqlValue::Int(i64::from_sql(of, raw)?),
            Type::FLOAT4 => SqlValue::Float(f32::from_sql(of, raw)?.into()),
            Type::FLOAT8 => SqlValue::Float(f64::from_sql(of, raw)?),
            Type::TIMESTAMP | Type::TIMESTAMPTZ => {
                SqlValue::Int(Time::from_sql(&Type::TIMESTAMPTZ, raw)?.0.seconds())
            }
            Type::UUID => SqlValue::Text(Uuid::from_sql(of, raw)?.to_string()),
            Type::JSONB => text(raw.get(1..).unwrap_or_default())?,
            Type::BYTEA => SqlValue::Bytes(raw.to_vec()),
            _ => text(raw)?,
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Self(SqlValue::Null))
    }

    fn accepts(of: &Type) -> bool {
        matches!(
            *of,
            Type::BOOL
                | Type::INT2
                | Type::INT4
                | Type::INT8
                | Type::FLOAT4
                | Type::FLOAT8
                | Type::TIMESTAMP
                | Type::TIMESTAMPTZ
                | Type::UUID
                | Type::JSON
                | Type::JSONB
                | Type::BYTEA
                | Type::TEXT
                | Type::VARCHAR
                | Type::BPCHAR
                | Type::NAME
                | Type::UNKNOWN
        )
    }
}

fn values(row: &Row) -> Result<Vec<SqlValue>, tokio_postgres::Error> {
    (0..row.len()).map(|at| Ok(row.try_get::<_, Taken>(at)?.0)).collect()
}

/// What the database, or reading its answer, says against the statement itself.
fn refused<T>(error: tokio_postgres::Error) -> Result<Result<T, SqlRefused>, StorageError> {
    let of_database = error.as_db_error().map(|error| error.message().to_owned());
    let of_values = error.source().filter(|_| error.code().is_none() && !error.is_closed());
    match of_database.or_else(|| of_values.map(ToString::to_string)) {
        Some(why) => Ok(Err(SqlRefused(why))),
        None => Err(DbError::from(error).into()),
    }
}

/// A statement that takes as many parameters as are given.
async fn prepared(
    connection: &tokio_postgres::Client,
    statement: &str,
    given: usize,
) -> Result<Result<Statement, SqlRefused>, StorageError> {
    let statement = match connection.prepare(statement).await {
        Ok(statement) => statement,
        Err(error) => return refused(error),
    };
    let wanted = statement.params().len();
    if given != wanted {
        let why = format!("the statement has {wanted} parameters, not {given}");
        return Ok(Err(SqlRefused(why)));
    }
    Ok(Ok(statement))
}

#[async_trait]
impl Sql for PostgresSql {
    async fn exec(
        &self,
        statement: &str,
        params: &[SqlValue],
    ) -> Result<Result<u64, SqlRefused>, StorageError> {
        let connection = self.0.connection().await?;
        let statement = match prepared(&connection, statement, params.len()).await? {
            Ok(statement) => statement,
            Err(refused) => return Ok(Err(refused)),
        };
        let given: Vec<Given<'_>> = params.iter().map(Given).collect();
        match connection.execute_raw(&statement, given.iter()).await {
            Ok(touched) => Ok(Ok(touched)),
            Err(error) => refused(error),
        }
    }

    async fn query(
        &self,
        statement: &str,
        params: &[SqlValue],
        most: usize,
    ) -> Result<Result<SqlRows, SqlRefused>, StorageError> {
        let connection = self.0.connection().await?;
        let statement = match prepared(&connection, statement, params.len()).await? {
            Ok(statement) => statement,
            Err(refused) => return Ok(Err(refused)),
        };
        let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let given: Vec<Given<'_>> = params.iter().map(Given).collect();
        let found = match connection.query_raw(&statement, given.iter()).await {
            Ok(found) => found,
            Err(error) => return refused(error),
        };
        let mut found = pin!(found);
        let mut rows = Vec::new();
        loop {
            let row = match found.try_next().await {
                Ok(Some(row)) => values(&row),
                Ok(None) => return Ok(Ok(SqlRows { columns, rows })),
                Err(error) => return refused(error),
            };
            match row {
                Ok(_) if rows.len() == most => {
                    return Ok(Err(SqlRefused(format!("the statement answers over {most} rows"))));
                }
                Ok(row) => rows.push(row),
                Err(error) => return refused(error),
            }
        }
    }
}
