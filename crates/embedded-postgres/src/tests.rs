//! Tests with a real database. Those that kill this very process are in `tests/kill.rs`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_postgres::{Client, NoTls};

use crate::cluster::Folder;
use crate::programs::{self, Origin, Programs};
use crate::{Config, Embedded, Error, Mode, bundled, processes, socket};

/// Patience with what must happen soon.
const SOON: Duration = Duration::from_secs(20);

/// Runs something with a connection.
async fn with<T>(server: &Embedded, work: impl AsyncFnOnce(&mut Client) -> T) -> T {
    let (mut client, connection) = server.client_config("tavern").connect(NoTls).await.unwrap();
    let work = async move {
        let outcome = work(&mut client).await;
        drop(client);
        outcome
    };
    tokio::join!(work, connection).0
}

async fn ask(server: &Embedded, question: &str) -> String {
    with(server, async |client| client.query_one(question, &[]).await.unwrap().get(0)).await
}

/// A folder with a cluster in it: most tests need not make one, which takes long.
async fn folder() -> TempDir {
    // In memory, since nothing would remove it from the disk when the tests end.
    static MADE: OnceCell<Entry> = OnceCell::const_new();
    let made = MADE
        .get_or_init(async || {
            let dir = tempfile::tempdir().unwrap();
            Embedded::start(Config::new(dir.path())).await.unwrap().stop().await.unwrap();
            read(&dir.path().join("data"))
        })
        .await;
    let dir = tempfile::tempdir().unwrap();
    write(made, &dir.path().join("data"));
    dir
}

enum Entry {
    File(Vec<u8>),
    Folder(Vec<(OsString, Entry)>),
}

fn read(path: &Path) -> Entry {
    if path.is_file() {
        return Entry::File(fs::read(path).unwrap());
    }
    let entries = fs::read_dir(path).unwrap().map(Result::unwrap);
    Entry::Folder(entries.map(|entry| (entry.file_name(), read(&entry.path()))).collect())
}

fn write(entry: &Entry, path: &Path) {
    match entry {
        Entry::File(bytes) => fs::write(path, bytes).unwrap(),
        Entry::Folder(entries) => {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
            for (name, entry) in entries {
                write(entry, &path.join(name));
            }
        }
    }
}

fn postmaster(server: &Embedded) -> u32 {
    Folder { root: server.dir().to_owned() }.postmaster().unwrap()
}

fn code(outcome: Result<(), tokio_postgres::Error>) -> String {
    outcome.unwrap_err().code().unwrap().code().to_owned()
}

#[tokio::test]
async fn timers_fire() {
    let dir = folder().await;
    let server = Embedded::start(Config::new(dir.path())).await.unwrap();
    with(&server, async |client| {
        client.batch_execute("SET statement_timeout = '50ms'").await.unwrap();
        assert_eq!(code(client.batch_execute("SELECT pg_sleep(60)").await), "57014");
        client.batch_execute("SET statement_timeout = 0").await.unwrap();
        client.batch_execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").await.unwrap();
        client.batch_execute("BEGIN; LOCK TABLE t").await.unwrap();
        with(&server, async |second| {
            second.batch_execute("SET lock_timeout = '50ms'").await.unwrap();
            assert_eq!(code(second.batch_execute("SELECT * FROM t").await), "55P03");
            let idle = "SET idle_in_transaction_session_timeout = '50ms'; BEGIN";
            second.batch_execute(idle).await.unwrap();
            let begun = Instant::now();
            while !second.is_closed() {
                assert!(begun.elapsed() < SOON, "an idle transaction is never ended");
                tokio::task::yield_now().await;
            }
        })
        .await;
    })
    .await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn deadlocks_are_broken() {
    let dir = folder().await;
    let server = Embedded::start(Config::new(dir.path())).await.unwrap();
    with(&server, async |one| {
        let table = "CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1), (2)";
        one.batch_execute(table).await.unwrap();
        with(&server, async |two| {
            one.batch_execute("BEGIN; DELETE FROM t WHERE n = 1").await.unwrap();
            two.batch_execute("BEGIN; DELETE FROM t WHERE n = 2").await.unwrap();
            let begun = Instant::now();
            let (a, b) = tokio::join!(
                one.batch_execute("DELETE FROM t WHERE n = 2; COMMIT"),
                two.batch_execute("DELETE FROM t WHERE n = 1; COMMIT"),
            );
            assert!(begun.elapsed() < SOON);
            let codes = [a, b].map(|end| end.err().map(|e| e.code().unwrap().code().to_owned()));
            assert!(
                codes.contains(&None) && codes.contains(&Some("40P01".to_owned())),
                "{codes:?}"
            );
        })
        .await;
    })
    .await;
}

#[cfg(bundled_postgres)]
#[tokio::test]
async fn dead_timers_are_noticed() {
    let dir = folder().await;
    let unwoken = |config: &Config, cluster| {
        programs::find(config, cluster).map(|found| Programs { needs_waking: false, ..found })
    };
    let error = Embedded::start_with(Config::new(dir.path()), unwoken).await.unwrap_err();
    assert!(
        matches!(&error, Error::DeadTimers { version } if version.starts_with("17.")),
        "{error}"
    );
    // It does not run any more.
    Embedded::start(Config::new(dir.path())).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn the_settings_hold() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { max_connections: 33, ..Config::new(dir.path()) };
    let server = Embedded::start(config).await.unwrap();
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("max_connections", "33"),
        ("shared_buffers", "64MB"),
        ("deadlock_timeout", "300ms"),
        ("dynamic_shared_memory_type", "mmap"),
        ("jit", "off"),
        ("max_parallel_workers_per_gather", "0"),
        ("wal_level", "minimal"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
    ] {
        assert_eq!(ask(&server, &format!("SHOW {setting}")).await, value, "{setting}");
    }
    // Text sorts by code point, and letters beyond ASCII have two cases.
    let sorted = "SELECT string_agg(x, '' ORDER BY x) FROM unnest('{a,B,ä,Z,z,€}'::text[]) x";
    assert_eq!(ask(&server, sorted).await, "BZazä€");
    assert_eq!(ask(&server, "SELECT lower('ÄÉ')").await, "äé");
    assert_eq!(server.pool_limit(), 27, "some are left to others");
    let notice = server.notice();
    assert!(notice.starts_with("embedded development database"), "{notice}");
    assert!(notice.contains(&format!("PostgreSQL {}", server.version())), "{notice}");
    assert!(notice.contains(&*server.dir().to_string_lossy()), "{notice}");
    let private = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((private(server.dir()), private(server.socket_dir())), (0o700, 0o700));
}

#[tokio::test]
async fn an_address_is_good_for_any_client() {
    let dir = folder().await;
    let server = Embedded::start(Config::new(dir.path())).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.unwrap();
    let question = async move {
        let row = client.query_one("SELECT current_database()::text", &[]).await.unwrap();
        row.get::<_, String>(0)
    };
    assert_eq!(tokio::join!(question, connection).0, "tavern");
}

#[tokio::test]
async fn the_death_of_the_child_is_noticed_and_its_orphans_are_ended() {
    let dir = folder().await;
    let server = Embedded::start(Config::new(dir.path())).await.unwrap();
    let data = server.dir().join("data");
    let ended = server.ended();
    // A backend that is busy never looks whether its postmaster lives.
    let busy = with(&server, async |client| {
        let endless = client.batch_execute("DO $$ BEGIN LOOP END LOOP; END $$");
        let kill = async {
            let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %'";
            let begun = Instant::now();
            while ask(&server, &running.replace("count(*)", "count(*)::text")).await != "1" {
                assert!(begun.elapsed() < SOON, "the endless statement never begins");
            }
            processes::signal(postmaster(&server), Signal::KILL);
            let ended = ended.await;
            assert!(ended.status.contains("signal: 9"), "{ended}");
            assert!(!processes::alive_in(&data).is_empty(), "the busy backend lives on");
            let again = Embedded::start(Config::new(dir.path())).await.unwrap();
            assert_eq!(ask(&again, "SELECT 'it works'::text").await, "it works");
            again
        };
        tokio::join!(endless, kill)
    });
    let (endless, again) = busy.await;
    assert!(endless.is_err(), "the orphan was ended");
    assert!(matches!(server.stop().await, Err(Error::Died(_))));
    again.stop().await.unwrap();
    assert!(processes::alive_in(&data).is_empty());
}

#[test]
fn the_thread_that_started_it_may_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let block_on = |work| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    };
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Embedded::start(Config::new(path))).unwrap()
    })
    .join()
    .unwrap();
    block_on(Box::pin(async move {
        assert_eq!(ask(&server, "SELECT 'it lives'::text").await, "it lives");
        server.stop().await.unwrap();
    }) as std::pin::Pin<Box<dyn Future<Output = ()>>>);
}

#[tokio::test]
async fn two_cannot_have_one_folder_and_the_lock_goes_with_its_holder() {
    let dir = folder().await;
    let first = Embedded::start(Config::new(dir.path())).await.unwrap();
    let error = Embedded::start(Config::new(dir.path())).await.unwrap_err();
    let me = std::process::id();
    assert!(matches!(error, Error::InUse { holder: Some(pid), .. } if pid == me), "{error}");
    // Dropped without a word: the database stops, only nobody waits for it.
    drop(first);
    let begun = Instant::now();
    let second = loop {
        match Embedded::start(Config::new(dir.path())).await {
            Ok(second) => break second,
            Err(error) => assert!(matches!(error, Error::InUse { .. }), "{error}"),
        }
        assert!(begun.elapsed() < SOON, "a dropped database never stops");
    };
    let socket = second.socket_dir().to_owned();
    second.stop().await.unwrap();
    assert!(!socket.exists(), "a stopped database leaves no socket behind");
    Embedded::start(Config::new(dir.path())).await.unwrap();
}

#[tokio::test]
async fn what_an_earlier_life_left_lying_about_is_cleared() {
    // A path longer than a socket's address may be.
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("deep".repeat(20)).join("deeper".repeat(10));
    fs::create_dir_all(long.join("data.init/base")).unwrap();
    fs::create_dir_all(long.join("data/half")).unwrap();
    let server = Embedded::start(Config::new(&long)).await.unwrap();
    let socket = server.socket_dir().to_owned();
    server.stop().await.unwrap();
    assert!(!long.join("data.init").exists() && !long.join("data/half").exists());
    // A pid file whose number belongs to somebody else by now, and a socket that nobody serves.
    let pid = std::process::id();
    let text = format!("{pid}\n{}\n1\n5432\n/tmp\n\n 1 1\nready\n", long.join("data").display());
    fs::write(long.join("data/postmaster.pid"), text).unwrap();
    fs::create_dir(&socket).unwrap();
    for file in socket::files(&socket) {
        fs::write(file, format!("{pid}\n")).unwrap();
    }
    let server = Embedded::start(Config::new(&long)).await.unwrap();
    assert_ne!(postmaster(&server), pid);
    assert_eq!(ask(&server, "SELECT 'it works'::text").await, "it works");
}

#[tokio::test]
async fn an_open_transaction_does_not_delay_the_stop() {
    let dir = folder().await;
    let server = Embedded::start(Config::new(dir.path())).await.unwrap();
    let stopped = with(&server, async |client| {
        client.batch_execute("BEGIN; CREATE TABLE t (n int)").await.unwrap();
        let other = Embedded::start(Config::new(dir.path())).await;
        assert!(matches!(other, Err(Error::InUse { .. })));
    });
    let ended = server.ended();
    stopped.await;
    let begun = Instant::now();
    let (client, connection) = server.client_config("tavern").connect(NoTls).await.unwrap();
    let open = async {
        client.batch_execute("BEGIN; CREATE TABLE t (n int)").await.unwrap();
        server.stop().await.unwrap();
    };
    let (broken, ()) = tokio::join!(connection, open);
    assert!(broken.is_err(), "the client is disconnected");
    assert!(begun.elapsed() < Duration::from_secs(10));
    // A stop on purpose is no unasked end.
    assert!(tokio::time::timeout(Duration::from_millis(300), ended).await.is_err());
}

#[tokio::test]
async fn a_stuck_database_is_killed_in_time() {
    let dir = folder().await;
    let config = Config { stop_timeout: Duration::from_millis(50), ..Config::new(dir.path()) };
    let server = Embedded::start(config).await.unwrap();
    with(&server, async |c| c.batch_execute("CREATE TABLE kept (n int)").await.unwrap()).await;
    processes::signal(postmaster(&server), Signal::STOP);
    let begun = Instant::now();
    assert!(matches!(server.stop().await, Err(Error::Killed { .. })));
    assert!(begun.elapsed() < Duration::from_secs(10));
    let server = Embedded::start(Config::new(dir.path())).await.unwrap();
    assert_eq!(ask(&server, "SELECT count(*)::text FROM kept").await, "0");
}

#[tokio::test]
async fn a_database_that_does_not_start_says_why() {
    let dir = folder().await;
    fs::write(dir.path().join("data/postgresql.auto.conf"), "nonsense = 1\n").unwrap();
    let error = Embedded::start(Config::new(dir.path())).await.unwrap_err();
    assert!(matches!(error, Error::DidNotStart(_)), "{error}");
    assert!(error.to_string().contains("nonsense"), "{error}");
}

#[tokio::test]
async fn a_cluster_of_another_version_stays_untouched() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(dir.path().join("data/PG_VERSION"), "9\n").unwrap();
    let error = Embedded::start(Config::new(dir.path())).await.unwrap_err();
    assert!(matches!(error, Error::WrongVersion { made: 9, .. }), "{error}");
    assert_eq!(fs::read_to_string(dir.path().join("data/PG_VERSION")).unwrap(), "9\n");
}

#[tokio::test]
async fn the_machines_postgresql_is_used_or_its_absence_explained() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let config = Config { mode: Mode::System, ..Config::new(dir.path().join("database")) };
    match (programs::find(&config, None), Embedded::start(config).await) {
        (Ok(found), Ok(server)) => {
            assert_eq!(server.origin(), Origin::System);
            assert!(server.version().starts_with(&found.major.to_string()));
            server.stop().await.unwrap();
        }
        (Err(_), Err(error)) => {
            assert!(matches!(error, Error::NoPostgres { .. }), "{error}");
            assert!(error.to_string().contains("install PostgreSQL"), "{error}");
        }
        (found, outcome) => panic!("{found:?} but {outcome:?}"),
    }
}

/// The bundled programs, taken for the machine's own: not run as root.
#[cfg(bundled_postgres)]
fn as_if_installed(config: &Config, cluster: Option<u32>) -> Result<Programs, Error> {
    let bundled = Config { mode: Mode::Bundled, ..config.clone() };
    programs::find(&bundled, cluster).map(|found| Programs { origin: Origin::System, ..found })
}

#[cfg(bundled_postgres)]
#[tokio::test]
async fn root_hands_the_machines_postgresql_to_another_user() {
    let root = rustix::process::geteuid().is_root();
    let dir = tempfile::tempdir().unwrap();
    let cache = Some(dir.path().join("cache"));
    let config = Config { cache, ..Config::new(dir.path().join("made/on/the/way/database")) };
    // Closed to others, so that another user cannot get in.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let closed = Embedded::start_with(config.clone(), as_if_installed).await;
    if root {
        let error = closed.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    } else {
        closed.unwrap().stop().await.unwrap();
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let server = Embedded::start_with(config.clone(), as_if_installed).await.unwrap();
    let uid = |pid: u32| fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    let other = uid(postmaster(&server));
    assert_eq!(other == 0, !root && uid(std::process::id()) == 0);
    assert_eq!(fs::metadata(server.socket_dir()).unwrap().uid(), other);
    with(&server, async |c| c.batch_execute("CREATE TABLE kept (n int)").await.unwrap()).await;
    server.stop().await.unwrap();
    // And back: the files change hands.
    let server = Embedded::start(config).await.unwrap();
    assert_eq!(uid(postmaster(&server)), uid(std::process::id()));
    assert_eq!(ask(&server, "SELECT count(*)::text FROM kept").await, "0");
}

#[cfg(bundled_postgres)]
#[test]
fn any_number_may_unpack_at_once_and_what_is_spoilt_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    fs::create_dir_all(cache.join(".unpack-of-somebody-who-was-killed/bin")).unwrap();
    std::thread::scope(|scope| {
        let unpack = || scope.spawn(|| bundled::install(&cache, false).unwrap());
        let all = [unpack(), unpack(), unpack()].map(|thread| thread.join().unwrap());
        assert!(all.iter().all(|bin| bin.join("postgres").is_file() && *bin == all[0]));
    });
    let names = |path: &Path| -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&cache), [".lock", bundled::ID.unwrap()]);
    let bin = bundled::install(&cache, false).unwrap();
    fs::write(bin.join("postgres"), "spoilt").unwrap();
    let config = Config {
        mode: Mode::Bundled,
        cache: Some(cache.clone()),
        ..Config::new(dir.path().join("database"))
    };
    let found = programs::find(&config, None).unwrap();
    assert_eq!((found.major, found.origin), (17, Origin::Bundled));
}
