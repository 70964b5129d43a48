//! Game Center: a signature over player, bundle, time and salt, and where its key is.
//!
//! Source: Apple's documentation of `fetchItems(forIdentityVerificationSignature:)`: the signature
//! is RSA with SHA-256 over the player's id, the bundle's id (both UTF-8), the time in
//! milliseconds (64 bits, big-endian) and the salt, by the certificate at the given address.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tavern_domain::{Clock, Fetch, FetchRequest, Timestamp};
use tavern_storage::Provider::GameCenter;
use webpki::EndEntityCert;

use crate::config::GameCenterConfig;
use crate::error::{IdentityError, Why};
use crate::profile::{Profile, Said};

/// The longest certificate that is read, in bytes.
const MAX_CERTIFICATE: usize = 64 * 1024;
/// The longest field of a proof, in bytes.
const MAX_FIELD: usize = 4 * 1024;
/// How old a signature may be, in seconds: a player signs in when the game starts, and may have
/// been offline since.
const MAX_AGE: i64 = 86_400;
/// How far the clock of a device may be ahead, in seconds.
const MAX_AHEAD: i64 = 3_600;

/// What a game has from Game Center.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct GameCenterProof<'a> {
    pub player_id: &'a str,
    pub bundle_id: &'a str,
    /// As Game Center gave it: milliseconds. Games that have made seconds of it are not verified,
    /// since it is signed.
    pub timestamp: i64,
    pub salt: &'a str,
    pub signature: &'a str,
    pub public_key_url: &'a str,
}

impl GameCenterProof<'_> {
    /// Whether everything that it takes is there; else what lacks first.
    ///
    /// # Errors
    /// [`IdentityError::Missing`].
    pub fn whole(&self) -> Result<(), IdentityError> {
        let fields = [
            (self.bundle_id, "a Game Center bundle id"),
            (self.player_id, "a Game Center player id"),
            (self.public_key_url, "a Game Center public key address"),
            (self.salt, "a Game Center salt"),
            (self.signature, "a Game Center signature"),
        ];
        match fields.into_iter().find(|(text, _)| text.is_empty()) {
            Some((_, what)) => Err(IdentityError::Missing(what)),
            None if self.timestamp == 0 => Err(IdentityError::Missing("a Game Center timestamp")),
            None => Ok(()),
        }
    }
}

pub(crate) struct GameCenterProofs {
    config: GameCenterConfig,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
}

impl GameCenterProofs {
    pub(crate) fn new(
        config: GameCenterConfig,
        fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { config, fetch, clock }
    }

    pub(crate) async fn profile(
        &self,
        proof: GameCenterProof<'_>,
    ) -> Result<Profile, IdentityError> {
        proof.whole()?;
        self.check(proof).await.map_err(|why| IdentityError::refused(GameCenter, why))?;
        Said { id: proof.player_id.into(), ..Said::default() }.checked(GameCenter)
    }

    async fn check(&self, proof: GameCenterProof<'_>) -> Result<(), Why> {
        let GameCenterProof { player_id, bundle_id, salt, signature, public_key_url, .. } = proof;
        if [player_id, bundle_id, salt, signature, public_key_url]
            .iter()
            .any(|f| f.len() > MAX_FIELD)
        {
            return Err(Why::Proof("a field is too long"));
        }
        if !lies_below(public_key_url, &self.config.key_domain) {
            return Err(Why::Proof("the key's address is not Apple's"));
        }
        let (Ok(salt), Ok(signature)) = (STANDARD.decode(salt), STANDARD.decode(signature)) else {
            return Err(Why::Proof("salt or signature cannot be read"));
        };
        let (made, now) = (Timestamp::from_millis(proof.timestamp), self.clock.now());
        if made.plus_seconds(MAX_AGE) < now || now.plus_seconds(MAX_AHEAD) < made {
            return Err(Why::Proof("the signature is of another time"));
        }
        let time = proof.timestamp.to_be_bytes();
        let message = [player_id.as_bytes(), bundle_id.as_bytes(), &time, &salt].concat();

        let mut request = FetchRequest::get(public_key_url);
        request.max_response = MAX_CERTIFICATE;
        let answer = self.fetch.fetch(request).await?;
        if !answer.is_success() {
            return Err(Why::Status(answer.status));
        }
        // Apple serves it bare; some mirrors serve it with armour.
        let der = match CertificateDer::from_pem_slice(&answer.body) {
            Ok(der) => der,
            Err(_) => CertificateDer::from(answer.body),
        };
        let certificate = EndEntityCert::try_from(&der)
            .map_err(|_| Why::Proof("there is no certificate at the key's address"))?;
        certificate
            .verify_signature(webpki::ring::RSA_PKCS1_2048_8192_SHA256, &message, &signature)
            .map_err(|_| Why::Proof("the signature is wrong"))
    }
}

/// Whether an address is one of a host below a domain, over TLS, with a path and nothing that
/// could hide another host.
fn lies_below(url: &str, domain: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let Some((host, path)) = rest.split_once('/') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    !path.is_empty()
        && host.chars().all(plain)
        && host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.') && sub.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_below_the_domain_are_asked_for_a_key() {
        assert!(lies_below("https://static.gc.apple.com/public-key/gc-prod-10.cer", "apple.com"));
        for wrong in [
            "http://static.gc.apple.com/key.cer",
            "https://apple.com/key.cer",
            "https://.apple.com/key.cer",
            "https://notapple.com/key.cer",
            "https://apple.com.example.com/key.cer",
            "https://gc.apple.com",
            "https://gc.apple.com/",
            "https://example.com/?.apple.com/key",
            "https://user@gc.apple.com/key",
            "https://example.com#.gc.apple.com/key",
            "https://example.com\\.gc.apple.com/key",
            "https://gc.apple.com:8443/key",
            "",
        ] {
            assert!(!lies_below(wrong, "apple.com"), "{wrong}");
        }
    }
}
