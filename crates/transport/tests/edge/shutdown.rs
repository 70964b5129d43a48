//! How the listeners end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tavern_domain::Lifecycle;
use tavern_transport::{Drained, ReservedPorts};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tungstenite::Message;

use crate::sockets::{next, open};
use crate::support::{Fake, PATIENCE, Server, Wire, local, soon, until};

const GET: &str = "GET /v2/account HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn reserved_ports_refuse() {
    let ports = ReservedPorts::bind(&local()).unwrap();
    let at = ports.addresses();
    for port in [at.http, at.realtime, at.grpc] {
        let refused = TcpStream::connect(port).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}

#[tokio::test]
async fn what_is_begun_is_finished_and_what_is_new_is_refused() {
    let gate = std::sync::Arc::new(Semaphore::new(0));
    let waits = gate.clone();
    let server = Server::new(Fake::default().on_call(move |_| {
        let waits = waits.clone();
        async move {
            waits.acquire().await.unwrap().forget();
            Ok(b"{\"done\":true}".to_vec())
        }
    }));
    let Server { fake, life, at, accepting, .. } = server;
    let mut busy = Wire::open(at.http).await;
    busy.say(GET).await;
    until(|| fake.seen.lock().len() == 1).await;
    let mut idle = Wire::open(at.http).await;
    assert_eq!(idle.ask("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.status, 200);
    let mut silent = Wire::open(at.grpc).await;
    let mut ws = open(at.realtime, "?token=good", None).await.unwrap();
    ws.send(Message::text(r#"{"cid":"w","rpc":{"id":"wait"}}"#)).await.unwrap();

    let remaining = soon(accepting.stop_accepting()).await;
    for port in [at.http, at.realtime, at.grpc] {
        assert!(TcpStream::connect(port).await.is_err(), "no new connections");
    }
    idle.closed().await;
    silent.closed().await;
    until(|| remaining.connections() == 2).await;

    let draining = remaining.drain(Instant::now() + PATIENCE);
    let finishing = async {
        gate.add_permits(1);
        let answer = busy.answer().await.unwrap();
        assert_eq!(answer.text(), "{\"done\":true}");
        busy.closed().await;
        fake.gate.add_permits(1);
        assert_eq!(next(&mut ws).await, Message::text(r#"{"cid":"w","pong":{}}"#));
        let Message::Close(Some(frame)) = next(&mut ws).await else { panic!("no close frame") };
        assert_eq!(u16::from(frame.code), 1001);
        assert!(soon(ws.next()).await.is_none_or(|end| end.is_err()));
    };
    let (drained, ()) = tokio::join!(draining, finishing);
    assert_eq!(drained, Drained { sessions: 1, cut_off: 0 });
    soon(life.finished()).await;
    assert!(!life.has_failed());
    assert_eq!(fake.closed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_session_opens_on_a_connection_that_was_there() {
    let gate = std::sync::Arc::new(Semaphore::new(0));
    let waits = gate.clone();
    let server = Server::new(Fake::default().on_call(move |_| {
        let waits = waits.clone();
        async move {
            waits.acquire().await.unwrap().forget();
            Ok(Vec::new())
        }
    }));
    let mut wire = Wire::open(server.at.http).await;
    wire.say(GET).await;
    until(|| server.fake.seen.lock().len() == 1).await;
    // Sent ahead of the answer, on a connection that is still busy.
    let upgrade = "GET /ws?token=good HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    wire.say(upgrade).await;
    let remaining = soon(server.accepting.stop_accepting()).await;
    gate.add_permits(1);
    assert_eq!(wire.answer().await.unwrap().status, 200);
    assert!(wire.answer().await.is_none_or(|answer| answer.status == 503));
    let drained = soon(remaining.drain(Instant::now() + PATIENCE)).await;
    assert_eq!(drained, Drained { sessions: 0, cut_off: 0 });
    assert_eq!(server.fake.opened.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn at_the_deadline_everything_is_cut_off() {
    let server = Server::new(Fake::default().on_call(|_| std::future::pending()));
    let Server { fake, life, at, accepting, .. } = server;
    let mut request = Wire::open(at.http).await;
    request.say(GET).await;
    let mut ws = open(at.http, "?token=good", None).await.unwrap();
    ws.send(Message::text(r#"{"rpc":{"id":"wait"}}"#)).await.unwrap();
    until(|| fake.seen.lock().len() == 1 && fake.opened.load(Ordering::SeqCst) == 1).await;

    let begun = Instant::now();
    let remaining = soon(accepting.stop_accepting()).await;
    let drained = soon(remaining.drain(begun + Duration::from_millis(300))).await;
    assert_eq!(drained, Drained { sessions: 1, cut_off: 2 });
    assert!(begun.elapsed() < Duration::from_secs(3));
    request.closed().await;
    // The stuck calls are tasks of the process now, and end with it.
    assert!(ended(&life).await.is_err());
    life.abort().cancel();
    ended(&life).await.expect("nothing outlives the process");
    assert_eq!(fake.closed.load(Ordering::SeqCst), 1, "the session was told");
}

async fn ended(life: &Lifecycle) -> Result<(), tokio::time::error::Elapsed> {
    tokio::time::timeout(Duration::from_millis(500), life.finished()).await
}
