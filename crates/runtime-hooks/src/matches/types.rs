//! What callbacks of a match get and answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
use tavern_domain::{MatchId, NodeName, PresenceReason, SessionId, Timestamp, UserId};

use super::dispatcher::Dispatcher;
use crate::context::HookContext;

/// What every callback is told of its match.
#[derive(Clone, Debug)]
pub struct MatchContext {
    /// Which match.
    pub id: MatchId,
    /// The node that runs it.
    pub node: NodeName,
    /// The name that its factory was registered by.
    pub handler: Arc<str>,
    /// How many loops there have been; 0 before the first.
    pub tick: i64,
    /// Loops per second, 1 to 60; 0 while the match is being made.
    pub tick_rate: u32,
    /// The label at present; empty while the match is being made.
    pub label: Arc<str>,
    /// What the match can do.
    pub dispatcher: Dispatcher,
}

/// A player in a match, as server code sees it: `user_id`, `session_id`, `username`, `node` and,
/// where it has one, `reason`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MatchPlayer {
    /// The user.
    pub user: UserId,
    /// The socket.
    pub session: SessionId,
    /// The user's name in the session.
    pub username: Arc<str>,
    /// The node that the socket is on.
    pub node: NodeName,
    /// Why it came or went; only in lists of those who did.
    pub reason: Option<PresenceReason>,
}

impl Serialize for MatchPlayer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = 4 + usize::from(self.reason.is_some());
        let mut player = serializer.serialize_struct("MatchPlayer", fields)?;
        player.serialize_field("user_id", &self.user)?;
        player.serialize_field("session_id", &self.session)?;
        player.serialize_field("username", &*self.username)?;
        player.serialize_field("node", self.node.as_str())?;
        if let Some(reason) = self.reason {
            player.serialize_field("reason", &(reason as u8))?;
        }
        player.end()
    }
}

/// What a player has sent to the match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MatchMessage {
    /// Who.
    pub sender: MatchPlayer,
    /// What it is about: the game's own numbers.
    pub op_code: i64,
    /// What.
    pub data: Bytes,
    /// Whether the sender wanted it to arrive in any case.
    pub reliable: bool,
    /// When the server got it.
    pub received: Timestamp,
}

/// Bytes that are written as bytes.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Serialize for MatchMessage {
    /// As server code sees it: `sender`, `op_code`, `data` (nothing when it is empty), `reliable`
    /// and `receive_time_ms`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut message = serializer.serialize_struct("MatchMessage", 5)?;
        message.serialize_field("sender", &self.sender)?;
        message.serialize_field("op_code", &self.op_code)?;
        let data = (!self.data.is_empty()).then_some(Raw(&self.data));
        message.serialize_field("data", &data)?;
        message.serialize_field("reliable", &self.reliable)?;
        message.serialize_field("receive_time_ms", &self.received.millis())?;
        message.end()
    }
}

/// Somebody wants to join.
#[derive(Clone, Debug)]
pub struct JoinAttempt {
    /// Who.
    pub player: MatchPlayer,
    /// What the client gave along.
    pub metadata: BTreeMap<String, String>,
    /// The session: what hooks are told of a call.
    pub caller: HookContext,
}

/// Whether a match goes on after a callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It does.
    Continue,
    /// It ends now. The players leave it without being told.
    End,
}

/// What a match says to one who wants to join.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JoinAnswer {
    /// Come in.
    Accept,
    /// Stay out, with a reason for the player; empty means none is given.
    Reject(String),
    /// The match ends now, without the player.
    End,
}

/// What a match says to a signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignalAnswer {
    /// The reply to whoever has sent it.
    Reply(String),
    /// The match ends now; the sender is told that there is no match.
    End,
}

/// A player as server code names one: the id of the socket is what counts.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Named {
    pub(super) session_id: SessionId,
    #[serde(default)]
    pub(super) user_id: UserId,
    #[serde(default)]
    pub(super) username: String,
}
