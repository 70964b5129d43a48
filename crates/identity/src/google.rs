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
enum Document {
    #[serde(rename = "web")]
    Web(OauthClient),
    #[serde(rename = "installed")]
    Installed(OauthClient),
}

/// A client that exchanges the server codes of Play Games.
#[derive(Clone, Debug, Deserialize)]
pub struct OauthClient {
    client_id: String,
    client_secret: Secret,
    token_uri: String,
    #[serde(default)]
    redirect_uris: Vec<String>,
}

/// A text is not the document of an OAuth client. Says no more: a part of it may be secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("holds no OAuth client")]
pub struct NoOauthClient;

impl OauthClient {
    /// Reads the JSON document that Google hands out: a client of the kind `web` or `installed`.
    ///
    /// # Errors
    /// [`NoOauthClient`] when it is something else, such as the document of a service account, or
    /// when its codes cannot be exchanged at an address with `http` or `https`.
    pub fn from_document(text: &str) -> Result<Self, NoOauthClient> {
        let (Document::Web(client) | Document::Installed(client)) =
            serde_json::from_str(text).map_err(|_| NoOauthClient)?;
        let uri = client.token_uri.as_str();
        if uri.starts_with("https://") || uri.starts_with("http://") {
            Ok(client)
        } else {
            Err(NoOauthClient)
        }
    }
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
    pub(crate) fn new(config: GoogleConfig, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        let keys = KeySet::new(config.keys_url, Arc::clone(&fetch), Arc::clone(&clock));
        let GoogleConfig { client_ids, oauth, player_url, .. } = config;
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
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", &oauth.client_id),
            ("client_secret", oauth.client_secret.expose()),
            ("redirect_uri", redirect),
        ];
        let request = FetchRequest::form(&oauth.token_uri, &fields);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_oauth_client_is_one() {
        let client = r#"{"client_id":"a","client_secret":"made-up","token_uri":"https://example.com/token"}"#;
        for kind in ["web", "installed"] {
            let client = OauthClient::from_document(&format!(r#"{{"{kind}":{client}}}"#)).unwrap();
            assert_eq!((client.client_id.as_str(), client.redirect_uris.len()), ("a", 0));
            assert!(!format!("{client:?}").contains("made-up"));
        }
        let nowhere = client.replace("https://", "");
        for text in [
            "",
            "{}",
            client,
            r#"{"type":"service_account","client_id":"a","token_uri":"https://example.com"}"#,
            r#"{"web":{"client_id":"a","token_uri":"https://example.com/token"}}"#,
            &format!(r#"{{"web":{nowhere}}}"#),
        ] {
            assert!(OauthClient::from_document(text).is_err(), "{text}");
        }
    }
}
