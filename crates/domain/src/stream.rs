//! Addresses of live data and what their members look like.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::ids::{NodeName, SessionId, UserId};

/// What a stream is used for: a number that the public protocol fixes for 0 to 7 and leaves free
/// for server code from 8 on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StreamMode(pub u8);

#[expect(missing_docs, reason = "the names say it")]
impl StreamMode {
    pub const NOTIFICATIONS: Self = Self(0);
    pub const STATUS: Self = Self(1);
    pub const CHANNEL: Self = Self(2);
    pub const GROUP: Self = Self(3);
    pub const DIRECT: Self = Self(4);
    pub const MATCH_RELAYED: Self = Self(5);
    pub const MATCH_AUTHORITATIVE: Self = Self(6);
    pub const PARTY: Self = Self(7);
}

/// The address of live data. As text: `<mode>.<subject>.<subcontext>.<label>`, with nil UUIDs left
/// empty, which is also the form of channel ids in the public protocol.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Stream {
    /// What the stream is used for.
    pub mode: StreamMode,
    /// Whom or what it is about; nil when it has no subject.
    pub subject: Uuid,
    /// A second subject, as in direct chats; nil when there is none.
    pub subcontext: Uuid,
    /// A name, as in chat rooms; empty when there is none.
    pub label: Arc<str>,
}

impl Stream {
    /// A stream with a subject only.
    #[must_use]
    pub fn of(mode: StreamMode, subject: Uuid) -> Self {
        Self { mode, subject, subcontext: Uuid::nil(), label: Arc::default() }
    }

    /// The notifications of a user.
    #[must_use]
    pub fn notifications(user: UserId) -> Self {
        Self::of(StreamMode::NOTIFICATIONS, user.0)
    }

    /// The status of a user.
    #[must_use]
    pub fn status(user: UserId) -> Self {
        Self::of(StreamMode::STATUS, user.0)
    }

    /// A chat room.
    #[must_use]
    pub fn room(name: &str) -> Self {
        let mut stream = Self::of(StreamMode::CHANNEL, Uuid::nil());
        stream.label = Arc::from(name);
        stream
    }

    /// A group's chat.
    #[must_use]
    pub fn group(group: Uuid) -> Self {
        Self::of(StreamMode::GROUP, group)
    }

    /// The direct chat of two users: the same stream whoever asks.
    #[must_use]
    pub fn direct(a: UserId, b: UserId) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let mut stream = Self::of(StreamMode::DIRECT, low.0);
        stream.subcontext = high.0;
        stream
    }

    /// A relayed match.
    #[must_use]
    pub fn relayed_match(id: Uuid) -> Self {
        Self::of(StreamMode::MATCH_RELAYED, id)
    }

    /// A match that a node runs.
    #[must_use]
    pub fn hosted_match(id: Uuid, node: &NodeName) -> Self {
        let mut stream = Self::of(StreamMode::MATCH_AUTHORITATIVE, id);
        stream.label = Arc::from(node.as_str());
        stream
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.mode.0)?;
        for id in [&self.subject, &self.subcontext] {
            if !id.is_nil() {
                write!(f, "{}", id.as_hyphenated())?;
            }
            f.write_str(".")?;
        }
        f.write_str(&self.label)
    }
}

/// Why a text is no [`Stream`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stream address is <mode>.<subject>.<subcontext>.<label>")]
pub struct ParseStreamError;

impl FromStr for Stream {
    type Err = ParseStreamError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut parts = s.splitn(4, '.');
        let mut next = || parts.next().ok_or(ParseStreamError);
        let mode = next()?.parse().map(StreamMode).map_err(|_| ParseStreamError)?;
        let uuid = |text: &str| match text {
            "" => Ok(Uuid::nil()),
            text => text.parse::<UserId>().map(|id| id.0).map_err(|_| ParseStreamError),
        };
        let subject = uuid(next()?)?;
        let subcontext = uuid(next()?)?;
        Ok(Self { mode, subject, subcontext, label: Arc::from(next()?) })
    }
}

/// What a session shows of itself on one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PresenceMeta {
    /// The user name at the time of joining.
    pub username: Arc<str>,
    /// Not listed, and no join or leave is announced.
    pub hidden: bool,
    /// Wants what is sent here to be kept.
    pub persistence: bool,
    /// Free text; `Some` on status streams only.
    pub status: Option<Arc<str>>,
}

/// One session of one user on one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presence {
    /// The user.
    pub user: UserId,
    /// The socket.
    pub session: SessionId,
    /// What it shows.
    pub meta: Arc<PresenceMeta>,
}

/// Why a presence came or went. The numbers are those that server code sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum PresenceReason {
    Unknown = 0,
    Join = 1,
    Update = 2,
    Leave = 3,
    Disconnect = 4,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip() {
        let (a, b) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        for stream in [
            Stream::room("a.b.c"),
            Stream::group(Uuid::from_u128(9)),
            Stream::direct(b, a),
            Stream::status(a),
        ] {
            assert_eq!(stream.to_string().parse::<Stream>().unwrap(), stream);
        }
        assert_eq!(Stream::room("lobby").to_string(), "2...lobby");
        assert_eq!(Stream::direct(a, b), Stream::direct(b, a));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "2", "2..", "x...room", "300...room", "2.zz..room"] {
            assert!(bad.parse::<Stream>().is_err(), "{bad}");
        }
    }
}
