//! Signing in and what players sign in with.

use async_trait::async_trait;
use tavern_auth::validate;
use tavern_domain::{CodedError, Timestamp, UserId};
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::host::{
    AuthenticateCustom, AuthenticateDevice, AuthenticateEmail, AuthenticateTokenGenerate,
    HostSignIn, HostToken, IdentitiesHost, LinkCustom, LinkDevice, LinkEmail, UnlinkCustom,
    UnlinkDevice, UnlinkEmail,
};
use tavern_storage::{Account, Identity};

use super::ServerHost;
use crate::cases::authenticate::ByServer;
use crate::cases::link;
use crate::error;
use crate::services::no_account;

#[async_trait]
impl IdentitiesHost for ServerHost {
    async fn authenticate_custom(&self, args: AuthenticateCustom) -> Result<HostSignIn, HookError> {
        validate::custom_id(&args.id).map_err(error::classified)?;
        self.sign_in(Identity::Custom(&args.id), None, args.username.as_deref(), args.create).await
    }

    async fn authenticate_device(&self, args: AuthenticateDevice) -> Result<HostSignIn, HookError> {
        validate::device_id(&args.id).map_err(error::classified)?;
        self.sign_in(Identity::Device(&args.id), None, args.username.as_deref(), args.create).await
    }

    async fn authenticate_email(&self, args: AuthenticateEmail) -> Result<HostSignIn, HookError> {
        let (password, username) = (args.password.as_str(), args.username.as_deref());
        match args.email.as_deref() {
            None | Some("") => {
                let username = username.unwrap_or_default();
                let login = ByServer::with_username(&self.0, username, password).await?;
                Ok(HostSignIn { user_id: login.user, username: login.username, created: false })
            }
            Some(email) => {
                validate::password(password).map_err(error::classified)?;
                let address = validate::email(email).map_err(error::classified)?;
                let identity = Identity::Email(&address);
                self.sign_in(identity, Some(password), username, args.create).await
            }
        }
    }

    async fn authenticate_token_generate(
        &self,
        args: AuthenticateTokenGenerate,
    ) -> Result<HostToken, HookError> {
        let vars = args.vars.unwrap_or_default();
        validate::vars(&vars).map_err(error::classified)?;
        let username = match args.username.filter(|name| !name.is_empty()) {
            Some(name) => {
                validate::username(&name).map_err(error::classified)?;
                name
            }
            None => validate::generate_username(&*self.0.entropy),
        };
        let until = args.exp.filter(|exp| *exp != 0).map(Timestamp::from_seconds);
        let made = self.0.sessions.mint(args.user_id, &username, &vars, until);
        let (token, exp) = made.map_err(error::classified)?;
        Ok(HostToken { token, exp: exp.seconds() })
    }

    async fn link_custom(&self, args: LinkCustom) -> Result<(), HookError> {
        validate::custom_id(&args.custom_id).map_err(error::classified)?;
        Ok(link::attach(&self.0, args.user_id, Identity::Custom(&args.custom_id), None).await?)
    }

    async fn link_device(&self, args: LinkDevice) -> Result<(), HookError> {
        validate::device_id(&args.device_id).map_err(error::classified)?;
        Ok(link::attach(&self.0, args.user_id, Identity::Device(&args.device_id), None).await?)
    }

    async fn link_email(&self, args: LinkEmail) -> Result<(), HookError> {
        Ok(link::attach_email(&self.0, args.user_id, &args.email, &args.password).await?)
    }

    async fn unlink_custom(&self, args: UnlinkCustom) -> Result<(), HookError> {
        let id = self.or_own(args.user_id, args.custom_id, |account| account.custom_id).await?;
        Ok(link::detach(&self.0, args.user_id, Identity::Custom(&id)).await?)
    }

    async fn unlink_device(&self, args: UnlinkDevice) -> Result<(), HookError> {
        Ok(link::detach(&self.0, args.user_id, Identity::Device(&args.device_id)).await?)
    }

    async fn unlink_email(&self, args: UnlinkEmail) -> Result<(), HookError> {
        let address = self.or_own(args.user_id, args.email, |account| account.email).await?;
        let address = address.to_lowercase();
        Ok(link::detach(&self.0, args.user_id, Identity::Email(&address)).await?)
    }
}

impl ServerHost {
    async fn sign_in(
        &self,
        identity: Identity<'_>,
        password: Option<&str>,
        username: Option<&str>,
        create: Option<bool>,
    ) -> Result<HostSignIn, HookError> {
        let username = username.unwrap_or_default();
        let by_server = ByServer { identity, password, username, create: create.unwrap_or(true) };
        let (login, created) = by_server.sign_in(&self.0).await?;
        Ok(HostSignIn { user_id: login.user, username: login.username, created })
    }

    /// What is given, or else what the account has.
    async fn or_own(
        &self,
        user: UserId,
        given: Option<String>,
        own: fn(Account) -> Option<String>,
    ) -> Result<String, CodedError> {
        if let Some(given) = given.filter(|given| !given.is_empty()) {
            return Ok(given);
        }
        let account = self.0.storage.accounts.get(user).await.map_err(error::storage)?;
        own(account.ok_or_else(no_account)?).ok_or_else(link::not_linked)
    }
}
