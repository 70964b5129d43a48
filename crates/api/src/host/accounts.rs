//! Players' accounts.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use tavern_domain::{CodedError, UserId, check_json_object};
use tavern_protocol::{Unknown, Wire as _, console};
use tavern_runtime_hooks::host::{
    AccountDeleteId, AccountExportId, AccountGetId, AccountImportId, AccountUpdateId,
    AccountsGetId, AccountsHost, HostAccount, HostDevice, HostUser, UsersBanId, UsersGetId,
    UsersGetRandom, UsersGetUsername, UsersUnbanId,
};
use tavern_runtime_hooks::{HookError, Json};
use tavern_storage::{Account, AccountUpdate, Identity, User};
use tavern_streams::CloseReason;

use super::ServerHost;
use crate::cases::{account, archives};
use crate::error;
use crate::services::no_account;

/// Most accounts in one call.
const MOST: usize = 1_000;
/// Most bytes of an account's metadata.
const METADATA_BYTES: usize = 16 * 1024;

#[async_trait]
impl AccountsHost for ServerHost {
    async fn account_get_id(&self, args: AccountGetId) -> Result<HostAccount, HookError> {
        Ok(self.account(args.user_id).await?.ok_or_else(no_account)?)
    }

    async fn accounts_get_id(&self, args: AccountsGetId) -> Result<Vec<HostAccount>, HookError> {
        let mut users = bounded(args.user_ids)?;
        for device in bounded(args.device_ids)? {
            let found = self.0.storage.accounts.find(Identity::Device(&device), false).await;
            users.extend(found.map_err(error::storage)?.map(|login| login.user));
        }
        users.sort_unstable();
        users.dedup();
        let found = try_join_all(users.into_iter().map(|user| self.account(user))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn account_update_id(&self, args: AccountUpdateId) -> Result<(), HookError> {
        let (user, update) = change(args)?;
        Ok(account::apply(&self.0, user, &update).await?)
    }

    async fn account_delete_id(&self, args: AccountDeleteId) -> Result<(), HookError> {
        Ok(account::remove(&self.0, args.user_id, args.recorded.unwrap_or(false)).await?)
    }

    async fn account_export_id(&self, args: AccountExportId) -> Result<String, HookError> {
        let export = archives::export(&self.0, args.user_id).await?;
        Ok(String::from_utf8(export.to_json()).map_err(CodedError::internal)?)
    }

    async fn account_import_id(&self, args: AccountImportId) -> Result<HostAccount, HookError> {
        if args.data.len() > archives::MOST_IMPORT_BYTES {
            return Err(CodedError::invalid("the data of an import are too long").into());
        }
        let data = console::AccountExport::read_json(args.data.as_bytes(), Unknown::Ignore)
            .map_err(|error| CodedError::invalid(format!("the data are no export: {error}")))?;
        let user = archives::import(&self.0, args.user_id.0, data).await?;
        Ok(self.account(user).await?.ok_or_else(no_account)?)
    }

    async fn users_get_id(&self, args: UsersGetId) -> Result<Vec<HostUser>, HookError> {
        let (ids, facebook) = (bounded(args.user_ids)?, bounded(args.facebook_ids)?);
        Ok(self.users(&ids, &[], &facebook).await?)
    }

    async fn users_get_username(&self, args: UsersGetUsername) -> Result<Vec<HostUser>, HookError> {
        Ok(self.users(&[], &bounded(args.usernames)?, &[]).await?)
    }

    async fn users_get_random(&self, args: UsersGetRandom) -> Result<Vec<HostUser>, HookError> {
        let count = u32::try_from(args.count.unwrap_or_default()).unwrap_or(u32::MAX);
        if count as usize > MOST {
            return Err(CodedError::invalid(format!("the count must be 0 to {MOST}")).into());
        }
        if count == 0 {
            return Ok(Vec::new());
        }
        let from = UserId(self.0.entropy.uuid_v4());
        let found = self.0.storage.accounts.users_from(from, count).await;
        Ok(found.map_err(error::storage)?.into_iter().map(|found| self.seen(found)).collect())
    }

    async fn users_ban_id(&self, args: UsersBanId) -> Result<(), HookError> {
        let users = bounded(args.user_ids)?;
        let now = self.0.clock.now();
        self.0.storage.accounts.set_disabled(&users, Some(now)).await.map_err(error::storage)?;
        for user in users {
            self.0.end_all(user, CloseReason::Banned).await?;
        }
        Ok(())
    }

    async fn users_unban_id(&self, args: UsersUnbanId) -> Result<(), HookError> {
        let users = bounded(args.user_ids)?;
        self.0.storage.accounts.set_disabled(&users, None).await.map_err(error::storage)?;
        Ok(())
    }
}

impl ServerHost {
    async fn users(
        &self,
        ids: &[UserId],
        usernames: &[String],
        facebook_ids: &[String],
    ) -> Result<Vec<HostUser>, CodedError> {
        if ids.is_empty() && usernames.is_empty() && facebook_ids.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.0.storage.accounts.users(ids, usernames, facebook_ids).await;
        Ok(found.map_err(error::storage)?.into_iter().map(|found| self.seen(found)).collect())
    }

    fn seen(&self, found: User) -> HostUser {
        let online = self.0.is_online(found.id);
        user(found, online)
    }

    async fn account(&self, user: UserId) -> Result<Option<HostAccount>, CodedError> {
        let found = self.0.storage.accounts.get(user).await.map_err(error::storage)?;
        found.map(|account| shown(account, self.0.is_online(user))).transpose()
    }
}

/// A list that may be left out, and is not too long.
pub(super) fn bounded<T>(list: Option<Vec<T>>) -> Result<Vec<T>, CodedError> {
    match list.unwrap_or_default() {
        list if list.len() > MOST => {
            Err(CodedError::invalid(format!("more than {MOST} at a time")))
        }
        list => Ok(list),
    }
}

/// A change of an account as server code asks for it.
pub(super) fn change(args: AccountUpdateId) -> Result<(UserId, AccountUpdate), CodedError> {
    let metadata = args.metadata.map(|json| json.0);
    if let Some(metadata) = &metadata {
        check_json_object(metadata, METADATA_BYTES)
            .map_err(|error| CodedError::invalid(format!("metadata: {error}")))?;
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let update = AccountUpdate {
        username: given(args.username),
        display_name: account::field(args.display_name.as_deref()),
        avatar_url: account::field(args.avatar_url.as_deref()),
        lang_tag: given(args.lang_tag),
        location: account::field(args.location.as_deref()),
        timezone: account::field(args.timezone.as_deref()),
        metadata,
    };
    Ok((args.user_id, update))
}

/// An account as server code sees it.
pub(super) fn shown(account: Account, online: bool) -> Result<HostAccount, CodedError> {
    let wallet = serde_json::from_str(&account.wallet).map_err(CodedError::internal)?;
    Ok(HostAccount {
        user_id: account.user.id,
        user: user(account.user, online),
        wallet,
        email: account.email,
        devices: account.devices.into_iter().map(|id| HostDevice { id }).collect(),
        custom_id: account.custom_id,
        verify_time: account.verify_time.map(|at| at.seconds()),
        disable_time: account.disable_time.map(|at| at.seconds()),
    })
}

/// A player as server code sees them.
pub(super) fn user(user: User, online: bool) -> HostUser {
    HostUser {
        user_id: user.id,
        username: user.username,
        display_name: user.display_name.unwrap_or_default(),
        avatar_url: user.avatar_url.unwrap_or_default(),
        lang_tag: user.lang_tag,
        location: user.location.unwrap_or_default(),
        timezone: user.timezone.unwrap_or_default(),
        apple_id: user.apple_id,
        facebook_id: user.facebook_id,
        facebook_instant_game_id: user.facebook_instant_game_id,
        google_id: user.google_id,
        gamecenter_id: user.gamecenter_id,
        steam_id: user.steam_id,
        online,
        edge_count: user.edge_count,
        create_time: user.create_time,
        update_time: user.update_time,
        metadata: Json(user.metadata),
    }
}
