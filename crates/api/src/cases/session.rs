//! Going on with a session, and ending it.

use tavern_domain::CodedError;
use tavern_protocol::{Unit, api};
use tavern_storage::RevocationScope;

use super::DONE;
use super::authenticate::{banned, session};
use crate::caller::Player;
use crate::context::Context;
use crate::error;
use crate::services::{Services, no_account};

/// A new pair of tokens for a valid refresh token; the log-in it belongs to stays the same.
pub(crate) async fn refresh(
    services: &Services,
    _cx: &mut Context,
    request: &api::SessionRefreshRequest,
) -> Result<api::Session, CodedError> {
    let claims = services.sessions.verify_refresh(&request.token).map_err(error::classified)?;
    let login = services.storage.accounts.find_by_id(claims.user).await.map_err(error::storage)?;
    let login = login.ok_or_else(no_account)?;
    if login.disable_time.is_some() {
        return Err(banned());
    }
    let pair = services
        .sessions
        .refresh(&claims, &login.username, &request.vars)
        .map_err(error::classified)?;
    Ok(session(false, pair))
}

/// Ends the log-ins that are given, or all of the player's when none is.
pub(crate) async fn logout(
    services: &Services,
    cx: &mut Context,
    request: &api::SessionLogoutRequest,
) -> Result<Unit, CodedError> {
    end(services, cx.player()?, &request.token, &request.refresh_token).await?;
    DONE
}

/// Revokes the tokens that are given, or all of the player's when none is, and closes the sockets
/// that were opened with them.
pub(crate) async fn end(
    services: &Services,
    player: &Player,
    token: &str,
    refresh_token: &str,
) -> Result<(), CodedError> {
    let revoked =
        services.sessions.log_out(player, token, refresh_token).await.map_err(error::classified)?;
    for revocation in revoked {
        match revocation.scope {
            RevocationScope::Session(login) => services.close_revoked(player.user, Some(login)),
            RevocationScope::All => {
                services.close_revoked(player.user, None);
                services.end_delegations(player.user).await?;
            }
            RevocationScope::Refresh(_) => {}
        }
    }
    Ok(())
}
