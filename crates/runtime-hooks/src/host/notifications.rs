//! Notifications.

use serde::{Deserialize, Serialize};
use tavern_domain::{Timestamp, UserId};

use super::declare::host_area;
use super::types::{MaybeUser, time};
use crate::value::Json;

/// A notification to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostNotificationRequest {
    pub user_id: UserId,
    pub subject: String,
    /// A JSON object.
    pub content: Json,
    /// Above zero, or from -2000 to -1000.
    pub code: i32,
    /// Nobody for the server.
    #[serde(default)]
    pub sender_id: MaybeUser,
    /// Whether it is kept for later.
    pub persistent: Option<bool>,
}

/// A notification in a player's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostNotificationItem {
    pub id: String,
    pub subject: String,
    /// The text of a JSON object.
    pub content: String,
    pub code: i32,
    /// Empty for the server.
    #[serde(rename = "senderId")]
    pub sender_id: String,
    pub persistent: bool,
    #[serde(rename = "createTime", with = "time")]
    pub create_time: Timestamp,
}

/// A part of a player's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostNotificationPage {
    /// Oldest first.
    pub notifications: Vec<HostNotificationItem>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// A kept notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostNotification {
    pub id: String,
    pub user_id: UserId,
    pub subject: String,
    /// A JSON object.
    pub content: Json,
    pub code: i32,
    /// Left out for the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<UserId>,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    pub persistent: bool,
}

/// A notification to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostNotificationDelete {
    pub user_id: UserId,
    pub notification_id: String,
}

/// A change of a kept notification. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostNotificationUpdate {
    pub id: String,
    pub content: Option<Json>,
    pub subject: Option<String>,
    #[serde(default)]
    pub sender: MaybeUser,
}

host_area! {
    /// Notifications.
    NotificationsHost

    /// Sends a notification to a player: to the sockets that are open, and to the player's list if
    /// it is persistent. Codes are above zero, or from -2000 to -1000.
    fn notification_send as "notificationSend" (NotificationSend {
        user_id: UserId,
        subject: String,
        content: Json,
        code: i32,
        #[serde(default)] sender: MaybeUser,
        persistent: Option<bool>,
    }) -> ();

    /// Sends many notifications, all or none.
    fn notifications_send as "notificationsSend" (NotificationsSend {
        notifications: Vec<HostNotificationRequest>,
    }) -> ();

    /// Sends a notification to every player, or, if it is not persistent, to every open socket.
    fn notification_send_all as "notificationSendAll" (NotificationSendAll {
        subject: String,
        content: Json,
        code: i32,
        persistent: Option<bool>,
    }) -> ();

    /// A part of a player's list. A page has 1 to 1,000 entries, 100 when not given.
    fn notifications_list as "notificationsList" (NotificationsList {
        user_id: UserId,
        limit: Option<i32>,
        cursor: Option<String>,
    }) -> HostNotificationPage, several ["notifications", "cursor"];

    /// Deletes notifications of players. Those that are not there are fine.
    fn notifications_delete as "notificationsDelete" (NotificationsDelete {
        notifications: Vec<HostNotificationDelete>,
    }) -> ();

    /// The kept notifications with these ids, of one player or of anybody.
    fn notifications_get_id as "notificationsGetId" (NotificationsGetId {
        notification_ids: Vec<String>,
        #[serde(default)] user_id: MaybeUser,
    }) -> Vec<HostNotification>;

    /// Deletes the notifications with these ids, of one player or of anybody.
    fn notifications_delete_id as "notificationsDeleteId" (NotificationsDeleteId {
        notification_ids: Option<Vec<String>>,
        #[serde(default)] user_id: MaybeUser,
    }) -> ();

    /// Changes kept notifications, all or none.
    fn notifications_update as "notificationsUpdate" (NotificationsUpdate {
        updates: Vec<HostNotificationUpdate>,
    }) -> ();
}
