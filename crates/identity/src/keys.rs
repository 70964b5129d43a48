//! The keys that a provider publishes: fetched, kept, renewed.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use serde::Deserialize;
use tavern_domain::{Clock, Fetch, FetchRequest, Timestamp};
use tokio::sync::Mutex;

use crate::error::Why;
use crate::token::Key;

/// The longest document of keys that is read, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;
/// Most keys that are kept of one provider.
const MAX_KEYS: usize = 64;
/// Between two questions for keys lie at least these seconds, however many tokens name a key that
/// is not known: whoever makes tokens up shall not make us ask.
const PAUSE: i64 = 60;
/// How long keys are good when the provider does not say, in seconds.
const USUAL_AGE: i64 = 3_600;
/// How long they are good at least and at most, whatever the provider says.
const AGES: (i64, i64) = (300, 86_400);
/// How long they may be used beyond their age while the provider cannot be asked, in seconds.
const GRACE: i64 = 86_400;

#[derive(Default)]
struct Known {
    keys: HashMap<String, Arc<Key>>,
    fresh_until: Option<Timestamp>,
    asked: Option<Timestamp>,
}

/// The keys of one provider.
pub(crate) struct KeySet {
    url: String,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    known: RwLock<Known>,
    /// Who holds it asks the provider; others wait and look again.
    asking: Mutex<()>,
}

impl KeySet {
    pub(crate) fn new(url: String, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self { url, fetch, clock, known: RwLock::default(), asking: Mutex::new(()) }
    }

    /// The key of this name. Asks the provider when it is not known, or known for too long.
    pub(crate) async fn key(&self, name: &str) -> Result<Arc<Key>, Why> {
        if let Some(key) = self.fresh(name) {
            return Ok(key);
        }
        let _asking = self.asking.lock().await;
        if let Some(key) = self.fresh(name) {
            return Ok(key);
        }
        let now = self.clock.now();
        let pausing = |asked: Timestamp| now < asked.plus_seconds(PAUSE);
        let failed = if self.known.read().asked.is_some_and(pausing) {
            None
        } else {
            let failed = self.renew(now).await.err();
            // Not before: whoever gives up half-way has heard nothing, and the next may ask.
            self.known.write().asked = Some(now);
            failed
        };
        let known = self.known.read();
        let usable = known.fresh_until.is_some_and(|until| now < until.plus_seconds(GRACE));
        match (known.keys.get(name).filter(|_| usable), failed) {
            (Some(key), failed) => {
                if let Some(error) = failed {
                    tracing::warn!(url = self.url, %error, "keys could not be renewed");
                }
                Ok(Arc::clone(key))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Err(Why::Proof("the token names a key that is not known")),
        }
    }

    fn fresh(&self, name: &str) -> Option<Arc<Key>> {
        let known = self.known.read();
        let now = self.clock.now();
        let key = known.keys.get(name)?;
        known.fresh_until.is_some_and(|until| now < until).then(|| Arc::clone(key))
    }

    async fn renew(&self, now: Timestamp) -> Result<(), Why> {
        let mut request = FetchRequest::get(&self.url);
        request.max_response = MAX_DOCUMENT;
        let answer = self.fetch.fetch(request).await?;
        if !answer.is_success() {
            return Err(Why::Status(answer.status));
        }
        let keys = read(&answer.body)?;
        let said = answer.header("cache-control").and_then(max_age);
        let age = said.unwrap_or(USUAL_AGE).clamp(AGES.0, AGES.1);
        let mut known = self.known.write();
        known.keys = keys;
        known.fresh_until = Some(now.plus_seconds(age));
        Ok(())
    }
}

/// How long an answer may be kept, in seconds.
fn max_age(header: &str) -> Option<i64> {
    header.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse().ok())
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Published>,
}

#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Published {
    /// A key that we know what to do with.
    fn usable(self) -> Option<(String, Arc<Key>)> {
        let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        if self.purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Key::Rsa { n: bytes(self.n)?, e: bytes(self.e)? },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(self.x)?, bytes(self.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                Key::P256([&[4][..], &x, &y].concat())
            }
            _ => return None,
        };
        Some((self.kid?, Arc::new(key)))
    }
}

fn read(body: &[u8]) -> Result<HashMap<String, Arc<Key>>, Why> {
    let document: Document = serde_json::from_slice(body)
        .map_err(|_| Why::Proof("the provider's keys are unreadable"))?;
    let keys: HashMap<_, _> =
        document.keys.into_iter().filter_map(Published::usable).take(MAX_KEYS).collect();
    if keys.is_empty() {
        return Err(Why::Proof("the provider has no key that can be used"));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_read_among_other_words() {
        assert_eq!(max_age("public, max-age=19800, must-revalidate"), Some(19_800));
        assert_eq!(max_age("no-store"), None);
        assert_eq!(max_age("max-age=soon"), None);
    }

    #[test]
    fn keys_for_other_purposes_and_of_other_kinds_are_passed_over() {
        let body = br#"{"keys":[
            {"kty":"RSA","kid":"a","use":"enc","n":"AQAB","e":"AQAB"},
            {"kty":"oct","kid":"b","k":"AQAB"},
            {"kty":"EC","crv":"P-384","kid":"c","x":"AQAB","y":"AQAB"},
            {"kty":"EC","crv":"P-256","kid":"d","x":"AQAB","y":"AQAB"},
            {"kty":"RSA","use":"sig","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","kid":"e","n":"AQAB","e":"AQAB","x5c":["ignored"]}]}"#;
        let keys = read(body).unwrap();
        assert_eq!(keys.into_keys().collect::<Vec<_>>(), ["e"]);
        assert!(read(br#"{"keys":[]}"#).is_err());
        assert!(read(b"<html>").is_err());
    }
}
