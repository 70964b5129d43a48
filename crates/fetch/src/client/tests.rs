#![expect(clippy::disallowed_methods, reason = "stand-ins end with the test's runtime")]

use std::convert::Infallible;

use http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::EgressConfig;

fn client() -> Client {
    Client::new("tests", Egress::default(), &Metrics::default())
}

/// What the stand-in does, by path.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let mut answer = Response::new(Full::new(Bytes::new()));
    match head.uri.path() {
        "/echo" => {
            let told = format!(
                "{} {} {}",
                head.method,
                head.headers.get("authorization").map_or("-", |value| value.to_str().unwrap()),
                String::from_utf8_lossy(&body),
            );
            answer.headers_mut().insert("x-told", "1".parse().unwrap());
            *answer.body_mut() = Full::new(told.into());
        }
        "/long" => *answer.body_mut() = Full::new(vec![b'x'; 2000].into()),
        "/missing" => *answer.status_mut() = StatusCode::NOT_FOUND,
        "/loop" => {
            *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            answer.headers_mut().insert(header::LOCATION, "/loop".parse().unwrap());
        }
        "/away" => {
            *answer.status_mut() = StatusCode::FOUND;
            let to = head.uri.query().expect("a place").parse().unwrap();
            answer.headers_mut().insert(header::LOCATION, to);
        }
        other => panic!("nobody asks for {other}"),
    }
    Ok(answer)
}

async fn serve(connection: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(answer);
    // A client that leaves is no failure of the stand-in.
    drop(http1::Builder::new().serve_connection(TokioIo::new(connection), service).await);
}

async fn stand_in() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection));
        }
    });
    format!("http://{address}")
}

fn text(answer: &FetchResponse) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

#[tokio::test]
async fn a_request_goes_out_whole_and_its_answer_comes_back_whole() {
    let there = stand_in().await;
    let request = FetchRequest::post(format!("{there}/echo"), "text/plain", "hello")
        .header("Authorization", "Bearer made-up");
    let answer = client().fetch(request).await.unwrap();
    assert_eq!((answer.status, text(&answer)), (200, "POST Bearer made-up hello"));
    assert_eq!(answer.header("x-told"), Some("1"));
}

#[tokio::test]
async fn a_refusal_of_the_other_server_is_an_answer() {
    let there = stand_in().await;
    let answer = client().fetch(FetchRequest::get(format!("{there}/missing"))).await.unwrap();
    assert_eq!((answer.status, answer.is_success()), (404, false));
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read() {
    let there = stand_in().await;
    let most = |max_response| {
        let request = FetchRequest::get(format!("{there}/long"));
        FetchRequest { max_response, ..request }
    };
    assert_eq!(client().fetch(most(1999)).await, Err(FetchError::TooLarge { limit: 1999 }));
    assert_eq!(client().fetch(most(2000)).await.unwrap().body.len(), 2000);
}

#[tokio::test]
async fn redirections_are_followed_as_far_as_asked() {
    let there = stand_in().await;
    let to = format!("{there}/away?/echo");
    let post = |redirects| {
        let request = FetchRequest::post(&*to, "text/plain", "hello");
        FetchRequest { redirects, ..request.header("Authorization", "Bearer made-up") }
    };
    assert_eq!(client().fetch(post(0)).await.unwrap().status, 302);
    let answer = client().fetch(post(1)).await.unwrap();
    assert_eq!(text(&answer), "GET Bearer made-up ", "the body stays behind, as with browsers");

    let endless = FetchRequest { redirects: 3, ..FetchRequest::get(format!("{there}/loop")) };
    assert_eq!(client().fetch(endless).await.unwrap().status, 307);
}

#[tokio::test]
async fn a_redirection_to_another_origin_takes_no_credentials_along() {
    let (there, other) = (stand_in().await, stand_in().await);
    let request = FetchRequest::get(format!("{there}/away?{other}/echo"))
        .header("Authorization", "Bearer made-up");
    let answer = client().fetch(FetchRequest { redirects: 1, ..request }).await.unwrap();
    assert_eq!(text(&answer), "GET - ");
}

#[tokio::test]
async fn no_way_leads_to_a_forbidden_address() {
    let there = stand_in().await;
    let config =
        EgressConfig { deny_networks: vec!["127.0.0.2/32".parse().unwrap()], ..Default::default() };
    let client = Client::new("tests", Egress::new(config), &Metrics::default());
    let asked = client.fetch(FetchRequest::get("http://127.0.0.2:9/")).await;
    assert_eq!(asked, Err(FetchError::Forbidden("127.0.0.2".into())));
    let request = FetchRequest::get(format!("{there}/away?http://127.0.0.2:9/"));
    let redirected = client.fetch(FetchRequest { redirects: 1, ..request }).await;
    assert_eq!(redirected, Err(FetchError::Forbidden("127.0.0.2".into())));
}

#[tokio::test]
async fn a_name_whose_addresses_are_all_forbidden_is_not_asked() {
    let deny_networks = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    let rules = Egress::new(EgressConfig { deny_networks, ..EgressConfig::default() });
    let client = Client::new("tests", rules, &Metrics::default());
    let asked = client.fetch(FetchRequest::get("http://localhost:9/")).await;
    assert_eq!(asked, Err(FetchError::Forbidden("localhost".into())));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let client = client();
    for url in ["", "example.com/x", "ftp://example.com/", "http://", "http://a:b@example.com/"] {
        let refused = client.fetch(FetchRequest::get(url)).await;
        assert!(matches!(refused, Err(FetchError::Invalid(_))), "{url}: {refused:?}");
    }
    let split = FetchRequest::get("http://127.0.0.1:9/").header("x-a", "b\r\nx-c: d");
    assert!(matches!(client.fetch(split).await, Err(FetchError::Invalid(_))));
    let mut many = FetchRequest::get("http://127.0.0.1:9/");
    many.headers = vec![("x-a".into(), "b".into()); MOST_HEADERS + 1];
    assert!(matches!(client.fetch(many).await, Err(FetchError::Invalid(_))));
}

#[tokio::test]
async fn whoever_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let request = FetchRequest { timeout: Duration::from_millis(50), ..FetchRequest::get(url) };
    assert_eq!(client().fetch(request).await, Err(FetchError::TimedOut));
}

#[tokio::test]
async fn nobody_there_is_a_failure_with_its_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let Err(FetchError::Failed(why)) = client().fetch(FetchRequest::get(url)).await else {
        panic!("there is nobody")
    };
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn too_many_at_once_are_refused_counted_and_let_in_again() {
    let metrics = Metrics::default();
    let client = Arc::new(Client::new("tests", Egress::default(), &metrics));
    let held = client.places.acquire_many(u32::try_from(MOST).unwrap()).await.unwrap();
    let there = stand_in().await;
    let request = FetchRequest::get(format!("{there}/echo"));
    assert_eq!(client.fetch(request.clone()).await, Err(FetchError::Busy));
    assert!(
        metrics.render().contains("tavern_fetches_refused_total{for=\"tests\",reason=\"busy\"} 1")
    );
    drop(held);
    assert_eq!(client.fetch(request).await.unwrap().status, 200);
}

#[tokio::test]
async fn certificates_are_checked() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/echo", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // Refused by the client, or served.
            if let Ok(connection) = acceptor.accept(connection).await {
                tokio::spawn(serve(connection));
            }
        }
    });

    let refused = client().fetch(FetchRequest::get(&*url)).await;
    let Err(FetchError::Failed(why)) = refused else { panic!("nobody knows this authority") };
    assert!(why.contains("UnknownIssuer"), "{why}");

    let mut known = RootCertStore::empty();
    known.add(certificate).unwrap();
    let client = client();
    let trusting = connections(Arc::clone(&client.rules), tls::trusting(known));
    assert!(client.connections.set(trusting).is_ok());
    assert_eq!(client.fetch(FetchRequest::get(&*url)).await.unwrap().status, 200);
    let insecure = FetchRequest { insecure: true, ..FetchRequest::get(&*url) };
    assert_eq!(self::client().fetch(insecure).await.unwrap().status, 200);
    let other_name = url.replace("localhost", "127.0.0.1");
    let refused = client.fetch(FetchRequest::get(other_name)).await;
    assert!(matches!(refused, Err(FetchError::Failed(_))), "{refused:?}");
}
