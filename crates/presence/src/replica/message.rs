//! What nodes tell each other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tavern_domain::{
    Presence, PresenceMeta, PresenceReason, SessionId, Stream, StreamMode, UserId,
};
use uuid::Uuid;

/// Which presence: a session on a stream.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The session.
    pub session: SessionId,
    /// The stream.
    pub stream: Arc<Stream>,
}

/// A presence and the number of its last change on its node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The stream.
    pub stream: Arc<Stream>,
    /// Who is there, and what they show.
    pub presence: Presence,
    /// The number.
    pub version: u64,
}

impl Entry {
    /// Which presence it is.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { session: self.presence.session, stream: Arc::clone(&self.stream) }
    }
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// Somebody came, or shows something else.
    Put(Entry),
    /// Somebody went.
    Gone {
        /// Who, from where.
        place: Place,
        /// The number.
        version: u64,
        /// Why.
        reason: PresenceReason,
    },
}

impl Op {
    /// The number of the change.
    #[must_use]
    pub fn version(&self) -> u64 {
        match self {
            Self::Put(entry) => entry.version,
            Self::Gone { version, .. } => *version,
        }
    }

    /// Which presence it is about.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Put(entry) => entry.place(),
            Self::Gone { place, .. } => place.clone(),
        }
    }
}

/// What nodes tell each other. Every message but [`Message::Want`] is about its sender's presences
/// and names the sender's incarnation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// I live.
    Heartbeat {
        /// The sender's life.
        incarnation: u64,
        /// The number of its last change.
        version: u64,
        /// Of all its presences.
        digest: u64,
    },
    /// These are all my changes after `from` up to `to`.
    Delta {
        /// The sender's life.
        incarnation: u64,
        /// The number after which the changes begin.
        from: u64,
        /// The number of the last one.
        to: u64,
        /// In the order of their numbers.
        ops: Vec<Op>,
    },
    /// Tell me what I have missed of yours.
    Want {
        /// The life of the one who is asked.
        incarnation: u64,
        /// Up to here nothing is missing.
        since: u64,
        /// Of what the asking node has, by bucket.
        digests: Vec<u64>,
    },
    /// This is what I have, as of `version`.
    State {
        /// The sender's life.
        incarnation: u64,
        /// The number of its last change.
        version: u64,
        /// Buckets that are as the asking node has them.
        same: Vec<u16>,
        /// Buckets, whole.
        buckets: Vec<(u16, Vec<Entry>)>,
    },
    /// I stop.
    Goodbye {
        /// The sender's life.
        incarnation: u64,
    },
}

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
#[error("not a message between nodes: {0}")]
pub struct DecodeError(#[from] postcard::Error);

impl Message {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("all of its types can be written")
    }

    /// From bytes.
    ///
    /// # Errors
    /// [`DecodeError`] when they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(postcard::from_bytes(bytes)?)
    }
}

/// [`Place`] on the wire.
#[derive(Serialize, Deserialize)]
struct WirePlace {
    mode: u8,
    subject: Uuid,
    subcontext: Uuid,
    label: String,
    session: SessionId,
}

/// [`Entry`] on the wire.
#[derive(Serialize, Deserialize)]
struct WireEntry {
    place: WirePlace,
    user: UserId,
    username: String,
    hidden: bool,
    persistence: bool,
    status: Option<String>,
    version: u64,
}

/// [`Op`] on the wire.
#[derive(Serialize, Deserialize)]
enum WireOp {
    Put(WireEntry),
    Gone { place: WirePlace, version: u64, reason: u8 },
}

impl From<&Place> for WirePlace {
    fn from(place: &Place) -> Self {
        let Stream { mode, subject, subcontext, label } = &*place.stream;
        Self {
            mode: mode.0,
            subject: *subject,
            subcontext: *subcontext,
            label: label.to_string(),
            session: place.session,
        }
    }
}

impl From<WirePlace> for Place {
    fn from(wire: WirePlace) -> Self {
        let WirePlace { mode, subject, subcontext, label, session } = wire;
        let stream = Stream { mode: StreamMode(mode), subject, subcontext, label: label.into() };
        Self { session, stream: Arc::new(stream) }
    }
}

impl From<&Entry> for WireEntry {
    fn from(entry: &Entry) -> Self {
        let Presence { user, meta, .. } = &entry.presence;
        Self {
            place: (&entry.place()).into(),
            user: *user,
            username: meta.username.to_string(),
            hidden: meta.hidden,
            persistence: meta.persistence,
            status: meta.status.as_deref().map(str::to_owned),
            version: entry.version,
        }
    }
}

impl From<WireEntry> for Entry {
    fn from(wire: WireEntry) -> Self {
        let WireEntry { place, user, username, hidden, persistence, status, version } = wire;
        let Place { session, stream } = place.into();
        let meta = PresenceMeta {
            username: username.into(),
            hidden,
            persistence,
            status: status.map(Into::into),
        };
        Self { stream, presence: Presence { user, session, meta: Arc::new(meta) }, version }
    }
}

impl Serialize for Entry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WireEntry::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WireEntry::deserialize(deserializer).map(Into::into)
    }
}

impl Serialize for Op {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Put(entry) => WireOp::Put(entry.into()),
            Self::Gone { place, version, reason } => {
                WireOp::Gone { place: place.into(), version: *version, reason: *reason as u8 }
            }
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Op {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match WireOp::deserialize(deserializer)? {
            WireOp::Put(entry) => Self::Put(entry.into()),
            WireOp::Gone { place, version, reason } => {
                let reason = match reason {
                    3 => PresenceReason::Leave,
                    4 => PresenceReason::Disconnect,
                    _ => PresenceReason::Unknown,
                };
                Self::Gone { place: place.into(), version, reason }
            }
        })
    }
}
