//! What a request's head says: who, from where, and the query.

use std::borrow::Cow;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap};
use tavern_api::{CallMeta, ClientAddress, Credential};
use tavern_protocol::query_pairs;

use crate::settings::Proxies;

/// The credential of a request. Nothing of it is verified here; scheme words are compared
/// case-sensitively, as the public protocol does.
pub(crate) fn credential(headers: &HeaderMap) -> Credential {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Credential::None };
    let Ok(text) = value.to_str() else { return Credential::Malformed };
    if let Some(token) = text.strip_prefix("Bearer ") {
        return Credential::Bearer(token.to_owned());
    }
    text.strip_prefix("Basic ")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|pair| pair.split_once(':').map(|(user, _)| user.to_owned()))
        .map_or(Credential::Malformed, Credential::Basic)
}

/// Where the client is: the peer, or what trusted proxies say.
pub(crate) fn client(headers: &HeaderMap, peer: SocketAddr, proxies: &Proxies) -> ClientAddress {
    let values: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
    let told = values.iter().rev().flat_map(|value| value.rsplit(','));
    let peer_ip = peer.ip().to_canonical();
    match proxies.client(peer_ip, told) {
        Some(ip) => ClientAddress { ip: Some(ip), port: None },
        None => ClientAddress { ip: Some(peer_ip), port: Some(peer.port()) },
    }
}

/// Both together.
pub(crate) fn meta(headers: &HeaderMap, peer: SocketAddr, proxies: &Proxies) -> CallMeta {
    CallMeta { credential: credential(headers), client: client(headers, peer, proxies) }
}

/// The pairs of a query that can be decoded; the others are passed over.
pub(crate) fn lenient_query(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    text.split('&').filter_map(|part| query_pairs(part).ok()).flatten()
}

/// A boolean as queries spell it; `None` for anything else.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn credentials_are_told_apart() {
        let of = |value| credential(&with("authorization", &[value]));
        assert_eq!(credential(&HeaderMap::new()), Credential::None);
        assert_eq!(of("Bearer abc"), Credential::Bearer("abc".into()));
        // "defaultkey:" and "key:word"
        assert_eq!(of("Basic ZGVmYXVsdGtleTo="), Credential::Basic("defaultkey".into()));
        assert_eq!(of("Basic a2V5OndvcmQ="), Credential::Basic("key".into()));
        for wrong in ["basic ZGVmYXVsdGtleTo=", "bearer abc", "Basic ???", "Basic a2V5", "Digest x"]
        {
            assert_eq!(of(wrong), Credential::Malformed, "{wrong}");
        }
    }

    #[test]
    fn the_last_forwarded_address_counts() {
        let proxies = crate::settings::Settings::new(&crate::Config::default()).unwrap().proxies;
        let peer = "10.0.0.1:5000".parse().unwrap();
        let seen =
            client(&with("x-forwarded-for", &["6.6.6.6", "6.6.6.7, 203.0.113.9"]), peer, &proxies);
        assert_eq!(seen, ClientAddress { ip: "203.0.113.9".parse().ok(), port: None });
        let seen = client(&HeaderMap::new(), peer, &proxies);
        assert_eq!(seen, ClientAddress { ip: "10.0.0.1".parse().ok(), port: Some(5000) });
    }

    #[test]
    fn what_cannot_be_decoded_is_passed_over() {
        let pairs: Vec<_> = lenient_query("a=%zz&b=x+y&&c=%ff&d").collect();
        assert_eq!(pairs, [("b".into(), "x y".into()), ("d".into(), "".into())]);
    }

    #[test]
    fn booleans_are_spelt_as_they_are() {
        assert_eq!(boolean("T"), Some(true));
        assert_eq!(boolean("False"), Some(false));
        assert_eq!(boolean("yes"), None);
    }
}
