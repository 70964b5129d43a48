//! The client: connections, limits and redirections.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::uri::{Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tavern_domain::{Fetch, FetchError, FetchMethod, FetchRequest, FetchResponse};
use tavern_telemetry::{Counter, Metrics, tavern};
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::Egress;
use crate::{redirect, tls};

/// Most requests under way at once. Each may hold an answer in memory.
const MOST: usize = 512;
/// How long a connection at rest is kept.
const IDLE: Duration = Duration::from_secs(60);
/// Most connections at rest to one host.
const IDLE_PER_HOST: usize = 16;
/// How long making a connection may take, within the time of the request.
const CONNECT: Duration = Duration::from_secs(10);
/// Most headers that a request may have of its own.
const MOST_HEADERS: usize = 100;

type Connections = Pooled<HttpsConnector<HttpConnector<Guarded>>, Full<Bytes>>;

/// Requests to other servers, within the rules of an [`Egress`].
pub struct Client {
    rules: Arc<Egress>,
    /// Made when the first request is: reading the operating system's certificates takes longer
    /// than the rest of the start, and many servers never ask anyone.
    connections: OnceLock<Connections>,
    /// The same for servers whose certificates are not looked at.
    insecure: OnceLock<Connections>,
    /// One for each request under way.
    places: Arc<Semaphore>,
    busy: Counter,
    forbidden: Counter,
}

impl Client {
    /// A client that follows these rules. Its metrics are labelled with whom it works for.
    #[must_use]
    pub fn new(works_for: &'static str, rules: Egress, metrics: &Metrics) -> Self {
        let places = Arc::new(Semaphore::new(MOST));
        let free = Arc::clone(&places);
        metrics.observe_gauge(&[tavern::FETCHES], &[("for", works_for)], move || {
            u32::try_from(MOST - free.available_permits()).map_or(f64::MAX, f64::from)
        });
        let refused = |why| {
            metrics.counter(tavern::FETCHES_REFUSED_TOTAL, &[("for", works_for), ("reason", why)])
        };
        Self {
            rules: Arc::new(rules),
            connections: OnceLock::new(),
            insecure: OnceLock::new(),
            places,
            busy: refused("busy"),
            forbidden: refused("forbidden"),
        }
    }

    fn connections(&self, insecure: bool) -> &Connections {
        let rules = || Arc::clone(&self.rules);
        if insecure {
            self.insecure.get_or_init(|| connections(rules(), tls::trusting_anyone()))
        } else {
            self.connections.get_or_init(|| connections(rules(), tls::trusting(tls::authorities())))
        }
    }

    /// An address that may be asked.
    fn permitted(&self, uri: &Uri) -> Result<(), FetchError> {
        let known = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
        let host = uri.host().filter(|host| known && !host.is_empty());
        let host = host.ok_or_else(|| invalid("the address is neither http nor https"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(invalid("credentials belong into a header"));
        }
        if !self.rules.permits_host(host) {
            self.forbidden.increment(1);
            return Err(FetchError::Forbidden(host.to_owned()));
        }
        Ok(())
    }

    async fn follow(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let mut uri: Uri = request.url.parse().map_err(|_| invalid("this is no address"))?;
        let mut method = method(request.method);
        let mut headers = headers(&request.headers)?;
        let mut body = Bytes::from(request.body);
        let (mut left, insecure) = (request.redirects, request.insecure);
        loop {
            self.permitted(&uri)?;
            let mut asked = Request::new(Full::new(body.clone()));
            *asked.method_mut() = method.clone();
            *asked.uri_mut() = uri.clone();
            *asked.headers_mut() = headers.clone();
            let answer = self.connections(insecure).request(asked).await;
            let answer = answer.map_err(|error| self.failed(&error, &uri))?;
            let next = redirect::target(answer.status(), answer.headers(), &uri);
            let Some(next) = next.filter(|_| left > 0) else {
                return read(answer, request.max_response).await;
            };
            left -= 1;
            if let Some(turned) = redirect::method_after(answer.status(), &method) {
                method = turned;
                body = Bytes::new();
                headers.remove(header::CONTENT_TYPE);
                headers.remove(header::CONTENT_LENGTH);
            }
            redirect::strip(&mut headers, &uri, &next);
            uri = next;
        }
    }

    fn failed(&self, error: &hyper_util::client::legacy::Error, uri: &Uri) -> FetchError {
        if causes(error).any(is_not_there) {
            self.forbidden.increment(1);
            return FetchError::Forbidden(uri.host().unwrap_or_default().to_owned());
        }
        // The innermost says what happened; those around it only where.
        FetchError::Failed(causes(error).last().map_or_else(String::new, ToString::to_string))
    }
}

#[async_trait]
impl Fetch for Client {
    async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let Ok(_place) = self.places.try_acquire() else {
            self.busy.increment(1);
            return Err(FetchError::Busy);
        };
        let within = request.timeout;
        let outcome = tokio::time::timeout(within, self.follow(request)).await;
        outcome.unwrap_or(Err(FetchError::TimedOut))
    }
}

fn invalid(why: &str) -> FetchError {
    FetchError::Invalid(why.to_owned())
}

fn method(method: FetchMethod) -> Method {
    match method {
        FetchMethod::Get => Method::GET,
        FetchMethod::Head => Method::HEAD,
        FetchMethod::Post => Method::POST,
        FetchMethod::Put => Method::PUT,
        FetchMethod::Patch => Method::PATCH,
        FetchMethod::Delete => Method::DELETE,
    }
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, FetchError> {
    if given.len() > MOST_HEADERS {
        return Err(invalid("too many headers"));
    }
    let mut headers = HeaderMap::with_capacity(given.len() + 1);
    for (name, value) in given {
        let name: HeaderName = name.parse().map_err(|_| invalid("a header's name is none"))?;
        // The connection's own; the length follows from the body.
        if [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION]
            .contains(&name)
        {
            continue;
        }
        let value: HeaderValue = value.parse().map_err(|_| invalid("a header's value is none"))?;
        headers.append(name, value);
    }
    headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static("tavern"));
    Ok(headers)
}

async fn read<B>(answer: Response<B>, limit: usize) -> Result<FetchResponse, FetchError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let (head, body) = answer.into_parts();
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(FetchError::TooLarge { limit });
        }
        Err(error) => return Err(FetchError::Failed(error.to_string())),
    };
    let headers = head.headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    Ok(FetchResponse {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: body.to_vec(),
    })
}

/// An I/O error is not a cause of itself: what is in it is asked for by name.
fn is_not_there(cause: &(dyn StdError + 'static)) -> bool {
    let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<NotThere>())
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn connections(rules: Arc<Egress>, tls: ClientConfig) -> Connections {
    let resolver = Guarded { rules, inner: GaiResolver::new() };
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    Pooled::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .build(connector)
}

/// Resolves names to those addresses that may be asked.
#[derive(Clone)]
struct Guarded {
    rules: Arc<Egress>,
    inner: GaiResolver,
}

/// A name has no address that may be asked.
#[derive(Debug, thiserror::Error)]
#[error("all addresses of the host are forbidden")]
struct NotThere;

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.inner.call(name);
        let rules = Arc::clone(&self.rules);
        Box::pin(async move {
            let all: Vec<SocketAddr> = found.await?.collect();
            let there = all.iter().filter(|address| rules.permits_address(address.ip()));
            let permitted: Vec<SocketAddr> = there.copied().collect();
            if permitted.is_empty() && !all.is_empty() {
                return Err(io::Error::other(NotThere));
            }
            Ok(permitted.into_iter())
        })
    }
}

#[cfg(test)]
mod tests;
