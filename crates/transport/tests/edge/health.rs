//! The listener for metrics and health.

use std::net::SocketAddr;
use std::sync::Arc;

use tavern_domain::Lifecycle;
use tavern_transport::{Health, HealthServer, Reserved};
use tokio::net::TcpStream;

use crate::support::{Wire, soon};

fn start(life: &Lifecycle) -> (Health, HealthServer) {
    let health = Health::new();
    let reserved = Reserved::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let metrics = Arc::new(|| "a_metric 1\n".to_owned());
    let server = HealthServer::start(reserved, health.clone(), metrics, life).unwrap();
    (health, server)
}

async fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let mut wire = Wire::open(at).await;
    let answer = wire.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    (answer.status, answer.text().to_owned())
}

#[tokio::test]
async fn it_says_what_it_is_told() {
    let life = Lifecycle::new();
    let (health, server) = start(&life);
    let at = server.local_addr();
    assert_eq!(get(at, "/livez").await.0, 200);
    assert_eq!(get(at, "/metrics").await, (200, "a_metric 1\n".to_owned()));
    assert_eq!(get(at, "/").await.1, "a_metric 1\n");
    assert_eq!(get(at, "/nonsense").await.0, 404);

    health.phase("connected");
    let (status, report) = get(at, "/readyz").await;
    assert_eq!(status, 503);
    assert!(report.contains(r#""phase":"connected""#), "{report}");
    let ready = health.ready();
    assert_eq!(get(at, "/readyz").await.0, 200);
    health.problem("database", Some("no connection".into()));
    let (status, report) = get(at, "/readyz").await;
    assert!(status == 503 && report.contains("no connection"), "{report}");
    health.problem("database", None);
    health.draining();
    assert_eq!(get(at, "/readyz").await.0, 503);
    assert_eq!(get(at, "/livez").await.0, 200);
    drop(ready);
}

#[tokio::test]
async fn it_outlives_the_drain_and_stops_last() {
    let life = Lifecycle::new();
    let (_, server) = start(&life);
    let at = server.local_addr();
    life.drain().cancel();
    assert_eq!(get(at, "/livez").await.0, 200);
    // A probe that never asks does not hold it up.
    let mut silent = Wire::open(at).await;
    assert_eq!(get(at, "/livez").await.0, 200);
    soon(server.stop()).await;
    silent.closed().await;
    assert!(TcpStream::connect(at).await.is_err());
    soon(life.finished()).await;
    assert!(!life.has_failed());
}

#[tokio::test]
async fn many_probes_do_not_starve_it_for_ever() {
    let life = Lifecycle::new();
    let (_, server) = start(&life);
    let at = server.local_addr();
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(Wire::open(at).await);
    }
    let mut refused = Wire::open(at).await;
    refused.closed().await;
    silent.clear();
    soon(async {
        loop {
            let mut wire = Wire::open(at).await;
            if wire.tcp.try_write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").is_ok()
                && wire.answer().await.is_some_and(|answer| answer.status == 200)
            {
                break;
            }
        }
    })
    .await;
}
