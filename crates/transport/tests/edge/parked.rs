//! Sessions that lose their sockets, over real ones.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::SinkExt;
use tungstenite::Message;

use crate::sockets::{Ws, next, open};
use crate::support::{Fake, Server, soon, until};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

async fn server() -> Server {
    let server = Server::new(Fake::default());
    *server.fake.grace.lock() = LONG;
    server
}

async fn opened(server: &Server, query: &str) -> Ws {
    let mut ws = open(server.at.http, query, None).await.unwrap();
    says(&mut ws, "hello").await;
    ws
}

/// One message there and back, whatever else comes before the answer.
async fn says(ws: &mut Ws, cid: &str) {
    ws.send(Message::text(format!(r#"{{"cid":"{cid}","ping":{{}}}}"#))).await.unwrap();
    let answer = Message::text(format!(r#"{{"cid":"{cid}","pong":{{}}}}"#));
    while next(ws).await != answer {}
}

fn counts(server: &Server) -> (usize, usize, usize) {
    let fake = &server.fake;
    let count = |n: &std::sync::atomic::AtomicUsize| n.load(Ordering::SeqCst);
    (count(&fake.opened), count(&fake.resumed), count(&fake.closed))
}

fn parked(server: &Server, sessions: usize) -> bool {
    let line = format!("tavern_sessions_parked {sessions}");
    server.metrics.render().lines().any(|l| l == line)
}

#[tokio::test]
async fn a_broken_socket_is_followed_by_another_of_the_same_session() {
    let server = server().await;
    let ws = opened(&server, "?token=same").await;
    drop(ws);
    until(|| parked(&server, 1)).await;
    let ws = opened(&server, "?token=same").await;
    assert_eq!(counts(&server), (1, 1, 0));
    drop(ws);
    until(|| parked(&server, 1)).await;
    // Nothing of another log-in.
    let _other = opened(&server, "?token=good").await;
    assert_eq!(counts(&server), (2, 1, 0));
}

#[tokio::test]
async fn a_goodbye_is_the_end() {
    let server = server().await;
    let mut ws = opened(&server, "?token=same").await;
    ws.close(None).await.unwrap();
    until(|| counts(&server).2 == 1).await;
    let _ws = opened(&server, "?token=same").await;
    assert_eq!(counts(&server), (2, 0, 1));
}

#[tokio::test]
async fn several_sockets_of_one_log_in_are_several_sessions() {
    let server = server().await;
    let (mut one, two) = {
        let mut one = opened(&server, "?token=same").await;
        // Whoever is asked whether it lives must read to answer.
        let reading = async {
            while next(&mut one).await != Message::Ping(bytes::Bytes::new()) {}
            one.flush().await.unwrap();
        };
        let (two, ()) = tokio::join!(opened(&server, "?token=same"), reading);
        (one, two)
    };
    assert_eq!(counts(&server), (2, 0, 0));
    drop(two);
    until(|| parked(&server, 1)).await;
    says(&mut one, "still here").await;
}

#[tokio::test]
async fn what_waits_for_a_socket_ends_with_the_server() {
    let server = server().await;
    drop(opened(&server, "?token=same").await);
    until(|| parked(&server, 1)).await;
    let Server { fake, life, accepting, .. } = server;
    let remaining = soon(accepting.stop_accepting()).await;
    soon(remaining.drain(tokio::time::Instant::now() + LONG)).await;
    soon(life.finished()).await;
    assert_eq!(fake.closed.load(Ordering::SeqCst), 1);
}
