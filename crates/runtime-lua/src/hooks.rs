//! Puts what the files have registered into the tables of the server.

use std::sync::Arc;

use tavern_domain::ErrorCode;
use tavern_protocol::{Call, CallVisitor, RtId, Wire};
use tavern_runtime_hooks::engine::{Habits, Pool};
use tavern_runtime_hooks::host::Language;
use tavern_runtime_hooks::{
    EventKind, HookContext, HookError, HttpResponse, MatchmakerEntry, Registrar, Value,
    chosen_for_index, chosen_groups,
};

use crate::context::{self, Fields};
use crate::machine::Machine;
use crate::message;
use crate::place::Place;

/// The machines, and how they are called.
pub(crate) struct Engine {
    pub(crate) pool: Pool<Machine>,
    pub(crate) habits: Habits<Place>,
}

impl Engine {
    /// Calls the function of a place on a machine that is free.
    pub(crate) async fn call(
        &self,
        place: &Arc<Place>,
        context: Fields,
        arguments: Vec<Value>,
    ) -> Result<Vec<Value>, HookError> {
        let habit = self.habits.of(place);
        let place = Arc::clone(place);
        let call = move |machine: &mut Machine| machine.call(&place, &context, &arguments);
        self.pool.call(habit, call).await?
    }

    async fn first(
        &self,
        place: &Arc<Place>,
        context: Fields,
        arguments: Vec<Value>,
    ) -> Result<Value, HookError> {
        let answer = self.call(place, context, arguments).await?;
        Ok(answer.into_iter().next().unwrap_or_default())
    }
}

/// Registers everything that the server has a place for.
pub(crate) fn register(engine: &Arc<Engine>, places: &[Place], registrar: &mut Registrar) {
    for place in places {
        let (engine, at) = (Arc::clone(engine), Arc::new(place.clone()));
        match place {
            Place::Rpc(id) => rpc(registrar, engine, at, id),
            Place::Before(call) => call.visit(Before { registrar, engine, at }),
            Place::After(call) => call.visit(After { registrar, engine, at }),
            Place::RtBefore(kind) => rt_before(registrar, engine, at, *kind),
            Place::RtAfter(kind) => rt_after(registrar, engine, at, *kind),
            // The module itself calls it.
            Place::Shutdown => {}
            Place::MatchmakerMatched => matched(registrar, engine, at),
            Place::LeaderboardReset => {
                registrar.leaderboard_reset(move |call, board, reset| {
                    let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
                    async move {
                        let arguments = vec![message::board(&board), Value::Int(reset)];
                        let context = context::hook("leaderboard_reset", &call);
                        engine.call(&at, context, arguments).await.map(drop)
                    }
                });
            }
            Place::TournamentEnd => {
                registrar.tournament_end(move |call, board, end, reset| {
                    let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
                    async move {
                        let arguments =
                            vec![message::board(&board), Value::Int(end), Value::Int(reset)];
                        let context = context::hook("tournament_end", &call);
                        engine.call(&at, context, arguments).await.map(drop)
                    }
                });
            }
            Place::TournamentReset => {
                registrar.tournament_reset(move |call, board, end, reset| {
                    let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
                    async move {
                        let arguments =
                            vec![message::board(&board), Value::Int(end), Value::Int(reset)];
                        let context = context::hook("tournament_reset", &call);
                        engine.call(&at, context, arguments).await.map(drop)
                    }
                });
            }
            Place::Event => event(registrar, engine, at, EventKind::Custom),
            Place::SessionStart => event(registrar, engine, at, EventKind::SessionStart),
            Place::SessionEnd => event(registrar, engine, at, EventKind::SessionEnd),
            Place::MatchmakerOverride => overriding(registrar, engine, at),
            Place::MatchmakerProcessor => processor(registrar, engine, at),
            Place::StorageIndexFilter(index) => index_filter(registrar, engine, at, index),
            Place::Http(pattern, methods) => {
                registrar.http_route(pattern.clone(), *methods, move |call, request| {
                    let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
                    async move {
                        let arguments = vec![request.to_script(Language::Lua)];
                        let context = context::hook("http", &call);
                        HttpResponse::from_script(engine.first(&at, context, arguments).await?)
                    }
                });
            }
        }
    }
}

fn rpc(registrar: &mut Registrar, engine: Arc<Engine>, at: Arc<Place>, id: &str) {
    registrar.rpc(id, move |call, payload| {
        let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
        async move {
            let arguments = vec![Value::Text(payload)];
            match engine.first(&at, context::rpc(&call), arguments).await? {
                Value::Text(text) => Ok(Some(text)),
                Value::Null => Ok(None),
                Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Bytes(_)
                | Value::List(_)
                | Value::Map(_)
                | Value::Record(_) => {
                    let text = "server code must answer a string or nothing";
                    Err(HookError::new(ErrorCode::Internal, text))
                }
            }
        }
    });
}

/// Asks whether an object is in an index.
fn index_filter(registrar: &mut Registrar, engine: Arc<Engine>, at: Arc<Place>, index: &str) {
    registrar.storage_index_filter(index, move |call, object| {
        let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
        async move {
            let context = context::hook("storage_index_filter", &call);
            chosen_for_index(&engine.first(&at, context, vec![object.to_script()?]).await?)
        }
    });
}

fn event(registrar: &mut Registrar, engine: Arc<Engine>, at: Arc<Place>, kind: EventKind) {
    registrar.event(kind, move |call, event| {
        let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
        async move {
            let arguments = vec![message::to_script(&event)];
            engine.call(&at, context::hook("event", &call), arguments).await.map(drop)
        }
    });
}

fn matched(registrar: &mut Registrar, engine: Arc<Engine>, at: Arc<Place>) {
    registrar.matchmaker_matched(move |call, entries| {
        let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
        async move {
            let node = call.node.as_str().to_owned();
            let entries = entries.iter().map(|entry| entry.matched(&node)).collect();
            let context = context::hook("matchmaker", &call);
            let answer = engine.first(&at, context, vec![Value::List(entries)]).await?;
            Ok(if let Value::Text(id) = answer { Some(id) } else { None })
        }
    });
}

/// Asks which of the groups that were found are formed.
fn overriding(registrar: &mut Registrar, engine: Arc<Engine>, at: Arc<Place>) {
    registrar.matchmaker_override(move |call, groups| {
        let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
        async move {
            let groups = groups.iter().map(|group| waiting(group, &call)).collect();
            let context = context::hook("matchmaker_override", &call);
            chosen_groups(engine.first(&at, context, vec![Value::List(groups)]).await?)
        }
    });
}

/// Asks which groups are formed of all who wait.
fn processor(registrar: &mut Registrar, engine: Arc<Engine>, at: Arc<Place>) {
    registrar.matchmaker_processor(move |call, entries| {
        let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
        async move {
            let entries = waiting(&entries, &call);
            let context = context::hook("matchmaker_processor", &call);
            chosen_groups(engine.first(&at, context, vec![entries]).await?)
        }
    });
}

fn waiting(entries: &[MatchmakerEntry], call: &HookContext) -> Value {
    Value::List(entries.iter().map(|entry| entry.waiting(call.node.as_str())).collect())
}

struct Before<'a> {
    registrar: &'a mut Registrar,
    engine: Arc<Engine>,
    at: Arc<Place>,
}

impl CallVisitor for Before<'_> {
    type Out = ();

    fn visit<C: Call>(self) {
        let Self { registrar, engine, at } = self;
        registrar.before::<C, _, _>(move |call, request| {
            let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
            async move {
                let asked = message::to_script(&request);
                let nothing_asked = asked.is_null();
                let answer = engine.first(&at, context::hook("before", &call), vec![asked]).await?;
                if nothing_asked { Ok(Some(request)) } else { changed(answer) }
            }
        });
    }
}

/// What a hook has made of a message; `None` when it wants nothing done.
fn changed<M: Wire>(answer: Value) -> Result<Option<M>, HookError> {
    if answer.is_null() { Ok(None) } else { message::from_script(answer).map(Some) }
}

struct After<'a> {
    registrar: &'a mut Registrar,
    engine: Arc<Engine>,
    at: Arc<Place>,
}

impl CallVisitor for After<'_> {
    type Out = ();

    fn visit<C: Call>(self) {
        let Self { registrar, engine, at } = self;
        registrar.after::<C, _, _>(move |call, response, request| {
            let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
            async move {
                let arguments = vec![message::to_script(&response), message::to_script(&request)];
                engine.call(&at, context::hook("after", &call), arguments).await.map(drop)
            }
        });
    }
}

fn rt_before(registrar: &mut Registrar, engine: Arc<Engine>, at: Arc<Place>, kind: RtId) {
    registrar.rt_before(kind, move |call, envelope| {
        let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
        async move {
            let arguments = vec![message::to_script(&envelope)];
            let answer = engine.first(&at, context::hook("before", &call), arguments).await?;
            changed(answer)
        }
    });
}

fn rt_after(registrar: &mut Registrar, engine: Arc<Engine>, at: Arc<Place>, kind: RtId) {
    registrar.rt_after(kind, move |call, answer, envelope| {
        let (engine, at) = (Arc::clone(&engine), Arc::clone(&at));
        async move {
            let out = answer.as_ref().map_or(Value::Null, message::to_script);
            let arguments = vec![out, message::to_script(&envelope)];
            engine.call(&at, context::hook("after", &call), arguments).await.map(drop)
        }
    });
}
