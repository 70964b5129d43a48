//! Puts what `InitModule` has registered into the tables of the server.

use std::sync::Arc;

use tavern_domain::ErrorCode;
use tavern_protocol::{Call, CallId, CallVisitor, RtId, Wire};
use tavern_runtime_hooks::engine::{Habits, Made, Pool, Workers};
use tavern_runtime_hooks::{HookError, Registrar};

mod boards;
mod indexes;
mod matchmaker;
mod routes;

use crate::machine::{Machine, ScriptContext};
use crate::matches::JsFactory;
use crate::registration::{Place, Registrations};
use crate::{context, message};
use tavern_runtime_hooks::Value;

/// The machines of a program, and how they are called.
pub(crate) struct Engine {
    pub(crate) pool: Pool<Machine>,
    /// By the functions' numbers.
    pub(crate) habits: Habits<usize>,
    pub(crate) workers: Workers,
    /// Makes machines beside those of the pool, for matches.
    pub(crate) make: Made<Machine>,
}

impl Engine {
    /// Calls a registered function on a machine that is free.
    pub(crate) async fn call(
        &self,
        function: usize,
        what: &Arc<str>,
        context: ScriptContext,
        arguments: Vec<Value>,
    ) -> Result<Value, HookError> {
        let what = Arc::clone(what);
        let call = move |machine: &mut Machine| machine.call(function, &what, &context, &arguments);
        self.pool.call(self.habits.of(&function), call).await?
    }
}

/// Registers everything that the server has a place for.
pub(crate) fn register(engine: &Arc<Engine>, found: &Registrations, registrar: &mut Registrar) {
    for (place, function) in &found.places {
        let engine = Arc::clone(engine);
        let function = *function;
        match place {
            Place::Rpc(id) => rpc(registrar, engine, function, id),
            Place::Before(call) => {
                call.visit(Before { registrar, engine, function });
            }
            Place::After(call) => {
                call.visit(After { registrar, engine, function });
            }
            Place::RtBefore(message) => rt_before(registrar, engine, function, *message),
            Place::RtAfter(message) => rt_after(registrar, engine, function, *message),
            Place::LeaderboardReset => boards::leaderboard_reset(registrar, engine, function),
            Place::TournamentEnd => boards::tournament(registrar, engine, function, true),
            Place::TournamentReset => boards::tournament(registrar, engine, function, false),
            // The module itself calls it.
            Place::Shutdown => {}
            Place::Match(name) => {
                let factory = JsFactory { engine, name: name.as_str().into(), first: function };
                registrar.match_handler(name, factory);
            }
            Place::MatchmakerMatched => matchmaker::matched(registrar, engine, function),
            Place::MatchmakerOverride => matchmaker::overriding(registrar, engine, function),
            Place::MatchmakerProcessor => matchmaker::processor(registrar, engine, function),
            Place::StorageIndexFilter(index) => {
                indexes::filter(registrar, engine, function, index);
            }
            Place::Http(pattern, methods) => {
                routes::route(registrar, engine, function, pattern, *methods);
            }
            Place::PurchaseNotificationApple
            | Place::PurchaseNotificationGoogle
            | Place::SubscriptionNotificationApple
            | Place::SubscriptionNotificationGoogle => {
                tracing::warn!(?place, "registered, but this version has nothing that calls it");
            }
        }
    }
}

fn rpc(registrar: &mut Registrar, engine: Arc<Engine>, function: usize, id: &str) {
    let what: Arc<str> = id.into();
    registrar.rpc(id, move |call, payload| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let arguments = vec![Value::Text(payload)];
            let answer = engine.call(function, &what, context::rpc(&call), arguments).await?;
            if let Value::Text(text) = answer {
                return Ok(Some(text));
            }
            if answer.is_null() {
                return Ok(None);
            }
            let text = "server code must answer a string or nothing";
            Err(HookError::new(ErrorCode::Internal, text))
        }
    });
}

struct Before<'a> {
    registrar: &'a mut Registrar,
    engine: Arc<Engine>,
    function: usize,
}

impl CallVisitor for Before<'_> {
    type Out = ();

    fn visit<C: Call>(self) {
        let Self { registrar, engine, function } = self;
        let what = name("before", C::ID);
        let nothing_asked = C::Request::shape().fields.is_empty();
        registrar.before::<C, _, _>(move |call, request| {
            let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
            async move {
                let arguments =
                    if nothing_asked { Vec::new() } else { vec![message::to_script(&request)] };
                let context = context::hook("before", &call);
                let answer = engine.call(function, &what, context, arguments).await?;
                if nothing_asked { Ok(Some(request)) } else { changed(&answer) }
            }
        });
    }
}

struct After<'a> {
    registrar: &'a mut Registrar,
    engine: Arc<Engine>,
    function: usize,
}

impl CallVisitor for After<'_> {
    type Out = ();

    fn visit<C: Call>(self) {
        let Self { registrar, engine, function } = self;
        let what = name("after", C::ID);
        registrar.after::<C, _, _>(move |call, response, request| {
            let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
            async move {
                let arguments = vec![or_null(&response), or_null(&request)];
                let context = context::hook("after", &call);
                engine.call(function, &what, context, arguments).await.map(|_ignored| ())
            }
        });
    }
}

/// What a hook has made of a message; `None` when it wants nothing done.
fn changed<M: Wire>(answer: &Value) -> Result<Option<M>, HookError> {
    if answer.is_null() { Ok(None) } else { message::from_script(answer).map(Some) }
}

/// A message; a message without fields is nothing.
fn or_null<M: Wire>(message: &M) -> Value {
    if M::shape().fields.is_empty() { Value::Null } else { message::to_script(message) }
}

fn name(mode: &str, call: CallId) -> Arc<str> {
    format!("{mode} {}", call.name()).into()
}

fn rt_before(registrar: &mut Registrar, engine: Arc<Engine>, function: usize, kind: RtId) {
    let what: Arc<str> = format!("before {}", kind.name()).into();
    registrar.rt_before(kind, move |call, envelope| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let arguments = vec![message::to_script(&envelope)];
            let context = context::hook("before", &call);
            changed(&engine.call(function, &what, context, arguments).await?)
        }
    });
}

fn rt_after(registrar: &mut Registrar, engine: Arc<Engine>, function: usize, kind: RtId) {
    let what: Arc<str> = format!("after {}", kind.name()).into();
    registrar.rt_after(kind, move |call, answer, envelope| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let out = answer.as_ref().map_or(Value::Null, message::to_script);
            let arguments = vec![out, message::to_script(&envelope)];
            let context = context::hook("after", &call);
            engine.call(function, &what, context, arguments).await.map(|_ignored| ())
        }
    });
}
