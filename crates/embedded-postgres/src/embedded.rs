//! The database as its user holds it.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tavern_domain::fetch::percent;
use tokio::sync::{oneshot, watch};

use crate::programs::{self, Origin};
use crate::supervisor::{self, Find, Order, Running, State};
use crate::{Config, Ended, Error, Mode, selfcheck, socket};

/// The user of the database; there is one only.
const USER: &str = "postgres";

/// A running embedded database.
///
/// Dropping it asks the database to stop and does not wait; [`stop`](Self::stop) does. When the
/// process dies without either, the database stops by itself.
#[derive(Debug)]
pub struct Embedded {
    config: Config,
    running: Running,
    version: String,
    orders: SyncSender<Order>,
    state: watch::Receiver<State>,
}

impl Embedded {
    /// Starts the database in a folder, making it first if there is none yet: about half a second
    /// for the first time, 20 ms later.
    ///
    /// A dropped future stops the database again.
    ///
    /// # Errors
    /// As [`Error`] says, in particular [`Error::InUse`] when another process runs a database in
    /// the folder, and [`Error::NoPostgres`] when there is nothing to run.
    pub async fn start(config: Config) -> Result<Self, Error> {
        Self::start_with(config, programs::find).await
    }

    pub(crate) async fn start_with(config: Config, find: Find) -> Result<Self, Error> {
        if config.mode == Mode::Off {
            return Err(Error::Off);
        }
        let (ready, begun) = oneshot::channel();
        // Two orders at most are ever given.
        let (orders, ordered) = sync_channel(2);
        let (set_state, state) = watch::channel(State::Running);
        let its_config = config.clone();
        std::thread::Builder::new()
            .name("embedded-postgres".to_owned())
            .spawn(move || supervisor::run(&its_config, find, ready, &ordered, &set_state))
            .map_err(Error::Thread)?;
        let running = begun.await.unwrap_or_else(|_| Err(Error::Died(abandoned())))?;
        let version = String::new();
        let mut started = Self { config, running, version, orders, state };
        match selfcheck::check(&started.client_config(USER), &started.config.database).await {
            Ok(version) => started.version = version,
            Err(error) => {
                if let Err(worse) = started.stop().await {
                    tracing::warn!(error = %worse, "the embedded database did not stop in order");
                }
                return Err(error);
            }
        }
        started.order(Order::Checked);
        tracing::warn!("{}", started.notice());
        if let Some(account) = started.running.account {
            tracing::info!(uid = account.uid, "the embedded database runs as another user");
        } else if rustix::process::geteuid().is_root() {
            tracing::info!("the embedded database runs as root");
        }
        Ok(started)
    }

    /// One line for whoever starts the server: what this is, its version and its folder.
    #[must_use]
    pub fn notice(&self) -> String {
        let origin = match self.origin() {
            Origin::Bundled => "bundled",
            Origin::System => "of this machine",
        };
        format!(
            "embedded development database, not for production: PostgreSQL {} ({origin}) in {}",
            self.version,
            self.dir().display()
        )
    }

    /// The address of the database of [`Config::database`], as a URL that names the unix socket:
    /// `postgres://postgres@%2Ftmp%2F...:5432/tavern`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(&self.config.database)
    }

    /// The address of another database of the same server.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        let socket = percent(&self.running.socket.to_string_lossy());
        let database = percent(database);
        format!("postgres://{USER}@{socket}:{}/{database}", socket::PORT)
    }

    /// The same for the client library.
    #[must_use]
    pub fn client_config(&self, database: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.running.socket).port(socket::PORT).user(USER).dbname(database);
        config
    }

    fn order(&self, order: Order) {
        // There is room for all that is ever ordered, and a thread that is gone has said so in the
        // state, which is what matters.
        if let Err(error) = self.orders.try_send(order) {
            tracing::debug!(?order, %error, "the embedded database takes no orders any more");
        }
    }

    /// Most connections that a server should open: some of [`Config::max_connections`] are left to
    /// migrations, to a developer's own client and to the database itself.
    #[must_use]
    pub fn pool_limit(&self) -> u16 {
        (self.config.max_connections - self.config.max_connections / 5).max(1)
    }

    /// The version, for example `17.5`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where this PostgreSQL came from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.running.origin
    }

    /// The database's folder, absolute.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.running.root
    }

    /// The folder of the unix socket, absolute.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.running.socket
    }

    /// The log of the database, begun anew at each start.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir().join("postgres.log")
    }

    /// Completes when the database ends although nobody asked it to: then the server must end,
    /// too. Never completes when it is stopped on purpose. Notices within 0.2 s.
    pub fn ended(&self) -> impl Future<Output = Ended> + Send + 'static + use<> {
        let state = self.state.clone();
        async move {
            match last(state).await {
                State::Ended(ended) => ended,
                State::Running | State::Stopped { .. } => std::future::pending().await,
            }
        }
    }

    /// Stops the database: transactions in flight are rolled back, everything is written. Takes
    /// [`Config::stop_timeout`] and 5 s at most.
    ///
    /// # Errors
    /// [`Error::Died`] when it had ended before, [`Error::Killed`] when it did not stop in order.
    /// It does not run any more in either case.
    pub async fn stop(self) -> Result<(), Error> {
        self.order(Order::Stop);
        let seconds = self.config.stop_timeout.as_secs();
        let most = self.config.stop_timeout + Duration::from_secs(10);
        match tokio::time::timeout(most, last(self.state)).await {
            Ok(State::Stopped { clean: true }) => Ok(()),
            Ok(State::Ended(ended)) => Err(Error::Died(ended)),
            Ok(State::Stopped { clean: false } | State::Running) | Err(_) => {
                Err(Error::Killed { seconds })
            }
        }
    }
}

/// The state after running.
async fn last(mut state: watch::Receiver<State>) -> State {
    match state.wait_for(|state| *state != State::Running).await {
        Ok(state) => state.clone(),
        // The thread is gone without a word.
        Err(_) => State::Ended(abandoned()),
    }
}

fn abandoned() -> Ended {
    Ended { status: "its supervising thread has ended".to_owned(), log: String::new() }
}
