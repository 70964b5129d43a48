//! Calls over gRPC, frame by frame.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tavern_api::{Credential, Input};
use tavern_domain::{CodedError, ErrorCode};
use tavern_protocol::CallId;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::support::{Fake, Server, background, local, soon, until};

type Sender = http2::SendRequest<Full<Bytes>>;

async fn connect(at: SocketAddr) -> Sender {
    let tcp = soon(TcpStream::connect(at)).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(tcp));
    let (sender, connection) = soon(handshake).await.unwrap();
    background(connection);
    sender
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: String,
    headers: HeaderMap,
    message: Option<Vec<u8>>,
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    frame
}

async fn send(sender: &mut Sender, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::post(format!("http://x{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let response = soon(sender.send_request(request)).await.unwrap();
    assert_eq!(response.status(), 200, "gRPC says it in trailers");
    let (head, body) = response.into_parts();
    let body = soon(body.collect()).await.unwrap();
    let mut all = head.headers.clone();
    all.extend(body.trailers().cloned().unwrap_or_default());
    let bytes = body.to_bytes();
    let message = (!bytes.is_empty()).then(|| bytes[5..].to_vec());
    let status = all["grpc-status"].to_str().unwrap().to_owned();
    Answer { status, headers: all, message }
}

async fn call(server: &Server, method: &str, headers: &[(&str, &str)], message: &[u8]) -> Answer {
    let mut sender = connect(server.at.realtime).await;
    send(&mut sender, &format!("/nakama.api.Nakama/{method}"), headers, frame(message)).await
}

fn echo() -> Fake {
    Fake::default().on_call(|seen| async move {
        match seen.input {
            Input::Binary(message) => Ok(message.to_vec()),
            Input::Rest { .. } => Ok(b"{}".to_vec()),
        }
    })
}

#[tokio::test]
async fn a_call_goes_in_and_out_on_all_ports() {
    let server = Server::new(echo());
    for at in [server.at.http, server.at.realtime, server.at.grpc] {
        let mut sender = connect(at).await;
        let headers = [("authorization", "Bearer token"), ("x-forwarded-for", "203.0.113.9")];
        let path = "/nakama.api.Nakama/GetAccount";
        let answer = send(&mut sender, path, &headers, frame(b"message")).await;
        assert_eq!((answer.status.as_str(), answer.message), ("0", Some(b"message".to_vec())));
        let seen = server.fake.last();
        assert_eq!(seen.call, CallId::GetAccount);
        assert_eq!(seen.meta.credential, Credential::Bearer("token".into()));
        assert_eq!(seen.meta.client.ip, "203.0.113.9".parse().ok());
        let again = send(&mut sender, path, &[], frame(b"")).await;
        assert_eq!(again.status, "0", "on the same connection");
    }
}

#[tokio::test]
async fn every_method_has_a_path() {
    let server = Server::new(echo());
    let mut sender = connect(server.at.grpc).await;
    for call in CallId::ALL {
        let answer = send(&mut sender, call.info().grpc_path, &[], frame(b"")).await;
        assert_eq!(answer.status, "0", "{}", call.name());
        assert_eq!(server.fake.last().call, call);
    }
}

#[tokio::test]
async fn errors_are_statuses() {
    let server = Server::new(
        Fake::default()
            .on_call(|_| async { Err(CodedError::new(ErrorCode::AlreadyExists, "taken \u{e9}")) }),
    );
    let answer = call(&server, "UpdateAccount", &[], b"").await;
    assert_eq!((answer.status.as_str(), answer.message), ("6", None));
    assert_eq!(answer.headers["grpc-message"], "taken%20%C3%A9");
    assert_eq!(call(&server, "NoSuchMethod", &[], b"").await.status, "12");
    let mut sender = connect(server.at.grpc).await;
    let answer = send(&mut sender, "/nakama.api.Other/GetAccount", &[], frame(b"")).await;
    assert_eq!(answer.status, "12");
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused() {
    let config = tavern_transport::Config { max_request_size_bytes: 1000, ..local() };
    let server = Server::with(&config, echo());
    assert_eq!(call(&server, "WriteStorageObjects", &[], &[b'x'; 1000]).await.status, "0");
    assert_eq!(call(&server, "WriteStorageObjects", &[], &[b'x'; 1001]).await.status, "8");
    assert_eq!(server.fake.seen.lock().len(), 1);
    // The code stands when it is the service that says so.
    let says =
        Server::new(Fake::default().on_call(|_| async {
            Err(CodedError::new(ErrorCode::OutOfRange, "said by the service"))
        }));
    assert_eq!(call(&says, "GetAccount", &[], b"").await.status, "11");
}

#[tokio::test]
async fn gzip_is_understood_and_bombs_are_not() {
    let server = Server::new(echo());
    let pack = |plain: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        let mut framed = frame(&encoder.finish().unwrap());
        framed[0] = 1;
        framed
    };
    let mut sender = connect(server.at.grpc).await;
    let path = "/nakama.api.Nakama/GetAccount";
    let gzip = [("grpc-encoding", "gzip")];
    let answer = send(&mut sender, path, &gzip, pack(b"packed")).await;
    assert_eq!((answer.status.as_str(), answer.message), ("0", Some(b"packed".to_vec())));
    let bomb = send(&mut sender, path, &gzip, pack(&vec![0; 8 << 20])).await;
    assert_eq!(bomb.status, "8");
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let server = Server::new(echo());
    let mut sender = connect(server.at.grpc).await;
    let path = "/nakama.api.Nakama/GetAccount";
    let truncated = frame(b"message")[..8].to_vec();
    let flagged = vec![7, 0, 0, 0, 0];
    for body in [Vec::new(), vec![0, 0], truncated, flagged] {
        let answer = send(&mut sender, path, &[], body.clone()).await;
        assert_eq!(answer.status, "13", "{body:?}");
    }
    let unknown = send(&mut sender, path, &[("grpc-encoding", "brotli")], frame(b"")).await;
    assert_eq!(unknown.status, "12");
    assert!(server.fake.seen.lock().is_empty());
}

#[tokio::test]
async fn a_deadline_is_kept_and_the_call_goes_on() {
    let (go, wait) = oneshot::channel::<()>();
    let (done, ended) = oneshot::channel::<()>();
    let channels = parking_lot::Mutex::new(Some((wait, done)));
    let server = Server::new(Fake::default().on_call(move |_| {
        let channels = channels.lock().take();
        async move {
            let (wait, done) = channels.expect("one call");
            wait.await.unwrap();
            done.send(()).unwrap();
            Ok(Vec::new())
        }
    }));
    let answer = call(&server, "DeleteAccount", &[("grpc-timeout", "50m")], b"").await;
    assert_eq!(answer.status, "4");
    go.send(()).unwrap();
    soon(ended).await.unwrap();
}

#[tokio::test]
async fn a_call_whose_client_leaves_runs_to_its_end() {
    let (go, wait) = oneshot::channel::<()>();
    let (done, ended) = oneshot::channel::<()>();
    let channels = parking_lot::Mutex::new(Some((wait, done)));
    let server = Server::new(Fake::default().on_call(move |_| {
        let channels = channels.lock().take();
        async move {
            let (wait, done) = channels.expect("one call");
            wait.await.unwrap();
            done.send(()).unwrap();
            Ok(Vec::new())
        }
    }));
    let leaving = call(&server, "DeleteAccount", &[], b"");
    assert!(tokio::time::timeout(Duration::from_millis(100), leaving).await.is_err());
    until(|| !server.fake.seen.lock().is_empty()).await;
    go.send(()).unwrap();
    soon(ended).await.unwrap();
}

#[tokio::test]
async fn calls_of_one_connection_do_not_wait_for_each_other() {
    let server = Server::new(Fake::default().on_call(|seen| async move {
        if seen.call == CallId::DeleteAccount {
            std::future::pending::<()>().await;
        }
        Ok(Vec::new())
    }));
    let mut sender = connect(server.at.grpc).await;
    let mut stuck = sender.clone();
    let path = "/nakama.api.Nakama/DeleteAccount";
    let stuck = background(async move { send(&mut stuck, path, &[], frame(b"")).await });
    until(|| server.fake.seen.lock().len() == 1).await;
    let path = "/nakama.api.Nakama/GetAccount";
    assert_eq!(send(&mut sender, path, &[], frame(b"")).await.status, "0");
    stuck.abort();
}

#[tokio::test]
async fn rest_is_spoken_over_http2_too_but_not_on_the_grpc_port() {
    let server = Server::new(echo());
    for (at, status) in [(server.at.http, 200), (server.at.realtime, 200), (server.at.grpc, 404)] {
        let mut sender = connect(at).await;
        let request = Request::get("http://x/healthcheck").body(Full::default()).unwrap();
        let response = soon(sender.send_request(request)).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let server = Server::new(Fake::default().on_call(|seen| async move {
        assert!(seen.call != CallId::DeleteAccount, "made up");
        Ok(Vec::new())
    }));
    assert_eq!(call(&server, "DeleteAccount", &[], b"").await.status, "13");
    assert_eq!(call(&server, "GetAccount", &[], b"").await.status, "0");
}

#[tokio::test]
async fn a_trace_is_handed_on() {
    let server = Server::new(echo());
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = call(&server, "GetAccount", &[("traceparent", parent)], b"").await;
    assert_eq!(answer.headers["traceparent"], parent);
}
