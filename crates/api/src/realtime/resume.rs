//! A session goes on with another socket.
//!
//! What was sent while it had none waits in its outbox. But what was on its way to the old socket
//! when that broke is lost, and nobody can say how much that was. So the client is told anew where it
//! is and who is there, by events that every SDK knows; what it knows already changes nothing.

use std::sync::Arc;

use tavern_domain::{CodedError, PresenceReason, Stream, StreamMode};
use tavern_presence::{Include, PresenceDiff, Presences as _};
use tavern_protocol::Outgoing;
use tavern_protocol::realtime::{Envelope, envelope::Message, matchmaker_matched};

use super::events;
use super::session::{self, Session};
use super::status;
use crate::api::unauthenticated;
use crate::service::{Admission, Connection as _};

/// Goes on as a session with the same id, presences and outbox. Where it may not it is closed.
pub(crate) fn resume(
    parked: &Arc<Session>,
    admission: Admission,
) -> Result<Arc<Session>, CodedError> {
    let services = parked.services();
    let allowed = if services.streams.is_open(parked.id()) {
        session::check(services, &admission)
    } else {
        Err(unauthenticated("the session has ended"))
    };
    if let Err(refused) = allowed {
        parked.closed();
        return Err(refused);
    }
    let matched = services.logins.resumed(parked.id(), &admission.player);
    let appear = admission.status;
    let session = Arc::new(parked.succeeded_by(admission));
    let shown = services.presence.is_on(session.id(), &Stream::status(session.user()));
    let appeared = if appear && !shown { status::appear(&session, "") } else { Ok(()) };
    if let Err(error) = appeared {
        // It goes on all the same: a status is the least of what it has.
        tracing::debug!(%error, "no status for a session that goes on");
    }
    if let Some(message) = matched {
        tell_of_match(&session, message);
    }
    tell_all(&session);
    Ok(session)
}

/// Tells the session where it is and who is there.
fn tell_all(session: &Session) {
    let services = session.services();
    services.parties.tell_again(session.id());
    for stream in services.streams.subscriptions_of(session.id()) {
        // Parties have an event of their own.
        if stream.mode != StreamMode::PARTY {
            tell(session, &stream);
        }
    }
}

/// Tells the session again of its last match, as long as it can be joined.
fn tell_of_match(session: &Session, message: Arc<Outgoing>) {
    let services = session.services();
    let Some(Message::MatchmakerMatched(matched)) = &message.envelope().message else { return };
    let good = match &matched.id {
        Some(matchmaker_matched::Id::Token(token)) => {
            services.sessions.tokens().verify_match(token, services.clock.now()).is_ok()
        }
        Some(matchmaker_matched::Id::MatchId(_)) => true,
        None => false,
    };
    if good {
        session.hand(message);
    }
}

/// Tells the session who is on a stream. Somebody who leaves at this very moment may have been
/// announced to be gone before; so whoever is gone after is taken back.
fn tell(session: &Session, stream: &Stream) {
    let presence = &session.services().presence;
    let there = presence.list(stream, Include::VISIBLE);
    if there.is_empty() {
        return;
    }
    let diff = |joins: &[_], leaves: &[_]| {
        let diff = PresenceDiff { stream, joins, leaves, reason: PresenceReason::Join, version: 0 };
        if let Some(message) = events::event(&diff) {
            session.push(Envelope::push(message));
        }
    };
    diff(&there, &[]);
    let now = presence.list(stream, Include::VISIBLE);
    let gone: Vec<_> = there
        .into_iter()
        .filter(|one| !now.iter().any(|other| other.session == one.session))
        .collect();
    if !gone.is_empty() {
        diff(&[], &gone);
    }
}
