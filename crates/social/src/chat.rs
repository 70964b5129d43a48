//! Saying, changing, removing and listing messages.

use std::sync::Arc;

use tavern_domain::{Entropy, Timestamp, UserId, check_json_object};
use tavern_storage::{
    Changed, FriendState, Friends, GroupState, Groups, Messages, NewMessage, StorageError,
};
use uuid::Uuid;

use crate::history::Walk;
use crate::live::Sockets;
use crate::times::Times;
use crate::{
    Author, Channel, ChannelKind, ChatError, ChatMessage, History, HistoryQuery, MAX_CONTENT_BYTES,
    MAX_SUBJECT_CHARS, MessageCode, NewNotification, NotificationCode, NotificationError,
    Notifications,
};

/// The chat: rules over the kept messages.
///
/// Whether an author is in the channel is for the caller to check, who knows the presences; so is
/// sending what is answered here to everybody in it.
pub struct Chat {
    messages: Arc<dyn Messages>,
    friends: Arc<dyn Friends>,
    groups: Arc<dyn Groups>,
    times: Arc<Times>,
    entropy: Arc<dyn Entropy>,
    notifications: Arc<Notifications>,
    sockets: Arc<Sockets>,
}

/// What a chat is made of.
pub(crate) struct Parts {
    pub(crate) messages: Arc<dyn Messages>,
    pub(crate) friends: Arc<dyn Friends>,
    pub(crate) groups: Arc<dyn Groups>,
    pub(crate) times: Arc<Times>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) notifications: Arc<Notifications>,
    pub(crate) sockets: Arc<Sockets>,
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat").finish_non_exhaustive()
    }
}

impl Chat {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { messages, friends, groups, times, entropy, notifications, sockets } = parts;
        Self { messages, friends, groups, times, entropy, notifications, sockets }
    }

    /// How often somebody was taken off a channel.
    ///
    /// Whoever puts a player onto a channel after [`Self::join`] has let them in reads this before
    /// and afterwards: if it has changed, the right may be gone, and [`Self::admit`] must say once
    /// more.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.sockets.evictions()
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
        self.admit(caller, &channel).await?;
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
        let now = self.times.next();
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
        let now = self.times.now();
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
        let now = self.times.now();
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
        if let Some(caller) = caller {
            self.may_read(caller, channel).await?;
        }
        let page = self.messages.list(channel.stream(), walk.request()).await?;
        Ok(walk.page(channel, page))
    }

    /// Shows a message to everybody in its channel. Only for whoever does not send it themselves.
    pub fn announce(&self, message: &ChatMessage) {
        self.sockets.live.said(message);
    }

    /// Tells a player that somebody has opened a direct chat with them.
    ///
    /// # Errors
    /// [`NotificationError::Storage`].
    pub async fn tell_of_direct(
        &self,
        who: &Author,
        other: UserId,
    ) -> Result<(), NotificationError> {
        let name = &who.username;
        let subject: String = name.chars().take(MAX_SUBJECT_CHARS / 2).collect();
        let new = NewNotification {
            user: other,
            subject: format!("{subject} would like to chat"),
            content: serde_json::json!({ "username": &**name }).to_string(),
            code: NotificationCode::DIRECT_CHAT,
            sender: who.user,
            persistent: true,
        };
        self.notifications.send(vec![new]).await
    }

    /// Says who may be in a channel: in a room everybody, in a group's chat its members, in a
    /// direct chat its two players as long as the other one exists and has not blocked the caller.
    ///
    /// # Errors
    /// [`ChatError::NoSuchUser`], [`ChatError::NoSuchGroup`], [`ChatError::Storage`].
    pub async fn admit(&self, caller: UserId, channel: &Channel) -> Result<(), ChatError> {
        match channel.kind() {
            ChannelKind::Room { .. } => Ok(()),
            ChannelKind::Group { group } => self.must_be_member(caller, group).await,
            ChannelKind::Direct { .. } => {
                let other = channel.partner(caller).ok_or(ChatError::NoSuchUser)?;
                match self.friends.between(caller, other).await? {
                    Some(pair) if pair.theirs != Some(FriendState::Blocked) => Ok(()),
                    Some(_) | None => Err(ChatError::NoSuchUser),
                }
            }
        }
    }

    /// Says who may read a channel's history: as for [`Self::admit`], but what was said in a direct
    /// chat stays readable for both after a block.
    async fn may_read(&self, caller: UserId, channel: &Channel) -> Result<(), ChatError> {
        match channel.kind() {
            ChannelKind::Room { .. } => Ok(()),
            ChannelKind::Group { group } => self.must_be_member(caller, group).await,
            ChannelKind::Direct { .. } if channel.partner(caller).is_some() => Ok(()),
            ChannelKind::Direct { .. } => Err(ChatError::ChannelId),
        }
    }

    async fn must_be_member(&self, user: UserId, group: Uuid) -> Result<(), ChatError> {
        match self.groups.state(group, user).await? {
            Some(state) if GroupState::is_member(state) => Ok(()),
            Some(_) | None => Err(ChatError::NoSuchGroup),
        }
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
