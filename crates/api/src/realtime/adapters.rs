//! What subsystems need of each other, handed to them.

use std::sync::Arc;

use parking_lot::Mutex;
use tavern_domain::{CodedError, Presence, SessionId, Stream, StreamMode, TokenId};
use tavern_matches::{Entered, Members};
use tavern_presence::{LocalPresence, OpenSessions, Presences};
use tavern_protocol::Outgoing;
use tavern_streams::Streams;
use uuid::Uuid;

use crate::services;

/// A session is open as long as it can be sent to.
pub(crate) struct OpenSockets(pub(crate) Arc<Streams<Outgoing>>);

impl OpenSessions for OpenSockets {
    fn is_open(&self, session: SessionId) -> bool {
        self.0.is_open(session)
    }
}

/// The members of a relayed match are the presences on its stream.
pub(crate) struct MatchMembers {
    pub(crate) streams: Arc<Streams<Outgoing>>,
    pub(crate) presence: Arc<LocalPresence>,
}

impl Members for MatchMembers {
    fn enter(&self, stream: &Stream, who: &Presence) -> Result<Entered, CodedError> {
        let tracked = services::enter(&self.streams, &self.presence, who, stream)?;
        Ok(Entered { new: tracked.new, before: tracked.before })
    }

    fn leave(&self, stream: &Stream, session: SessionId) -> bool {
        self.streams.unsubscribe(session, stream);
        self.presence.untrack(session, stream)
    }

    fn is_member(&self, stream: &Stream, session: SessionId) -> bool {
        self.presence.is_on(session, stream)
    }

    fn size(&self, stream: &Stream) -> usize {
        self.presence.count(stream).total()
    }

    fn matches(&self, limit: usize, keep: &mut dyn FnMut(usize) -> bool) -> Vec<(Uuid, usize)> {
        let mode = StreamMode::MATCH_RELAYED;
        self.presence
            .streams_of_mode(mode, limit, &mut |_, count| keep(count.total()))
            .into_iter()
            .map(|(stream, count)| (stream.subject, count.total()))
            .collect()
    }
}

/// Which log-in each open socket belongs to, so that a logout closes the right ones.
#[derive(Default)]
pub(crate) struct Logins(Mutex<hashbrown::HashMap<SessionId, TokenId>>);

impl Logins {
    pub(crate) fn opened(&self, session: SessionId, login: TokenId) {
        self.0.lock().insert(session, login);
    }

    pub(crate) fn closed(&self, session: SessionId) {
        let mut map = self.0.lock();
        map.remove(&session);
        if map.capacity() > 1024 && map.len() < map.capacity() / 8 {
            map.shrink_to_fit();
        }
    }

    pub(crate) fn get(&self, session: SessionId) -> Option<TokenId> {
        self.0.lock().get(&session).copied()
    }
}
