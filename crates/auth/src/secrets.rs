//! Secrets that are secret.

use subtle::ConstantTimeEq;
use tavern_domain::{Entropy, Secret};

use crate::validate::pick;

/// The shortest secret that a server takes outside of development.
pub const MIN_SECRET_BYTES: usize = 32;

/// Secrets that everybody knows: defaults of Nakama and of this server's development mode, and
/// what stands in samples.
const WELL_KNOWN: [&str; 14] = [
    "admin",
    "changeme",
    "defaultencryptionkey",
    "defaulthttpkey",
    "defaultkey",
    "defaultpassword",
    "defaultrefreshencryptionkey",
    "defaultrunkey",
    "defaultsecret",
    "defaultserverkey",
    "defaultsigningkey",
    "password",
    "secret",
    "localdb",
];

/// What is wrong with a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum SecretProblem {
    /// There is none.
    #[error("is missing")]
    Missing,
    /// It is a default, or a word that anybody tries first.
    #[error("is a well-known default")]
    WellKnown,
    /// It has fewer bytes than [`MIN_SECRET_BYTES`].
    #[error("has {bytes} bytes, fewer than {MIN_SECRET_BYTES}")]
    Short {
        /// How many it has.
        bytes: usize,
    },
}

/// Checks one secret. Where defaults are allowed, in development, it is not called.
///
/// # Errors
/// [`SecretProblem`].
pub fn check_secret(secret: &Secret) -> Result<(), SecretProblem> {
    let text = secret.expose();
    if text.trim().is_empty() {
        Err(SecretProblem::Missing)
    } else if WELL_KNOWN.iter().any(|known| text.trim().eq_ignore_ascii_case(known)) {
        Err(SecretProblem::WellKnown)
    } else if text.len() < MIN_SECRET_BYTES {
        Err(SecretProblem::Short { bytes: text.len() })
    } else {
        Ok(())
    }
}

/// A fresh secret: 48 letters and digits, the first a letter, worth 285 bits. Its form needs no
/// quotes in any file, shell or header.
#[must_use]
pub fn generate_secret(entropy: &dyn Entropy) -> Secret {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const BOTH: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    Secret::new(pick(LETTERS, 1, entropy) + &pick(BOTH, 47, entropy))
}

/// Whether `given` is the secret, in a time that tells nothing but lengths. Nothing is the same as
/// an empty secret.
#[must_use]
pub fn same_secret(secret: &Secret, given: &str) -> bool {
    !secret.is_empty() && secret.expose().as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use tavern_domain::SeededEntropy;

    use super::*;

    fn check(text: &str) -> Result<(), SecretProblem> {
        check_secret(&Secret::new(text))
    }

    #[test]
    fn missing_known_and_short_secrets_are_told_apart() {
        assert_eq!(check(""), Err(SecretProblem::Missing));
        assert_eq!(check("  \n"), Err(SecretProblem::Missing));
        for known in ["defaultkey", "DefaultKey", " password ", "defaultrefreshencryptionkey"] {
            assert_eq!(check(known), Err(SecretProblem::WellKnown), "{known}");
        }
        assert_eq!(check(&"x".repeat(31)), Err(SecretProblem::Short { bytes: 31 }));
        assert_eq!(check(&"x".repeat(32)), Ok(()));
    }

    #[test]
    fn a_generated_secret_passes_the_check() {
        let entropy = SeededEntropy::new(1);
        let (a, b) = (generate_secret(&entropy), generate_secret(&entropy));
        assert_eq!(check_secret(&a), Ok(()));
        assert_ne!(a, b);
        assert_eq!(a.expose().len(), 48);
        assert!(a.expose().bytes().all(|c| c.is_ascii_alphanumeric()));
        assert!(a.expose().as_bytes()[0].is_ascii_alphabetic());
    }

    #[test]
    fn an_empty_secret_lets_nobody_in() {
        assert!(same_secret(&Secret::new("key"), "key"));
        assert!(!same_secret(&Secret::new("key"), "kez"));
        assert!(!same_secret(&Secret::new("key"), ""));
        assert!(!same_secret(&Secret::default(), ""));
    }
}
