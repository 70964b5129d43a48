//! What the operator says about providers.

use tavern_domain::Secret;

use crate::google::OauthClient;

/// What the operator says about each provider. The addresses are those of the providers unless a
/// stand-in is to take their place.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Config {
    pub apple: AppleConfig,
    pub facebook: FacebookConfig,
    pub facebook_instant: InstantConfig,
    pub game_center: GameCenterConfig,
    pub google: GoogleConfig,
    pub steam: SteamConfig,
}

/// Sign in with Apple.
#[derive(Clone, Debug)]
pub struct AppleConfig {
    /// The bundle that tokens are made for; empty turns this provider off.
    pub bundle_id: String,
    /// Other clients that tokens may be made for, such as the services id of a web page.
    pub client_ids: Vec<String>,
    /// Where the keys are.
    pub keys_url: String,
}

impl Default for AppleConfig {
    fn default() -> Self {
        Self {
            bundle_id: String::new(),
            client_ids: Vec::new(),
            keys_url: "https://appleid.apple.com/auth/keys".into(),
        }
    }
}

/// Facebook: access tokens, and the tokens of limited log-in.
#[derive(Clone, Debug)]
pub struct FacebookConfig {
    /// The app that the tokens of limited log-in are made for; empty takes those of any app.
    pub limited_app_id: String,
    /// Where the keys of limited log-in are.
    pub keys_url: String,
    /// Where profiles and friends are asked for: a versioned root.
    pub graph_url: String,
}

impl Default for FacebookConfig {
    fn default() -> Self {
        Self {
            limited_app_id: String::new(),
            keys_url: "https://limited.facebook.com/.well-known/oauth/openid/jwks/".into(),
            graph_url: "https://graph.facebook.com/v22.0".into(),
        }
    }
}

/// Facebook Instant Games.
#[derive(Clone, Debug, Default)]
pub struct InstantConfig {
    /// The secret of the app; empty turns this provider off.
    pub app_secret: Secret,
}

/// Game Center.
#[derive(Clone, Debug)]
pub struct GameCenterConfig {
    /// The domain that the address of a public key must lie below.
    pub key_domain: String,
}

impl Default for GameCenterConfig {
    fn default() -> Self {
        Self { key_domain: "apple.com".into() }
    }
}

/// Google: identity tokens, and the server codes of Play Games.
#[derive(Clone, Debug)]
pub struct GoogleConfig {
    /// Clients that identity tokens may be made for; empty takes those of any client.
    pub client_ids: Vec<String>,
    /// Who exchanges server codes; without it they are refused.
    pub oauth: Option<OauthClient>,
    /// Where the keys are.
    pub keys_url: String,
    /// Where the player of Play Games is asked for.
    pub player_url: String,
}

impl Default for GoogleConfig {
    fn default() -> Self {
        Self {
            client_ids: Vec::new(),
            oauth: None,
            keys_url: "https://www.googleapis.com/oauth2/v3/certs".into(),
            player_url: "https://www.googleapis.com/games/v1/players/me".into(),
        }
    }
}

/// Steam.
#[derive(Clone, Debug)]
pub struct SteamConfig {
    /// The application that tickets are made for; 0 turns this provider off.
    pub app_id: u32,
    /// Publisher key of the web interface; empty turns this provider off.
    pub publisher_key: Secret,
    /// Where tickets and friends are asked about.
    pub api_url: String,
}

impl Default for SteamConfig {
    fn default() -> Self {
        Self {
            app_id: 0,
            publisher_key: Secret::default(),
            api_url: "https://partner.steam-api.com".into(),
        }
    }
}
