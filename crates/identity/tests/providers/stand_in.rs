//! Providers on a table: what each address answers, and what was asked.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use tavern_domain::{
    Clock, Fetch, FetchError, FetchRequest, FetchResponse, ManualClock, Timestamp,
};
use tavern_identity::{Config, Providers};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(crate) const RSA_PEM: &str = include_str!("made-up-rsa-key.pem");

/// What every provider of a test answers.
#[derive(Default)]
pub(crate) struct StandIn {
    answers: Mutex<HashMap<String, FetchResponse>>,
    pub(crate) asked: Mutex<Vec<FetchRequest>>,
    pub(crate) count: AtomicUsize,
}

impl StandIn {
    /// From now on an address, without its query, answers this.
    pub(crate) fn answer(&self, url: &str, status: u16, body: impl Into<Vec<u8>>) {
        self.answer_with(url, status, &[], body);
    }

    pub(crate) fn answer_with(
        &self,
        url: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let answer = FetchResponse { status, headers, body: body.into() };
        self.answers.lock().insert(url.to_owned(), answer);
    }

    pub(crate) fn is_gone(&self, url: &str) {
        self.answers.lock().remove(url);
    }

    pub(crate) fn asked(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn last(&self) -> FetchRequest {
        self.asked.lock().last().expect("something was asked").clone()
    }
}

#[async_trait::async_trait]
impl Fetch for StandIn {
    async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let at = request.url.split('?').next().unwrap_or_default().to_owned();
        let most = request.max_response;
        self.asked.lock().push(request);
        // Whoever waits for the same answer gets the time to ask as well.
        tokio::task::yield_now().await;
        let answer = self.answers.lock().get(&at).cloned();
        match answer.ok_or_else(|| FetchError::Failed("nobody is there".into()))? {
            long if long.body.len() > most => Err(FetchError::TooLarge { limit: most }),
            answer => Ok(answer),
        }
    }
}

/// Providers that ask stand-ins, at a time that stands still.
pub(crate) struct World {
    pub(crate) web: Arc<StandIn>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) providers: Providers,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let web = Arc::new(StandIn::default());
        let clock = Arc::new(ManualClock::at(NOW));
        let (fetch, time): (Arc<dyn Fetch>, Arc<dyn Clock>) = (web.clone(), clock.clone());
        Self { providers: Providers::new(config, &fetch, &time), web, clock }
    }
}

/// A key of a provider, by its name.
pub(crate) enum Signer {
    Rsa(&'static str, RsaKeyPair),
    P256(&'static str, EcdsaKeyPair),
}

impl Signer {
    pub(crate) fn rsa(name: &'static str) -> Self {
        let der = PrivatePkcs8KeyDer::from_pem_slice(RSA_PEM.as_bytes()).unwrap();
        Self::Rsa(name, RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap())
    }

    pub(crate) fn p256(name: &'static str) -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self::P256(name, EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref(), &random).unwrap())
    }

    /// The key as its provider publishes it.
    pub(crate) fn published(&self) -> serde_json::Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(name, pair) => {
                let parts: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                serde_json::json!({
                    "kty": "RSA", "kid": name, "use": "sig", "alg": "RS256",
                    "n": text(&parts.n), "e": text(&parts.e),
                })
            }
            Self::P256(name, pair) => {
                let point = pair.public_key().as_ref();
                serde_json::json!({
                    "kty": "EC", "crv": "P-256", "kid": name, "use": "sig", "alg": "ES256",
                    "x": text(&point[1..33]), "y": text(&point[33..]),
                })
            }
        }
    }

    pub(crate) fn document(&self) -> String {
        serde_json::json!({ "keys": [self.published()] }).to_string()
    }

    pub(crate) fn token(&self, claims: &serde_json::Value) -> String {
        let (algorithm, name) = match self {
            Self::Rsa(name, _) => ("RS256", name),
            Self::P256(name, _) => ("ES256", name),
        };
        self.token_as(&serde_json::json!({ "alg": algorithm, "kid": name }), claims)
    }

    /// A token with any header, signed by this key in its own way.
    pub(crate) fn token_as(
        &self,
        header: &serde_json::Value,
        claims: &serde_json::Value,
    ) -> String {
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(_, pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::P256(_, pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }
}
