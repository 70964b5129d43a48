//! Chat channels.

use serde::Serialize;
use tavern_domain::Timestamp;

use super::declare::host_area;
use super::types::{MaybeUser, time};
use crate::value::Json;

/// A message that was sent, changed or removed. Its fields are spelt alike in every language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostMessageAck {
    pub channel_id: String,
    pub message_id: String,
    pub code: i32,
    pub username: String,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    #[serde(with = "time")]
    pub update_time: Timestamp,
    pub persistent: bool,
}

/// A message out of the history. Its fields are spelt alike in every language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostMessage {
    pub channel_id: String,
    pub message_id: String,
    pub code: i32,
    pub sender_id: String,
    pub username: String,
    /// The text of a JSON object.
    pub content: String,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    #[serde(with = "time")]
    pub update_time: Timestamp,
    pub persistent: bool,
    pub room_name: String,
    pub group_id: String,
    pub user_id_one: String,
    pub user_id_two: String,
}

/// A part of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostHistory {
    pub messages: Vec<HostMessage>,
    pub next_cursor: Option<String>,
    pub prev_cursor: Option<String>,
    pub cacheable_cursor: Option<String>,
}

host_area! {
    /// Chat channels, whoever is in them.
    ChannelsHost

    /// The id of a channel: type 1 a room by its name, 2 the direct chat of the sender and a
    /// player, 3 the chat of a group. A sender must be allowed there.
    fn channel_id_build as "channelIdBuild" (ChannelIdBuild {
        #[serde(default)] sender_id: MaybeUser,
        target: String,
        channel_type: i32,
    }) -> String;

    /// Says something in a channel, as a player or as the server.
    fn channel_message_send as "channelMessageSend" (ChannelMessageSend {
        channel_id: String,
        content: Option<Json>,
        #[serde(default)] sender_id: MaybeUser,
        sender_username: Option<String>,
        persist: Option<bool>,
    }) -> HostMessageAck, js_default ["persist"];

    /// Changes what a player or the server has said.
    fn channel_message_update as "channelMessageUpdate" (ChannelMessageUpdate {
        channel_id: String,
        message_id: String,
        content: Option<Json>,
        #[serde(default)] sender_id: MaybeUser,
        sender_username: Option<String>,
        persist: Option<bool>,
    }) -> HostMessageAck, js_default ["persist"];

    /// Takes back what a player or the server has said.
    fn channel_message_remove as "channelMessageRemove" (ChannelMessageRemove {
        channel_id: String,
        message_id: String,
        #[serde(default)] sender_id: MaybeUser,
        sender_username: Option<String>,
        persist: Option<bool>,
    }) -> HostMessageAck, js_default ["persist"];

    /// A part of a channel's history, oldest first unless `forward` is false. A page has 1 to 100
    /// messages, 100 when not given.
    fn channel_messages_list as "channelMessagesList" (ChannelMessagesList {
        channel_id: String,
        limit: Option<i32>,
        forward: Option<bool>,
        cursor: Option<String>,
    }) -> HostHistory, several ["messages", "next_cursor", "prev_cursor"];
}
