//! Notifications: kept for those who are away, shown to those who are there.

use std::sync::Arc;

use tavern_domain::{
    Classify, CursorScope, Entropy, ErrorCode, InvalidCursor, JsonObjectError, Timestamp, UserId,
    check_json_object,
};
use tavern_storage::{
    Notification as Kept, NotificationKey, NotificationUpdate, Notifications as Store, StorageError,
};
use uuid::Uuid;

use crate::live::Sockets;
use crate::times::Times;
use crate::{MAX_CONTENT_BYTES, edges};

/// Most notifications on a page.
pub const MAX_NOTIFICATIONS: u32 = 100;
/// Most characters of a subject; it has at least one.
pub const MAX_SUBJECT_CHARS: usize = 255;
/// Most notifications of one call.
pub const MAX_NOTIFICATION_BATCH: usize = 10_000;
/// How many players at a time are told what everybody is told.
const EVERYBODY_AT_A_TIME: u32 = 5_000;

/// What a notification is about. The numbers are those of the protocol; those of server code are
/// above zero, or from -2000 to -1000.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NotificationCode(pub i32);

impl NotificationCode {
    /// Somebody has opened a direct chat.
    pub const DIRECT_CHAT: Self = Self(-1);
    /// Somebody asks to be friends.
    pub const FRIEND_REQUEST: Self = Self(-2);
    /// Somebody has agreed to be friends.
    pub const FRIEND_ACCEPTED: Self = Self(-3);
    /// One was added to a group.
    pub const GROUP_ADDED: Self = Self(-4);
    /// Somebody asks to join a group of which one is an admin.
    pub const GROUP_JOIN_REQUEST: Self = Self(-5);
    /// A friend of a social network plays, too.
    pub const FRIEND_JOINED_GAME: Self = Self(-6);
    /// A newer socket has replaced this one.
    pub const SINGLE_SOCKET: Self = Self(-7);
    /// One was banned.
    pub const BANNED: Self = Self(-8);
    /// Somebody is no longer a friend.
    pub const FRIEND_REMOVED: Self = Self(-9);

    /// Whether server code may use it.
    #[must_use]
    pub const fn is_free(self) -> bool {
        self.0 > 0 || (-2_000 <= self.0 && self.0 <= -1_000)
    }
}

/// A notification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    /// What it says, to whom.
    pub kept: Kept,
    /// Whether it is, or was, in the list.
    pub persistent: bool,
}

/// A notification to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the protocol")]
pub struct NewNotification {
    pub user: UserId,
    /// 1 to [`MAX_SUBJECT_CHARS`] characters.
    pub subject: String,
    /// The text of a JSON object of at most [`MAX_CONTENT_BYTES`].
    pub content: String,
    pub code: NotificationCode,
    /// Nil for the server itself.
    pub sender: UserId,
    /// Whether it is kept for later.
    pub persistent: bool,
}

/// A part of a player's list, oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotificationList {
    /// The notifications.
    pub notifications: Vec<Kept>,
    /// To be kept for later: gives what is newer than the last one listed.
    pub cacheable_cursor: String,
    /// Whether there is more already.
    pub more: bool,
}

/// Why something about notifications is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotificationError {
    /// An empty or too long subject.
    #[error("a notification's subject has 1 to {MAX_SUBJECT_CHARS} characters")]
    Subject,
    /// Content that is no JSON object, or too big.
    #[error("a notification's content must be a JSON object of at most {MAX_CONTENT_BYTES} bytes")]
    Content(#[source] JsonObjectError),
    /// A code that server code may not use.
    #[error("a notification's code must be above zero, or from -2000 to -1000")]
    Code,
    /// More than one call may name.
    #[error("at most {MAX_NOTIFICATION_BATCH} notifications at a time")]
    TooMany,
    /// A text that is no notification id.
    #[error("invalid notification id")]
    Id,
    /// A page size outside its range.
    #[error("the limit is outside its range, which begins at 1")]
    Limit,
    /// A cursor that is none, or one of another player.
    #[error("invalid cursor")]
    Cursor(#[source] InvalidCursor),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for NotificationError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Subject
            | Self::Content(_)
            | Self::Code
            | Self::TooMany
            | Self::Id
            | Self::Limit
            | Self::Cursor(_) => ErrorCode::InvalidArgument,
            Self::Storage(error) => error.code(),
        }
    }
}

/// The notifications: rules over those that are kept, and the way to those who are there.
pub struct Notifications {
    store: Arc<dyn Store>,
    times: Arc<Times>,
    entropy: Arc<dyn Entropy>,
    sockets: Arc<Sockets>,
}

impl std::fmt::Debug for Notifications {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifications").finish_non_exhaustive()
    }
}

impl Notifications {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        times: Arc<Times>,
        entropy: Arc<dyn Entropy>,
        sockets: Arc<Sockets>,
    ) -> Self {
        Self { store, times, entropy, sockets }
    }

    /// Keeps what is persistent, in one round trip, and shows all to those who are there. What is
    /// for nobody is passed over.
    ///
    /// # Errors
    /// [`NotificationError`] for a subject or content that is refused, or too many; then nothing
    /// is sent. [`NotificationError::Storage`].
    pub async fn send(&self, new: Vec<NewNotification>) -> Result<(), NotificationError> {
        if new.len() > MAX_NOTIFICATION_BATCH {
            return Err(NotificationError::TooMany);
        }
        for new in &new {
            check(&new.subject, &new.content)?;
        }
        let all: Vec<Notification> = new.into_iter().map(|new| self.build(new)).collect();
        let kept: Vec<Kept> = all.iter().filter(|n| n.persistent).map(|n| n.kept.clone()).collect();
        if !kept.is_empty() {
            self.store.insert(&kept).await?;
        }
        self.sockets.live.notify(&all);
        Ok(())
    }

    /// Sends one to every player there is, if it is persistent, else to every open socket. Whom
    /// it says it is for does not matter. Those who are told already stay told if it fails
    /// half-way.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn send_to_everybody(&self, new: NewNotification) -> Result<(), NotificationError> {
        check(&new.subject, &new.content)?;
        if !new.persistent {
            self.sockets.live.notify_everybody(&self.build(new));
            return Ok(());
        }
        let mut after = None;
        loop {
            let users = self.store.recipients(after, EVERYBODY_AT_A_TIME).await?;
            let Some(last) = users.last() else { return Ok(()) };
            after = Some(*last);
            let batch: Vec<Notification> = users
                .iter()
                .map(|user| self.build(NewNotification { user: *user, ..new.clone() }))
                .collect();
            let kept: Vec<Kept> = batch.iter().map(|n| n.kept.clone()).collect();
            self.store.insert(&kept).await?;
            self.sockets.live.notify(&batch);
        }
    }

    /// Shows one to those who are there and keeps it for nobody, as when their sockets are about to
    /// close. Refuses nothing and never waits: for texts of the server's own.
    pub fn show(&self, user: UserId, code: NotificationCode, subject: &str) {
        let new = NewNotification {
            user,
            subject: subject.to_owned(),
            content: "{}".to_owned(),
            code,
            sender: UserId::NIL,
            persistent: false,
        };
        self.sockets.live.notify(&[self.build(new)]);
    }

    /// A part of a player's list: oldest first, behind the cursor. Changes nothing.
    ///
    /// `limit` is 1 to [`MAX_NOTIFICATIONS`], and 1 unless given.
    ///
    /// # Errors
    /// [`NotificationError::Limit`], [`NotificationError::Cursor`], [`NotificationError::Storage`].
    pub async fn list(
        &self,
        user: UserId,
        limit: Option<i32>,
        cursor: &str,
    ) -> Result<NotificationList, NotificationError> {
        let limit = edges::limit(limit, 1, MAX_NOTIFICATIONS).ok_or(NotificationError::Limit)?;
        self.page(user, limit, cursor).await
    }

    /// The same for server code, which gets up to 1,000, and 100 unless it says.
    ///
    /// # Errors
    /// As for [`Self::list`].
    pub async fn list_for_server(
        &self,
        user: UserId,
        limit: Option<i32>,
        cursor: &str,
    ) -> Result<NotificationList, NotificationError> {
        let limit = edges::limit(limit, 100, 1_000).ok_or(NotificationError::Limit)?;
        self.page(user, limit, cursor).await
    }

    async fn page(
        &self,
        user: UserId,
        limit: u32,
        cursor: &str,
    ) -> Result<NotificationList, NotificationError> {
        let after = decode(user, cursor).map_err(NotificationError::Cursor)?;
        let page = self.store.list(user, after, limit).await?;
        let last = page.notifications.last();
        // An empty page leaves a reader where they were.
        let at = last.map(|n| NotificationKey { create_time: n.create_time, id: n.id }).or(after);
        Ok(NotificationList {
            cacheable_cursor: encode(user, at),
            notifications: page.notifications,
            more: page.more,
        })
    }

    /// Deletes notifications of this player, or of anybody. Unknown ids are fine.
    ///
    /// # Errors
    /// [`NotificationError::TooMany`], [`NotificationError::Storage`].
    pub async fn delete(
        &self,
        user: Option<UserId>,
        ids: &[Uuid],
    ) -> Result<(), NotificationError> {
        if ids.len() > MAX_NOTIFICATION_BATCH {
            return Err(NotificationError::TooMany);
        }
        Ok(self.store.delete(user, ids).await?)
    }

    /// The kept notifications with these ids, of this player or of anybody, oldest first.
    ///
    /// # Errors
    /// [`NotificationError::TooMany`], [`NotificationError::Storage`].
    pub async fn get(
        &self,
        user: Option<UserId>,
        ids: &[Uuid],
    ) -> Result<Vec<Kept>, NotificationError> {
        if ids.len() > MAX_NOTIFICATION_BATCH {
            return Err(NotificationError::TooMany);
        }
        Ok(self.store.get(user, ids).await?)
    }

    /// Changes kept notifications, all or none; of two changes of one the last counts.
    ///
    /// # Errors
    /// [`NotificationError`] for a subject or content that is refused, or too many;
    /// [`NotificationError::Storage`].
    pub async fn update(&self, updates: Vec<NotificationUpdate>) -> Result<(), NotificationError> {
        if updates.len() > MAX_NOTIFICATION_BATCH {
            return Err(NotificationError::TooMany);
        }
        let mut each = std::collections::BTreeMap::new();
        for update in updates {
            if let Some(subject) = &update.subject {
                check_subject(subject)?;
            }
            if let Some(content) = &update.content {
                check_json_object(content, MAX_CONTENT_BYTES)
                    .map_err(NotificationError::Content)?;
            }
            each.insert(update.id, update);
        }
        let updates: Vec<NotificationUpdate> = each.into_values().collect();
        Ok(self.store.update(&updates).await?)
    }

    /// A notification of the server's own, to be kept by whoever keeps what it is about.
    pub(crate) fn draft(
        &self,
        user: UserId,
        code: NotificationCode,
        subject: String,
        content: &serde_json::Value,
        sender: UserId,
    ) -> Kept {
        let subject = subject.chars().take(MAX_SUBJECT_CHARS).collect();
        let content = content.to_string();
        let new = NewNotification { user, subject, content, code, sender, persistent: true };
        self.build(new).kept
    }

    /// Shows what was kept to those who are there.
    pub(crate) fn deliver(&self, kept: &[Kept]) {
        if kept.is_empty() {
            return;
        }
        let all: Vec<Notification> =
            kept.iter().map(|kept| Notification { kept: kept.clone(), persistent: true }).collect();
        self.sockets.live.notify(&all);
    }

    fn build(&self, new: NewNotification) -> Notification {
        let kept = Kept {
            id: self.entropy.uuid_v4(),
            user: new.user,
            subject: new.subject,
            content: new.content,
            code: new.code.0,
            sender: new.sender,
            create_time: self.times.next(),
        };
        Notification { kept, persistent: new.persistent }
    }
}

fn check_subject(subject: &str) -> Result<(), NotificationError> {
    let fine = !subject.is_empty()
        && !subject.contains('\0')
        && subject.chars().count() <= MAX_SUBJECT_CHARS;
    if fine { Ok(()) } else { Err(NotificationError::Subject) }
}

fn check(subject: &str, content: &str) -> Result<(), NotificationError> {
    check_subject(subject)?;
    check_json_object(content, MAX_CONTENT_BYTES).map_err(NotificationError::Content)
}

/// Reads a notification id.
///
/// # Errors
/// [`NotificationError::Id`] unless it is a hyphenated UUID.
pub fn parse_notification_id(text: &str) -> Result<Uuid, NotificationError> {
    // Ids of users are written the same way.
    text.parse::<UserId>().map(|id| id.0).map_err(|_| NotificationError::Id)
}

fn scope(user: &UserId) -> CursorScope<'_> {
    CursorScope { list: "notifications 1", about: user.0.as_bytes() }
}

/// `None` stands before everything, so that an empty list has a cursor, too.
fn encode(user: UserId, at: Option<NotificationKey>) -> String {
    let Some(at) = at else { return scope(&user).encode(&[]) };
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&at.create_time.micros().to_be_bytes());
    bytes[8..].copy_from_slice(at.id.as_bytes());
    scope(&user).encode(&bytes)
}

fn decode(user: UserId, text: &str) -> Result<Option<NotificationKey>, InvalidCursor> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = scope(&user).decode(text)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let bytes: [u8; 24] = bytes.try_into().map_err(|_| InvalidCursor)?;
    let (micros, id) = bytes.split_at(8);
    let micros = i64::from_be_bytes(micros.try_into().map_err(|_| InvalidCursor)?);
    let create_time = Timestamp::from_micros(micros);
    // Times beyond the range belong to no notification.
    if create_time.micros() != micros {
        return Err(InvalidCursor);
    }
    let id = Uuid::from_slice(id).map_err(|_| InvalidCursor)?;
    Ok(Some(NotificationKey { create_time, id }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn server_code_has_its_own_codes() {
        for free in [1, 101, i32::MAX, -1_000, -2_000] {
            assert!(NotificationCode(free).is_free(), "{free}");
        }
        for taken in [0, -1, -9, -999, -2_001, i32::MIN] {
            assert!(!NotificationCode(taken).is_free(), "{taken}");
        }
    }

    proptest! {
        #[test]
        fn cursors_round_trip_for_their_player_only(
            micros in 0..i64::MAX / 1_000,
            id: u128,
            user: u128,
        ) {
            let user = UserId(Uuid::from_u128(user));
            let create_time = Timestamp::from_micros(micros);
            for at in [None, Some(NotificationKey { create_time, id: Uuid::from_u128(id) })] {
                let text = encode(user, at);
                prop_assert_eq!(decode(user, &text), Ok(at));
                let other = UserId(Uuid::from_u128(!user.0.as_u128()));
                prop_assert!(decode(other, &text).is_err());
            }
        }

        #[test]
        fn decoding_never_panics(text: String, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(text.is_empty() || decode(UserId::NIL, &text).is_err());
            let _outcome = decode(UserId::NIL, &scope(&UserId::NIL).encode(&bytes));
        }
    }
}
