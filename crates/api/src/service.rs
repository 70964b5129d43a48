//! What an edge sees of the service.
//!
//! An edge parses bytes into these types and turns the answers back into bytes. It knows no rule:
//! which credential a call needs, what it may do and how it fails is decided behind [`Service`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tavern_delegation::{Delegate, Form};
use tavern_domain::{CodedError, SessionId, TokenId, UserId};
use tavern_protocol::realtime::Envelope;
use tavern_protocol::routes::Binding;
use tavern_protocol::{CallId, Outgoing};
use tavern_runtime_hooks::{FoundRoute, HttpRequest, HttpResponse, Route};
use tavern_streams::Sink;

use crate::caller::Player;

/// What the `Authorization` header (or gRPC metadata) held. Nothing of it is verified yet.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Credential {
    /// No such header.
    #[default]
    None,
    /// `Basic`: the user part. The password is not looked at, as in the public protocol.
    Basic(String),
    /// `Bearer`: the token.
    Bearer(String),
    /// A header that is neither, or cannot be decoded.
    Malformed,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic(_) => "Basic(***)",
            Self::Bearer(_) => "Bearer(***)",
            Self::Malformed => "Malformed",
        })
    }
}

/// Where a client is, after trusted proxies were looked through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ClientAddress {
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Its port; `None` behind a proxy.
    pub port: Option<u16>,
}

/// What comes with every call.
#[derive(Clone, Debug, Default)]
pub struct CallMeta {
    /// Who it says it is.
    pub credential: Credential,
    /// Where it comes from.
    pub client: ClientAddress,
}

/// The body of a call, in one of the two formats. The answer comes in the same.
#[derive(Clone, Debug)]
pub enum Input {
    /// REST: the binding says which part of the request message the body is.
    Rest {
        /// The route that matched.
        binding: &'static Binding,
        /// Path parameters, then query parameters, decoded.
        params: Vec<(Cow<'static, str>, String)>,
        /// The body; empty when there was none.
        body: Bytes,
    },
    /// gRPC: the request message in protobuf.
    Binary(Bytes),
}

/// A call of a server function over HTTP, which has rules of its own.
#[derive(Clone, Debug)]
pub struct RpcRequest {
    /// Which function; case does not matter.
    pub id: String,
    /// The payload as the function gets it.
    pub payload: String,
    /// The `http_key` query parameter.
    pub http_key: Option<String>,
    /// Who it says it is.
    pub meta: CallMeta,
    /// Request headers, names in canonical form (`X-Some-Name`).
    pub headers: BTreeMap<String, Vec<String>>,
    /// Query parameters without `http_key`.
    pub query: BTreeMap<String, Vec<String>>,
}

/// Why a function call failed.
#[derive(Debug)]
pub struct RpcFailure {
    /// Code and text.
    pub error: CodedError,
    /// What the body's `error` member holds when server code raised the error: the text of a JSON
    /// object. `None` repeats the text there.
    pub detail: Option<String>,
}

/// A socket that wants to open.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The session token, from the query or the header; empty when there was none.
    pub token: String,
    /// Whether to appear online at once.
    pub status: bool,
    /// Language tag.
    pub lang: String,
    /// Where it comes from.
    pub client: ClientAddress,
}

/// A socket that may open.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Whose it is.
    pub player: Arc<Player>,
    /// The token that it is opened with, if that is a delegated one.
    pub delegation: Option<Arc<Delegate>>,
    /// Its id, new.
    pub session: SessionId,
    /// Whether to appear online at once.
    pub status: bool,
    /// Language tag.
    pub lang: Arc<str>,
    /// Where it comes from.
    pub client: ClientAddress,
    /// Which sessions it may take over; `None` where sessions end with their sockets.
    pub resumption: Option<Resumption>,
}

impl Admission {
    /// Whose socket it is.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.player.user
    }
}

/// Which sessions a socket may take over when theirs broke: those of the same user and log-in. A
/// refreshed token belongs to the log-in of the one before. With a delegated token it must be the
/// very same: a narrower one shall not come by what a wider one has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Resumption {
    user: UserId,
    login: TokenId,
    form: Option<Form>,
}

impl Resumption {
    /// What a socket with this token may take over.
    #[must_use]
    pub fn new(player: &Player, delegation: Option<&Delegate>) -> Self {
        let form = delegation.map(Delegate::form);
        Self { user: player.user, login: player.token_id, form }
    }
}

/// What a session does after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Goes on.
    Continue,
    /// Closes, for this reason: a short text for the close frame.
    Close(&'static str),
}

/// Where a session's messages go: the edge's bounded outbox.
pub type Outbox = dyn Sink<Outgoing>;

/// The service as an edge sees it.
///
/// All futures are `'static`: an edge whose client leaves in the middle lets the call run to its
/// end elsewhere, so that a client cannot cut a use case in two.
pub trait Service: Send + Sync + 'static {
    /// Carries out one call; the answer is the response message in the format of the input.
    fn call(
        self: Arc<Self>,
        call: CallId,
        meta: CallMeta,
        input: Input,
    ) -> BoxFuture<'static, Result<Vec<u8>, CodedError>>;

    /// Calls a server function; `None` when it answered nothing.
    fn rpc(
        self: Arc<Self>,
        request: RpcRequest,
    ) -> BoxFuture<'static, Result<Option<String>, RpcFailure>>;

    /// What server code has at a path that is none of the API's: without its query, as it came.
    fn route(&self, method: &str, path: &str) -> FoundRoute;

    /// Answers a request by a route of server code.
    fn http(
        self: Arc<Self>,
        route: Route,
        request: HttpRequest,
        client: ClientAddress,
    ) -> BoxFuture<'static, Result<HttpResponse, CodedError>>;

    /// Decides whether a socket may open.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that is missing, malformed, expired or revoked.
    fn admit(&self, hello: Hello) -> Result<Admission, CodedError>;

    /// Opens a session on a socket that was admitted. What it is told goes to `outbox`.
    fn open(
        self: Arc<Self>,
        admission: Admission,
        outbox: Arc<Outbox>,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>>;
}

/// An open session.
pub trait Connection: Send + Sync + 'static {
    /// Handles one message; answers go to the outbox. The edge calls it for one message at a time,
    /// in the order in which they came.
    fn handle(self: Arc<Self>, envelope: Envelope) -> BoxFuture<'static, Flow>;

    /// The socket broke without a goodbye. Answers for how long the session waits for another one;
    /// zero: it does not.
    fn broken(&self) -> Duration {
        Duration::ZERO
    }

    /// A new socket takes the session over: it goes on as the answer, with the outbox it has, and
    /// `self` is not told of its end any more. When it may not go on it has ended.
    fn resume(
        self: Arc<Self>,
        admission: Admission,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>>;

    /// The session is over: leaves everything it was part of. Called exactly once, last, unless
    /// another went on in its place.
    fn closed(&self);
}
