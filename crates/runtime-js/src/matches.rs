//! Matches that scripts run: each in a machine of its own.

use std::sync::Arc;

use async_trait::async_trait;
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::engine::Workers;
use tavern_runtime_hooks::matches::{
    CreatedMatch, JoinAnswer, JoinAttempt, MatchContext, MatchFactory, MatchHandler, MatchMessage,
    MatchPlayer, SignalAnswer, Step,
};
use tavern_runtime_hooks::{HookError, Value};

use crate::context;
use crate::hooks::Engine;
use crate::machine::{Callback, Extra, Machine, ScriptContext};

/// The functions of a handler, in the order of `MATCH_FUNCTIONS`.
const ATTEMPT: usize = 1;
const JOIN: usize = 2;
const LEAVE: usize = 3;
const LOOP: usize = 4;
const TERMINATE: usize = 5;
const SIGNAL: usize = 6;

/// Makes matches of a kind.
pub(crate) struct JsFactory {
    pub(crate) engine: Arc<Engine>,
    pub(crate) name: Arc<str>,
    /// The number of the first of the handler's functions.
    pub(crate) first: usize,
}

#[async_trait]
impl MatchFactory for JsFactory {
    async fn init(&self, context: MatchContext, params: Value) -> Result<CreatedMatch, HookError> {
        let make = Arc::clone(&self.engine.make);
        let (first, name) = (self.first, Arc::clone(&self.name));
        let what = what(&name, "matchInit");
        let seen = about(&context, ScriptContext::new("match"));
        let made = self.engine.workers.run(move || {
            let mut machine = make()?;
            let begun = machine.begin_match(first, &what, &seen, &params)?;
            Ok::<_, HookError>(begun.map(|begun| (machine, begun)))
        });
        let Some((machine, begun)) = made.await.map_err(HookError::internal)?? else {
            let text = format!("the match {} did not begin", self.name);
            return Err(HookError::new(ErrorCode::Internal, text));
        };
        let workers = self.engine.workers.clone();
        let handler = JsMatch { machine: Some(machine), workers, name, first };
        Ok(CreatedMatch {
            handler: Box::new(handler),
            tick_rate: begun.tick_rate,
            label: begun.label,
        })
    }
}

/// A running match.
struct JsMatch {
    /// Away while a callback runs on it.
    machine: Option<Machine>,
    workers: Workers,
    name: Arc<str>,
    first: usize,
}

impl JsMatch {
    async fn call<T: Send + 'static>(
        &mut self,
        number: usize,
        context: MatchContext,
        seen: ScriptContext,
        extra: Extra,
        run: fn(&mut Machine, &Callback, &Extra) -> Result<T, HookError>,
    ) -> Result<T, HookError> {
        let Some(mut machine) = self.machine.take() else {
            return Err(HookError::new(ErrorCode::Aborted, "the match was interrupted"));
        };
        let callback = Callback {
            function: self.first + number,
            what: what(&self.name, crate::registration::MATCH_FUNCTIONS[number]),
            context: about(&context, seen),
            tick: context.tick,
            dispatcher: context.dispatcher,
        };
        let (answer, machine) = self
            .workers
            .run(move || (run(&mut machine, &callback, &extra), machine))
            .await
            .map_err(HookError::internal)?;
        self.machine = Some(machine);
        answer
    }

    async fn step(
        &mut self,
        number: usize,
        context: MatchContext,
        extra: Extra,
    ) -> Result<Step, HookError> {
        self.call(number, context, ScriptContext::new("match"), extra, Machine::step_match).await
    }
}

#[async_trait]
impl MatchHandler for JsMatch {
    async fn join_attempt(
        &mut self,
        context: MatchContext,
        attempt: JoinAttempt,
    ) -> Result<JoinAnswer, HookError> {
        let JoinAttempt { player, metadata, caller } = attempt;
        let metadata = metadata.into_iter().map(|(key, value)| (key, Value::Text(value)));
        let extra = Extra::Attempt(player, Value::Map(metadata.collect()));
        let seen = context::hook("match", &caller);
        self.call(ATTEMPT, context, seen, extra, Machine::attempt_match).await
    }

    async fn join(
        &mut self,
        context: MatchContext,
        players: Vec<MatchPlayer>,
    ) -> Result<Step, HookError> {
        self.step(JOIN, context, Extra::Players(players)).await
    }

    async fn leave(
        &mut self,
        context: MatchContext,
        players: Vec<MatchPlayer>,
    ) -> Result<Step, HookError> {
        self.step(LEAVE, context, Extra::Players(players)).await
    }

    async fn run(
        &mut self,
        context: MatchContext,
        messages: Vec<MatchMessage>,
    ) -> Result<Step, HookError> {
        self.step(LOOP, context, Extra::Messages(messages)).await
    }

    async fn terminate(
        &mut self,
        context: MatchContext,
        grace_seconds: i64,
    ) -> Result<Step, HookError> {
        self.step(TERMINATE, context, Extra::Grace(grace_seconds)).await
    }

    async fn signal(
        &mut self,
        context: MatchContext,
        data: String,
    ) -> Result<SignalAnswer, HookError> {
        let seen = ScriptContext::new("match");
        self.call(SIGNAL, context, seen, Extra::Signal(data), Machine::signal_match).await
    }
}

fn what(name: &str, function: &str) -> Arc<str> {
    format!("{function} of {name}").into()
}

/// Adds what callbacks are told of their match.
fn about(context: &MatchContext, mut seen: ScriptContext) -> ScriptContext {
    seen.with("matchId", Value::Text(context.id.to_string()));
    seen.with("matchNode", Value::Text(context.node.as_str().to_owned()));
    seen.with("matchLabel", Value::Text(context.label.to_string()));
    seen.with("matchTickRate", Value::Int(context.tick_rate.into()));
    seen
}
