//! The module that `require("nakama")` answers.

use std::sync::Arc;

use mlua::{Function, Lua, LuaString, MultiValue, Result, Table, Value as LuaValue};
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::host::{HostFunction, Language, host_functions};
use tavern_runtime_hooks::{
    HookError, HttpMethods, IndexDefinition, IndexSpec, RoutePattern, Value, engine,
};
use tokio::runtime::Handle;

use super::registry::Registry;
use super::{Ask, Plan, Prelude, convert, loading_context};
use crate::place::{Place, call_named, message_named};

/// JSON texts up to so many bytes become values without a look at the limit of memory.
const SMALL: usize = 256 << 10;

/// The module of a machine.
pub(super) fn make(
    lua: &Lua,
    prelude: &Prelude,
    plan: &Arc<Plan>,
    registry: &Registry,
    first: bool,
) -> Result<Table> {
    let (host, nk) = (&prelude.host, lua.create_table()?);
    for function in host_functions().filter(|function| !function.name.is_empty()) {
        let raw = host_function(lua, function, plan)?;
        nk.raw_set(function.name, host.call::<Function>(raw)?)?;
    }
    let (read, write): (Function, Function) =
        (nk.raw_get("storage_read")?, nk.raw_get("storage_write")?);
    nk.raw_set("storage_write_retry", prelude.retrying.call::<Function>((read, write))?)?;
    registrations(lua, &nk, registry)?;
    of_the_language(lua, &nk, host, plan, first)?;
    Ok(nk)
}

/// One that asks the server and waits. It answers first whether that went well.
fn host_function(lua: &Lua, row: &'static HostFunction, plan: &Plan) -> Result<Function> {
    let (asks, handle) = (Arc::clone(&plan.ask), plan.handle.clone());
    lua.create_function(move |lua, given: MultiValue| match ask(row, &asks, &handle, &given) {
        Ok(results) => convert::unguarded(lua, || {
            let mut answer = MultiValue::with_capacity(results.len() + 1);
            answer.push_back(LuaValue::Boolean(true));
            for value in &results {
                answer.push_back(convert::give(lua, value)?);
            }
            Ok(answer)
        }),
        Err(error) => refused(lua, &error),
    })
}

fn ask(
    row: &'static HostFunction,
    asks: &Ask,
    handle: &Handle,
    given: &MultiValue,
) -> std::result::Result<Vec<Value>, HookError> {
    let given = given.iter().map(convert::take).collect::<Result<Vec<_>>>();
    let given = given.map_err(|error| {
        let text = format!("{}: {}", row.name, super::words_of(&error));
        HookError::new(ErrorCode::InvalidArgument, text)
    })?;
    let arguments = row.arguments(Language::Lua, given)?;
    let result = engine::wait(handle, asks(row, arguments))?;
    Ok(row.results(result))
}

pub(super) fn refused(lua: &Lua, error: &HookError) -> Result<MultiValue> {
    if let Some(source) = &error.source {
        let source: &(dyn std::error::Error + 'static) = &**source;
        tracing::debug!(error = source, "a host function failed");
    }
    let text = LuaValue::String(lua.create_string(&*error.message)?);
    let code = LuaValue::Integer(error.code.number().into());
    Ok(MultiValue::from_iter([LuaValue::Boolean(false), text, code]))
}

/// The `register_…` functions.
fn registrations(lua: &Lua, nk: &Table, registry: &Registry) -> Result<()> {
    let named = |name: &str, place: fn(&str) -> std::result::Result<Place, String>| {
        let registry = registry.clone();
        let function = lua.create_function(move |_, (function, id): (Function, String)| {
            let kept = place(&id).and_then(|place| registry.keep(place, function));
            kept.map_err(mlua::Error::runtime)
        })?;
        nk.raw_set(name, function)
    };
    named("register_rpc", |id| match id {
        "" => Err("a function needs an id".into()),
        id => Ok(Place::Rpc(id.to_lowercase())),
    })?;
    named("register_req_before", |name| {
        call_named(name).map(Place::Before).ok_or_else(|| format!("there is no call {name}"))
    })?;
    named("register_req_after", |name| {
        call_named(name).map(Place::After).ok_or_else(|| format!("there is no call {name}"))
    })?;
    named("register_rt_before", |name| {
        message_named(name)
            .map(Place::RtBefore)
            .ok_or_else(|| format!("there is no message {name}"))
    })?;
    named("register_rt_after", |name| {
        message_named(name).map(Place::RtAfter).ok_or_else(|| format!("there is no message {name}"))
    })?;
    let registry_of = registry.clone();
    let filter = lua.create_function(move |_, (name, function): (String, Function)| {
        registry_of.keep(Place::StorageIndexFilter(name), function).map_err(mlua::Error::runtime)
    })?;
    nk.raw_set("register_storage_index_filter", filter)?;
    nk.raw_set("register_storage_index", storage_index(lua, registry)?)?;
    nk.raw_set("register_http", http(lua, registry)?)?;
    for (name, place) in [
        ("register_matchmaker_matched", Place::MatchmakerMatched),
        ("register_matchmaker_override", Place::MatchmakerOverride),
        ("register_matchmaker_processor", Place::MatchmakerProcessor),
        ("register_tournament_end", Place::TournamentEnd),
        ("register_tournament_reset", Place::TournamentReset),
        ("register_leaderboard_reset", Place::LeaderboardReset),
        ("register_event", Place::Event),
        ("register_event_session_start", Place::SessionStart),
        ("register_event_session_end", Place::SessionEnd),
        ("register_shutdown", Place::Shutdown),
    ] {
        let registry = registry.clone();
        let function = lua.create_function(move |_, function: Function| {
            registry.keep(place.clone(), function).map_err(mlua::Error::runtime)
        })?;
        nk.raw_set(name, function)?;
    }
    Ok(())
}

/// `register_http`: a function, the pattern of a path, and a method or a list of them.
fn http(lua: &Lua, registry: &Registry) -> Result<Function> {
    let registry = registry.clone();
    lua.create_function(move |_, (function, pattern, methods): (Function, String, LuaValue)| {
        let methods = convert::take(&methods)?;
        let place = RoutePattern::parse(&pattern)
            .and_then(|pattern| Ok(Place::Http(pattern, HttpMethods::of_script(methods)?)));
        let place = place.map_err(|error| mlua::Error::runtime(error.message))?;
        registry.keep(place, function).map_err(mlua::Error::runtime)
    })
}

/// The arguments of `register_storage_index`, in their order.
type IndexArguments =
    (String, String, Option<String>, Vec<String>, Option<Vec<String>>, i64, Option<bool>);

fn storage_index(lua: &Lua, registry: &Registry) -> Result<Function> {
    let registry = registry.clone();
    lua.create_function(move |_, given: IndexArguments| {
        let (name, collection, key, fields, sortable_fields, max_entries, index_only) = given;
        let index = IndexDefinition::new(IndexSpec {
            name,
            collection,
            key: key.unwrap_or_default(),
            fields,
            sortable_fields: sortable_fields.unwrap_or_default(),
            max_entries,
            index_only: index_only.unwrap_or(false),
        });
        let index = index.map_err(|error| mlua::Error::runtime(error.message))?;
        registry.keep_index(index).map_err(mlua::Error::runtime)
    })
}

/// What is about Lua, not about the server.
fn of_the_language(
    lua: &Lua,
    nk: &Table,
    host: &Function,
    plan: &Arc<Plan>,
    first: bool,
) -> Result<()> {
    let always = plan.always.clone();
    let context = move |lua: &Lua| {
        let table = lua.create_table()?;
        for (name, value) in always.iter().chain(&loading_context()) {
            table.raw_set(*name, convert::give(lua, value)?)?;
        }
        Ok::<_, mlua::Error>(table)
    };
    let get_context = context.clone();
    nk.raw_set("get_context", lua.create_function(move |lua, ()| get_context(lua))?)?;
    let run_once =
        lua.create_function(
            move |lua, function: Function| {
                if first { function.call::<()>(context(lua)?) } else { Ok(()) }
            },
        )?;
    nk.raw_set("run_once", run_once)?;

    let encode = lua.create_function(|lua, value: LuaValue| match convert::take(&value) {
        Ok(value) => well(LuaValue::String(lua.create_string(value.to_json())?)),
        Err(error) => badly(lua, &super::words_of(&error)),
    })?;
    nk.raw_set("json_encode", host.call::<Function>(encode)?)?;
    let decode = lua.create_function(|lua, text: LuaString| {
        let value = text
            .to_str()
            .map_err(|_| "not UTF-8".to_owned())
            .and_then(|text| Value::from_json(&text).map_err(|error| error.to_string()));
        match value {
            Ok(value) if text.as_bytes().len() <= SMALL => {
                well(convert::unguarded(lua, || convert::give(lua, &value))?)
            }
            Ok(value) => well(convert::give(lua, &value)?),
            Err(text) => badly(lua, &format!("not JSON: {text}")),
        }
    })?;
    nk.raw_set("json_decode", host.call::<Function>(decode)?)?;

    let os_time: Function = lua.globals().get::<Table>("os")?.get("time")?;
    let clock = Arc::clone(&plan.clock);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds are exact for long enough")]
    let time = lua.create_function(move |_, date: Option<Table>| match date {
        None => Ok(clock.now().millis() as f64),
        Some(date) => os_time.call::<f64>(date).map(|seconds| seconds * 1_000.0),
    })?;
    nk.raw_set("time", time)?;

    for (name, level) in [
        ("logger_debug", tracing::Level::DEBUG),
        ("logger_info", tracing::Level::INFO),
        ("logger_warn", tracing::Level::WARN),
        ("logger_error", tracing::Level::ERROR),
    ] {
        let log = lua.create_function(move |_, text: LuaString| {
            log(level, &text.to_string_lossy());
            Ok(text)
        })?;
        nk.raw_set(name, log)?;
    }
    Ok(())
}

fn log(level: tracing::Level, text: &str) {
    match level {
        tracing::Level::ERROR => tracing::error!(target: "lua", "{text}"),
        tracing::Level::WARN => tracing::warn!(target: "lua", "{text}"),
        tracing::Level::INFO => tracing::info!(target: "lua", "{text}"),
        _ => tracing::debug!(target: "lua", "{text}"),
    }
}

fn well(value: LuaValue) -> Result<MultiValue> {
    Ok(MultiValue::from_iter([LuaValue::Boolean(true), value]))
}

fn badly(lua: &Lua, text: &str) -> Result<MultiValue> {
    let text = LuaValue::String(lua.create_string(text)?);
    let code = LuaValue::Integer(ErrorCode::InvalidArgument.number().into());
    Ok(MultiValue::from_iter([LuaValue::Boolean(false), text, code]))
}
