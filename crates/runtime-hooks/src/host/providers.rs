//! Players by their accounts with other companies.

use tavern_domain::UserId;

use super::HostSignIn;
use super::declare::host_area;

host_area! {
    /// Players by their accounts with other companies, whose word is asked for as it is when they
    /// sign in themselves. No hook runs, and no other log-in ends.
    ProvidersHost

    /// The account of an identity token of Apple; created if there is none, unless told otherwise.
    fn authenticate_apple as "authenticateApple" (AuthenticateApple {
        token: String,
        username: Option<String>,
        create: Option<bool>,
    }) -> HostSignIn, several ["user_id", "username", "created"];

    /// The account of a Facebook token; created if there is none, and friends imported, unless told
    /// otherwise.
    fn authenticate_facebook as "authenticateFacebook" (AuthenticateFacebook {
        token: String,
        import_friends: Option<bool>,
        username: Option<String>,
        create: Option<bool>,
    }) -> HostSignIn, several ["user_id", "username", "created"];

    /// The account of a signed player info of an Instant Game; created if there is none, unless
    /// told otherwise.
    fn authenticate_facebook_instant_game as "authenticateFacebookInstantGame" (AuthenticateFacebookInstantGame {
        player_info: String,
        username: Option<String>,
        create: Option<bool>,
    }) -> HostSignIn, several ["user_id", "username", "created"];

    /// The account of a signature of Game Center; created if there is none, unless told otherwise.
    fn authenticate_game_center as "authenticateGameCenter" (AuthenticateGameCenter {
        player_id: String,
        bundle_id: String,
        timestamp: i64,
        salt: String,
        signature: String,
        public_key_url: String,
        username: Option<String>,
        create: Option<bool>,
    }) -> HostSignIn, several ["user_id", "username", "created"];

    /// The account of a Google token or server code; created if there is none, unless told otherwise.
    fn authenticate_google as "authenticateGoogle" (AuthenticateGoogle {
        token: String,
        username: Option<String>,
        create: Option<bool>,
    }) -> HostSignIn, several ["user_id", "username", "created"];

    /// The account of a Steam ticket; created if there is none, and friends imported, unless told
    /// otherwise.
    fn authenticate_steam as "authenticateSteam" (AuthenticateSteam {
        token: String,
        import_friends: Option<bool>,
        username: Option<String>,
        create: Option<bool>,
    }) -> HostSignIn, several ["user_id", "username", "created"];

    /// Adds an Apple id to an account.
    fn link_apple as "linkApple" (LinkApple {
        user_id: UserId,
        token: String,
    }) -> ();

    /// Adds Facebook to an account, and imports friends unless told otherwise.
    fn link_facebook as "linkFacebook" (LinkFacebook {
        user_id: UserId,
        username: String,
        token: String,
        import_friends: Option<bool>,
    }) -> ();

    /// Adds an Instant Game player to an account.
    fn link_facebook_instant_game as "linkFacebookInstantGame" (LinkFacebookInstantGame {
        user_id: UserId,
        player_info: String,
    }) -> ();

    /// Adds Game Center to an account.
    fn link_gamecenter as "linkGameCenter" (LinkGamecenter {
        user_id: UserId,
        player_id: String,
        bundle_id: String,
        timestamp: i64,
        salt: String,
        signature: String,
        public_key_url: String,
    }) -> ();

    /// Adds Google to an account.
    fn link_google as "linkGoogle" (LinkGoogle {
        user_id: UserId,
        token: String,
    }) -> ();

    /// Adds Steam to an account, and imports friends unless told otherwise.
    fn link_steam as "linkSteam" (LinkSteam {
        user_id: UserId,
        username: String,
        token: String,
        import_friends: Option<bool>,
    }) -> ();

    /// Takes the Apple id away, if that is the proved one where a proof is given. The last way to sign
    /// in stays.
    fn unlink_apple as "unlinkApple" (UnlinkApple {
        user_id: UserId,
        token: Option<String>,
    }) -> ();

    /// Takes Facebook away, if that is the proved one where a proof is given. The last way to sign
    /// in stays.
    fn unlink_facebook as "unlinkFacebook" (UnlinkFacebook {
        user_id: UserId,
        token: Option<String>,
    }) -> ();

    /// Takes the Instant Game player away, if that is the proved one where a proof is given. The last way to sign
    /// in stays.
    fn unlink_facebook_instant_game as "unlinkFacebookInstantGame" (UnlinkFacebookInstantGame {
        user_id: UserId,
        player_info: Option<String>,
    }) -> ();

    /// Takes Game Center away, if that is the proved one where a proof is given. The last way to sign
    /// in stays.
    fn unlink_gamecenter as "unlinkGameCenter" (UnlinkGamecenter {
        user_id: UserId,
        player_id: Option<String>,
        bundle_id: Option<String>,
        timestamp: Option<i64>,
        salt: Option<String>,
        signature: Option<String>,
        public_key_url: Option<String>,
    }) -> ();

    /// Takes Google away, if that is the proved one where a proof is given. The last way to sign
    /// in stays.
    fn unlink_google as "unlinkGoogle" (UnlinkGoogle {
        user_id: UserId,
        token: Option<String>,
    }) -> ();

    /// Takes Steam away, if that is the proved one where a proof is given. The last way to sign
    /// in stays.
    fn unlink_steam as "unlinkSteam" (UnlinkSteam {
        user_id: UserId,
        token: Option<String>,
    }) -> ();
}
