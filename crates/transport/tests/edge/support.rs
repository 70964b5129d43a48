//! A made-up service, and clients that can be as rude as a test needs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tavern_api::{
    Admission, CallMeta, Class, ClientAddress, Connection, Flow, FoundRoute, Hello, HttpRequest,
    HttpResponse, Input, Outbox, Player, Resumption, Route, RpcFailure, RpcRequest, Service,
};
use tavern_domain::{
    CodedError, ErrorCode, Lifecycle, NodeName, SessionId, Timestamp, TokenId, UserId,
};
use tavern_protocol::CallId;
use tavern_protocol::realtime::{Envelope, Pong, envelope};
use tavern_runtime_hooks::{HookContext, Hooks};
use tavern_telemetry::{Metrics, Tracer};
use tavern_transport::{Accepting, Addresses, Config, ReservedPorts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The longest that anything may take. Reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it comes in time")
}

/// Waits until something is so.
pub(crate) async fn until(what: impl Fn() -> bool) {
    soon(async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Runs a client's side of a connection.
pub(crate) fn background<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    Lifecycle::new().spawn(task)
}

/// A call as the service saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) call: CallId,
    pub(crate) meta: CallMeta,
    pub(crate) input: Input,
}

impl Seen {
    /// Path and query parameters.
    pub(crate) fn params(&self) -> Vec<(String, String)> {
        match &self.input {
            Input::Rest { params, .. } => {
                params.iter().map(|(n, v)| (n.clone().into_owned(), v.clone())).collect()
            }
            Input::Binary(_) => Vec::new(),
        }
    }

    pub(crate) fn body(&self) -> String {
        match &self.input {
            Input::Rest { body, .. } | Input::Binary(body) => {
                String::from_utf8(body.to_vec()).unwrap()
            }
        }
    }
}

type Answer = Result<Vec<u8>, CodedError>;
type OnCall = Box<dyn Fn(Seen) -> BoxFuture<'static, Answer> + Send + Sync>;
type OnRpc =
    Box<dyn Fn(RpcRequest) -> BoxFuture<'static, Result<Option<String>, RpcFailure>> + Send + Sync>;

/// A service that remembers what it saw and answers as it is told.
pub(crate) struct Fake {
    pub(crate) seen: parking_lot::Mutex<Vec<Seen>>,
    pub(crate) rpcs: parking_lot::Mutex<Vec<RpcRequest>>,
    pub(crate) hellos: parking_lot::Mutex<Vec<Hello>>,
    /// What messages with the id `wait` wait for.
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) opened: AtomicUsize,
    pub(crate) closed: Arc<AtomicUsize>,
    pub(crate) resumed: Arc<AtomicUsize>,
    /// How long sessions without a socket are kept.
    pub(crate) grace: parking_lot::Mutex<Duration>,
    on_call: OnCall,
    on_rpc: OnRpc,
    hooks: Hooks,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            seen: Default::default(),
            rpcs: Default::default(),
            hellos: Default::default(),
            gate: Arc::new(Semaphore::new(0)),
            opened: AtomicUsize::new(0),
            closed: Arc::default(),
            resumed: Arc::default(),
            grace: Default::default(),
            on_call: Box::new(|_| async { Ok(b"{}".to_vec()) }.boxed()),
            on_rpc: Box::new(|request| async { Ok(Some(request.payload)) }.boxed()),
            hooks: Hooks::none(),
        }
    }
}

impl Fake {
    pub(crate) fn on_call<F>(mut self, answer: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        self.on_call = Box::new(move |seen| answer(seen).boxed());
        self
    }

    /// With routes of server code.
    pub(crate) fn with_routes(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    pub(crate) fn on_rpc<F>(
        mut self,
        answer: impl Fn(RpcRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Option<String>, RpcFailure>> + Send + 'static,
    {
        self.on_rpc = Box::new(move |request| answer(request).boxed());
        self
    }

    pub(crate) fn last(&self) -> Seen {
        self.seen.lock().last().cloned().expect("a call came through")
    }
}

impl Service for Fake {
    fn call(
        self: Arc<Self>,
        call: CallId,
        meta: CallMeta,
        input: Input,
    ) -> BoxFuture<'static, Answer> {
        let seen = Seen { call, meta, input };
        self.seen.lock().push(seen.clone());
        (self.on_call)(seen)
    }

    fn rpc(
        self: Arc<Self>,
        request: RpcRequest,
    ) -> BoxFuture<'static, Result<Option<String>, RpcFailure>> {
        self.rpcs.lock().push(request.clone());
        (self.on_rpc)(request)
    }

    fn route(&self, method: &str, path: &str) -> FoundRoute {
        self.hooks.route(method, path)
    }

    fn http(
        self: Arc<Self>,
        route: Route,
        request: HttpRequest,
        _: ClientAddress,
    ) -> BoxFuture<'static, Result<HttpResponse, CodedError>> {
        let context = HookContext::of_server(NodeName::new("tests").unwrap());
        async move { Ok(self.hooks.http(&route, context, request).await?) }.boxed()
    }

    fn admit(&self, hello: Hello) -> Result<Admission, CodedError> {
        self.hellos.lock().push(hello.clone());
        // With `same` they are all of one log-in.
        let token_id = match hello.token.as_str() {
            "good" => {
                let one = self.hellos.lock().len();
                format!("00000000-0000-4000-8000-{one:012x}").parse().unwrap()
            }
            "same" => TokenId::NIL,
            _ => return Err(CodedError::new(ErrorCode::Unauthenticated, "bad token")),
        };
        let player = Player {
            user: UserId::NIL,
            username: "player".into(),
            vars: std::collections::BTreeMap::new(),
            token_id,
            issued: Timestamp::EPOCH,
            expires: Timestamp::EPOCH,
        };
        Ok(Admission {
            resumption: Some(Resumption::new(&player, None)),
            player: Arc::new(player),
            delegation: None,
            session: SessionId::NIL,
            status: hello.status,
            lang: hello.lang.into(),
            client: ClientAddress::default(),
        })
    }

    fn open(
        self: Arc<Self>,
        _: Admission,
        outbox: Arc<Outbox>,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let echo = Echo {
            outbox,
            gate: Arc::clone(&self.gate),
            closed: Arc::clone(&self.closed),
            resumed: Arc::clone(&self.resumed),
            grace: *self.grace.lock(),
        };
        async move { Ok(Arc::new(echo) as Arc<dyn Connection>) }.boxed()
    }
}

/// Answers every message with a pong.
struct Echo {
    outbox: Arc<Outbox>,
    gate: Arc<Semaphore>,
    closed: Arc<AtomicUsize>,
    resumed: Arc<AtomicUsize>,
    grace: Duration,
}

impl Connection for Echo {
    fn handle(self: Arc<Self>, envelope: Envelope) -> BoxFuture<'static, Flow> {
        async move {
            if let Some(envelope::Message::Rpc(rpc)) = &envelope.message
                && rpc.id == "wait"
            {
                self.gate.acquire().await.unwrap().forget();
            }
            let pong = Envelope::reply(envelope.cid, Pong {});
            self.outbox.push(Arc::new(pong.into()), Class::Reliable);
            Flow::Continue
        }
        .boxed()
    }

    fn broken(&self) -> Duration {
        self.grace
    }

    fn resume(
        self: Arc<Self>,
        _: Admission,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>> {
        self.resumed.fetch_add(1, Ordering::SeqCst);
        async { Ok(self as Arc<dyn Connection>) }.boxed()
    }

    fn closed(&self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

/// Listeners that run.
pub(crate) struct Server {
    pub(crate) fake: Arc<Fake>,
    pub(crate) life: Lifecycle,
    pub(crate) metrics: Metrics,
    pub(crate) at: Addresses,
    pub(crate) accepting: Accepting,
}

/// A configuration for free ports of this machine.
pub(crate) fn local() -> Config {
    Config { address: "127.0.0.1".into(), port: 0, ..Config::default() }
}

impl Server {
    pub(crate) fn new(fake: Fake) -> Self {
        Self::with(&local(), fake)
    }

    pub(crate) fn with(config: &Config, fake: Fake) -> Self {
        let mut problems = Vec::new();
        config.validate(&mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let (life, metrics, fake) = (Lifecycle::new(), Metrics::default(), Arc::new(fake));
        let service = Arc::clone(&fake) as Arc<dyn Service>;
        let accepting = ReservedPorts::bind(config)
            .unwrap()
            .accept(&life, service, &metrics, Tracer::off())
            .unwrap();
        Self { fake, life, metrics, at: accepting.addresses(), accepting }
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, request: &str) -> Http {
        let mut wire = Wire::open(self.at.http).await;
        wire.ask(request).await
    }

    /// `GET` with these headers.
    pub(crate) async fn get(&self, path: &str, headers: &str) -> Http {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await
    }

    /// A request with a body.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Http {
        let length = body.len();
        self.ask(&format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
        .await
    }

    pub(crate) fn counts(&self, line: &str) -> bool {
        self.metrics.render().lines().any(|l| l == line)
    }
}

/// A connection that says exactly what it is told.
pub(crate) struct Wire {
    pub(crate) tcp: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Status and code of an error, whose body must have no other members than these.
    pub(crate) fn error(&self) -> (u16, u64) {
        let json = self.json();
        let mut members: Vec<_> = json.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["code", "message"]);
        (self.status, json["code"].as_u64().unwrap())
    }
}

impl Wire {
    pub(crate) async fn open(at: SocketAddr) -> Self {
        let tcp = soon(TcpStream::connect(at)).await.unwrap();
        Self { tcp, buffer: Vec::new() }
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.tcp.write_all(bytes.as_ref())).await.unwrap();
    }

    pub(crate) async fn ask(&mut self, request: &str) -> Http {
        self.say(request).await;
        self.answer_to(request.starts_with("HEAD ")).await.expect("an answer")
    }

    /// The connection, and what was read of it beyond the last answer.
    pub(crate) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.tcp, self.buffer)
    }

    /// The next answer; `None` when the connection ends before it.
    pub(crate) async fn answer(&mut self) -> Option<Http> {
        self.answer_to(false).await
    }

    /// An answer to `HEAD` has the length of a body that does not come.
    async fn answer_to(&mut self, bodiless: bool) -> Option<Http> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            self.more().await?;
        };
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: HashMap<String, String> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.get("content-length").filter(|_| !bodiless);
        let length = length.map_or(0, |n| n.parse().unwrap());
        while self.buffer.len() < length {
            self.more().await?;
        }
        let body = self.buffer.drain(..length).collect();
        Some(Http { status, headers, body })
    }

    async fn more(&mut self) -> Option<()> {
        let n = soon(self.tcp.read_buf(&mut self.buffer)).await.unwrap_or(0);
        (n > 0).then_some(())
    }

    /// Waits until the other side has closed.
    pub(crate) async fn closed(&mut self) {
        while self.more().await.is_some() {}
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
