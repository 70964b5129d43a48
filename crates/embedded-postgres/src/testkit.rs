//! A database server for test suites, and a database of its own for each test.
//!
//! The server is the one that the environment variable `TAVERN_TEST_DATABASE` names
//! (`postgres://user@host:port/database`, of a user who may create databases), or else an embedded
//! one. Embedded servers of test runs live in numbered folders below the user's cache, and each
//! test process takes the first that is free. So any number of test processes run at once, a
//! second run finds the cluster made already, and no run leaves anything behind that the next
//! would not use again.
//!
//! A test's database is a copy of a template that holds the migrated schema, which costs
//! milliseconds. What the schema is this crate does not know: the caller gives the template a name
//! that changes with the migrations, and a function that applies them.
//!
//! Everything here panics instead of returning errors: a test without its database has failed.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};

use tavern_domain::{Entropy, OsEntropy};
use tokio::sync::{Mutex, OnceCell};
use tokio_postgres::{Client, NoTls};

use crate::{Config, Embedded, Error, bundled, programs};

/// The environment variable that names a server to use instead of an embedded one.
pub const SERVER_VARIABLE: &str = "TAVERN_TEST_DATABASE";

/// Databases of tests begin with this.
const TEST: &str = "tavern_test_";
/// Templates begin with this.
const TEMPLATE: &str = "tavern_template_";
/// Most test processes at once.
const FOLDERS: usize = 64;

/// A database server for the tests of this process.
#[derive(Debug)]
pub struct TestServer {
    url: String,
    /// `None` when the server is somebody else's.
    embedded: Option<Embedded>,
    /// One template is made at a time.
    making: Mutex<()>,
}

/// A database that only one test uses. Dropped together with it, also when the test panics.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: &'static TestServer,
}

impl TestServer {
    /// The server of this process; started by whoever asks first.
    ///
    /// # Panics
    /// When there is no server and none can be started.
    pub async fn shared() -> &'static Self {
        static SERVER: OnceCell<TestServer> = OnceCell::const_new();
        SERVER.get_or_init(Self::open).await
    }

    async fn open() -> Self {
        #[expect(clippy::disallowed_methods, reason = "how the test command says which server")]
        let given = std::env::var(SERVER_VARIABLE).ok();
        let server = match given {
            Some(url) => Self { url, embedded: None, making: Mutex::new(()) },
            None => {
                let embedded = start_in(&folder_of_servers()).await;
                let url = embedded.url_of("postgres");
                Self { url, embedded: Some(embedded), making: Mutex::new(()) }
            }
        };
        if server.embedded.is_some() {
            // Ours alone: what is there was left by a process that died.
            server.drop_all(&format!("datname LIKE '{TEST}%'")).await;
        }
        server
    }

    /// The address of a database of this server that always exists.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The embedded database behind it, unless the server is somebody else's.
    #[must_use]
    pub fn embedded(&self) -> Option<&Embedded> {
        self.embedded.as_ref()
    }

    /// A new database, empty.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn empty_database(&'static self) -> TestDatabase {
        self.copy_of("template0").await
    }

    /// A new database with what `make` puts into it. That runs once per `version`; all further
    /// databases are copies. `make` gets the address of the database to fill, and must have closed
    /// its connections when it returns.
    ///
    /// # Panics
    /// When the server refuses, or `make` fails.
    pub async fn database_from<E: Into<Box<dyn StdError + Send + Sync>>>(
        &'static self,
        version: &str,
        make: impl AsyncFnOnce(String) -> Result<(), E>,
    ) -> TestDatabase {
        let template = format!("{TEMPLATE}{version}");
        self.make_template(&template, make).await;
        self.copy_of(&template).await
    }

    async fn make_template<E: Into<Box<dyn StdError + Send + Sync>>>(
        &self,
        template: &str,
        make: impl AsyncFnOnce(String) -> Result<(), E>,
    ) {
        let _making = self.making.lock().await;
        if self.exists(template).await {
            return;
        }
        // Other processes may use the same server: this lock ends with the connection.
        self.with(async |admin| {
            run(admin, "SELECT pg_advisory_lock(7402418)").await;
            if self.exists(template).await {
                return;
            }
            if self.embedded.is_some() {
                // Of earlier versions, and nobody else's.
                self.drop_all(&format!("datname LIKE '{TEMPLATE}%'")).await;
            }
            let unfinished = format!("{template}_unfinished");
            run(admin, &format!("DROP DATABASE IF EXISTS \"{unfinished}\"")).await;
            run(admin, &format!("CREATE DATABASE \"{unfinished}\" TEMPLATE template0")).await;
            if let Err(error) = make(with_database(&self.url, &unfinished)).await {
                let error = error.into();
                panic!("cannot make the template of test databases: {}", with_causes(&*error));
            }
            let rename = format!("ALTER DATABASE \"{unfinished}\" RENAME TO \"{template}\"");
            // The connections of `make` may need a moment to be gone.
            run_when_unused(admin, &rename).await;
        })
        .await;
    }

    async fn copy_of(&'static self, template: &str) -> TestDatabase {
        let name = format!("{TEST}{}", OsEntropy.uuid_v4().simple());
        let create = format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\"");
        self.with(async |admin| run_when_unused(admin, &create).await).await;
        TestDatabase { name, server: self }
    }

    async fn exists(&self, database: &str) -> bool {
        self.with(async |admin| {
            let sql = format!("SELECT 1 FROM pg_database WHERE datname = '{database}'");
            !admin.query(&sql, &[]).await.expect("the test server answers").is_empty()
        })
        .await
    }

    async fn drop_all(&self, which: &str) {
        self.with(async |admin| {
            let sql = format!("SELECT datname FROM pg_database WHERE {which}");
            for row in admin.query(&sql, &[]).await.expect("the test server answers") {
                let name: &str = row.get(0);
                run(admin, &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await;
            }
        })
        .await;
    }

    /// Runs something with a connection of its own: each test has a runtime of its own, which a
    /// connection cannot outlive.
    async fn with<T>(&self, work: impl AsyncFnOnce(&Client) -> T) -> T {
        let (client, connection) = match tokio_postgres::connect(&self.url, NoTls).await {
            Ok(connected) => connected,
            Err(error) => panic!("cannot connect to the test server: {}", with_causes(&error)),
        };
        let work = async move {
            let outcome = work(&client).await;
            drop(client);
            outcome
        };
        // A broken connection makes the work fail, which says more.
        tokio::join!(work, connection).0
    }
}

impl TestDatabase {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        with_database(&self.server.url, &self.name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    #[must_use]
    pub fn server(&self) -> &'static TestServer {
        self.server
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let which = format!("datname = '{}'", self.name);
        let server = self.server;
        // A thread, because this may be running inside a runtime, which cannot wait for another.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(server.drop_all(&which));
        });
        if dropping.join().is_err() && !std::thread::panicking() {
            panic!("cannot drop the database of a test");
        }
    }
}

fn folder_of_servers() -> PathBuf {
    let kind = bundled::ID.unwrap_or("system");
    programs::default_cache()
        .unwrap_or_else(|| {
            let uid = rustix::process::geteuid().as_raw();
            std::env::temp_dir().join(format!("tavern-cache-{uid}"))
        })
        .join("test-servers")
        .join(kind)
}

/// Starts a server in the first folder that nobody uses.
async fn start_in(servers: &Path) -> Embedded {
    for number in 0..FOLDERS {
        let config =
            Config { max_connections: 200, ..Config::new(servers.join(number.to_string())) };
        match Embedded::start(config).await {
            Ok(embedded) => return embedded,
            // Of another process, or made by a PostgreSQL that is gone from this machine.
            Err(Error::InUse { .. } | Error::WrongVersion { .. }) => {}
            Err(error) => panic!("cannot start a database for tests: {}", with_causes(&error)),
        }
    }
    panic!("all {FOLDERS} database folders in {} are in use", servers.display());
}

async fn run(admin: &Client, sql: &str) {
    if let Err(error) = admin.batch_execute(sql).await {
        panic!("the test server refuses {sql}: {}", with_causes(&error));
    }
}

/// For statements that a database in use refuses: a client that has just left is seen leaving a
/// moment later.
async fn run_when_unused(admin: &Client, sql: &str) {
    const IN_USE: &str = "55006";
    for _ in 0..500 {
        match admin.batch_execute(sql).await {
            Err(error) if error.code().is_some_and(|code| code.code() == IN_USE) => {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            Err(error) => panic!("the test server refuses {sql}: {}", with_causes(&error)),
            Ok(()) => return,
        }
    }
    panic!("the database stays in use: {sql}");
}

/// The same server's address with another database.
fn with_database(url: &str, database: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, None), |(a, p)| (a, Some(p)));
    let scheme = address.find("://").map_or(0, |at| at + 3);
    let server = address[scheme..].find('/').map_or(address, |at| &address[..scheme + at]);
    match parameters {
        Some(parameters) => format!("{server}/{database}?{parameters}"),
        None => format!("{server}/{database}"),
    }
}

fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_database_of_an_address_is_replaced() {
        for (url, expected) in [
            ("postgres://a@host:1/db", "postgres://a@host:1/new"),
            ("postgres://a@host", "postgres://a@host/new"),
            (
                "postgres://a@%2Ftmp%2Fx:5432/db?sslmode=disable",
                "postgres://a@%2Ftmp%2Fx:5432/new?sslmode=disable",
            ),
        ] {
            assert_eq!(with_database(url, "new"), expected);
        }
    }
}
