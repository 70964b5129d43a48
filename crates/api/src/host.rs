//! What server code may ask of the server: one file per area of the table.

mod accounts;
mod channels;
mod crypto;
mod encoding;
mod events;
mod friends;
mod groups;
mod http;
mod identities;
mod leaderboards;
mod matches;
mod notifications;
mod process;
mod providers;
mod purchases;
mod sessions;
mod sql;
mod storage;
mod streams;
mod together;
mod tournaments;
mod wallets;

use std::sync::Arc;

use crate::services::Services;

/// The server as server code sees it.
pub struct ServerHost(Arc<Services>);

impl ServerHost {
    /// Over these services.
    #[must_use]
    pub fn new(services: Arc<Services>) -> Self {
        Self(services)
    }
}
