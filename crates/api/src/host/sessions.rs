//! Open sockets and log-ins.

use async_trait::async_trait;
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::host::{SessionDisconnect, SessionLogout, SessionsHost};
use tavern_streams::CloseReason;

use super::ServerHost;
use crate::api::unauthenticated;
use crate::cases::session;
use crate::error;

#[async_trait]
impl SessionsHost for ServerHost {
    async fn session_disconnect(&self, args: SessionDisconnect) -> Result<(), HookError> {
        self.0.streams.close(args.session_id, CloseReason::Kicked);
        Ok(())
    }

    async fn session_logout(&self, args: SessionLogout) -> Result<(), HookError> {
        let token = args.token.unwrap_or_default();
        let refresh = args.refresh_token.unwrap_or_default();
        if token.is_empty() && refresh.is_empty() {
            return Ok(self.0.end_all(args.user_id, CloseReason::LoggedOut).await?);
        }
        // One of the two tells whose log-in it is.
        let claims = if token.is_empty() {
            self.0.sessions.verify_refresh(&refresh).map_err(error::classified)?
        } else {
            self.0.sessions.authenticate(&token).map_err(error::classified)?
        };
        if claims.user != args.user_id {
            return Err(unauthenticated("the token belongs to another user").into());
        }
        Ok(session::end(&self.0, &claims, &token, &refresh).await?)
    }
}
