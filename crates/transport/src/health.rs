//! Metrics and health: the listener that starts first and stops last.
//!
//! It knows what it is told and nothing else. Being ready is a value that somebody holds
//! ([`Ready`]); letting go of it, also by a panic, makes the server unready, never ready.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tavern_domain::Lifecycle;
use tavern_telemetry::EXPOSITION_CONTENT_TYPE;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bind::Reserved;

/// Most connections at a time: scrapers and probes are few.
const MOST_CONNECTIONS: usize = 64;
/// How long a connection may last, however slow it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause after a failure to accept.
const PAUSE: Duration = Duration::from_millis(100);

/// What the server says of itself. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    phase: &'static str,
    ready: usize,
    draining: bool,
    problems: BTreeMap<&'static str, String>,
}

impl Health {
    /// Not ready, in no phase.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The server has come to a phase of its start.
    pub fn phase(&self, name: &'static str) {
        self.0.lock().phase = name;
    }

    /// The server is ready as long as the value is held, nothing is wrong, and it does not drain.
    #[must_use = "the server is ready only as long as this is held"]
    pub fn ready(&self) -> Ready {
        self.0.lock().ready += 1;
        Ready(self.clone())
    }

    /// The server stops: it is not ready any more and will not be.
    pub fn draining(&self) {
        self.0.lock().draining = true;
    }

    /// Something is wrong with a part, such as `database`, or is right again.
    pub fn problem(&self, part: &'static str, what: Option<String>) {
        let mut state = self.0.lock();
        match what {
            Some(what) => _ = state.problems.insert(part, what),
            None => _ = state.problems.remove(part),
        }
    }

    /// Whether clients should be sent here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.lock().is_ready()
    }

    /// What `/readyz` says: whether the server is ready, and why not.
    fn report(&self) -> (bool, String) {
        let state = self.0.lock();
        let ready = state.is_ready();
        let report = serde_json::json!({
            "status": if ready { "ready" } else { "not_ready" },
            "phase": state.phase,
            "draining": state.draining,
            "problems": state.problems,
        });
        (ready, report.to_string())
    }
}

impl State {
    fn is_ready(&self) -> bool {
        self.ready > 0 && !self.draining && self.problems.is_empty()
    }
}

/// As long as it is held, the server is ready.
#[derive(Debug)]
pub struct Ready(Health);

impl Drop for Ready {
    fn drop(&mut self) {
        self.0.0.lock().ready -= 1;
    }
}

/// Writes the metrics.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// The health listener while it runs.
#[derive(Debug)]
pub struct HealthServer {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl HealthServer {
    /// Opens the port and answers `/metrics`, `/livez` and `/readyz`, over HTTP/1.1.
    ///
    /// # Errors
    /// When another process opened the port meanwhile.
    pub fn start(
        reserved: Reserved,
        health: Health,
        metrics: RenderMetrics,
        life: &Lifecycle,
    ) -> io::Result<Self> {
        let address = reserved.local_addr();
        let listener = reserved.listen()?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let serving = Serving { health, metrics, life: life.clone(), stop: stop.clone() };
        let serving = serving.run(listener, tasks.clone());
        life.spawn_critical("health", stop.clone(), tasks.track_future(serving));
        Ok(Self { address, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops it. This comes last, and before [`Lifecycle::finished`], which waits for it.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for HealthServer {
    /// A server that is given up, as when a later phase of the start fails, leaves no task behind.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[derive(Clone)]
struct Serving {
    health: Health,
    metrics: RenderMetrics,
    life: Lifecycle,
    stop: CancellationToken,
}

impl Serving {
    async fn run(self, listener: TcpListener, tasks: TaskTracker) {
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => continue,
                }
            };
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
            let serving = self.clone();
            let serving = tasks.track_future(async move {
                let _permit = permit;
                serving.serve(stream).await;
            });
            drop(self.life.spawn(serving));
        }
    }

    async fn serve(self, stream: TcpStream) {
        let service = service_fn(|request: Request<Incoming>| {
            let answer = self.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            () = self.stop.cancelled() => {}
            served = tokio::time::timeout(PATIENCE, connection) => {
                if !matches!(served, Ok(Ok(()))) {
                    tracing::debug!("a connection to the health listener broke off");
                }
            }
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        const TEXT: HeaderValue = HeaderValue::from_static(EXPOSITION_CONTENT_TYPE);
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return respond(StatusCode::METHOD_NOT_ALLOWED, JSON, "{}");
        }
        match request.uri().path() {
            "/livez" => respond(StatusCode::OK, JSON, r#"{"status":"alive"}"#),
            "/readyz" => {
                let (ready, report) = self.health.report();
                let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                respond(status, JSON, report)
            }
            // Scrapers made for other servers ask here.
            "/metrics" | "/" => respond(StatusCode::OK, TEXT, (self.metrics)()),
            _ => respond(StatusCode::NOT_FOUND, JSON, "{}"),
        }
    }
}

fn respond(
    status: StatusCode,
    media_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_a_value_that_is_held() {
        let health = Health::new();
        health.phase("running");
        assert!(!health.is_ready(), "a phase alone is not readiness");
        let ready = health.ready();
        assert!(health.is_ready());
        drop(ready);
        assert!(!health.is_ready());
    }

    #[test]
    fn a_problem_or_a_drain_makes_unready_and_says_why() {
        let health = Health::new();
        let _ready = health.ready();
        health.problem("database", Some("no connection".into()));
        let (ready, report) = health.report();
        assert!(!ready);
        assert!(report.contains(r#""problems":{"database":"no connection"}"#), "{report}");
        health.problem("database", None);
        assert!(health.is_ready());
        health.draining();
        let (ready, report) = health.report();
        assert!(!ready && report.contains(r#""draining":true"#), "{report}");
    }
}
