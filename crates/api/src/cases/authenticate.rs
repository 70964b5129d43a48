//! Signing in, and creating the account when there is none.

use std::borrow::Cow;

use tavern_auth::{SessionPair, Vars, Verdict, validate};
use tavern_domain::{CodedError, ErrorCode, Timestamp, UserId};
use tavern_protocol::{Wire, api};
use tavern_storage::{Created, Identity, Login, NewAccount, NewObligation, Password};

use crate::api::unauthenticated;
use crate::caller::Player;
use crate::context::Context;
use crate::error;
use crate::obligations;
use crate::service::ClientAddress;
use crate::services::{Services, no_account};

/// How often a log-in begins anew when others are faster.
const ATTEMPTS: usize = 5;

/// By the studio's own id.
pub(crate) async fn custom(
    services: &Services,
    cx: &mut Context,
    request: &api::AuthenticateCustomRequest,
) -> Result<api::Session, CodedError> {
    let account = request.account.as_ref().ok_or_else(|| required("custom id"))?;
    validate::custom_id(&account.id).map_err(error::classified)?;
    let sign_in = SignIn {
        identity: Identity::Custom(&account.id),
        password: None,
        create: request.create.unwrap_or(true),
        username: &request.username,
        vars: &account.vars,
    };
    Ok(sign_in.run(services, cx, request).await?.session())
}

/// By a device id.
pub(crate) async fn device(
    services: &Services,
    cx: &mut Context,
    request: &api::AuthenticateDeviceRequest,
) -> Result<api::Session, CodedError> {
    let account = request.account.as_ref().ok_or_else(|| required("device id"))?;
    validate::device_id(&account.id).map_err(error::classified)?;
    let sign_in = SignIn {
        identity: Identity::Device(&account.id),
        password: None,
        create: request.create.unwrap_or(true),
        username: &request.username,
        vars: &account.vars,
    };
    Ok(sign_in.run(services, cx, request).await?.session())
}

/// By email and password, or, without an email, by user name and password.
pub(crate) async fn email(
    services: &Services,
    cx: &mut Context,
    request: &api::AuthenticateEmailRequest,
) -> Result<api::Session, CodedError> {
    let account = request.account.as_ref().ok_or_else(|| required("email and password"))?;
    if account.email.is_empty() {
        return by_username(services, cx, request, account).await;
    }
    validate::password(&account.password).map_err(error::classified)?;
    let address = validate::email(&account.email).map_err(error::classified)?;
    // The request may be kept with an obligation: the password must not be.
    let mut kept = request.clone();
    if let Some(account) = &mut kept.account {
        account.password.clear();
    }
    let sign_in = SignIn {
        identity: Identity::Email(&address),
        password: Some(&account.password),
        create: request.create.unwrap_or(true),
        username: &request.username,
        vars: &account.vars,
    };
    Ok(sign_in.run(services, cx, &kept).await?.session())
}

async fn by_username(
    services: &Services,
    cx: &mut Context,
    request: &api::AuthenticateEmailRequest,
    account: &api::AccountEmail,
) -> Result<api::Session, CodedError> {
    if request.username.is_empty() || account.password.is_empty() {
        return Err(required("a password, with an email or a username,"));
    }
    validate::vars(&account.vars).map_err(error::classified)?;
    services.check_address(cx.client)?;
    let found = services
        .storage
        .accounts
        .find_by_username(&request.username, cx.has_after)
        .await
        .map_err(error::storage)?;
    check_password(services, cx.client, &request.username, found.as_ref(), &account.password)
        .await?;
    let login = found.ok_or_else(no_account)?;
    Ok(enter(services, cx, login, &account.vars).await?.session())
}

/// A way in: what is shown, and what becomes of somebody new.
pub(crate) struct SignIn<'a> {
    pub(crate) identity: Identity<'a>,
    pub(crate) password: Option<&'a str>,
    pub(crate) create: bool,
    pub(crate) username: &'a str,
    pub(crate) vars: &'a Vars,
}

/// Somebody who is in.
pub(crate) struct Entered {
    created: bool,
    pair: SessionPair,
}

impl Entered {
    /// Who it is.
    pub(crate) fn player(&self) -> &Player {
        &self.pair.claims
    }

    /// What they get.
    pub(crate) fn session(self) -> api::Session {
        session(self.created, self.pair)
    }
}

impl SignIn<'_> {
    /// Lets somebody in. `kept` is the request as it may be kept with an obligation.
    pub(crate) async fn run<R: Wire>(
        &self,
        services: &Services,
        cx: &mut Context,
        kept: &R,
    ) -> Result<Entered, CodedError> {
        if !self.username.is_empty() {
            validate::username(self.username).map_err(error::classified)?;
        }
        validate::vars(self.vars).map_err(error::classified)?;
        if self.password.is_some() {
            services.check_address(cx.client)?;
        }
        let (mut attempts, mut name_taken) = (0, false);
        loop {
            let accounts = &services.storage.accounts;
            let found = accounts.find(self.identity, cx.has_after).await.map_err(error::storage)?;
            if let (Identity::Email(address), Some(password)) = (self.identity, self.password)
                && (found.is_some() || !self.create)
            {
                check_password(services, cx.client, address, found.as_ref(), password).await?;
            }
            if let Some(login) = found {
                return enter(services, cx, login, self.vars).await;
            }
            if !self.create {
                return Err(no_account());
            }
            match self.create(services, cx, kept).await? {
                Outcome::Entered(entered) => return Ok(entered),
                // The very same request may have come twice, and the other one was faster: then the
                // name is taken by this account, which can be found now.
                Outcome::NameTaken if !name_taken => name_taken = true,
                Outcome::NameTaken => {
                    return Err(CodedError::new(
                        ErrorCode::AlreadyExists,
                        "username is already in use",
                    ));
                }
                // Somebody else was faster with this identity, or has the name that was made up.
                Outcome::Again if attempts < ATTEMPTS => attempts += 1,
                Outcome::Again => {
                    return Err(CodedError::new(ErrorCode::Aborted, "too many clashes, try again"));
                }
            }
        }
    }

    async fn create<R: Wire>(
        &self,
        services: &Services,
        cx: &mut Context,
        request: &R,
    ) -> Result<Outcome, CodedError> {
        let newcomer = Newcomer::new(services, self.username, self.password).await?;
        let now = services.clock.now();
        let (owed, obligation) = if cx.has_after {
            let (owed, new) = obligations::record(services, cx.call, newcomer.user, request, now);
            (Some(owed), Some(new))
        } else {
            (None, None)
        };
        match newcomer.create(services, self.identity, now, obligation).await? {
            Created::Created => {
                cx.obligation = owed;
                let (user, username) = (newcomer.user, &newcomer.username);
                let pair = start(services, cx, user, username, self.vars).await?;
                Ok(Outcome::Entered(Entered { created: true, pair }))
            }
            Created::IdentityTaken => Ok(Outcome::Again),
            Created::UsernameTaken => Ok(Outcome::NameTaken),
        }
    }
}

enum Outcome {
    Entered(Entered),
    Again,
    NameTaken,
}

/// Somebody new.
struct Newcomer<'a> {
    user: UserId,
    username: Cow<'a, str>,
    password: Option<Password>,
}

impl<'a> Newcomer<'a> {
    /// With a name that is made up when none was chosen.
    async fn new(
        services: &Services,
        username: &'a str,
        password: Option<&str>,
    ) -> Result<Self, CodedError> {
        let password = match password {
            Some(text) => Some(services.passwords.hash(text).await.map_err(error::classified)?),
            None => None,
        };
        let user = UserId(services.entropy.uuid_v4());
        let username = match username {
            "" => Cow::Owned(validate::generate_username(&*services.entropy)),
            chosen => Cow::Borrowed(chosen),
        };
        let password = password.map(|hash| Password(hash.into_bytes()));
        Ok(Self { user, username, password })
    }

    /// Makes the account. Somebody else who has the name that was made up counts like somebody who
    /// was faster with the identity: another try may do.
    async fn create(
        &self,
        services: &Services,
        identity: Identity<'_>,
        now: Timestamp,
        obligation: Option<NewObligation>,
    ) -> Result<Created, CodedError> {
        let new = NewAccount {
            user: self.user,
            username: &self.username,
            identity,
            password: self.password.clone(),
            now,
            obligation,
        };
        let created = services.storage.accounts.create(new).await.map_err(error::storage)?;
        Ok(match (created, &self.username) {
            (Created::UsernameTaken, Cow::Owned(_)) => Created::IdentityTaken,
            (created, _) => created,
        })
    }
}

/// Signing in for server code: no hook runs, no token is made and no other log-in ends.
pub(crate) struct ByServer<'a> {
    pub(crate) identity: Identity<'a>,
    pub(crate) password: Option<&'a str>,
    pub(crate) username: &'a str,
    pub(crate) create: bool,
}

impl ByServer<'_> {
    /// The account of a user name and a password.
    pub(crate) async fn with_username(
        services: &Services,
        username: &str,
        password: &str,
    ) -> Result<Login, CodedError> {
        if username.is_empty() || password.is_empty() {
            return Err(required("a password, with an email or a username,"));
        }
        let found = services.storage.accounts.find_by_username(username, false).await;
        let found = found.map_err(error::storage)?;
        let nowhere = ClientAddress::default();
        check_password(services, nowhere, username, found.as_ref(), password).await?;
        not_banned(found.ok_or_else(no_account)?)
    }

    /// The account, and whether it is new.
    pub(crate) async fn sign_in(&self, services: &Services) -> Result<(Login, bool), CodedError> {
        if !self.username.is_empty() {
            validate::username(self.username).map_err(error::classified)?;
        }
        for _ in 0..ATTEMPTS {
            let found = services.storage.accounts.find(self.identity, false).await;
            let found = found.map_err(error::storage)?;
            if let (Identity::Email(address), Some(password)) = (self.identity, self.password)
                && (found.is_some() || !self.create)
            {
                let nowhere = ClientAddress::default();
                check_password(services, nowhere, address, found.as_ref(), password).await?;
            }
            if let Some(login) = found {
                return Ok((not_banned(login)?, false));
            }
            if !self.create {
                return Err(no_account());
            }
            if let Some(login) = self.create(services).await? {
                return Ok((login, true));
            }
        }
        Err(CodedError::new(ErrorCode::Aborted, "too many clashes, try again"))
    }

    /// A new account; `None` when somebody else was faster.
    async fn create(&self, services: &Services) -> Result<Option<Login>, CodedError> {
        let newcomer = Newcomer::new(services, self.username, self.password).await?;
        let now = services.clock.now();
        match newcomer.create(services, self.identity, now, None).await? {
            Created::Created => Ok(Some(Login {
                user: newcomer.user,
                username: newcomer.username.into_owned(),
                disable_time: None,
                password: None,
                obligation: None,
            })),
            Created::UsernameTaken => {
                Err(CodedError::new(ErrorCode::AlreadyExists, "username is already in use"))
            }
            Created::IdentityTaken => Ok(None),
        }
    }
}

fn not_banned(login: Login) -> Result<Login, CodedError> {
    if login.disable_time.is_some() { Err(banned()) } else { Ok(login) }
}

/// Compares a password, counts failures, and keeps a better hash when there is one.
///
/// Without an account it does the same work and fails as "not found", as the public protocol says:
/// whether an address is registered can be asked there in any case.
async fn check_password(
    services: &Services,
    client: ClientAddress,
    name: &str,
    found: Option<&Login>,
    password: &str,
) -> Result<(), CodedError> {
    let account =
        found.map_or_else(|| services.lockout.unknown_account(name), |login| login.user.into());
    services.lockout.check_account(account).map_err(error::classified)?;
    let kept = found.and_then(|login| login.password.as_ref());
    let verdict = services
        .passwords
        .verify(password, kept.map(|p| p.0.as_slice()))
        .await
        .map_err(error::classified)?;
    let Verdict::Right { rehash } = verdict else {
        services.login_failed(account, client);
        return Err(match found {
            Some(_) => unauthenticated("invalid credentials"),
            None => no_account(),
        });
    };
    services.lockout.succeeded(account);
    if let (true, Some(login), Some(kept)) = (rehash, found, kept) {
        let hash = services.passwords.hash(password).await.map_err(error::classified)?;
        let new = Password(hash.into_bytes());
        let accounts = &services.storage.accounts;
        accounts.replace_password(login.user, kept, &new).await.map_err(error::storage)?;
    }
    Ok(())
}

/// Lets a known account in.
async fn enter(
    services: &Services,
    cx: &mut Context,
    login: Login,
    vars: &Vars,
) -> Result<Entered, CodedError> {
    if login.disable_time.is_some() {
        return Err(banned());
    }
    let mut created = false;
    if let Some(owed) = &login.obligation {
        // An earlier life created the account and died before its hook had finished.
        cx.obligation = Some(obligations::claim(services, owed.id).await?);
        created = true;
    }
    let pair = start(services, cx, login.user, &login.username, vars).await?;
    Ok(Entered { created, pair })
}

/// Begins a log-in. Where a user may have only one, the sockets of the others close.
async fn start(
    services: &Services,
    cx: &mut Context,
    user: UserId,
    username: &str,
    vars: &Vars,
) -> Result<SessionPair, CodedError> {
    let pair = services.sessions.start(user, username, vars).await.map_err(error::classified)?;
    if services.config.single_session {
        services.close_revoked(user, None);
    }
    if cx.has_after {
        cx.signed_in = Some(pair.claims.clone());
    }
    Ok(pair)
}

pub(crate) fn session(created: bool, pair: SessionPair) -> api::Session {
    api::Session { created, token: pair.token, refresh_token: pair.refresh_token }
}

pub(crate) fn banned() -> CodedError {
    CodedError::new(ErrorCode::PermissionDenied, "the account is banned")
}

fn required(what: &'static str) -> CodedError {
    CodedError::invalid(format!("{what} is required"))
}
