//! Signing in through other companies' accounts.

use tavern_domain::Secret;
use tavern_identity::{
    AppleConfig, Config, FacebookConfig, GameCenterConfig, GoogleConfig, InstantConfig,
    NoOauthClient, OauthClient, SteamConfig,
};

use super::table::section;

section! {
    /// Google's server codes.
    pub struct GoogleAuth in "google_auth." {
        /// OAuth client that exchanges server codes of Play Games: the JSON document that Google hands out
        credentials_json: Secret = Secret::default();
    }
}

impl GoogleAuth {
    /// Who exchanges server codes; nobody when there is no document.
    ///
    /// # Errors
    /// [`NoOauthClient`] when the document is of something else.
    pub(crate) fn client(&self) -> Result<Option<OauthClient>, NoOauthClient> {
        let document = self.credentials_json.expose();
        (!document.is_empty()).then(|| OauthClient::from_document(document)).transpose()
    }
}

section! {
    /// Apple log-in.
    pub struct SocialApple in "social.apple." {
        /// Bundle that a token must be made for; empty turns this log-in off
        bundle_id: String = String::new();
        /// Other clients that a token may be made for, such as the services id of a web page
        client_ids: Vec<String> = Vec::new();
        /// Where the keys are that Apple signs with
        keys_url: String = AppleConfig::default().keys_url;
    }
}

section! {
    /// Facebook log-in by access tokens.
    pub struct SocialFacebook in "social.facebook." {
        /// Where profiles and friends are asked for
        graph_url: String = FacebookConfig::default().graph_url;
    }
}

section! {
    /// Facebook Instant Games log-in.
    pub struct SocialFacebookInstantGame in "social.facebook_instant_game." {
        /// Checks the signatures of players; empty turns this log-in off
        app_secret: Secret = Secret::default();
    }
}

section! {
    /// Facebook limited log-in.
    pub struct SocialFacebookLimitedLogin in "social.facebook_limited_login." {
        /// App that a token must be made for; empty takes those of any app
        app_id: String = String::new();
        /// Where the keys are that Facebook signs with
        keys_url: String = FacebookConfig::default().keys_url;
    }
}

section! {
    /// Google log-in.
    pub struct SocialGoogle in "social.google." {
        /// Clients that a token may be made for; empty takes those of any client
        client_ids: Vec<String> = Vec::new();
        /// Where the keys are that Google signs with
        keys_url: String = GoogleConfig::default().keys_url;
        /// Where the player of Play Games is asked for
        player_url: String = GoogleConfig::default().player_url;
    }
}

section! {
    /// Steam log-in.
    pub struct SocialSteam in "social.steam." {
        /// Application that a ticket must be made for; 0 turns this log-in off
        app_id: u32 = 0;
        /// Publisher key of the Steam web interface; empty turns this log-in off
        publisher_key: Secret = Secret::default();
        /// Where tickets and friends are asked about
        api_url: String = SteamConfig::default().api_url;
    }
}

/// Log-in by other providers.
#[derive(Clone, PartialEq, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Social {
    /// Apple.
    pub apple: SocialApple,
    /// Facebook by access tokens.
    pub facebook: SocialFacebook,
    /// Facebook Instant Games.
    pub facebook_instant_game: SocialFacebookInstantGame,
    /// Facebook limited log-in.
    pub facebook_limited_login: SocialFacebookLimitedLogin,
    /// Google.
    pub google: SocialGoogle,
    /// Steam.
    pub steam: SocialSteam,
}

impl Social {
    /// Every address of a provider, by its option.
    pub(crate) fn addresses(&self) -> [(&'static str, &str); 6] {
        [
            ("social.apple.keys_url", &self.apple.keys_url),
            ("social.facebook.graph_url", &self.facebook.graph_url),
            ("social.facebook_limited_login.keys_url", &self.facebook_limited_login.keys_url),
            ("social.google.keys_url", &self.google.keys_url),
            ("social.google.player_url", &self.google.player_url),
            ("social.steam.api_url", &self.steam.api_url),
        ]
    }

    /// What the part that asks providers wants to know.
    ///
    /// # Errors
    /// [`NoOauthClient`] as of [`GoogleAuth::client`].
    pub(crate) fn providers(&self, google: &GoogleAuth) -> Result<Config, NoOauthClient> {
        Ok(Config {
            apple: AppleConfig {
                bundle_id: self.apple.bundle_id.clone(),
                client_ids: self.apple.client_ids.clone(),
                keys_url: self.apple.keys_url.clone(),
            },
            facebook: FacebookConfig {
                limited_app_id: self.facebook_limited_login.app_id.clone(),
                keys_url: self.facebook_limited_login.keys_url.clone(),
                graph_url: self.facebook.graph_url.clone(),
            },
            facebook_instant: InstantConfig {
                app_secret: self.facebook_instant_game.app_secret.clone(),
            },
            game_center: GameCenterConfig::default(),
            google: GoogleConfig {
                client_ids: self.google.client_ids.clone(),
                oauth: google.client()?,
                keys_url: self.google.keys_url.clone(),
                player_url: self.google.player_url.clone(),
            },
            steam: SteamConfig {
                app_id: self.steam.app_id,
                publisher_key: self.steam.publisher_key.clone(),
                api_url: self.steam.api_url.clone(),
            },
        })
    }
}
