//! Requests by routes of server code.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use tavern_api::{FoundRoute, HttpMethods, HttpRequest, HttpResponse, Route};
use tavern_domain::{CodedError, ErrorCode};

use crate::body::Body;
use crate::client::Client;
use crate::cors;
use crate::head;
use crate::reply::{Reply, empty, error_body, failed, failure, json};
use crate::rest::{Traced, body_error, read_body};
use crate::rpc::{canonical, lists};

/// What requests by routes are called in traces.
const NAME: &str = "HttpRoute";

/// Answers a request whose path is none of the server's own.
pub(crate) async fn answer(client: &Client, request: Request<Incoming>) -> Reply {
    match find(client, request.method(), request.uri().path()) {
        FoundRoute::Route(route) => run(client, route, request).await,
        FoundRoute::WrongMethod(there) => {
            let text = "this path does not have that method";
            let body = error_body(ErrorCode::Unimplemented, text, None);
            with_allow(json(StatusCode::METHOD_NOT_ALLOWED, body), there)
        }
        FoundRoute::Nothing => failure(ErrorCode::NotFound, "no such path"),
        FoundRoute::Malformed => failure(ErrorCode::InvalidArgument, "broken escape in the path"),
    }
}

/// Answers OPTIONS, for any path. A browser that asks before it sends is told by the path's routes;
/// else a route for OPTIONS answers, or a list of what there is.
pub(crate) async fn options(client: &Client, request: Request<Incoming>) -> Reply {
    let path = request.uri().path();
    let at_path = find(client, &Method::OPTIONS, path);
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD);
    match (at_path, asked) {
        (FoundRoute::Nothing | FoundRoute::Malformed, _) => cors::preflight(request.headers()),
        (_, Some(_)) if request.headers().contains_key(header::ORIGIN) => {
            cors::preflight_of(request.headers(), |method| {
                Method::from_bytes(method)
                    .is_ok_and(|m| matches!(find(client, &m, path), FoundRoute::Route(_)))
            })
        }
        (FoundRoute::Route(route), _) => run(client, route, request).await,
        (FoundRoute::WrongMethod(there), _) => with_allow(empty(StatusCode::NO_CONTENT), there),
    }
}

fn find(client: &Client, method: &Method, path: &str) -> FoundRoute {
    client.edge.service.route(method.as_str(), path)
}

fn with_allow(mut reply: Reply, there: HttpMethods) -> Reply {
    if let Ok(names) = HeaderValue::try_from(there.allowed().to_string()) {
        reply.headers_mut().insert(header::ALLOW, names);
    }
    reply
}

async fn run(client: &Client, route: Route, request: Request<Incoming>) -> Reply {
    let (parts, body) = request.into_parts();
    let body = match read_body(client, &parts.headers, body).await {
        Ok(body) => body,
        Err(error) => return failed(&body_error(error)),
    };
    let address = head::client(&parts.headers, client.peer, &client.settings.proxies);
    let request = HttpRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        params: route.params().clone(),
        query: lists(parts.uri.query().unwrap_or("")),
        headers: canonical(&parts.headers),
        body,
        remote_address: address.ip,
    };
    let traced = Traced::new(client, NAME, &parts);
    let running = Arc::clone(&client.edge.service).http(route, request, address);
    let mut reply = match traced.run(client, running).await.map_err(CodedError::from).flatten() {
        Ok(response) => reply(response, parts.method == Method::HEAD),
        Err(error) => failed(&error),
    };
    traced.tell(client, reply.headers_mut());
    reply
}

/// An answer as it is sent. To HEAD it has no body, and says how long it would be.
fn reply(response: HttpResponse, is_head: bool) -> Reply {
    let HttpResponse { status, headers, body } = response;
    let length = body.len();
    let body = if is_head { Bytes::new() } else { body };
    let mut reply = http::Response::new(Body::from(body));
    // The service lets nothing through that is no status or header.
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            reply.headers_mut().append(name, value);
        }
    }
    if is_head {
        reply.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    reply
}
