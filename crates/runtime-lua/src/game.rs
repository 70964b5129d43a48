//! Matches that Lua files run: each has a machine of its own, which keeps its state.

use std::sync::Arc;

use async_trait::async_trait;
use tavern_runtime_hooks::engine::Workers;
use tavern_runtime_hooks::matches::{
    CreatedMatch, JoinAnswer, JoinAttempt, MatchContext, MatchFactory, MatchHandler, MatchMessage,
    MatchPlayer, SignalAnswer, Step,
};
use tavern_runtime_hooks::value::to_value;
use tavern_runtime_hooks::{HookError, Value};

use crate::context::{self, Fields};
use crate::machine::{Machine, Plan, text};

/// Makes matches of the file of this name.
pub(crate) struct LuaMatches {
    pub(crate) plan: Arc<Plan>,
    pub(crate) workers: Workers,
    pub(crate) name: String,
}

#[async_trait]
impl MatchFactory for LuaMatches {
    async fn init(&self, context: MatchContext, params: Value) -> Result<CreatedMatch, HookError> {
        let (plan, name) = (Arc::clone(&self.plan), self.name.clone());
        let made = self.workers.run(move || {
            let mut machine = Machine::another(&plan).map_err(HookError::internal)?;
            let fields = told("match_create", &context);
            let (tick_rate, label) = machine.begin_match(&name, &fields, &params)?;
            Ok::<_, HookError>((machine, tick_rate, label))
        });
        let (machine, tick_rate, label) = made.await.map_err(HookError::internal)??;
        let handler = LuaMatch { machine: Some(machine), workers: self.workers.clone() };
        Ok(CreatedMatch { handler: Box::new(handler), tick_rate, label })
    }
}

/// A running match.
struct LuaMatch {
    /// Away while a callback runs.
    machine: Option<Machine>,
    workers: Workers,
}

impl LuaMatch {
    /// Runs a callback; answers what it answered behind the state, or nothing when it wants the
    /// match to end.
    async fn call(
        &mut self,
        function: &'static str,
        fields: Fields,
        context: MatchContext,
        arguments: Vec<Value>,
    ) -> Result<Option<Vec<Value>>, HookError> {
        let Some(mut machine) = self.machine.take() else {
            return Err(HookError::internal("the machine of the match is gone"));
        };
        let ran = self.workers.run(move || {
            let answer = machine.match_callback(function, &fields, &context, &arguments);
            (machine, answer)
        });
        let (machine, answer) = ran.await.map_err(HookError::internal)?;
        self.machine = Some(machine);
        answer
    }

    async fn step(
        &mut self,
        function: &'static str,
        context: MatchContext,
        argument: Value,
    ) -> Result<Step, HookError> {
        let fields = told("match", &context);
        let answer = self.call(function, fields, context, vec![argument]).await?;
        Ok(if answer.is_some() { Step::Continue } else { Step::End })
    }
}

#[async_trait]
impl MatchHandler for LuaMatch {
    async fn join_attempt(
        &mut self,
        context: MatchContext,
        attempt: JoinAttempt,
    ) -> Result<JoinAnswer, HookError> {
        let mut fields = context::hook("match", &attempt.caller);
        fields.extend(of_match(&context));
        let metadata = attempt.metadata.iter().map(|(name, value)| (name.clone(), text(value)));
        let arguments = vec![written(&attempt.player)?, Value::Map(metadata.collect())];
        let answer = self.call("match_join_attempt", fields, context, arguments).await?;
        let Some(answer) = answer else { return Ok(JoinAnswer::End) };
        let mut answer = answer.into_iter();
        match (answer.next(), answer.next()) {
            (Some(Value::Bool(true)), _) => Ok(JoinAnswer::Accept),
            (_, Some(Value::Text(reason))) => Ok(JoinAnswer::Reject(reason)),
            (_, _) => Ok(JoinAnswer::Reject(String::new())),
        }
    }

    async fn join(
        &mut self,
        context: MatchContext,
        players: Vec<MatchPlayer>,
    ) -> Result<Step, HookError> {
        self.step("match_join", context, written(&players)?).await
    }

    async fn leave(
        &mut self,
        context: MatchContext,
        players: Vec<MatchPlayer>,
    ) -> Result<Step, HookError> {
        self.step("match_leave", context, written(&players)?).await
    }

    async fn run(
        &mut self,
        context: MatchContext,
        messages: Vec<MatchMessage>,
    ) -> Result<Step, HookError> {
        self.step("match_loop", context, written(&messages)?).await
    }

    async fn terminate(
        &mut self,
        context: MatchContext,
        grace_seconds: i64,
    ) -> Result<Step, HookError> {
        self.step("match_terminate", context, Value::Int(grace_seconds)).await
    }

    async fn signal(
        &mut self,
        context: MatchContext,
        data: String,
    ) -> Result<SignalAnswer, HookError> {
        let fields = told("match", &context);
        let arguments = vec![Value::Text(data)];
        let answer = self.call("match_signal", fields, context, arguments).await?;
        let Some(answer) = answer else { return Ok(SignalAnswer::End) };
        Ok(SignalAnswer::Reply(match answer.into_iter().next() {
            Some(Value::Text(reply)) => reply,
            _ => String::new(),
        }))
    }
}

fn written<T: serde::Serialize>(value: &T) -> Result<Value, HookError> {
    to_value(value).map_err(HookError::internal)
}

/// What a callback is told of its match.
fn told(mode: &str, context: &MatchContext) -> Fields {
    let mut fields = context::plain(mode);
    fields.extend(of_match(context));
    fields
}

fn of_match(context: &MatchContext) -> Fields {
    vec![
        ("match_id", text(&context.id.to_string())),
        ("match_node", text(context.node.as_str())),
        ("match_label", text(&context.label)),
        ("match_tick_rate", Value::Int(context.tick_rate.into())),
    ]
}
