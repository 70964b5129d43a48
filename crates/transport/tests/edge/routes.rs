//! Routes of server code.

use tavern_domain::ErrorCode;
use tavern_runtime_hooks::{HookError, Hooks, HttpMethod, HttpResponse};

use crate::support::{Fake, Server};

fn server() -> Server {
    let hooks = Hooks::registered(|registrar| {
        registrar.http(
            "/echo/{what}",
            &[HttpMethod::Get, HttpMethod::Patch],
            |_, asked| async move {
                let seen = format!(
                    "{} {} {:?} {:?} {:?} {:?} {}",
                    asked.method,
                    asked.path,
                    asked.params,
                    asked.query,
                    asked.header("X-Some-Name"),
                    asked.remote_address,
                    asked.body.len(),
                );
                let mut answer = HttpResponse::text(203, seen);
                answer.headers.extend(["one", "two"].map(|v| ("x-mine".to_owned(), v.to_owned())));
                Ok(answer)
            },
        );
        registrar.http("/fails/{how}", &[], |_, asked| async move {
            match asked.params["how"].as_str() {
                "panic" => panic!("a secret"),
                "refusal" => Err(HookError::new(ErrorCode::PermissionDenied, "not you")),
                "options" => Ok(HttpResponse::text(200, asked.method)),
                _ => Err(HookError::internal("a secret")),
            }
        });
    });
    Server::new(Fake::default().with_routes(hooks.unwrap()))
}

#[tokio::test]
async fn a_request_reaches_its_route_and_the_answer_its_client() {
    let server = server();
    let body = "x".repeat(1_000);
    let path = "/echo/a%2Fb?tag=1&tag=2";
    let answer = server.send("PATCH", path, "x-some-name: v\r\n", &body).await;
    assert_eq!(answer.status, 203);
    assert_eq!(
        answer.text(),
        r#"PATCH /echo/a%2Fb {"what": "a/b"} {"tag": ["1", "2"]} Some("v") Some(127.0.0.1) 1000"#
    );
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-mine"), Some("two"), "the last of the two");
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let server = server();
    let get = server.get("/echo/x", "").await;
    let head = server.send("HEAD", "/echo/x", "", "").await;
    assert_eq!((head.status, head.text()), (203, ""));
    let length = get.text().len() + "HEAD".len() - "GET".len();
    assert_eq!(head.header("content-length"), Some(&*length.to_string()));
}

#[tokio::test]
async fn no_path_is_404_and_no_method_is_405_with_what_there_is() {
    let server = server();
    assert_eq!(server.get("/echo", "").await.error(), (404, 5));
    assert_eq!(server.get("/echo/", "").await.error(), (404, 5));
    assert_eq!(server.get("/echo/%zz", "").await.error(), (400, 3));
    let wrong = server.send("DELETE", "/echo/x", "", "").await;
    assert_eq!(wrong.error(), (405, 12));
    assert_eq!(wrong.header("allow"), Some("GET, HEAD, PATCH, OPTIONS"));
    let options = server.send("OPTIONS", "/echo/x", "", "").await;
    assert_eq!((options.status, options.text()), (204, ""));
    assert_eq!(options.header("allow"), Some("GET, HEAD, PATCH, OPTIONS"));
    assert_eq!(server.send("OPTIONS", "/fails/options", "", "").await.text(), "OPTIONS");
    assert_eq!(server.send("PUT", "/v2/account/x/y/z", "", "").await.status, 404);
}

#[tokio::test]
async fn pages_of_other_origins_may_use_what_is_registered() {
    let server = server();
    let asks = |method: &str| {
        format!("origin: https://example.com\r\naccess-control-request-method: {method}\r\n")
    };
    let granted = server.send("OPTIONS", "/echo/x", &asks("PATCH"), "").await;
    assert_eq!(granted.status, 200);
    assert_eq!(granted.header("access-control-allow-methods"), Some("PATCH"));
    assert_eq!(server.send("OPTIONS", "/echo/x", &asks("PUT"), "").await.status, 405);
    assert_eq!(server.send("OPTIONS", "/none", &asks("PATCH"), "").await.status, 405);
    let answer = server.get("/echo/x", "origin: https://example.com\r\n").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn what_breaks_is_a_500_that_tells_nothing() {
    let server = server();
    for how in ["panic", "anything"] {
        let answer = server.get(&format!("/fails/{how}"), "").await;
        assert_eq!(answer.error(), (500, 13));
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
    assert_eq!(server.get("/fails/refusal", "").await.error(), (403, 7));
}

#[tokio::test]
async fn a_body_beyond_the_limit_does_not_reach_the_route() {
    let server = server();
    let answer = server.send("PATCH", "/echo/x", "", &"x".repeat(300_000)).await;
    assert_eq!(answer.error(), (400, 3));
}

#[tokio::test]
async fn a_trace_goes_on() {
    let server = server();
    let parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let answer = server.get("/echo/x", parent).await;
    assert!(answer.header("traceparent").unwrap().contains("4bf92f3577b34da6a3ce929d0e0e4736"));
}
