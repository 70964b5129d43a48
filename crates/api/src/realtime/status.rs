//! Being online, and hearing who is.

use std::sync::Arc;

use tavern_domain::{CodedError, Presence, PresenceMeta, Stream, UserId};
use tavern_presence::{Include, Presences as _};
use tavern_protocol::realtime::{
    Status, StatusFollow, StatusUnfollow, StatusUpdate, envelope::Message,
};

use super::reply::{Reply, RtError, RtResult};
use super::session::Session;
use crate::{error, wire};

/// Puts the session's status on its user's status stream, or changes it.
pub(crate) fn appear(session: &Session, text: &str) -> Result<(), CodedError> {
    let meta = Arc::new(PresenceMeta {
        username: Arc::clone(session.username()),
        hidden: false,
        persistence: false,
        status: Some(Arc::from(text)),
    });
    let stream = Stream::status(session.user());
    let presence = &session.services().presence;
    let here = Presence { user: session.user(), session: session.id(), meta: Arc::clone(&meta) };
    let tracked = presence.track(&here, &stream).map_err(error::classified)?;
    if !tracked.new {
        presence.update(session.id(), &stream, &meta);
    }
    Ok(())
}

/// Changes the session's status; without one it appears offline.
pub(crate) fn update(session: &Session, request: StatusUpdate) -> RtResult {
    match request.status {
        None => {
            session.services().presence.untrack(session.id(), &Stream::status(session.user()));
        }
        Some(text) => {
            tavern_social::check_status(&text).map_err(error::classified)?;
            appear(session, &text)?;
        }
    }
    Ok(Reply::Ack)
}

/// Follows users: answers who of them is online, and from now on tells about changes.
pub(crate) async fn follow(session: &Session, request: &StatusFollow) -> RtResult {
    let services = session.services();
    let users = followed(session, request).await?;
    let mut presences = Vec::new();
    for user in users {
        let stream = Stream::status(user);
        // Subscribe before looking: a change in between comes twice rather than never.
        services.streams.subscribe(session.id(), &stream).map_err(error::classified)?;
        presences
            .extend(services.presence.list(&stream, Include::VISIBLE).iter().map(wire::presence));
    }
    Ok(Reply::message(Message::Status(Status { presences })))
}

/// The users that exist of those asked for, each once.
async fn followed(session: &Session, request: &StatusFollow) -> Result<Vec<UserId>, RtError> {
    let ids = parse_ids(&request.user_ids)?;
    if request.usernames.iter().any(String::is_empty) {
        return Err(RtError::bad_input("a username is empty"));
    }
    if ids.is_empty() && request.usernames.is_empty() {
        return Ok(Vec::new());
    }
    // Oneself is followed from the start and known to exist.
    if request.usernames.is_empty() && ids.iter().all(|id| *id == session.user()) {
        return Ok(vec![session.user()]);
    }
    let found = session
        .services()
        .storage
        .accounts
        .users(&ids, &request.usernames, &[])
        .await
        .map_err(error::storage)?;
    Ok(found.into_iter().map(|user| user.id).collect())
}

/// Stops following users; oneself stays followed.
pub(crate) fn unfollow(session: &Session, request: &StatusUnfollow) -> RtResult {
    for user in parse_ids(&request.user_ids)? {
        if user != session.user() {
            session.services().streams.unsubscribe(session.id(), &Stream::status(user));
        }
    }
    Ok(Reply::Ack)
}

fn parse_ids(ids: &[String]) -> Result<Vec<UserId>, RtError> {
    ids.iter()
        .map(|id| id.parse().map_err(|_| RtError::bad_input("a user id is malformed")))
        .collect()
}
