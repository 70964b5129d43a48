//! A machine that runs a match: the match's state stays in it.

use std::cell::RefCell;
use std::sync::Arc;

use rquickjs::function::{Args, Rest};
use rquickjs::{
    Array, ArrayBuffer, Ctx, Error, Exception, Function, Object, Result, Value as JsValue,
};
use tavern_runtime_hooks::engine::Verdict;
use tavern_runtime_hooks::matches::{
    Dispatcher, DispatcherFunction, JoinAnswer, MatchMessage, MatchPlayer, SignalAnswer, Step,
};
use tavern_runtime_hooks::{HookError, Value};

use super::call::handler;
use super::{LOGGER, Machine, NK, ScriptContext, Shared, convert, fixed};

/// The state of the match; empty before it is made.
type State<'js> = RefCell<Vec<JsValue<'js>>>;

/// What a callback gets beyond its match.
pub(crate) enum Extra {
    /// Players who come or go.
    Players(Vec<MatchPlayer>),
    /// What players have sent.
    Messages(Vec<MatchMessage>),
    /// Who wants to join, and what they gave along.
    Attempt(MatchPlayer, Value),
    /// Seconds until the server ends.
    Grace(i64),
    /// A signal.
    Signal(String),
}

/// What a callback of a match is about.
pub(crate) struct Callback {
    /// The number of its function.
    pub(crate) function: usize,
    /// Its name, for the log.
    pub(crate) what: Arc<str>,
    pub(crate) context: ScriptContext,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) tick: i64,
}

/// What a match begins with.
pub(crate) struct Begun {
    pub(crate) tick_rate: i64,
    pub(crate) label: String,
}

/// What was answered, with the new state put away; `None` ends the match.
struct Answered<'js>(Option<Object<'js>>);

impl Machine {
    /// Makes the match; `None` when the script wants none.
    pub(crate) fn begin_match(
        &mut self,
        function: usize,
        what: &str,
        context: &ScriptContext,
        params: &Value,
    ) -> std::result::Result<Option<Begun>, HookError> {
        let (begun, _) = self.enter(what, context.mode(), |ctx, shared| {
            let taken = ctx.store_userdata(State::<'_>::default()).is_err();
            if taken {
                return Err(Error::Unknown);
            }
            let function = handler(ctx, function)?;
            let params = if params.is_null() {
                Object::new(ctx.clone())?.into_value()
            } else {
                convert::give(ctx, params)?
            };
            let given =
                (context.object(ctx, shared)?, fixed(ctx, LOGGER)?, fixed(ctx, NK)?, params);
            let answer: JsValue<'_> = function.call(given)?;
            let Some(answer) = answered(ctx, answer)?.0 else { return Ok(None) };
            let tick_rate: JsValue<'_> = answer.get("tickRate")?;
            let tick_rate = tick_rate.as_number().ok_or_else(|| {
                Exception::throw_type(ctx, "matchInit must answer a number as tickRate")
            })?;
            let label: JsValue<'_> = answer.get("label")?;
            let label = label.as_string().map(rquickjs::String::to_string).ok_or_else(|| {
                Exception::throw_type(ctx, "matchInit must answer a string as label")
            })??;
            Ok(Some(Begun { tick_rate: whole(tick_rate), label }))
        });
        begun
    }

    /// Runs a callback that answers a state and nothing else.
    pub(crate) fn step_match(
        &mut self,
        callback: &Callback,
        extra: &Extra,
    ) -> std::result::Result<Step, HookError> {
        self.callback(callback, extra, |_, answer| {
            Ok(if answer.0.is_some() { Step::Continue } else { Step::End })
        })
    }

    /// Asks whether somebody may join.
    pub(crate) fn attempt_match(
        &mut self,
        callback: &Callback,
        extra: &Extra,
    ) -> std::result::Result<JoinAnswer, HookError> {
        self.callback(callback, extra, |ctx, answer| {
            let Some(answer) = answer.0 else { return Ok(JoinAnswer::End) };
            let accept: JsValue<'_> = answer.get("accept")?;
            let accept = accept.as_bool().ok_or_else(|| {
                Exception::throw_type(ctx, "matchJoinAttempt must answer a boolean as accept")
            })?;
            let text = if answer.contains_key("rejectMessage")? {
                let text: JsValue<'_> = answer.get("rejectMessage")?;
                text.as_string().map(rquickjs::String::to_string).ok_or_else(|| {
                    let text = "matchJoinAttempt must answer a string as rejectMessage";
                    Exception::throw_type(ctx, text)
                })??
            } else {
                String::new()
            };
            Ok(if accept { JoinAnswer::Accept } else { JoinAnswer::Reject(text) })
        })
    }

    /// Hands over a signal.
    pub(crate) fn signal_match(
        &mut self,
        callback: &Callback,
        extra: &Extra,
    ) -> std::result::Result<SignalAnswer, HookError> {
        self.callback(callback, extra, |ctx, answer| {
            let Some(answer) = answer.0 else { return Ok(SignalAnswer::End) };
            let data: JsValue<'_> = answer.get("data")?;
            if data.is_undefined() || data.is_null() {
                return Ok(SignalAnswer::Reply(String::new()));
            }
            let data = data.as_string().map(rquickjs::String::to_string).ok_or_else(|| {
                Exception::throw_type(ctx, "matchSignal must answer a string as data")
            })??;
            Ok(SignalAnswer::Reply(data))
        })
    }

    fn callback<T>(
        &mut self,
        callback: &Callback,
        extra: &Extra,
        read: impl for<'js> FnOnce(&Ctx<'js>, Answered<'js>) -> Result<T>,
    ) -> std::result::Result<T, HookError> {
        let Callback { function, what, context, dispatcher, tick } = callback;
        *self.shared().dispatcher.lock() = Some(dispatcher.clone());
        let (ended, verdict) = self.enter(what, context.mode(), |ctx, shared| {
            let function = handler(ctx, *function)?;
            let mut args = Args::new(ctx.clone(), 8);
            args.push_arg(context.object(ctx, shared)?)?;
            args.push_arg(fixed(ctx, LOGGER)?)?;
            args.push_arg(fixed(ctx, NK)?)?;
            args.push_arg(dispatcher_object(ctx, shared)?)?;
            args.push_arg(*tick)?;
            args.push_arg(state(ctx)?)?;
            push(ctx, &mut args, extra)?;
            let answer = args.apply(&function)?;
            read(ctx, answered(ctx, answer)?)
        });
        if verdict == Verdict::Discard {
            // The error ends the match, and the machine with it.
            return ended.and_then(|_| Err(super::report::out_of_memory()));
        }
        ended
    }
}

fn push<'js>(ctx: &Ctx<'js>, args: &mut Args<'js>, extra: &Extra) -> Result<()> {
    match extra {
        Extra::Players(players) => args.push_arg(list(ctx, players, player)?),
        Extra::Messages(messages) => args.push_arg(list(ctx, messages, message)?),
        Extra::Attempt(who, metadata) => {
            args.push_arg(player(ctx, who)?)?;
            args.push_arg(convert::give(ctx, metadata)?)
        }
        Extra::Grace(seconds) => args.push_arg(*seconds),
        Extra::Signal(data) => args.push_arg(data.as_str()),
    }
}

fn list<'js, T>(
    ctx: &Ctx<'js>,
    items: &[T],
    one: fn(&Ctx<'js>, &T) -> Result<Object<'js>>,
) -> Result<Array<'js>> {
    let out = Array::new(ctx.clone())?;
    for (index, item) in items.iter().enumerate() {
        out.set(index, one(ctx, item)?)?;
    }
    Ok(out)
}

fn player<'js>(ctx: &Ctx<'js>, player: &MatchPlayer) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    object.set("userId", player.user.to_string())?;
    object.set("sessionId", player.session.to_string())?;
    object.set("username", &*player.username)?;
    object.set("node", player.node.as_str())?;
    if let Some(reason) = player.reason {
        object.set("reason", reason as u8)?;
    }
    Ok(object)
}

fn message<'js>(ctx: &Ctx<'js>, message: &MatchMessage) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    object.set("sender", player(ctx, &message.sender)?)?;
    object.set("opCode", message.op_code)?;
    if message.data.is_empty() {
        object.set("data", JsValue::new_undefined(ctx.clone()))?;
    } else {
        object.set("data", ArrayBuffer::new_copy(ctx.clone(), &message.data)?)?;
    }
    object.set("reliable", message.reliable)?;
    object.set("receiveTimeMs", message.received.millis())?;
    Ok(object)
}

fn state<'js>(ctx: &Ctx<'js>) -> Result<JsValue<'js>> {
    let kept = ctx.userdata::<State<'js>>().ok_or(Error::Unknown)?;
    let found = kept.borrow().first().cloned();
    found.ok_or(Error::Unknown)
}

/// Puts the state of an answer away.
fn answered<'js>(ctx: &Ctx<'js>, answer: JsValue<'js>) -> Result<Answered<'js>> {
    if answer.is_null() || answer.is_undefined() {
        return Ok(Answered(None));
    }
    let object = answer.into_object().filter(|object| !object.as_value().is_promise());
    let object = object.ok_or_else(|| {
        Exception::throw_type(ctx, "functions of a match must answer an object with the state")
    })?;
    let state: JsValue<'js> = object.get("state")?;
    if state.is_null() || state.is_undefined() {
        return Ok(Answered(None));
    }
    let kept = ctx.userdata::<State<'js>>().ok_or(Error::Unknown)?;
    let mut kept = kept.borrow_mut();
    kept.clear();
    kept.push(state);
    Ok(Answered(Some(object)))
}

/// The dispatcher of the machine's match, made once.
fn dispatcher_object<'js>(ctx: &Ctx<'js>, shared: &Shared) -> Result<Object<'js>> {
    /// So that it is told from other objects that are kept.
    type Kept<'js> = RefCell<Option<Object<'js>>>;
    let kept = ctx.userdata::<Kept<'js>>().and_then(|kept| kept.borrow().clone());
    if let Some(object) = kept {
        return Ok(object);
    }
    let object = Object::new(ctx.clone())?;
    for function in DispatcherFunction::ALL {
        let current = Arc::clone(&shared.dispatcher);
        let method = move |ctx: Ctx<'js>, args: Rest<JsValue<'js>>| -> Result<()> {
            let mut taken = Vec::with_capacity(args.0.len());
            for arg in args.0 {
                taken.push(convert::take(&ctx, arg)?);
            }
            let dispatcher = current.lock().clone();
            let dispatcher = dispatcher
                .ok_or_else(|| Exception::throw_type(&ctx, "there is no match to act on"))?;
            let done = function.call(&*dispatcher, taken);
            done.map_err(|error| super::nk::throw(&ctx, &error))
        };
        object.set(function.js, Function::new(ctx.clone(), method)?.with_name(function.js)?)?;
    }
    drop(ctx.store_userdata(Kept::from(RefCell::new(Some(object.clone())))));
    Ok(object)
}

#[expect(clippy::cast_possible_truncation, reason = "out of range is out of range either way")]
fn whole(number: f64) -> i64 {
    number as i64
}
