//! Google: an identity token, or the server code of Play Games.
//!
//! Sources: Google's documentation "Authenticate with a backend server" and "Server-side access to
//! Google Play Games services"; RFC 6749, section 4.1.3 (exchange of a code).

use std::sync::Arc;

use serde::Deserialize;
use tavern_domain::{Clock, Fetch, FetchRequest, Secret};
use tavern_storage::Provider::Google;

use crate::config::GoogleConfig;
use crate::error::{IdentityError, Why};
use crate::keys::KeySet;
use crate::profile::{Profile, Said};
use crate::token::{MAX_TOKEN_BYTES, Unverified};
use crate::web;

const ISSUERS: [&str; 2] = ["accounts.google.com", "https://accounts.google.com"];

/// The document that Google hands out for an OAuth client.
#[derive(Deserialize)]
enum Credentials {
    #[serde(rename = "web")]
    Web(OauthClient),
    #[serde(rename = "installed")]
    Installed(OauthClient),
}

#[derive(Deserialize)]
struct OauthClient {
    client_id: String,
    client_secret: Secret,
    token_uri: String,
    #[serde(default)]
    redirect_uris: Vec<String>,
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Player {
    player_id: String,
    original_player_id: Option<String>,
    display_name: Option<String>,
    avatar_image_url: Option<String>,
}

pub(crate) struct GoogleTokens {
    client_ids: Vec<String>,
    player_url: String,
    oauth: Option<OauthClient>,
    keys: KeySet,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
}

impl GoogleTokens {
    /// What is no OAuth client counts as none, with a line in the log.
    pub(crate) fn new(config: GoogleConfig, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        let text = config.credentials_json.expose();
        let oauth = match serde_json::from_str(text) {
            Ok(Credentials::Web(client) | Credentials::Installed(client)) => Some(client),
            Err(_) if text.is_empty() => None,
            // The parser's own words could repeat a part of the secret.
            Err(_) => {
                tracing::error!("google_auth.credentials_json holds no OAuth client");
                None
            }
        };
        let keys = KeySet::new(config.keys_url, Arc::clone(&fetch), Arc::clone(&clock));
        let GoogleConfig { client_ids, player_url, .. } = config;
        Self { client_ids, player_url, oauth, keys, fetch, clock }
    }

    pub(crate) async fn profile(&self, token: &str) -> Result<Profile, IdentityError> {
        if token.is_empty() {
            return Err(IdentityError::Missing("a Google token"));
        }
        let said = match Unverified::parse(token) {
            Ok(token) => self.by_token(token).await,
            // A server code is a text without a shape of its own.
            Err(why) => match &self.oauth {
                Some(oauth) if token.len() <= MAX_TOKEN_BYTES => self.by_code(oauth, token).await,
                Some(_) | None => Err(why),
            },
        };
        said.map_err(|why| IdentityError::refused(Google, why))?.checked(Google)
    }

    async fn by_token(&self, token: Unverified<'_>) -> Result<Said, Why> {
        let key = self.keys.key(token.key()?).await?;
        let claims = token.verified(&key)?;
        let audience: Vec<&str> = self.client_ids.iter().map(String::as_str).collect();
        claims.check(&ISSUERS, &audience, self.clock.now())?;
        Ok(claims.said(false))
    }

    async fn by_code(&self, oauth: &OauthClient, code: &str) -> Result<Said, Why> {
        let redirect = oauth.redirect_uris.first().map_or("", String::as_str);
        let body = web::form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", &oauth.client_id),
            ("client_secret", oauth.client_secret.expose()),
            ("redirect_uri", redirect),
        ]);
        let request =
            FetchRequest::post(&oauth.token_uri, "application/x-www-form-urlencoded", body);
        let got: Exchanged = web::json(&*self.fetch, request).await?;
        let bearer = format!("Bearer {}", got.access_token.expose());
        let request = FetchRequest::get(&self.player_url).header("authorization", bearer);
        let player: Player = web::json(&*self.fetch, request).await?;
        Ok(Said {
            id: player.player_id,
            former_id: player.original_player_id,
            email: None,
            display_name: player.display_name,
            avatar_url: player.avatar_image_url,
        })
    }
}
