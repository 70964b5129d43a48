//! Saying, changing, removing and listing messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tavern_domain::{Clock, Entropy, Timestamp, UserId, check_json_object};
use tavern_storage::{Changed, Messages, NewMessage, StorageError};
use uuid::Uuid;

use crate::history::Walk;
use crate::{
    Author, Channel, ChannelKind, ChatError, ChatMessage, History, HistoryQuery, MAX_CONTENT_BYTES,
    MessageCode,
};

/// How far back, in microseconds, the clock may go without the order of messages following it.
const LARGEST_CORRECTION: i64 = 1_000_000;

/// The chat: rules over the kept messages.
///
/// Whether an author is in the channel is for the caller to check, who knows the presences; so is
/// sending what is answered here to everybody in it.
pub struct Chat {
    messages: Arc<dyn Messages>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Creation time of the newest message, in microseconds.
    newest: AtomicI64,
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat").finish_non_exhaustive()
    }
}

impl Chat {
    /// A chat over this store. Of several nodes each has its own.
    #[must_use]
    pub fn new(
        messages: Arc<dyn Messages>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { messages, clock, entropy, newest: AtomicI64::new(i64::MIN) }
    }

    /// The channel that a player asks to join, by channel type and target as in
    /// [`Channel::target`]. Changes nothing; safe to drop half-way.
    ///
    /// # Errors
    /// [`ChatError`] for a malformed target, or a channel that the player may not enter.
    pub async fn join(
        &self,
        caller: UserId,
        kind: i32,
        target: &str,
    ) -> Result<Channel, ChatError> {
        let channel = Channel::target(caller, kind, target)?;
        self.admit(Some(caller), &channel).await?;
        Ok(channel)
    }

    /// Says something in a channel, and keeps it if `persist` is set.
    ///
    /// Safe to drop half-way, but then nobody knows whether the message was kept.
    ///
    /// # Errors
    /// [`ChatError::Content`] for content that is no JSON object of at most
    /// [`MAX_CONTENT_BYTES`]; [`ChatError::Storage`].
    pub async fn send(
        &self,
        channel: &Channel,
        author: &Author,
        content: String,
        persist: bool,
    ) -> Result<ChatMessage, ChatError> {
        self.post(channel, MessageCode::CHAT, author, content, persist).await
    }

    /// Says something with a code of its own, as when a group's members change. Otherwise like
    /// [`Self::send`].
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn post(
        &self,
        channel: &Channel,
        code: MessageCode,
        author: &Author,
        content: String,
        persist: bool,
    ) -> Result<ChatMessage, ChatError> {
        check_content(&content)?;
        let now = self.next_time();
        let id = self.entropy.uuid_v4();
        if persist {
            let kept = self.messages.insert(NewMessage {
                id,
                code: code.0,
                sender: author.user,
                username: &author.username,
                stream: channel.stream(),
                content: &content,
                create_time: now,
            });
            kept.await.map_err(not_kept)?;
        }
        Ok(ChatMessage {
            channel: channel.clone(),
            id,
            code,
            author: author.clone(),
            content,
            create_time: now,
            update_time: now,
            persistent: persist,
        })
    }

    /// Changes what an author has said, in the history too if `persist` is set. Without it
    /// nothing is looked up, and the message counts as said now.
    ///
    /// Safe to drop half-way, but then nobody knows whether the message was changed.
    ///
    /// # Errors
    /// [`ChatError::Content`] as for [`Self::send`]; [`ChatError::NoSuchMessage`] unless it is the
    /// author's own message in this channel; [`ChatError::Storage`].
    pub async fn update(
        &self,
        channel: &Channel,
        id: Uuid,
        author: &Author,
        content: String,
        persist: bool,
    ) -> Result<ChatMessage, ChatError> {
        check_content(&content)?;
        let now = self.clock.now();
        let create_time = if persist {
            let (stream, name) = (channel.stream(), &author.username);
            let changed = self.messages.update(stream, id, author.user, name, &content, now);
            created(changed.await.map_err(not_kept)?)?
        } else {
            now
        };
        Ok(ChatMessage {
            channel: channel.clone(),
            id,
            code: MessageCode::UPDATE,
            author: author.clone(),
            content,
            create_time,
            update_time: now,
            persistent: persist,
        })
    }

    /// Takes back what an author has said, in the history too if `persist` is set. Otherwise like
    /// [`Self::update`]; the message answered has the content `{}`.
    ///
    /// # Errors
    /// [`ChatError::NoSuchMessage`] unless it is the author's own message in this channel;
    /// [`ChatError::Storage`].
    pub async fn remove(
        &self,
        channel: &Channel,
        id: Uuid,
        author: &Author,
        persist: bool,
    ) -> Result<ChatMessage, ChatError> {
        let now = self.clock.now();
        let create_time = if persist {
            created(self.messages.remove(channel.stream(), id, author.user).await?)?
        } else {
            now
        };
        Ok(ChatMessage {
            channel: channel.clone(),
            id,
            code: MessageCode::REMOVE,
            author: author.clone(),
            content: "{}".into(),
            create_time,
            update_time: now,
            persistent: persist,
        })
    }

    /// A part of a channel's history. Players (`Some`) may read what they may join; server code
    /// (`None`) may read everything. Changes nothing; safe to drop half-way.
    ///
    /// # Errors
    /// [`ChatError`] for a limit or cursor that is refused, or a channel that the player may not
    /// read; [`ChatError::Storage`].
    pub async fn history(
        &self,
        caller: Option<UserId>,
        channel: &Channel,
        query: HistoryQuery<'_>,
    ) -> Result<History, ChatError> {
        let walk = Walk::new(channel, query)?;
        self.admit(caller, channel).await?;
        let page = self.messages.list(channel.stream(), walk.request()).await?;
        Ok(walk.page(channel, page))
    }

    /// The one place that says who may be in a channel.
    ///
    /// Rooms are open. Whom a player may talk to and which groups they are in is for those who keep
    /// friends and groups to say; until somebody does, the answer is that of the protocol for users
    /// and groups that do not exist.
    async fn admit(&self, caller: Option<UserId>, channel: &Channel) -> Result<(), ChatError> {
        match (caller, channel.kind()) {
            (None, _) | (Some(_), ChannelKind::Room { .. }) => Ok(()),
            (Some(_), ChannelKind::Direct { .. }) => Err(ChatError::NoSuchUser),
            (Some(_), ChannelKind::Group { .. }) => Err(ChatError::NoSuchGroup),
        }
    }

    /// The time of a new message: now, but later by a microsecond than that of the one before.
    ///
    /// The history is ordered by time, then by random ids. Two messages of one microsecond, or
    /// the second one after the clock was corrected, would change places in it. A clock that goes
    /// back further than corrections do was wrong before: then it is followed.
    fn next_time(&self) -> Timestamp {
        let now = self.clock.now();
        let after = |newest: i64| match newest.saturating_sub(now.micros()) {
            0..=LARGEST_CORRECTION => newest.saturating_add(1),
            _ => now.micros(),
        };
        let (Ok(before) | Err(before)) =
            self.newest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(after(n)));
        let newest = after(before);
        if newest == now.micros() { now } else { Timestamp::from_micros(newest) }
    }
}

fn check_content(content: &str) -> Result<(), ChatError> {
    check_json_object(content, MAX_CONTENT_BYTES).map_err(ChatError::Content)
}

/// Names and rooms were checked, so what does not fit is the content: a number of a million
/// digits, say, of which only the store knows the limits.
fn not_kept(error: StorageError) -> ChatError {
    if matches!(error, StorageError::DoesNotFit(_)) {
        ChatError::NotKeepable(error)
    } else {
        ChatError::Storage(error)
    }
}

/// When a message was created that was changed, if it was.
fn created(changed: Changed) -> Result<Timestamp, ChatError> {
    match changed {
        Changed::Changed { create_time } => Ok(create_time),
        Changed::NotFound => Err(ChatError::NoSuchMessage),
    }
}
