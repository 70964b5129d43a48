//! One connection of a client, from the first byte to the last.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use http::Request;
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::rt::{Executor, Read, Write, bounds::Http2ServerConnExec};
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tavern_domain::Lifecycle;
use tavern_telemetry::RefusedConnection;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::activity::{Activity, Drive, Ended, Graceful, Patience, Tired};
use crate::config::ListenerName;
use crate::dispatch;
use crate::edge::{Edge, Snapshot};
use crate::guarded::{Guarded, Version};
use crate::settings::Settings;
use crate::socket;
use crate::stream::Stream;
use crate::table::Place;

/// Bytes that a client may send ahead on one HTTP/2 connection, all its calls together.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Smallest buffer that the HTTP/1 machinery accepts.
const SMALLEST_BUFFER: usize = 8192;

/// A connection, as its requests and its session see it.
pub(crate) struct Client {
    pub(crate) edge: Arc<Edge>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) socket_parts: Arc<socket::Parts>,
    pub(crate) peer: SocketAddr,
    pub(crate) listener: ListenerName,
    pub(crate) place: Place,
}

/// Serves a connection that was accepted.
pub(crate) async fn serve(
    edge: Arc<Edge>,
    snapshot: Snapshot,
    stream: TcpStream,
    peer: SocketAddr,
    listener: ListenerName,
    place: Place,
    tls: Option<TlsAcceptor>,
) {
    let activity = Activity::new();
    place.speaks_http(&activity);
    let Snapshot { settings, socket_parts } = snapshot;
    let client = Arc::new(Client { edge, settings, socket_parts, peer, listener, place });
    let Some((io, version)) = greet(&client, stream, tls, &activity).await else { return };

    let settings = &client.settings;
    let patience = Patience {
        head: settings.read_timeout,
        idle: settings.idle_timeout,
        stuck: settings.write_timeout,
    };
    let service = {
        let (client, activity) = (Arc::clone(&client), Arc::clone(&activity));
        service_fn(move |request: Request<Incoming>| {
            let answering = activity.answering();
            let client = Arc::clone(&client);
            async move {
                let _answering = answering;
                Ok::<_, Infallible>(dispatch::answer(client, request).await)
            }
        })
    };
    let tired = match version {
        Version::Http1 => {
            let connection = http1_builder(settings).serve_connection(io, service).with_upgrades();
            ended(Drive::new(connection, activity, patience).await)
        }
        Version::Http2 => {
            activity.is_multiplexed();
            let exec = Tasks(client.edge.life.clone());
            let connection = http2_builder(settings, exec).serve_connection(io, service);
            ended(Drive::new(connection, activity, patience).await)
        }
    };
    if tired == Some(Tired::Head) {
        client.edge.meters.sockets.refused(RefusedConnection::HeaderTimeout);
    }
}

fn ended<E: std::error::Error>(ended: Ended<Result<(), E>>) -> Option<Tired> {
    match ended {
        Ended::Done(Ok(())) | Ended::Aborted => None,
        Ended::Done(Err(error)) => {
            tracing::trace!(%error, "connection broke off");
            None
        }
        Ended::Tired(tired) => {
            tracing::debug!(?tired, "connection given up");
            Some(tired)
        }
    }
}

/// TLS, and which HTTP it is.
async fn greet(
    client: &Client,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    activity: &Arc<Activity>,
) -> Option<(TokioIo<Guarded>, Version)> {
    let refused = |why| client.edge.meters.sockets.refused(why);
    let greeting = async {
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => Stream::Tls(Box::new(stream)),
                Err(error) => {
                    tracing::debug!(%error, "no TLS");
                    refused(RefusedConnection::TlsFailed);
                    return None;
                }
            },
        };
        let mut io = Guarded::new(stream, Arc::clone(activity));
        let version = io.version().await.ok()?;
        Some((TokioIo::new(io), version))
    };
    let mut greeting = std::pin::pin!(tokio::time::timeout(client.settings.read_timeout, greeting));
    // Until the driver takes over, this is who hears that the server stops.
    let greeted = poll_fn(|cx| {
        if activity.is_unwanted(cx.waker()) {
            return Poll::Ready(Ok(None));
        }
        greeting.as_mut().poll(cx)
    });
    greeted.await.unwrap_or_else(|_| {
        refused(RefusedConnection::HeaderTimeout);
        None
    })
}

fn http1_builder(settings: &Settings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // Times are the driver's affair.
        .header_read_timeout(None)
        .max_header_size(settings.max_header)
        // A head that is too large is noticed once it is complete, or fills this.
        .max_buf_size(settings.max_header.max(SMALLEST_BUFFER));
    builder
}

fn http2_builder(settings: &Settings, tasks: Tasks) -> http2::Builder<Tasks> {
    let clamp = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(tasks);
    builder
        .max_header_list_size(clamp(settings.max_header))
        .max_concurrent_streams(settings.max_streams)
        // A body of the largest size comes without waiting for us.
        .initial_stream_window_size(clamp(settings.max_body).clamp(65_535, CONNECTION_WINDOW))
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

/// Runs the calls of HTTP/2 connections.
#[derive(Clone)]
struct Tasks(Lifecycle);

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, call: F) {
        drop(self.0.spawn(call));
    }
}

impl<I, S, B> Graceful for http1::UpgradeableConnection<I, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin + Send + 'static,
    B: HttpBody + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B, E> Graceful for http2::Connection<I, S, E>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    B: HttpBody + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: Http2ServerConnExec<S::Future, B>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
