//! Matches: relayed ones here, those that the server runs in [`super::hosted`].

use std::sync::Arc;

use tavern_domain::{MatchId, StreamMode};
use tavern_matches::{Admission, Joined, MatchError, Recipients, member, parse_id, parse_listed};
use tavern_presence::Presences as _;
use tavern_protocol::Outgoing;
use tavern_protocol::realtime::{
    Envelope, Match, MatchCreate, MatchData, MatchDataSend, MatchJoin, MatchLeave, UserPresence,
    envelope::Message, match_join,
};
use tavern_streams::Class;

use super::hosted;
use super::reply::{Reply, RtError, RtResult};
use super::session::Session;
use crate::wire;

/// Creates a match, or joins the one of that name.
pub(crate) fn create(session: &Session, request: &MatchCreate) -> RtResult {
    let who = member(session.user(), session.id(), session.username());
    let joined = session.services().matches.create(&who, &request.name).map_err(refused)?;
    only_this(session, &joined.id);
    Ok(answer(session, joined))
}

/// Joins a match by its id, or by the token of the matchmaker.
pub(crate) async fn join(session: &Session, request: MatchJoin) -> RtResult {
    let (id, by) = match &request.id {
        None => return Err(RtError::bad_input("a match id or token is required")),
        Some(match_join::Id::MatchId(text)) => (parse(text)?, Admission::Id),
        Some(match_join::Id::Token(token)) => {
            let services = session.services();
            let id = services.sessions.tokens().verify_match(token, services.clock.now());
            let id = id.map_err(|_| RtError::bad_input("the match token is not good"))?;
            (id, Admission::Token)
        }
    };
    if id.node.is_some() {
        return hosted::join(session, &id, request.metadata).await;
    }
    let who = member(session.user(), session.id(), session.username());
    let joined = session.services().matches.join(&who, &id, by).map_err(refused)?;
    entered(session, &joined.id);
    Ok(answer(session, joined))
}

/// The session is in a match: in no other, where it may be in one only.
pub(super) fn entered(session: &Session, id: &MatchId) {
    session.services().logins.joined(session.id());
    only_this(session, id);
}

/// Leaves all other matches, where a session may be in one only.
fn only_this(session: &Session, id: &MatchId) {
    let services = session.services();
    if !services.config.single_match {
        return;
    }
    for stream in services.presence.streams_of(session.id()) {
        let is_match =
            matches!(stream.mode, StreamMode::MATCH_RELAYED | StreamMode::MATCH_AUTHORITATIVE);
        if is_match && stream.subject != id.id {
            services.leave(session.id(), &stream);
        }
    }
}

/// Leaves a match; to leave what one is not in is fine.
pub(crate) fn leave(session: &Session, request: &MatchLeave) -> RtResult {
    let id = parse(&request.match_id)?;
    let services = session.services();
    if id.node.is_some() {
        services.hosted.leave(&id, session.id());
    } else {
        services.matches.leave(session.id(), &id);
    }
    Ok(Reply::Ack)
}

/// Sends data to the other members, or to those listed. Nobody is answered.
pub(crate) async fn data(session: &Session, request: MatchDataSend) -> RtResult {
    let services = session.services();
    let without_cid = |error: RtError| RtError { with_cid: false, ..error };
    let id = parse(&request.match_id).map_err(without_cid)?;
    if id.node.is_some() {
        return hosted::data(session, &id, request).await;
    }
    let listed = request.presences.iter().map(|p| p.session_id.as_str());
    let listed = parse_listed(listed, services.matches.config()).map_err(refused);
    let listed = listed.map_err(without_cid)?;
    let Some(route) = services.matches.route(session.id(), &id, &listed) else {
        return Ok(Reply::None);
    };
    let class = if request.reliable { Class::Reliable } else { Class::Unreliable };
    let message = Message::MatchData(MatchData {
        match_id: request.match_id,
        presence: Some(sender(session)),
        op_code: request.op_code,
        data: request.data,
        reliable: request.reliable,
    });
    let message = Arc::new(Outgoing::new(Envelope::push(message)));
    match route.to {
        Recipients::AllBut(sender) => {
            services.streams.send_except(&route.stream, sender, message, class)
        }
        Recipients::Only(sessions) => {
            services.streams.send_to_members(&route.stream, sessions, message, class)
        }
    };
    Ok(Reply::None)
}

pub(super) fn sender(session: &Session) -> UserPresence {
    UserPresence {
        user_id: session.user().to_string(),
        session_id: session.id().to_string(),
        username: session.username().to_string(),
        persistence: false,
        status: None,
    }
}

fn parse(text: &str) -> Result<MatchId, RtError> {
    parse_id(text).map_err(refused)
}

fn answer(session: &Session, joined: Joined) -> Reply {
    Reply::message(Message::Match(Match {
        match_id: joined.id.to_string(),
        authoritative: false,
        label: None,
        size: i32::try_from(joined.size).unwrap_or(i32::MAX),
        presences: wire::presences(&joined.presences),
        self_: Some(sender(session)),
    }))
}

pub(super) fn refused(error: MatchError) -> RtError {
    let code = error.realtime_code();
    RtError::new(code, error.to_string())
}
