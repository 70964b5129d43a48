//! The way of a call: who may, before-hook, the work, after-hook.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use prost::Message as _;
use tavern_domain::{CodedError, ErrorCode, UserId};
use tavern_protocol::{Auth, Call, CallId, Format, Wire as _, decode_rest};
use tavern_runtime_hooks::{FoundRoute, Hooks, HttpRequest, HttpResponse, Route};
use tavern_telemetry::{Metrics, When};
use tokio::time::Instant;

use crate::caller::Caller;
use crate::context::Context;
use crate::delegation::{About, interface_of, sockets};
use crate::events;
use crate::metrics::{ApiMetrics, ROUTED};
use crate::obligations;
use crate::realtime;
use crate::schedules;
use crate::service::{
    Admission, CallMeta, ClientAddress, Connection, Credential, Hello, Input, Outbox, RpcFailure,
    RpcRequest, Service,
};
use crate::services::Services;
use crate::table;

/// The service. It cannot be made without [`Hooks`], which exist only once every module has
/// loaded: whoever holds an `Api` may answer clients.
pub struct Api {
    pub(crate) services: Arc<Services>,
    pub(crate) hooks: Hooks,
    pub(crate) metrics: ApiMetrics,
}

/// The format of a call's answer: that of its request.
pub(crate) const fn format_of(input: &Input) -> Format {
    match input {
        Input::Rest { .. } => Format::Json,
        Input::Binary(_) => Format::Binary,
    }
}

impl Api {
    /// Joins the assembled services and the frozen hooks.
    #[must_use]
    pub fn new(services: Arc<Services>, hooks: Hooks, metrics: &Metrics) -> Self {
        Self { services, hooks, metrics: ApiMetrics::new(metrics) }
    }

    /// Carries out the obligations that earlier lives left. Call it before any listener opens.
    ///
    /// # Errors
    /// When storage fails. A hook that fails is logged and left for later.
    pub async fn carry_out_leftovers(&self) -> Result<obligations::Leftovers, CodedError> {
        obligations::carry_out_leftovers(self).await
    }

    /// Counts the obligations that stand and shows their number in the metrics. For a worker to
    /// call now and then.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn count_obligations(&self) -> Result<u64, CodedError> {
        obligations::count(&self.services).await
    }

    /// Hands events to their hooks, one after the other, until dropped. For some workers at a time.
    pub async fn hand_out_events(&self) {
        events::work(&self.services, &self.hooks).await;
    }

    /// Carries out resets and ends of leaderboards and tournaments that are due, on this node or
    /// none: what another node has claimed is left to it. Answers of how many boards; call it again
    /// while there are any. A hook that fails is logged and runs again later.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn carry_out_due(&self) -> Result<usize, CodedError> {
        schedules::carry_out_due(self).await
    }

    /// How long no reset and no end is due, at most `most`.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn until_due(&self, most: Duration) -> Result<Duration, CodedError> {
        schedules::until_due(&self.services, most).await
    }

    /// Everything before the use case: limits, who, decoding, what a delegate may, before-hook.
    pub(crate) async fn enter<C: Call<Request: About>>(
        &self,
        meta: CallMeta,
        input: Input,
    ) -> Result<(Context, C::Request), CodedError> {
        self.services.limit_address(meta.client)?;
        let info = C::ID.info();
        let mut caller = self.identify(info.auth, &meta.credential)?;
        self.services.limit_call(&caller, meta.client, info.name)?;
        let interface = interface_of(&input);
        let request = decode::<C>(input)?;
        self.services.let_call(&mut caller, C::ID, interface, &request).await?;
        let cx = Context {
            call: C::ID,
            caller,
            client: meta.client,
            has_after: self.hooks.has_after(C::ID),
            hooks: self.hooks.clone(),
            signed_in: None,
            obligation: None,
        };
        if !self.hooks.has_before(C::ID) {
            return Ok((cx, request));
        }
        let begun = Instant::now();
        let answer = self.hooks.before::<C>(|| cx.for_hooks(&self.services), request).await;
        self.metrics.call_hook(When::Before, C::ID, answer.is_err(), begun);
        let request =
            answer?.ok_or_else(|| CodedError::new(ErrorCode::NotFound, "refused by the server"))?;
        Ok((cx, request))
    }

    /// Everything after the use case: after-hook, encoding.
    pub(crate) async fn leave<C: Call>(
        &self,
        cx: &Context,
        request: &C::Request,
        answer: Result<C::Response, CodedError>,
        format: Format,
    ) -> Result<Vec<u8>, CodedError> {
        let response = answer?;
        if cx.has_after {
            self.run_after::<C>(cx, request, &response).await?;
        }
        Ok(match format {
            Format::Json => response.to_json(),
            Format::Binary => response.encode_to_vec(),
        })
    }

    /// Runs the after-hook. Its failure is logged and forgotten, except where it is owed: then the
    /// caller gets no answer before it has finished once.
    async fn run_after<C: Call>(
        &self,
        cx: &Context,
        request: &C::Request,
        response: &C::Response,
    ) -> Result<(), CodedError> {
        let begun = Instant::now();
        let ran = self.hooks.after::<C>(|| cx.for_hooks(&self.services), response, request).await;
        self.metrics.call_hook(When::After, C::ID, ran.is_err(), begun);
        match (&cx.obligation, ran) {
            (None, Ok(())) => Ok(()),
            (None, Err(error)) => {
                let call = C::ID.info().name;
                tracing::warn!(call, error = &error as &dyn std::error::Error, "after-hook failed");
                Ok(())
            }
            (Some(owed), Ok(())) => obligations::discharge(&self.services, owed).await,
            (Some(owed), Err(error)) => {
                obligations::release(&self.services, owed, &error).await?;
                Err(CodedError::new(
                    ErrorCode::Unavailable,
                    "the account is not set up yet, try again later",
                ))
            }
        }
    }

    /// Runs the after-hook that an earlier life owes for a call.
    pub(crate) async fn carry_out<C: Call<Response = tavern_protocol::api::Session>>(
        &self,
        owed: &tavern_storage::Obligation,
    ) -> Result<(), CodedError> {
        let request =
            C::Request::read_json(owed.request.as_bytes(), tavern_protocol::Unknown::Ignore)
                .map_err(CodedError::internal)?;
        let (cx, response) =
            obligations::as_if_signing_in(&self.services, C::ID, owed, self.hooks.clone()).await?;
        self.run_after::<C>(&cx, &request, &response).await
    }

    /// Who makes the call, by the credential that the call needs.
    fn identify(&self, auth: Auth, credential: &Credential) -> Result<Caller, CodedError> {
        let services = &self.services;
        match (auth, credential) {
            (Auth::None, _) => Ok(Caller::Anonymous),
            (Auth::ServerKey, Credential::Basic(key)) if services.is_server_key(key) => {
                Ok(Caller::Client)
            }
            (Auth::ServerKey, Credential::None) => Err(unauthenticated("server key required")),
            (Auth::ServerKey, _) => Err(unauthenticated("server key invalid")),
            (Auth::Bearer | Auth::BearerOrHttpKey, Credential::Bearer(token)) => {
                services.verify_bearer(token)
            }
            (Auth::Bearer, Credential::None) => Err(unauthenticated("session token required")),
            (Auth::Bearer, _) => Err(unauthenticated("session token invalid")),
            (Auth::BearerOrHttpKey, Credential::Basic(key)) if services.is_http_key(key) => {
                Ok(Caller::Server)
            }
            // The key may still come inside the message: the use case decides.
            (Auth::BearerOrHttpKey, Credential::None) => Ok(Caller::Anonymous),
            (Auth::BearerOrHttpKey, _) => Err(unauthenticated("HTTP key invalid")),
        }
    }
}

pub(crate) fn unauthenticated(message: &'static str) -> CodedError {
    CodedError::new(ErrorCode::Unauthenticated, message)
}

fn decode<C: Call>(input: Input) -> Result<C::Request, CodedError> {
    match input {
        Input::Rest { binding, params, body } => decode_rest::<C::Request>(binding, &params, &body)
            .map_err(|error| CodedError::invalid(error.to_string()).caused_by(error)),
        Input::Binary(bytes) => C::Request::decode(bytes)
            .map_err(|error| CodedError::invalid("malformed message").caused_by(error)),
    }
}

impl Service for Api {
    fn call(
        self: Arc<Self>,
        call: CallId,
        meta: CallMeta,
        input: Input,
    ) -> BoxFuture<'static, Result<Vec<u8>, CodedError>> {
        let row = table::row(call);
        async move {
            let received = body_len(&input);
            let begun = Instant::now();
            let answer = (row.run)(&self, meta, input).await;
            let (code, sent) = outcome(&answer);
            self.metrics.call(call, begun, code, received, sent);
            if let Err(error) = &answer {
                log_failure(call.info().name, error);
            }
            answer
        }
        .boxed()
    }

    fn rpc(
        self: Arc<Self>,
        request: RpcRequest,
    ) -> BoxFuture<'static, Result<Option<String>, RpcFailure>> {
        async move {
            let received = request.payload.len();
            let begun = Instant::now();
            let answer = crate::cases::rpc::over_http(&self, request).await;
            let (code, sent) = match &answer {
                Ok(text) => (None, text.as_ref().map_or(0, String::len)),
                Err(failure) => (Some(failure.error.code()), 0),
            };
            self.metrics.call(CallId::RpcFunc, begun, code, received, sent);
            if let Err(failure) = &answer {
                log_failure(CallId::RpcFunc.info().name, &failure.error);
            }
            answer
        }
        .boxed()
    }

    fn route(&self, method: &str, path: &str) -> FoundRoute {
        self.hooks.route(method, path)
    }

    fn http(
        self: Arc<Self>,
        route: Route,
        request: HttpRequest,
        client: ClientAddress,
    ) -> BoxFuture<'static, Result<HttpResponse, CodedError>> {
        async move {
            let received = request.body.len();
            let begun = Instant::now();
            let answer = crate::cases::route::answer(&self, &route, request, client).await;
            let (code, sent) = match &answer {
                Ok(response) => (None, response.body.len()),
                Err(error) => (Some(error.code()), 0),
            };
            self.metrics.routed(begun, code, received, sent);
            if let Err(error) = &answer {
                tracing::debug!(route = route.pattern(), "no answer");
                log_failure(ROUTED, error);
            }
            answer
        }
        .boxed()
    }

    fn admit(&self, hello: Hello) -> Result<Admission, CodedError> {
        realtime::admit(&self.services, hello)
    }

    fn open(
        self: Arc<Self>,
        admission: Admission,
        outbox: Arc<Outbox>,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>> {
        async move {
            let admission = sockets::confirm(&self.services, admission).await?;
            realtime::open(self, admission, outbox).map(|s| s as Arc<dyn Connection>)
        }
        .boxed()
    }
}

fn body_len(input: &Input) -> usize {
    match input {
        Input::Rest { body, .. } | Input::Binary(body) => body.len(),
    }
}

fn outcome(answer: &Result<Vec<u8>, CodedError>) -> (Option<ErrorCode>, usize) {
    match answer {
        Ok(bytes) => (None, bytes.len()),
        Err(error) => (Some(error.code()), 0),
    }
}

/// Logs what an operator must know about: the server's own failures, with their causes.
fn log_failure(call: &'static str, error: &CodedError) {
    match error.code() {
        ErrorCode::Internal | ErrorCode::Unknown | ErrorCode::DataLoss => {
            tracing::error!(call, error = error as &dyn std::error::Error, "call failed");
        }
        ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::Aborted => {
            tracing::warn!(call, error = error as &dyn std::error::Error, "call failed");
        }
        code @ (ErrorCode::Canceled
        | ErrorCode::InvalidArgument
        | ErrorCode::NotFound
        | ErrorCode::AlreadyExists
        | ErrorCode::PermissionDenied
        | ErrorCode::ResourceExhausted
        | ErrorCode::FailedPrecondition
        | ErrorCode::OutOfRange
        | ErrorCode::Unimplemented
        | ErrorCode::Unauthenticated) => {
            tracing::debug!(call, code = code.name(), error = %error, "call refused");
        }
    }
}

/// The player of a call that only players can make.
pub(crate) fn user(cx: &Context) -> Result<UserId, CodedError> {
    cx.player().map(|p| p.user)
}
