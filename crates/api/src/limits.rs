//! Where calls and messages meet the limits, whatever their transport.
//!
//! A call is counted for its address before anything else is looked at, and for its account and
//! session as soon as they are known. A message is counted for its account and session; its
//! address was when the socket opened.

use tavern_domain::CodedError;
use tavern_limits::Request;

use crate::caller::{Caller, Player};
use crate::error;
use crate::service::{Admission, ClientAddress};
use crate::services::Services;

impl Services {
    /// Whether a call or a socket from this address is welcome.
    pub(crate) fn limit_address(&self, client: ClientAddress) -> Result<(), CodedError> {
        self.limit(Request { address: client.ip, ..Request::default() })
    }

    /// Whether this caller's call is welcome; its address was counted before. Callers without an
    /// account are told apart by their address. The studio's own servers are not limited.
    pub(crate) fn limit_call(
        &self,
        caller: &Caller,
        client: ClientAddress,
        call: &str,
    ) -> Result<(), CodedError> {
        let request = Request { call: Some(call), ..Request::default() };
        match caller {
            Caller::Server => Ok(()),
            Caller::Player(player) => self.limit(of_player(player, request)),
            Caller::Delegate(delegation) => self.limit(of_player(&delegation.player, request)),
            Caller::Anonymous | Caller::Client => self.limit_by_name(client, request),
        }
    }

    /// Whether this caller's call of a server function is welcome; it was counted as a call before.
    pub(crate) fn limit_function(
        &self,
        caller: &Caller,
        client: ClientAddress,
        function: &str,
    ) -> Result<(), CodedError> {
        let request = Request { function: Some(function), ..Request::default() };
        match caller {
            Caller::Server => Ok(()),
            Caller::Player(player) => self.limit(of_account(player, request)),
            Caller::Delegate(delegation) => self.limit(of_account(&delegation.player, request)),
            Caller::Anonymous | Caller::Client => self.limit_by_name(client, request),
        }
    }

    /// Whether a request of this route is welcome: its address is counted, and then told apart.
    pub(crate) fn limit_route(
        &self,
        client: ClientAddress,
        pattern: &str,
    ) -> Result<(), CodedError> {
        self.limit_address(client)?;
        self.limit_by_name(client, Request { route: Some(pattern), ..Request::default() })
    }

    /// Whether a new socket of this player is welcome; its address was counted before.
    pub(crate) fn limit_socket(&self, player: &Player) -> Result<(), CodedError> {
        self.limit(of_player(player, Request::default()))
    }

    /// Whether a message on this socket is welcome.
    pub(crate) fn limit_message(
        &self,
        socket: &Admission,
        message: &str,
        function: Option<&str>,
    ) -> Result<(), CodedError> {
        self.limit(Request {
            account: Some(socket.user().0.as_u128()),
            session: Some(socket.session.0.as_u128()),
            message: Some(message),
            function,
            ..Request::default()
        })
    }

    fn limit_by_name(&self, client: ClientAddress, request: Request<'_>) -> Result<(), CodedError> {
        self.limits.check_name(client.ip, request).map_err(error::classified)
    }

    fn limit(&self, request: Request<'_>) -> Result<(), CodedError> {
        self.limits.check(request).map_err(error::classified)
    }
}

fn of_account<'a>(player: &Player, request: Request<'a>) -> Request<'a> {
    Request { account: Some(player.user.0.as_u128()), ..request }
}

fn of_player<'a>(player: &Player, request: Request<'a>) -> Request<'a> {
    let (account, session) = (player.user.0.as_u128(), player.token_id.0.as_u128());
    Request { account: Some(account), session: Some(session), ..request }
}
