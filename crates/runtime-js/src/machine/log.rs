//! What scripts say to operators.

use rquickjs::function::Opt;
use rquickjs::{Ctx, Function, Object, Result, Value};

/// The longest message, in bytes; the rest is cut off.
const LONGEST: usize = 16 << 10;

/// The function `(level, args, fields)` that logs.
pub(super) fn function<'js>(
    ctx: &Ctx<'js>,
    silent: std::sync::Arc<super::Shared>,
) -> Result<Function<'js>> {
    Function::new(
        ctx.clone(),
        move |level: String, args: Vec<Value<'js>>, fields: Opt<Object<'js>>| {
            if silent.is_replaying() {
                return;
            }
            let mut text = format(&args);
            truncate(&mut text);
            let fields = fields.0.and_then(|fields| {
                let any = !fields.is_empty();
                any.then(|| show(&fields.into_value()))
            });
            let fields = fields.as_deref();
            match level.as_str() {
                "debug" => tracing::debug!(target: "script", fields, "{text}"),
                "warn" => tracing::warn!(target: "script", fields, "{text}"),
                "error" => tracing::error!(target: "script", fields, "{text}"),
                _ => tracing::info!(target: "script", fields, "{text}"),
            }
        },
    )
}

/// The first argument with the others in the places of its verbs, as in `"%s has %d"`.
fn format(args: &[Value<'_>]) -> String {
    let Some((first, rest)) = args.split_first() else { return String::new() };
    let pattern = show(first);
    if rest.is_empty() {
        return pattern;
    }
    let mut rest = rest.iter();
    let mut out = String::with_capacity(pattern.len() + 64);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.peek() {
            Some('%') => {
                chars.next();
                out.push('%');
            }
            Some(verb) if verb.is_ascii_alphabetic() => {
                let quoted = *verb == 'q';
                chars.next();
                match rest.next() {
                    Some(value) if quoted => out.push_str(&format!("{:?}", show(value))),
                    Some(value) => out.push_str(&show(value)),
                    None => out.push_str("(missing)"),
                }
            }
            _ => out.push('%'),
        }
    }
    for value in rest {
        out.push(' ');
        out.push_str(&show(value));
    }
    out
}

fn show(value: &Value<'_>) -> String {
    if let Some(text) = value.as_string() {
        return text.to_string().unwrap_or_default();
    }
    if let Some(error) = value.as_object().filter(|_| value.is_error()) {
        let message: String = error.get("message").unwrap_or_default();
        let stack: String = error.get("stack").unwrap_or_default();
        return format!("{message}\n{}", stack.trim_end());
    }
    if value.is_undefined() {
        return "undefined".to_owned();
    }
    value
        .ctx()
        .json_stringify(value.clone())
        .ok()
        .flatten()
        .and_then(|text| text.to_string().ok())
        .unwrap_or_else(|| value.type_name().to_owned())
}

fn truncate(text: &mut String) {
    if text.len() > LONGEST {
        let at = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(at);
        text.push('…');
    }
}
