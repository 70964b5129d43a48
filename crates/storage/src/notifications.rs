//! Notifications that wait for their readers.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use crate::StorageError;

/// A notification, kept or to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct Notification {
    pub id: Uuid,
    /// Whom it is for.
    pub user: UserId,
    /// At most 255 characters.
    pub subject: String,
    /// The text of a JSON object.
    pub content: String,
    /// Kept in 16 bits.
    pub code: i32,
    /// Nil for the server itself.
    pub sender: UserId,
    /// Kept in microseconds.
    pub create_time: Timestamp,
}

/// Where in a player's list a notification stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NotificationKey {
    /// Its creation time, in microseconds.
    pub create_time: Timestamp,
    /// Its id, for notifications of the same microsecond.
    pub id: Uuid,
}

/// A part of a player's list, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotificationPage {
    /// The notifications.
    pub notifications: Vec<Notification>,
    /// Whether there are newer ones behind the last.
    pub more: bool,
}

/// A change of a kept notification. What is `None` stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct NotificationUpdate {
    pub id: Uuid,
    pub subject: Option<String>,
    pub content: Option<String>,
    pub sender: Option<UserId>,
}

/// Notifications of players.
#[async_trait]
pub trait Notifications: Send + Sync + 'static {
    /// Keeps notifications, all in one round trip. Those for players that do not exist are left
    /// out.
    ///
    /// # Errors
    /// Besides the usual ones: [`StorageError::DoesNotFit`] for a subject, content or code that no
    /// store can keep, [`StorageError::Failed`] for an id that exists. Nothing is kept then.
    async fn insert(&self, notifications: &[Notification]) -> Result<(), StorageError>;

    /// A part of a player's list, oldest first, behind this one.
    async fn list(
        &self,
        user: UserId,
        after: Option<NotificationKey>,
        limit: u32,
    ) -> Result<NotificationPage, StorageError>;

    /// The kept notifications with these ids, of this player or of anybody, oldest first.
    async fn get(
        &self,
        user: Option<UserId>,
        ids: &[Uuid],
    ) -> Result<Vec<Notification>, StorageError>;

    /// Deletes notifications of this player, or of anybody. Unknown ids are fine.
    async fn delete(&self, user: Option<UserId>, ids: &[Uuid]) -> Result<(), StorageError>;

    /// Changes notifications, all or none; each id at most once. Unknown ids are fine.
    async fn update(&self, updates: &[NotificationUpdate]) -> Result<(), StorageError>;

    /// Ids of players behind this one, in the order of the ids: for what goes to everybody. The
    /// system user is none of them.
    async fn recipients(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, StorageError>;
}
