//! Sign in with Apple: an identity token.
//!
//! Source: Apple's documentation of Sign in with Apple, "Verifying a user".

use std::sync::Arc;

use tavern_domain::{Clock, Fetch};
use tavern_storage::Provider::Apple;

use crate::config::AppleConfig;
use crate::error::IdentityError;
use crate::keys::KeySet;
use crate::profile::Profile;
use crate::token::Unverified;

const ISSUER: &str = "https://appleid.apple.com";

pub(crate) struct AppleTokens {
    config: AppleConfig,
    keys: KeySet,
    clock: Arc<dyn Clock>,
}

impl AppleTokens {
    pub(crate) fn new(config: AppleConfig, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        let keys = KeySet::new(config.keys_url.clone(), fetch, Arc::clone(&clock));
        Self { config, keys, clock }
    }

    pub(crate) async fn profile(&self, token: &str) -> Result<Profile, IdentityError> {
        if self.config.bundle_id.is_empty() {
            return Err(IdentityError::NotConfigured(Apple));
        }
        if token.is_empty() {
            return Err(IdentityError::Missing("an Apple id token"));
        }
        let refused = |why| IdentityError::refused(Apple, why);
        let token = Unverified::parse(token).map_err(refused)?;
        let key = self.keys.key(token.key().map_err(refused)?).await.map_err(refused)?;
        let claims = token.verified(&key).map_err(refused)?;
        let others = self.config.client_ids.iter().map(String::as_str);
        let audience: Vec<&str> = others.chain([self.config.bundle_id.as_str()]).collect();
        claims.check(&[ISSUER], &audience, self.clock.now()).map_err(refused)?;
        claims.said(false).checked(Apple)
    }
}
