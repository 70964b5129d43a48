//! One rule on every interface: REST, gRPC and sockets.

use std::net::SocketAddr;

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tavern_protocol::CallId;
use tokio::net::TcpStream;

use crate::harness::World;
use crate::http::{As, ask, sign_in};
use crate::socket::Socket;

/// The gRPC status of a call with this bearer token.
pub(crate) async fn grpc_status(at: SocketAddr, call: CallId, token: &str) -> u16 {
    let stream = TcpStream::connect(at).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let message = tavern_protocol::Unit {}.encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(&message);
    let request = http::Request::post(format!("http://{at}{}", call.info().grpc_path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .body(Full::<Bytes>::new(frame.freeze()))
        .unwrap();
    let exchange = async {
        let answer = sender.send_request(request).await.unwrap();
        let head = answer.headers().get("grpc-status").cloned();
        let body = answer.into_body().collect().await.unwrap();
        let status = head.or_else(|| body.trailers()?.get("grpc-status").cloned()).unwrap();
        status.to_str().unwrap().parse().unwrap()
    };
    tokio::select! {
        status = exchange => status,
        _ = connection => panic!("the connection ended"),
    }
}

#[tokio::test]
async fn a_revoked_session_is_refused_everywhere_and_its_socket_closed() {
    let mut world = World::new().await;
    let game = world.at.game;
    let session = sign_in(game.http, "a-device-of-revoked").await.body;
    let token = session["token"].as_str().unwrap();
    let who = As::Player(token);
    assert_eq!(ask(game.http, who, "GET", "/v2/account", "").await.status, 200);
    for at in [game.http, game.realtime, game.grpc] {
        assert_eq!(grpc_status(at, CallId::GetAccount, token).await, 0);
    }
    let mut socket = Socket::open(game.http, token).await.unwrap();
    socket.send(r#"{"cid":"1","ping":{}}"#).await;
    socket.next("pong").await.unwrap();

    let body = format!(r#"{{"token":"{token}"}}"#);
    assert_eq!(ask(game.http, who, "POST", "/v2/session/logout", &body).await.status, 200);

    socket.ended().await;
    assert_eq!(ask(game.http, who, "GET", "/v2/account", "").await.status, 401);
    for at in [game.http, game.realtime, game.grpc] {
        assert_eq!(grpc_status(at, CallId::GetAccount, token).await, 16);
    }
    for at in [game.http, game.realtime] {
        assert_eq!(Socket::open(at, token).await.err(), Some(401));
    }
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_set_up_says_so_on_every_interface() {
    let mut world = World::new().await;
    let game = world.at.game;
    let session = sign_in(game.http, "a-device-of-nobody").await.body;
    let token = session["token"].as_str().unwrap();
    let steam = r#"{"token":"a-token"}"#;
    let answer = ask(game.http, As::Player(token), "POST", "/v2/friend/steam", steam).await;
    assert_eq!((answer.status, answer.body["code"].as_u64()), (400, Some(9)));
    assert_eq!(grpc_status(game.grpc, CallId::ImportSteamFriends, token).await, 9);
    world.stop().await;
}
