//! Matches that the server runs.

use std::collections::BTreeMap;

use tavern_domain::MatchId;
use tavern_matches::{MatchError, member};
use tavern_protocol::realtime::{Match, MatchDataSend, envelope::Message};
use tavern_runtime_hooks::matches::{JoinAttempt, MatchMessage, MatchPlayer};

use super::matches::{entered, refused, sender};
use super::reply::{Reply, RtResult};
use super::session::Session;
use crate::wire;

fn player(session: &Session) -> MatchPlayer {
    MatchPlayer {
        user: session.user(),
        session: session.id(),
        username: session.username().clone(),
        node: session.services().node.clone(),
        reason: None,
    }
}

/// Joins a match, if it wants the player.
pub(super) async fn join(
    session: &Session,
    id: &MatchId,
    metadata: BTreeMap<String, String>,
) -> RtResult {
    let who = member(session.user(), session.id(), session.username());
    let attempt = JoinAttempt { player: player(session), metadata, caller: session.context() };
    let joined = session.services().hosted.join(id, &who, attempt).await;
    let joined = joined.map_err(|error: MatchError| refused(error))?;
    entered(session, id);
    Ok(Reply::message(Message::Match(Match {
        match_id: id.to_string(),
        authoritative: true,
        label: Some(joined.info.label.to_string()),
        size: i32::try_from(joined.presences.len()).unwrap_or(i32::MAX),
        presences: wire::presences(&joined.presences),
        self_: Some(sender(session)),
    })))
}

/// Hands data to the match. Where there is no room for it, nothing more is read from the player
/// until there is.
pub(super) async fn data(session: &Session, id: &MatchId, request: MatchDataSend) -> RtResult {
    let services = session.services();
    let message = MatchMessage {
        sender: player(session),
        op_code: request.op_code,
        data: request.data,
        reliable: request.reliable,
        received: services.clock.now(),
    };
    services.hosted.send(id, message).await;
    Ok(Reply::None)
}
