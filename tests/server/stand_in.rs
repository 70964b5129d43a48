//! A server of another company, as far as a test needs it: it answers JSON.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The longest body of a request that it reads, in bytes.
const MOST: usize = 64 * 1024;

/// What is answered to a request; `None` refuses it with 403.
type Answers = dyn Fn(&Request<Bytes>) -> Option<Value> + Send + Sync;

/// Listens on loopback until it is dropped.
pub(crate) struct StandIn {
    at: SocketAddr,
    /// Ends with the stand-in, and with it all connections.
    _listening: JoinSet<()>,
}

impl StandIn {
    pub(crate) async fn new(
        answers: impl Fn(&Request<Bytes>) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let answers: Arc<Answers> = Arc::new(answers);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                let answers = Arc::clone(&answers);
                let service = service_fn(move |request| answer(request, Arc::clone(&answers)));
                let serving =
                    http1::Builder::new().serve_connection(TokioIo::new(connection), service);
                // Whoever asked may be gone; the test sees that by itself.
                connections.spawn(async move { drop(serving.await) });
            }
        });
        Self { at, _listening: listening }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at)
    }
}

async fn answer(
    request: Request<Incoming>,
    answers: Arc<Answers>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MOST).collect().await.expect("a short body").to_bytes();
    let mut response = Response::new(Full::default());
    match answers(&Request::from_parts(head, body)) {
        Some(value) => *response.body_mut() = Full::new(value.to_string().into()),
        None => *response.status_mut() = StatusCode::FORBIDDEN,
    }
    Ok(response)
}
