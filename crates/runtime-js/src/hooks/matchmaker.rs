//! The hooks of the matchmaker.

use std::sync::Arc;

use tavern_domain::ErrorCode;
use tavern_runtime_hooks::{
    HookContext, HookError, MatchmakerEntry, Registrar, Value, chosen_groups,
};

use super::Engine;
use crate::context;

pub(super) fn matched(registrar: &mut Registrar, engine: Arc<Engine>, function: usize) {
    let what: Arc<str> = "matchmaker matched".into();
    registrar.matchmaker_matched(move |call, entries| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let node = call.node.as_str().to_owned();
            let entries = entries.iter().map(|entry| entry.matched(&node)).collect();
            let context = context::hook("matchmaker", &call);
            let arguments = vec![Value::List(entries)];
            let answer = engine.call(function, &what, context, arguments).await?;
            if let Value::Text(id) = answer {
                return Ok(Some(id));
            }
            if answer.is_null() {
                return Ok(None);
            }
            let text = "server code must answer the id of a match or nothing";
            Err(HookError::new(ErrorCode::Internal, text))
        }
    });
}

/// Asks which of the groups that were found are formed.
pub(super) fn overriding(registrar: &mut Registrar, engine: Arc<Engine>, function: usize) {
    let what: Arc<str> = "matchmaker override".into();
    registrar.matchmaker_override(move |call, groups| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let groups = groups.iter().map(|group| waiting(group, &call)).collect();
            let context = context::hook("matchmaker_override", &call);
            let arguments = vec![Value::List(groups)];
            chosen_groups(engine.call(function, &what, context, arguments).await?)
        }
    });
}

/// Asks which groups are formed of all who wait.
pub(super) fn processor(registrar: &mut Registrar, engine: Arc<Engine>, function: usize) {
    let what: Arc<str> = "matchmaker processor".into();
    registrar.matchmaker_processor(move |call, entries| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let arguments = vec![waiting(&entries, &call)];
            let context = context::hook("matchmaker_processor", &call);
            chosen_groups(engine.call(function, &what, context, arguments).await?)
        }
    });
}

fn waiting(entries: &[MatchmakerEntry], call: &HookContext) -> Value {
    Value::List(entries.iter().map(|entry| entry.waiting(call.node.as_str())).collect())
}
