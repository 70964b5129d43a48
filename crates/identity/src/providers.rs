//! All providers.

use std::sync::Arc;

use tavern_domain::{Clock, Fetch, Secret};
use tavern_storage::Provider;

use crate::apple::AppleTokens;
use crate::config::Config;
use crate::error::IdentityError;
use crate::facebook::FacebookTokens;
use crate::game_center::{GameCenterProof, GameCenterProofs};
use crate::google::GoogleTokens;
use crate::instant;
use crate::profile::Profile;
use crate::steam::SteamTickets;

/// Asks providers who a player is.
///
/// Every question may be dropped at any time, which closes its connection; nothing is kept but
/// keys. None takes longer than the two or three requests that it makes, each of ten seconds.
pub struct Providers {
    apple: AppleTokens,
    facebook: FacebookTokens,
    instant_secret: Secret,
    game_center: GameCenterProofs,
    google: GoogleTokens,
    steam: SteamTickets,
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Providers").finish_non_exhaustive()
    }
}

impl Providers {
    /// Asks nobody anything yet.
    #[must_use]
    pub fn new(config: Config, fetch: &Arc<dyn Fetch>, clock: &Arc<dyn Clock>) -> Self {
        let (fetch, clock) = (|| Arc::clone(fetch), || Arc::clone(clock));
        Self {
            apple: AppleTokens::new(config.apple, fetch(), clock()),
            facebook: FacebookTokens::new(config.facebook, fetch(), clock()),
            instant_secret: config.facebook_instant.app_secret,
            game_center: GameCenterProofs::new(config.game_center, fetch(), clock()),
            google: GoogleTokens::new(config.google, fetch(), clock()),
            steam: SteamTickets::new(config.steam, fetch()),
        }
    }

    /// By an identity token of Sign in with Apple.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn apple(&self, token: &str) -> Result<Profile, IdentityError> {
        self.apple.profile(token).await
    }

    /// By an access token of Facebook, or a token of its limited log-in.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn facebook(&self, token: &str) -> Result<Profile, IdentityError> {
        self.facebook.profile(token).await
    }

    /// By the signed player info of an Instant Game.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn facebook_instant(&self, signed: &str) -> Result<Profile, IdentityError> {
        instant::profile(&self.instant_secret, signed)
    }

    /// By what a game has from Game Center.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn game_center(&self, proof: GameCenterProof<'_>) -> Result<Profile, IdentityError> {
        self.game_center.profile(proof).await
    }

    /// By an identity token of Google, or a server code of Play Games.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn google(&self, token: &str) -> Result<Profile, IdentityError> {
        self.google.profile(token).await
    }

    /// By a session ticket of Steam.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn steam(&self, ticket: &str) -> Result<Profile, IdentityError> {
        self.steam.profile(ticket).await
    }

    /// The ids with Facebook of a player's friends there who use the same app, `most` at most.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn facebook_friends(
        &self,
        token: &str,
        most: usize,
    ) -> Result<Vec<String>, IdentityError> {
        let refused = |why| IdentityError::refused(Provider::Facebook, why);
        self.facebook.friends(token, most).await.map_err(refused)
    }

    /// The ids with Steam of a player's friends there, `most` at most; none when the list is
    /// private.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn steam_friends(
        &self,
        steam_id: &str,
        most: usize,
    ) -> Result<Vec<String>, IdentityError> {
        let refused = |why| IdentityError::refused(Provider::Steam, why);
        self.steam.friends(steam_id, most).await.map_err(refused)
    }
}
