//! Calls over REST.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tavern_api::{ClientAddress, Credential};
use tavern_domain::{CodedError, ErrorCode};
use tavern_protocol::CallId;
use tokio::sync::oneshot;

use crate::support::{Fake, Server, Wire, local, soon, until};

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn the_root_and_the_health_check_need_nothing() {
    let server = Server::new(Fake::default());
    let root = server.get("/", "").await;
    assert_eq!((root.status, root.text()), (200, ""));
    let health = server.get("/healthcheck", "authorization: Bearer garbage\r\n").await;
    assert_eq!((health.status, health.text()), (200, "{}"));
    assert_eq!(server.fake.last().call, CallId::Healthcheck);
}

#[tokio::test]
async fn paths_and_verbs_that_do_not_exist() {
    let server = Server::new(Fake::default());
    for path in ["/v2/nonsense", "/v1/account", "/nonsense", "/v2/account/", "/V2/ACCOUNT", "/ws/x"]
    {
        assert_eq!(server.get(path, "").await.error(), (404, 5), "{path}");
    }
    for (verb, path) in [
        ("PATCH", "/v2/account"),
        ("POST", "/v2/account"),
        ("POST", "/healthcheck"),
        ("DELETE", "/v2/storage"),
        ("FOO", "/v2/account"),
    ] {
        assert_eq!(server.send(verb, path, "", "").await.error(), (501, 12), "{verb} {path}");
    }
    assert_eq!(server.send("POST", "/ws", "", "").await.error(), (404, 5));
    let head = server.ask("HEAD /v2/account HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(head.status, 501);
    assert_eq!(server.get("/v2/storage/%ff", "").await.error(), (500, 13));
    assert_eq!(server.get("/v2/storage/%f", "").await.error(), (400, 3));
    assert!(server.fake.seen.lock().is_empty(), "nothing came through");
}

#[tokio::test]
async fn answers_have_their_headers() {
    let server = Server::new(Fake::default().on_call(|seen| async move {
        if seen.call == CallId::GetAccount {
            return Ok(b"{\"a\":1}".to_vec());
        }
        Err(CodedError::new(ErrorCode::Unauthenticated, "a session is needed"))
    }));
    let ok = server.get("/v2/account", "").await;
    assert_eq!(ok.header("content-type"), Some("application/json"));
    assert_eq!(ok.header("cache-control"), Some("no-store, no-cache, must-revalidate"));
    assert_eq!(ok.header("vary"), Some("Accept-Encoding"));
    assert_eq!(ok.header("grpc-metadata-content-type"), Some("application/grpc"));
    assert_eq!(ok.header("access-control-allow-origin"), None);
    let refused = server.get("/v2/user", "").await;
    assert_eq!(refused.error(), (401, 16));
    assert_eq!(refused.header("www-authenticate"), Some("a session is needed"));
    assert_eq!(refused.header("cache-control"), Some("no-store, no-cache, must-revalidate"));
    assert_eq!(refused.header("grpc-metadata-content-type"), None);
}

#[tokio::test]
async fn extra_headers_do_not_replace_any() {
    let config = tavern_transport::Config {
        response_headers: vec!["X-Game=Tavern".into(), "Content-Type=text/odd".into()],
        ..local()
    };
    let server = Server::with(&config, Fake::default());
    let answer = server.get("/healthcheck", "").await;
    assert_eq!(answer.header("x-game"), Some("Tavern"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn the_service_sees_who_asks_for_what() {
    let server = Server::new(Fake::default());
    server
        .get(
            "/v2/storage/a%20b+c/00000000-0000-0000-0000-000000000001?limit=5&cursor=x%2By+z",
            "authorization: Bearer token\r\n",
        )
        .await;
    let seen = server.fake.last();
    assert_eq!(seen.meta.credential, Credential::Bearer("token".into()));
    assert_eq!(seen.meta.client.ip, "127.0.0.1".parse().ok());
    assert!(seen.meta.client.port.is_some());
    assert_eq!(
        seen.params(),
        [
            pair("collection", "a b+c"),
            pair("user_id", "00000000-0000-0000-0000-000000000001"),
            pair("limit", "5"),
            pair("cursor", "x+y z")
        ]
    );
    server.get("/v2/user?ids=a&ids=b,c", "x-forwarded-for: 203.0.113.9\r\n").await;
    let seen = server.fake.last();
    assert_eq!(seen.params(), [pair("ids", "a"), pair("ids", "b,c")]);
    let forwarded = ClientAddress { ip: "203.0.113.9".parse().ok(), port: None };
    assert_eq!(seen.meta.client, forwarded);
    assert_eq!(server.get("/v2/user?ids=%zz", "").await.error(), (400, 3));
}

#[tokio::test]
async fn bodies_come_whole_whatever_their_media_type() {
    let server = Server::new(Fake::default());
    let path = "/v2/account/authenticate/custom?username=me";
    for media_type in ["text/plain", "application/json; charset=utf-8", "application/grpc"] {
        let header = format!("content-type: {media_type}\r\n");
        let answer = server.send("POST", path, &header, r#"{"id":"abc"}"#).await;
        assert_eq!(answer.status, 200, "{media_type}");
        let seen = server.fake.last();
        assert_eq!(seen.body(), r#"{"id":"abc"}"#);
        assert_eq!(seen.params(), [pair("username", "me")]);
    }
    let chunked = "POST /v2/account/authenticate/custom HTTP/1.1\r\nhost: x\r\n\
                   transfer-encoding: chunked\r\n\r\n4\r\n{\"id\r\n6\r\n\":\"x\"}\r\n0\r\n\r\n";
    assert_eq!(server.ask(chunked).await.status, 200);
    assert_eq!(server.fake.last().body(), r#"{"id":"x"}"#);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_connection_goes_on() {
    let config = tavern_transport::Config { max_request_size_bytes: 10_000, ..local() };
    let server = Server::with(&config, Fake::default());
    let put = |length: usize| {
        let body = "x".repeat(length);
        format!("PUT /v2/storage HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let mut wire = Wire::open(server.at.http).await;
    assert_eq!(wire.ask(&put(10_000)).await.status, 200);
    assert_eq!(wire.ask(&put(10_001)).await.error(), (400, 3));
    assert_eq!(wire.ask(&put(300_000)).await.error(), (400, 3));
    let chunk = "x".repeat(20_000);
    let chunked = format!(
        "PUT /v2/storage HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
         4e20\r\n{chunk}\r\n0\r\n\r\n"
    );
    assert_eq!(wire.ask(&chunked).await.error(), (400, 3));
    assert_eq!(wire.ask(&put(1)).await.status, 200);
    assert_eq!(server.fake.seen.lock().len(), 2);
    // Who asks before sending is told at once.
    let asks = "PUT /v2/storage HTTP/1.1\r\nhost: x\r\ncontent-length: 99999\r\n\
                expect: 100-continue\r\n\r\n";
    assert_eq!(server.ask(asks).await.error(), (400, 3));
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_and_read() {
    let server = Server::new(Fake::default());
    let asks = "OPTIONS /v2/account HTTP/1.1\r\nhost: x\r\norigin: https://example.com\r\n\
                access-control-request-method: PUT\r\n\
                access-control-request-headers: authorization,content-type\r\n\r\n";
    let answer = server.ask(asks).await;
    assert_eq!((answer.status, answer.text()), (200, ""));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("PUT"));
    let granted = answer.header("access-control-allow-headers");
    assert_eq!(granted, Some("authorization,content-type"));
    let origin = "origin: https://example.com\r\n";
    for path in ["/healthcheck", "/v2/nonsense", "/v2/rpc/x"] {
        let answer = server.get(path, origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
    }
    assert_eq!(server.send("OPTIONS", "/v2/account", "", "").await.status, 200);
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_can_read_it() {
    let large = format!("{{\"wallet\":\"{}\"}}", "gold".repeat(1000));
    let answer = large.clone();
    let server = Server::new(Fake::default().on_call(move |seen| {
        let small = seen.call == CallId::Healthcheck;
        let answer = if small { b"{}".to_vec() } else { answer.clone().into_bytes() };
        async move { Ok(answer) }
    }));
    let gzip = "accept-encoding: gzip, deflate, br\r\n";
    let packed = server.get("/v2/account", gzip).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < 200);
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&packed.body[..]);
    std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
    assert_eq!(text, large);
    assert_eq!(server.get("/v2/account", "").await.text(), large);
    let small = server.get("/healthcheck", gzip).await;
    assert_eq!((small.header("content-encoding"), small.text()), (None, "{}"));
}

#[tokio::test]
async fn compressed_bodies_are_unpacked_but_not_without_end() {
    let server = Server::new(Fake::default());
    let send = async |plain: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        let packed = encoder.finish().unwrap();
        let mut wire = Wire::open(server.at.http).await;
        wire.say(format!(
            "PUT /v2/storage HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\n\
             content-length: {}\r\n\r\n",
            packed.len()
        ))
        .await;
        wire.say(&packed).await;
        wire.answer().await.unwrap()
    };
    assert_eq!(send(b"{\"objects\":[]}").await.status, 200);
    assert_eq!(server.fake.last().body(), "{\"objects\":[]}");
    assert_eq!(send(&vec![b' '; 8 << 20]).await.error(), (400, 3), "a bomb");
    let rubbish = server.send("PUT", "/v2/storage", "content-encoding: gzip\r\n", "{}").await;
    assert_eq!(rubbish.error(), (400, 3));
}

#[tokio::test]
async fn a_posted_form_can_stand_for_a_get() {
    let server = Server::new(Fake::default());
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let says_so = format!("{form}x-http-method-override: GET\r\n");
    for headers in [form, says_so.as_str()] {
        let answer = server.send("POST", "/v2/user?ids=a", headers, "ids=b&usernames=c+d").await;
        assert_eq!(answer.status, 200);
        let seen = server.fake.last();
        assert_eq!(seen.call, CallId::GetUsers);
        assert_eq!(seen.params(), [pair("ids", "a"), pair("ids", "b"), pair("usernames", "c d")]);
    }
    let plain = "x-http-method-override: GET\r\ncontent-type: application/json\r\n";
    assert_eq!(server.send("POST", "/v2/user", plain, "").await.error(), (501, 12));
    // A form is no way to delete something.
    assert_eq!(server.send("POST", "/v2/account/link/custom/x", form, "").await.error(), (404, 5));
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered_for_and_goes_on() {
    let (go, wait) = oneshot::channel::<()>();
    let (done, ended) = oneshot::channel::<()>();
    let channels = parking_lot::Mutex::new(Some((wait, done)));
    // The limit of a call is half a second less.
    let config = tavern_transport::Config { idle_timeout_ms: 600, ..local() };
    let fake = Fake::default().on_call(move |_| {
        let channels = channels.lock().take();
        async move {
            let (wait, done) = channels.expect("one call");
            wait.await.unwrap();
            done.send(()).unwrap();
            Ok(Vec::new())
        }
    });
    let server = Server::with(&config, fake);
    assert_eq!(server.get("/v2/account", "").await.error(), (504, 4));
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
    let mut wire = Wire::open(server.at.http).await;
    wire.say("DELETE /v2/account HTTP/1.1\r\nhost: x\r\n\r\n").await;
    until(|| !server.fake.seen.lock().is_empty()).await;
    drop(wire);
    go.send(()).unwrap();
    soon(ended).await.unwrap();
}

#[tokio::test]
async fn a_panic_costs_one_call() {
    let server = Server::new(Fake::default().on_call(|seen| async move {
        assert!(seen.call != CallId::DeleteAccount, "made up");
        Ok(b"{}".to_vec())
    }));
    let mut wire = Wire::open(server.at.http).await;
    let delete = "DELETE /v2/account HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = wire.ask(delete).await;
    assert_eq!(answer.error(), (500, 13));
    assert!(!answer.text().contains("made up"), "detail stays inside");
    assert_eq!(wire.ask("GET /v2/account HTTP/1.1\r\nhost: x\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let server = Server::new(Fake::default().on_call(|seen| async move {
        let text: String = seen.params().into_iter().map(|(_, value)| value).collect();
        Ok(format!("\"{text}\"").into_bytes())
    }));
    let mut wire = Wire::open(server.at.http).await;
    let many: String =
        (0..50).map(|n| format!("GET /v2/user?ids={n} HTTP/1.1\r\nhost: x\r\n\r\n")).collect();
    wire.say(many).await;
    for n in 0..50 {
        assert_eq!(wire.answer().await.unwrap().text(), format!("\"{n}\""));
    }
}

#[tokio::test]
async fn a_trace_is_handed_on_only_to_those_who_sent_one() {
    let server = Server::new(Fake::default());
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = server.get("/v2/account", &format!("traceparent: {parent}\r\n")).await;
    assert_eq!(answer.header("traceparent"), Some(parent));
    assert_eq!(server.get("/v2/account", "").await.header("traceparent"), None);
    let malformed = server.get("/v2/account", "traceparent: 00-zz\r\n").await;
    assert_eq!((malformed.status, malformed.header("traceparent")), (200, None));
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let config = tavern_transport::Config { max_header_size_bytes: 5120, ..local() };
    let server = Server::with(&config, Fake::default());
    let with = async |bytes: usize| {
        server.get("/healthcheck", &format!("x-long: {}\r\n", "x".repeat(bytes))).await.status
    };
    assert_eq!(with(5000).await, 200);
    assert_eq!(with(5120).await, 431);
    // One that never ends is cut off, too.
    let mut wire = Wire::open(server.at.http).await;
    wire.say(format!("GET / HTTP/1.1\r\nx-long: {}", "x".repeat(100_000))).await;
    assert_eq!(wire.answer().await.map(|a| a.status), Some(431));
}
