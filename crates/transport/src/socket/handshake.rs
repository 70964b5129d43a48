//! From a request to a session.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tavern_api::{Admission, Credential, Hello, Service};
use tavern_protocol::Format;
use tokio_tungstenite::WebSocketStream;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;

use super::outbox::Outbox;
use super::parking::{Parked, Seat};
use super::session::{Opening, Session};
use crate::client::Client;
use crate::guarded::Guarded;
use crate::head;
use crate::reply::{Reply, empty, plain, status, tell_when};
use crate::stream::Stream;
use crate::table::SessionPlace;

/// What the query of a handshake says.
#[derive(Debug, PartialEq, Eq)]
struct Wishes {
    token: String,
    status: bool,
    lang: String,
    format: Option<Format>,
}

impl Wishes {
    fn of(query: &str, headers: &HeaderMap) -> Self {
        let (mut token, mut status, mut lang, mut format) = (None, None, None, None);
        for (name, value) in head::lenient_query(query) {
            // The first of several counts.
            match &*name {
                "token" => _ = token.get_or_insert_with(|| value.into_owned()),
                "status" => _ = status.get_or_insert_with(|| value.into_owned()),
                "lang" => _ = lang.get_or_insert_with(|| value.into_owned()),
                "format" => _ = format.get_or_insert_with(|| value.into_owned()),
                _ => {}
            }
        }
        if let Credential::Bearer(bearer) = head::credential(headers) {
            token = Some(bearer);
        }
        Self {
            token: token.unwrap_or_default(),
            status: status.as_deref().and_then(head::boolean).unwrap_or(false),
            lang: lang.filter(|tag| !tag.is_empty()).unwrap_or_else(|| "en".to_owned()),
            format: Format::from_param(format.as_deref().unwrap_or("")),
        }
    }
}

/// Answers a handshake. The session begins once the answer is out.
pub(crate) fn upgrade(client: &Arc<Client>, mut request: Request<Incoming>) -> Reply {
    let headers = request.headers();
    let wishes = Wishes::of(request.uri().query().unwrap_or(""), headers);
    let Some(format) = wishes.format else {
        return plain(StatusCode::BAD_REQUEST, "unknown format");
    };
    let edge = &client.edge;
    if edge.table.is_draining() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the server stops");
    }
    let hello = Hello {
        token: wishes.token,
        status: wishes.status,
        lang: wishes.lang,
        client: head::client(headers, client.peer, &client.settings.proxies),
    };
    let admission = match edge.service.admit(hello) {
        Ok(admission) => admission,
        Err(error) => {
            let mut reply = plain(status(error.code()), error.message());
            tell_when(&error, &mut reply);
            return reply;
        }
    };
    let accept = match accept_key(headers) {
        Ok(accept) => accept,
        Err(refusal) => return refusal,
    };

    let outbox = Outbox::new(format, Arc::clone(&client.socket_parts));
    let Some(place) = edge.table.open_session(&outbox) else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the server stops");
    };
    let service = Arc::clone(&edge.service);
    let upgraded = hyper::upgrade::on(&mut request);
    let session = Beginning { client: Arc::clone(client), outbox, place };
    drop(edge.life.spawn(async move {
        let begun = session.begin(upgraded, service, admission).await;
        if let Some(session) = begun {
            session.await;
        }
    }));

    let mut reply = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = reply.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    reply
}

/// The answer to the client's key, or why the request is no handshake.
fn accept_key(headers: &HeaderMap) -> Result<HeaderValue, Reply> {
    let has = |name, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    let refuse = |text| Err(plain(StatusCode::BAD_REQUEST, text));
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") {
        return refuse("not a websocket handshake");
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|v| v.as_bytes() != b"13") {
        let mut reply = plain(StatusCode::BAD_REQUEST, "unknown websocket version");
        let known = HeaderValue::from_static("13");
        reply.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, known);
        return Err(reply);
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else {
        return refuse("the key of the handshake is missing");
    };
    HeaderValue::try_from(derive_accept_key(key.as_bytes()))
        .or_else(|_| refuse("the key of the handshake is malformed"))
}

/// A session whose handshake is being answered.
struct Beginning {
    client: Arc<Client>,
    outbox: Arc<Outbox>,
    place: SessionPlace,
}

/// What is given up with a socket: its place among the connections.
type Kept = Arc<Client>;

impl Beginning {
    /// Takes the connection over once the answer is out; `None` when the client has left. Then
    /// either a session of before goes on, or a new one begins.
    async fn begin(
        self,
        upgraded: OnUpgrade,
        service: Arc<dyn Service>,
        admission: Admission,
    ) -> Option<Session<Stream, Kept>> {
        let Self { client, outbox, place } = self;
        let patience = client.settings.read_timeout;
        let upgraded = tokio::time::timeout(patience, upgraded).await.ok()?.ok()?;
        let (stream, ahead) = into_stream(upgraded)?;
        let (stream, line) = stream.share();
        client.place.upgraded();
        let parts = Arc::clone(&client.socket_parts);
        let codec = Some(parts.settings.codec());
        let ws = if ahead.is_empty() {
            WebSocketStream::from_raw_socket(stream, Role::Server, codec).await
        } else {
            WebSocketStream::from_partially_read(stream, ahead.into(), Role::Server, codec).await
        };
        let key = admission.resumption;
        let (seat, opening): (_, Opening) = match parts.parking.claim(key, outbox.format()).await {
            Some(Parked { connection, seat }) => {
                seat.outbox.resume(line);
                (seat, connection.disarm()?.resume(admission))
            }
            None => {
                if let Some(line) = line {
                    outbox.connect(line);
                }
                let opening = service.open(admission, Arc::clone(&outbox) as _);
                (Seat::new(outbox, key, &parts.parking, place), opening)
            }
        };
        Some(Session::new(ws, seat, opening, parts, client))
    }
}

/// The bare stream, and what the client has sent ahead of the answer. The HTTP machinery and its
/// buffers are dropped: they would cost more memory than the session.
fn into_stream(upgraded: Upgraded) -> Option<(Stream, Bytes)> {
    let parts = upgraded.downcast::<TokioIo<Guarded>>().ok()?;
    let (stream, ahead) = parts.io.into_inner().into_parts();
    if ahead.is_empty() {
        return Some((stream, parts.read_buf));
    }
    let mut all = BytesMut::from(&parts.read_buf[..]);
    all.put(ahead);
    Some((stream, all.freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(query: &str) -> Wishes {
        Wishes::of(query, &HeaderMap::new())
    }

    #[test]
    fn an_empty_query_means_the_defaults() {
        let expected = Wishes {
            token: String::new(),
            status: false,
            lang: "en".into(),
            format: Some(Format::Json),
        };
        assert_eq!(wishes(""), expected);
        assert_eq!(wishes("token=&status=maybe&lang=&format="), expected);
    }

    #[test]
    fn the_query_says_what_is_wanted() {
        let expected = Wishes {
            token: "a.b+c".into(),
            status: true,
            lang: "fr".into(),
            format: Some(Format::Binary),
        };
        assert_eq!(wishes("token=a.b%2Bc&status=true&lang=fr&format=protobuf&token=x"), expected);
        assert_eq!(wishes("format=xml").format, None);
    }

    #[test]
    fn a_token_in_a_header_counts_more() {
        let bearer = HeaderMap::from_iter([(
            header::AUTHORIZATION,
            HeaderValue::from_static("Bearer from-header"),
        )]);
        assert_eq!(Wishes::of("token=from-query", &bearer).token, "from-header");
    }

    #[test]
    fn a_session_is_small() {
        // Beside its read buffer this is most of what an idle socket costs.
        assert!(size_of::<Session<Stream, Kept>>() <= 1024);
        assert!(size_of::<Outbox>() <= 160);
    }
}
