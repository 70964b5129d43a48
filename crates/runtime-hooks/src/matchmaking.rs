//! What server code is told of players who were matched.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tavern_domain::{SessionId, UserId};

use crate::context::HookContext;
use crate::error::HookError;

/// One player of a group that the matchmaker has formed.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchmakerEntry {
    /// The player.
    pub user: UserId,
    /// The socket.
    pub session: SessionId,
    /// The name.
    pub username: Arc<str>,
    /// The party they came with.
    pub party: Option<String>,
    /// The texts of their ticket.
    pub texts: BTreeMap<String, String>,
    /// The numbers of their ticket.
    pub numbers: BTreeMap<String, f64>,
}

/// Context and group; answers the match that the group goes to.
pub(crate) type MatchedFn = Arc<
    dyn Fn(
            HookContext,
            Vec<MatchmakerEntry>,
        ) -> BoxFuture<'static, Result<Option<String>, HookError>>
        + Send
        + Sync,
>;

pub(crate) fn matched_fn<H, F>(hook: H) -> MatchedFn
where
    H: Fn(HookContext, Vec<MatchmakerEntry>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Option<String>, HookError>> + Send + 'static,
{
    Arc::new(move |context, entries| hook(context, entries).boxed())
}
