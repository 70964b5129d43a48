//! Where modules register what they want called.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hashbrown::HashMap;
use tavern_protocol::realtime::Envelope;
use tavern_protocol::{Call, CallId, RtId, api};

use crate::context::{HookContext, RpcContext};
use crate::error::{HookError, LoadError};
use crate::events::{EventHooks, EventKind, event_fn};
use crate::hooks::Hooks;
use crate::indexes::Indexes;
use crate::matches::{MatchFactory, MatchHandlers};
use crate::matchmaking::{MatchmakerEntry, Matchmaking, matched_fn};
use crate::message::MessageBox;
use crate::module::Module;
use crate::routes::Routes;
use crate::scheduled::{Scheduled, leaderboard_fn, tournament_fn};

/// A hook before a request: changes it, passes it on, or stops it with `None` or an error.
pub(crate) type BeforeFn = Arc<
    dyn Fn(HookContext, MessageBox) -> BoxFuture<'static, Result<Option<MessageBox>, HookError>>
        + Send
        + Sync,
>;
/// A hook after a request: context, answer, request.
pub(crate) type AfterFn = Arc<
    dyn Fn(HookContext, MessageBox, MessageBox) -> BoxFuture<'static, Result<(), HookError>>
        + Send
        + Sync,
>;
/// A hook before a realtime message.
pub(crate) type RtBeforeFn = Arc<
    dyn Fn(HookContext, Envelope) -> BoxFuture<'static, Result<Option<Envelope>, HookError>>
        + Send
        + Sync,
>;
/// A hook after a realtime message: context, answer if there is one, message.
pub(crate) type RtAfterFn = Arc<
    dyn Fn(HookContext, Option<Envelope>, Envelope) -> BoxFuture<'static, Result<(), HookError>>
        + Send
        + Sync,
>;
/// A function that clients may call.
pub(crate) type RpcFn = Arc<
    dyn Fn(RpcContext, String) -> BoxFuture<'static, Result<Option<String>, HookError>>
        + Send
        + Sync,
>;

/// A registered thing and who registered it.
#[derive(Clone)]
pub(crate) struct Entry<F> {
    pub(crate) owner: Arc<str>,
    pub(crate) run: F,
}

/// Takes registrations while modules load.
///
/// Registering a place that is taken is remembered and fails the load.
pub struct Registrar {
    pub(crate) owner: Arc<str>,
    pub(crate) conflict: Option<LoadError>,
    pub(crate) all: Registered,
    matches: Arc<MatchHandlers>,
}

/// Everything that modules have registered.
#[derive(Default)]
pub(crate) struct Registered {
    pub(crate) before: HashMap<CallId, Entry<BeforeFn>>,
    pub(crate) after: HashMap<CallId, Entry<AfterFn>>,
    pub(crate) rt_before: HashMap<RtId, Entry<RtBeforeFn>>,
    pub(crate) rt_after: HashMap<RtId, Entry<RtAfterFn>>,
    pub(crate) rpcs: HashMap<String, Entry<RpcFn>>,
    pub(crate) scheduled: Scheduled,
    pub(crate) matchmaking: Matchmaking,
    pub(crate) events: EventHooks,
    pub(crate) indexes: Indexes,
    pub(crate) routes: Routes,
}

impl Registered {
    /// What others than these modules have registered.
    pub(crate) fn without(&self, owners: &[&str]) -> Self {
        fn kept<K: Clone + Eq + std::hash::Hash, F: Clone>(
            map: &HashMap<K, Entry<F>>,
            owners: &[&str],
        ) -> HashMap<K, Entry<F>> {
            let others = map.iter().filter(|(_, entry)| !owners.contains(&&*entry.owner));
            others.map(|(key, entry)| (key.clone(), entry.clone())).collect()
        }
        fn one<F: Clone>(entry: &Option<Entry<F>>, owners: &[&str]) -> Option<Entry<F>> {
            entry.clone().filter(|entry| !owners.contains(&&*entry.owner))
        }
        Self {
            before: kept(&self.before, owners),
            after: kept(&self.after, owners),
            rt_before: kept(&self.rt_before, owners),
            rt_after: kept(&self.rt_after, owners),
            rpcs: kept(&self.rpcs, owners),
            scheduled: Scheduled {
                leaderboard_reset: one(&self.scheduled.leaderboard_reset, owners),
                tournament_end: one(&self.scheduled.tournament_end, owners),
                tournament_reset: one(&self.scheduled.tournament_reset, owners),
            },
            matchmaking: Matchmaking {
                matched: one(&self.matchmaking.matched, owners),
                accepts: one(&self.matchmaking.accepts, owners),
                processor: one(&self.matchmaking.processor, owners),
            },
            events: EventHooks {
                custom: one(&self.events.custom, owners),
                session_start: one(&self.events.session_start, owners),
                session_end: one(&self.events.session_end, owners),
            },
            indexes: Indexes {
                definitions: kept(&self.indexes.definitions, owners),
                filters: kept(&self.indexes.filters, owners),
            },
            routes: self.routes.without(owners),
        }
    }
}

impl Registrar {
    pub(crate) fn new(matches: Arc<MatchHandlers>) -> Self {
        Self::on(Registered::default(), matches)
    }

    /// With what is registered already.
    pub(crate) fn on(all: Registered, matches: Arc<MatchHandlers>) -> Self {
        Self { owner: Arc::from(""), conflict: None, all, matches }
    }

    pub(crate) fn into_registered(self) -> Registered {
        self.all
    }

    pub(crate) fn begin(&mut self, module: &str) {
        self.owner = Arc::from(module);
    }

    pub(crate) fn take_conflict(&mut self) -> Option<LoadError> {
        self.conflict.take()
    }

    /// Takes a place of which there is one.
    pub(crate) fn once<F>(
        &mut self,
        place: impl FnOnce(&mut Registered) -> &mut Option<Entry<F>>,
        run: F,
        what: &str,
    ) {
        once(place(&mut self.all), run, &self.owner, &mut self.conflict, what);
    }

    pub(crate) fn freeze(self, modules: Vec<Arc<dyn Module>>) -> Hooks {
        Hooks::frozen(modules, self.all, self.matches)
    }

    /// Runs `hook` before every call of `C`. It answers the request to go on with, `None` to stop
    /// (the client sees "not found", as in the public protocol), or an error.
    pub fn before<C, H, F>(&mut self, hook: H)
    where
        C: Call,
        H: Fn(HookContext, C::Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<C::Request>, HookError>> + Send + 'static,
    {
        let run: BeforeFn = Arc::new(move |context, request| {
            let request = unbox::<C::Request>(request);
            hook(context, request).map(|r| r.map(|r| r.map(|r| Box::new(r) as MessageBox))).boxed()
        });
        insert(&mut self.all.before, C::ID, run, &self.owner, &mut self.conflict, || {
            format!("the hook before {}", C::ID.info().name)
        });
    }

    /// Runs `hook` after every successful call of `C`, with the answer and the request. The client
    /// gets its answer even if the hook fails, except after a log-in that created the account: see
    /// the obligations of the service.
    pub fn after<C, H, F>(&mut self, hook: H)
    where
        C: Call,
        H: Fn(HookContext, C::Response, C::Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), HookError>> + Send + 'static,
    {
        let run: AfterFn = Arc::new(move |context, response, request| {
            hook(context, unbox::<C::Response>(response), unbox::<C::Request>(request)).boxed()
        });
        insert(&mut self.all.after, C::ID, run, &self.owner, &mut self.conflict, || {
            format!("the hook after {}", C::ID.info().name)
        });
    }

    /// Runs `hook` before every realtime message of a kind. `None` closes the socket.
    pub fn rt_before<H, F>(&mut self, message: RtId, hook: H)
    where
        H: Fn(HookContext, Envelope) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<Envelope>, HookError>> + Send + 'static,
    {
        let run: RtBeforeFn = Arc::new(move |context, envelope| hook(context, envelope).boxed());
        insert(&mut self.all.rt_before, message, run, &self.owner, &mut self.conflict, || {
            format!("the hook before {}", message.name())
        });
    }

    /// Runs `hook` after every realtime message of a kind that succeeded.
    pub fn rt_after<H, F>(&mut self, message: RtId, hook: H)
    where
        H: Fn(HookContext, Option<Envelope>, Envelope) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), HookError>> + Send + 'static,
    {
        let run: RtAfterFn =
            Arc::new(move |context, answer, envelope| hook(context, answer, envelope).boxed());
        insert(&mut self.all.rt_after, message, run, &self.owner, &mut self.conflict, || {
            format!("the hook after {}", message.name())
        });
    }

    /// Runs `hook` when a leaderboard has reset: with the leaderboard as it was in the second before,
    /// and the time of the reset, in seconds since the epoch.
    ///
    /// It runs once in a cluster, at the time or, after a stop, later. If it fails or its server
    /// dies, it runs again, with the same [`HookContext::obligation`].
    pub fn leaderboard_reset<H, F>(&mut self, hook: H)
    where
        H: Fn(HookContext, api::Leaderboard, i64) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), HookError>> + Send + 'static,
    {
        let (place, run) = (&mut self.all.scheduled.leaderboard_reset, leaderboard_fn(hook));
        once(place, run, &self.owner, &mut self.conflict, "the hook for resets of leaderboards");
    }

    /// Runs `hook` when the active time of a tournament is over: with the tournament as it was in
    /// the second before, when that was, and when its records expire (0 for never), in seconds since
    /// the epoch. Runs as often as [`Self::leaderboard_reset`].
    pub fn tournament_end<H, F>(&mut self, hook: H)
    where
        H: Fn(HookContext, api::Tournament, i64, i64) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), HookError>> + Send + 'static,
    {
        let (place, run) = (&mut self.all.scheduled.tournament_end, tournament_fn(hook));
        once(place, run, &self.owner, &mut self.conflict, "the hook for ends of tournaments");
    }

    /// Runs `hook` when the records of a tournament have expired, with the same as
    /// [`Self::tournament_end`].
    pub fn tournament_reset<H, F>(&mut self, hook: H)
    where
        H: Fn(HookContext, api::Tournament, i64, i64) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), HookError>> + Send + 'static,
    {
        let (place, run) = (&mut self.all.scheduled.tournament_reset, tournament_fn(hook));
        once(place, run, &self.owner, &mut self.conflict, "the hook for resets of tournaments");
    }

    /// Runs `hook` for every group that the matchmaker forms. It may answer the id of a match, to
    /// which the group then goes; with `None` the group gets a token for a relayed one, as it does
    /// if the hook fails.
    pub fn matchmaker_matched<H, F>(&mut self, hook: H)
    where
        H: Fn(HookContext, Vec<MatchmakerEntry>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<String>, HookError>> + Send + 'static,
    {
        let (place, run) = (&mut self.all.matchmaking.matched, matched_fn(hook));
        once(place, run, &self.owner, &mut self.conflict, "the hook for matched players");
    }

    /// Runs `hook` for events of a kind, in no order and some time after. When too many wait, more
    /// are dropped and counted; when the server stops, those that wait are lost.
    pub fn event<H, F>(&mut self, kind: EventKind, hook: H)
    where
        H: Fn(HookContext, api::Event) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), HookError>> + Send + 'static,
    {
        let events = &mut self.all.events;
        let (place, what) = match kind {
            EventKind::Custom => (&mut events.custom, "the hook for events"),
            EventKind::SessionStart => (&mut events.session_start, "the hook for opened sockets"),
            EventKind::SessionEnd => (&mut events.session_end, "the hook for closed sockets"),
        };
        once(place, event_fn(hook), &self.owner, &mut self.conflict, what);
    }

    /// Lets server code create matches of this name. See [`crate::matches`].
    pub fn match_handler(&mut self, name: &str, factory: impl MatchFactory) {
        if let Err(first) = self.matches.add(name, &self.owner, Arc::new(factory)) {
            self.conflict.get_or_insert_with(|| LoadError::Conflict {
                what: format!("the match {name}"),
                first: first.to_string(),
                second: self.owner.to_string(),
            });
        }
    }

    /// Lets clients call `function` by `id` (case does not matter). It gets the payload, empty
    /// when there is none, and answers a text or nothing.
    pub fn rpc<H, F>(&mut self, id: &str, function: H)
    where
        H: Fn(RpcContext, String) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<String>, HookError>> + Send + 'static,
    {
        let id = id.to_lowercase();
        let run: RpcFn = Arc::new(move |context, payload| function(context, payload).boxed());
        insert(&mut self.all.rpcs, id.clone(), run, &self.owner, &mut self.conflict, || {
            format!("the function {id}")
        });
    }
}

pub(crate) fn insert<K: Eq + std::hash::Hash, F>(
    map: &mut HashMap<K, Entry<F>>,
    key: K,
    run: F,
    owner: &Arc<str>,
    conflict: &mut Option<LoadError>,
    what: impl FnOnce() -> String,
) {
    match map.entry(key) {
        hashbrown::hash_map::Entry::Vacant(place) => {
            place.insert(Entry { owner: Arc::clone(owner), run });
        }
        hashbrown::hash_map::Entry::Occupied(taken) => {
            conflict.get_or_insert_with(|| LoadError::Conflict {
                what: what(),
                first: taken.get().owner.to_string(),
                second: owner.to_string(),
            });
        }
    }
}

/// The same for what there is one of.
fn once<F>(
    place: &mut Option<Entry<F>>,
    run: F,
    owner: &Arc<str>,
    conflict: &mut Option<LoadError>,
    what: &str,
) {
    match place {
        None => *place = Some(Entry { owner: Arc::clone(owner), run }),
        Some(taken) => {
            conflict.get_or_insert_with(|| LoadError::Conflict {
                what: what.to_owned(),
                first: taken.owner.to_string(),
                second: owner.to_string(),
            });
        }
    }
}

/// The message as the type that its call fixes.
fn unbox<M: 'static>(message: MessageBox) -> M {
    *message.into_any().downcast::<M>().expect("the table pairs a call with its own message types")
}
