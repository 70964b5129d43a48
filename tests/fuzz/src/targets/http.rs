//! Whole connections: what clients send, byte by byte, to listeners on loopback.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tavern_api::{
    Admission, CallMeta, Class, ClientAddress, Connection, Credential, Flow, FoundRoute, Hello,
    HttpRequest, HttpResponse, Input, Outbox, Route, RpcFailure, RpcRequest, Service,
};
use tavern_auth::{Claims, Vars};
use tavern_domain::{
    CodedError, ErrorCode, Lifecycle, NodeName, SessionId, Timestamp, TokenId, UserId,
};
use tavern_protocol::realtime::Envelope;
use tavern_protocol::{CallId, Outgoing};
use tavern_runtime_hooks::{HookContext, Hooks};
use tavern_telemetry::{Metrics, MetricsConfig, Tracer};
use tavern_transport::{Accepting, Config, ReservedPorts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// With a route of server code that answers what its path holds.
fn hooks() -> Hooks {
    let hooks = Hooks::registered(|registrar| {
        registrar.http("/route/{one}/{rest...}", &[], |_, request| async move {
            let text = format!("{:?} {:?} {:?}", request.params, request.query, request.headers);
            Ok(HttpResponse { body: request.body, ..HttpResponse::text(200, text) })
        });
    });
    hooks.expect("a route")
}

/// Answers everything with what it was asked.
struct Echo(Hooks);

impl Service for Echo {
    fn call(
        self: Arc<Self>,
        call: CallId,
        meta: CallMeta,
        input: Input,
    ) -> BoxFuture<'static, Result<Vec<u8>, CodedError>> {
        async move {
            if meta.credential == Credential::Malformed {
                return Err(CodedError::new(ErrorCode::Unauthenticated, "malformed"));
            }
            Ok(match input {
                Input::Rest { params, body, .. } => {
                    let params: Vec<_> = params.iter().map(|(n, v)| format!("{n}={v}")).collect();
                    format!("{}?{}\n{}", call.name(), params.join("&"), body.len()).into_bytes()
                }
                Input::Binary(bytes) => bytes.to_vec(),
            })
        }
        .boxed()
    }

    fn rpc(
        self: Arc<Self>,
        request: RpcRequest,
    ) -> BoxFuture<'static, Result<Option<String>, RpcFailure>> {
        let RpcRequest { id, payload, .. } = request;
        async move {
            if id.len() == 1 {
                let error = CodedError::new(ErrorCode::NotFound, "no such function");
                return Err(RpcFailure { error, detail: Some(payload) });
            }
            Ok((!payload.is_empty()).then_some(payload))
        }
        .boxed()
    }

    fn route(&self, method: &str, path: &str) -> FoundRoute {
        self.0.route(method, path)
    }

    fn http(
        self: Arc<Self>,
        route: Route,
        request: HttpRequest,
        client: ClientAddress,
    ) -> BoxFuture<'static, Result<HttpResponse, CodedError>> {
        async move {
            let node = NodeName::new("fuzz").expect("a name");
            let context = HookContext { client_ip: client.ip, ..HookContext::of_server(node) };
            Ok(self.0.http(&route, context, request).await?)
        }
        .boxed()
    }

    fn admit(&self, hello: Hello) -> Result<Admission, CodedError> {
        if hello.token.is_empty() {
            return Err(CodedError::new(ErrorCode::Unauthenticated, "no token"));
        }
        let player = Claims {
            token_id: TokenId::NIL,
            user: UserId(uuid::Uuid::from_u128(1)),
            username: hello.token.as_str().into(),
            vars: Vars::new(),
            expires: Timestamp::EPOCH,
            issued: Timestamp::EPOCH,
        };
        Ok(Admission {
            resumption: None,
            player: Arc::new(player),
            delegation: None,
            session: SessionId(uuid::Uuid::from_u128(2)),
            status: hello.status,
            lang: hello.lang.into(),
            client: hello.client,
        })
    }

    fn open(
        self: Arc<Self>,
        _admission: Admission,
        outbox: Arc<Outbox>,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>> {
        async move { Ok(Arc::new(Mirror(outbox)) as Arc<dyn Connection>) }.boxed()
    }
}

struct Mirror(Arc<Outbox>);

impl Connection for Mirror {
    fn handle(self: Arc<Self>, envelope: Envelope) -> BoxFuture<'static, Flow> {
        let outgoing = Outgoing::new(envelope);
        let class = if outgoing.may_drop() { Class::Unreliable } else { Class::Reliable };
        self.0.push(Arc::new(outgoing), class);
        async { Flow::Continue }.boxed()
    }

    fn resume(
        self: Arc<Self>,
        _: Admission,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>> {
        async { Ok(self as Arc<dyn Connection>) }.boxed()
    }

    fn closed(&self) {}
}

struct Server {
    runtime: Runtime,
    ports: [SocketAddr; 3],
    life: Lifecycle,
    /// Kept, since it is what keeps the listeners open.
    _accepting: Accepting,
}

impl Server {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let life = Lifecycle::new();
        let accepting = runtime.block_on(async {
            let config = Config {
                address: "127.0.0.1".to_owned(),
                port: 0,
                read_timeout_ms: 2_000,
                write_timeout_ms: 2_000,
                idle_timeout_ms: 4_000,
                write_wait_ms: 2_000,
                close_ack_wait_ms: 100,
                ..Config::default()
            };
            let ports = ReservedPorts::bind(&config).expect("loopback has free ports");
            let metrics = Metrics::new(MetricsConfig::default());
            ports
                .accept(&life, Arc::new(Echo(hooks())), &metrics, Tracer::off())
                .expect("they are ours")
        });
        let at = accepting.addresses();
        let ports = [at.http, at.realtime, at.grpc];
        Self { runtime, ports, life, _accepting: accepting }
    }

    fn talk(&self, port: SocketAddr, pieces: [&[u8]; 2]) {
        self.runtime.block_on(async {
            let mut stream = TcpStream::connect(port).await.expect("it listens");
            let (mut from, mut to) = stream.split();
            let sending = async {
                for piece in pieces {
                    // A server that has heard enough closes while we talk.
                    if to.write_all(piece).await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
                drop(to.shutdown().await);
            };
            let hearing = async {
                let mut buffer = [0; 4096];
                while from.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
            };
            // The engine's time limit is what notices a connection that never ends.
            futures_util::future::join(sending, hearing).await;
        });
        assert!(!self.life.has_failed(), "a part of the server ended");
    }
}

thread_local! {
    static SERVER: OnceCell<Server> = const { OnceCell::new() };
}

/// A byte for the listener and whether the bytes come in one piece, a byte for where they are cut,
/// then the bytes.
pub fn http(data: &[u8]) {
    let [way, cut, rest @ ..] = data else { return };
    let cut = if way & 4 == 4 { rest.len() * usize::from(*cut) / 256 } else { 0 };
    let (first, second) = rest.split_at(cut);
    SERVER.with(|server| {
        let server = server.get_or_init(Server::start);
        server.talk(server.ports[usize::from(way % 4).min(2)], [first, second]);
    });
}
