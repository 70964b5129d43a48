//! Notifications that wait for their readers.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    Notification, NotificationKey, NotificationPage, NotificationUpdate, Notifications,
    StorageError,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Pool;
use crate::error::DbError;
use crate::query::{Column, queries};
use crate::values::{JsonText, Time};

/// The columns of a notification.
macro_rules! notification {
    () => {
        "n.id, n.user_id, n.subject, n.content, n.code, n.sender_id, n.create_time"
    };
}
pub(crate) use notification as notification_columns;

/// Inserts from seven arrays, the first of which is this parameter and the others those behind it.
/// What is for nobody is left out.
macro_rules! insert_notifications {
    ($ids:literal, $users:literal, $subjects:literal, $contents:literal, $codes:literal,
     $senders:literal, $times:literal) => {
        concat!(
            "INSERT INTO notification \
                 (id, user_id, subject, content, code, sender_id, create_time) \
             SELECT n.id, n.user_id, n.subject, n.content, n.code, n.sender_id, n.create_time \
             FROM unnest(",
            $ids,
            "::uuid[], ",
            $users,
            "::uuid[], ",
            $subjects,
            "::text[], ",
            $contents,
            "::jsonb[], ",
            $codes,
            "::int2[], ",
            $senders,
            "::uuid[], ",
            $times,
            "::timestamptz[]) \
                 AS n (id, user_id, subject, content, code, sender_id, create_time) \
             JOIN users u ON u.id = n.user_id"
        )
    };
}
pub(crate) use insert_notifications;

queries!(NotificationQueries {
    insert: "notification_insert" =
        insert_notifications!("$1", "$2", "$3", "$4", "$5", "$6", "$7");
    list: "notification_list" = concat!(
        "SELECT ", notification!(), " FROM notification n \
         WHERE n.user_id = $1 AND (n.create_time, n.id) > ($2, $3) \
         ORDER BY n.create_time, n.id LIMIT $4");
    get: "notification_get" = concat!(
        "SELECT ", notification!(), " FROM notification n \
         WHERE n.id = ANY($1) AND ($2::uuid IS NULL OR n.user_id = $2) \
         ORDER BY n.create_time, n.id");
    delete: "notification_delete" =
        "DELETE FROM notification WHERE id = ANY($1) AND ($2::uuid IS NULL OR user_id = $2)";
    update: "notification_update" =
        "UPDATE notification n SET subject = coalesce(c.subject, n.subject), \
             content = coalesce(c.content, n.content), \
             sender_id = coalesce(c.sender_id, n.sender_id) \
         FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::uuid[]) \
             AS c (id, subject, content, sender_id) \
         WHERE n.id = c.id";
    recipients: "notification_recipients" =
        "SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2";
});

/// [`Notifications`] in PostgreSQL.
pub(crate) struct PostgresNotifications {
    pool: Pool,
    queries: NotificationQueries,
}

impl PostgresNotifications {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { queries: NotificationQueries::new(pool.metrics()), pool }
    }
}

/// Notifications as the arrays that [`insert_notifications`] takes.
pub(crate) struct Columns<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) users: Vec<Uuid>,
    pub(crate) subjects: Vec<&'a str>,
    pub(crate) contents: Vec<JsonText<'a>>,
    pub(crate) codes: Vec<i16>,
    pub(crate) senders: Vec<Uuid>,
    pub(crate) times: Vec<Time>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(notifications: &'a [Notification]) -> Result<Self, StorageError> {
        let code = |n: &Notification| {
            i16::try_from(n.code).map_err(|error| StorageError::DoesNotFit(error.into()))
        };
        Ok(Self {
            ids: notifications.iter().map(|n| n.id).collect(),
            users: notifications.iter().map(|n| n.user.0).collect(),
            subjects: notifications.iter().map(|n| &*n.subject).collect(),
            contents: notifications.iter().map(|n| JsonText(&n.content)).collect(),
            codes: notifications.iter().map(code).collect::<Result<_, _>>()?,
            senders: notifications.iter().map(|n| n.sender.0).collect(),
            times: notifications.iter().map(|n| Time(n.create_time)).collect(),
        })
    }
}

pub(crate) fn notification(row: &Row) -> Result<Notification, DbError> {
    Ok(Notification {
        id: row.column(0)?,
        user: UserId(row.column(1)?),
        subject: row.column(2)?,
        content: row.column::<JsonText<'_>>(3)?.into(),
        code: row.column::<i16>(4)?.into(),
        sender: UserId(row.column(5)?),
        create_time: row.column::<Time>(6)?.0,
    })
}

/// Before everything.
const FIRST: NotificationKey =
    NotificationKey { create_time: Timestamp::from_nanos(i64::MIN), id: Uuid::nil() };

#[async_trait]
impl Notifications for PostgresNotifications {
    async fn insert(&self, notifications: &[Notification]) -> Result<(), StorageError> {
        if notifications.is_empty() {
            return Ok(());
        }
        let new = Columns::of(notifications)?;
        let params: [&(dyn ToSql + Sync); 7] = [
            &new.ids,
            &new.users,
            &new.subjects,
            &new.contents,
            &new.codes,
            &new.senders,
            &new.times,
        ];
        self.pool.execute(&self.queries.insert, &params).await?;
        Ok(())
    }

    async fn list(
        &self,
        user: UserId,
        after: Option<NotificationKey>,
        limit: u32,
    ) -> Result<NotificationPage, StorageError> {
        let after = after.unwrap_or(FIRST);
        // One more tells whether there are more.
        let params: [&(dyn ToSql + Sync); 4] =
            [&user.0, &Time(after.create_time), &after.id, &(i64::from(limit) + 1)];
        let rows = self.pool.query(&self.queries.list, &params).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let notifications = rows.iter().take(limit).map(notification).collect::<Result<_, _>>()?;
        Ok(NotificationPage { notifications, more })
    }

    async fn get(
        &self,
        user: Option<UserId>,
        ids: &[Uuid],
    ) -> Result<Vec<Notification>, StorageError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let user = user.map(|user| user.0);
        let rows = self.pool.query(&self.queries.get, &[&ids, &user]).await?;
        Ok(rows.iter().map(notification).collect::<Result<_, _>>()?)
    }

    async fn delete(&self, user: Option<UserId>, ids: &[Uuid]) -> Result<(), StorageError> {
        if ids.is_empty() {
            return Ok(());
        }
        let user = user.map(|user| user.0);
        self.pool.execute(&self.queries.delete, &[&ids, &user]).await?;
        Ok(())
    }

    async fn update(&self, updates: &[NotificationUpdate]) -> Result<(), StorageError> {
        if updates.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = updates.iter().map(|u| u.id).collect();
        let subjects: Vec<Option<&str>> = updates.iter().map(|u| u.subject.as_deref()).collect();
        let contents: Vec<Option<JsonText<'_>>> =
            updates.iter().map(|u| u.content.as_deref().map(JsonText)).collect();
        let senders: Vec<Option<Uuid>> = updates.iter().map(|u| u.sender.map(|s| s.0)).collect();
        let params: [&(dyn ToSql + Sync); 4] = [&ids, &subjects, &contents, &senders];
        self.pool.execute(&self.queries.update, &params).await?;
        Ok(())
    }

    async fn recipients(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, StorageError> {
        // The system user has the lowest id of all.
        let after = after.map_or(Uuid::nil(), |user| user.0);
        let params: [&(dyn ToSql + Sync); 2] = [&after, &i64::from(limit)];
        let rows = self.pool.query(&self.queries.recipients, &params).await?;
        Ok(rows.iter().map(|row| row.column(0).map(UserId)).collect::<Result<_, _>>()?)
    }
}
