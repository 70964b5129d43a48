//! Friends, groups, notifications and chat: their rules.
//!
//! # Purpose
//! Who is whose friend ([`Friends`]), who is in which group and may do what there ([`Groups`]),
//! what players are told while they are there or away ([`Notifications`]), and what they say to
//! each other in which channel ([`Chat`]). All of it is plain data over the storage port. Who is on
//! which socket is the business of others: they carry out what [`Live`] asks.
//!
//! # Invariants
//! - Edges between two players are mirrored, or blocks; edges to groups and the counts of members
//!   never come apart. Each call is one step, with the messages and notifications about it.
//! - A group has a superadmin as long as it exists, and never more members than it may have.
//! - Whoever loses the right to a channel is taken off it before the call ends that took it.
//! - One channel has one address: every [`Channel`] prints the id it was parsed from.
//! - What one node makes has ever later creation times, also when the clock stands still or is set
//!   back a little, so that histories and lists have the order in which things were made.
//! - A page and the pages before and behind it have no gaps and no repeats.
//! - What a store would refuse to keep is refused before it is shown to anybody.
//!
//! # Must not know
//! Sockets, wire formats, presences, hooks, SQL.
//!
//! # Entry points
//! [`Social::new`], [`Live`] (needed), [`Channel`], [`check_status`].

mod channel;
mod chat;
mod edges;
mod error;
mod friends;
mod groups;
mod history;
mod live;
mod message;
mod notifications;
mod social;
mod status;
mod times;

pub use channel::{Channel, ChannelKind, MAX_ROOM_NAME_BYTES};
pub use chat::Chat;
pub use error::ChatError;
pub use friends::{
    FriendError, FriendList, FriendOfFriendList, Friends, MAX_FRIEND_METADATA_BYTES,
    MAX_FRIENDS_LISTED, MAX_FRIENDS_OF_FRIENDS, MAX_IMPORTED, MAX_OTHERS, Named, Provider,
};
pub use groups::{
    GroupEdgeList, GroupError, GroupList, GroupQuery, Groups, MAX_GROUP_METADATA_BYTES,
    MAX_GROUP_USERS, MAX_GROUPS_LISTED, NewGroup, parse_group_id,
};
pub use history::{DEFAULT_HISTORY_LIMIT, History, HistoryQuery, MAX_HISTORY_LIMIT};
pub use live::{Live, Whom};
pub use message::{Author, ChatMessage, MAX_CONTENT_BYTES, MessageCode, parse_message_id};
pub use notifications::{
    MAX_NOTIFICATION_BATCH, MAX_NOTIFICATIONS, MAX_SUBJECT_CHARS, NewNotification, Notification,
    NotificationCode, NotificationError, NotificationList, Notifications, parse_notification_id,
};
pub use social::Social;
pub use status::{MAX_STATUS_BYTES, StatusTooLong, check_status};
