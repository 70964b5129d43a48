//! All that is kept of one account, in the words of the protocol.

use tavern_protocol::{api, console};
use tavern_storage::{Archive, ArchivedFriend, ArchivedMessage, ArchivedRecord, LedgerEntry};

use super::{account, group, notification, seconds, storage_object, time};

fn friend(friend: ArchivedFriend) -> api::Friend {
    api::Friend {
        user: Some(api::User { id: friend.user.to_string(), ..Default::default() }),
        state: Some(friend.state.number().into()),
        update_time: seconds(friend.update_time),
        metadata: friend.metadata,
    }
}

fn message(sent: ArchivedMessage) -> api::ChannelMessage {
    let ArchivedMessage { stream, message } = sent;
    let name = super::ChannelName::of(&stream);
    api::ChannelMessage {
        channel_id: name.id,
        message_id: message.id.to_string(),
        code: Some(message.code.into()),
        sender_id: message.sender.to_string(),
        username: message.username,
        content: message.content,
        create_time: time(message.create_time),
        update_time: time(message.update_time),
        persistent: Some(true),
        room_name: name.room_name,
        group_id: name.group_id,
        user_id_one: name.user_id_one,
        user_id_two: name.user_id_two,
    }
}

fn record(kept: ArchivedRecord) -> api::LeaderboardRecord {
    let record = kept.record;
    api::LeaderboardRecord {
        leaderboard_id: kept.board,
        owner_id: record.owner.to_string(),
        username: record.username,
        score: record.score,
        subscore: record.subscore,
        num_score: i32::try_from(record.num_score).unwrap_or(i32::MAX),
        metadata: record.metadata,
        create_time: seconds(record.create_time),
        update_time: seconds(record.update_time),
        expiry_time: kept.expiry.and_then(seconds),
        rank: 0,
        max_num_score: record.max_num_score,
    }
}

fn ledger(entry: LedgerEntry) -> console::WalletLedger {
    console::WalletLedger {
        id: entry.id.to_string(),
        user_id: entry.user.to_string(),
        changeset: serde_json::to_string(&entry.changeset).expect("a map of numbers is JSON"),
        metadata: entry.metadata,
        create_time: seconds(entry.create_time),
        update_time: seconds(entry.update_time),
    }
}

pub(crate) fn account_export(archive: Archive, online: bool) -> console::AccountExport {
    console::AccountExport {
        account: Some(account(archive.account, online)),
        objects: archive.objects.into_iter().map(storage_object).collect(),
        friends: archive.friends.into_iter().map(friend).collect(),
        groups: archive.groups.into_iter().map(group).collect(),
        messages: archive.messages.into_iter().map(message).collect(),
        leaderboard_records: archive.records.into_iter().map(record).collect(),
        notifications: archive.notifications.into_iter().map(notification).collect(),
        wallet_ledgers: archive.ledger.into_iter().map(ledger).collect(),
    }
}
