//! Signing in through other companies' accounts.
//!
//! The arguments are checked as the protocol says; a provider that this server is not configured
//! for answers `FailedPrecondition`, by name.

use tavern_domain::{CodedError, ErrorCode};
use tavern_protocol::{Unit, api};

use crate::context::Context;
use crate::services::Services;

type Answer<T> = Result<T, CodedError>;

fn needs(token: Option<&str>, provider: &'static str) -> CodedError {
    match token {
        None | Some("") => CodedError::invalid(format!("a {provider} token is required")),
        Some(_) => not_configured(provider),
    }
}

fn not_configured(provider: &'static str) -> CodedError {
    CodedError::new(
        ErrorCode::FailedPrecondition,
        format!("signing in with {provider} is not configured"),
    )
}

macro_rules! refuse {
    ($($name:ident($request:ty) -> $answer:ty, |$r:ident| $error:expr;)*) => {
        $(pub(crate) async fn $name(
            _services: &Services,
            _cx: &mut Context,
            $r: &$request,
        ) -> Answer<$answer> {
            Err($error)
        })*
    };
}

refuse! {
    authenticate_apple(api::AuthenticateAppleRequest) -> api::Session,
        |_r| not_configured("Apple");
    authenticate_facebook(api::AuthenticateFacebookRequest) -> api::Session,
        |r| needs(r.account.as_ref().map(|a| a.token.as_str()), "Facebook");
    authenticate_facebook_instant(api::AuthenticateFacebookInstantGameRequest) -> api::Session,
        |r| needs(r.account.as_ref().map(|a| a.signed_player_info.as_str()), "Facebook Instant Game");
    authenticate_gamecenter(api::AuthenticateGameCenterRequest) -> api::Session,
        |r| needs(r.account.as_ref().map(|a| a.bundle_id.as_str()), "Game Center");
    authenticate_google(api::AuthenticateGoogleRequest) -> api::Session,
        |r| needs(r.account.as_ref().map(|a| a.token.as_str()), "Google");
    authenticate_steam(api::AuthenticateSteamRequest) -> api::Session,
        |_r| not_configured("Steam");
    link_apple(api::AccountApple) -> Unit, |_r| not_configured("Apple");
    link_facebook(api::LinkFacebookRequest) -> Unit,
        |r| needs(r.account.as_ref().map(|a| a.token.as_str()), "Facebook");
    link_facebook_instant(api::AccountFacebookInstantGame) -> Unit,
        |r| needs(Some(&r.signed_player_info), "Facebook Instant Game");
    link_gamecenter(api::AccountGameCenter) -> Unit,
        |r| needs(Some(&r.bundle_id), "Game Center");
    link_google(api::AccountGoogle) -> Unit, |r| needs(Some(&r.token), "Google");
    link_steam(api::LinkSteamRequest) -> Unit,
        |r| needs(r.account.as_ref().map(|a| a.token.as_str()), "Steam");
}
