//! The frozen table that the service consults.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use tavern_protocol::realtime::Envelope;
use tavern_protocol::{Call, CallId, RtId, Wire, api};

use crate::context::{HookContext, RpcContext};
use crate::error::HookError;
use crate::events::EventKind;
use crate::matches::MatchHandlers;
use crate::matchmaking::MatchmakerEntry;
use crate::message::MessageBox;
use crate::module::{Module, panic_text};
use crate::registrar::{Entry, Registered, RpcFn};
use crate::scheduled::TournamentFn;

/// What modules have registered. Cheap to clone; nothing in it changes any more, unless
/// [`reload`](crate::reload) puts another table in its place, in development.
#[derive(Clone)]
pub struct Hooks(Arc<Versions>);

pub(crate) struct Table {
    pub(crate) modules: Vec<Arc<dyn Module>>,
    pub(crate) all: Registered,
    /// Those that the server makes matches of; the same in all versions.
    pub(crate) matches: Arc<MatchHandlers>,
}

/// A table and what came after it. Calls may still be looking at the tables before the last, so
/// they stay; there are as many as a developer has saved files.
struct Versions {
    table: Table,
    next: OnceLock<Box<Versions>>,
}

impl std::ops::Deref for Versions {
    type Target = Table;

    fn deref(&self) -> &Table {
        let mut last = self;
        while let Some(next) = last.next.get() {
            last = next;
        }
        &last.table
    }
}

impl Hooks {
    /// A table without a single hook, for a server without modules.
    #[must_use]
    pub fn none() -> Self {
        crate::registrar::Registrar::new(Arc::default()).freeze(Vec::new())
    }

    /// What `register` registers, without modules and without a server to ask: for tests.
    ///
    /// # Errors
    /// As [`load`](crate::load), for what registering alone can get wrong.
    #[cfg(any(test, feature = "testkit"))]
    pub fn registered(
        register: impl FnOnce(&mut crate::Registrar),
    ) -> Result<Self, crate::LoadError> {
        let mut registrar = crate::Registrar::new(Arc::default());
        registrar.begin("tests");
        register(&mut registrar);
        match registrar.take_conflict() {
            Some(conflict) => Err(conflict),
            None => Ok(registrar.freeze(Vec::new())),
        }
    }

    pub(crate) fn frozen(
        modules: Vec<Arc<dyn Module>>,
        all: Registered,
        matches: Arc<MatchHandlers>,
    ) -> Self {
        let table = Table { modules, all, matches };
        Self(Arc::new(Versions { table, next: OnceLock::new() }))
    }

    /// The table at present.
    pub(crate) fn table(&self) -> &Table {
        &self.0
    }

    /// Puts another table in the place of the present one.
    pub(crate) fn follow(&self, modules: Vec<Arc<dyn Module>>, all: Registered) {
        let table = Table { modules, all, matches: Arc::clone(&self.0.matches) };
        let mut next = Box::new(Versions { table, next: OnceLock::new() });
        let mut last = &*self.0;
        // Somebody else may be doing the same.
        while let Err(mine) = last.next.set(next) {
            next = mine;
            let Some(theirs) = last.next.get() else { return };
            last = theirs;
        }
    }

    /// Whether a call has a hook after it.
    #[must_use]
    pub fn has_after(&self, call: CallId) -> bool {
        self.0.all.after.contains_key(&call)
    }

    /// Whether a call has a hook before it.
    #[must_use]
    pub fn has_before(&self, call: CallId) -> bool {
        self.0.all.before.contains_key(&call)
    }

    /// Whether a realtime message has a hook before it.
    #[must_use]
    pub fn has_rt_before(&self, message: RtId) -> bool {
        self.0.all.rt_before.contains_key(&message)
    }

    /// Whether a realtime message has a hook after it.
    #[must_use]
    pub fn has_rt_after(&self, message: RtId) -> bool {
        self.0.all.rt_after.contains_key(&message)
    }

    /// Runs the hook before a call; without one the request comes back as it is.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn before<C: Call>(
        &self,
        context: impl FnOnce() -> HookContext,
        request: C::Request,
    ) -> Result<Option<C::Request>, HookError> {
        let Some(hook) = self.0.all.before.get(&C::ID) else { return Ok(Some(request)) };
        let answer = guarded((hook.run)(context(), Box::new(request)), &hook.owner).await?;
        Ok(answer.map(|message| {
            *message
                .into_any()
                .downcast::<C::Request>()
                .expect("the table pairs a call with its own message types")
        }))
    }

    /// Runs the hook after a call, if there is one.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn after<C: Call>(
        &self,
        context: impl FnOnce() -> HookContext,
        response: &C::Response,
        request: &C::Request,
    ) -> Result<(), HookError> {
        let Some(hook) = self.0.all.after.get(&C::ID) else { return Ok(()) };
        let run = (hook.run)(context(), boxed(response), boxed(request));
        guarded(run, &hook.owner).await
    }

    /// Runs the hook before a realtime message; without one the envelope comes back as it is.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn rt_before(
        &self,
        message: RtId,
        context: impl FnOnce() -> HookContext,
        envelope: Envelope,
    ) -> Result<Option<Envelope>, HookError> {
        let Some(hook) = self.0.all.rt_before.get(&message) else { return Ok(Some(envelope)) };
        guarded((hook.run)(context(), envelope), &hook.owner).await
    }

    /// Runs the hook after a realtime message, if there is one.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn rt_after(
        &self,
        message: RtId,
        context: impl FnOnce() -> HookContext,
        answer: Option<Envelope>,
        envelope: Envelope,
    ) -> Result<(), HookError> {
        let Some(hook) = self.0.all.rt_after.get(&message) else { return Ok(()) };
        guarded((hook.run)(context(), answer, envelope), &hook.owner).await
    }

    /// Whether there is a function of this id; case does not matter.
    #[must_use]
    pub fn has_rpc(&self, id: &str) -> bool {
        self.function(id).is_some()
    }

    /// Calls a function; `None` when there is none of this id.
    pub async fn rpc(
        &self,
        id: &str,
        context: impl FnOnce() -> RpcContext,
        payload: String,
    ) -> Option<Result<Option<String>, HookError>> {
        let function = self.function(id)?;
        Some(guarded((function.run)(context(), payload), &function.owner).await)
    }

    pub(crate) fn all(&self) -> &Registered {
        &self.0.all
    }

    /// Whether there is a hook for players who were matched.
    #[must_use]
    pub fn has_matchmaker_matched(&self) -> bool {
        self.0.all.matchmaking.matched.is_some()
    }

    /// Runs the hook for players who were matched, if there is one.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn matchmaker_matched(
        &self,
        context: impl FnOnce() -> HookContext,
        entries: Vec<MatchmakerEntry>,
    ) -> Result<Option<String>, HookError> {
        let Some(hook) = &self.0.all.matchmaking.matched else { return Ok(None) };
        guarded((hook.run)(context(), entries), &hook.owner).await
    }

    /// Whether there is a hook for events of a kind.
    #[must_use]
    pub fn has_event(&self, kind: EventKind) -> bool {
        self.0.all.events.of(kind).is_some()
    }

    /// Runs the hook for an event, if there is one.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn event(
        &self,
        kind: EventKind,
        context: HookContext,
        event: api::Event,
    ) -> Result<(), HookError> {
        let Some(hook) = self.0.all.events.of(kind) else { return Ok(()) };
        guarded((hook.run)(context, event), &hook.owner).await
    }

    /// Runs the hook for the reset of a leaderboard, if there is one.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn leaderboard_reset(
        &self,
        context: impl FnOnce() -> HookContext,
        leaderboard: api::Leaderboard,
        reset: i64,
    ) -> Result<(), HookError> {
        let Some(hook) = &self.0.all.scheduled.leaderboard_reset else { return Ok(()) };
        guarded((hook.run)(context(), leaderboard, reset), &hook.owner).await
    }

    /// Runs the hook for the end of a tournament's active time, if there is one.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn tournament_end(
        &self,
        context: impl FnOnce() -> HookContext,
        tournament: api::Tournament,
        end: i64,
        reset: i64,
    ) -> Result<(), HookError> {
        let hook = self.0.all.scheduled.tournament_end.as_ref();
        tournament_hook(hook, context, tournament, end, reset).await
    }

    /// Runs the hook for the reset of a tournament, if there is one.
    ///
    /// # Errors
    /// What the hook said, or an internal error if it panicked.
    pub async fn tournament_reset(
        &self,
        context: impl FnOnce() -> HookContext,
        tournament: api::Tournament,
        end: i64,
        reset: i64,
    ) -> Result<(), HookError> {
        let hook = self.0.all.scheduled.tournament_reset.as_ref();
        tournament_hook(hook, context, tournament, end, reset).await
    }

    /// Tells every module that the server stops, all at once; `left` bounds each.
    pub async fn shutdown(&self, left: Duration) {
        let all = self.0.modules.iter().map(|module| async move {
            let end = AssertUnwindSafe(module.shutdown(left)).catch_unwind();
            match tokio::time::timeout(left, end).await {
                Ok(Ok(())) => {}
                Ok(Err(panic)) => {
                    let text = panic_text(&*panic);
                    tracing::error!(module = module.name(), panic = text, "panicked at shutdown");
                }
                Err(_) => {
                    tracing::warn!(module = module.name(), "did not finish before the deadline");
                }
            }
        });
        futures_util::future::join_all(all).await;
    }

    fn function(&self, id: &str) -> Option<&Entry<RpcFn>> {
        // Nearly every client sends the id as it was registered: look before folding the case.
        self.0.all.rpcs.get(id).or_else(|| self.0.all.rpcs.get(&id.to_lowercase()))
    }
}

async fn tournament_hook(
    hook: Option<&Entry<TournamentFn>>,
    context: impl FnOnce() -> HookContext,
    tournament: api::Tournament,
    end: i64,
    reset: i64,
) -> Result<(), HookError> {
    let Some(hook) = hook else { return Ok(()) };
    guarded((hook.run)(context(), tournament, end, reset), &hook.owner).await
}

fn boxed<M: Wire>(message: &M) -> MessageBox {
    Box::new(message.clone())
}

/// Runs server code; a panic becomes an error of this call.
pub(crate) async fn guarded<T>(
    code: impl Future<Output = Result<T, HookError>>,
    owner: &str,
) -> Result<T, HookError> {
    match AssertUnwindSafe(code).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => {
            let text = panic_text(&*panic);
            tracing::error!(module = owner, panic = text, "server code panicked");
            Err(HookError::internal(text))
        }
    }
}
