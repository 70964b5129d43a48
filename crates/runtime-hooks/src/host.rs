//! What server code may ask of the server.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tavern_domain::{SessionId, UserId};

use crate::error::HookError;
use crate::objects::{
    HostObject, HostObjectAck, HostObjectDelete, HostObjectId, HostObjectPage, HostObjectQuery,
    HostObjectWrite,
};

/// A player as server code sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostAccount {
    pub user: UserId,
    pub username: String,
    pub display_name: Option<String>,
    /// The text of a JSON object.
    pub metadata: String,
    pub wallet: BTreeMap<String, i64>,
    pub disabled: bool,
}

/// The server as server code sees it. Each function runs the same use case as a client's call
/// would, with the rights of the server.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// An account; `None` when there is none.
    async fn account_get(&self, user: UserId) -> Result<Option<HostAccount>, HookError>;

    /// Adds `changeset` to a wallet and, with `ledger`, writes a ledger entry with `metadata` (the
    /// text of a JSON object). Answers the wallet afterwards. All or nothing; never below zero.
    async fn wallet_update(
        &self,
        user: UserId,
        changeset: &BTreeMap<String, i64>,
        metadata: &str,
        ledger: bool,
    ) -> Result<BTreeMap<String, i64>, HookError>;

    /// The objects that are there, each once, in the order asked for.
    async fn storage_read(&self, ids: &[HostObjectId]) -> Result<Vec<HostObject>, HookError>;

    /// Writes objects, all or none, whatever their permissions say; answers one ack for each, in
    /// order.
    async fn storage_write(
        &self,
        objects: &[HostObjectWrite],
    ) -> Result<Vec<HostObjectAck>, HookError>;

    /// Deletes objects, all or none, whatever their permissions say. One that is not there is an
    /// error.
    async fn storage_delete(&self, objects: &[HostObjectDelete]) -> Result<(), HookError>;

    /// A part of a collection.
    async fn storage_list(&self, query: &HostObjectQuery) -> Result<HostObjectPage, HookError>;

    /// Bans players: their tokens are revoked, their sockets closed, log-ins refused.
    async fn users_ban(&self, users: &[UserId]) -> Result<(), HookError>;

    /// Lifts bans.
    async fn users_unban(&self, users: &[UserId]) -> Result<(), HookError>;

    /// Revokes every token of a player and closes their sockets.
    async fn session_logout_all(&self, user: UserId) -> Result<(), HookError>;

    /// Closes one socket; answers whether it was open on this node.
    async fn session_disconnect(&self, session: SessionId) -> Result<bool, HookError>;
}
