//! What server code may ask of the server.

mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tavern_domain::{SessionId, UserId};
use tavern_economy::{Changeset, WalletUpdate};
use tavern_runtime_hooks::{
    HookError, Host, HostAccount, HostObject, HostObjectAck, HostObjectDelete, HostObjectId,
    HostObjectPage, HostObjectQuery, HostObjectWrite,
};
use tavern_streams::CloseReason;

use crate::error;
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

#[async_trait]
impl Host for ServerHost {
    async fn account_get(&self, user: UserId) -> Result<Option<HostAccount>, HookError> {
        let account = self.0.storage.accounts.get(user).await.map_err(error::storage)?;
        let Some(account) = account else { return Ok(None) };
        let wallet = serde_json::from_str(&account.wallet).map_err(HookError::internal)?;
        Ok(Some(HostAccount {
            user,
            username: account.user.username,
            display_name: account.user.display_name,
            metadata: account.user.metadata,
            wallet,
            disabled: account.disable_time.is_some(),
        }))
    }

    async fn wallet_update(
        &self,
        user: UserId,
        changeset: &BTreeMap<String, i64>,
        metadata: &str,
        ledger: bool,
    ) -> Result<BTreeMap<String, i64>, HookError> {
        let changeset = Changeset::new(changeset.clone()).map_err(error::classified)?;
        let update = WalletUpdate { user, changeset, metadata: Some(metadata.to_owned()) };
        let updated = self.0.economy.update(update, ledger).await;
        Ok(updated.map_err(error::classified)?.updated)
    }

    async fn storage_read(&self, ids: &[HostObjectId]) -> Result<Vec<HostObject>, HookError> {
        objects::read(&self.0, ids).await
    }

    async fn storage_write(
        &self,
        objects: &[HostObjectWrite],
    ) -> Result<Vec<HostObjectAck>, HookError> {
        objects::write(&self.0, objects).await
    }

    async fn storage_delete(&self, objects: &[HostObjectDelete]) -> Result<(), HookError> {
        objects::delete(&self.0, objects).await
    }

    async fn storage_list(&self, query: &HostObjectQuery) -> Result<HostObjectPage, HookError> {
        objects::list(&self.0, query).await
    }

    async fn users_ban(&self, users: &[UserId]) -> Result<(), HookError> {
        let now = self.0.clock.now();
        self.0.storage.accounts.set_disabled(users, Some(now)).await.map_err(error::storage)?;
        for user in users {
            self.0.end_all(*user, CloseReason::Banned).await?;
        }
        Ok(())
    }

    async fn users_unban(&self, users: &[UserId]) -> Result<(), HookError> {
        self.0.storage.accounts.set_disabled(users, None).await.map_err(error::storage)?;
        Ok(())
    }

    async fn session_logout_all(&self, user: UserId) -> Result<(), HookError> {
        Ok(self.0.end_all(user, CloseReason::LoggedOut).await?)
    }

    async fn session_disconnect(&self, session: SessionId) -> Result<bool, HookError> {
        Ok(self.0.streams.close(session, CloseReason::Kicked))
    }
}
