//! Notifications that wait for their readers.

use async_trait::async_trait;
use tavern_domain::UserId;
use uuid::Uuid;

use super::limits::{broken, fits, jsonb};
use super::{Memory, Tables};
use crate::{
    Notification, NotificationKey, NotificationPage, NotificationUpdate, Notifications,
    StorageError,
};

/// The notifications as they would be kept.
pub(super) fn checked(given: &[Notification]) -> Result<Vec<Notification>, StorageError> {
    given
        .iter()
        .map(|new| {
            fits(&new.subject, 255)?;
            if i16::try_from(new.code).is_err() {
                return Err(StorageError::DoesNotFit("a code beyond 16 bits".into()));
            }
            let content = jsonb(&new.content)?;
            let create_time = new.create_time.whole_micros();
            Ok(Notification { content, create_time, ..new.clone() })
        })
        .collect()
}

impl Tables {
    /// Whether one of these ids is used already, here or among them.
    pub(super) fn has_notification(&self, new: &[Notification]) -> bool {
        let mut seen = std::collections::HashSet::new();
        new.iter().any(|n| self.notification_ids.contains_key(&n.id) || !seen.insert(n.id))
    }

    pub(super) fn keep_notifications(&mut self, checked: Vec<Notification>) {
        for new in checked {
            if !self.users.contains_key(&new.user) {
                continue;
            }
            let key = NotificationKey { create_time: new.create_time, id: new.id };
            self.notification_ids.insert(new.id, (new.user, key));
            self.notifications.insert((new.user, key), new);
        }
    }
}

#[async_trait]
impl Notifications for Memory {
    async fn insert(&self, notifications: &[Notification]) -> Result<(), StorageError> {
        let checked = checked(notifications)?;
        let mut tables = self.lock();
        if tables.has_notification(&checked) {
            return Err(broken("a notification with this id exists"));
        }
        tables.keep_notifications(checked);
        Ok(())
    }

    async fn list(
        &self,
        user: UserId,
        after: Option<NotificationKey>,
        limit: u32,
    ) -> Result<NotificationPage, StorageError> {
        let tables = self.lock();
        let mut rest = tables
            .notifications
            .iter()
            .filter(|((owner, key), _)| *owner == user && after.is_none_or(|after| *key > after))
            .map(|(_, notification)| notification.clone());
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let notifications = rest.by_ref().take(limit).collect();
        Ok(NotificationPage { notifications, more: rest.next().is_some() })
    }

    async fn get(
        &self,
        user: Option<UserId>,
        ids: &[Uuid],
    ) -> Result<Vec<Notification>, StorageError> {
        let tables = self.lock();
        let mut found: Vec<Notification> = tables
            .notifications
            .values()
            .filter(|kept| ids.contains(&kept.id) && user.is_none_or(|user| kept.user == user))
            .cloned()
            .collect();
        found.sort_by_key(|kept| (kept.create_time, kept.id));
        Ok(found)
    }

    async fn delete(&self, user: Option<UserId>, ids: &[Uuid]) -> Result<(), StorageError> {
        let mut tables = self.lock();
        for id in ids {
            let Some((owner, key)) = tables.notification_ids.get(id).copied() else { continue };
            if user.is_none_or(|user| user == owner) {
                tables.notification_ids.remove(id);
                tables.notifications.remove(&(owner, key));
            }
        }
        Ok(())
    }

    async fn update(&self, updates: &[NotificationUpdate]) -> Result<(), StorageError> {
        let mut checked = Vec::with_capacity(updates.len());
        for update in updates {
            if let Some(subject) = &update.subject {
                fits(subject, 255)?;
            }
            checked.push((update, update.content.as_deref().map(jsonb).transpose()?));
        }
        let mut tables = self.lock();
        for (update, content) in checked {
            let Some(at) = tables.notification_ids.get(&update.id).copied() else { continue };
            let Some(kept) = tables.notifications.get_mut(&at) else { continue };
            if let Some(subject) = &update.subject {
                kept.subject.clone_from(subject);
            }
            if let Some(content) = content {
                kept.content = content;
            }
            if let Some(sender) = update.sender {
                kept.sender = sender;
            }
        }
        Ok(())
    }

    async fn recipients(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, StorageError> {
        let tables = self.lock();
        let mut ids: Vec<UserId> = tables
            .users
            .keys()
            .copied()
            .filter(|id| !id.is_nil() && after.is_none_or(|after| id.0 > after.0))
            .collect();
        ids.sort_by_key(|id| id.0);
        ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(ids)
    }
}
