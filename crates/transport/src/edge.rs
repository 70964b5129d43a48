//! What all connections share, and the life of the listeners.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tavern_api::Service;
use tavern_domain::Lifecycle;
use tavern_telemetry::{Metrics, Tracer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bind::{Addresses, BindError, ReservedPorts};
use crate::client;
use crate::config::{Config, ListenerName};
use crate::meters::Meters;
use crate::settings::Settings;
use crate::socket;
use crate::table::Table;
use crate::tls::{Certificate, TlsError};

/// Pause after a failure to accept, which is almost always a lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);
/// How long connections that were told to stop now may take to do so.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// What all connections share.
pub(crate) struct Edge {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) life: Lifecycle,
    pub(crate) meters: Arc<Meters>,
    pub(crate) tracer: Tracer,
    pub(crate) table: Arc<Table>,
    snapshot: RwLock<Snapshot>,
}

/// The settings at one moment; a connection keeps those it began with.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) settings: Arc<Settings>,
    pub(crate) socket_parts: Arc<socket::Parts>,
}

impl Snapshot {
    fn new(
        config: &Config,
        life: &Lifecycle,
        meters: &Arc<Meters>,
        parking: &Arc<socket::Parking>,
    ) -> Result<Self, String> {
        let settings = Arc::new(Settings::new(config)?);
        let socket_parts = Arc::new(socket::Parts {
            life: life.clone(),
            settings: settings.socket.clone(),
            meters: Arc::clone(meters),
            parking: Arc::clone(parking),
        });
        Ok(Self { settings, socket_parts })
    }
}

impl ReservedPorts {
    /// Opens the ports: from here on clients can connect. Taking the service is what makes it
    /// impossible to listen before there is somebody to answer.
    ///
    /// # Errors
    /// When another process opened one of the ports meanwhile, or the certificate cannot be used.
    pub fn accept(
        self,
        life: &Lifecycle,
        service: Arc<dyn Service>,
        metrics: &Metrics,
        tracer: Tracer,
    ) -> Result<Accepting, BindError> {
        let addresses = self.addresses();
        let Self { config, http, realtime, grpc } = self;
        let meters = Arc::new(Meters::new(metrics));
        let parking = Arc::default();
        let snapshot = Snapshot::new(&config, life, &meters, &parking)
            .map_err(|text| BindError::Settings { text })?;
        let table = Arc::new(Table::default());
        table.set_limits(config.max_connections, config.max_connections_per_address);
        let certificate = load_certificate(&config).map_err(BindError::Tls)?;
        let acceptor = certificate.as_ref().map(Certificate::acceptor).transpose();
        let acceptor = acceptor.map_err(BindError::Tls)?;

        let ports = [
            (ListenerName::Http, http),
            (ListenerName::Realtime, realtime),
            (ListenerName::Grpc, grpc),
        ];
        let mut open = Vec::with_capacity(ports.len());
        for (listener, reserved) in ports {
            let address = reserved.local_addr();
            let socket = reserved.listen().map_err(|source| BindError::Listen {
                listener,
                address,
                source,
            })?;
            let tls = acceptor.clone().filter(|_| config.uses_tls(listener));
            open.push((listener, socket, tls));
        }

        let edge = Arc::new(Edge {
            service,
            life: life.clone(),
            meters,
            tracer,
            table,
            snapshot: RwLock::new(snapshot),
        });
        let stop = CancellationToken::new();
        let loops = TaskTracker::new();
        for (listener, socket, tls) in open {
            let accepting = accept_all(Arc::clone(&edge), socket, listener, tls, stop.clone());
            let accepting = loops.track_future(accepting);
            life.spawn_critical(listener.name(), stop.clone(), accepting);
        }
        if let Some(certificate) = certificate.clone() {
            let stopped = stop.clone();
            drop(life.spawn(async move {
                tokio::select! {
                    () = stopped.cancelled() => {}
                    () = certificate.keep_fresh() => {}
                }
            }));
        }
        Ok(Accepting { edge, addresses, certificate, stop, loops })
    }
}

fn load_certificate(config: &Config) -> Result<Option<Arc<Certificate>>, TlsError> {
    if !ListenerName::ALL.into_iter().any(|listener| config.uses_tls(listener)) {
        return Ok(None);
    }
    Certificate::load(&config.ssl_certificate, &config.ssl_private_key).map(Some)
}

async fn accept_all(
    edge: Arc<Edge>,
    socket: TcpListener,
    listener: ListenerName,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(&edge, stream, peer, listener, tls.clone()),
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                edge.meters.accept_failures.increment(1);
                tracing::warn!(%error, listener = listener.name(), "cannot accept a connection");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    }
}

/// Whether a connection was over before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

fn admit(
    edge: &Arc<Edge>,
    stream: TcpStream,
    peer: SocketAddr,
    listener: ListenerName,
    tls: Option<TlsAcceptor>,
) {
    let snapshot = edge.snapshot.read().clone();
    // Behind one proxy are many clients.
    let counted = !snapshot.settings.proxies.trusts(peer.ip());
    let place = match edge.table.enter(peer.ip(), counted) {
        Ok(place) => place,
        Err(why) => {
            edge.meters.sockets.refused(why);
            return;
        }
    };
    // Every answer is written whole: waiting for more to come would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::trace!(%error, "connection over before it began");
        return;
    }
    let client = client::serve(Arc::clone(edge), snapshot, stream, peer, listener, place, tls);
    drop(edge.life.spawn(client));
}

/// Listeners that accept connections.
pub struct Accepting {
    edge: Arc<Edge>,
    addresses: Addresses,
    certificate: Option<Arc<Certificate>>,
    stop: CancellationToken,
    loops: TaskTracker,
}

impl std::fmt::Debug for Accepting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepting").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Accepting {
    /// Where the listeners are.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Uses another configuration for connections to come: limits, time-outs, headers, trusted
    /// proxies. Addresses, ports and certificate files stay as they are until a restart.
    ///
    /// # Errors
    /// When a response header is malformed; then nothing changes.
    pub fn reconfigure(&self, config: &Config) -> Result<(), String> {
        let edge = &self.edge;
        let parking = Arc::clone(&edge.snapshot.read().socket_parts.parking);
        let snapshot = Snapshot::new(config, &edge.life, &edge.meters, &parking)?;
        *self.edge.snapshot.write() = snapshot;
        self.edge.table.set_limits(config.max_connections, config.max_connections_per_address);
        Ok(())
    }

    /// Looks at the certificate files now instead of within seconds; answers whether there was a
    /// new one. Reads files.
    ///
    /// # Errors
    /// When the new one cannot be used; the old one stays.
    pub fn reload_certificate(&self) -> Result<bool, TlsError> {
        self.certificate.as_ref().map_or(Ok(false), |certificate| certificate.reload())
    }

    /// Closes the ports. When this returns, connecting is refused. Requests that are being
    /// answered go on, and so do open sessions; no new session opens, and a connection that has
    /// nothing to do is closed.
    pub async fn stop_accepting(self) -> Remaining {
        self.edge.table.begin_drain();
        self.stop.cancel();
        self.loops.close();
        self.loops.wait().await;
        for activity in self.edge.table.connections() {
            activity.close_when_idle();
        }
        Remaining { edge: self.edge }
    }
}

/// Connections that were there when the ports were closed.
pub struct Remaining {
    edge: Arc<Edge>,
}

impl std::fmt::Debug for Remaining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remaining").field("connections", &self.connections()).finish()
    }
}

/// How a drain ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drained {
    /// Sessions that were told to connect again.
    pub sessions: usize,
    /// Connections that were cut off at the deadline.
    pub cut_off: usize,
}

impl Remaining {
    /// How many connections there are, sessions included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.edge.table.len()
    }

    /// Ends what is left. Sessions finish the message they handle, deliver what waits and close
    /// with a reason that asks clients to come back; requests are answered. What is not done at
    /// the deadline is cut off; its calls go on without their clients, see [`Lifecycle`].
    pub async fn drain(self, deadline: Instant) -> Drained {
        let table = &self.edge.table;
        let sessions = table.sessions();
        for session in &sessions {
            session.retire();
        }
        let sessions = sessions.len();
        if tokio::time::timeout_at(deadline, table.empty()).await.is_ok() {
            return Drained { sessions, cut_off: 0 };
        }
        let cut_off = table.len();
        tracing::warn!(connections = cut_off, "connections cut off at the deadline");
        for session in table.sessions() {
            session.abort();
        }
        for activity in table.connections() {
            activity.abort();
        }
        // They only have to be polled once.
        drop(tokio::time::timeout(LAST_MOMENT, table.empty()).await);
        Drained { sessions, cut_off }
    }
}
