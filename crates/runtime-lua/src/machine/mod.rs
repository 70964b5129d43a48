//! A machine: one Lua state with all files loaded, which serves one call at a time.

mod convert;
mod game;
mod nk;
mod registry;
mod watch;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, LuaOptions, LuaString, MultiValue, StdLib, Table, Value as LuaValue};
use tavern_domain::{Clock, ErrorCode};
use tavern_runtime_hooks::engine::{Limits, Verdict};
use tavern_runtime_hooks::host::HostFunction;
use tavern_runtime_hooks::{HookError, IndexDefinition, Value};
use tokio_util::sync::CancellationToken;

use self::registry::Registry;
use self::watch::Watch;
use crate::context::{self, Fields};
use crate::place::Place;
use crate::source::Source;

/// Calls a host function with its arguments.
pub(crate) type Ask = Arc<
    dyn Fn(&'static HostFunction, Value) -> BoxFuture<'static, Result<Value, HookError>>
        + Send
        + Sync,
>;

/// What machines are made of.
pub(crate) struct Plan {
    pub(crate) sources: Arc<[Source]>,
    /// How the server is asked.
    pub(crate) ask: Ask,
    pub(crate) handle: tokio::runtime::Handle,
    pub(crate) limits: Limits,
    pub(crate) freeze: bool,
    /// What every context has.
    pub(crate) always: Fields,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) end: CancellationToken,
}

/// Why the files cannot be loaded. It names the file and the line where Lua does.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct LoadError {
    text: String,
}

impl From<mlua::Error> for LoadError {
    fn from(error: mlua::Error) -> Self {
        Self { text: words_of(&error) }
    }
}

/// The functions of the prelude.
struct Prelude {
    /// Calls a function and answers whether it went well, and what it answered or raised.
    run: Function,
    /// Makes a host function of one that answers whether it went well.
    host: Function,
    freeze: Function,
    /// Makes `storage_write_retry` of reading and writing.
    retrying: Function,
}

/// One Lua state.
pub(crate) struct Machine {
    lua: Lua,
    run: Function,
    /// Makes a host function of one that answers whether it went well.
    host: Function,
    require: Function,
    /// The match that it runs, if it runs one.
    game: Option<game::Game>,
    watch: Watch,
    /// What the files have registered, and what they have returned.
    registry: Registry,
    limits: Limits,
    /// What every context has. Calls share it, so they can change it for each other, as with the
    /// original.
    always: Vec<(LuaString, LuaValue)>,
}

impl Machine {
    /// The first machine of a program, and what its files register.
    pub(crate) fn first(plan: &Arc<Plan>) -> Result<(Self, Vec<Place>), LoadError> {
        let machine = Self::load(plan, true)?;
        let places = machine.registry.places();
        Ok((machine, places))
    }

    /// The indexes over stored objects that the files register.
    pub(crate) fn indexes(&self) -> Vec<IndexDefinition> {
        self.registry.indexes()
    }

    /// Another one like it.
    pub(crate) fn another(plan: &Arc<Plan>) -> Result<Self, LoadError> {
        Self::load(plan, false)
    }

    fn load(plan: &Arc<Plan>, first: bool) -> Result<Self, LoadError> {
        let (lua, prelude) = bare(&plan.limits)?;
        let watch = Watch::new(plan.end.clone());
        let registry = Registry::default();
        let nk = nk::make(&lua, &prelude, plan, &registry, first)?;
        let require = loader(&lua, &plan.sources, nk)?;
        watch.install(&lua)?;
        watch.begin(plan.limits.init);
        for source in &*plan.sources {
            let answer: MultiValue = prelude
                .run
                .call((require.clone(), source.name.as_str()))
                .map_err(LoadError::from)?;
            if let Err(error) = outcome(&answer) {
                let text = error.message.into_owned();
                // Errors of the language begin with the place; what was raised by hand may not.
                let text = if text.contains(&source.shown) {
                    text
                } else {
                    format!("{}: {text}", source.shown)
                };
                return Err(LoadError { text });
            }
        }
        registry.seal();
        if plan.freeze {
            prelude.freeze.call::<()>(())?;
        }
        if let Some(problem) = registry.problem() {
            return Err(LoadError { text: problem });
        }
        let mut always = Vec::with_capacity(plan.always.len());
        for (name, value) in &plan.always {
            always.push((lua.create_string(name)?, convert::give(&lua, value)?));
        }
        lua.gc_collect()?;
        let (run, host, limits) = (prelude.run, prelude.host, plan.limits.clone());
        Ok(Self { lua, run, host, require, game: None, watch, registry, limits, always })
    }

    /// Calls the function of a place.
    pub(crate) fn call(
        &mut self,
        place: &Place,
        context: &Fields,
        arguments: &[Value],
    ) -> (Result<Vec<Value>, HookError>, Verdict) {
        let Some(function) = self.registry.function(place) else {
            let text = format!("no function is registered for {place:?}");
            return (Err(HookError::internal(text)), Verdict::Keep);
        };
        let answer = self.run(&function, context, arguments);
        self.judged(answer)
    }

    /// Whether the machine can serve another call after this one.
    fn judged<T>(&self, answer: Result<T, HookError>) -> (Result<T, HookError>, Verdict) {
        let verdict = match (self.watch.has_stopped(), &answer) {
            (true, _) => Verdict::Discard,
            // A machine that ran out of memory may be in the middle of anything.
            (false, Err(error)) if error.code == ErrorCode::ResourceExhausted => Verdict::Discard,
            (false, _) => Verdict::Keep,
        };
        let answer = match (verdict, answer) {
            (Verdict::Discard, Err(_)) if self.watch.has_stopped() => {
                Err(HookError::new(ErrorCode::DeadlineExceeded, "the call took too long"))
            }
            (_, answer) => answer,
        };
        (answer, verdict)
    }

    fn run(
        &self,
        function: &Function,
        context: &Fields,
        arguments: &[Value],
    ) -> Result<Vec<Value>, HookError> {
        self.begin(self.limits.call);
        let given = || self.given(function, context, arguments);
        let given = convert::unguarded(&self.lua, given).map_err(broken)?;
        let answer: MultiValue = self.run.call(given).map_err(broken)?;
        outcome(&answer)?.map(|value| convert::take(value).map_err(broken)).collect()
    }

    fn begin(&self, limit: Duration) {
        self.watch.begin(limit);
    }

    fn given(
        &self,
        function: &Function,
        context: &Fields,
        arguments: &[Value],
    ) -> mlua::Result<MultiValue> {
        let table = self.lua.create_table_with_capacity(0, context.len() + self.always.len())?;
        for (name, value) in &self.always {
            table.raw_set(name, value)?;
        }
        for (name, value) in context {
            table.raw_set(*name, convert::give(&self.lua, value)?)?;
        }
        let mut given = MultiValue::with_capacity(arguments.len() + 2);
        given.push_back(LuaValue::Function(function.clone()));
        given.push_back(LuaValue::Table(table));
        for argument in arguments {
            given.push_back(convert::give(&self.lua, argument)?);
        }
        Ok(given)
    }
}

/// A text as a value.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A state with what is safe of the standard library, and the prelude run.
fn bare(limits: &Limits) -> mlua::Result<(Lua, Prelude)> {
    let libs =
        StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::BIT | StdLib::OS | StdLib::JIT;
    let lua = Lua::new_with(libs, LuaOptions::default())?;
    // Compiled loops are never interrupted.
    lua.load("jit.off(true, true) jit.off() jit = nil").set_name("=start").exec()?;
    lua.set_memory_limit(limits.memory)?;
    let globals = lua.globals();
    let string: Table = globals.get("string")?;
    let os: Table = globals.get("os")?;
    let part = |table: &Table, name: &str| table.get::<LuaValue>(name);
    let given = MultiValue::from_iter([
        globals.get("bit")?,
        part(&string, "find")?,
        part(&string, "match")?,
        part(&string, "gmatch")?,
        part(&string, "gsub")?,
        globals.get("loadstring")?,
        part(&os, "clock")?,
        part(&os, "date")?,
        part(&os, "difftime")?,
        part(&os, "time")?,
    ]);
    globals.set("print", lua.create_function(print)?)?;
    let prelude = lua.load(include_str!("prelude.lua")).set_name("=prelude");
    let (run, host, freeze, retrying) = prelude.set_mode(ChunkMode::Text).call(given)?;
    Ok((lua, Prelude { run, host, freeze, retrying }))
}

/// `print` goes into the log.
#[expect(clippy::unnecessary_wraps, reason = "what the engine calls answers a result")]
fn print(_: &Lua, values: MultiValue) -> mlua::Result<()> {
    let texts: Vec<String> =
        values.iter().map(|value| value.to_string().unwrap_or_default()).collect();
    tracing::info!(target: "lua", "{}", texts.join("\t"));
    Ok(())
}

/// `require`, which knows the host's module and the files, and runs each file once.
fn loader(lua: &Lua, sources: &Arc<[Source]>, nk: Table) -> mlua::Result<Function> {
    let loaded = lua.create_table()?;
    loaded.raw_set("nakama", nk)?;
    let package = lua.create_table()?;
    package.raw_set("loaded", loaded.clone())?;
    package.raw_set("preload", lua.create_table()?)?;
    package.raw_set("path", "")?;
    package.raw_set("cpath", "")?;
    lua.globals().set("package", package)?;
    let by_name: HashMap<String, usize> =
        sources.iter().enumerate().map(|(at, source)| (source.name.clone(), at)).collect();
    let sources = Arc::clone(sources);
    let loading = lua.create_table()?;
    let require = lua.create_function(move |lua, name: String| {
        let known: LuaValue = loaded.raw_get(name.as_str())?;
        if !known.is_nil() {
            return Ok(known);
        }
        let at = by_name.get(&name).or_else(|| by_name.get(&name.replace('/', ".")));
        let Some(source) = at.and_then(|at| sources.get(*at)) else {
            return Err(mlua::Error::runtime(format!("module {name} is not found")));
        };
        if loading.raw_get::<bool>(source.name.as_str())? {
            return Err(mlua::Error::runtime(format!("module {name} requires itself")));
        }
        loading.raw_set(source.name.as_str(), true)?;
        let chunk = lua.load(&source.text).set_name(format!("@{}", source.shown));
        let answer: LuaValue = chunk.set_mode(ChunkMode::Text).call(source.name.as_str())?;
        loading.raw_set(source.name.as_str(), LuaValue::Nil)?;
        let answer = if answer.is_nil() { LuaValue::Boolean(true) } else { answer };
        loaded.raw_set(source.name.as_str(), answer.clone())?;
        Ok(answer)
    })?;
    lua.globals().set("require", require.clone())?;
    Ok(require)
}

/// What a call has answered, or what it raised as the error that clients see.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever was raised, it has words")]
fn outcome(answer: &MultiValue) -> Result<impl Iterator<Item = &LuaValue>, HookError> {
    let mut values = answer.iter();
    if matches!(values.next(), Some(LuaValue::Boolean(true))) {
        return Ok(values);
    }
    let raised = values.next().unwrap_or(&LuaValue::Nil);
    if let LuaValue::Error(error) = raised {
        return Err(of_engine(error));
    }
    let message = match raised {
        LuaValue::String(text) => text.to_string_lossy(),
        other => other.to_string().unwrap_or_default(),
    };
    if message == OUT_OF_MEMORY {
        return Err(out_of_memory());
    }
    let code = values.next().and_then(code).unwrap_or(ErrorCode::Internal);
    Err(HookError::new(code, message))
}

/// What Lua says when there is no more memory.
const OUT_OF_MEMORY: &str = "not enough memory";

fn out_of_memory() -> HookError {
    HookError::new(ErrorCode::ResourceExhausted, "the call needs too much memory")
}

/// A code that a script may choose: those of the public protocol, 1 to 16.
#[expect(clippy::cast_possible_truncation, reason = "a code is a small number")]
fn code(value: &LuaValue) -> Option<ErrorCode> {
    let number = value.as_integer().or_else(|| value.as_number().map(|n| n as i64))?;
    ErrorCode::from_number(number)
}

fn broken(error: mlua::Error) -> HookError {
    of_engine(&error)
}

/// An error of the engine itself.
#[expect(clippy::wildcard_enum_match_arm, reason = "one kind is looked for")]
fn of_engine(error: &mlua::Error) -> HookError {
    let is_memory = |error: &mlua::Error| matches!(error, mlua::Error::MemoryError(_));
    let cause = match error {
        mlua::Error::CallbackError { cause, .. } => cause,
        other => other,
    };
    if is_memory(cause) {
        return out_of_memory();
    }
    HookError::new(ErrorCode::Internal, words_of(error))
}

/// What an error says, without the stack.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others say it themselves")]
fn words_of(error: &mlua::Error) -> String {
    let text = match error {
        mlua::Error::CallbackError { cause, .. } => return words_of(cause),
        mlua::Error::RuntimeError(text) | mlua::Error::SyntaxError { message: text, .. } => {
            text.clone()
        }
        other => other.to_string(),
    };
    match text.split_once("\nstack traceback:") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// The context while modules are loaded.
fn loading_context() -> Fields {
    context::plain("run_once")
}
