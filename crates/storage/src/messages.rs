//! Chat history.

use async_trait::async_trait;
use tavern_domain::{Stream, Timestamp, UserId};
use uuid::Uuid;

use crate::StorageError;

/// A message to be kept.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct NewMessage<'a> {
    pub id: Uuid,
    pub code: i16,
    pub sender: UserId,
    pub username: &'a str,
    pub stream: &'a Stream,
    /// The text of a JSON object.
    pub content: &'a str,
    /// Kept in microseconds; the update time is the same.
    pub create_time: Timestamp,
}

/// A kept message.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct Message {
    pub id: Uuid,
    pub code: i16,
    pub sender: UserId,
    pub username: String,
    pub content: String,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// Where in the history of a stream a message stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MessageKey {
    /// Its creation time, in microseconds.
    pub create_time: Timestamp,
    /// Its id, for messages of the same microsecond.
    pub id: Uuid,
}

/// Which way to walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From older to newer.
    Forward,
    /// From newer to older.
    Backward,
}

/// A part of a history.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// Most messages, at least 1.
    pub limit: u32,
    /// Which way to walk.
    pub direction: Direction,
    /// Begin behind this one, in that direction; `None` begins at the end.
    pub after: Option<MessageKey>,
}

/// A part of a history, in the order walked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// What came of changing a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Changed {
    /// Done; the message's creation time.
    Changed {
        /// When the message was created.
        create_time: Timestamp,
    },
    /// There is no such message of this sender on this stream.
    NotFound,
}

/// Chat messages of streams.
#[async_trait]
pub trait Messages: Send + Sync + 'static {
    /// Keeps a message; one round trip.
    ///
    /// # Errors
    /// Besides the usual ones: [`StorageError::DoesNotFit`] for content that no store can keep,
    /// [`StorageError::Failed`] for an id that exists or a sender without an account (the system
    /// has one).
    async fn insert(&self, message: NewMessage<'_>) -> Result<(), StorageError>;

    /// Replaces the content of a sender's own message and the name shown with it, and moves its
    /// update time.
    async fn update(
        &self,
        stream: &Stream,
        id: Uuid,
        sender: UserId,
        username: &str,
        content: &str,
        now: Timestamp,
    ) -> Result<Changed, StorageError>;

    /// Deletes a sender's own message.
    async fn remove(
        &self,
        stream: &Stream,
        id: Uuid,
        sender: UserId,
    ) -> Result<Changed, StorageError>;

    /// A part of a stream's history, in the order of the [`MessageKey`]s or backwards.
    async fn list(&self, stream: &Stream, page: PageRequest) -> Result<MessagePage, StorageError>;
}
