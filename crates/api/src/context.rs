//! What a use case knows about the call it carries out.

use std::collections::BTreeMap;
use std::sync::Arc;

use tavern_domain::CodedError;
use tavern_protocol::CallId;
use tavern_runtime_hooks::{HookContext, Hooks};
use tavern_storage::Obligation;

use crate::caller::{Caller, Player};
use crate::service::ClientAddress;
use crate::services::Services;

/// One call on its way through the service.
pub(crate) struct Context {
    /// Which call.
    pub(crate) call: CallId,
    /// Who makes it.
    pub(crate) caller: Caller,
    /// From where.
    pub(crate) client: ClientAddress,
    /// Whether a hook runs after this call. For log-ins that means: record an obligation.
    pub(crate) has_after: bool,
    /// The frozen hooks, for calls that reach server code themselves.
    pub(crate) hooks: Hooks,
    /// Who this call has signed in: what after-hooks of log-ins are told.
    pub(crate) signed_in: Option<Player>,
    /// The obligation that the after-hook of this call must carry out, claimed.
    pub(crate) obligation: Option<Obligation>,
}

impl Context {
    /// The player.
    pub(crate) fn player(&self) -> Result<&Arc<Player>, CodedError> {
        self.caller.player()
    }

    /// What hooks are told.
    pub(crate) fn for_hooks(&self, services: &Services) -> HookContext {
        let player = self.signed_in.as_ref().or(self.caller.player().ok().map(|p| &**p));
        HookContext {
            node: services.node.clone(),
            user: player.map(|p| p.user),
            username: player.map(|p| Arc::clone(&p.username)),
            vars: player.map_or_else(BTreeMap::new, |p| p.vars.clone()),
            expires: player.map(|p| p.expires),
            session: None,
            client_ip: self.client.ip,
            client_port: self.client.port,
            lang: Arc::from(""),
            obligation: self.obligation.as_ref().map(|o| o.id),
        }
    }
}
