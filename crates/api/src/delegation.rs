//! Delegated tokens, where calls and messages meet them.
//!
//! A token is told from a session token by its form, and stands for its user from there on: limits,
//! hooks and use cases see a player. What is different is that a call is looked at before it goes on:
//! which one it is, by [`calls`] and [`messages`], and each thing that it is about, by [`about`].
//! Hooks that change a request are the studio's own; what they make of it is not looked at again.

mod about;
mod calls;
mod messages;
pub(crate) mod sockets;

use std::sync::Arc;

use tavern_delegation::{
    CallFacts, DelegationError, Element, OPEN_SOCKET, RIGHT_TO_ALL, RIGHT_TO_READ, is_delegated,
};
use tavern_domain::{Classify as _, CodedError, ErrorCode, UserId};
use tavern_protocol::{CallId, RtId};

use crate::api::unauthenticated;
use crate::caller::{Caller, Delegation, Player};
use crate::error;
use crate::service::Input;
use crate::services::Services;

pub(crate) use about::About;
pub use about::canonical;

/// Whether a token can be given this right: it is the name of a call or message that tokens can
/// make, or one of the wide ones.
#[must_use]
pub fn is_right(name: &str) -> bool {
    [RIGHT_TO_ALL, RIGHT_TO_READ, OPEN_SOCKET].contains(&name)
        || CallId::from_name(name).is_some_and(calls::can_be_granted)
        || RtId::ALL.into_iter().any(|id| messages::name(id) == name)
}

impl Services {
    /// The one place where a bearer token is checked, for every transport.
    pub(crate) fn verify_bearer(&self, token: &str) -> Result<Caller, CodedError> {
        if !is_delegated(token) {
            return self.verify_session(token).map(Caller::Player);
        }
        let token = self.delegations.verify(token).map_err(refused)?;
        let player = Arc::new(player(&token));
        Ok(Caller::Delegate(Delegation { player, token }))
    }

    /// Lets a call go on if the caller is nobody's delegate, or the delegate's token allows it.
    pub(crate) async fn let_call<R: About>(
        &self,
        caller: &mut Caller,
        call: CallId,
        input: Interface,
        request: &R,
    ) -> Result<(), CodedError> {
        let Caller::Delegate(delegation) = caller else { return Ok(()) };
        let things = request.about(delegation.player.user);
        self.let_delegate(delegation, calls::facts(call, input), things).await
    }

    /// Lets a delegate go on if the account is there and the token allows the call.
    pub(crate) async fn let_delegate(
        &self,
        delegation: &mut Delegation,
        call: CallFacts,
        things: Vec<Element>,
    ) -> Result<(), CodedError> {
        self.confirm(delegation).await?;
        self.delegations.authorize(&delegation.token, call, things).map_err(refused)
    }

    /// Makes sure that the account is there, and takes up its name.
    pub(crate) async fn confirm(&self, delegation: &mut Delegation) -> Result<(), CodedError> {
        self.delegations.confirm(&delegation.token).await.map_err(refused)?;
        let username = delegation.token.username();
        if username != delegation.player.username {
            delegation.player = Arc::new(Player { username, ..Player::clone(&delegation.player) });
        }
        Ok(())
    }

    /// Ends every delegated token of a user, and the sockets that were opened with one.
    pub(crate) async fn end_delegations(&self, user: UserId) -> Result<(), CodedError> {
        self.delegations.revoke_all(user).await.map_err(error::classified)?;
        self.tell_of_revocations();
        self.close_delegated(false);
        Ok(())
    }
}

/// Where a call came in.
pub(crate) type Interface = tavern_delegation::Interface;

/// Where a call with this input came in.
pub(crate) const fn interface_of(input: &Input) -> Interface {
    match input {
        Input::Rest { .. } => Interface::Rest,
        Input::Binary(_) => Interface::Grpc,
    }
}

/// What use cases see of a delegate: the player that it stands for.
fn player(token: &tavern_delegation::Delegate) -> Player {
    Player {
        token_id: token.id(),
        user: token.user(),
        username: token.username(),
        vars: token.vars().clone(),
        expires: token.expires(),
        issued: token.issued(),
    }
}

/// Whoever holds a token that is not good is told no more than with a session token.
pub(crate) fn refused(error: DelegationError) -> CodedError {
    if error.code() == ErrorCode::Unauthenticated {
        unauthenticated("session token invalid").caused_by(error)
    } else {
        error::classified(error)
    }
}
