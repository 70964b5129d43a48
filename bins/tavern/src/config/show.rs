//! Values as they may be seen.

use std::borrow::Cow;
use std::fmt::Write;

use figment::value::{Num, Value};
use tavern_telemetry::scrub;

use super::load::Resolved;
use super::place::Place;
use super::settings::{Settings, Values, kept};
use super::table::{Item, Kind, OptionRow};

/// Every value with its source, secrets hidden, as YAML comments would have it: one
/// `option: value  # source` per line, in the order of the table.
#[must_use]
pub fn effective(resolved: &Resolved) -> String {
    let mut out = String::new();
    for row in kept() {
        let (value, place) = match resolved.entries.get(row.key) {
            Some(entry) => (shown(row.kind, &entry.value), &entry.place),
            None => ("(not set)".to_owned(), &Place::Default),
        };
        writeln!(out, "{}: {value}  # {place}", row.key).expect("writing to a string cannot fail");
    }
    out
}

/// The value of an option when nothing sets it; `None` when it then has none.
#[must_use]
pub fn default_shown(row: &OptionRow) -> Option<String> {
    static DEFAULTS: std::sync::LazyLock<Values> =
        std::sync::LazyLock::new(|| Settings::default().all_values());
    if row.is_secret() {
        return None;
    }
    let value = DEFAULTS.get(row.key)?;
    let empty = value.as_str().is_some_and(str::is_empty)
        || matches!(value, Value::Array(_, items) if items.is_empty());
    (!empty).then(|| shown(row.kind, value))
}

/// One value as it may be seen.
pub(crate) fn shown(kind: Kind, value: &Value) -> String {
    match (kind, value) {
        (Kind::Secret, secret) => {
            let set = secret.as_str().is_some_and(|text| !text.is_empty());
            if set { "***".to_owned() } else { "(not set)".to_owned() }
        }
        (Kind::List(item), Value::Array(_, items)) => {
            let items: Vec<_> = items.iter().map(|one| listed(item, one)).collect();
            format!("[{}]", items.join(", "))
        }
        (_, value) => plain(value),
    }
}

fn listed(item: Item, value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    match item {
        Item::Secret => "***".to_owned(),
        Item::Pair => format!("{}=***", text.split('=').next().unwrap_or_default()),
        Item::DatabaseAddress => quoted(&without_password(text)),
        Item::Text | Item::Choice(_) | Item::Net | Item::Limit => plain(value),
    }
}

/// `user:password@host` as `user:***@host`, and whatever else looks secret hidden as well.
fn without_password(address: &str) -> Cow<'_, str> {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    match rest.rsplit_once('@') {
        Some((user, place)) => {
            let user =
                user.split_once(':').map_or(user.to_owned(), |(name, _)| format!("{name}:***"));
            Cow::Owned(format!("{scheme}{user}@{}", scrub(place)))
        }
        None => scrub(address),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(_, text) => quoted(text),
        Value::Bool(_, b) => b.to_string(),
        Value::Num(_, Num::F64(n)) => n.to_string(),
        Value::Num(_, Num::F32(n)) => n.to_string(),
        Value::Num(_, n) => n.to_i128().map_or_else(String::new, |n| n.to_string()),
        Value::Array(_, items) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", "))
        }
        Value::Char(_, c) => quoted(&c.to_string()),
        Value::Dict(..) | Value::Empty(..) => "(not set)".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    let simple = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'/');
    if simple { text.to_owned() } else { format!("{text:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_whatever_their_shape() {
        for (kind, value, seen) in [
            (Kind::Secret, Value::from("hush"), "***"),
            (Kind::Secret, Value::from(""), "(not set)"),
            (Kind::List(Item::Secret), Value::from(vec!["hush", "hush"]), "[***, ***]"),
            (Kind::List(Item::Pair), Value::from(vec!["A=hush", "B=hush=x"]), "[A=***, B=***]"),
            (
                Kind::List(Item::DatabaseAddress),
                Value::from(vec![
                    "root:hu@sh@db:5432/x",
                    "u@h",
                    "postgres://u:hush@h/x?password=hush",
                ]),
                "[\"root:***@db:5432/x\", \"u@h\", \"postgres://u:***@h/x?password=***\"]",
            ),
        ] {
            assert_eq!(shown(kind, &value), seen);
        }
    }

    #[test]
    fn other_values_are_shown_as_yaml_would_have_them() {
        for (value, seen) in [
            (Value::from(7350), "7350"),
            (Value::from(-1_i64), "-1"),
            (Value::from(0.1), "0.1"),
            (Value::from(true), "true"),
            (Value::from("info"), "info"),
            (Value::from(""), "\"\""),
            (Value::from("0123"), "\"0123\""),
            (Value::from("a b"), "\"a b\""),
        ] {
            assert_eq!(shown(Kind::Text, &value), seen);
        }
    }
}
