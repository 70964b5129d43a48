//! Chat channels, their messages and their history, and the rules of the status text.
//!
//! # Purpose
//! Turn channel ids into stream addresses and back ([`Channel`]), decide what may be said and by
//! what name a room goes, build messages, keep those that are to be kept, and page through the
//! history ([`Chat`]). All of it is plain data: who is in a channel and how a message reaches them
//! is the business of presences and streams, which the use cases bring together.
//!
//! # Invariants
//! - One channel has one address: every [`Channel`] prints the id it was parsed from.
//! - Messages built by one [`Chat`] have ever later creation times, also when the clock stands
//!   still or is set back a little, so that the history has the order in which they were sent.
//! - A page of history and the pages before and behind it have no gaps and no repeats.
//! - What a store would refuse to keep is refused before it is shown to anybody.
//!
//! # Must not know
//! Sockets, wire formats, presences, hooks, SQL.
//!
//! # Entry points
//! [`Chat`], [`Channel`], [`check_status`].

mod channel;
mod chat;
mod error;
mod history;
mod message;
mod status;

pub use channel::{Channel, ChannelKind, MAX_ROOM_NAME_BYTES};
pub use chat::Chat;
pub use error::ChatError;
pub use history::{DEFAULT_HISTORY_LIMIT, History, HistoryQuery, MAX_HISTORY_LIMIT};
pub use message::{Author, ChatMessage, MAX_CONTENT_BYTES, MessageCode, parse_message_id};
pub use status::{MAX_STATUS_BYTES, StatusTooLong, check_status};
