//! What each realtime message is to a delegated token, and what it is about.

use tavern_delegation::{Action, CallFacts, Element, Interface, Name, Standing};
use tavern_domain::MatchId;
use tavern_protocol::RtId;
use tavern_protocol::realtime::{envelope::Message, match_join};
use tavern_social::Channel;

use super::about::{channel, channel_of, of, targets};
use crate::caller::Player;
use crate::realtime::from_servers;
use crate::services::Services;

/// What is known of a message before it is looked into.
pub(crate) const fn facts(message: RtId) -> CallFacts {
    let (call, action) = nature(message);
    // Functions are the same however they are called.
    let standing =
        if matches!(message, RtId::Rpc) { Standing::Guarded } else { Standing::Ordinary };
    CallFacts { call, action, standing, interface: Interface::Socket }
}

/// The right that a message needs.
pub(super) const fn name(message: RtId) -> &'static str {
    nature(message).0
}

const fn nature(message: RtId) -> (&'static str, Action) {
    match message {
        RtId::Ping => ("Ping", Action::Read),
        RtId::Pong => ("Pong", Action::Read),
        RtId::StatusFollow => ("StatusFollow", Action::Read),
        RtId::StatusUnfollow => ("StatusUnfollow", Action::Read),
        RtId::PartyJoinRequestList => ("PartyJoinRequestList", Action::Read),
        RtId::StatusUpdate => ("StatusUpdate", Action::Write),
        RtId::ChannelJoin => ("ChannelJoin", Action::Write),
        RtId::ChannelLeave => ("ChannelLeave", Action::Write),
        RtId::ChannelMessageSend => ("ChannelMessageSend", Action::Write),
        RtId::ChannelMessageUpdate => ("ChannelMessageUpdate", Action::Write),
        RtId::ChannelMessageRemove => ("ChannelMessageRemove", Action::Write),
        RtId::MatchCreate => ("MatchCreate", Action::Write),
        RtId::MatchJoin => ("MatchJoin", Action::Write),
        RtId::MatchLeave => ("MatchLeave", Action::Write),
        RtId::MatchDataSend => ("MatchDataSend", Action::Write),
        RtId::MatchmakerAdd => ("MatchmakerAdd", Action::Write),
        RtId::MatchmakerRemove => ("MatchmakerRemove", Action::Write),
        RtId::PartyCreate => ("PartyCreate", Action::Write),
        RtId::PartyUpdate => ("PartyUpdate", Action::Write),
        RtId::PartyJoin => ("PartyJoin", Action::Write),
        RtId::PartyLeave => ("PartyLeave", Action::Write),
        RtId::PartyPromote => ("PartyPromote", Action::Write),
        RtId::PartyAccept => ("PartyAccept", Action::Write),
        RtId::PartyRemove => ("PartyRemove", Action::Write),
        RtId::PartyClose => ("PartyClose", Action::Write),
        RtId::PartyMatchmakerAdd => ("PartyMatchmakerAdd", Action::Write),
        RtId::PartyMatchmakerRemove => ("PartyMatchmakerRemove", Action::Write),
        RtId::PartyDataSend => ("PartyDataSend", Action::Write),
        RtId::Rpc => ("RpcFunc", Action::Write),
    }
}

/// Each thing that a message is about; none for a message about nothing in particular.
pub(crate) fn things(services: &Services, player: &Player, message: &Message) -> Vec<Element> {
    let user = player.user;
    match message {
        Message::ChannelJoin(m) => {
            let target = Channel::target(user, m.r#type, &m.target);
            vec![channel(target.ok().as_ref(), &m.target, user)]
        }
        Message::ChannelLeave(m) => vec![channel_of(&m.channel_id, user)],
        Message::ChannelMessageSend(m) => vec![channel_of(&m.channel_id, user)],
        Message::ChannelMessageUpdate(m) => vec![channel_of(&m.channel_id, user)],
        Message::ChannelMessageRemove(m) => vec![channel_of(&m.channel_id, user)],
        Message::MatchCreate(m) if m.name.is_empty() => Vec::new(),
        Message::MatchCreate(m) => of_match(&MatchId::relayed_by_name(&m.name)),
        Message::MatchJoin(m) => match &m.id {
            Some(match_join::Id::MatchId(id)) => vec![of(Name::Match, id)],
            Some(match_join::Id::Token(token)) => {
                let tokens = services.sessions.tokens();
                let id = tokens.verify_match(token, services.clock.now());
                id.map_or_else(|_| Vec::new(), |id| of_match(&id))
            }
            None => Vec::new(),
        },
        Message::MatchLeave(m) => vec![of(Name::Match, &m.match_id)],
        Message::MatchDataSend(m) => vec![of(Name::Match, &m.match_id)],
        Message::StatusFollow(m) => targets(m.user_ids.iter().chain(&m.usernames)),
        Message::StatusUnfollow(m) => targets(&m.user_ids),
        Message::Rpc(m) => vec![of(Name::Function, &m.id)],
        Message::PartyUpdate(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyJoin(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyLeave(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyPromote(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyAccept(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyRemove(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyClose(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyJoinRequestList(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyMatchmakerAdd(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyMatchmakerRemove(m) => vec![of(Name::Party, &m.party_id)],
        Message::PartyDataSend(m) => vec![of(Name::Party, &m.party_id)],
        Message::Ping(_)
        | Message::Pong(_)
        | Message::StatusUpdate(_)
        | Message::MatchmakerAdd(_)
        | Message::MatchmakerRemove(_)
        | Message::PartyCreate(_)
        // Refused before.
        | from_servers!() => Vec::new(),
    }
}

fn of_match(id: &MatchId) -> Vec<Element> {
    vec![Element::of(Name::Match, id.to_string())]
}
