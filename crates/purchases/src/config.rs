//! What the stores are configured with.

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tavern_domain::Secret;

/// The authority that Apple's signed transactions go back to: "Apple Root CA - G3", valid until
/// 2039, <https://www.apple.com/certificateauthority/>. Its SHA-256 fingerprint is
/// 63343ABFB89A6A03EBB57E9B3F5FA7BE7C4F5C756F3017B3A8C488C3653E9179.
const APPLE_ROOT: &[u8] = include_bytes!("apple/root_ca_g3.der");

/// The certificate of an authority.
pub type Authority = CertificateDer<'static>;

/// Every store. A store whose keys are empty is not configured, and its calls say so.
#[derive(Clone, Debug)]
pub struct Config {
    /// Apple's store.
    pub apple: AppleConfig,
    /// Google's store.
    pub google: GoogleConfig,
    /// Huawei's store.
    pub huawei: HuaweiConfig,
    /// Facebook Instant Games.
    pub facebook_instant: FacebookInstantConfig,
    /// Samsung's store.
    pub samsung: SamsungConfig,
    /// How long one request to a store may take.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            apple: AppleConfig::default(),
            google: GoogleConfig::default(),
            huawei: HuaweiConfig::default(),
            facebook_instant: FacebookInstantConfig::default(),
            samsung: SamsungConfig::default(),
            timeout: Duration::from_secs(10),
        }
    }
}

/// Apple's store. It is configured when there is a shared password or a bundle.
#[derive(Clone, Debug)]
pub struct AppleConfig {
    /// What receipts are checked with.
    pub shared_password: Secret,
    /// The app that a receipt or transaction must be of; empty for any.
    pub bundle_id: String,
    /// The certificate that the chain of a signed transaction must go back to.
    pub authority: Authority,
    /// Where receipts are checked.
    pub production_url: String,
    /// Where receipts of trials are checked.
    pub sandbox_url: String,
}

impl Default for AppleConfig {
    fn default() -> Self {
        Self {
            shared_password: Secret::default(),
            bundle_id: String::new(),
            authority: CertificateDer::from(APPLE_ROOT),
            production_url: "https://buy.itunes.apple.com".to_owned(),
            sandbox_url: "https://sandbox.itunes.apple.com".to_owned(),
        }
    }
}

/// Google's store. It is configured when there are an address and a key.
#[derive(Clone, Debug)]
pub struct GoogleConfig {
    /// Mail address of the service account.
    pub client_email: String,
    /// Its private key: RSA, PKCS#8, in PEM.
    pub private_key: Secret,
    /// Where the account gets its access tokens.
    pub token_url: String,
    /// Where purchases are looked up.
    pub api_url: String,
}

impl Default for GoogleConfig {
    fn default() -> Self {
        Self {
            client_email: String::new(),
            private_key: Secret::default(),
            token_url: "https://oauth2.googleapis.com/token".to_owned(),
            api_url: "https://androidpublisher.googleapis.com".to_owned(),
        }
    }
}

/// Huawei's store. It is configured when there are a client, its secret and a key.
#[derive(Clone, Debug)]
pub struct HuaweiConfig {
    /// Client of the store.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// What the store signs purchases with: an RSA key, Base64 of its X.509 form.
    pub public_key: String,
    /// Where the client gets its access tokens.
    pub token_url: String,
    /// Where purchases are looked up.
    pub orders_url: String,
    /// Where purchases of AppTouch accounts are looked up.
    pub app_touch_url: String,
}

impl Default for HuaweiConfig {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            client_secret: Secret::default(),
            public_key: String::new(),
            token_url: "https://oauth-login.cloud.huawei.com/oauth2/v3/token".to_owned(),
            orders_url: "https://orders-dre.iap.hicloud.com".to_owned(),
            app_touch_url: "https://orders-at-dre.iap.dbankcloud.com".to_owned(),
        }
    }
}

/// Facebook Instant Games. It is configured when there is a secret.
#[derive(Clone, Debug, Default)]
pub struct FacebookInstantConfig {
    /// What purchases are signed with.
    pub app_secret: Secret,
}

/// Samsung's store, which needs no key and is always configured.
#[derive(Clone, Debug)]
pub struct SamsungConfig {
    /// The package that a receipt must be of; empty for any.
    pub package_name: String,
    /// Where receipts are looked up.
    pub url: String,
}

impl Default for SamsungConfig {
    fn default() -> Self {
        Self { package_name: String::new(), url: "https://iap.samsungapps.com".to_owned() }
    }
}

/// A text that is no certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("one certificate in PEM is expected")]
pub struct AuthorityError;

/// Reads the certificate of an authority from PEM.
///
/// # Errors
/// [`AuthorityError`] when there is none, or it is none that a chain can go back to.
pub fn authority(pem: &[u8]) -> Result<Authority, AuthorityError> {
    let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| AuthorityError)?;
    webpki::anchor_from_trusted_cert(&certificate).map_err(|_| AuthorityError)?;
    Ok(certificate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_that_is_built_in_is_apples() {
        let fingerprint = <sha2::Sha256 as sha2::Digest>::digest(APPLE_ROOT);
        let expected = "63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179";
        let shown: String = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, expected);
        assert!(webpki::anchor_from_trusted_cert(&CertificateDer::from(APPLE_ROOT)).is_ok());
    }

    #[test]
    fn what_is_no_certificate_is_no_authority() {
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for bad in ["", "nothing", garbage] {
            assert_eq!(authority(bad.as_bytes()), Err(AuthorityError), "{bad}");
        }
    }
}
