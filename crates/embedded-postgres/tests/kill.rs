//! Tests that really kill: they need a process of their own, so this binary also plays the part of
//! the server that is killed, and has no test harness.

#![expect(clippy::unwrap_used, reason = "a test: what fails must panic")]
#![expect(clippy::print_stdout, reason = "stands in for the test harness")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tavern_embedded_postgres::{Config, Embedded, Error};
use tokio::time::Instant;
use tokio_postgres::{Client, NoTls};

/// Patience with what must happen soon.
const SOON: Duration = Duration::from_secs(20);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [role, dir] = &args[..]
        && role == "child"
    {
        return block_on(child(Path::new(dir)));
    }
    let tests: [(&str, fn()); 5] = [
        ("acknowledged_writes_survive_the_death_of_the_server", || {
            writes_survive(Victim::Server);
        }),
        ("acknowledged_writes_survive_the_death_of_everything", || {
            writes_survive(Victim::Everything);
        }),
        ("the_database_ends_with_its_server", the_database_ends_with_its_server),
        ("a_second_process_is_refused_by_name", a_second_process_is_refused_by_name),
        ("an_interrupted_first_start_leaves_nothing", an_interrupted_first_start_leaves_nothing),
    ];
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    for (name, test) in tests {
        if args.iter().any(|arg| arg == "--list") {
            println!("{name}: test");
        } else if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn connected<T>(server: &Embedded, work: impl AsyncFnOnce(Client) -> T) -> T {
    let (client, connection) = server.client_config("tavern").connect(NoTls).await.unwrap();
    tokio::select! {
        outcome = work(client) => outcome,
        broken = connection => panic!("the connection ended first: {broken:?}"),
    }
}

/// The server that is killed: says `ready`, then writes rows for ever, and says which ones were
/// acknowledged.
async fn child(dir: &Path) {
    let server = Embedded::start(Config::new(dir)).await.unwrap();
    connected(&server, async |client: Client| {
        client
            .batch_execute("CREATE TABLE IF NOT EXISTS kept (n bigint PRIMARY KEY)")
            .await
            .unwrap();
        let last = "SELECT coalesce(max(n), 0) FROM kept";
        let mut n: i64 = client.query_one(last, &[]).await.unwrap().get(0);
        let insert = client.prepare("INSERT INTO kept VALUES ($1)").await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "ready").unwrap();
        loop {
            n += 1;
            client.execute(&insert, &[&n]).await.unwrap();
            writeln!(out, "{n}").unwrap();
        }
    })
    .await;
}

struct Server {
    process: Child,
    says: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn spawn(dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("child")
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, says }
    }

    fn ready(dir: &Path) -> Self {
        let mut server = Self::spawn(dir);
        assert_eq!(server.says.next().unwrap().unwrap(), "ready");
        server
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn postmaster(dir: &Path) -> i32 {
    let about = std::fs::read_to_string(dir.join("data/postmaster.pid")).unwrap();
    about.lines().next().unwrap().trim().parse().unwrap()
}

fn kill_9(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
}

/// Waits for a state, not for a time.
fn until(what: &str, mut state: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !state() {
        assert!(begun.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Server,
    Everything,
}

fn writes_survive(victim: Victim) {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 1..=3 {
        let mut server = Server::ready(dir.path());
        for _ in 0..round * 200 {
            acknowledged = server.says.next().unwrap().unwrap().parse::<i64>().unwrap();
        }
        if victim == Victim::Everything {
            kill_9(postmaster(dir.path()));
        }
        server.kill();
        // What it managed to say before it died was acknowledged, too.
        for line in server.says.by_ref() {
            acknowledged = line.unwrap().parse().unwrap_or(acknowledged);
        }
        let kept: i64 = block_on(async {
            let server = Embedded::start(Config::new(dir.path())).await.unwrap();
            let kept = connected(&server, async |client: Client| {
                let count = "SELECT count(*) FROM kept WHERE n BETWEEN 1 AND $1";
                client.query_one(count, &[&acknowledged]).await.unwrap().get(0)
            })
            .await;
            server.stop().await.unwrap();
            kept
        });
        assert_eq!(kept, acknowledged, "acknowledged writes are lost");
    }
    assert!(acknowledged >= 1200);
}

fn the_database_ends_with_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::ready(dir.path());
    let postmaster = postmaster(dir.path());
    assert!(alive(postmaster));
    server.kill();
    until("the database outlives its server", || !alive(postmaster));
    // In order, that is: it removed its own file and needs no recovery.
    assert!(!dir.path().join("data/postmaster.pid").exists());
}

fn a_second_process_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::ready(dir.path());
    let begun = Instant::now();
    let error = block_on(Embedded::start(Config::new(dir.path()))).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(1), "refused at once");
    let pid = server.process.id();
    assert!(matches!(error, Error::InUse { holder: Some(holder), .. } if holder == pid), "{error}");
    assert!(error.to_string().contains(&format!("in use by another process (pid {pid})")));
    // And the first one goes on.
    let mut server = server;
    assert!(server.says.nth(100).unwrap().is_ok());
}

fn an_interrupted_first_start_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let half = dir.path().join("data.init/base");
    let mut server = Server::spawn(dir.path());
    until("initdb begins", || half.exists());
    server.kill();
    assert!(!dir.path().join("data").exists(), "half a cluster must not look like one");
    let mut server = Server::ready(dir.path());
    assert_eq!(server.says.next().unwrap().unwrap(), "1");
}
