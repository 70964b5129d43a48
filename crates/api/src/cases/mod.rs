//! The use cases: one function per call. Each takes the services, the call's context and the
//! request, and answers the response; it sees neither bytes nor hooks.

pub(crate) mod account;
pub(crate) mod authenticate;
pub(crate) mod channel;
pub(crate) mod health;
pub(crate) mod link;
pub(crate) mod matches;
pub(crate) mod rpc;
pub(crate) mod session;
pub(crate) mod social;
pub(crate) mod storage;
pub(crate) mod users;

use tavern_domain::{CodedError, UserId};
use tavern_protocol::Unit;

/// What most use cases answer.
pub(crate) const DONE: Result<Unit, CodedError> = Ok(Unit {});

/// A user id from a request.
pub(crate) fn parse_user(text: &str) -> Result<UserId, CodedError> {
    text.parse().map_err(|_| CodedError::invalid(format!("'{}' is no user id", shown(text))))
}

/// A client's text, short enough to be repeated to it.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}
