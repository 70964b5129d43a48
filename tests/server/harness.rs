//! A server of one's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tavern::boot::{Addresses, Outcome, Running, Server};
use tavern::cli::{Exit, Failure};
use tavern::config::Settings;
use tavern_domain::{Lifecycle, Secret};
use tavern_embedded_postgres::testkit::{TestDatabase, TestServer};
use tavern_runtime_hooks::Module;
use tavern_storage_postgres::testkit;

pub(crate) const SERVER_KEY: &str = "the-server-key-of-the-tests-0123456789";
pub(crate) const HTTP_KEY: &str = "the-http-key-of-the-tests-0123456789";

/// The longest that anything awaited may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A migrated database that only this test uses.
pub(crate) async fn database() -> TestDatabase {
    TestServer::shared().await.database_from(testkit::VERSION, testkit::make).await
}

/// Settings for a server on free ports and this database.
pub(crate) fn settings(database: &str) -> Settings {
    let mut settings = Settings { name: "tests".to_owned(), ..Settings::default() };
    settings.socket.address = "127.0.0.1".to_owned();
    settings.socket.port = 0;
    settings.socket.server_key = Secret::new(SERVER_KEY);
    settings.runtime.http_key = Secret::new(HTTP_KEY);
    settings.session.encryption_key = Secret::new("the-session-key-of-the-tests-0123456789");
    settings.session.refresh_encryption_key =
        Secret::new("the-refresh-key-of-the-tests-0123456789");
    settings.session.token_expiry_sec = 3600;
    settings.auth.password.bcrypt_cost = 4;
    settings.metrics.address = "127.0.0.1".to_owned();
    settings.metrics.prometheus_port = -1;
    settings.database.address = vec![Secret::new(database)];
    settings.database.max_open_conns = 8;
    settings
}

/// A running server, its database with it.
pub(crate) struct World {
    pub(crate) running: Option<Running>,
    pub(crate) at: Addresses,
    /// Dropped after the server.
    _database: TestDatabase,
}

impl World {
    /// A server without modules.
    pub(crate) async fn new() -> Self {
        Self::with(Vec::new(), |_| {}).await
    }

    /// A server with these modules and changes of the settings.
    pub(crate) async fn with(
        modules: Vec<Arc<dyn Module>>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let database = database().await;
        let mut settings = settings(&database.url());
        change(&mut settings);
        // Settings are large, and tests hold several worlds.
        let life = Lifecycle::new();
        let running = Box::pin(start(settings, modules, &life)).await.unwrap().unwrap();
        Self { at: running.addresses(), running: Some(running), _database: database }
    }

    pub(crate) async fn stop(&mut self) -> Outcome {
        self.running.take().unwrap().stop().await
    }
}

pub(crate) async fn start(
    settings: Settings,
    modules: Vec<Arc<dyn Module>>,
    life: &Lifecycle,
) -> Result<Option<Running>, Failure> {
    let mut server = Server::new(settings);
    for module in modules {
        server = server.module(module);
    }
    server.start(life).await
}

/// The exit code that a start failed with.
pub(crate) fn exit(outcome: Result<Option<Running>, Failure>) -> Exit {
    match outcome {
        Ok(_) => panic!("the start should have failed"),
        Err(failure) => failure.exit,
    }
}

/// Waits until `done` says so, giving way to other tasks in between.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let waiting = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    let within = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(within.is_ok(), "{what}: not within {PATIENCE:?}");
}

/// Where the workspace's programs are built to, once per test run.
pub(crate) fn program(package: &str) -> std::path::PathBuf {
    use std::sync::OnceLock;
    static BUILT: OnceLock<std::path::PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let here = std::env::current_exe().unwrap();
        let folder = here.parent().and_then(Path::parent).unwrap().to_path_buf();
        let mut build = std::process::Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "tavern", "--package", "example-studio"]);
        assert!(build.status().unwrap().success(), "the programs do not build");
        folder
    });
    folder.join(package)
}
