//! Tickets of players and parties.

use std::collections::BTreeMap;
use std::sync::Arc;

use tavern_domain::{RealtimeCode, Stream};
use tavern_matchmaker::{MatchmakerError, Owner, Player, TicketId, TicketSpec};
use tavern_parties::Member;
use tavern_protocol::Outgoing;
use tavern_protocol::realtime::{
    Envelope, MatchmakerAdd, MatchmakerRemove, MatchmakerTicket, PartyMatchmakerAdd,
    PartyMatchmakerRemove, PartyMatchmakerTicket, envelope::Message,
};
use tavern_streams::Class;

use super::parties;
use super::reply::{Reply, RtError, RtResult};
use super::session::Session;

/// Adds a ticket for one player.
pub(crate) fn add(session: &Session, request: MatchmakerAdd) -> RtResult {
    let wish = Wish {
        query: request.query,
        min_count: request.min_count,
        max_count: request.max_count,
        count_multiple: request.count_multiple,
        texts: request.string_properties,
        numbers: request.numeric_properties,
    };
    let spec = wish.of(Owner::Session(session.id()), vec![player(&parties::me(session))]);
    let ticket = session.services().matchmaker.add(spec).map_err(refused)?;
    // What ended meanwhile has looked for its tickets already.
    if !session.services().streams.is_open(session.id()) {
        session.services().matchmaker.remove_session(session.id());
    }
    let ticket = ticket.id.to_string();
    Ok(Reply::message(Message::MatchmakerTicket(MatchmakerTicket { ticket })))
}

/// Takes a ticket back.
pub(crate) fn remove(session: &Session, request: &MatchmakerRemove) -> RtResult {
    let owner = Owner::Session(session.id());
    let ticket = parse(&request.ticket)?;
    session.services().matchmaker.remove_of(&owner, ticket).map_err(refused)?;
    Ok(Reply::Ack)
}

/// Adds a ticket for all members of a party; each is told.
pub(crate) fn add_party(session: &Session, request: PartyMatchmakerAdd) -> RtResult {
    let id = parties::parse(&request.party_id)?;
    let services = session.services();
    let members = services.parties.led_by(session.id(), &id).map_err(parties::refused)?;
    let wish = Wish {
        query: request.query,
        min_count: request.min_count,
        max_count: request.max_count,
        count_multiple: request.count_multiple,
        texts: request.string_properties,
        numbers: request.numeric_properties,
    };
    let spec = wish.of(parties::owner(&id), members.iter().map(player).collect());
    let ticket = services.matchmaker.add(spec).map_err(refused)?;
    // Whoever came or went meanwhile has looked for the party's tickets already.
    if services.parties.led_by(session.id(), &id).ok().as_deref() != Some(&members[..]) {
        services.matchmaker.remove_all_of(&parties::owner(&id));
        return Err(RtError::bad_input("the party has changed meanwhile"));
    }
    let ticket = ticket.id.to_string();
    let message = Message::PartyMatchmakerTicket(PartyMatchmakerTicket {
        party_id: request.party_id,
        ticket,
    });
    tell_others(session, &id.stream(), message.clone());
    Ok(Reply::message(message))
}

/// Takes a party's ticket back.
pub(crate) fn remove_party(session: &Session, request: &PartyMatchmakerRemove) -> RtResult {
    let ticket = parse(&request.ticket)?;
    let id = parties::parse(&request.party_id)?;
    let services = session.services();
    services.parties.led_by(session.id(), &id).map_err(parties::refused)?;
    services.matchmaker.remove_of(&parties::owner(&id), ticket).map_err(refused)?;
    Ok(Reply::Ack)
}

fn tell_others(session: &Session, stream: &Stream, message: Message) {
    let message = Arc::new(Outgoing::new(Envelope::push(message)));
    session.services().streams.send_except(stream, session.id(), message, Class::Reliable);
}

/// What a ticket asks for and offers, whoever adds it.
struct Wish {
    query: String,
    min_count: i32,
    max_count: i32,
    count_multiple: Option<i32>,
    texts: BTreeMap<String, String>,
    numbers: BTreeMap<String, f64>,
}

impl Wish {
    fn of(self, owner: Owner, players: Vec<Player>) -> TicketSpec {
        TicketSpec {
            owner,
            players,
            texts: self.texts,
            numbers: self.numbers,
            query: self.query,
            min_count: self.min_count,
            max_count: self.max_count,
            count_multiple: self.count_multiple.unwrap_or(1),
            widening: Vec::new(),
        }
    }
}

fn player(member: &Member) -> Player {
    Player {
        user: member.user,
        session: member.session,
        username: Arc::clone(&member.username),
        node: None,
    }
}

fn parse(text: &str) -> Result<TicketId, RtError> {
    let invalid = |_| RtError::bad_input("invalid matchmaker ticket");
    text.parse::<tavern_domain::UserId>().map(|id| TicketId(id.0)).map_err(invalid)
}

/// In the public protocol a query that does not parse and a ticket too many have a code of their
/// own.
fn refused(error: MatchmakerError) -> RtError {
    let own = matches!(error, MatchmakerError::Query(_) | MatchmakerError::TooManyTickets { .. });
    let code = if own { RealtimeCode::RuntimeException } else { RealtimeCode::BadInput };
    RtError::new(code, error.to_string())
}
