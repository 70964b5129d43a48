//! `ctx`: what a function is told about the call that it serves.

use std::collections::BTreeMap;

use tavern_runtime_hooks::{HookContext, RpcContext};

use crate::machine::ScriptContext;
use tavern_runtime_hooks::Value;

/// For a hook.
pub(crate) fn hook(mode: &'static str, call: &HookContext) -> ScriptContext {
    let mut context = ScriptContext::new(mode);
    fill(&mut context, call);
    context
}

/// For a function that clients call.
pub(crate) fn rpc(call: &RpcContext) -> ScriptContext {
    let mut context = ScriptContext::new("rpc");
    context.with("headers", lists(&call.headers));
    context.with("queryParams", lists(&call.query));
    fill(&mut context, &call.call);
    context
}

fn fill(context: &mut ScriptContext, call: &HookContext) {
    if let Some(user) = &call.user {
        context.with("userId", Value::Text(user.to_string()));
        let name = call.username.as_deref().unwrap_or_default();
        context.with("username", Value::Text(name.to_owned()));
        if !call.vars.is_empty() {
            let vars = call.vars.iter().map(|(k, v)| (k.clone(), Value::Text(v.clone())));
            context.with("vars", Value::Map(vars.collect()));
        }
        if let Some(expires) = call.expires {
            context.with("userSessionExp", Value::Int(expires.seconds()));
        }
    }
    if let Some(session) = &call.session {
        context.with("sessionId", Value::Text(session.to_string()));
        context.with("lang", Value::Text(call.lang.to_string()));
    }
    if let Some(ip) = call.client_ip {
        context.with("clientIp", Value::Text(ip.to_string()));
    }
    if let Some(port) = call.client_port {
        context.with("clientPort", Value::Text(port.to_string()));
    }
    if let Some(obligation) = call.obligation {
        context.with("obligationId", Value::Text(obligation.to_string()));
    }
}

fn lists(map: &BTreeMap<String, Vec<String>>) -> Value {
    let list =
        |values: &Vec<String>| Value::List(values.iter().cloned().map(Value::Text).collect());
    Value::Map(map.iter().map(|(key, values)| (key.clone(), list(values))).collect())
}
