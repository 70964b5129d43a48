//! What became of a call that threw.

use rquickjs::object::Filter;
use rquickjs::{Ctx, Error, Exception, Object};
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::engine::Verdict;

use super::Shared;

/// A failed call: what its caller is told, and whether the machine can go on.
pub(super) struct Failed {
    pub(super) error: HookError,
    pub(super) verdict: Verdict,
    /// Where it was thrown and through what: for the log. `None` for what the code meant to throw.
    pub(super) trace: Option<String>,
    /// It threw `null`.
    pub(super) nothing: bool,
}

/// What was thrown, as the caller sees it.
///
/// An object with `message` or `code` was made for the caller: they get just that. Anything else
/// is an accident: they get the text and the place, and operators the whole trace.
pub(super) fn failed<'js>(ctx: &Ctx<'js>, shared: &Shared, error: Error) -> Failed {
    if !matches!(error, Error::Exception) {
        // A value that does not fit, text that is not UTF-16, and the like.
        let text = error.to_string();
        let mut told = HookError::new(ErrorCode::Internal, text.clone());
        told.detail = Some(detail(&text));
        return Failed { error: told, verdict: Verdict::Keep, trace: Some(text), nothing: false };
    }
    let thrown = ctx.catch();
    if let Some(stopped) = shared.watch.stopped() {
        let trace = Some(format!("interrupted: {stopped:?}"));
        return Failed { error: stopped.error(), verdict: Verdict::Discard, trace, nothing: false };
    }
    let own = thrown.as_object().and_then(custom);
    if let Some((message, code)) = own {
        let mut error = HookError::new(code, message.clone());
        error.detail = Some(detail(&message));
        return Failed { error, verdict: Verdict::Keep, trace: None, nothing: false };
    }
    if thrown.is_null() {
        // What the engine throws when there is no memory left for an error.
        let error = HookError::new(ErrorCode::Internal, "server code threw nothing");
        let trace = Some(error.message.to_string());
        return Failed { error, verdict: Verdict::Keep, trace, nothing: true };
    }
    let (text, stack) = describe(&thrown);
    let place = stack.lines().find_map(frame);
    let message = match place {
        Some(place) => format!("{text} at {place}"),
        None => text.clone(),
    };
    let mut trace = text.clone();
    for at in stack.lines().filter_map(frame) {
        trace.push_str("\n\tat ");
        trace.push_str(at);
    }
    let exhausted = text.ends_with("out of memory");
    let mut error =
        if exhausted { out_of_memory() } else { HookError::new(ErrorCode::Internal, message) };
    error.detail = Some(detail(&trace));
    let verdict = if exhausted { Verdict::Discard } else { Verdict::Keep };
    Failed { error, verdict, trace: Some(trace), nothing: false }
}

/// There is no memory left.
pub(super) fn out_of_memory() -> HookError {
    HookError::new(ErrorCode::ResourceExhausted, "server code ran out of memory")
}

/// Message and code of an object that was made to be thrown: its own, visible properties.
fn custom(object: &Object<'_>) -> Option<(String, ErrorCode)> {
    let mut message: Option<String> = None;
    let mut code = None;
    for key in object.own_keys::<String>(Filter::new().string().enum_only()).flatten() {
        match key.as_str() {
            "message" => message = object.get::<_, String>("message").ok(),
            "code" => code = object.get::<_, f64>("code").ok(),
            _ => {}
        }
    }
    if message.is_none() && code.is_none() {
        return None;
    }
    let message = message
        .or_else(|| object.get::<_, String>("message").ok())
        .unwrap_or_else(|| "server code failed".to_owned());
    Some((message, code.map_or(ErrorCode::Internal, code_of)))
}

#[expect(clippy::cast_possible_truncation, reason = "a number that is no code is no code")]
fn code_of(number: f64) -> ErrorCode {
    ErrorCode::from_number(number as i64).unwrap_or(ErrorCode::Internal)
}

/// The text of what was thrown and, of an error, its stack.
fn describe(thrown: &rquickjs::Value<'_>) -> (String, String) {
    if let Some(error) = thrown.as_object().filter(|_| thrown.is_error()) {
        let name: String = error.get("name").unwrap_or_else(|_| "Error".to_owned());
        let exception = Exception::from_object(error.clone());
        let message = exception.as_ref().and_then(Exception::message).unwrap_or_default();
        let stack = exception.and_then(|e| e.stack()).unwrap_or_default();
        let text = if message.is_empty() { name } else { format!("{name}: {message}") };
        return (text, stack);
    }
    let text = match thrown.as_string().and_then(|text| text.to_string().ok()) {
        Some(text) => text,
        None => thrown
            .ctx()
            .json_stringify(thrown.clone())
            .ok()
            .flatten()
            .and_then(|text| text.to_string().ok())
            .unwrap_or_else(|| "server code threw nothing".to_owned()),
    };
    (text, String::new())
}

/// `name (file:line:column)` of a line of a stack; `None` for the engine's own frames.
fn frame(line: &str) -> Option<&str> {
    let at = line.trim().strip_prefix("at ")?;
    (!at.ends_with("(native)") && !at.contains("(prelude:")).then_some(at)
}

/// What callers over HTTP see as `error`.
fn detail(trace: &str) -> String {
    serde_json::json!({ "stackTrace": trace }).to_string()
}
