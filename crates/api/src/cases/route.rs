//! Requests by routes of server code.

use tavern_domain::{CodedError, ErrorCode};
use tavern_runtime_hooks::{HookContext, HttpRequest, HttpResponse, Route};

use crate::api::Api;
use crate::service::ClientAddress;

/// Answers a request. Who may ask is the handler's to say: nobody has proved anything.
pub(crate) async fn answer(
    api: &Api,
    route: &Route,
    request: HttpRequest,
    client: ClientAddress,
) -> Result<HttpResponse, CodedError> {
    let services = &*api.services;
    services.limit_route(client, route.pattern())?;
    let context = HookContext {
        client_ip: client.ip,
        client_port: client.port,
        ..HookContext::of_server(services.node.clone())
    };
    api.hooks.http(route, context, request).await.map_err(|error| {
        let broken = [ErrorCode::Internal, ErrorCode::Unknown, ErrorCode::DataLoss];
        // Whoever asks is a stranger: what broke, and where, is for the log.
        if broken.contains(&error.code) { CodedError::internal(error) } else { error.into() }
    })
}
