//! Chat history.

use async_trait::async_trait;
use tavern_domain::{Stream, Timestamp, UserId};
use tavern_storage::{
    Changed, Direction, Message, MessageKey, MessagePage, Messages, NewMessage, PageRequest,
    StorageError,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, queries};
use crate::values::{JsonText, Time};

/// A part of one stream's history, beyond a key.
macro_rules! list {
    ($beyond:literal, $order:literal) => {
        concat!(
            "SELECT id, code, sender_id, username, content, create_time, update_time \
             FROM message \
             WHERE stream_mode = $1 AND stream_subject = $2 AND stream_descriptor = $3 \
                 AND stream_label = $4 AND (create_time, id) ",
            $beyond,
            " ($5, $6) ORDER BY create_time ",
            $order,
            ", id ",
            $order,
            " LIMIT $7"
        )
    };
}

queries!(MessageQueries {
    insert: "message_insert" =
        "INSERT INTO message (stream_mode, stream_subject, stream_descriptor, stream_label, \
             id, code, sender_id, username, content, create_time, update_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
    update: "message_update" =
        "UPDATE message SET username = $7, content = $8, update_time = $9 \
         WHERE stream_mode = $1 AND stream_subject = $2 AND stream_descriptor = $3 \
             AND stream_label = $4 AND id = $5 AND sender_id = $6 \
         RETURNING create_time";
    remove: "message_remove" =
        "DELETE FROM message \
         WHERE stream_mode = $1 AND stream_subject = $2 AND stream_descriptor = $3 \
             AND stream_label = $4 AND id = $5 AND sender_id = $6 \
         RETURNING create_time";
    forward: "message_list" = list!(">", "ASC");
    backward: "message_list" = list!("<", "DESC");
});

/// [`Messages`] in PostgreSQL.
pub(crate) struct PostgresMessages {
    pool: Pool,
    queries: MessageQueries,
}

impl PostgresMessages {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: MessageQueries::new(pool.metrics()), pool }
    }
}

/// Before everything.
const FIRST: MessageKey =
    MessageKey { create_time: Timestamp::from_nanos(i64::MIN), id: Uuid::nil() };
/// Behind everything.
const LAST: MessageKey =
    MessageKey { create_time: Timestamp::from_nanos(i64::MAX), id: Uuid::max() };

/// From the columns that a list has.
pub(crate) fn message(row: &Row) -> Result<Message, DbError> {
    Ok(Message {
        id: row.column(0)?,
        code: row.column(1)?,
        sender: UserId(row.column(2)?),
        username: row.column(3)?,
        content: row.column::<JsonText<'_>>(4)?.into(),
        create_time: row.column::<Time>(5)?.0,
        update_time: row.column::<Time>(6)?.0,
    })
}

fn changed(row: Option<Row>) -> Result<Changed, StorageError> {
    match row {
        Some(row) => Ok(Changed::Changed { create_time: row.column::<Time>(0)?.0 }),
        None => Ok(Changed::NotFound),
    }
}

#[async_trait]
impl Messages for PostgresMessages {
    async fn insert(&self, message: NewMessage<'_>) -> Result<(), StorageError> {
        let stream = message.stream;
        let params: [&(dyn ToSql + Sync); 10] = [
            &i16::from(stream.mode.0),
            &stream.subject,
            &stream.subcontext,
            &&*stream.label,
            &message.id,
            &message.code,
            &message.sender.0,
            &message.username,
            &JsonText(message.content),
            &Time(message.create_time),
        ];
        self.pool.execute(&self.queries.insert, &params).await?;
        Ok(())
    }

    async fn update(
        &self,
        stream: &Stream,
        id: Uuid,
        sender: UserId,
        username: &str,
        content: &str,
        now: Timestamp,
    ) -> Result<Changed, StorageError> {
        let params: [&(dyn ToSql + Sync); 9] = [
            &i16::from(stream.mode.0),
            &stream.subject,
            &stream.subcontext,
            &&*stream.label,
            &id,
            &sender.0,
            &username,
            &JsonText(content),
            &Time(now),
        ];
        changed(self.pool.query_opt(&self.queries.update, &params).await?)
    }

    async fn remove(
        &self,
        stream: &Stream,
        id: Uuid,
        sender: UserId,
    ) -> Result<Changed, StorageError> {
        let params: [&(dyn ToSql + Sync); 6] = [
            &i16::from(stream.mode.0),
            &stream.subject,
            &stream.subcontext,
            &&*stream.label,
            &id,
            &sender.0,
        ];
        changed(self.pool.query_opt(&self.queries.remove, &params).await?)
    }

    async fn list(&self, stream: &Stream, page: PageRequest) -> Result<MessagePage, StorageError> {
        let (query, end) = match page.direction {
            Direction::Forward => (&self.queries.forward, FIRST),
            Direction::Backward => (&self.queries.backward, LAST),
        };
        let after = page.after.unwrap_or(end);
        // One more tells whether there are more.
        let params: [&(dyn ToSql + Sync); 7] = [
            &i16::from(stream.mode.0),
            &stream.subject,
            &stream.subcontext,
            &&*stream.label,
            &Time(after.create_time),
            &after.id,
            &(i64::from(page.limit) + 1),
        ];
        let rows = self.pool.query(query, &params).await?;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let messages = rows.iter().take(limit).map(message).collect::<Result<_, _>>()?;
        Ok(MessagePage { messages, more })
    }
}
