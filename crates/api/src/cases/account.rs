//! A player's own account.

use tavern_domain::{CodedError, UserId};
use tavern_protocol::{Unit, api};
use tavern_storage::{AccountUpdate, Field, Updated};
use tavern_streams::CloseReason;

use super::DONE;
use crate::api::user;
use crate::context::Context;
use crate::services::{Services, no_account};
use crate::{error, wire};

/// The account, whole.
pub(crate) async fn get(
    services: &Services,
    cx: &mut Context,
    _request: &Unit,
) -> Result<api::Account, CodedError> {
    let user = user(cx)?;
    let account = services.storage.accounts.get(user).await.map_err(error::storage)?;
    let account = account.ok_or_else(no_account)?;
    Ok(wire::account(account, services.is_online(user)))
}

/// Changes the fields that are given; an empty text clears a field that can be empty.
pub(crate) async fn update(
    services: &Services,
    cx: &mut Context,
    request: &api::UpdateAccountRequest,
) -> Result<Unit, CodedError> {
    let user = user(cx)?;
    let update = changes(request)?;
    if update == AccountUpdate::default() {
        return Err(CodedError::invalid("no fields to update"));
    }
    apply(services, user, &update).await?;
    DONE
}

/// Changes an account, whoever asks for it.
pub(crate) async fn apply(
    services: &Services,
    user: UserId,
    update: &AccountUpdate,
) -> Result<(), CodedError> {
    if let Some(username) = &update.username {
        tavern_auth::validate::username(username).map_err(error::classified)?;
    }
    let now = services.clock.now();
    match services.storage.accounts.update(user, update, now).await.map_err(error::storage)? {
        Updated::Updated => Ok(()),
        // The public protocol answers a taken name with "invalid argument" here.
        Updated::UsernameTaken => Err(CodedError::invalid("username is already in use")),
        Updated::NoAccount => Err(no_account()),
    }
}

fn changes(request: &api::UpdateAccountRequest) -> Result<AccountUpdate, CodedError> {
    if request.lang_tag.as_deref() == Some("") {
        return Err(CodedError::invalid("the language tag cannot be empty"));
    }
    Ok(AccountUpdate {
        username: request.username.clone(),
        display_name: field(request.display_name.as_deref()),
        avatar_url: field(request.avatar_url.as_deref()),
        lang_tag: request.lang_tag.clone(),
        location: field(request.location.as_deref()),
        timezone: field(request.timezone.as_deref()),
        metadata: None,
    })
}

/// A field that can be emptied, by an empty text.
pub(crate) fn field(value: Option<&str>) -> Field {
    match value {
        None => Field::Keep,
        Some("") => Field::Clear,
        Some(text) => Field::Set(text.to_owned()),
    }
}

/// Deletes the account: its tokens are revoked and its sockets closed.
pub(crate) async fn delete(
    services: &Services,
    cx: &mut Context,
    _request: &Unit,
) -> Result<Unit, CodedError> {
    remove(services, user(cx)?, false).await?;
    DONE
}

/// Deletes an account, whoever asks for it.
pub(crate) async fn remove(
    services: &Services,
    user: UserId,
    recorded: bool,
) -> Result<(), CodedError> {
    let now = services.clock.now();
    services.end_all(user, CloseReason::AccountDeleted).await?;
    services.leaderboards.delete_owner(user).await.map_err(error::classified)?;
    services.storage.accounts.delete(user, recorded, now).await.map_err(error::storage)?;
    Ok(())
}
