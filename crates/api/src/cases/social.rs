//! Signing in through other companies' accounts, and linking, unlinking and importing them.

use tavern_auth::Vars;
use tavern_domain::{CodedError, ErrorCode, UserId};
use tavern_identity::{GameCenterProof, IdentityError, Profile};
use tavern_protocol::{Unit, Wire, api};
use tavern_social::{Author, MAX_IMPORTED};
use tavern_storage::{Identity, Imported, Login, Provider};

use super::authenticate::{ByServer, SignIn};
use super::{DONE, author, link};
use crate::api::user;
use crate::context::Context;
use crate::error;
use crate::services::{Services, no_account};

type Answer<T> = Result<T, CodedError>;

/// What a player shows to prove who they are elsewhere.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    Apple(&'a str),
    Facebook(&'a str),
    FacebookInstant(&'a str),
    GameCenter(GameCenterProof<'a>),
    Google(&'a str),
    Steam(&'a str),
}

impl<'a> Proof<'a> {
    pub(crate) fn game_center(account: &'a api::AccountGameCenter) -> Self {
        Self::GameCenter(GameCenterProof {
            player_id: &account.player_id,
            bundle_id: &account.bundle_id,
            timestamp: account.timestamp_seconds,
            salt: &account.salt,
            signature: &account.signature,
            public_key_url: &account.public_key_url,
        })
    }

    const fn provider(&self) -> Provider {
        match self {
            Self::Apple(_) => Provider::Apple,
            Self::Facebook(_) => Provider::Facebook,
            Self::FacebookInstant(_) => Provider::FacebookInstant,
            Self::GameCenter(_) => Provider::GameCenter,
            Self::Google(_) => Provider::Google,
            Self::Steam(_) => Provider::Steam,
        }
    }

    /// Whether there is something to look at.
    fn is_given(&self) -> bool {
        match self {
            Self::Apple(text)
            | Self::Facebook(text)
            | Self::FacebookInstant(text)
            | Self::Google(text)
            | Self::Steam(text) => !text.is_empty(),
            Self::GameCenter(proof) => proof.whole().is_ok(),
        }
    }

    /// Whom the provider knows by it. An account that stands under a former id of the player gets
    /// the new one.
    async fn verified(&self, services: &Services) -> Answer<Profile> {
        let providers = &services.providers;
        let profile = match *self {
            Self::Apple(token) => providers.apple(token).await,
            Self::Facebook(token) => providers.facebook(token).await,
            Self::FacebookInstant(signed) => providers.facebook_instant(signed),
            Self::GameCenter(proof) => providers.game_center(proof).await,
            Self::Google(token) => providers.google(token).await,
            Self::Steam(ticket) => providers.steam(ticket).await,
        };
        let profile = profile.map_err(unverified)?;
        if let Some(former) = &profile.former_id {
            let accounts = &services.storage.accounts;
            let [new, former] =
                [&profile.id, former].map(|id| Identity::External(self.provider(), id));
            if accounts.find(new, false).await.map_err(error::storage)?.is_none()
                && let Some(login) = accounts.find(former, false).await.map_err(error::storage)?
            {
                link::attach(services, login.user, new, None).await?;
            }
        }
        Ok(profile)
    }

    /// The ids of the player's friends there, and where that is.
    async fn friends(
        &self,
        services: &Services,
        profile: &Profile,
    ) -> Answer<Option<(tavern_social::Provider, Vec<String>)>> {
        use tavern_social::Provider::{Facebook, Steam};
        let providers = &services.providers;
        let (provider, ids) = match *self {
            Self::Facebook(token) => {
                (Facebook, providers.facebook_friends(token, MAX_IMPORTED).await)
            }
            Self::Steam(_) => (Steam, providers.steam_friends(&profile.id, MAX_IMPORTED).await),
            Self::Apple(_) | Self::FacebookInstant(_) | Self::GameCenter(_) | Self::Google(_) => {
                return Ok(None);
            }
        };
        Ok(Some((provider, ids.map_err(unverified)?)))
    }

    /// Makes friends of the player's friends there who play here.
    async fn import(
        &self,
        services: &Services,
        who: &Author,
        profile: &Profile,
        reset: bool,
    ) -> Answer<()> {
        if let Some((provider, ids)) = self.friends(services, profile).await? {
            let done = services.friends.import(who, provider, &ids, reset).await;
            done.map_err(error::classified)?;
        }
        Ok(())
    }

    /// The same where it is an extra: what fails is told to the operator alone.
    async fn import_if_possible(&self, services: &Services, who: &Author, profile: &Profile) {
        if let Err(error) = self.import(services, who, profile, false).await {
            let provider = self.provider().name();
            tracing::warn!(provider, user = %who.user, %error, "friends were not imported");
        }
    }
}

/// The words are for the player; what was wrong is for the operator.
fn unverified(error: IdentityError) -> CodedError {
    if let IdentityError::Refused { provider, why } = &error {
        tracing::info!(provider = provider.name(), why = %why, "a player was not recognised");
    }
    error::classified(error)
}

/// Gives an account what it lacks of what the provider knows.
async fn fill(services: &Services, user: UserId, profile: &Profile) -> Answer<()> {
    let imported = Imported {
        display_name: profile.display_name.as_deref(),
        avatar_url: profile.avatar_url.as_deref(),
        email: profile.email.as_deref(),
    };
    if imported == Imported::default() {
        return Ok(());
    }
    let now = services.clock.now();
    services.storage.accounts.fill(user, imported, now).await.map_err(error::storage)
}

/// How a log-in is to go.
struct Wanted<'a> {
    username: &'a str,
    create: Option<bool>,
    vars: &'a Vars,
    sync: bool,
}

/// Lets a player in. `kept` is the request without what it proves.
async fn sign_in<R: Wire>(
    services: &Services,
    cx: &mut Context,
    proof: Proof<'_>,
    wanted: Wanted<'_>,
    kept: &R,
) -> Answer<api::Session> {
    let profile = proof.verified(services).await?;
    let sign_in = SignIn {
        identity: Identity::External(proof.provider(), &profile.id),
        password: None,
        create: wanted.create.unwrap_or(true),
        username: wanted.username,
        vars: wanted.vars,
    };
    let entered = sign_in.run(services, cx, kept).await?;
    let player = entered.player();
    fill(services, player.user, &profile).await?;
    if wanted.sync {
        let who = Author { user: player.user, username: std::sync::Arc::clone(&player.username) };
        proof.import_if_possible(services, &who, &profile).await;
    }
    Ok(entered.session())
}

/// Signing in for server code: no hook runs, no token is made and no other log-in ends.
pub(crate) async fn sign_in_by_server(
    services: &Services,
    proof: Proof<'_>,
    username: &str,
    create: bool,
    import: bool,
) -> Answer<(Login, bool)> {
    let profile = proof.verified(services).await?;
    let identity = Identity::External(proof.provider(), &profile.id);
    let by_server = ByServer { identity, password: None, username, create };
    let (login, created) = by_server.sign_in(services).await?;
    fill(services, login.user, &profile).await?;
    if import {
        let who = Author { user: login.user, username: login.username.as_str().into() };
        proof.import_if_possible(services, &who, &profile).await;
    }
    Ok((login, created))
}

/// Gives an account an identity elsewhere, whoever asks for it.
pub(crate) async fn connect(
    services: &Services,
    who: &Author,
    proof: Proof<'_>,
    sync: bool,
) -> Answer<()> {
    let profile = proof.verified(services).await?;
    let identity = Identity::External(proof.provider(), &profile.id);
    link::attach(services, who.user, identity, None).await?;
    fill(services, who.user, &profile).await?;
    if sync {
        proof.import_if_possible(services, who, &profile).await;
    }
    Ok(())
}

/// Takes an identity elsewhere away from an account, whoever asks for it: the one that is proved,
/// or without a proof the one that it has.
pub(crate) async fn disconnect(services: &Services, user: UserId, proof: Proof<'_>) -> Answer<()> {
    let id = if proof.is_given() {
        proof.verified(services).await?.id
    } else {
        let account = services.storage.accounts.get(user).await.map_err(error::storage)?;
        let account = account.ok_or_else(no_account)?;
        account.user.external(proof.provider()).cloned().ok_or_else(link::not_linked)?
    };
    link::detach(services, user, Identity::External(proof.provider(), &id)).await
}

/// A call without an account is as good as one with an empty one.
fn token<A>(account: Option<&A>, of: fn(&A) -> &str) -> &str {
    account.map_or("", of)
}

const NO_VARS: &Vars = &Vars::new();

/// A log-in: the provider, the field that proves, whether friends can be imported.
macro_rules! log_in {
    ($(#[doc = $doc:literal])+ $name:ident($request:ty), $proof:ident, $field:ident $(, $sync:ident)?) => {
        $(#[doc = $doc])+
        pub(crate) async fn $name(
            services: &Services,
            cx: &mut Context,
            request: &$request,
        ) -> Answer<api::Session> {
            let account = request.account.as_ref();
            let wanted = Wanted {
                username: &request.username,
                create: request.create,
                vars: account.map_or(NO_VARS, |account| &account.vars),
                sync: false $(|| request.$sync == Some(true))?,
            };
            // The request may be kept with an obligation: what it proves must not be.
            let mut kept = request.clone();
            if let Some(account) = &mut kept.account {
                account.$field.clear();
            }
            let proof = Proof::$proof(token(account, |account| &account.$field));
            sign_in(services, cx, proof, wanted, &kept).await
        }
    };
}

log_in! {
    /// By Sign in with Apple.
    authenticate_apple(api::AuthenticateAppleRequest), Apple, token
}
log_in! {
    /// By Facebook, or its limited log-in.
    authenticate_facebook(api::AuthenticateFacebookRequest), Facebook, token, sync
}
log_in! {
    /// By Google, or Play Games.
    authenticate_google(api::AuthenticateGoogleRequest), Google, token
}
log_in! {
    /// By Steam.
    authenticate_steam(api::AuthenticateSteamRequest), Steam, token, sync
}
log_in! {
    /// By the signed player info of an Instant Game.
    verified_facebook_instant(api::AuthenticateFacebookInstantGameRequest),
    FacebookInstant, signed_player_info
}

/// The same with the code that the public protocol has for a signature that is refused here alone.
pub(crate) async fn authenticate_facebook_instant(
    services: &Services,
    cx: &mut Context,
    request: &api::AuthenticateFacebookInstantGameRequest,
) -> Answer<api::Session> {
    verified_facebook_instant(services, cx, request).await.map_err(|refused| {
        if matches!(refused.code(), ErrorCode::Unauthenticated | ErrorCode::FailedPrecondition) {
            return CodedError::new(ErrorCode::DataLoss, refused.message().to_owned());
        }
        refused
    })
}

/// By Game Center.
pub(crate) async fn authenticate_gamecenter(
    services: &Services,
    cx: &mut Context,
    request: &api::AuthenticateGameCenterRequest,
) -> Answer<api::Session> {
    let nothing = api::AccountGameCenter::default();
    let account = request.account.as_ref().unwrap_or(&nothing);
    let (username, create) = (request.username.as_str(), request.create);
    let wanted = Wanted { username, create, vars: &account.vars, sync: false };
    let mut kept = request.clone();
    if let Some(account) = &mut kept.account {
        account.signature.clear();
        account.salt.clear();
    }
    sign_in(services, cx, Proof::game_center(account), wanted, &kept).await
}

/// Links and unlinks: the provider and the field that proves.
macro_rules! links {
    ($($link:ident, $unlink:ident($account:ty), $proof:ident, $field:ident;)+) => {
        $(
            links!(@link $link($account), $proof, $field);
            /// Takes the identity away again.
            pub(crate) async fn $unlink(
                services: &Services,
                cx: &mut Context,
                request: &$account,
            ) -> Answer<Unit> {
                disconnect(services, user(cx)?, Proof::$proof(&request.$field)).await?;
                DONE
            }
        )+
    };
    (@link with_friends($account:ty), $proof:ident, $field:ident) => {};
    (@link $link:ident($account:ty), $proof:ident, $field:ident) => {
        /// Adds the identity to the account.
        pub(crate) async fn $link(
            services: &Services,
            cx: &mut Context,
            request: &$account,
        ) -> Answer<Unit> {
            connect(services, &author(cx)?, Proof::$proof(&request.$field), false).await?;
            DONE
        }
    };
}

links! {
    link_apple, unlink_apple(api::AccountApple), Apple, token;
    link_google, unlink_google(api::AccountGoogle), Google, token;
    link_facebook_instant, unlink_facebook_instant(api::AccountFacebookInstantGame),
        FacebookInstant, signed_player_info;
    with_friends, unlink_facebook(api::AccountFacebook), Facebook, token;
    with_friends, unlink_steam(api::AccountSteam), Steam, token;
}

/// Adds Facebook to the account; imports friends unless told otherwise.
pub(crate) async fn link_facebook(
    services: &Services,
    cx: &mut Context,
    request: &api::LinkFacebookRequest,
) -> Answer<Unit> {
    let proof = Proof::Facebook(token(request.account.as_ref(), |account| &account.token));
    connect(services, &author(cx)?, proof, request.sync.unwrap_or(true)).await?;
    DONE
}

/// Adds Steam to the account; imports friends unless told otherwise.
pub(crate) async fn link_steam(
    services: &Services,
    cx: &mut Context,
    request: &api::LinkSteamRequest,
) -> Answer<Unit> {
    let ticket = token(request.account.as_ref(), |account| &account.token);
    if ticket.is_empty() {
        // Here, unlike at log-in, this comes before whether Steam is set up.
        return Err(error::classified(IdentityError::Missing("a Steam ticket")));
    }
    let proof = Proof::Steam(ticket);
    connect(services, &author(cx)?, proof, request.sync.unwrap_or(true)).await?;
    DONE
}

/// Adds Game Center to the account.
pub(crate) async fn link_gamecenter(
    services: &Services,
    cx: &mut Context,
    request: &api::AccountGameCenter,
) -> Answer<Unit> {
    connect(services, &author(cx)?, Proof::game_center(request), false).await?;
    DONE
}

/// Takes Game Center away again.
pub(crate) async fn unlink_gamecenter(
    services: &Services,
    cx: &mut Context,
    request: &api::AccountGameCenter,
) -> Answer<Unit> {
    disconnect(services, user(cx)?, Proof::game_center(request)).await?;
    DONE
}

/// Makes friends of the player's friends on Facebook.
pub(crate) async fn import_facebook_friends(
    services: &Services,
    cx: &mut Context,
    request: &api::ImportFacebookFriendsRequest,
) -> Answer<Unit> {
    let given = token(request.account.as_ref(), |account| &account.token);
    if given.is_empty() {
        return Err(error::classified(IdentityError::Missing("a Facebook token")));
    }
    let (who, reset) = (author(cx)?, request.reset.unwrap_or(false));
    // The token alone says whose friends they are.
    Proof::Facebook(given).import(services, &who, &Profile::default(), reset).await?;
    DONE
}

/// Makes friends of the player's friends on Steam.
pub(crate) async fn import_steam_friends(
    services: &Services,
    cx: &mut Context,
    request: &api::ImportSteamFriendsRequest,
) -> Answer<Unit> {
    let proof = Proof::Steam(token(request.account.as_ref(), |account| &account.token));
    let (who, reset) = (author(cx)?, request.reset.unwrap_or(false));
    let profile = proof.verified(services).await?;
    proof.import(services, &who, &profile, reset).await?;
    DONE
}
