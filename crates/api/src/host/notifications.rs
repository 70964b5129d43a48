//! Notifications.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tavern_domain::{CodedError, UserId};
use tavern_runtime_hooks::host::{
    HostNotification, HostNotificationItem, HostNotificationPage, NotificationSend,
    NotificationSendAll, NotificationsDelete, NotificationsDeleteId, NotificationsGetId,
    NotificationsHost, NotificationsList, NotificationsSend, NotificationsUpdate,
};
use tavern_runtime_hooks::{HookError, Json};
use tavern_social::{NewNotification, NotificationCode, NotificationError, parse_notification_id};
use tavern_storage::NotificationUpdate;
use uuid::Uuid;

use super::ServerHost;
use crate::error;

fn code(number: i32) -> Result<NotificationCode, CodedError> {
    let code = NotificationCode(number);
    if code.is_free() { Ok(code) } else { Err(error::classified(NotificationError::Code)) }
}

fn ids(texts: &[String]) -> Result<Vec<Uuid>, CodedError> {
    let ids: Result<_, _> = texts.iter().map(|text| parse_notification_id(text)).collect();
    ids.map_err(error::classified)
}

#[async_trait]
impl NotificationsHost for ServerHost {
    async fn notification_send(&self, args: NotificationSend) -> Result<(), HookError> {
        let new = NewNotification {
            user: args.user_id,
            subject: args.subject,
            content: args.content.0,
            code: code(args.code)?,
            sender: args.sender.0.unwrap_or_default(),
            persistent: args.persistent.unwrap_or(false),
        };
        Ok(self.0.notifications.send(vec![new]).await.map_err(error::classified)?)
    }

    async fn notifications_send(&self, args: NotificationsSend) -> Result<(), HookError> {
        let new = args
            .notifications
            .into_iter()
            .map(|new| {
                Ok(NewNotification {
                    user: new.user_id,
                    subject: new.subject,
                    content: new.content.0,
                    code: code(new.code)?,
                    sender: new.sender_id.0.unwrap_or_default(),
                    persistent: new.persistent.unwrap_or(false),
                })
            })
            .collect::<Result<Vec<_>, CodedError>>()?;
        Ok(self.0.notifications.send(new).await.map_err(error::classified)?)
    }

    async fn notification_send_all(&self, args: NotificationSendAll) -> Result<(), HookError> {
        let new = NewNotification {
            user: UserId::NIL,
            subject: args.subject,
            content: args.content.0,
            code: code(args.code)?,
            sender: UserId::NIL,
            persistent: args.persistent.unwrap_or(false),
        };
        Ok(self.0.notifications.send_to_everybody(new).await.map_err(error::classified)?)
    }

    async fn notifications_list(
        &self,
        args: NotificationsList,
    ) -> Result<HostNotificationPage, HookError> {
        let cursor = args.cursor.unwrap_or_default();
        let page = self.0.notifications.list_for_server(args.user_id, args.limit, &cursor).await;
        let page = page.map_err(error::classified)?;
        let item = |kept: tavern_storage::Notification| HostNotificationItem {
            id: kept.id.to_string(),
            subject: kept.subject,
            content: kept.content,
            code: kept.code,
            sender_id: sender(kept.sender).map(|user| user.to_string()).unwrap_or_default(),
            persistent: true,
            create_time: kept.create_time,
        };
        Ok(HostNotificationPage {
            cursor: page.more.then_some(page.cacheable_cursor),
            notifications: page.notifications.into_iter().map(item).collect(),
        })
    }

    async fn notifications_delete(&self, args: NotificationsDelete) -> Result<(), HookError> {
        let mut each: BTreeMap<UserId, Vec<Uuid>> = BTreeMap::new();
        for gone in super::accounts::bounded(Some(args.notifications))? {
            let id = parse_notification_id(&gone.notification_id).map_err(error::classified)?;
            each.entry(gone.user_id).or_default().push(id);
        }
        for (user, ids) in each {
            let done = self.0.notifications.delete(Some(user), &ids).await;
            done.map_err(error::classified)?;
        }
        Ok(())
    }

    async fn notifications_get_id(
        &self,
        args: NotificationsGetId,
    ) -> Result<Vec<HostNotification>, HookError> {
        let ids = ids(&args.notification_ids)?;
        let found = self.0.notifications.get(args.user_id.0, &ids).await;
        let shown = |kept: tavern_storage::Notification| HostNotification {
            id: kept.id.to_string(),
            user_id: kept.user,
            subject: kept.subject,
            content: Json(kept.content),
            code: kept.code,
            sender_id: sender(kept.sender),
            create_time: kept.create_time,
            persistent: true,
        };
        Ok(found.map_err(error::classified)?.into_iter().map(shown).collect())
    }

    async fn notifications_delete_id(&self, args: NotificationsDeleteId) -> Result<(), HookError> {
        let ids = ids(&args.notification_ids.unwrap_or_default())?;
        let done = self.0.notifications.delete(args.user_id.0, &ids).await;
        Ok(done.map_err(error::classified)?)
    }

    async fn notifications_update(&self, args: NotificationsUpdate) -> Result<(), HookError> {
        let updates = args
            .updates
            .into_iter()
            .map(|update| {
                Ok(NotificationUpdate {
                    id: parse_notification_id(&update.id).map_err(error::classified)?,
                    subject: update.subject,
                    content: update.content.map(|json| json.0),
                    sender: update.sender.0,
                })
            })
            .collect::<Result<Vec<_>, CodedError>>()?;
        Ok(self.0.notifications.update(updates).await.map_err(error::classified)?)
    }
}

fn sender(sender: UserId) -> Option<UserId> {
    (!sender.is_nil()).then_some(sender)
}
