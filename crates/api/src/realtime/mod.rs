//! What happens on a socket.
//!
//! A [`session::Session`] handles one message at a time: before-hook, the use case, the answer with the
//! request's `cid`, after-hook. What other parts tell it goes to its outbox by the streams it is
//! subscribed to.

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
