//! Server functions, called by clients.

use std::collections::BTreeMap;

use tavern_domain::{CodedError, ErrorCode};
use tavern_protocol::api::{self, Rpc};
use tavern_runtime_hooks::{HookError, Hooks, RpcContext};

use crate::api::{Api, unauthenticated};
use crate::caller::Caller;
use crate::context::Context;
use crate::delegation::Interface;
use crate::service::{Credential, RpcFailure, RpcRequest};
use crate::services::Services;

/// Over gRPC.
pub(crate) async fn call(
    services: &Services,
    cx: &mut Context,
    request: &api::Rpc,
) -> Result<api::Rpc, CodedError> {
    if !request.http_key.is_empty() {
        if !services.is_http_key(&request.http_key) {
            return Err(unauthenticated("HTTP key invalid"));
        }
        cx.caller = Caller::Server;
    }
    if cx.caller == Caller::Anonymous {
        return Err(unauthenticated("a session token or the HTTP key is required"));
    }
    services.limit_function(&cx.caller, cx.client, &request.id)?;
    let context = RpcContext {
        call: cx.for_hooks(services),
        headers: BTreeMap::new(),
        query: BTreeMap::new(),
    };
    let answer = run(&cx.hooks, &request.id, context, request.payload.clone()).await?;
    let payload = answer.map_err(CodedError::from)?.unwrap_or_default();
    // As in the public protocol, the answer does not repeat the function's id.
    Ok(api::Rpc { id: String::new(), payload, http_key: String::new() })
}

/// Over HTTP, with the request's headers and query.
pub(crate) async fn over_http(
    api: &Api,
    request: RpcRequest,
) -> Result<Option<String>, RpcFailure> {
    let services = &*api.services;
    let plain = |error| RpcFailure { error, detail: None };
    services.limit_address(request.meta.client).map_err(plain)?;
    let mut caller = identify(services, &request).map_err(plain)?;
    let (client, call) = (request.meta.client, tavern_protocol::CallId::RpcFunc);
    services.limit_call(&caller, client, call.info().name).map_err(plain)?;
    services.limit_function(&caller, client, &request.id).map_err(plain)?;
    let about = Rpc { id: request.id.clone(), ..Default::default() };
    let allowed = services.let_call(&mut caller, call, Interface::Rest, &about).await;
    allowed.map_err(plain)?;
    let cx = Context {
        call,
        caller,
        client,
        has_after: false,
        hooks: api.hooks.clone(),
        signed_in: None,
        obligation: None,
    };
    let context =
        RpcContext { call: cx.for_hooks(services), headers: request.headers, query: request.query };
    let answer = run(&api.hooks, &request.id, context, request.payload).await.map_err(plain)?;
    answer.map_err(|error| {
        let detail = Some(error.detail.clone().unwrap_or_else(|| "{}".to_owned()));
        RpcFailure { error: error.into(), detail }
    })
}

fn identify(services: &Services, request: &RpcRequest) -> Result<Caller, CodedError> {
    if let Some(key) = &request.http_key {
        return if services.is_http_key(key) {
            Ok(Caller::Server)
        } else {
            Err(unauthenticated("HTTP key invalid"))
        };
    }
    match &request.meta.credential {
        Credential::Basic(key) if services.is_http_key(key) => Ok(Caller::Server),
        Credential::Basic(_) => Err(unauthenticated("HTTP key invalid")),
        Credential::Bearer(token) => services.verify_bearer(token),
        Credential::None => Err(unauthenticated("a session token or the HTTP key is required")),
        Credential::Malformed => Err(unauthenticated("session token invalid")),
    }
}

/// Calls the function, if there is one.
pub(crate) async fn run(
    hooks: &Hooks,
    id: &str,
    context: RpcContext,
    payload: String,
) -> Result<Result<Option<String>, HookError>, CodedError> {
    if id.is_empty() {
        return Err(CodedError::invalid("the function's id is required"));
    }
    hooks
        .rpc(id, || context, payload)
        .await
        .ok_or_else(|| CodedError::new(ErrorCode::NotFound, "there is no such function"))
}
