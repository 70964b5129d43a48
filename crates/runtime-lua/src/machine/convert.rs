//! Values from and to the engine.
//!
//! The rules are those that modules written for the public protocol rely on: a table with a first
//! item is a list of its items, any other is an object; whole numbers are whole.

use mlua::{Lua, Result, Table, Value as LuaValue};
use tavern_runtime_hooks::Value;
use tavern_runtime_hooks::value::DEEPEST;

/// How many values one value may hold.
const MOST: usize = 1_000_000;

/// A script's value as the server has it.
pub(super) fn take(value: &LuaValue) -> Result<Value> {
    let mut left = MOST;
    any(value, 0, &mut left)
}

fn any(value: &LuaValue, depth: usize, left: &mut usize) -> Result<Value> {
    let refused = |text: &str| Err(mlua::Error::runtime(text));
    if depth > DEEPEST {
        return refused("a value is nested too deep, or holds itself");
    }
    *left = match left.checked_sub(1) {
        Some(left) => left,
        None => return refused("a value is too large"),
    };
    Ok(match value {
        LuaValue::Nil => Value::Null,
        LuaValue::Boolean(yes) => Value::Bool(*yes),
        LuaValue::Integer(n) => Value::Int(*n),
        LuaValue::Number(n) => number(*n),
        LuaValue::String(text) => match text.to_str() {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(text.as_bytes().to_vec()),
        },
        LuaValue::Table(table) => return of_table(table, depth, left),
        LuaValue::LightUserData(pointer) if pointer.0.is_null() => Value::Null,
        LuaValue::Function(_) | LuaValue::Thread(_) => return refused("a function is no data"),
        LuaValue::Error(error) => return refused(&error.to_string()),
        LuaValue::LightUserData(_) | LuaValue::UserData(_) | LuaValue::Other(_) => {
            return refused("this is no data");
        }
    })
}

fn of_table(table: &Table, depth: usize, left: &mut usize) -> Result<Value> {
    let length = table.raw_len();
    if length > 0 {
        let mut items = Vec::with_capacity(length.min(1_024));
        for at in 1..=length {
            items.push(any(&table.raw_get::<LuaValue>(at)?, depth + 1, left)?);
        }
        return Ok(Value::List(items));
    }
    let mut entries = Vec::new();
    for pair in table.pairs::<LuaValue, LuaValue>() {
        let (key, value) = pair?;
        let key = match any(&key, depth + 1, left)? {
            Value::Text(text) => text,
            Value::Int(n) => n.to_string(),
            Value::Float(n) => n.to_string(),
            Value::Null
            | Value::Bool(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Record(_) => return Err(mlua::Error::runtime("a key must be a string")),
        };
        entries.push((key, any(&value, depth + 1, left)?));
    }
    Ok(Value::Map(entries))
}

#[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
fn number(n: f64) -> Value {
    // 2^63 is exact, and the first that does not fit.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if n.fract() == 0.0 && (-END..END).contains(&n) {
        Value::Int(n as i64)
    } else {
        Value::Float(n)
    }
}

/// Makes values of the server without looking at the limit of memory: with a limit the engine
/// guards each step of it, which costs more than the rest of a short call. What the server gives is
/// bounded already, and counts once the script goes on.
pub(super) fn unguarded<T>(lua: &Lua, make: impl FnOnce() -> Result<T>) -> Result<T> {
    let limit = lua.set_memory_limit(0)?;
    let made = make();
    lua.set_memory_limit(limit)?;
    made
}

/// A value of the server for a script.
pub(super) fn give(lua: &Lua, value: &Value) -> Result<LuaValue> {
    Ok(match value {
        Value::Null => LuaValue::Nil,
        Value::Bool(yes) => LuaValue::Boolean(*yes),
        Value::Int(n) => int(*n),
        Value::Float(n) => LuaValue::Number(*n),
        Value::Text(text) => LuaValue::String(lua.create_string(text)?),
        Value::Bytes(bytes) => LuaValue::String(lua.create_string(bytes)?),
        Value::List(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for (at, item) in items.iter().enumerate() {
                table.raw_set(at + 1, give(lua, item)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Map(entries) => {
            let table = lua.create_table_with_capacity(0, entries.len())?;
            for (key, item) in entries {
                table.raw_set(key.as_str(), give(lua, item)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Record(fields) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (key, item) in fields {
                table.raw_set(*key, give(lua, item)?)?;
            }
            LuaValue::Table(table)
        }
    })
}

#[expect(clippy::cast_precision_loss, reason = "Lua 5.1 has no other numbers")]
fn int(n: i64) -> LuaValue {
    LuaValue::Number(n as f64)
}
