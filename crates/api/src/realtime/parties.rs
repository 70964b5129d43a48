//! Parties.

use std::sync::Arc;

use tavern_domain::{CodedError, Presence, PresenceMeta, RealtimeCode, SessionId};
use tavern_matchmaker::{LocalMatchmaker, Owner};
use tavern_parties::{Joining, Member, News, PartyError, PartyId, Snapshot, Voice};
use tavern_presence::{LocalPresence, Presences as _};
use tavern_protocol::Outgoing;
use tavern_protocol::realtime::{
    Envelope, Party, PartyAccept, PartyClose, PartyCreate, PartyData, PartyDataSend, PartyJoin,
    PartyJoinRequest, PartyJoinRequestList, PartyLeader, PartyLeave, PartyPromote, PartyRemove,
    PartyUpdate, UserPresence, envelope::Message,
};
use tavern_streams::{Class, Streams};

use super::reply::{Reply, RtError, RtResult};
use super::session::Session;
use crate::services;

/// How the members of a party are told: they are the presences on its stream.
pub(crate) struct PartyVoice {
    pub(crate) streams: Arc<Streams<Outgoing>>,
    pub(crate) presence: Arc<LocalPresence>,
    pub(crate) matchmaker: Arc<LocalMatchmaker>,
}

impl Voice for PartyVoice {
    fn enter(&self, party: &PartyId, who: &Member) -> Result<(), CodedError> {
        let meta = PresenceMeta {
            username: Arc::clone(&who.username),
            hidden: false,
            persistence: false,
            status: None,
        };
        let who = Presence { user: who.user, session: who.session, meta: Arc::new(meta) };
        services::enter(&self.streams, &self.presence, &who, &party.stream()).map(drop)
    }

    fn leave(&self, party: &PartyId, session: SessionId) {
        let stream = party.stream();
        self.streams.unsubscribe(session, &stream);
        self.presence.untrack(session, &stream);
    }

    fn tell(&self, party: &PartyId, session: SessionId, news: News<'_>) {
        let message = push(message(party, news, Some(session)));
        self.streams.send_to(&[session], message, Class::Reliable);
    }

    fn tell_all(&self, party: &PartyId, news: News<'_>) {
        let message = push(message(party, news, None));
        self.streams.send(&party.stream(), message, Class::Reliable);
    }

    fn changed(&self, party: &PartyId) {
        self.matchmaker.remove_all_of(&owner(party));
    }
}

/// Who a party's tickets belong to.
pub(crate) fn owner(party: &PartyId) -> Owner {
    Owner::Party(party.to_string().into())
}

fn push(message: Message) -> Arc<Outgoing> {
    Arc::new(Outgoing::new(Envelope::push(message)))
}

fn message(party: &PartyId, news: News<'_>, whom: Option<SessionId>) -> Message {
    let party_id = party.to_string();
    match news {
        News::Joined(now) => {
            let own = now.members.iter().find(|member| Some(member.session) == whom);
            // Who joins is not told of labels, as in the public protocol.
            let label = String::new();
            Message::Party(Party { label, hidden: false, ..shown(now, own) })
        }
        News::Request(who) => {
            let presences = vec![presence(who)];
            Message::PartyJoinRequest(PartyJoinRequest { party_id, presences })
        }
        News::Leader(who) => {
            let presence = Some(presence(who));
            Message::PartyLeader(PartyLeader { party_id, presence })
        }
        News::Updated { open, hidden, label } => {
            let label = label.to_owned();
            Message::PartyUpdate(PartyUpdate { party_id, label, open, hidden })
        }
        News::Closed => Message::PartyClose(PartyClose { party_id }),
    }
}

fn shown(party: &Snapshot, own: Option<&Member>) -> Party {
    Party {
        party_id: party.id.to_string(),
        open: party.open,
        hidden: party.hidden,
        max_size: i32::try_from(party.max_size).unwrap_or(i32::MAX),
        self_: own.map(presence),
        leader: Some(presence(&party.leader)),
        presences: party.members.iter().map(presence).collect(),
        label: party.label.clone(),
    }
}

fn presence(member: &Member) -> UserPresence {
    UserPresence {
        user_id: member.user.to_string(),
        session_id: member.session.to_string(),
        username: member.username.to_string(),
        persistence: false,
        status: None,
    }
}

/// A session as a member.
pub(crate) fn me(session: &Session) -> Member {
    Member { user: session.user(), session: session.id(), username: Arc::clone(session.username()) }
}

/// Creates a party and leads it.
pub(crate) fn create(session: &Session, request: &PartyCreate) -> RtResult {
    let who = me(session);
    let parties = &session.services().parties;
    let PartyCreate { open, max_size, label, hidden } = request;
    let created = parties.create(&who, *open, *hidden, *max_size, label).map_err(refused)?;
    only_this(session, &created.id);
    Ok(Reply::message(Message::Party(shown(&created, Some(&who)))))
}

/// Joins an open party, or asks to join a closed one.
pub(crate) fn join(session: &Session, request: &PartyJoin) -> RtResult {
    let id = parse(&request.party_id)?;
    match session.services().parties.join(&me(session), &id).map_err(refused)? {
        Joining::In => only_this(session, &id),
        Joining::Asked => {}
    }
    Ok(Reply::Ack)
}

fn only_this(session: &Session, id: &PartyId) {
    if session.services().config.single_party {
        session.services().parties.leave_others(session.id(), Some(id));
    }
}

/// Leaves a party; one that is not there is fine.
pub(crate) fn leave(session: &Session, request: &PartyLeave) -> RtResult {
    session.services().parties.leave(session.id(), &parse(&request.party_id)?);
    Ok(Reply::Ack)
}

/// Makes another member the leader.
pub(crate) fn promote(session: &Session, request: PartyPromote) -> RtResult {
    let whom = whom(request.presence)?;
    let id = parse(&request.party_id)?;
    session.services().parties.promote(session.id(), &id, &whom).map_err(refused)?;
    Ok(Reply::Ack)
}

/// Lets one in who asks.
pub(crate) fn accept(session: &Session, request: PartyAccept) -> RtResult {
    let whom = whom(request.presence)?;
    let id = parse(&request.party_id)?;
    session.services().parties.accept(session.id(), &id, &whom).map_err(refused)?;
    Ok(Reply::Ack)
}

/// Removes a member, or turns one down who asks.
pub(crate) fn remove(session: &Session, request: PartyRemove) -> RtResult {
    let whom = whom(request.presence)?;
    let id = parse(&request.party_id)?;
    session.services().parties.remove(session.id(), &id, &whom).map_err(refused)?;
    Ok(Reply::Ack)
}

/// Ends a party.
pub(crate) fn close(session: &Session, request: &PartyClose) -> RtResult {
    let id = parse(&request.party_id)?;
    session.services().parties.close(session.id(), &id).map_err(refused)?;
    Ok(Reply::Ack)
}

/// Changes what a party is for those who look for one.
pub(crate) fn update(session: &Session, request: &PartyUpdate) -> RtResult {
    let id = parse(&request.party_id)?;
    let PartyUpdate { label, open, hidden, .. } = request;
    let parties = &session.services().parties;
    parties.update(session.id(), &id, *open, *hidden, label).map_err(refused)?;
    Ok(Reply::Ack)
}

/// Who asks to join.
pub(crate) fn requests(session: &Session, request: &PartyJoinRequestList) -> RtResult {
    let id = parse(&request.party_id)?;
    let asking = session.services().parties.requests(session.id(), &id).map_err(refused)?;
    Ok(Reply::message(Message::PartyJoinRequest(PartyJoinRequest {
        party_id: request.party_id.clone(),
        presences: asking.iter().map(presence).collect(),
    })))
}

/// Sends data to the other members.
pub(crate) fn data(session: &Session, request: PartyDataSend) -> RtResult {
    let id = parse(&request.party_id)?;
    let services = session.services();
    services.parties.check_member(session.id(), &id).map_err(refused)?;
    let message = push(Message::PartyData(PartyData {
        party_id: request.party_id,
        presence: Some(presence(&me(session))),
        op_code: request.op_code,
        data: request.data,
    }));
    services.streams.send_except(&id.stream(), session.id(), message, Class::Reliable);
    Ok(Reply::Ack)
}

pub(crate) fn parse(text: &str) -> Result<PartyId, RtError> {
    text.parse().map_err(refused)
}

/// Who is meant: all three parts must be there.
fn whom(presence: Option<UserPresence>) -> Result<Member, RtError> {
    let invalid = || RtError::bad_input("invalid presence");
    let presence = presence.ok_or_else(invalid)?;
    if presence.username.is_empty() {
        return Err(invalid());
    }
    Ok(Member {
        user: presence.user_id.parse().map_err(|_| invalid())?,
        session: presence.session_id.parse().map_err(|_| invalid())?,
        username: presence.username.into(),
    })
}

/// The public protocol has one code for all that a party refuses.
pub(crate) fn refused(error: PartyError) -> RtError {
    if let PartyError::Entering(error) = error {
        return error.into();
    }
    RtError::new(RealtimeCode::BadInput, error.to_string())
}
