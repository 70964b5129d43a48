//! Facebook: an access token, or the token of limited log-in.
//!
//! Sources: Facebook's documentation of the Graph API (`/me`, `/me/friends`) and of limited log-in.

use std::sync::Arc;

use serde::Deserialize;
use tavern_domain::{Clock, Fetch, FetchRequest, fetch};
use tavern_storage::Provider::Facebook;

use crate::config::FacebookConfig;
use crate::error::{IdentityError, Why};
use crate::keys::KeySet;
use crate::profile::{Profile, Said};
use crate::token::{MAX_TOKEN_BYTES, Unverified};
use crate::web;

const ISSUERS: [&str; 2] = ["https://www.facebook.com", "https://facebook.com"];
/// Most pages of friends that are asked for.
const MAX_PAGES: usize = 100;

#[derive(Deserialize)]
struct Me {
    id: String,
    name: Option<String>,
    email: Option<String>,
    picture: Option<Picture>,
}

#[derive(Deserialize)]
struct Picture {
    data: PictureData,
}

#[derive(Deserialize)]
struct PictureData {
    url: Option<String>,
}

#[derive(Deserialize)]
struct Friends {
    data: Vec<Friend>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Friend {
    id: String,
}

#[derive(Deserialize)]
struct Paging {
    cursors: Option<Cursors>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Cursors {
    after: Option<String>,
}

pub(crate) struct FacebookTokens {
    config: FacebookConfig,
    keys: KeySet,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
}

impl FacebookTokens {
    pub(crate) fn new(
        config: FacebookConfig,
        fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let keys = KeySet::new(config.keys_url.clone(), Arc::clone(&fetch), Arc::clone(&clock));
        Self { config, keys, fetch, clock }
    }

    pub(crate) async fn profile(&self, token: &str) -> Result<Profile, IdentityError> {
        if token.is_empty() {
            return Err(IdentityError::Missing("a Facebook token"));
        }
        let said = match Unverified::parse(token) {
            Ok(token) => self.limited(token).await,
            Err(why) if token.len() > MAX_TOKEN_BYTES => Err(why),
            // An access token has no shape of its own.
            Err(_) => self.graph(token).await,
        };
        said.map_err(|why| IdentityError::refused(Facebook, why))?.checked(Facebook)
    }

    async fn limited(&self, token: Unverified<'_>) -> Result<Said, Why> {
        let key = self.keys.key(token.key()?).await?;
        let claims = token.verified(&key)?;
        let app = self.config.limited_app_id.as_str();
        let audience: &[&str] = if app.is_empty() { &[] } else { &[app] };
        claims.check(&ISSUERS, audience, self.clock.now())?;
        Ok(claims.said(true))
    }

    async fn graph(&self, token: &str) -> Result<Said, Why> {
        let me: Me = self.ask("me", token, &[("fields", "name,email,picture")]).await?;
        Ok(Said {
            id: me.id,
            former_id: None,
            // Facebook names no address that it has not verified.
            email: me.email,
            display_name: me.name,
            avatar_url: me.picture.and_then(|picture| picture.data.url),
        })
    }

    /// The ids of those friends who use the same app.
    pub(crate) async fn friends(&self, token: &str, most: usize) -> Result<Vec<String>, Why> {
        if token.is_empty() || token.len() > MAX_TOKEN_BYTES || Unverified::parse(token).is_ok() {
            return Err(Why::Proof("friends are shown to access tokens only"));
        }
        let mut ids = Vec::new();
        let mut after = String::new();
        for _ in 0..MAX_PAGES {
            let page: Friends = match after.as_str() {
                "" => self.ask("me/friends", token, &[]).await?,
                after => self.ask("me/friends", token, &[("after", after)]).await?,
            };
            ids.extend(page.data.into_iter().map(|friend| friend.id));
            let next = page.paging.filter(|paging| paging.next.is_some());
            match next.and_then(|paging| paging.cursors).and_then(|cursors| cursors.after) {
                Some(cursor) if ids.len() < most && cursor != after => after = cursor,
                Some(_) | None => break,
            }
        }
        ids.truncate(most);
        Ok(ids)
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Why> {
        let mut url = format!("{}/{path}", self.config.graph_url.trim_end_matches('/'));
        if !query.is_empty() {
            url = format!("{url}?{}", fetch::query(query));
        }
        // In a header, since addresses end up in logs.
        let bearer = FetchRequest::get(url).header("authorization", format!("Bearer {token}"));
        web::json(&*self.fetch, bearer).await
    }
}
