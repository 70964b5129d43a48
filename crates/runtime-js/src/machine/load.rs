//! The birth of a machine.

use std::sync::Arc;

use parking_lot::Mutex;
use rquickjs::context::EvalOptions;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Context, Ctx, Error, Exception, Function, Module, Object, Result, Runtime, Value};
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::{HookError, engine};

use super::call::{ScriptContext, settle};
use super::record::{Record, Recorded};
use super::report::failed;
use super::watch::Watch;
use super::{
    ENV, FREEZE, Fixed, Handlers, LOGGER, Machine, NK, Plan, Shared, fixed, log, nk, registry,
};
use crate::registration::Registrations;

/// Why the code of a program does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// The engine itself.
    #[error("a machine cannot be made")]
    Engine(#[source] Error),
    /// The code threw.
    #[error("{0}")]
    Code(String),
    /// There is nothing to call.
    #[error("{0} has no function InitModule, neither global nor exported")]
    NoInitModule(String),
    /// Two functions for one place.
    #[error("{0:?} is registered twice")]
    Twice(crate::registration::Place),
    /// A later run of `InitModule` did something else than the first.
    #[error("InitModule does not register the same functions each time it runs")]
    Differs,
}

impl From<InitError> for HookError {
    fn from(error: InitError) -> Self {
        tracing::error!(%error, "a machine for server code cannot be made");
        Self::new(ErrorCode::Internal, error.to_string())
    }
}

impl Machine {
    /// The first machine of a program, with what further ones need to be the same.
    pub(crate) fn first(
        plan: &Arc<Plan>,
    ) -> std::result::Result<(Self, Recorded, Registrations), InitError> {
        let (machine, recorded) = Self::make(plan, Record::noting())?;
        let registrations = machine.shared.registrations.lock().clone();
        if let Some(place) = registrations.twice() {
            return Err(InitError::Twice(place.clone()));
        }
        Ok((machine, recorded, registrations))
    }

    /// A further machine.
    pub(crate) fn another(
        plan: &Arc<Plan>,
        recorded: &Recorded,
        registrations: &Registrations,
    ) -> std::result::Result<Self, InitError> {
        let (machine, _) = Self::make(plan, Record::replaying(recorded))?;
        if *machine.shared.registrations.lock() != *registrations {
            return Err(InitError::Differs);
        }
        Ok(machine)
    }

    fn make(plan: &Arc<Plan>, record: Record) -> std::result::Result<(Self, Recorded), InitError> {
        let runtime = Runtime::new().map_err(InitError::Engine)?;
        runtime.set_memory_limit(plan.limits.memory);
        runtime.set_max_stack_size(plan.limits.stack);
        let watch = Watch::new(plan.end.clone());
        let asked = Arc::clone(&watch);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            engine::breathe();
            asked.over()
        })));
        runtime.set_loader(Files(Arc::clone(plan)), Files(Arc::clone(plan)));
        let context = Context::full(&runtime).map_err(InitError::Engine)?;
        let registrations = Mutex::new(Registrations::default());
        let dispatcher = Arc::default();
        let plan = Arc::clone(plan);
        let shared = Arc::new(Shared { plan, watch, record, registrations, dispatcher });
        shared.watch.begin(shared.plan.limits.init);
        context.with(|ctx| {
            let started = furnish(&ctx, &shared).and_then(|()| start(&ctx, &shared));
            match started {
                Ok(true) => Ok(()),
                Ok(false) => Err(InitError::NoInitModule(shared.plan.program.entry.to_string())),
                Err(error) => {
                    let failed = failed(&ctx, &shared, error);
                    let text = failed.trace.unwrap_or_else(|| failed.error.message.to_string());
                    Err(InitError::Code(text))
                }
            }
        })?;
        let recorded = shared.record.end();
        Ok((Self { context, runtime, shared }, recorded))
    }
}

/// Puts in what every machine has.
fn furnish<'js>(ctx: &Ctx<'js>, shared: &Arc<Shared>) -> Result<()> {
    let options = named("prelude", true);
    let prelude: Function<'js> = ctx.eval_with_options(include_str!("prelude.js"), options)?;
    let begun = tokio::time::Instant::now();
    let now = Function::new(ctx.clone(), move || begun.elapsed().as_secs_f64() * 1_000.0)?;
    let say = log::function(ctx, Arc::clone(shared))?;
    let place = if shared.plan.program.has_positions() {
        let plan = Arc::clone(&shared.plan);
        let place = move |file: String, line: u32, column: u32| {
            let (file, line, column) = plan.program.place(&file, line, column);
            format!("{file}:{line}:{column}")
        };
        Function::new(ctx.clone(), place)?.into_value()
    } else {
        Value::new_undefined(ctx.clone())
    };
    let mut all: Fixed<'js> = prelude.call((now, say, place))?;
    debug_assert_eq!(all.len(), NK);
    all.push(nk::object(ctx, shared)?.into_value());
    let env = Object::new(ctx.clone())?;
    for (name, value) in &shared.plan.env {
        env.set(name.as_str(), value.as_str())?;
    }
    debug_assert_eq!(all.len(), ENV);
    all.push(env.into_value());
    let taken =
        ctx.store_userdata(all).is_err() || ctx.store_userdata(Handlers::<'js>::default()).is_err();
    if taken { Err(Error::Unknown) } else { Ok(()) }
}

fn named(file: &str, strict: bool) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.filename = Some(file.to_owned());
    options.strict = strict;
    options
}

/// Runs the program and its `InitModule`; answers whether it has one.
fn start<'js>(ctx: &Ctx<'js>, shared: &Arc<Shared>) -> Result<bool> {
    let program = &shared.plan.program;
    let entry = &*program.entry;
    let code = program.code(entry).ok_or(Error::Unknown)?;
    let found: Value<'js> = if program.entry_is_module {
        let (module, done) = Module::declare(ctx.clone(), entry, code)?.eval()?;
        settle(ctx, shared, done.into_value())?;
        let exports = module.namespace()?;
        let mut found: Value<'js> = Value::new_undefined(ctx.clone());
        for name in ["InitModule", "default"] {
            if found.is_undefined() && exports.contains_key(name)? {
                found = exports.get(name)?;
            }
        }
        found
    } else {
        ctx.eval_with_options::<Value<'js>, _>(code, named(entry, false))?;
        Value::new_undefined(ctx.clone())
    };
    let found = if found.is_function() {
        found
    } else {
        // Also a `const` at the top of a script, which is no property of the global object.
        ctx.eval("typeof InitModule === 'function' ? InitModule : undefined")?
    };
    let Some(init) = found.into_function() else { return Ok(false) };
    let context = ScriptContext::new("run_once").object(ctx, shared)?;
    let initializer = registry::initializer(ctx, shared)?;
    let answer: Value<'js> =
        init.call((context, fixed(ctx, LOGGER)?, fixed(ctx, NK)?, initializer))?;
    settle(ctx, shared, answer)?;
    if shared.plan.freeze {
        fixed(ctx, FREEZE)?.get::<Function<'js>>()?.call::<_, ()>(())?;
    }
    Ok(true)
}

/// Imports, from the program and nowhere else.
struct Files(Arc<Plan>);

impl Resolver for Files {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        match self.0.program.import(base, name) {
            Some(found) => Ok(found.to_string()),
            None => Err(Error::new_resolving(base, name)),
        }
    }
}

impl Loader for Files {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        match self.0.program.code(name) {
            Some(code) => Module::declare(ctx.clone(), name, code),
            None => Err(Exception::throw_reference(ctx, &format!("there is no module {name:?}"))),
        }
    }
}
