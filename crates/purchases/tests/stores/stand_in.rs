//! A stand-in for a store, and a shop that asks it.
#![expect(clippy::disallowed_methods, reason = "stand-ins end with the test's runtime")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tavern_domain::{
    Classify as _, Entropy as _, ErrorCode, ManualClock, OsEntropy, Timestamp, UserId,
};
use tavern_fetch::{Client, Egress};
use tavern_purchases::{Config, Shop, ShopError, ShopParts};
use tavern_storage::{Created, Identity, NewAccount, Storage};
use tavern_telemetry::Metrics;
use tokio::net::TcpListener;

/// When the tests happen.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A request that a store has got.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

/// What a store answers.
pub(crate) enum Reply {
    Says(u16, String),
    /// Nothing, ever.
    Nothing,
}

impl Reply {
    pub(crate) fn json(value: &Value) -> Self {
        Self::Says(200, value.to_string())
    }
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A store on a port of its own.
pub(crate) struct StandIn {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl StandIn {
    pub(crate) async fn new(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (script, log): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                let service = service_fn(move |request| {
                    answer(request, Arc::clone(&script), Arc::clone(&log))
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(connection), service);
                // A client that leaves is no failure of the stand-in.
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        Self { url, seen }
    }

    /// What it was asked since it was last looked at.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn answer(
    request: Request<Incoming>,
    script: Arc<Script>,
    log: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let authorization = head.headers.get("authorization");
    let seen = Seen {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        authorization: authorization.map_or("", |value| value.to_str().unwrap()).to_owned(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    log.lock().unwrap().push(seen.clone());
    match script(&seen) {
        Reply::Says(status, body) => {
            Ok(Response::builder().status(status).body(Full::new(body.into())).unwrap())
        }
        Reply::Nothing => std::future::pending().await,
    }
}

/// A shop, what it keeps, and its clock.
pub(crate) struct World {
    pub(crate) storage: Storage,
    pub(crate) shop: Shop,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let storage = tavern_storage::memory::storage();
        let clock = Arc::new(ManualClock::at(NOW));
        let shop = Shop::new(ShopParts {
            purchases: Arc::clone(&storage.purchases),
            subscriptions: Arc::clone(&storage.subscriptions),
            fetch: Arc::new(Client::new("tests", Egress::default(), &Metrics::default())),
            clock: Arc::clone(&clock) as _,
            config,
        });
        Self { storage, shop, clock }
    }

    pub(crate) async fn player(&self) -> UserId {
        let user = UserId(OsEntropy.uuid_v4());
        let name = user.to_string();
        let new = NewAccount {
            user,
            username: &name,
            identity: Identity::Device(&name),
            password: None,
            now: NOW,
            obligation: None,
        };
        assert_eq!(self.storage.accounts.create(new).await.unwrap(), Created::Created);
        user
    }
}

/// As short as a test can wait for nothing.
pub(crate) const IMPATIENT: Duration = Duration::from_millis(200);

/// The code of a refusal.
#[track_caller]
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, ShopError>) -> ErrorCode {
    result.unwrap_err().code()
}

/// Whatever may go wrong on the way to a store, as answers and what they mean.
pub(crate) fn failures() -> Vec<(Reply, ErrorCode)> {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let says = |status, text: &str| Reply::Says(status, text.to_owned());
    vec![
        (says(200, "garbage"), ErrorCode::Unknown),
        (says(200, ""), ErrorCode::Unknown),
        (says(200, "[]"), ErrorCode::Unknown),
        (says(200, &format!(r#"{{"status":0,"a":{deep}}}"#)), ErrorCode::Unknown),
        (says(200, &format!(r#"{{"a":"{}"}}"#, "x".repeat(5 << 20))), ErrorCode::Unknown),
        (says(302, "{}"), ErrorCode::Unknown),
        (says(403, "{}"), ErrorCode::Unknown),
        (says(429, "{}"), ErrorCode::Unavailable),
        (says(503, "{}"), ErrorCode::Unavailable),
        (Reply::Nothing, ErrorCode::Unknown),
    ]
}

/// Answers that are given one after the other, the last one for ever.
pub(crate) fn in_turn(replies: Vec<Reply>) -> impl Fn() -> Reply + Send + Sync {
    let left = Mutex::new(replies.into_iter());
    move || left.lock().unwrap().next().unwrap_or(Reply::Nothing)
}
