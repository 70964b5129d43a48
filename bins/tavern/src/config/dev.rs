//! Development mode: everything that a first start needs, and nothing that reaches a network.

use figment::value::Value;

use super::derived::interface;
use super::load::Resolved;
use super::place::Place;
use super::secrets::REQUIRED;
use super::settings::Values;

/// The addresses that development mode binds to loopback.
const LISTENERS: &[&str] = &["socket.address", "metrics.address", "console.address"];

/// What development mode fills in where nothing is given.
pub(crate) fn fill(resolved: &Resolved) -> Values {
    let mut values = Values::new();
    let delegation = ("delegation.signing_key", tavern_delegation::DEVELOPMENT_KEY);
    for (key, known) in REQUIRED.iter().chain([&delegation]) {
        if resolved.value(key).and_then(Value::as_str).is_none_or(str::is_empty) {
            values.insert(key, Value::from(*known));
        }
    }
    if resolved.place("logger.format") == Place::Default {
        values.insert("logger.format", Value::from("text"));
    }
    values
}

/// What development mode forces, with a notice for everything that was given otherwise.
pub(crate) fn force(resolved: &Resolved, notices: &mut Vec<String>) -> Values {
    let mut values = Values::new();
    for key in LISTENERS {
        let given = resolved.value(key).and_then(Value::as_str).unwrap_or_default();
        let loopback = interface(given).is_some_and(|ips| ips.iter().all(|ip| ip.is_loopback()));
        // What is no address at all is told as a problem, under the place it came from.
        if loopback || interface(given).is_none() {
            continue;
        }
        let place = resolved.place(key);
        if place != Place::Default {
            notices.push(format!(
                "{key}: development mode listens on 127.0.0.1 instead of {given:?} ({place})"
            ));
        }
        values.insert(key, Value::from("127.0.0.1"));
    }
    values
}
