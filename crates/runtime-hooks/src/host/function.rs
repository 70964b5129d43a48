//! A row of the table.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tavern_domain::ErrorCode;

use super::Host;
use crate::error::HookError;
use crate::value::{Value, from_value, to_value};

/// A language of server code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Lua: `snake_case`, several results.
    Lua,
    /// JavaScript and TypeScript: `camelCase`, one result.
    JavaScript,
}

/// An argument.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its `snake_case` name.
    pub name: &'static str,
    /// Its type in Rust.
    pub of: &'static str,
}

impl Param {
    /// Whether it may be left out.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.of.starts_with("Option") || self.of == "MaybeUser"
    }
}

/// Runs a function with its arguments as one value, by their names.
type Run = fn(Arc<dyn Host>, Value) -> BoxFuture<'static, Result<Value, HookError>>;

/// A host function, whatever the language.
#[derive(Clone, Copy)]
pub struct HostFunction {
    /// Its name in Lua and in Rust.
    pub name: &'static str,
    /// Its name in JavaScript; empty where it has none.
    pub js: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its arguments, in their order.
    pub params: &'static [Param],
    pub(super) js_order: &'static [&'static str],
    /// What is true in JavaScript when it is left out.
    pub(super) js_default: &'static [&'static str],
    /// Where one of these is left out, no result is `undefined` in JavaScript.
    pub(super) js_undefined: &'static [&'static str],
    /// The fields of the result that Lua gets one by one; empty when it gets the result itself.
    pub several: &'static [&'static str],
    /// The type of its result in Rust.
    pub result: &'static str,
    pub(super) run: Run,
}

impl HostFunction {
    /// Its arguments in the order of a language.
    pub fn params_in(&self, language: Language) -> impl Iterator<Item = &Param> {
        let by_name = |name: &&str| self.params.iter().find(|param| param.name == *name);
        let other: Vec<_> = match language {
            Language::JavaScript => self.js_order.iter().filter_map(by_name).collect(),
            Language::Lua => Vec::new(),
        };
        let same = if other.is_empty() { self.params } else { &[] };
        other.into_iter().chain(same)
    }

    /// With how many arguments, and more, no result is `null` in JavaScript; with fewer it is
    /// `undefined`.
    #[must_use]
    pub fn js_null_from(&self) -> usize {
        self.params_in(Language::JavaScript)
            .position(|param| self.js_undefined.contains(&param.name))
            .map_or(0, |at| at + 1)
    }

    /// Arguments, as a call in a language gives them one after the other, as one value. What is
    /// beyond the last argument is ignored, as in both languages.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when one that is needed is missing.
    pub fn arguments(
        &self,
        language: Language,
        given: impl IntoIterator<Item = Value>,
    ) -> Result<Value, HookError> {
        let mut given = given.into_iter();
        let mut named = Vec::with_capacity(self.params.len());
        for (at, param) in self.params_in(language).enumerate() {
            let value = given.next().unwrap_or_default();
            if !value.is_null() {
                named.push((param.name, value));
            } else if language == Language::JavaScript && self.js_default.contains(&param.name) {
                named.push((param.name, Value::Bool(true)));
            } else if !param.is_optional() {
                let (name, number) = (self.name, at + 1);
                let text = format!("{name}: argument {number}, {}, is required", param.name);
                return Err(HookError::new(ErrorCode::InvalidArgument, text));
            }
        }
        Ok(Value::Record(named))
    }

    /// Calls it with arguments as one value, by their names.
    ///
    /// # Errors
    /// What the function says; [`ErrorCode::InvalidArgument`] for arguments of wrong types.
    pub async fn call(&self, host: Arc<dyn Host>, args: Value) -> Result<Value, HookError> {
        (self.run)(host, args).await
    }

    /// The results as Lua gets them.
    #[must_use]
    pub fn results(&self, result: Value) -> Vec<Value> {
        if self.several.is_empty() {
            return if result.is_null() { Vec::new() } else { vec![result] };
        }
        self.several.iter().map(|part| result.get(part).clone()).collect()
    }

    pub(super) fn read<T: DeserializeOwned>(name: &str, args: Value) -> Result<T, HookError> {
        from_value(args)
            .map_err(|error| HookError::new(ErrorCode::InvalidArgument, format!("{name}: {error}")))
    }

    pub(super) fn written<T: Serialize>(result: &T) -> Result<Value, HookError> {
        to_value(result).map_err(HookError::internal)
    }
}
