//! Clients that are slow, greedy or silent.

use std::time::Duration;

use tavern_transport::Config;
use tokio::time::Instant;

use crate::sockets::open;
use crate::support::{Fake, Server, Wire, local, until};

/// Time limits short enough to wait for.
fn hasty() -> Config {
    Config {
        read_timeout_ms: 300,
        write_timeout_ms: 300,
        idle_timeout_ms: 900,
        trusted_proxies: Vec::new(),
        ..local()
    }
}

const HEADER_TIMEOUT: &str = "tavern_connections_refused_total{reason=\"header_timeout\"}";

#[tokio::test]
async fn who_never_finishes_a_head_is_cut_off() {
    let server = Server::with(&hasty(), Fake::default());
    let begun = Instant::now();
    let mut silent = Wire::open(server.at.http).await;
    let mut loris = Wire::open(server.at.http).await;
    loris.say("GET /healthcheck HTTP/1.1\r\nx-a: ").await;
    let dripping = async {
        // A byte now and then does not help.
        while loris.tcp.try_write(b"a").is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(dripping, silent.closed());
    assert!(begun.elapsed() >= Duration::from_millis(300));
    until(|| server.counts(&format!("{HEADER_TIMEOUT} 2"))).await;
    until(|| server.life.tasks() == 3).await;
}

#[tokio::test]
async fn who_never_finishes_a_body_is_told() {
    let server = Server::with(&hasty(), Fake::default());
    let mut wire = Wire::open(server.at.http).await;
    let head = "PUT /v2/storage HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    assert_eq!(wire.ask(head).await.error(), (504, 4));
    wire.closed().await;
    assert!(server.fake.seen.lock().is_empty());
}

#[tokio::test]
async fn a_connection_may_rest_but_not_for_ever() {
    let server = Server::with(&hasty(), Fake::default());
    let mut wire = Wire::open(server.at.http).await;
    let get = "GET /healthcheck HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(wire.ask(get).await.status, 200);
    let begun = Instant::now();
    wire.closed().await;
    let rested = begun.elapsed();
    assert!(rested >= Duration::from_millis(850), "only {rested:?}");
    assert!(server.counts(&format!("{HEADER_TIMEOUT} 0")));
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_cut_off() {
    // More than the kernel takes for a reader that does not read.
    let server =
        Server::with(&hasty(), Fake::default().on_call(|_| async { Ok(vec![b' '; 64 << 20]) }));
    let mut wire = Wire::open(server.at.http).await;
    wire.say("GET /v2/account HTTP/1.1\r\nhost: x\r\n\r\n").await;
    until(|| server.life.tasks() == 4).await;
    until(|| server.life.tasks() == 3).await;
    drop(wire);
}

#[tokio::test]
async fn connections_are_limited_in_all() {
    let server = Server::with(&Config { max_connections: 2, ..hasty() }, Fake::default());
    let ws = open(server.at.http, "?token=good", None).await.unwrap();
    let _other = open(server.at.realtime, "?token=good", None).await.unwrap();
    let mut third = Wire::open(server.at.grpc).await;
    third.closed().await;
    assert!(server.counts("tavern_connections_refused_total{reason=\"too_many\"} 1"));
    drop(ws);
    until(|| server.counts("socket_connections_active 1")).await;
    let mut again = Wire::open(server.at.http).await;
    let get = "GET /healthcheck HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(again.ask(get).await.status, 200);
}

#[tokio::test]
async fn connections_are_limited_per_address_except_for_proxies() {
    let config = Config { max_connections_per_address: 1, ..hasty() };
    let server = Server::with(&config, Fake::default());
    let _first = open(server.at.http, "?token=good", None).await.unwrap();
    let mut second = Wire::open(server.at.http).await;
    second.closed().await;
    let refused = "tavern_connections_refused_total{reason=\"too_many_from_address\"} 1";
    assert!(server.counts(refused));

    let trusted = Config { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..config };
    server.accepting.reconfigure(&trusted).unwrap();
    let get = server.get("/healthcheck", "").await;
    assert_eq!(get.status, 200, "limits can change while the server runs");
}

#[tokio::test]
async fn other_limits_change_for_connections_to_come() {
    let server = Server::with(&hasty(), Fake::default());
    let mut old = Wire::open(server.at.http).await;
    let put = |length: usize| {
        let body = "x".repeat(length);
        format!("PUT /v2/storage HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    assert_eq!(old.ask(&put(200)).await.status, 200);
    server.accepting.reconfigure(&Config { max_request_size_bytes: 100, ..hasty() }).unwrap();
    assert_eq!(old.ask(&put(200)).await.status, 200);
    let mut new = Wire::open(server.at.http).await;
    assert_eq!(new.ask(&put(200)).await.error(), (400, 3));
    let wrong = Config { response_headers: vec!["nonsense".into()], ..hasty() };
    assert!(server.accepting.reconfigure(&wrong).is_err());
}

#[tokio::test]
async fn rubbish_is_not_answered_for_long() {
    let server = Server::with(&hasty(), Fake::default());
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrubbish rubbish rubbish",
        b"PRI * HTTP/2.0\r\n\r\nS",
        b"\r\n\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut wire = Wire::open(server.at.http).await;
        wire.say(bytes).await;
        wire.closed().await;
    }
    assert_eq!(server.get("/healthcheck", "").await.status, 200);
}
