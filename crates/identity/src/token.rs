//! Identity tokens: JSON Web Tokens that a provider has signed.
//!
//! Sources: RFC 7515 (signatures), RFC 7517 (keys), RFC 7518 (algorithms), RFC 7519 (claims),
//! OpenID Connect Core 1.0, section 3.1.3.7 (what to verify).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tavern_domain::Timestamp;

use crate::error::Why;
use crate::profile::Said;

/// The longest token that is looked at, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// How far a provider's clock may be ahead of ours, in seconds.
const LEEWAY: i64 = 60;

/// The part of a token that says how it is signed.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// A token that was taken apart. Nothing of it is to be believed before its signature is verified,
/// which is why only its key's name and what was signed can be seen.
pub(crate) struct Unverified<'a> {
    header: Header,
    signed: &'a [u8],
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Why> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Why::Proof("the token is too long"));
        }
        let shape = Why::Proof("it is no token");
        let Some((signed, signature)) = token.rsplit_once('.') else { return Err(shape) };
        let Some((header, payload)) = signed.split_once('.') else { return Err(shape) };
        let (Ok(header), Ok(signature)) =
            (URL_SAFE_NO_PAD.decode(header), URL_SAFE_NO_PAD.decode(signature))
        else {
            return Err(shape);
        };
        let header = serde_json::from_slice(&header).map_err(|_| shape)?;
        Ok(Self { header, signed: signed.as_bytes(), payload, signature })
    }

    /// The name of the key that it says it is signed with.
    pub(crate) fn key(&self) -> Result<&str, Why> {
        self.header.kid.as_deref().ok_or(Why::Proof("the token names no key"))
    }

    /// What it claims, if this key has signed it, in the way that the key is for.
    pub(crate) fn verified(self, key: &Key) -> Result<Claims, Why> {
        key.verify(&self.header.alg, self.signed, &self.signature)?;
        let unreadable = Why::Proof("the token's claims cannot be read");
        let Ok(payload) = URL_SAFE_NO_PAD.decode(self.payload) else { return Err(unreadable) };
        serde_json::from_slice(&payload).map_err(|_| unreadable)
    }
}

/// A public key and what it is good for.
pub(crate) enum Key {
    /// RS256.
    Rsa {
        /// Modulus, big-endian.
        n: Vec<u8>,
        /// Exponent, big-endian.
        e: Vec<u8>,
    },
    /// ES256: a point of P-256, uncompressed.
    P256(Vec<u8>),
}

impl Key {
    fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Result<(), Why> {
        use ring::signature::{
            ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
            UnparsedPublicKey,
        };
        let verified = match (self, algorithm) {
            (Self::Rsa { n, e }, "RS256") => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Self::P256(point), "ES256") => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Self::Rsa { .. } | Self::P256(_), _) => {
                return Err(Why::Proof("the token's algorithm is not that of its key"));
            }
        };
        verified.map_err(|_| Why::Proof("the signature is wrong"))
    }
}

/// Whom a token is made for: one or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// True, or the word for it: Apple writes both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Truth {
    Bool(bool),
    Word(String),
}

/// What a verified token claims.
#[derive(Deserialize)]
pub(crate) struct Claims {
    iss: String,
    sub: String,
    aud: Option<Audience>,
    /// Seconds, which RFC 7519 lets be a fraction.
    exp: f64,
    nbf: Option<f64>,
    email: Option<String>,
    email_verified: Option<Truth>,
    name: Option<String>,
    picture: Option<String>,
}

impl Claims {
    /// Refuses a token of somebody else, for somebody else, or of another time. No `audience` is
    /// any.
    pub(crate) fn check(
        &self,
        issuers: &[&str],
        audience: &[&str],
        now: Timestamp,
    ) -> Result<(), Why> {
        if !issuers.contains(&self.iss.as_str()) {
            return Err(Why::Proof("the token is issued by somebody else"));
        }
        let is_ours = |one: &String| audience.contains(&one.as_str());
        let ours = match &self.aud {
            None => false,
            Some(Audience::One(one)) => is_ours(one),
            Some(Audience::Several(several)) => several.iter().any(is_ours),
        };
        if !audience.is_empty() && !ours {
            return Err(Why::Proof("the token is made for another app"));
        }
        #[expect(clippy::cast_precision_loss, reason = "Unix seconds fit for millions of years")]
        let now = now.seconds() as f64;
        if self.exp <= now {
            return Err(Why::Proof("the token has expired"));
        }
        #[expect(clippy::cast_precision_loss, reason = "a minute fits")]
        let leeway = LEEWAY as f64;
        match self.nbf {
            Some(nbf) if nbf > now + leeway => Err(Why::Proof("the token is not valid yet")),
            Some(_) | None => Ok(()),
        }
    }

    /// What it says about the player. An address counts only when the provider has verified it.
    pub(crate) fn said(self, trusted: bool) -> Said {
        let verified = match self.email_verified {
            Some(Truth::Bool(verified)) => verified,
            Some(Truth::Word(word)) => word == "true",
            None => trusted,
        };
        Said {
            id: self.sub,
            former_id: None,
            email: self.email.filter(|_| verified),
            display_name: self.name,
            avatar_url: self.picture,
        }
    }
}
