//! What a function is told about the call that it serves: its first argument.

use std::collections::BTreeMap;

use tavern_runtime_hooks::{HookContext, RpcContext, Value};

/// The fields that a call adds to those that are always there.
pub(crate) type Fields = Vec<(&'static str, Value)>;

/// For a hook.
pub(crate) fn hook(mode: &str, call: &HookContext) -> Fields {
    let mut fields = vec![("execution_mode", text(mode))];
    fill(&mut fields, call);
    fields
}

/// For a function that clients call.
pub(crate) fn rpc(call: &RpcContext) -> Fields {
    let mut fields = hook("rpc", &call.call);
    fields.push(("headers", lists(&call.headers)));
    fields.push(("query_params", lists(&call.query)));
    fields
}

/// For what no client has caused.
pub(crate) fn plain(mode: &str) -> Fields {
    vec![("execution_mode", text(mode))]
}

fn fill(fields: &mut Fields, call: &HookContext) {
    if let Some(user) = &call.user {
        fields.push(("user_id", text(&user.to_string())));
        fields.push(("username", text(call.username.as_deref().unwrap_or_default())));
        if !call.vars.is_empty() {
            let vars = call.vars.iter().map(|(k, v)| (k.clone(), text(v)));
            fields.push(("vars", Value::Map(vars.collect())));
        }
        if let Some(expires) = call.expires {
            fields.push(("user_session_exp", Value::Int(expires.seconds())));
        }
    }
    if let Some(session) = &call.session {
        fields.push(("session_id", text(&session.to_string())));
        fields.push(("lang", text(&call.lang)));
    }
    if let Some(ip) = call.client_ip {
        fields.push(("client_ip", text(&ip.to_string())));
    }
    if let Some(port) = call.client_port {
        fields.push(("client_port", text(&port.to_string())));
    }
    if let Some(obligation) = call.obligation {
        fields.push(("obligation_id", text(&obligation.to_string())));
    }
}

fn lists(map: &BTreeMap<String, Vec<String>>) -> Value {
    let list = |values: &Vec<String>| Value::List(values.iter().map(|value| text(value)).collect());
    Value::Map(map.iter().map(|(key, values)| (key.clone(), list(values))).collect())
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
