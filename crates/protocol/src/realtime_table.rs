//! The realtime messages: which a client may send, what they are called, and how they go into an
//! envelope.

use crate::realtime::{Envelope, envelope};

include!(concat!(env!("OUT_DIR"), "/realtime_table.rs"));

impl Envelope {
    /// A message that answers nothing.
    #[must_use]
    pub fn push(message: impl Into<envelope::Message>) -> Self {
        Self { cid: String::new(), message: Some(message.into()) }
    }

    /// The answer to the envelope with this `cid`.
    #[must_use]
    pub fn reply(cid: impl Into<String>, message: impl Into<envelope::Message>) -> Self {
        Self { cid: cid.into(), message: Some(message.into()) }
    }

    /// Tells the client that the envelope with this `cid` was carried out.
    #[must_use]
    pub fn ack(cid: impl Into<String>) -> Self {
        Self { cid: cid.into(), message: None }
    }

    /// Which message it holds, if it holds one that a client may send.
    #[must_use]
    pub fn rt_id(&self) -> Option<RtId> {
        self.message.as_ref().and_then(RtId::of)
    }
}

impl RtId {
    /// The message of this name; case matters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }
}
