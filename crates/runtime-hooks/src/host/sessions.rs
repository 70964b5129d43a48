//! Open sockets and log-ins.

use tavern_domain::{SessionId, UserId};

use super::declare::host_area;

host_area! {
    /// Open sockets and log-ins.
    SessionsHost

    /// Closes one socket of this node; one that is not open is fine.
    fn session_disconnect as "sessionDisconnect" (SessionDisconnect {
        session_id: SessionId,
        reason: Option<i32>,
    }) -> ();

    /// Ends log-ins of a player and closes their sockets: the one that a token belongs to, or all
    /// when none is given.
    fn session_logout as "sessionLogout" (SessionLogout {
        user_id: UserId,
        token: Option<String>,
        refresh_token: Option<String>,
    }) -> ();
}
