//! Values from and to the engine.

use rquickjs::atom::PredefinedAtom;
use rquickjs::function::This;
use rquickjs::{Array, ArrayBuffer, Ctx, Exception, Function, Object, Result, Type};

use std::borrow::Cow;

use tavern_runtime_hooks::Value;
use tavern_runtime_hooks::value::DEEPEST;

/// How many values one value may hold.
const MOST: usize = 1_000_000;
/// Whole numbers up to here are exact in a script.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A script's value as the server has it.
pub(super) fn take<'js>(ctx: &Ctx<'js>, value: rquickjs::Value<'js>) -> Result<Value> {
    Taking { ctx, left: MOST }.any(value, 0)
}

struct Taking<'a, 'js> {
    ctx: &'a Ctx<'js>,
    left: usize,
}

impl<'js> Taking<'_, 'js> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what else a script has is no data")]
    fn any(&mut self, value: rquickjs::Value<'js>, depth: usize) -> Result<Value> {
        if depth > DEEPEST {
            let text = "a value is nested too deep, or holds itself";
            return Err(Exception::throw_type(self.ctx, text));
        }
        let Some(left) = self.left.checked_sub(1) else {
            return Err(Exception::throw_range(self.ctx, "a value is too large"));
        };
        self.left = left;
        Ok(match value.type_of() {
            Type::Undefined | Type::Null | Type::Uninitialized => Value::Null,
            Type::Bool => Value::Bool(value.as_bool().unwrap_or_default()),
            Type::Int => Value::Int(value.as_int().unwrap_or_default().into()),
            Type::Float => number(value.as_float().unwrap_or_default()),
            Type::BigInt => match value.into_big_int() {
                Some(big) => Value::Int(big.to_i64()?),
                None => Value::Null,
            },
            Type::String => match value.into_string() {
                Some(text) => Value::Text(text.to_string()?),
                None => Value::Null,
            },
            Type::Array => match value.into_array() {
                Some(list) => self.list(&list, depth)?,
                None => Value::Null,
            },
            Type::Function | Type::Constructor | Type::Symbol => {
                return Err(Exception::throw_type(self.ctx, "a function is no data"));
            }
            Type::Promise => {
                return Err(Exception::throw_type(self.ctx, "a promise is no data: await it"));
            }
            _ => match value.into_object() {
                Some(object) => self.object(object, depth)?,
                None => Value::Null,
            },
        })
    }

    fn list(&mut self, list: &Array<'js>, depth: usize) -> Result<Value> {
        let mut out = Vec::with_capacity(list.len().min(1_024));
        for item in list.iter::<rquickjs::Value<'js>>() {
            let item = item?;
            out.push(if is_code(&item) { Value::Null } else { self.any(item, depth + 1)? });
        }
        Ok(Value::List(out))
    }

    fn object(&mut self, object: Object<'js>, depth: usize) -> Result<Value> {
        if let Some(bytes) = bytes(&object) {
            return Ok(Value::Bytes(bytes));
        }
        let own: rquickjs::Value<'js> = object.get(PredefinedAtom::ToJSON)?;
        if let Some(own) = own.into_function() {
            let text: rquickjs::Value<'js> = own.call((This(object),))?;
            return self.any(text, depth + 1);
        }
        let mut out = Vec::new();
        for entry in object.props::<String, rquickjs::Value<'js>>() {
            let (key, item) = entry?;
            // As in JSON: what is no data is left out.
            if !item.is_undefined() && !is_code(&item) {
                out.push((key, self.any(item, depth + 1)?));
            }
        }
        Ok(Value::Map(out))
    }
}

fn is_code(value: &rquickjs::Value<'_>) -> bool {
    value.is_function() || value.is_symbol()
}

#[expect(unsafe_code, reason = "copied at once: no script runs that could change or free them")]
fn bytes(object: &Object<'_>) -> Option<Vec<u8>> {
    if let Some(array) = object.as_typed_array::<u8>() {
        return unsafe { array.as_bytes() }.map(<[u8]>::to_vec);
    }
    if let Some(buffer) = object.as_array_buffer() {
        return unsafe { buffer.as_bytes() }.map(<[u8]>::to_vec);
    }
    None
}

/// The bytes of text, `ArrayBuffer` or `Uint8Array`.
pub(super) fn octets(value: &rquickjs::Value<'_>) -> Option<Vec<u8>> {
    if let Some(text) = value.as_string() {
        return text.to_string().ok().map(String::into_bytes);
    }
    bytes(value.as_object()?)
}

#[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
fn number(number: f64) -> Value {
    if number.fract() == 0.0
        && number.abs() <= EXACT
        && !(number == 0.0 && number.is_sign_negative())
    {
        Value::Int(number as i64)
    } else {
        Value::Float(number)
    }
}

/// A value of the server for a script.
pub(super) fn give<'js>(ctx: &Ctx<'js>, value: &Value) -> Result<rquickjs::Value<'js>> {
    Ok(match value {
        Value::Null => rquickjs::Value::new_null(ctx.clone()),
        Value::Bool(yes) => rquickjs::Value::new_bool(ctx.clone(), *yes),
        Value::Int(n) => int(ctx, *n),
        Value::Float(n) => rquickjs::Value::new_number(ctx.clone(), *n),
        Value::Text(text) => text_of(ctx, text)?,
        Value::Bytes(bytes) => ArrayBuffer::new_copy(ctx.clone(), bytes)?.into_value(),
        Value::List(items) => {
            let list = Array::new(ctx.clone())?;
            for (index, item) in items.iter().enumerate() {
                list.set(index, give(ctx, item)?)?;
            }
            list.into_value()
        }
        Value::Map(entries) => {
            let object = Object::new(ctx.clone())?;
            for (key, item) in entries {
                object.set(key.as_str(), give(ctx, item)?)?;
            }
            object.into_value()
        }
        Value::Record(fields) => {
            let object = Object::new(ctx.clone())?;
            for (key, item) in fields {
                object.set(&*camel(key), give(ctx, item)?)?;
            }
            object.into_value()
        }
    })
}

/// `user_id` as `userId`.
fn camel(snake: &str) -> Cow<'_, str> {
    if !snake.contains('_') {
        return Cow::Borrowed(snake);
    }
    let mut out = String::with_capacity(snake.len());
    let mut upper = false;
    for c in snake.chars() {
        if c == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(c.to_ascii_uppercase());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Text for a script.
pub(super) fn text_of<'js>(ctx: &Ctx<'js>, text: &str) -> Result<rquickjs::Value<'js>> {
    Ok(rquickjs::String::from_str(ctx.clone(), text)?.into_value())
}

#[expect(clippy::cast_precision_loss, reason = "a script has no other numbers")]
fn int<'js>(ctx: &Ctx<'js>, n: i64) -> rquickjs::Value<'js> {
    match i32::try_from(n) {
        Ok(small) => rquickjs::Value::new_int(ctx.clone(), small),
        Err(_) => rquickjs::Value::new_float(ctx.clone(), n as f64),
    }
}

/// `nk.binaryToString` and `nk.stringToBinary`, which concern nobody but the engine.
pub(super) fn add_text_functions<'js>(ctx: &Ctx<'js>, nk: &Object<'js>) -> Result<()> {
    let to_text = |ctx: Ctx<'js>, value: rquickjs::Value<'js>| -> Result<String> {
        let bytes = octets(&value)
            .ok_or_else(|| Exception::throw_type(&ctx, "expects an ArrayBuffer or a Uint8Array"))?;
        String::from_utf8(bytes).map_err(|_| Exception::throw_type(&ctx, "expects UTF-8"))
    };
    let to_bytes = |ctx: Ctx<'js>, value: rquickjs::Value<'js>| -> Result<rquickjs::Value<'js>> {
        let text =
            value.as_string().ok_or_else(|| Exception::throw_type(&ctx, "expects a string"))?;
        Ok(ArrayBuffer::new_copy(ctx.clone(), text.to_string()?)?.into_value())
    };
    nk.set("binaryToString", Function::new(ctx.clone(), to_text)?.with_name("binaryToString")?)?;
    nk.set("stringToBinary", Function::new(ctx.clone(), to_bytes)?.with_name("stringToBinary")?)
}
