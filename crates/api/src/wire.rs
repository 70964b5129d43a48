//! What is kept, in the words of the protocol.

mod archives;
mod leaderboards;
mod purchases;

use tavern_domain::{Presence, Stream, StreamMode, Timestamp, UserId};
use tavern_objects::{Object, ObjectAck};
use tavern_protocol::{api, realtime, wkt};
use tavern_social::{ChatMessage, Notification};
use tavern_storage::{Account, Friend, Group, User};
use uuid::Uuid;

pub(crate) use archives::account_export;
pub(crate) use leaderboards::{
    leaderboard, leaderboard_record, leaderboard_records, tournament, tournament_records,
};
pub(crate) use purchases::{subscription, subscription_list, validated_purchases};

/// A time with its fraction.
pub(crate) fn time(at: Timestamp) -> Option<wkt::Timestamp> {
    Some(wkt::Timestamp { seconds: at.seconds(), nanos: at.subsec_nanos() })
}

/// A time in whole seconds, as most of the protocol shows what comes from tables.
pub(crate) fn seconds(at: Timestamp) -> Option<wkt::Timestamp> {
    time(at.whole_seconds())
}

pub(crate) fn user(user: User, online: bool) -> api::User {
    api::User {
        id: user.id.to_string(),
        username: user.username,
        display_name: user.display_name.unwrap_or_default(),
        avatar_url: user.avatar_url.unwrap_or_default(),
        lang_tag: user.lang_tag,
        location: user.location.unwrap_or_default(),
        timezone: user.timezone.unwrap_or_default(),
        metadata: user.metadata,
        facebook_id: user.facebook_id.unwrap_or_default(),
        google_id: user.google_id.unwrap_or_default(),
        gamecenter_id: user.gamecenter_id.unwrap_or_default(),
        steam_id: user.steam_id.unwrap_or_default(),
        online,
        edge_count: user.edge_count,
        create_time: seconds(user.create_time),
        update_time: seconds(user.update_time),
        facebook_instant_game_id: user.facebook_instant_game_id.unwrap_or_default(),
        apple_id: user.apple_id.unwrap_or_default(),
    }
}

pub(crate) fn account(account: Account, online: bool) -> api::Account {
    api::Account {
        user: Some(user(account.user, online)),
        wallet: account.wallet,
        email: account.email.unwrap_or_default(),
        devices: account
            .devices
            .into_iter()
            .map(|id| api::AccountDevice { id, ..Default::default() })
            .collect(),
        custom_id: account.custom_id.unwrap_or_default(),
        verify_time: account.verify_time.and_then(seconds),
        disable_time: account.disable_time.and_then(seconds),
    }
}

pub(crate) fn storage_object(object: Object) -> api::StorageObject {
    api::StorageObject {
        collection: object.collection,
        key: object.key,
        user_id: object.user.to_string(),
        value: object.value,
        version: object.version,
        permission_read: object.read.number().into(),
        permission_write: object.write.number().into(),
        create_time: seconds(object.create_time),
        update_time: seconds(object.update_time),
    }
}

/// Unlike the objects themselves, their acks have times with a fraction.
pub(crate) fn storage_ack(ack: ObjectAck) -> api::StorageObjectAck {
    api::StorageObjectAck {
        collection: ack.collection,
        key: ack.key,
        version: ack.version,
        user_id: ack.user.to_string(),
        create_time: time(ack.create_time),
        update_time: time(ack.update_time),
    }
}

pub(crate) fn presence(presence: &Presence) -> realtime::UserPresence {
    realtime::UserPresence {
        user_id: presence.user.to_string(),
        session_id: presence.session.to_string(),
        username: presence.meta.username.to_string(),
        persistence: presence.meta.persistence,
        status: presence.meta.status.as_deref().map(str::to_owned),
    }
}

pub(crate) fn presences(list: &[Presence]) -> Vec<realtime::UserPresence> {
    list.iter().map(presence).collect()
}

/// The part of channel messages that says which channel it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChannelName {
    pub(crate) id: String,
    pub(crate) room_name: String,
    pub(crate) group_id: String,
    pub(crate) user_id_one: String,
    pub(crate) user_id_two: String,
}

impl ChannelName {
    pub(crate) fn of(stream: &Stream) -> Self {
        let mut name = Self { id: stream.to_string(), ..Self::default() };
        match stream.mode {
            StreamMode::GROUP => name.group_id = id(stream.subject),
            StreamMode::DIRECT => {
                name.user_id_one = id(stream.subject);
                name.user_id_two = id(stream.subcontext);
            }
            _ => name.room_name = stream.label.to_string(),
        }
        name
    }
}

fn id(id: Uuid) -> String {
    UserId(id).to_string()
}

/// A chat message, live or from the history.
pub(crate) fn channel_message(message: ChatMessage, name: ChannelName) -> api::ChannelMessage {
    api::ChannelMessage {
        channel_id: name.id,
        message_id: message.id.to_string(),
        code: Some(i32::from(message.code.0)),
        sender_id: message.author.user.to_string(),
        username: message.author.username.to_string(),
        content: message.content,
        create_time: time(message.create_time),
        update_time: time(message.update_time),
        persistent: Some(message.persistent),
        room_name: name.room_name,
        group_id: name.group_id,
        user_id_one: name.user_id_one,
        user_id_two: name.user_id_two,
    }
}

/// A friend in a list. The protocol leaves the edge count of the other one out here.
pub(crate) fn friend(friend: Friend, online: bool) -> api::Friend {
    let mut user = user(friend.user, online);
    user.edge_count = 0;
    api::Friend {
        user: Some(user),
        state: Some(friend.state.number().into()),
        update_time: seconds(friend.update_time),
        metadata: friend.metadata,
    }
}

pub(crate) fn group(group: Group) -> api::Group {
    api::Group {
        id: group.id.to_string(),
        creator_id: group.creator.to_string(),
        name: group.name,
        description: group.description.unwrap_or_default(),
        lang_tag: group.lang_tag,
        metadata: group.metadata,
        avatar_url: group.avatar_url.unwrap_or_default(),
        open: Some(group.open),
        edge_count: group.edge_count,
        max_count: group.max_count,
        create_time: seconds(group.create_time),
        update_time: seconds(group.update_time),
    }
}

/// A notification out of the list, where the server itself is no sender.
pub(crate) fn notification(kept: tavern_storage::Notification) -> api::Notification {
    api::Notification {
        id: kept.id.to_string(),
        subject: kept.subject,
        content: kept.content,
        code: kept.code,
        sender_id: if kept.sender.is_nil() { String::new() } else { kept.sender.to_string() },
        create_time: seconds(kept.create_time),
        persistent: true,
    }
}

/// A notification as it is shown on sockets.
pub(crate) fn live_notification(one: &Notification) -> api::Notification {
    api::Notification {
        sender_id: one.kept.sender.to_string(),
        persistent: one.persistent,
        ..notification(one.kept.clone())
    }
}
