//! SIGKILL at any moment loses nothing that was acknowledged, and nothing that is owed.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::process::Command;
use tokio::task::JoinSet;

use crate::harness::{database, until};
use crate::http::{As, ask, try_ask};
use crate::program::{Process, command};

/// How often the server is killed.
const KILLS: usize = 5;
/// How many players register at the same time.
const REGISTERING: usize = 8;

fn studio(data: &Path, database: &str) -> Command {
    let mut command = command("example-studio", data);
    command.args(["--database.address", database, "--name", "killed"]);
    command
}

/// Registers players until the server is gone; answers the devices that were let in.
async fn register(at: SocketAddr, name: String, begun: Arc<AtomicUsize>) -> Vec<String> {
    let mut let_in = Vec::new();
    for n in 0.. {
        let device = format!("{name}-device-{n}");
        begun.fetch_add(1, Ordering::SeqCst);
        let body = format!(r#"{{"id":"{device}"}}"#);
        let path = "/v2/account/authenticate/device";
        match try_ask(at, As::Client, "POST", path, &body).await {
            Some(answer) if answer.status == 200 => let_in.push(device),
            Some(answer) => panic!("{answer:?}"),
            None => return let_in,
        }
    }
    let_in
}

#[tokio::test]
async fn no_player_has_a_session_without_the_hooks_effect() {
    let database = database().await;
    let data = tempfile::tempdir().unwrap();
    let mut let_in = Vec::new();
    let begun = Arc::new(AtomicUsize::new(0));
    for round in 0..KILLS {
        let server = Process::start(studio(data.path(), &database.url())).await;
        let at = server.http;
        let before = begun.load(Ordering::SeqCst);
        let mut players = JoinSet::new();
        for player in 0..REGISTERING {
            players.spawn(register(at, format!("round-{round}-{player}"), Arc::clone(&begun)));
        }
        // Another number of registrations every time, so that the kill falls elsewhere.
        let enough = before + 20 + 13 * round;
        until("registrations", async || begun.load(Ordering::SeqCst) > enough).await;
        server.kill().await;
        while let Some(devices) = players.join_next().await {
            let_in.extend(devices.unwrap());
        }
    }
    assert!(let_in.len() > KILLS, "only {} players got in", let_in.len());

    // The next life carries out what is owed before it listens.
    let server = Process::start(studio(data.path(), &database.url())).await;
    let client = connect(&database.url()).await;
    let count = async |query: &str| -> i64 { client.query_one(query, &[]).await.unwrap().get(0) };
    let accounts =
        count("SELECT count(*) FROM users WHERE id <> '00000000-0000-0000-0000-000000000000'")
            .await;
    let set_up = count("SELECT count(*) FROM users WHERE wallet @> '{\"coins\": 100}'").await;
    let owed = count("SELECT count(*) FROM tavern_obligation").await;
    assert_eq!((accounts - set_up, owed), (0, 0), "{accounts} accounts, {} let in", let_in.len());
    let paid_twice = count(
        "SELECT count(*) FROM (SELECT user_id FROM wallet_ledger GROUP BY user_id \
         HAVING count(*) > 1) AS twice",
    )
    .await;
    assert_eq!(paid_twice, 0);
    // Whoever was let in is still there: an acknowledged write survives.
    for device in let_in.iter().step_by(1 + let_in.len() / 20) {
        let body = format!(r#"{{"id":"{device}"}}"#);
        let path = "/v2/account/authenticate/device?create=false";
        assert_eq!(ask(server.http, As::Client, "POST", path, &body).await.status, 200);
    }
    server.kill().await;
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    drop(tokio::task::spawn_blocking(move || {
        tokio::runtime::Handle::current().block_on(connection)
    }));
    client
}

#[tokio::test]
async fn the_embedded_database_keeps_what_it_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let first = Process::start(command("tavern", data.path())).await;
    let path = "/v2/account/authenticate/device";
    for n in 0..20 {
        let body = format!(r#"{{"id":"a-kept-device-{n}"}}"#);
        assert_eq!(ask(first.http, As::Client, "POST", path, &body).await.status, 200);
    }
    first.kill().await;
    let second = Process::start(command("tavern", data.path())).await;
    for n in 0..20 {
        let body = format!(r#"{{"id":"a-kept-device-{n}"}}"#);
        let known = format!("{path}?create=false");
        assert_eq!(ask(second.http, As::Client, "POST", &known, &body).await.status, 200);
    }
    second.kill().await;
}
