//! WebSocket handshakes and sessions over real sockets.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async};
use tungstenite::Message;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::Role;

use crate::support::{Fake, Server, Wire, local, soon, until};

pub(crate) type Ws = WebSocketStream<TcpStream>;

/// Opens a socket; the status when it was refused.
pub(crate) async fn open(at: SocketAddr, query: &str, bearer: Option<&str>) -> Result<Ws, u16> {
    let tcp = soon(TcpStream::connect(at)).await.unwrap();
    let mut request = format!("ws://x/ws{query}").into_client_request().unwrap();
    if let Some(token) = bearer {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    match soon(client_async(request, tcp)).await {
        Ok((ws, _)) => Ok(ws),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn next(ws: &mut Ws) -> Message {
    soon(ws.next()).await.expect("open").expect("readable")
}

#[tokio::test]
async fn who_may_open_a_socket() {
    let server = Server::new(Fake::default());
    let at = server.at.http;
    for refused in ["", "?token=", "?token=garbage", "?format=json"] {
        assert_eq!(open(at, refused, None).await.err(), Some(401), "{refused}");
    }
    assert_eq!(open(at, "?token=good&format=xml", None).await.err(), Some(400));
    for (query, bearer) in [("?token=good", None), ("", Some("good")), ("?token=x", Some("good"))] {
        let mut ws = open(at, query, bearer).await.unwrap();
        ws.send(Message::text(r#"{"cid":"1","ping":{}}"#)).await.unwrap();
        assert_eq!(next(&mut ws).await, Message::text(r#"{"cid":"1","pong":{}}"#));
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_in_plain_text() {
    let server = Server::new(Fake::default());
    let plain = server.get("/ws?token=good", "").await;
    assert_eq!(plain.status, 400);
    assert_eq!(plain.header("content-type"), Some("text/plain; charset=utf-8"));
    let old = "connection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\
               sec-websocket-version: 8\r\nsec-websocket-key: x\r\n";
    let old = server.get("/ws?token=good", old).await;
    assert_eq!((old.status, old.header("sec-websocket-version")), (400, Some("13")));
    let keyless = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n";
    assert_eq!(server.get("/ws?token=good", keyless).await.status, 400);
    assert_eq!(server.get("/ws?token=bad", keyless).await.status, 401);
}

#[tokio::test]
async fn the_service_hears_how_the_socket_wants_to_be() {
    let server = Server::new(Fake::default());
    let _ws = open(server.at.realtime, "?token=good&status=true&lang=fr", None).await.unwrap();
    let hello = server.fake.hellos.lock()[0].clone();
    assert!(hello.status);
    assert_eq!(hello.lang, "fr");
    assert_eq!(hello.client.ip, "127.0.0.1".parse().ok());
}

#[tokio::test]
async fn what_is_sent_ahead_of_the_answer_is_not_lost() {
    let server = Server::new(Fake::default());
    let mut wire = Wire::open(server.at.http).await;
    let mut bytes = b"GET /ws?token=good HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
        upgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    let message = br#"{"ping":{}}"#;
    bytes.extend([0x81, 0x80 | u8::try_from(message.len()).unwrap(), 0, 0, 0, 0]);
    bytes.extend(message);
    wire.say(bytes).await;
    let answer = wire.answer().await.unwrap();
    assert_eq!(answer.status, 101);
    let accept = answer.header("sec-websocket-accept");
    assert_eq!(accept, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the example of RFC 6455");
    let (tcp, ahead) = wire.into_parts();
    let mut ws = WebSocketStream::from_partially_read(tcp, ahead, Role::Client, None).await;
    assert_eq!(next(&mut ws).await, Message::text(r#"{"pong":{}}"#));
}

#[tokio::test]
async fn a_session_is_one_task_and_is_forgotten_with_its_socket() {
    let server = Server::new(Fake::default());
    let before = server.life.tasks();
    let mut open_ones = Vec::new();
    for _ in 0..50 {
        open_ones.push(open(server.at.http, "?token=good", None).await.unwrap());
    }
    for ws in &mut open_ones {
        ws.send(Message::text(r#"{"ping":{}}"#)).await.unwrap();
        next(ws).await;
    }
    until(|| server.life.tasks() == before + 50).await;
    assert!(server.counts("socket_connections_active 50"));
    assert!(server.counts("active_sessions_count 50"));
    open_ones.clear();
    until(|| server.life.tasks() == before).await;
    assert_eq!(server.fake.closed.load(Ordering::SeqCst), 50);
    assert!(server.counts("socket_connections_active 0"));
    assert!(server.counts("active_sessions_count 0"));
}

#[tokio::test]
async fn a_message_in_the_works_is_finished_when_its_client_leaves() {
    let server = Server::new(Fake::default());
    let mut ws = open(server.at.http, "?token=good", None).await.unwrap();
    ws.send(Message::text(r#"{"rpc":{"id":"wait"}}"#)).await.unwrap();
    ws.send(Message::text(r#"{"cid":"never","ping":{}}"#)).await.unwrap();
    drop(ws);
    server.fake.gate.add_permits(1);
    until(|| server.fake.closed.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn messages_and_bytes_are_counted() {
    let server = Server::new(Fake::default());
    let mut ws = open(server.at.http, "?token=good", None).await.unwrap();
    for _ in 0..3 {
        ws.send(Message::text(r#"{"ping":{}}"#)).await.unwrap();
        next(&mut ws).await;
    }
    assert!(server.counts("tavern_socket_received_messages_total 3"));
    assert!(server.counts("tavern_socket_received_bytes_total 33"));
    assert!(server.counts("tavern_socket_sent_messages_total 3"));
    // Two bytes more per frame.
    assert!(server.counts("tavern_socket_sent_bytes_total 39"));
}

#[tokio::test]
async fn an_oversized_frame_is_refused_before_it_is_read() {
    let config = tavern_transport::Config { max_message_size_bytes: 100, ..local() };
    let server = Server::with(&config, Fake::default());
    let mut ws = open(server.at.http, "?token=good", None).await.unwrap();
    ws.send(Message::text(format!("{{\"cid\":\"{}\"}}", "x".repeat(200)))).await.unwrap();
    let Message::Close(Some(frame)) = next(&mut ws).await else { panic!("no close frame") };
    assert_eq!(u16::from(frame.code), 1009);
    until(|| server.counts("tavern_sessions_closed_total{reason=\"too_large\"} 1")).await;
}
