//! Joins and leaves, told to those who are subscribed.

use std::sync::Arc;

use tavern_domain::{Stream, StreamMode};
use tavern_matches::Inboxes;
use tavern_presence::{PresenceDiff, PresenceSink};
use tavern_protocol::realtime::{
    ChannelPresenceEvent, Envelope, MatchPresenceEvent, PartyPresenceEvent, StatusPresenceEvent,
    StreamPresenceEvent, UserPresence, envelope::Message,
};
use tavern_protocol::{Outgoing, realtime};
use tavern_streams::{Class, Streams};

use crate::wire::{self, ChannelName};

/// Turns presence diffs into the event that the stream's mode has, for all its subscribers.
pub(crate) struct PresenceEvents {
    pub(crate) streams: Arc<Streams<Outgoing>>,
    /// The matches that the server runs hear of who comes and goes.
    pub(crate) matches: Arc<Inboxes>,
}

impl PresenceSink for PresenceEvents {
    fn on_diff(&self, diff: &PresenceDiff<'_>) {
        if diff.stream.mode == StreamMode::MATCH_AUTHORITATIVE {
            self.matches.changed(diff.stream.subject, diff.joins, diff.leaves, diff.reason);
        }
        let Some(message) = event(diff) else { return };
        let message = Arc::new(Outgoing::new(Envelope::push(message)));
        self.streams.send(diff.stream, message, Class::Reliable);
    }
}

/// The event that tells of a diff; not every stream has one.
pub(super) fn event(diff: &PresenceDiff<'_>) -> Option<Message> {
    let joins = wire::presences(diff.joins);
    let leaves = wire::presences(diff.leaves);
    Some(match diff.stream.mode {
        StreamMode::NOTIFICATIONS => return None,
        StreamMode::STATUS => Message::StatusPresenceEvent(StatusPresenceEvent { joins, leaves }),
        StreamMode::CHANNEL | StreamMode::GROUP | StreamMode::DIRECT => {
            let name = ChannelName::of(diff.stream);
            Message::ChannelPresenceEvent(ChannelPresenceEvent {
                channel_id: name.id,
                joins,
                leaves,
                room_name: name.room_name,
                group_id: name.group_id,
                user_id_one: name.user_id_one,
                user_id_two: name.user_id_two,
            })
        }
        StreamMode::MATCH_RELAYED | StreamMode::MATCH_AUTHORITATIVE => {
            let match_id = hosted_id(diff.stream);
            Message::MatchPresenceEvent(MatchPresenceEvent { match_id, joins, leaves })
        }
        StreamMode::PARTY => {
            let party_id = hosted_id(diff.stream);
            Message::PartyPresenceEvent(PartyPresenceEvent { party_id, joins, leaves })
        }
        // Server code gives these a status too; the protocol shows it on status streams alone.
        _ => Message::StreamPresenceEvent(StreamPresenceEvent {
            stream: Some(stream_address(diff.stream)),
            joins: without_status(joins),
            leaves: without_status(leaves),
        }),
    })
}

/// `<subject>.<label>`: the id of a match or party by its stream.
fn hosted_id(stream: &Stream) -> String {
    format!("{}.{}", stream.subject.as_hyphenated(), stream.label)
}

/// What a session shows on a stream of the studio's own is for server code.
fn without_status(mut presences: Vec<UserPresence>) -> Vec<UserPresence> {
    for presence in &mut presences {
        presence.status = None;
    }
    presences
}

/// A stream in the words of the protocol.
pub(crate) fn stream_address(stream: &Stream) -> realtime::Stream {
    let text = |id: uuid::Uuid| if id.is_nil() { String::new() } else { id.to_string() };
    realtime::Stream {
        mode: i32::from(stream.mode.0),
        subject: text(stream.subject),
        subcontext: text(stream.subcontext),
        label: stream.label.to_string(),
    }
}
