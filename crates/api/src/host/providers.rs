//! Players by their accounts with other companies.

use async_trait::async_trait;
use tavern_domain::UserId;
use tavern_identity::GameCenterProof;
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::host::{
    AuthenticateApple, AuthenticateFacebook, AuthenticateFacebookInstantGame,
    AuthenticateGameCenter, AuthenticateGoogle, AuthenticateSteam, HostSignIn, LinkApple,
    LinkFacebook, LinkFacebookInstantGame, LinkGamecenter, LinkGoogle, LinkSteam, ProvidersHost,
    UnlinkApple, UnlinkFacebook, UnlinkFacebookInstantGame, UnlinkGamecenter, UnlinkGoogle,
    UnlinkSteam,
};
use tavern_social::Author;

use super::ServerHost;
use crate::cases::social::{self, Proof};

/// The proof that the arguments of a Game Center function hold.
macro_rules! game_center {
    ($args:expr) => {
        Proof::GameCenter(GameCenterProof {
            player_id: &$args.player_id,
            bundle_id: &$args.bundle_id,
            timestamp: $args.timestamp,
            salt: &$args.salt,
            signature: &$args.signature,
            public_key_url: &$args.public_key_url,
        })
    };
}

#[async_trait]
impl ProvidersHost for ServerHost {
    async fn authenticate_apple(&self, args: AuthenticateApple) -> Result<HostSignIn, HookError> {
        let new = New { username: args.username, create: args.create, import: false };
        self.external(Proof::Apple(&args.token), new).await
    }

    async fn authenticate_facebook(
        &self,
        args: AuthenticateFacebook,
    ) -> Result<HostSignIn, HookError> {
        let import = args.import_friends.unwrap_or(true);
        let new = New { username: args.username, create: args.create, import };
        self.external(Proof::Facebook(&args.token), new).await
    }

    async fn authenticate_facebook_instant_game(
        &self,
        args: AuthenticateFacebookInstantGame,
    ) -> Result<HostSignIn, HookError> {
        let new = New { username: args.username, create: args.create, import: false };
        self.external(Proof::FacebookInstant(&args.player_info), new).await
    }

    async fn authenticate_game_center(
        &self,
        args: AuthenticateGameCenter,
    ) -> Result<HostSignIn, HookError> {
        let new = New { username: args.username, create: args.create, import: false };
        self.external(game_center!(args), new).await
    }

    async fn authenticate_google(&self, args: AuthenticateGoogle) -> Result<HostSignIn, HookError> {
        let new = New { username: args.username, create: args.create, import: false };
        self.external(Proof::Google(&args.token), new).await
    }

    async fn authenticate_steam(&self, args: AuthenticateSteam) -> Result<HostSignIn, HookError> {
        let import = args.import_friends.unwrap_or(true);
        let new = New { username: args.username, create: args.create, import };
        self.external(Proof::Steam(&args.token), new).await
    }

    async fn link_apple(&self, args: LinkApple) -> Result<(), HookError> {
        self.connect(args.user_id, Proof::Apple(&args.token)).await
    }

    async fn link_facebook(&self, args: LinkFacebook) -> Result<(), HookError> {
        let who = Author { user: args.user_id, username: args.username.into() };
        let import = args.import_friends.unwrap_or(true);
        Ok(social::connect(&self.0, &who, Proof::Facebook(&args.token), import).await?)
    }

    async fn link_facebook_instant_game(
        &self,
        args: LinkFacebookInstantGame,
    ) -> Result<(), HookError> {
        self.connect(args.user_id, Proof::FacebookInstant(&args.player_info)).await
    }

    async fn link_gamecenter(&self, args: LinkGamecenter) -> Result<(), HookError> {
        self.connect(args.user_id, game_center!(args)).await
    }

    async fn link_google(&self, args: LinkGoogle) -> Result<(), HookError> {
        self.connect(args.user_id, Proof::Google(&args.token)).await
    }

    async fn link_steam(&self, args: LinkSteam) -> Result<(), HookError> {
        let who = Author { user: args.user_id, username: args.username.into() };
        let import = args.import_friends.unwrap_or(true);
        Ok(social::connect(&self.0, &who, Proof::Steam(&args.token), import).await?)
    }

    async fn unlink_apple(&self, args: UnlinkApple) -> Result<(), HookError> {
        self.disconnect(args.user_id, Proof::Apple(given(args.token.as_ref()))).await
    }

    async fn unlink_facebook(&self, args: UnlinkFacebook) -> Result<(), HookError> {
        self.disconnect(args.user_id, Proof::Facebook(given(args.token.as_ref()))).await
    }

    async fn unlink_facebook_instant_game(
        &self,
        args: UnlinkFacebookInstantGame,
    ) -> Result<(), HookError> {
        let proof = Proof::FacebookInstant(given(args.player_info.as_ref()));
        self.disconnect(args.user_id, proof).await
    }

    async fn unlink_gamecenter(&self, args: UnlinkGamecenter) -> Result<(), HookError> {
        let proof = GameCenterProof {
            player_id: given(args.player_id.as_ref()),
            bundle_id: given(args.bundle_id.as_ref()),
            timestamp: args.timestamp.unwrap_or_default(),
            salt: given(args.salt.as_ref()),
            signature: given(args.signature.as_ref()),
            public_key_url: given(args.public_key_url.as_ref()),
        };
        self.disconnect(args.user_id, Proof::GameCenter(proof)).await
    }

    async fn unlink_google(&self, args: UnlinkGoogle) -> Result<(), HookError> {
        self.disconnect(args.user_id, Proof::Google(given(args.token.as_ref()))).await
    }

    async fn unlink_steam(&self, args: UnlinkSteam) -> Result<(), HookError> {
        self.disconnect(args.user_id, Proof::Steam(given(args.token.as_ref()))).await
    }
}

fn given(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

/// What becomes of somebody who signs in.
struct New {
    username: Option<String>,
    create: Option<bool>,
    import: bool,
}

impl ServerHost {
    async fn external(&self, proof: Proof<'_>, new: New) -> Result<HostSignIn, HookError> {
        let username = new.username.unwrap_or_default();
        let (create, import) = (new.create.unwrap_or(true), new.import);
        let found = social::sign_in_by_server(&self.0, proof, &username, create, import).await?;
        let (login, created) = found;
        Ok(HostSignIn { user_id: login.user, username: login.username, created })
    }

    /// Without friends, so nobody is told of it by name.
    async fn connect(&self, user: UserId, proof: Proof<'_>) -> Result<(), HookError> {
        let who = Author { user, username: "".into() };
        Ok(social::connect(&self.0, &who, proof, false).await?)
    }

    async fn disconnect(&self, user: UserId, proof: Proof<'_>) -> Result<(), HookError> {
        Ok(social::disconnect(&self.0, user, proof).await?)
    }
}
