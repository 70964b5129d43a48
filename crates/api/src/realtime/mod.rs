//! What happens on a socket.
//!
//! A [`session::Session`] handles one message at a time: before-hook, the use case, the answer with the
//! request's `cid`, after-hook. What other parts tell it goes to its outbox by the streams it is
//! subscribed to.

/// The pattern of messages that only servers send.
macro_rules! from_servers {
    () => {
        Message::Channel(_)
            | Message::ChannelMessage(_)
            | Message::ChannelMessageAck(_)
            | Message::ChannelPresenceEvent(_)
            | Message::Error(_)
            | Message::Match(_)
            | Message::MatchData(_)
            | Message::MatchPresenceEvent(_)
            | Message::MatchmakerMatched(_)
            | Message::MatchmakerTicket(_)
            | Message::Notifications(_)
            | Message::Status(_)
            | Message::StatusPresenceEvent(_)
            | Message::StreamData(_)
            | Message::StreamPresenceEvent(_)
            | Message::Party(_)
            | Message::PartyLeader(_)
            | Message::PartyJoinRequest(_)
            | Message::PartyMatchmakerTicket(_)
            | Message::PartyData(_)
            | Message::PartyPresenceEvent(_)
    };
}
pub(crate) use from_servers;

mod adapters;
mod channel;
mod events;
mod hosted;
mod matches;
mod matchmaker;
mod parties;
mod reply;
mod resume;
mod session;
mod status;

pub(crate) use adapters::{LiveSockets, Logins, MatchMembers, OpenSockets};
pub(crate) use events::{PresenceEvents, stream_address};
pub(crate) use parties::PartyVoice;
pub(crate) use session::{admit, open};
