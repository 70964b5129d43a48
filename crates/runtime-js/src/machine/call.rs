//! The life of a machine: one call after the other.

use std::time::Duration;

use rquickjs::function::Args;
use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Error, Exception, Function, Object, Result, Value as JsValue};
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::engine::Verdict;

use super::report::{failed, out_of_memory};
use super::watch::Stopped;
use super::{
    CLEAR_TIMERS, ENV, Handlers, LOGGER, Machine, NEXT_TIMER, NK, RUN_TIMER, Shared, convert, fixed,
};
use tavern_runtime_hooks::Value;

/// What scripts get as `ctx`.
#[derive(Clone, Debug)]
pub(crate) struct ScriptContext {
    mode: &'static str,
    entries: Vec<(&'static str, Value)>,
}

impl ScriptContext {
    /// With nothing but what is always there.
    pub(crate) fn new(mode: &'static str) -> Self {
        Self { mode, entries: Vec::new() }
    }

    /// Adds an entry.
    pub(crate) fn with(&mut self, name: &'static str, value: Value) {
        self.entries.push((name, value));
    }

    pub(crate) fn mode(&self) -> &'static str {
        self.mode
    }

    pub(super) fn object<'js>(&self, ctx: &Ctx<'js>, shared: &Shared) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        object.set("env", fixed(ctx, ENV)?)?;
        if self.mode == "match" {
            // The public protocol has a number here.
            object.set("executionMode", 5)?;
        } else {
            object.set("executionMode", self.mode)?;
        }
        object.set("node", shared.plan.node.as_str())?;
        object.set("version", shared.plan.version.as_str())?;
        for (name, value) in &self.entries {
            object.set(*name, convert::give(ctx, value)?)?;
        }
        Ok(object)
    }
}

/// How a call ended.
pub(crate) type Ended = (std::result::Result<Value, HookError>, Verdict);

impl Machine {
    /// Calls a registered function by its number. `what` names it in the log.
    pub(crate) fn call(
        &mut self,
        function: usize,
        what: &str,
        context: &ScriptContext,
        arguments: &[Value],
    ) -> Ended {
        self.enter(what, context.mode(), |ctx, shared| {
            let function = handler(ctx, function)?;
            let mut args = Args::new(ctx.clone(), arguments.len() + 3);
            args.push_arg(context.object(ctx, shared)?)?;
            args.push_arg(fixed(ctx, LOGGER)?)?;
            args.push_arg(fixed(ctx, NK)?)?;
            for argument in arguments {
                args.push_arg(convert::give(ctx, argument)?)?;
            }
            let answer = settle(ctx, shared, args.apply(&function)?)?;
            convert::take(ctx, answer)
        })
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Runs `code` as one call: with its limits, and with its failure told.
    pub(super) fn enter<T>(
        &mut self,
        what: &str,
        mode: &'static str,
        code: impl for<'js> FnOnce(&Ctx<'js>, &Shared) -> Result<T>,
    ) -> (std::result::Result<T, HookError>, Verdict) {
        let shared = &*self.shared;
        let mut nothing = false;
        let ended = self.context.with(|ctx| {
            shared.watch.begin(shared.plan.limits.call);
            let result = code(&ctx, shared);
            let ended = match result {
                Ok(value) => (Ok(value), Verdict::Keep),
                Err(error) => {
                    let failed = failed(&ctx, shared, error);
                    nothing = failed.nothing;
                    if let Some(trace) = &failed.trace {
                        tracing::error!(target: "script", function = what, mode, "{trace}");
                    }
                    (Err(failed.error), failed.verdict)
                }
            };
            // Timers and promises belong to the call that made them.
            if ended.1 == Verdict::Keep && clear(&ctx).is_err() {
                return (ended.0, Verdict::Discard);
            }
            ended
        });
        if nothing && self.is_full() {
            return (Err(out_of_memory()), Verdict::Discard);
        }
        ended
    }

    /// Whether there is next to no memory left. Looks at every object: not for every call.
    fn is_full(&self) -> bool {
        let limit = self.shared.plan.limits.memory;
        let used = usize::try_from(self.runtime.memory_usage().malloc_size).unwrap_or_default();
        limit > 0 && used > limit - limit / 8
    }
}

pub(super) fn handler<'js>(ctx: &Ctx<'js>, number: usize) -> Result<Function<'js>> {
    let handlers = ctx.userdata::<Handlers<'js>>().ok_or(Error::Unknown)?;
    let found = handlers.borrow().get(number).cloned();
    found.ok_or(Error::Unknown)
}

fn clear(ctx: &Ctx<'_>) -> Result<()> {
    fixed(ctx, CLEAR_TIMERS)?.get::<Function<'_>>()?.call::<_, ()>(())
}

/// What an answer comes to: of a promise, what it is kept with. Meanwhile jobs and timers run, and
/// what is not awaited gets its turn too, as far as it can go without waiting.
pub(super) fn settle<'js>(
    ctx: &Ctx<'js>,
    shared: &Shared,
    answer: JsValue<'js>,
) -> Result<JsValue<'js>> {
    run_jobs(ctx, shared)?;
    let Some(promise) = answer.as_promise() else { return Ok(answer) };
    let mut left = shared.plan.limits.sleep;
    loop {
        if promise.state() != PromiseState::Pending {
            return promise.result().unwrap_or(Err(Error::Unknown));
        }
        let next: f64 = fixed(ctx, NEXT_TIMER)?.get::<Function<'js>>()?.call(())?;
        if next < 0.0 {
            return Err(Exception::throw_message(
                ctx,
                "a promise is awaited that nothing can keep any more",
            ));
        }
        let time = Duration::from_secs_f64((next / 1_000.0).min(86_400.0));
        if time > left {
            shared.watch.stop(Stopped::Sleep);
            return Err(Exception::throw_message(ctx, "waited too long"));
        }
        if !time.is_zero() {
            left -= time;
            if !shared.sleep(time) {
                return Err(Exception::throw_message(ctx, "the server is stopping"));
            }
        }
        fixed(ctx, RUN_TIMER)?.get::<Function<'js>>()?.call::<_, ()>(())?;
        run_jobs(ctx, shared)?;
    }
}

fn run_jobs(ctx: &Ctx<'_>, shared: &Shared) -> Result<()> {
    while ctx.execute_pending_job() {
        if shared.watch.stopped().is_some() {
            break;
        }
    }
    // A job that was interrupted leaves its promise open for ever.
    if shared.watch.stopped().is_some() {
        return Err(Exception::throw_message(ctx, "interrupted"));
    }
    Ok(())
}
