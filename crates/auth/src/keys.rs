//! Keys, signatures, and what surrounds the claims of a token.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tavern_domain::{Classify, ErrorCode, Secret};

/// The longest token that is looked at, and that is issued.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// The most keys of one ring: every one of them may cost a hash for a token without a key id.
pub const MAX_KEYS: usize = 8;

/// The header of tokens of a ring with one key. SDKs and other servers know exactly this one.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// The longest header that is looked at, encoded; ours have at most 70 bytes.
const MAX_HEADER_BYTES: usize = 512;

/// HMAC-SHA256 has 32 bytes, which base64 without padding writes as 43.
const SIGNATURE_BYTES: usize = 43;

/// Why a token is not good. To callers all of these are the same: unauthenticated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum TokenError {
    /// It is longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// It has not the form of a token, or its claims lack something.
    #[error("the token is malformed")]
    Malformed,
    /// It is signed by another algorithm than HS256, or says it need not be signed.
    #[error("the token has an unsupported algorithm")]
    Algorithm,
    /// None of our keys has signed it.
    #[error("the token has a wrong signature")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was revoked before its time was over.
    #[error("the token has been revoked")]
    Revoked,
}

impl Classify for TokenError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Unauthenticated
    }
}

/// Why keys do not make a ring, or rings not a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// A key is empty.
    #[error("a token key is empty")]
    Empty,
    /// More than [`MAX_KEYS`] keys in one ring.
    #[error("more than {MAX_KEYS} token keys")]
    TooMany,
    /// A key is in both rings, so refresh tokens would be good as session tokens.
    #[error("a key signs both session and refresh tokens")]
    Shared,
}

impl Classify for KeyError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Internal
    }
}

/// Keys of one purpose: the first signs, all of them verify.
///
/// To change a key, put the new one first and keep the old one behind it until every token that
/// it signed has expired. With more than one key, tokens carry a key id in their header, which
/// other readers of such tokens ignore.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    /// Names the key without telling anything of it.
    id: String,
    /// For comparing keys by what they do: HMAC pads keys, so different texts can be one key.
    fingerprint: [u8; 32],
    /// The state after the key has been taken in; a signature begins with a copy of it.
    mac: Hmac<Sha256>,
    /// The encoded header with the key id.
    header: String,
}

impl KeyRing {
    /// A ring of the signing key and the keys before it that still verify. A key that is given
    /// twice counts once.
    ///
    /// # Errors
    /// [`KeyError`] when a key is empty, or there are more than [`MAX_KEYS`].
    pub fn new(signing: &Secret, previous: &[Secret]) -> Result<Self, KeyError> {
        let mut keys: Vec<Key> = Vec::with_capacity(1 + previous.len());
        for secret in std::iter::once(signing).chain(previous) {
            let key = Key::new(secret)?;
            if !keys.iter().any(|k| k.fingerprint == key.fingerprint) {
                keys.push(key);
            }
        }
        if keys.len() > MAX_KEYS { Err(KeyError::TooMany) } else { Ok(Self { keys }) }
    }

    /// The ids of the keys, the signing one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|k| k.id.as_str())
    }

    /// Whether the rings have a key in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.keys.iter().any(|a| other.keys.iter().any(|b| a.fingerprint == b.fingerprint))
    }

    /// A token with these claims. As long as it gets; the caller bounds it.
    pub(crate) fn sign(&self, claims: &[u8]) -> String {
        let key = &self.keys[0];
        let header = if self.keys.len() == 1 { plain_header() } else { &key.header };
        let mut token =
            String::with_capacity(header.len() + claims.len() * 4 / 3 + SIGNATURE_BYTES + 6);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = key.signature(token.as_bytes());
        token.push('.');
        token.push_str(std::str::from_utf8(&signature).expect("base64 is ASCII"));
        token
    }

    /// Checks the header and the signature; answers the claims, which can be trusted.
    pub(crate) fn open(&self, token: &str) -> Result<Vec<u8>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let candidates = self.candidates(header)?;
        // Comparing the encoded form leaves exactly one spelling of a signature that is good.
        if !candidates
            .iter()
            .any(|key| key.signature(signed.as_bytes())[..].ct_eq(signature.as_bytes()).into())
        {
            return Err(TokenError::Signature);
        }
        URL_SAFE_NO_PAD.decode(claims).map_err(|_| TokenError::Malformed)
    }

    /// The keys that may have signed a token with this header.
    fn candidates(&self, header: &str) -> Result<&[Key], TokenError> {
        if header == plain_header() {
            return Ok(&self.keys);
        }
        if let Some(at) = self.keys.iter().position(|key| key.header == header) {
            return Ok(&self.keys[at..=at]);
        }
        if header.len() > MAX_HEADER_BYTES {
            return Err(TokenError::Malformed);
        }
        let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Malformed)?;
        let header: Header<'_> =
            serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
        if header.alg != "HS256" {
            return Err(TokenError::Algorithm);
        }
        // `crit` names extensions without which the token must not be accepted; we have none.
        if header.crit.is_some() || header.typ.is_some_and(|typ| typ != "JWT") {
            return Err(TokenError::Malformed);
        }
        let Some(id) = header.kid else { return Ok(&self.keys) };
        let at = self.keys.iter().position(|key| key.id == id).ok_or(TokenError::Signature)?;
        Ok(&self.keys[at..=at])
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.ids().collect::<Vec<_>>()).finish()
    }
}

impl Key {
    fn new(secret: &Secret) -> Result<Self, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::Empty);
        }
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose().as_bytes())
            .expect("HMAC takes keys of any length");
        let fingerprint = keyed_hash(&mac, b"fingerprint of a token key");
        let id = URL_SAFE_NO_PAD.encode(&keyed_hash(&mac, b"id of a token key")[..6]);
        let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{id}"}}"#);
        Ok(Self { header: URL_SAFE_NO_PAD.encode(header), id, fingerprint, mac })
    }

    /// The encoded signature.
    fn signature(&self, signed: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mut encoded = [0; SIGNATURE_BYTES];
        URL_SAFE_NO_PAD
            .encode_slice(keyed_hash(&self.mac, signed), &mut encoded)
            .expect("32 bytes are 43 in base64 without padding");
        encoded
    }
}

/// HMAC-SHA256 of a message, beginning with a state that has taken in the key.
pub(crate) fn keyed_hash(keyed: &Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    let mut mac = keyed.clone();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// [`HEADER`], encoded.
fn plain_header() -> &'static str {
    const ENCODED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    debug_assert_eq!(URL_SAFE_NO_PAD.encode(HEADER), ENCODED);
    ENCODED
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    typ: Option<Cow<'a, str>>,
    kid: Option<Cow<'a, str>>,
    crit: Option<IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(keys: &[&str]) -> KeyRing {
        let keys: Vec<_> = keys.iter().map(|k| Secret::new(*k)).collect();
        KeyRing::new(&keys[0], &keys[1..]).unwrap()
    }

    fn header_of(token: &str) -> String {
        let header = token.split('.').next().unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
    }

    /// A correctly signed token with any header.
    fn with_header(ring: &KeyRing, header: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode("{}"));
        let signature = ring.keys[0].signature(signed.as_bytes());
        format!("{signed}.{}", std::str::from_utf8(&signature).unwrap())
    }

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let (old, both, new) = (ring(&["old"]), ring(&["new", "old"]), ring(&["new"]));
        let by_old = old.sign(b"claims");
        let by_both = both.sign(b"claims");
        assert_eq!(both.open(&by_old).unwrap(), b"claims");
        assert_eq!(both.open(&by_both).unwrap(), b"claims");
        assert_eq!(new.open(&by_both).unwrap(), b"claims");
        assert_eq!(new.open(&by_old), Err(TokenError::Signature));
        assert_eq!(old.open(&by_both), Err(TokenError::Signature));
    }

    #[test]
    fn a_key_id_stands_in_the_header_only_beside_other_keys() {
        assert_eq!(header_of(&ring(&["k"]).sign(b"")), HEADER);
        let both = ring(&["new", "old"]);
        let id = both.ids().next().unwrap();
        assert_eq!(
            header_of(&both.sign(b"")),
            format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{id}"}}"#)
        );
    }

    #[test]
    fn a_key_id_is_stable_and_tells_nothing_of_the_key() {
        let ring = ring(&["new", "old", "new"]);
        let ids: Vec<_> = ring.ids().collect();
        assert_eq!(ids.len(), 2, "a key counts once");
        assert!(ids.iter().all(|id| id.len() == 8));
        assert_ne!(ids[0], ids[1]);
        assert_eq!(self::ring(&["new"]).ids().next().unwrap(), ids[0]);
        let printed = format!("{ring:?}");
        assert!(printed.contains(ids[0]) && !printed.contains("new"));
    }

    #[test]
    fn other_algorithms_are_refused_even_when_the_signature_fits() {
        let ring = ring(&["k"]);
        for header in [
            r#"{"alg":"none","typ":"JWT"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"HS512","typ":"JWT"}"#,
            r#"{"alg":"RS256","typ":"JWT"}"#,
            r#"{"alg":"hs256","typ":"JWT"}"#,
            r#"{"alg":""}"#,
        ] {
            assert_eq!(ring.open(&with_header(&ring, header)), Err(TokenError::Algorithm));
        }
        let unsigned = with_header(&ring, r#"{"alg":"none"}"#);
        let unsigned = &unsigned[..=unsigned.rfind('.').unwrap()];
        assert_eq!(ring.open(unsigned), Err(TokenError::Algorithm));
    }

    #[test]
    fn headers_of_the_wrong_shape_are_refused() {
        let ring = ring(&["k", "older"]);
        for header in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"typ":"JWT"}"#,
            r#"{"alg":1}"#,
            r#"{"alg":"none","alg":"HS256"}"#,
            r#"{"alg":"HS256","crit":["exp"]}"#,
            r#"{"alg":"HS256","typ":"JWE"}"#,
            r#"{"alg":"HS256"} x"#,
            &format!(r#"{{"alg":"HS256","x":"{}"}}"#, "x".repeat(MAX_HEADER_BYTES)),
        ] {
            let opened = ring.open(&with_header(&ring, header));
            assert_eq!(opened, Err(TokenError::Malformed), "{header}");
        }
        let unknown = with_header(&ring, r#"{"alg":"HS256","kid":"AAAAAAAA"}"#);
        assert_eq!(ring.open(&unknown), Err(TokenError::Signature));
        let other_order = with_header(&ring, r#"{"typ":"JWT","alg":"HS256","extra":{}}"#);
        assert_eq!(ring.open(&other_order).unwrap(), b"{}");
    }

    #[test]
    fn a_signature_has_exactly_one_spelling() {
        let ring = ring(&["k"]);
        let token = ring.sign(b"claims");
        // The last character holds two bits that decoders commonly ignore.
        let last = token.chars().last().unwrap();
        for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=".chars() {
            let changed = format!("{}{c}", &token[..token.len() - 1]);
            assert_eq!(ring.open(&changed).is_ok(), c == last, "{c}");
        }
        assert!(ring.open(&format!("{token}=")).is_err());
        assert!(ring.open(&token[..token.len() - 1]).is_err());
        assert!(ring.open(&format!("{token}.")).is_err());
    }

    #[test]
    fn rings_are_compared_by_what_the_keys_do() {
        assert!(ring(&["a", "b"]).overlaps(&ring(&["c", "b"])));
        assert!(!ring(&["a"]).overlaps(&ring(&["b"])));
        // HMAC fills short keys up with zeros.
        assert!(ring(&["a"]).overlaps(&ring(&["a\0"])));
    }

    #[test]
    fn empty_and_too_many_keys_are_refused() {
        let some = Secret::new("a");
        assert_eq!(KeyRing::new(&Secret::default(), &[]).unwrap_err(), KeyError::Empty);
        assert_eq!(KeyRing::new(&some, &[Secret::default()]).unwrap_err(), KeyError::Empty);
        let many: Vec<_> = (0..MAX_KEYS).map(|i| Secret::new(format!("k{i}"))).collect();
        assert!(KeyRing::new(&many[0], &many[1..]).is_ok());
        assert_eq!(KeyRing::new(&some, &many).unwrap_err(), KeyError::TooMany);
    }

    #[test]
    fn an_oversized_token_is_refused_before_it_is_hashed() {
        let ring = ring(&["k"]);
        let token = ring.sign(&vec![b'x'; MAX_TOKEN_BYTES]);
        assert_eq!(ring.open(&token), Err(TokenError::TooLong));
    }
}
