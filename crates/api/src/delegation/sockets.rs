//! Sockets that were opened with a delegated token.

use std::sync::Arc;

use tavern_cluster::{BusError, Inbox, Topic};
use tavern_delegation::{
    Action, CallFacts, Delegate, Element, Interface, Name, OPEN_SOCKET, Standing,
};
use tavern_domain::{CodedError, UserId};
use tavern_protocol::realtime::Envelope;
use tavern_protocol::{CallId, RtId};
use tavern_streams::CloseReason;

use super::{calls, messages, refused};
use crate::caller::{Caller, Delegation, Player};
use crate::service::Admission;
use crate::services::Services;

/// What tells other nodes to look at the revocations again.
const TOPIC: Topic = Topic::new("token-revocations");

/// Opening a socket, to a token.
const fn open_socket() -> CallFacts {
    CallFacts {
        call: OPEN_SOCKET,
        action: Action::Write,
        standing: Standing::Ordinary,
        interface: Interface::Socket,
    }
}

/// Decides whether whoever calls may open a socket, and appear online with it if they want to.
/// Answers the delegated token, if it is one.
pub(crate) fn admit(
    services: &Services,
    caller: Caller,
    appear: bool,
) -> Result<Option<Arc<Delegate>>, CodedError> {
    let Caller::Delegate(delegation) = caller else { return Ok(None) };
    let may = |call| services.delegations.authorize(&delegation.token, call, Vec::new());
    may(open_socket()).map_err(refused)?;
    if appear {
        may(messages::facts(RtId::StatusUpdate)).map_err(refused)?;
    }
    Ok(Some(delegation.token))
}

/// Makes sure that the account is there, for a socket that was admitted, and takes up its name.
pub(crate) async fn confirm(
    services: &Services,
    mut admission: Admission,
) -> Result<Admission, CodedError> {
    if let Some(token) = &admission.delegation {
        let player = Arc::clone(&admission.player);
        let mut delegation = Delegation { player, token: Arc::clone(token) };
        services.confirm(&mut delegation).await?;
        admission.player = delegation.player;
    }
    Ok(admission)
}

/// Whether a socket hears the player's notifications, and what the player's own status is.
pub(crate) fn hears(services: &Services, token: &Delegate, user: UserId) -> (bool, bool) {
    let may = |call, things| services.delegations.authorize(token, call, things).is_ok();
    let own = vec![Element::of(Name::Target, user.to_string())];
    (
        may(calls::facts(CallId::ListNotifications, Interface::Socket), Vec::new()),
        may(messages::facts(RtId::StatusFollow), own),
    )
}

/// Whether the token is good and allows a message. Those that only keep a socket open are always
/// allowed on one that may be open.
pub(crate) async fn let_message(
    services: &Services,
    player: &Arc<Player>,
    token: &Arc<Delegate>,
    id: RtId,
    envelope: &Envelope,
) -> Result<(), CodedError> {
    services.delegations.check(token).map_err(refused)?;
    let (RtId::Ping | RtId::Pong) = id else {
        let things = envelope.message.as_ref();
        let things = things.map_or_else(Vec::new, |it| messages::things(services, player, it));
        let (player, token) = (Arc::clone(player), Arc::clone(token));
        let mut delegation = Delegation { player, token };
        return services.let_delegate(&mut delegation, messages::facts(id), things).await;
    };
    Ok(())
}

impl Services {
    /// Closes the sockets whose delegated token has expired or was revoked, and if `thoroughly` is
    /// set those whose token would not open one any more: a narrowed form may expire earlier than
    /// the token itself.
    pub fn close_delegated(&self, thoroughly: bool) {
        for (session, token) in self.logins.delegated() {
            let good = self.delegations.check(&token).is_ok()
                && (!thoroughly
                    || self.delegations.authorize(&token, open_socket(), Vec::new()).is_ok());
            if !good {
                self.streams.close(session, CloseReason::LoggedOut);
            }
        }
    }

    /// Tells the other nodes that there is something new among the revocations. They look at
    /// them now and then anyway.
    pub(crate) fn tell_of_revocations(&self) {
        if let Err(error) = self.bus.publish(TOPIC, bytes::Bytes::new()) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "other nodes learn later that a token is revoked");
        }
    }

    /// Hears of the revocations of other nodes. For the worker that looks at them then.
    ///
    /// # Errors
    /// [`BusError::Taken`] when it was called before.
    pub fn listen_for_revocations(&self) -> Result<Inbox, BusError> {
        self.bus.subscribe(TOPIC)
    }

    /// Takes up what other nodes have revoked without being heard, forgets what has expired, and
    /// closes sockets whose token would not open one any more.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn tidy_delegations(&self) -> Result<(), CodedError> {
        self.delegations.tidy().await.map_err(crate::error::classified)?;
        self.delegations.load().await.map_err(crate::error::classified)?;
        self.close_delegated(true);
        Ok(())
    }

    /// Takes up revocations that other nodes have made durable, and closes the sockets that they
    /// concern.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn look_at_revocations(&self) -> Result<(), CodedError> {
        self.delegations.load().await.map_err(crate::error::classified)?;
        self.close_delegated(false);
        Ok(())
    }
}
