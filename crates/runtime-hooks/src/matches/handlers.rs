//! Handlers of matches, and where they are found by name.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use hashbrown::HashMap;
use parking_lot::RwLock;

use super::types::{
    JoinAnswer, JoinAttempt, MatchContext, MatchMessage, MatchPlayer, SignalAnswer, Step,
};
use crate::error::HookError;
use crate::value::Value;

/// One running match of server code, with its state.
///
/// # Contract
/// - The server calls one method at a time. A method that has begun runs to its end, unless the
///   server stops and its time is over.
/// - An error ends the match, and so does a panic; nothing more is called then.
#[async_trait]
pub trait MatchHandler: Send + 'static {
    /// Decides whether somebody may join. Not asked again about who is in already.
    async fn join_attempt(
        &mut self,
        context: MatchContext,
        attempt: JoinAttempt,
    ) -> Result<JoinAnswer, HookError>;

    /// Players have come in. Each was accepted before.
    async fn join(
        &mut self,
        context: MatchContext,
        players: Vec<MatchPlayer>,
    ) -> Result<Step, HookError>;

    /// Players have gone, or were accepted and did not come in.
    async fn leave(
        &mut self,
        context: MatchContext,
        players: Vec<MatchPlayer>,
    ) -> Result<Step, HookError>;

    /// Runs [`MatchContext::tick_rate`] times a second, with what players have sent since.
    async fn run(
        &mut self,
        context: MatchContext,
        messages: Vec<MatchMessage>,
    ) -> Result<Step, HookError>;

    /// The server stops in `grace_seconds`; until then, or until it ends itself, the match goes on.
    async fn terminate(
        &mut self,
        context: MatchContext,
        grace_seconds: i64,
    ) -> Result<Step, HookError>;

    /// Somebody has sent a signal, and waits for the reply.
    async fn signal(
        &mut self,
        context: MatchContext,
        data: String,
    ) -> Result<SignalAnswer, HookError>;
}

/// A match that a factory has made.
pub struct CreatedMatch {
    /// The match.
    pub handler: Box<dyn MatchHandler>,
    /// Loops per second, 1 to 60.
    pub tick_rate: i64,
    /// What it is found by: up to 2,048 bytes; JSON objects can be searched by their fields.
    pub label: String,
}

impl fmt::Debug for CreatedMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedMatch")
            .field("tick_rate", &self.tick_rate)
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// Makes matches of one kind. A function from context and parameters is one.
#[async_trait]
pub trait MatchFactory: Send + Sync + 'static {
    /// Makes a match; what script languages call its `init`. [`Value::Null`] stands for no
    /// parameters.
    ///
    /// # Errors
    /// Whoever wants the match is told.
    async fn init(&self, context: MatchContext, params: Value) -> Result<CreatedMatch, HookError>;
}

#[async_trait]
impl<F, R> MatchFactory for F
where
    F: Fn(MatchContext, Value) -> R + Send + Sync + 'static,
    R: Future<Output = Result<CreatedMatch, HookError>> + Send + 'static,
{
    async fn init(&self, context: MatchContext, params: Value) -> Result<CreatedMatch, HookError> {
        self(context, params).await
    }
}

/// A factory as it is kept.
pub type SharedFactory = Arc<dyn MatchFactory>;

#[derive(Clone)]
struct Owned {
    owner: Arc<str>,
    factory: SharedFactory,
}

/// The factories of a server by their names. Modules fill it while they load; what they make
/// matches of is found here from then on.
#[derive(Default)]
pub struct MatchHandlers(RwLock<HashMap<Arc<str>, Owned>>);

impl MatchHandlers {
    /// The factory of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<SharedFactory> {
        self.0.read().get(name).map(|owned| Arc::clone(&owned.factory))
    }

    /// The names, in no order.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        self.0.read().keys().map(Arc::clone).collect()
    }

    /// Those that others than these modules have registered.
    pub(crate) fn without(&self, owners: &[&str]) -> Self {
        let mut kept = self.0.read().clone();
        kept.retain(|_, owned| !owners.contains(&&*owned.owner));
        Self(RwLock::new(kept))
    }

    /// Takes over what another table holds.
    pub(crate) fn become_like(&self, other: &Self) {
        let factories = other.0.read().clone();
        *self.0.write() = factories;
    }

    /// Adds a factory. Modules do it by [`Registrar::match_handler`](crate::Registrar::match_handler).
    ///
    /// # Errors
    /// Who has the name already.
    pub fn add(
        &self,
        name: &str,
        owner: &Arc<str>,
        factory: SharedFactory,
    ) -> Result<(), Arc<str>> {
        match self.0.write().entry(name.into()) {
            hashbrown::hash_map::Entry::Vacant(place) => {
                place.insert(Owned { owner: Arc::clone(owner), factory });
                Ok(())
            }
            hashbrown::hash_map::Entry::Occupied(taken) => Err(Arc::clone(&taken.get().owner)),
        }
    }
}

impl fmt::Debug for MatchHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
