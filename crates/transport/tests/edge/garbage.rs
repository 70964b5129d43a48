//! Requests that are almost requests: whatever comes, the connection ends and the server goes on.

use tavern_domain::{Entropy, SeededEntropy};
use tokio::io::AsyncWriteExt;

use crate::support::{Fake, Server, Wire, local, soon, until};

/// Requests as they should be.
const PROPER: [&[u8]; 6] = [
    b"GET /healthcheck HTTP/1.1\r\nhost: x\r\n\r\n",
    b"POST /v2/account/authenticate/custom?create=true&username=me HTTP/1.1\r\nhost: x\r\n\
      authorization: Basic ZGVmYXVsdGtleTo=\r\ncontent-length: 12\r\n\r\n{\"id\":\"abc\"}",
    b"PUT /v2/storage HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"GET /ws?token=good HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
      sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
      \x81\x8b\0\0\0\0{\"ping\":{}}",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x08\x06\0\0\0\0\0abcdefgh",
    b"POST /v2/rpc/f?unwrap&http_key=k HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\n\
      content-length: 4\r\n\r\n\x1f\x8b\x08\0",
];

/// A proper request with a few bytes changed, taken out, doubled, or the end cut off.
fn mutate(chance: &SeededEntropy) -> Vec<u8> {
    let below = |n: usize| usize::try_from(chance.next_u64() % n.max(1) as u64).unwrap();
    let mut bytes = PROPER[below(PROPER.len())].to_vec();
    for _ in 0..below(5) {
        let at = below(bytes.len());
        match below(4) {
            0 => bytes[at] = u8::try_from(below(256)).unwrap(),
            1 => _ = bytes.remove(at),
            2 => bytes.insert(at, bytes[at]),
            _ => bytes.truncate(at + 1),
        }
        if bytes.is_empty() {
            return b"\r".to_vec();
        }
    }
    bytes
}

#[tokio::test]
async fn almost_requests_end_their_connection_and_nothing_else() {
    let config = tavern_transport::Config { read_timeout_ms: 500, ..local() };
    let server = Server::with(&config, Fake::default());
    let chance = SeededEntropy::new(20_261_120);
    for n in 0..300 {
        let bytes = mutate(&chance);
        let mut wire = Wire::open(server.at.http).await;
        wire.say(&bytes).await;
        // What was cut off may be waited for; half a close says that nothing more comes.
        soon(wire.tcp.shutdown()).await.unwrap_or_default();
        wire.closed().await;
        assert!(server.life.tasks() < 50, "connections pile up after case {n}: {bytes:?}");
    }
    until(|| server.life.tasks() == 3).await;
    assert_eq!(server.get("/healthcheck", "").await.status, 200);
}
