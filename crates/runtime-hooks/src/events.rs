//! What server code is told of things that have happened, some time after.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tavern_protocol::api;

use crate::context::HookContext;
use crate::error::HookError;
use crate::registrar::Entry;

/// A kind of event, each with a hook of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// Made by clients or by server code.
    Custom,
    /// A socket has opened.
    SessionStart,
    /// A socket has closed.
    SessionEnd,
}

pub(crate) type EventFn =
    Arc<dyn Fn(HookContext, api::Event) -> BoxFuture<'static, Result<(), HookError>> + Send + Sync>;

/// The hooks of events.
#[derive(Default)]
pub(crate) struct EventHooks {
    pub(crate) custom: Option<Entry<EventFn>>,
    pub(crate) session_start: Option<Entry<EventFn>>,
    pub(crate) session_end: Option<Entry<EventFn>>,
}

impl EventHooks {
    pub(crate) const fn of(&self, kind: EventKind) -> Option<&Entry<EventFn>> {
        match kind {
            EventKind::Custom => self.custom.as_ref(),
            EventKind::SessionStart => self.session_start.as_ref(),
            EventKind::SessionEnd => self.session_end.as_ref(),
        }
    }
}

pub(crate) fn event_fn<H, F>(hook: H) -> EventFn
where
    H: Fn(HookContext, api::Event) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), HookError>> + Send + 'static,
{
    Arc::new(move |context, event| hook(context, event).boxed())
}
