//! The use cases: one function per call. Each takes the services, the call's context and the
//! request, and answers the response; it sees neither bytes nor hooks.

pub(crate) mod account;
pub(crate) mod archives;
pub(crate) mod authenticate;
pub(crate) mod channel;
pub(crate) mod events;
pub(crate) mod friends;
pub(crate) mod groups;
pub(crate) mod health;
pub(crate) mod leaderboards;
pub(crate) mod link;
pub(crate) mod lobby;
pub(crate) mod matches;
pub(crate) mod notifications;
pub(crate) mod purchases;
pub(crate) mod route;
pub(crate) mod rpc;
pub(crate) mod session;
pub(crate) mod social;
pub(crate) mod storage;
pub(crate) mod tokens;
pub(crate) mod tournaments;
pub(crate) mod users;

use tavern_domain::{CodedError, UserId};
use tavern_protocol::Unit;
use tavern_social::Author;

use crate::context::Context;

/// What most use cases answer.
pub(crate) const DONE: Result<Unit, CodedError> = Ok(Unit {});

/// A user id from a request.
pub(crate) fn parse_user(text: &str) -> Result<UserId, CodedError> {
    text.parse().map_err(|_| CodedError::invalid(format!("'{}' is no user id", shown(text))))
}

/// The player of a call, as the one who does something.
pub(crate) fn author(cx: &Context) -> Result<Author, CodedError> {
    let player = cx.player()?;
    Ok(Author { user: player.user, username: std::sync::Arc::clone(&player.username) })
}

/// User ids from a request.
pub(crate) fn parse_users(texts: &[String]) -> Result<Vec<UserId>, CodedError> {
    texts.iter().map(|text| parse_user(text)).collect()
}

/// A client's text, short enough to be repeated to it.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}
