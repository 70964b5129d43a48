//! The functions that choose what is in storage indexes.

use std::sync::Arc;

use tavern_runtime_hooks::{Registrar, chosen_for_index};

use super::Engine;
use crate::context;

pub(super) fn filter(registrar: &mut Registrar, engine: Arc<Engine>, function: usize, index: &str) {
    let what: Arc<str> = format!("filter of the storage index {index}").into();
    registrar.storage_index_filter(index, move |call, object| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let context = context::hook("storage_index_filter", &call);
            let arguments = vec![object.to_script()?];
            chosen_for_index(&engine.call(function, &what, context, arguments).await?)
        }
    });
}
