//! The keys that sign tokens, and those that tokens are believed by.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr as _;

use biscuit_auth::{KeyPair, PrivateKey, PublicKey};
use tavern_domain::{Entropy, Secret};

/// The signing key of development mode, which everybody knows.
pub const DEVELOPMENT_KEY: &str =
    "ed25519-private/74617665726e20646576656c6f706d656e74206b65792c206e6f207365637265";

/// The most keys that tokens are believed by, with the one that signs.
pub const MAX_KEYS: usize = 8;

/// How a signing key begins. Its public half begins with `ed25519/`.
const PRIVATE: &str = "ed25519-private/";
const PUBLIC: &str = "ed25519/";

/// Why a key is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyProblem {
    /// Not `ed25519-private/` and 64 hexadecimal digits.
    #[error("is no key: it has to be \"ed25519-private/\" and 64 hexadecimal digits")]
    Private,
    /// Not `ed25519/` and 64 hexadecimal digits that are a point of the curve.
    #[error("is no key: it has to be \"ed25519/\" and 64 hexadecimal digits")]
    Public,
    /// Not a number, a colon and a public key.
    #[error("is not a key's number, a colon and the public key")]
    Numbered,
    /// Two keys with one number.
    #[error("has two keys with the number {0}")]
    SameNumber(u32),
    /// More than [`MAX_KEYS`].
    #[error("has more than {MAX_KEYS} keys")]
    TooMany,
}

/// A key that signs: of the server, of a partner.
pub struct SigningKey(pub(crate) KeyPair);

impl SigningKey {
    /// Reads `ed25519-private/…`.
    ///
    /// # Errors
    /// [`KeyProblem::Private`].
    pub fn parse(secret: &Secret) -> Result<Self, KeyProblem> {
        let text = secret.expose().trim();
        if !text.starts_with(PRIVATE) {
            return Err(KeyProblem::Private);
        }
        let key = PrivateKey::from_str(text).map_err(|_| KeyProblem::Private)?;
        Ok(Self(KeyPair::from(&key)))
    }

    /// A fresh key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        let key = PrivateKey::from_bytes(&bytes, biscuit_auth::Algorithm::Ed25519)
            .expect("any 32 bytes are a key of Ed25519");
        Self(KeyPair::from(&key))
    }

    /// The text that [`parse`](Self::parse) reads.
    #[must_use]
    pub fn secret(&self) -> Secret {
        let mut text = PRIVATE.to_owned();
        for byte in self.0.private().to_bytes().iter() {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        }
        Secret::new(text)
    }

    /// Its public half, as `ed25519/…`.
    #[must_use]
    pub fn public_text(&self) -> String {
        public_text(&self.0.public())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public_text()).finish()
    }
}

/// Reads `ed25519/…`.
///
/// # Errors
/// [`KeyProblem::Public`].
pub fn parse_public(text: &str) -> Result<PublicKey, KeyProblem> {
    if !text.starts_with(PUBLIC) {
        return Err(KeyProblem::Public);
    }
    PublicKey::from_str(text).map_err(|_| KeyProblem::Public)
}

/// A public key as [`parse_public`] reads it; of another algorithm, with the name of that.
#[must_use]
pub fn public_text(key: &PublicKey) -> String {
    format!("{}/{}", key.algorithm_string(), key.to_bytes_hex())
}

/// The keys by their numbers: one signs, or none, and all of them verify.
///
/// To change the signing key, give the new one a new number, and list the public half of the old
/// one under its number until the last token by it has expired.
#[derive(Debug, Default)]
pub struct Keys {
    pub(crate) signing: Option<(u32, SigningKey)>,
    accepted: Vec<(u32, PublicKey)>,
}

impl Keys {
    /// Keys as configured; an empty signing key is none.
    ///
    /// # Errors
    /// [`KeyProblem`].
    pub fn new(signing: &Secret, number: u32, public: &[String]) -> Result<Self, KeyProblem> {
        let mut accepted = Vec::with_capacity(1 + public.len());
        let signing = if signing.is_empty() {
            None
        } else {
            let key = SigningKey::parse(signing)?;
            accepted.push((number, key.0.public()));
            Some((number, key))
        };
        for text in public {
            let (number, key) = text.split_once(':').ok_or(KeyProblem::Numbered)?;
            let number = number.trim().parse().map_err(|_| KeyProblem::Numbered)?;
            let key = parse_public(key.trim())?;
            match accepted.iter().find(|(taken, _)| *taken == number) {
                None => accepted.push((number, key)),
                // The signing key may stand among the public ones, as it does on nodes that only
                // verify.
                Some((_, same)) if *same == key => {}
                Some(_) => return Err(KeyProblem::SameNumber(number)),
            }
        }
        if accepted.len() > MAX_KEYS {
            Err(KeyProblem::TooMany)
        } else {
            Ok(Self { signing, accepted })
        }
    }

    /// Whether there is none, so that no token can be good.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    /// Whether tokens by this key are believed.
    pub(crate) fn accepts(&self, key: &SigningKey) -> bool {
        self.accepted.iter().any(|(_, accepted)| *accepted == key.0.public())
    }

    /// The key of a number.
    pub(crate) fn accepted(&self, number: u32) -> Option<PublicKey> {
        self.accepted.iter().find(|(n, _)| *n == number).map(|(_, key)| *key)
    }
}

#[cfg(test)]
mod tests {
    use tavern_domain::SeededEntropy;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_and_not_printed() {
        let key = SigningKey::generate(&SeededEntropy::new(1));
        let again = SigningKey::parse(&key.secret()).unwrap();
        assert_eq!(key.public_text(), again.public_text());
        let secret = key.secret();
        let digits = secret.expose().rsplit('/').next().unwrap();
        assert!(!format!("{key:?}").contains(digits));
        assert!(SigningKey::parse(&Secret::new(DEVELOPMENT_KEY)).is_ok());
        assert_eq!(public_text(&parse_public(&key.public_text()).unwrap()), key.public_text());
    }

    #[test]
    fn what_is_no_key_is_told() {
        for bad in ["", "hush", "ed25519-private/", "ed25519-private/00", "secp256r1-private/00"] {
            assert_eq!(SigningKey::parse(&Secret::new(bad)).unwrap_err(), KeyProblem::Private);
        }
        let public = SigningKey::generate(&SeededEntropy::new(1)).public_text();
        let other = SigningKey::generate(&SeededEntropy::new(2)).public_text();
        let keys = |public: &[String]| Keys::new(&Secret::default(), 0, public).map(|_| ());
        assert_eq!(keys(std::slice::from_ref(&public)), Err(KeyProblem::Numbered));
        assert_eq!(keys(&["1:ed25519/zz".to_owned()]), Err(KeyProblem::Public));
        let twice = [format!("1:{public}"), format!("1:{other}")];
        assert_eq!(keys(&twice), Err(KeyProblem::SameNumber(1)));
        assert_eq!(keys(&[format!("1:{public}"), format!("1:{public}")]), Ok(()));
        let many: Vec<_> = (0..9).map(|n| format!("{n}:{public}")).collect();
        assert_eq!(keys(&many), Err(KeyProblem::TooMany));
    }
}
