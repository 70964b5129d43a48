//! What subsystems need of each other, handed to them.

use std::sync::Arc;

use parking_lot::Mutex;
use tavern_delegation::Delegate;
use tavern_domain::{
    CodedError, MatchId, Presence, SessionId, Stream, StreamMode, TokenId, UserId,
};
use tavern_matches::{Entered, Members, Stage};
use tavern_presence::{Include, LocalPresence, OpenSessions, Presences};
use tavern_protocol::Outgoing;
use tavern_protocol::realtime::{self, Envelope, envelope::Message};
use tavern_runtime_hooks::matches::Broadcast;
use tavern_social::{Channel, ChatMessage, Live, Notification, Whom};
use tavern_streams::{Class, CloseReason, Streams};
use uuid::Uuid;

use crate::caller::Player;
use crate::services;
use crate::wire::{self, ChannelName};

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

impl Stage for MatchMembers {
    fn send(&self, stream: &Stream, id: &MatchId, message: &Broadcast) {
        if self.streams.subscribers(stream) == 0 {
            return;
        }
        let presence =
            message.sender.as_ref().map(|(user, session, username)| realtime::UserPresence {
                user_id: user.to_string(),
                session_id: session.to_string(),
                username: username.to_string(),
                ..Default::default()
            });
        let data = push(Message::MatchData(realtime::MatchData {
            match_id: id.to_string(),
            presence,
            op_code: message.op_code,
            data: message.data.clone(),
            reliable: message.reliable,
        }));
        let class = if message.reliable { Class::Reliable } else { Class::Unreliable };
        match &message.to {
            None => self.streams.send(stream, data, class),
            Some(sessions) => self.streams.send_to_members(stream, sessions, data, class),
        };
    }

    fn dismiss(&self, stream: &Stream, failed: bool) {
        let gone = self.presence.list(stream, Include::ALL);
        // First nobody hears anything, then all leave: they are not told.
        for presence in &gone {
            self.streams.unsubscribe(presence.session, stream);
        }
        for presence in &gone {
            self.presence.untrack(presence.session, stream);
            if failed {
                self.streams.close(presence.session, CloseReason::MatchFailed);
            }
        }
    }
}

/// Shows what friends, groups and chats have to say on the sockets that it concerns.
pub(crate) struct LiveSockets {
    pub(crate) streams: Arc<Streams<Outgoing>>,
    pub(crate) presence: Arc<LocalPresence>,
}

fn push(message: Message) -> Arc<Outgoing> {
    Arc::new(Outgoing::new(Envelope::push(message)))
}

fn notifications(some: &[&Notification]) -> Arc<Outgoing> {
    let notifications = some.iter().map(|one| wire::live_notification(one)).collect();
    push(Message::Notifications(realtime::Notifications { notifications }))
}

impl Live for LiveSockets {
    fn notify(&self, some: &[Notification]) {
        // One message for each user, in which the order is kept.
        let mut each: Vec<(UserId, Vec<&Notification>)> = Vec::with_capacity(some.len());
        let mut places = hashbrown::HashMap::with_capacity(some.len());
        for one in some {
            let user = one.kept.user;
            let place = *places.entry(user).or_insert_with(|| {
                each.push((user, Vec::new()));
                each.len() - 1
            });
            each[place].1.push(one);
        }
        for (user, own) in each {
            let stream = Stream::notifications(user);
            // Most of those who are told something are not there.
            if self.streams.subscribers(&stream) > 0 {
                self.streams.send(&stream, notifications(&own), Class::Reliable);
            }
        }
    }

    fn notify_everybody(&self, one: &Notification) {
        self.streams.send_to_all(&notifications(&[one]), Class::Reliable);
    }

    fn said(&self, message: &ChatMessage) {
        let stream = message.channel.stream();
        if self.streams.subscribers(stream) > 0 {
            let message = wire::channel_message(message.clone(), ChannelName::of(stream));
            self.streams.send(stream, push(Message::ChannelMessage(message)), Class::Reliable);
        }
    }

    fn evict(&self, channel: &Channel, whom: Whom<'_>) {
        let stream = channel.stream();
        let mut gone = self.presence.list(stream, Include::ALL);
        gone.retain(|presence| match whom {
            Whom::Everybody => true,
            Whom::Users(users) => users.contains(&presence.user),
        });
        // First none of them hears anything, then all of them leave: they are not told.
        for presence in &gone {
            self.streams.unsubscribe(presence.session, stream);
        }
        for presence in &gone {
            self.presence.untrack(presence.session, stream);
        }
    }
}

/// Which log-in each open socket belongs to, so that a logout closes the right ones, and its name.
#[derive(Default)]
pub(crate) struct Logins(Mutex<hashbrown::HashMap<SessionId, Opened>>);

/// What a socket was opened with.
struct Opened {
    login: TokenId,
    username: Arc<str>,
    delegation: Option<Arc<Delegate>>,
    /// What it was told of its last match, until it joins one.
    matched: Option<Arc<Outgoing>>,
    /// The same, told before its socket broke: perhaps nobody has heard it.
    in_doubt: Option<Arc<Outgoing>>,
}

impl Logins {
    pub(crate) fn opened(
        &self,
        session: SessionId,
        player: &Player,
        delegation: Option<&Arc<Delegate>>,
    ) {
        let opened = Opened {
            login: player.token_id,
            username: Arc::clone(&player.username),
            delegation: delegation.cloned(),
            matched: None,
            in_doubt: None,
        };
        self.0.lock().insert(session, opened);
    }

    /// The socket broke.
    pub(crate) fn broken(&self, session: SessionId) {
        if let Some(opened) = self.0.lock().get_mut(&session) {
            opened.in_doubt = opened.matched.take();
        }
    }

    /// Another socket, perhaps with a refreshed token, goes on with the session. Answers what it
    /// was told of its last match before the old one broke, unless it has joined one.
    pub(crate) fn resumed(&self, session: SessionId, player: &Player) -> Option<Arc<Outgoing>> {
        let mut map = self.0.lock();
        let opened = map.get_mut(&session)?;
        opened.username = Arc::clone(&player.username);
        let in_doubt = opened.in_doubt.take();
        if opened.matched.is_none() {
            opened.matched.clone_from(&in_doubt);
        }
        in_doubt
    }

    /// The session has been told of a match.
    pub(crate) fn matched(&self, session: SessionId, message: &Arc<Outgoing>) {
        if let Some(opened) = self.0.lock().get_mut(&session) {
            opened.matched = Some(Arc::clone(message));
        }
    }

    /// The session has joined a match.
    pub(crate) fn joined(&self, session: SessionId) {
        if let Some(opened) = self.0.lock().get_mut(&session) {
            (opened.matched, opened.in_doubt) = (None, None);
        }
    }

    pub(crate) fn closed(&self, session: SessionId) {
        let mut map = self.0.lock();
        map.remove(&session);
        if map.capacity() > 1024 && map.len() < map.capacity() / 8 {
            map.shrink_to_fit();
        }
    }

    pub(crate) fn get(&self, session: SessionId) -> Option<TokenId> {
        self.0.lock().get(&session).map(|opened| opened.login)
    }

    /// Whether a socket was opened with a delegated token.
    pub(crate) fn is_delegated(&self, session: SessionId) -> bool {
        self.0.lock().get(&session).is_some_and(|opened| opened.delegation.is_some())
    }

    /// The sockets that were opened with a delegated token.
    pub(crate) fn delegated(&self) -> Vec<(SessionId, Arc<Delegate>)> {
        let map = self.0.lock();
        let each = map.iter().filter_map(|(session, opened)| {
            Some((*session, Arc::clone(opened.delegation.as_ref()?)))
        });
        each.collect()
    }

    pub(crate) fn username(&self, session: SessionId) -> Option<Arc<str>> {
        self.0.lock().get(&session).map(|opened| Arc::clone(&opened.username))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavern_domain::Timestamp;

    #[test]
    fn a_match_is_in_doubt_until_the_session_joins_one_even_without_a_socket() {
        let player = Player {
            user: UserId::NIL,
            username: "ada".into(),
            vars: std::collections::BTreeMap::new(),
            token_id: TokenId::NIL,
            issued: Timestamp::EPOCH,
            expires: Timestamp::EPOCH,
        };
        let (logins, session) = (Logins::default(), SessionId::NIL);
        logins.opened(session, &player, None);
        let found = push(Message::MatchmakerMatched(realtime::MatchmakerMatched::default()));
        logins.matched(session, &found);
        for _ in 0..2 {
            logins.broken(session);
            assert!(
                logins.resumed(session, &player).is_some_and(|told| Arc::ptr_eq(&told, &found))
            );
        }
        logins.broken(session);
        logins.joined(session);
        assert!(logins.resumed(session, &player).is_none());
    }
}
