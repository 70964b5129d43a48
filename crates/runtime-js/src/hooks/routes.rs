//! Routes on the client port.

use std::sync::Arc;

use tavern_runtime_hooks::host::Language;
use tavern_runtime_hooks::{HttpMethods, HttpResponse, Registrar, RoutePattern};

use super::Engine;
use crate::context;

pub(super) fn route(
    registrar: &mut Registrar,
    engine: Arc<Engine>,
    function: usize,
    pattern: &RoutePattern,
    methods: HttpMethods,
) {
    let what: Arc<str> = format!("route {}", pattern.as_str()).into();
    registrar.http_route(pattern.clone(), methods, move |call, request| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let arguments = vec![request.to_script(Language::JavaScript)];
            let context = context::hook("http", &call);
            HttpResponse::from_script(engine.call(function, &what, context, arguments).await?)
        }
    });
}
