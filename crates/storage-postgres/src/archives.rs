//! All that is kept of one account, to be taken away and brought back.

mod import;

use std::sync::Arc;

use async_trait::async_trait;
use tavern_domain::{Stream, StreamMode, Timestamp, UserId};
use tavern_storage::{
    Archive, ArchiveBounds, ArchivedFriend, ArchivedMessage, ArchivedRecord, Archives, ImportInto,
    ImportRefused, NotArchived, Object, ObjectKey, StorageError,
};
use tokio_postgres::Row;

use self::import::ImportQueries;
use crate::Pool;
use crate::accounts::{rows, user_columns};
use crate::error::DbError;
use crate::friends::friend_state;
use crate::groups::{group, group_columns};
use crate::leaderboards::rows as boards;
use crate::leaderboards::rows::record;
use crate::messages::message;
use crate::notifications::{notification, notification_columns};
use crate::objects::{object, object_columns};
use crate::query::{Column, Params, queries};
use crate::transaction::Transaction;
use crate::values::{JsonText, Time};
use crate::wallets::entry;

queries!(ArchiveQueries {
    /// Everything that follows is read as it was at one moment. It takes no snapshot itself, or it
    /// would be refused: only the first statement that reads does.
    one_moment: "account_export" = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
    /// How many rows and bytes there are to read. No list is counted beyond `$2`, so that a player
    /// with millions of messages costs no more than is allowed.
    measure: "account_export" =
        "SELECT count(*), coalesce(sum(bytes), 0)::int8 FROM (\
             (SELECT octet_length(value::text) FROM storage WHERE user_id = $1 LIMIT $2) \
             UNION ALL \
             (SELECT octet_length(metadata::text) FROM user_edge WHERE source_id = $1 LIMIT $2) \
             UNION ALL \
             (SELECT octet_length(g.metadata::text) + coalesce(octet_length(g.description), 0) \
              FROM group_edge e JOIN groups g ON g.id = e.destination_id \
              WHERE e.source_id = $1 LIMIT $2) \
             UNION ALL \
             (SELECT octet_length(content::text) FROM message WHERE sender_id = $1 LIMIT $2) \
             UNION ALL \
             (SELECT octet_length(metadata::text) FROM leaderboard_record WHERE owner_id = $1 \
              LIMIT $2) \
             UNION ALL \
             (SELECT octet_length(content::text) FROM notification WHERE user_id = $1 LIMIT $2) \
             UNION ALL \
             (SELECT octet_length(changeset::text) + octet_length(metadata::text) \
              FROM wallet_ledger WHERE user_id = $1 LIMIT $2)) AS kept (bytes)";
    account: "account_export" = concat!(
        "SELECT ", user_columns!(), ", u.wallet, u.email, u.custom_id, u.verify_time, \
             u.disable_time, ARRAY(SELECT d.id FROM user_device d WHERE d.user_id = u.id) \
         FROM users u WHERE u.id = $1");
    objects: "account_export" = concat!(
        "SELECT s.collection, s.key, ", object_columns!(), " FROM storage s WHERE s.user_id = $1 \
         ORDER BY s.collection COLLATE \"C\", s.key COLLATE \"C\"");
    friends: "account_export" =
        "SELECT e.destination_id, e.state, e.update_time, e.metadata \
         FROM user_edge e JOIN users u ON u.id = e.destination_id \
         WHERE e.source_id = $1 ORDER BY e.state, e.position";
    groups: "account_export" = concat!(
        "SELECT ", group_columns!(), " FROM group_edge e JOIN groups g ON g.id = e.destination_id \
         WHERE e.source_id = $1 ORDER BY e.state, e.position");
    messages: "account_export" =
        "SELECT id, code, sender_id, username, content, create_time, update_time, \
             stream_mode, stream_subject, stream_descriptor, stream_label \
         FROM message WHERE sender_id = $1 ORDER BY create_time, id";
    records: "account_export" = concat!(
        "SELECT ", record!(), ", leaderboard_id, expiry_time FROM leaderboard_record \
         WHERE owner_id = $1 ORDER BY leaderboard_id COLLATE \"C\", expiry_time");
    notifications: "account_export" = concat!(
        "SELECT ", notification_columns!(), " FROM notification n WHERE n.user_id = $1 \
         ORDER BY n.create_time, n.id");
    ledger: "account_export" =
        "SELECT id, changeset, metadata, create_time, update_time FROM wallet_ledger \
         WHERE user_id = $1 ORDER BY create_time DESC, id DESC";
});

/// [`Archives`] in PostgreSQL.
pub(crate) struct PostgresArchives {
    pool: Pool,
    queries: ArchiveQueries,
    import: ImportQueries,
}

fn owned(row: &Row, user: UserId) -> Result<Object, DbError> {
    object(row, 2, ObjectKey { collection: row.column(0)?, key: row.column(1)?, user })
}

fn friend(row: &Row) -> Result<ArchivedFriend, DbError> {
    Ok(ArchivedFriend {
        user: UserId(row.column(0)?),
        state: friend_state(row.column(1)?)?,
        update_time: row.column::<Time>(2)?.0,
        metadata: row.column::<JsonText<'_>>(3)?.into(),
    })
}

fn sent(row: &Row) -> Result<ArchivedMessage, DbError> {
    let mode = u8::try_from(row.column::<i16>(7)?)
        .map_err(|_| DbError::Nonsense("the mode of a stream outside its range".into()))?;
    let stream = Stream {
        mode: StreamMode(mode),
        subject: row.column(8)?,
        subcontext: row.column(9)?,
        label: Arc::from(row.column::<&str>(10)?),
    };
    Ok(ArchivedMessage { stream, message: message(row)? })
}

fn recorded(row: &Row) -> Result<ArchivedRecord, DbError> {
    Ok(ArchivedRecord {
        record: boards::record_at(row, 0)?,
        board: row.column(9)?,
        expiry: row.column::<Time>(10)?.unless_epoch(),
    })
}

fn all<T>(rows: &[Row], of: impl Fn(&Row) -> Result<T, DbError>) -> Result<Vec<T>, DbError> {
    rows.iter().map(of).collect()
}

impl PostgresArchives {
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            queries: ArchiveQueries::new(pool.metrics()),
            import: ImportQueries::new(pool.metrics()),
            pool,
        }
    }

    /// Two round trips: how much there is, and what. The transaction ends with a rollback: it has
    /// changed nothing.
    async fn read(
        &self,
        mut transaction: Transaction,
        user: UserId,
        most: ArchiveBounds,
    ) -> Result<Result<Archive, NotArchived>, DbError> {
        let q = &self.queries;
        let of: Params<'_> = &[&user.0];
        let asked: Params<'_> = &[&user.0, &(i64::from(most.rows) + 1)];
        let [_, measured] =
            transaction.together([(&q.one_moment, &[]), (&q.measure, asked)]).await?;
        let measured = measured.first().ok_or(DbError::Nonsense("no count".into()))?;
        let (rows, bytes) = (measured.column::<i64>(0)?, measured.column::<i64>(1)?);
        if rows > i64::from(most.rows) || u64::try_from(bytes).is_ok_and(|n| n > most.bytes) {
            return Ok(Err(NotArchived::TooMuch));
        }
        let [account, objects, friends, groups, messages, records, notifications, ledger] =
            transaction
                .together([
                    (&q.account, of),
                    (&q.objects, of),
                    (&q.friends, of),
                    (&q.groups, of),
                    (&q.messages, of),
                    (&q.records, of),
                    (&q.notifications, of),
                    (&q.ledger, of),
                ])
                .await?;
        let Some(account) = account.first() else { return Ok(Err(NotArchived::NoAccount)) };
        Ok(Ok(Archive {
            account: rows::account(account)?,
            objects: all(&objects, |row| owned(row, user))?,
            friends: all(&friends, friend)?,
            groups: all(&groups, group)?,
            messages: all(&messages, sent)?,
            records: all(&records, recorded)?,
            notifications: all(&notifications, notification)?,
            ledger: all(&ledger, |row| entry(row, user))?,
        }))
    }
}

#[async_trait]
impl Archives for PostgresArchives {
    async fn export(
        &self,
        user: UserId,
        most: ArchiveBounds,
    ) -> Result<Result<Archive, NotArchived>, StorageError> {
        Ok(self.pool.transaction(|transaction| self.read(transaction, user, most)).await?)
    }

    async fn import(
        &self,
        into: ImportInto<'_>,
        objects: &[Object],
        now: Timestamp,
    ) -> Result<Result<(), ImportRefused>, StorageError> {
        self.import.run(&self.pool, into, objects, now).await
    }
}
