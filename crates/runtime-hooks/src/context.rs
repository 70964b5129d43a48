//! What server code is told about the call it serves.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use tavern_domain::{NodeName, SessionId, Timestamp, UserId};
use uuid::Uuid;

/// What a hook is told about the call.
#[derive(Clone, Debug)]
pub struct HookContext {
    /// The node that serves the call.
    pub node: NodeName,
    /// The player; `None` for calls without a session.
    pub user: Option<UserId>,
    /// The player's name in the session.
    pub username: Option<Arc<str>>,
    /// The session's variables.
    pub vars: BTreeMap<String, String>,
    /// When the session expires.
    pub expires: Option<Timestamp>,
    /// The socket, for realtime messages.
    pub session: Option<SessionId>,
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// The client's port.
    pub client_port: Option<u16>,
    /// The socket's language; empty for requests.
    pub lang: Arc<str>,
    /// For the after-hook of a log-in that created an account: the same at every attempt, so that
    /// the hook can recognise a repetition.
    pub obligation: Option<Uuid>,
}

impl HookContext {
    /// For what no client has caused.
    #[must_use]
    pub fn of_server(node: NodeName) -> Self {
        Self {
            node,
            user: None,
            username: None,
            vars: BTreeMap::new(),
            expires: None,
            session: None,
            client_ip: None,
            client_port: None,
            lang: Arc::from(""),
            obligation: None,
        }
    }
}

/// What a function is told about the call, beyond [`HookContext`].
#[derive(Clone, Debug)]
pub struct RpcContext {
    /// As for hooks.
    pub call: HookContext,
    /// Request headers; empty on sockets and gRPC.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Query parameters without the HTTP key.
    pub query: BTreeMap<String, Vec<String>>,
}
