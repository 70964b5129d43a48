//! A small HTTP client, one connection per request.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::harness::SERVER_KEY;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    /// As JSON; null when it is none.
    pub(crate) body: Value,
    /// As it came.
    pub(crate) text: String,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum As<'a> {
    Nobody,
    Client,
    Player(&'a str),
}

/// Sends a request; `None` when nobody answers.
pub(crate) async fn try_ask(
    at: SocketAddr,
    who: As<'_>,
    method: &str,
    path: &str,
    body: &str,
) -> Option<Answer> {
    let stream = TcpStream::connect(at).await.ok()?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let mut request = http::Request::builder().method(method).uri(path).header("host", "tests");
    match who {
        As::Nobody => {}
        As::Client => {
            let key = STANDARD.encode(format!("{SERVER_KEY}:"));
            request = request.header("authorization", format!("Basic {key}"));
        }
        As::Player(token) => {
            request = request.header("authorization", format!("Bearer {token}"));
        }
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let exchange = async move {
        let answer = sender.send_request(request).await.ok()?;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let bytes = answer.into_body().collect().await.ok()?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Answer { status, headers, body, text })
    };
    // The connection ends when the exchange lets go of its sender.
    tokio::join!(exchange, connection).0
}

/// Sends a request that must be answered.
pub(crate) async fn ask(
    at: SocketAddr,
    who: As<'_>,
    method: &str,
    path: &str,
    body: &str,
) -> Answer {
    try_ask(at, who, method, path, body).await.expect("an answer")
}

/// Signs in with a device and answers the session.
pub(crate) async fn sign_in(at: SocketAddr, device: &str) -> Answer {
    let body = format!(r#"{{"id":"{device}"}}"#);
    ask(at, As::Client, "POST", "/v2/account/authenticate/device", &body).await
}

/// The session token of a new player.
pub(crate) async fn token(at: SocketAddr, device: &str) -> String {
    let answer = sign_in(at, device).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["token"].as_str().unwrap().to_owned()
}
