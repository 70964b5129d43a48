//! Server functions over HTTP.

use tavern_api::{Credential, RpcFailure};
use tavern_domain::{CodedError, ErrorCode};

use crate::support::{Fake, Server};

fn failing(code: ErrorCode, detail: Option<&'static str>) -> Server {
    Server::new(Fake::default().on_rpc(move |_| async move {
        let detail = detail.map(str::to_owned);
        Err(RpcFailure { error: CodedError::new(code, "no \"luck\""), detail })
    }))
}

#[tokio::test]
async fn a_payload_is_wrapped_in_a_json_string() {
    let server = Server::new(Fake::default());
    let answer = server.send("POST", "/v2/rpc/Echo", "", r#""{\"x\":1}""#).await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"payload":"{\"x\":1}"}"#));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(server.fake.rpcs.lock()[0].id, "Echo");
    let empty = server.send("POST", "/v2/rpc/echo", "", "").await;
    assert_eq!(empty.text(), r#"{"payload":""}"#);
    let get = server.get("/v2/rpc/echo?payload=%22ignored%22", "").await;
    assert_eq!(get.text(), r#"{"payload":""}"#);
}

#[tokio::test]
async fn unwrapped_payloads_are_raw_both_ways() {
    let server = Server::new(Fake::default());
    let json = "content-type: application/json\r\n";
    let answer = server.send("POST", "/v2/rpc/echo?unwrap", json, r#"{"raw": true}"#).await;
    assert_eq!(answer.text(), r#"{"raw": true}"#);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let odd = "content-type: text/weird\r\n";
    let answer = server.send("POST", "/v2/rpc/echo?unwrap=true", odd, "just text").await;
    assert_eq!((answer.text(), answer.header("content-type")), ("just text", Some("text/weird")));
    let answer = server.get("/v2/rpc/echo?unwrap=", "").await;
    assert_eq!((answer.text(), answer.header("content-type")), ("", Some("text/plain")));
}

#[tokio::test]
async fn other_bodies_than_a_json_string_are_refused() {
    let server = Server::new(Fake::default());
    for body in [r#"{"x":1}"#, "[1]", "12", "nonsense", "null"] {
        let answer = server.send("POST", "/v2/rpc/echo", "", body).await;
        let json = answer.json();
        assert_eq!((answer.status, json["code"].as_u64()), (400, Some(3)), "{body}");
        assert_eq!(json["error"], json["message"], "{body}");
    }
    assert!(server.fake.rpcs.lock().is_empty());
    let large = "x".repeat(300_000);
    let answer = server.send("POST", "/v2/rpc/echo?unwrap", "", &large).await;
    assert_eq!((answer.status, answer.json()["code"].as_u64()), (400, Some(3)));
}

#[tokio::test]
async fn functions_see_headers_query_and_credentials() {
    let server = Server::new(Fake::default());
    server
        .get(
            "/v2/rpc/f?tag=one&tag=two&other=x&http_key=secret&bad=%zz",
            "x-some-name: v\r\nauthorization: Basic a2V5Og==\r\n",
        )
        .await;
    let request = server.fake.rpcs.lock()[0].clone();
    assert_eq!(request.http_key.as_deref(), Some("secret"));
    assert_eq!(request.meta.credential, Credential::Basic("key".into()));
    assert_eq!(request.query.keys().collect::<Vec<_>>(), ["other", "tag"]);
    assert_eq!(request.query["tag"], ["one", "two"]);
    assert_eq!(request.headers["X-Some-Name"], ["v"]);
    assert!(request.meta.client.ip.is_some());
}

#[tokio::test]
async fn errors_of_functions_have_a_third_member() {
    let answer = failing(ErrorCode::NotFound, Some("{}")).get("/v2/rpc/f", "").await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json(),
        serde_json::json!({"code": 5, "message": "no \"luck\"", "error": {}})
    );
    let answer = failing(ErrorCode::Unauthenticated, None).get("/v2/rpc/f?unwrap", "").await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.json(),
        serde_json::json!({"code": 16, "message": "no \"luck\"", "error": "no \"luck\""})
    );
}

#[tokio::test]
async fn verbs_and_ids() {
    let server = Server::new(Fake::default());
    assert_eq!(server.send("PUT", "/v2/rpc/f", "", "").await.error(), (501, 12));
    // What an empty id means is the service's to say.
    server.send("POST", "/v2/rpc/", "", "").await;
    assert_eq!(server.fake.rpcs.lock().last().unwrap().id, "");
    server.get("/v2/rpc/a%20b", "").await;
    assert_eq!(server.fake.rpcs.lock().last().unwrap().id, "a b");
    assert_eq!(server.get("/v2/rpc", "").await.error(), (404, 5));
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let server = Server::new(Fake::default().on_rpc(|request| async move {
        assert!(request.payload.len() > 100, "made up");
        Ok(None)
    }));
    let answer = server.get("/v2/rpc/f", "").await;
    assert_eq!((answer.status, answer.json()["code"].as_u64()), (500, Some(13)));
}
