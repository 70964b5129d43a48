//! TLS: all that is spoken without it is spoken with it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tavern_transport::{BindError, Config, ListenerName, ReservedPorts};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, rustls};
use tokio_tungstenite::client_async;
use tungstenite::Message;

use crate::support::{Fake, Server, Wire, background, local, soon};

fn write_pair(dir: &Path) -> CertificateDer<'static> {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("cert.pem"), pair.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
    CertificateDer::from_pem_slice(pair.cert.pem().as_bytes()).unwrap()
}

fn config(dir: &Path) -> Config {
    Config {
        ssl_certificate: dir.join("cert.pem"),
        ssl_private_key: dir.join("key.pem"),
        ssl_listeners: vec![ListenerName::Http, ListenerName::Realtime],
        ..local()
    }
}

async fn connect(
    at: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let tcp = soon(TcpStream::connect(at)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    soon(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
}

#[tokio::test]
async fn rest_grpc_and_sockets_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = write_pair(dir.path());
    let server = Server::with(&config(dir.path()), Fake::default());

    let tls = connect(server.at.http, &certificate, b"http/1.1").await.unwrap();
    let (mut sender, connection) = soon(http1::handshake(TokioIo::new(tls))).await.unwrap();
    background(connection);
    let request = Request::get("/healthcheck").body(Full::<Bytes>::default()).unwrap();
    let response = soon(sender.send_request(request)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(soon(response.into_body().collect()).await.unwrap().to_bytes(), "{}");

    let tls = connect(server.at.realtime, &certificate, b"h2").await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(tls));
    let (mut sender, connection) = soon(handshake).await.unwrap();
    background(connection);
    let request = Request::post("http://x/nakama.api.Nakama/GetAccount")
        .header("content-type", "application/grpc")
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .unwrap();
    let response = soon(sender.send_request(request)).await.unwrap();
    let body = soon(response.into_body().collect()).await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");

    let tls = connect(server.at.http, &certificate, b"http/1.1").await.unwrap();
    let (mut ws, _) = soon(Box::pin(client_async("ws://x/ws?token=good", tls))).await.unwrap();
    for n in 0..100 {
        ws.send(Message::text(format!(r#"{{"cid":"{n}","ping":{{}}}}"#))).await.unwrap();
        let answer = soon(ws.next()).await.unwrap().unwrap();
        assert_eq!(answer, Message::text(format!(r#"{{"cid":"{n}","pong":{{}}}}"#)));
    }
    soon(ws.close(None)).await.unwrap();
    assert!(matches!(soon(ws.next()).await, Some(Ok(Message::Close(_)))));
}

#[tokio::test]
async fn each_listener_has_tls_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = write_pair(dir.path());
    let server = Server::with(&config(dir.path()), Fake::default());
    assert!(connect(server.at.grpc, &certificate, b"h2").await.is_err(), "configured without");
    let mut plain = Wire::open(server.at.http).await;
    plain.say("GET /healthcheck HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(plain.answer().await.is_none());
    assert!(server.counts("tavern_connections_refused_total{reason=\"tls_failed\"} 1"));
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let old = write_pair(dir.path());
    let server = Server::with(&config(dir.path()), Fake::default());
    connect(server.at.http, &old, b"http/1.1").await.unwrap();
    // A file of the same size within the clock's grain would look unchanged.
    std::fs::write(dir.path().join("cert.pem"), "").unwrap();
    assert!(server.accepting.reload_certificate().is_err());
    connect(server.at.http, &old, b"http/1.1").await.unwrap();
    let new = write_pair(dir.path());
    assert!(server.accepting.reload_certificate().unwrap());
    assert!(connect(server.at.http, &old, b"http/1.1").await.is_err());
    connect(server.at.http, &new, b"http/1.1").await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let ports = ReservedPorts::bind(&config(dir.path())).unwrap();
    let at = ports.addresses().http;
    let life = tavern_domain::Lifecycle::new();
    let metrics = tavern_telemetry::Metrics::default();
    let tracer = tavern_telemetry::Tracer::off();
    let error = ports.accept(&life, Arc::new(Fake::default()), &metrics, tracer).unwrap_err();
    assert!(matches!(error, BindError::Tls(_)), "{error}");
    assert!(TcpStream::connect(at).await.is_err(), "no port is open");
}
