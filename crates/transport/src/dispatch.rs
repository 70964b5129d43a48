//! From a request to whoever answers it.

use std::sync::Arc;

use http::header::{self, HeaderMap};
use http::{Method, Request, StatusCode, Version};
use hyper::body::Incoming;
use tavern_domain::ErrorCode;
use tavern_protocol::routes::{self, Found};
use tavern_protocol::{CallId, documents};
use tavern_telemetry::TraceContext;

use crate::client::Client;
use crate::compress::{accepted, compress};
use crate::config::ListenerName;
use crate::reply::{Reply, empty, failure, json};
use crate::{cors, grpc, handler, rest, rpc, socket};

/// Answers a request.
pub(crate) async fn answer(client: Arc<Client>, request: Request<Incoming>) -> Reply {
    // Nothing but gRPC has this media type over HTTP/2. Over HTTP/1 there is no gRPC, and the
    // media type of a request means nothing.
    if request.version() == Version::HTTP_2 && is_grpc(request.headers()) {
        return grpc::answer(&client, request).await;
    }
    let from_page = request.headers().contains_key(header::ORIGIN);
    let encoding = accepted(request.headers());
    let mut reply = if client.listener == ListenerName::Grpc {
        failure(ErrorCode::NotFound, "only gRPC is spoken here")
    } else {
        route(&client, request).await
    };
    if reply.status() != StatusCode::SWITCHING_PROTOCOLS {
        reply = compress(reply, encoding);
        cors::allow(from_page, &mut reply);
    }
    for (name, value) in &client.settings.response_headers {
        if !reply.headers().contains_key(name) {
            reply.headers_mut().insert(name.clone(), value.clone());
        }
    }
    reply
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| media_type.as_bytes().starts_with(b"application/grpc"))
}

async fn route(client: &Arc<Client>, request: Request<Incoming>) -> Reply {
    let (method, path) = (request.method(), request.uri().path());
    if method == Method::OPTIONS {
        return handler::options(client, request).await;
    }
    if method == Method::GET {
        match path {
            "/" => return empty(StatusCode::OK),
            routes::SOCKET => return socket::upgrade(client, request),
            routes::OPENAPI => return json(StatusCode::OK, documents::OPENAPI),
            routes::ASYNCAPI => return json(StatusCode::OK, documents::ASYNCAPI),
            _ => {}
        }
    }
    let asked = effective_method(&request);
    // The path is borrowed by what is found, and the request is taken apart after.
    let path = path.to_owned();
    match routes::find(asked.as_str(), &path) {
        Found::Route(found) if found.call == CallId::RpcFunc => {
            let id = found.params.first().map(|(_, id)| id.clone().into_owned());
            rpc::answer(client, id.unwrap_or_default(), request).await
        }
        Found::Route(found) => {
            rest::answer(client, found, asked != *request.method(), request).await
        }
        Found::WrongMethod if is_long_get(&request) => {
            match routes::find(Method::GET.as_str(), &path) {
                Found::Route(found) if found.call != CallId::RpcFunc => {
                    rest::answer(client, found, true, request).await
                }
                Found::Route(_)
                | Found::WrongMethod
                | Found::Nothing
                | Found::NotText(_)
                | Found::Malformed => wrong_method(),
            }
        }
        Found::WrongMethod => wrong_method(),
        Found::Nothing => handler::answer(client, request).await,
        Found::NotText(_) => failure(ErrorCode::Internal, "the path is not UTF-8"),
        Found::Malformed => failure(ErrorCode::InvalidArgument, "broken escape in the path"),
    }
}

fn wrong_method() -> Reply {
    failure(ErrorCode::Unimplemented, "this path does not have that method")
}

/// A form that is posted stands for a GET whose query was too long for a URL.
fn is_long_get(request: &Request<Incoming>) -> bool {
    request.method() == Method::POST
        && request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|t| t.as_bytes() == b"application/x-www-form-urlencoded")
}

/// The method, or the one that a posted form says it stands for.
fn effective_method(request: &Request<Incoming>) -> Method {
    let said = request.headers().get("x-http-method-override");
    said.filter(|_| is_long_get(request))
        .and_then(|name| Method::from_bytes(&name.as_bytes().to_ascii_uppercase()).ok())
        .unwrap_or_else(|| request.method().clone())
}

/// The trace that a request belongs to.
pub(crate) fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let parent = headers.get("traceparent")?.to_str().ok();
    let state = headers.get_all("tracestate").iter().filter_map(|v| v.to_str().ok());
    TraceContext::from_headers(parent, state)
}
