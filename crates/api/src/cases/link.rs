//! Adding and removing ways to sign in.

use tavern_auth::validate;
use tavern_domain::{CodedError, ErrorCode, UserId};
use tavern_protocol::{Unit, api};
use tavern_storage::{Identity, Linked, Password, Unlinked};

use super::DONE;
use crate::api::user;
use crate::context::Context;
use crate::error;
use crate::services::{Services, no_account};

/// Gives the account a custom id, or another one.
pub(crate) async fn custom(
    services: &Services,
    cx: &mut Context,
    request: &api::AccountCustom,
) -> Result<Unit, CodedError> {
    validate::custom_id(&request.id).map_err(error::classified)?;
    link(services, cx, Identity::Custom(&request.id)).await
}

/// Adds a device.
pub(crate) async fn device(
    services: &Services,
    cx: &mut Context,
    request: &api::AccountDevice,
) -> Result<Unit, CodedError> {
    validate::device_id(&request.id).map_err(error::classified)?;
    link(services, cx, Identity::Device(&request.id)).await
}

/// Gives the account an email address and a password, or others.
pub(crate) async fn email(
    services: &Services,
    cx: &mut Context,
    request: &api::AccountEmail,
) -> Result<Unit, CodedError> {
    attach_email(services, user(cx)?, &request.email, &request.password).await?;
    DONE
}

/// Gives an account an email address and a password, whoever asks for it.
pub(crate) async fn attach_email(
    services: &Services,
    user: UserId,
    email: &str,
    password: &str,
) -> Result<(), CodedError> {
    validate::password(password).map_err(error::classified)?;
    let address = validate::email(email).map_err(error::classified)?;
    let hash = services.passwords.hash(password).await.map_err(error::classified)?;
    let password = Password(hash.into_bytes());
    attach(services, user, Identity::Email(&address), Some(&password)).await
}

async fn link(
    services: &Services,
    cx: &Context,
    identity: Identity<'_>,
) -> Result<Unit, CodedError> {
    attach(services, user(cx)?, identity, None).await?;
    DONE
}

/// Adds a way to sign in to an account, whoever asks for it.
pub(crate) async fn attach(
    services: &Services,
    user: UserId,
    identity: Identity<'_>,
    password: Option<&Password>,
) -> Result<(), CodedError> {
    let now = services.clock.now();
    let accounts = &services.storage.accounts;
    match accounts.link(user, identity, password, now).await.map_err(error::storage)? {
        Linked::Linked => Ok(()),
        Linked::Elsewhere => {
            Err(CodedError::new(ErrorCode::AlreadyExists, "already linked to another account"))
        }
        Linked::NoAccount => Err(no_account()),
    }
}

/// Takes the custom id away.
pub(crate) async fn unlink_custom(
    services: &Services,
    cx: &mut Context,
    request: &api::AccountCustom,
) -> Result<Unit, CodedError> {
    unlink(services, cx, Identity::Custom(&request.id), &request.id, "custom id").await
}

/// Takes a device away.
pub(crate) async fn unlink_device(
    services: &Services,
    cx: &mut Context,
    request: &api::AccountDevice,
) -> Result<Unit, CodedError> {
    unlink(services, cx, Identity::Device(&request.id), &request.id, "device id").await
}

/// Takes email and password away.
pub(crate) async fn unlink_email(
    services: &Services,
    cx: &mut Context,
    request: &api::AccountEmail,
) -> Result<Unit, CodedError> {
    let address = request.email.to_lowercase();
    unlink(services, cx, Identity::Email(&address), &request.email, "email address").await
}

async fn unlink(
    services: &Services,
    cx: &Context,
    identity: Identity<'_>,
    given: &str,
    what: &'static str,
) -> Result<Unit, CodedError> {
    if given.is_empty() {
        return Err(CodedError::invalid(format!("{what} is required")));
    }
    detach(services, user(cx)?, identity).await?;
    DONE
}

/// Takes a way to sign in away from an account, whoever asks for it.
pub(crate) async fn detach(
    services: &Services,
    user: UserId,
    identity: Identity<'_>,
) -> Result<(), CodedError> {
    let now = services.clock.now();
    match services.storage.accounts.unlink(user, identity, now).await.map_err(error::storage)? {
        Unlinked::Unlinked => Ok(()),
        Unlinked::LastOrMissing => Err(not_linked()),
    }
}

pub(crate) fn not_linked() -> CodedError {
    CodedError::new(
        ErrorCode::PermissionDenied,
        "not linked to this account, or its last way to sign in",
    )
}
