//! Chat history.

use async_trait::async_trait;
use tavern_domain::{Stream, Timestamp, UserId};
use uuid::Uuid;

use super::limits::{broken, fits, jsonb};
use super::{Memory, Tables};
use crate::{
    Changed, Direction, Message, MessageKey, MessagePage, Messages, NewMessage, PageRequest,
    StorageError,
};

impl Tables {
    /// Where a sender's own message of this stream stands.
    fn own_message(&self, stream: &Stream, id: Uuid, sender: UserId) -> Option<MessageKey> {
        let (_, key) = self.messages.get(&id).filter(|(kept_in, _)| kept_in == stream)?;
        let message = self.histories.get(stream)?.get(key)?;
        (message.sender == sender).then_some(*key)
    }
}

#[async_trait]
impl Messages for Memory {
    async fn insert(&self, message: NewMessage<'_>) -> Result<(), StorageError> {
        fits(message.username, 128)?;
        fits(&message.stream.label, 128)?;
        let content = jsonb(message.content)?;
        let create_time = message.create_time.whole_micros();
        let key = MessageKey { create_time, id: message.id };
        let kept = Message {
            id: message.id,
            code: message.code,
            sender: message.sender,
            username: message.username.into(),
            content,
            create_time,
            update_time: create_time,
        };
        let mut tables = self.lock();
        if !tables.users.contains_key(&message.sender) {
            return Err(broken("the sender has no account"));
        }
        if tables.messages.contains_key(&message.id) {
            return Err(broken("a message with this id exists"));
        }
        tables.messages.insert(message.id, (message.stream.clone(), key));
        tables.histories.entry(message.stream.clone()).or_default().insert(key, kept);
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
        fits(username, 128)?;
        let content = jsonb(content)?;
        let mut tables = self.lock();
        let Some(key) = tables.own_message(stream, id, sender) else {
            return Ok(Changed::NotFound);
        };
        let kept = tables.histories.get_mut(stream).and_then(|history| history.get_mut(&key));
        let kept = kept.expect("it was there a moment ago, under the same lock");
        kept.username = username.into();
        kept.content = content;
        kept.update_time = now.whole_micros();
        Ok(Changed::Changed { create_time: key.create_time })
    }

    async fn remove(
        &self,
        stream: &Stream,
        id: Uuid,
        sender: UserId,
    ) -> Result<Changed, StorageError> {
        let mut tables = self.lock();
        let Some(key) = tables.own_message(stream, id, sender) else {
            return Ok(Changed::NotFound);
        };
        tables.messages.remove(&id);
        if let Some(history) = tables.histories.get_mut(stream) {
            history.remove(&key);
        }
        Ok(Changed::Changed { create_time: key.create_time })
    }

    async fn list(&self, stream: &Stream, page: PageRequest) -> Result<MessagePage, StorageError> {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let tables = self.lock();
        let Some(history) = tables.histories.get(stream) else {
            return Ok(MessagePage::default());
        };
        let behind = |key: &MessageKey| match (page.after, page.direction) {
            (None, _) => true,
            (Some(after), Direction::Forward) => *key > after,
            (Some(after), Direction::Backward) => *key < after,
        };
        let walk: Box<dyn Iterator<Item = (&MessageKey, &Message)> + Send> = match page.direction {
            Direction::Forward => Box::new(history.iter()),
            Direction::Backward => Box::new(history.iter().rev()),
        };
        let mut rest = walk.filter(|(key, _)| behind(key)).map(|(_, message)| message);
        let messages: Vec<_> = rest.by_ref().take(limit).cloned().collect();
        let more = rest.next().is_some();
        Ok(MessagePage { messages, more })
    }
}
