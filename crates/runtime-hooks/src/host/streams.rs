//! Streams of the studio's own: who is on them, and what they hear.

use serde::{Deserialize, Serialize};
use tavern_domain::{SessionId, Stream, StreamMode, UserId};
use uuid::Uuid;

use super::declare::host_area;
use crate::value::Value;

/// The address of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct HostStream {
    /// What it is used for; 8 to 255 are free.
    pub mode: u8,
    /// Whom or what it is about, as a UUID.
    pub subject: Option<String>,
    /// A second subject, as a UUID.
    pub subcontext: Option<String>,
    /// A name.
    pub label: Option<String>,
}

impl HostStream {
    /// The address; `None` when a subject is no UUID.
    #[must_use]
    pub fn address(&self) -> Option<Stream> {
        let id = |text: &Option<String>| match text.as_deref() {
            None | Some("") => Some(Uuid::nil()),
            Some(text) => text.parse::<UserId>().ok().map(|id| id.0),
        };
        let mut stream = Stream::of(StreamMode(self.mode), id(&self.subject)?);
        stream.subcontext = id(&self.subcontext)?;
        stream.label = self.label.as_deref().unwrap_or_default().into();
        Some(stream)
    }
}

/// One on a stream, as server code names them: the socket is what counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostPresenceId {
    #[serde(default)]
    pub user_id: UserId,
    pub session_id: SessionId,
}

/// One on a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostPresence {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub node_id: String,
    pub node: String,
    pub hidden: bool,
    pub persistence: bool,
    pub username: String,
    pub status: String,
}

/// What one shows on a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostPresenceMeta {
    pub hidden: bool,
    pub persistence: bool,
    pub username: String,
    pub status: String,
}

host_area! {
    /// Streams of the studio's own: who is on them, and what they hear.
    StreamsHost

    /// Who is on a stream of this node, in the order in which they came.
    fn stream_user_list as "streamUserList" (StreamUserList {
        stream: HostStream,
        include_hidden: Option<bool>,
        include_not_hidden: Option<bool>,
    }) -> Vec<HostPresence>;

    /// What a socket shows on a stream; nothing when it is not there.
    fn stream_user_get as "streamUserGet" (StreamUserGet {
        user_id: UserId,
        session_id: SessionId,
        stream: HostStream,
    }) -> Option<HostPresenceMeta>;

    /// Lets a socket of a user hear a stream and shows it there; answers whether that is new.
    /// Hidden ones are not announced.
    fn stream_user_join as "streamUserJoin" (StreamUserJoin {
        user_id: UserId,
        session_id: SessionId,
        stream: HostStream,
        hidden: Option<bool>,
        persistence: Option<bool>,
        status: Option<String>,
    }) -> bool;

    /// Changes what a socket shows on a stream; one that is not there is an error.
    fn stream_user_update as "streamUserUpdate" (StreamUserUpdate {
        user_id: UserId,
        session_id: SessionId,
        stream: HostStream,
        hidden: Option<bool>,
        persistence: Option<bool>,
        status: Option<String>,
    }) -> ();

    /// Takes a socket off a stream; one that is not there is fine.
    fn stream_user_leave as "streamUserLeave" (StreamUserLeave {
        user_id: UserId,
        session_id: SessionId,
        stream: HostStream,
    }) -> ();

    /// Takes somebody off a stream; one that is not there is fine.
    fn stream_user_kick as "streamUserKick" (StreamUserKick {
        presence: HostPresenceId,
        stream: HostStream,
    }) -> ();

    /// How many are on a stream of this node, hidden ones included.
    fn stream_count as "streamCount" (StreamCount {
        stream: HostStream,
    }) -> usize;

    /// Takes everybody off a stream.
    fn stream_close as "streamClose" (StreamClose {
        stream: HostStream,
    }) -> ();

    /// Sends a text to all who hear a stream, or to those named of them. What need not arrive is
    /// dropped where a connection is slow.
    fn stream_send as "streamSend" (StreamSend {
        stream: HostStream,
        data: String,
        presences: Option<Vec<HostPresenceId>>,
        reliable: Option<bool>,
    }) -> ();

    /// Sends an envelope of the realtime protocol to all who hear a stream, or to those named of
    /// them.
    fn stream_send_raw as "streamSendRaw" (StreamSendRaw {
        stream: HostStream,
        envelope: Value,
        presences: Option<Vec<HostPresenceId>>,
        reliable: Option<bool>,
    }) -> ();

    /// Makes a session hear of the status of users; those that are not there are left out.
    fn status_follow as "statusFollow" (StatusFollow {
        session_id: SessionId,
        user_ids: Vec<UserId>,
    }) -> ();

    /// Makes a session no longer hear of the status of users; that of its own user it always does.
    fn status_unfollow as "statusUnfollow" (StatusUnfollow {
        session_id: SessionId,
        user_ids: Vec<UserId>,
    }) -> ();
}
