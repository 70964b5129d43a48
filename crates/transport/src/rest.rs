//! Calls over REST.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::HeaderMap;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use hyper::body::Incoming;
use tavern_api::Input;
use tavern_domain::{CodedError, ErrorCode};
use tavern_protocol::query_pairs;
use tavern_protocol::routes::Match;
use tavern_telemetry::TraceContext;
use tracing::{Instrument, Span};

use crate::body::{self, BodyError};
use crate::client::Client;
use crate::compress::decompress;
use crate::dispatch::trace;
use crate::finish::{Cut, to_its_end, within};
use crate::head;
use crate::reply::{Reply, failed, failure, success};

type Params = Vec<(Cow<'static, str>, String)>;

/// Answers a call that was found by its path. `form` says that the body is the query.
pub(crate) async fn answer(
    client: &Client,
    found: Match<'_>,
    form: bool,
    request: Request<Incoming>,
) -> Reply {
    let Match { call, binding, params: in_path } = found;
    let mut params: Params = in_path
        .iter()
        .map(|(name, value)| (Cow::Borrowed(*name), value.clone().into_owned()))
        .collect();
    let (head, body) = request.into_parts();
    if let Err(refusal) = add_query(head.uri.query().unwrap_or(""), &mut params) {
        return refusal;
    }
    let mut body = match read_body(client, &head.headers, body).await {
        Ok(body) => body,
        Err(error) => return body_failure(error),
    };
    if form {
        let fields = std::str::from_utf8(&body).unwrap_or("%");
        if let Err(refusal) = add_query(fields, &mut params) {
            return refusal;
        }
        body = Bytes::new();
    }
    let meta = head::meta(&head.headers, client.peer, &client.settings.proxies);
    let traced = Traced::new(client, call.name(), &head);
    let service = Arc::clone(&client.edge.service);
    let running = service.call(call, meta, Input::Rest { binding, params, body });
    let mut reply = match traced.run(client, running).await.map_err(CodedError::from).flatten() {
        Ok(body) => success(body),
        Err(error) => failed(&error),
    };
    traced.tell(client, reply.headers_mut());
    reply
}

fn add_query(text: &str, params: &mut Params) -> Result<(), Reply> {
    let pairs = query_pairs(text)
        .map_err(|error| failure(ErrorCode::InvalidArgument, &error.to_string()))?;
    params.extend(
        pairs.into_iter().map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned())),
    );
    Ok(())
}

/// Reads a request's body and undoes its compression.
pub(crate) async fn read_body(
    client: &Client,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Bytes, BodyError> {
    let settings = &client.settings;
    let raw = body::read(headers, body, settings.max_body, settings.read_timeout).await?;
    decompress(headers, raw, settings.max_body)
}

/// What a client is told whose body could not be read.
pub(crate) fn body_error(error: BodyError) -> CodedError {
    match error {
        BodyError::TooLarge => CodedError::invalid("the request body is too large"),
        BodyError::Broken => CodedError::invalid("the request body is broken"),
        BodyError::TooSlow => {
            CodedError::new(ErrorCode::DeadlineExceeded, "the request body came too slowly")
        }
    }
}

fn body_failure(error: BodyError) -> Reply {
    failed(&body_error(error))
}

/// A call as part of a trace, if it is part of one.
pub(crate) struct Traced {
    parent: Option<TraceContext>,
    span: Span,
}

impl Traced {
    pub(crate) fn new(client: &Client, name: &'static str, head: &Parts) -> Self {
        Self::with_parent(client, name, trace(&head.headers))
    }

    pub(crate) fn with_parent(
        client: &Client,
        name: &'static str,
        parent: Option<TraceContext>,
    ) -> Self {
        let span = client.edge.tracer.call(name, parent.as_ref());
        Self { parent, span }
    }

    /// Runs a call inside the span, and to its end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        client: &Client,
        call: BoxFuture<'static, T>,
    ) -> Result<T, Cut> {
        within(&client.edge.life, client.settings.call_timeout, self.inside(call)).await
    }

    /// Runs a call inside the span, and to its end; how long it may take is somebody else's affair.
    pub(crate) async fn run_on<T: Send + 'static>(
        &self,
        client: &Client,
        call: BoxFuture<'static, T>,
    ) -> Result<T, Cut> {
        to_its_end(&client.edge.life, self.inside(call)).await
    }

    fn inside<T: Send + 'static>(&self, call: BoxFuture<'static, T>) -> BoxFuture<'static, T> {
        if self.span.is_disabled() { call } else { call.instrument(self.span.clone()).boxed() }
    }

    /// Tells a client that sent a trace context which span of ours answered.
    pub(crate) fn tell(&self, client: &Client, headers: &mut HeaderMap) {
        let Some(parent) = &self.parent else { return };
        let context = client.edge.tracer.context(&self.span);
        let context = context.as_ref().unwrap_or(parent);
        if let Ok(value) = HeaderValue::try_from(context.to_traceparent()) {
            headers.insert(HeaderName::from_static("traceparent"), value);
        }
    }
}
