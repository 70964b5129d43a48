//! Steam: a session ticket that Steam itself checks.
//!
//! Source: Valve's documentation of `ISteamUserAuth/AuthenticateUserTicket` and
//! `ISteamUser/GetFriendList`.

use std::sync::Arc;

use serde::Deserialize;
use tavern_domain::{Fetch, FetchRequest, fetch};
use tavern_storage::Provider::Steam;

use crate::config::SteamConfig;
use crate::error::{IdentityError, Why};
use crate::profile::{Profile, Said};
use crate::token::MAX_TOKEN_BYTES;
use crate::web;

#[derive(Deserialize)]
struct Wrapped {
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    params: Option<Params>,
}

#[derive(Deserialize)]
struct Params {
    result: Option<String>,
    #[serde(rename = "steamid")]
    steam_id: String,
}

#[derive(Deserialize)]
struct FriendList {
    #[serde(alias = "friendsList", alias = "friendslist")]
    friends_list: Friends,
}

#[derive(Deserialize)]
struct Friends {
    friends: Vec<Friend>,
}

#[derive(Deserialize)]
struct Friend {
    #[serde(rename = "steamid")]
    steam_id: String,
}

pub(crate) struct SteamTickets {
    config: SteamConfig,
    fetch: Arc<dyn Fetch>,
}

impl SteamTickets {
    pub(crate) fn new(config: SteamConfig, fetch: Arc<dyn Fetch>) -> Self {
        Self { config, fetch }
    }

    pub(crate) async fn profile(&self, ticket: &str) -> Result<Profile, IdentityError> {
        if self.config.app_id == 0 || self.config.publisher_key.expose().is_empty() {
            return Err(IdentityError::NotConfigured(Steam));
        }
        if ticket.is_empty() {
            return Err(IdentityError::Missing("a Steam ticket"));
        }
        let id = self.owner(ticket).await.map_err(|why| IdentityError::refused(Steam, why))?;
        Said { id, ..Said::default() }.checked(Steam)
    }

    async fn owner(&self, ticket: &str) -> Result<String, Why> {
        if ticket.len() > MAX_TOKEN_BYTES {
            return Err(Why::Proof("the ticket is too long"));
        }
        let app = self.config.app_id.to_string();
        let query = [("format", "json"), ("appid", &app), ("ticket", ticket)];
        let wrapped: Wrapped = self.ask("ISteamUserAuth/AuthenticateUserTicket/v1", &query).await?;
        let params = wrapped.response.params.ok_or(Why::Proof("Steam refuses the ticket"))?;
        if params.result.is_some_and(|result| result != "OK") {
            return Err(Why::Proof("Steam refuses the ticket"));
        }
        number(&params.steam_id).ok_or(Why::Proof("the provider's answer is unreadable"))
    }

    /// The ids of a player's friends. A player whose list is private has none.
    pub(crate) async fn friends(&self, id: &str, most: usize) -> Result<Vec<String>, Why> {
        let query = [("steamid", id), ("relationship", "friend")];
        let list: FriendList = match self.ask("ISteamUser/GetFriendList/v1", &query).await {
            Err(Why::Status(401)) => return Ok(Vec::new()),
            other => other?,
        };
        let friends = list.friends_list.friends.into_iter();
        Ok(friends.filter_map(|friend| number(&friend.steam_id)).take(most).collect())
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Why> {
        // Steam takes its key in the query alone.
        let key = ("key", self.config.publisher_key.expose());
        let query: Vec<(&str, &str)> = [key].into_iter().chain(query.iter().copied()).collect();
        let root = self.config.api_url.trim_end_matches('/');
        let url = format!("{root}/{method}/?{}", fetch::query(&query));
        web::json(&*self.fetch, FetchRequest::get(url)).await
    }
}

/// A Steam id in its one spelling.
fn number(text: &str) -> Option<String> {
    text.parse::<u64>().ok().map(|id| id.to_string())
}
