//! Signed transactions: a JWS (RFC 7515) whose header brings the certificates of its signer.
//!
//! The facts are those of Apple's documents of `JWSTransaction` and `JWSDecodedHeader`
//! (<https://developer.apple.com/documentation/appstoreserverapi>).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tavern_domain::Timestamp;
use tavern_storage::Store;
use webpki::ring::{ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384};
use webpki::{EndEntityCert, KeyUsage};

use super::environment;
use crate::ShopError;
use crate::der::{has_extension, public_key};
use crate::store::{Sale, Term, named};
use crate::time::millis;

/// Longest signed text, in bytes: three certificates and a few hundred bytes of data.
const MAX_SIGNED: usize = 64 * 1024;
/// Most certificates in a header.
const MAX_CERTIFICATES: usize = 8;
/// `id-ecPublicKey`, RFC 5480.
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.113635.100.6.11.1: Apple lets the holder sign for its store. Its authority has
/// certified many other keys, among them ones of developers.
const MAY_SIGN_RECEIPTS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x06, 0x0b, 0x01];
/// 1.2.840.113635.100.6.2.1: the authority below Apple's own that certifies those.
const MAY_CERTIFY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x06, 0x02, 0x01];

#[derive(Deserialize)]
struct Header {
    alg: String,
    x5c: Vec<String>,
}

/// What a signed transaction says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transaction {
    #[serde(default)]
    pub(super) bundle_id: String,
    #[serde(default)]
    transaction_id: String,
    #[serde(default)]
    original_transaction_id: String,
    #[serde(default)]
    product_id: String,
    #[serde(default)]
    environment: String,
    #[serde(default, deserialize_with = "millis")]
    purchase_date: Option<Timestamp>,
    #[serde(default, deserialize_with = "millis")]
    original_purchase_date: Option<Timestamp>,
    #[serde(default, deserialize_with = "millis")]
    expires_date: Option<Timestamp>,
    #[serde(default, deserialize_with = "millis")]
    revocation_date: Option<Timestamp>,
}

const MALFORMED: ShopError = ShopError::Malformed(Store::Apple);
const FORGED: ShopError = ShopError::WrongSignature(Store::Apple);

/// Checks that a text was signed by Apple, now or before, and gives what it says.
///
/// The certificates of its header must go back to the authority at this time, and be of the kinds
/// that Apple has for this purpose.
pub(super) fn open<T: DeserializeOwned>(
    text: &str,
    authority: &CertificateDer<'_>,
    now: Timestamp,
) -> Result<T, ShopError> {
    if text.len() > MAX_SIGNED {
        return Err(ShopError::TooLong);
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| MALFORMED)?;
    if header.alg != "ES256" || !(2..=MAX_CERTIFICATES).contains(&header.x5c.len()) {
        return Err(MALFORMED);
    }
    let chain: Vec<CertificateDer<'_>> = header
        .x5c
        .iter()
        .map(|certificate| STANDARD.decode(certificate).map(CertificateDer::from))
        .collect::<Result<_, _>>()
        .map_err(|_| MALFORMED)?;
    let key = signer(&chain, authority, now).ok_or(FORGED)?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key);
    key.verify(signed.as_bytes(), &decode(signature)?).map_err(|_| FORGED)?;
    serde_json::from_slice(&decode(payload)?).map_err(|_| MALFORMED)
}

/// The key of a chain's first certificate, if the chain is one of those that sign for the store.
fn signer(
    chain: &[CertificateDer<'_>],
    authority: &CertificateDer<'_>,
    now: Timestamp,
) -> Option<Vec<u8>> {
    let (leaf, above) = chain.split_first()?;
    let anchor = webpki::anchor_from_trusted_cert(authority).ok()?;
    let certificate = EndEntityCert::try_from(leaf).ok()?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).ok()?));
    let algorithms = &[ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384];
    let path = certificate
        .verify_for_usage(
            algorithms,
            std::slice::from_ref(&anchor),
            above,
            now,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .ok()?;
    // Exactly one authority between the signer and Apple's own.
    let mut between = path.intermediate_certificates();
    let certifier = between.next()?.der();
    let kinds = has_extension(leaf, MAY_SIGN_RECEIPTS) && has_extension(&certifier, MAY_CERTIFY);
    if between.next().is_some() || !kinds {
        return None;
    }
    public_key(&certificate.subject_public_key_info(), EC_KEY).map(<[u8]>::to_vec)
}

impl Transaction {
    pub(super) fn sale(self, answer: String) -> Result<Sale, ShopError> {
        if self.expires_date.is_some() {
            return Err(ShopError::NoPurchase);
        }
        Ok(Sale {
            product: named(Store::Apple, &self.product_id)?,
            transaction: named(Store::Apple, &self.transaction_id)?,
            purchase_time: self.purchase_date.ok_or(MALFORMED)?,
            refund_time: self.revocation_date,
            environment: environment(&self.environment),
            answer,
        })
    }

    pub(super) fn term(self, answer: String) -> Result<Term, ShopError> {
        let expire_time = self.expires_date.ok_or(ShopError::NoSubscription)?;
        Ok(Term {
            product: named(Store::Apple, &self.product_id)?,
            original_transaction: named(Store::Apple, &self.original_transaction_id)?,
            purchase_time: self.original_purchase_date.or(self.purchase_date).ok_or(MALFORMED)?,
            expire_time,
            refund_time: self.revocation_date,
            environment: environment(&self.environment),
            answer,
        })
    }
}
