//! Signing in and what players sign in with.

use std::collections::BTreeMap;

use serde::Serialize;
use tavern_domain::UserId;

use super::declare::host_area;

/// Who has signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct HostSignIn {
    pub user_id: UserId,
    pub username: String,
    /// Whether the account is new.
    pub created: bool,
}

/// A session token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostToken {
    /// The token.
    pub token: String,
    /// When it expires, in Unix seconds.
    pub exp: i64,
}

host_area! {
    /// Signing in and what players sign in with. No hook runs, and no other log-in ends.
    IdentitiesHost

    /// The account with a custom id; created if there is none, unless told otherwise.
    fn authenticate_custom as "authenticateCustom" (AuthenticateCustom {
        id: String,
        username: Option<String>,
        create: Option<bool>,
    }) -> HostSignIn, several ["user_id", "username", "created"];

    /// The account with a device; created if there is none, unless told otherwise.
    fn authenticate_device as "authenticateDevice" (AuthenticateDevice {
        id: String,
        username: Option<String>,
        create: Option<bool>,
    }) -> HostSignIn, several ["user_id", "username", "created"];

    /// The account with an email address and this password; created if there is none, unless told
    /// otherwise. Without an address, the account with the user name and this password.
    fn authenticate_email as "authenticateEmail" (AuthenticateEmail {
        email: Option<String>,
        password: String,
        username: Option<String>,
        create: Option<bool>,
    }) -> HostSignIn, several ["user_id", "username", "created"];

    /// A session token for a player, who need not have signed in. It expires as any other, or at
    /// the time given, but not after a refresh token would.
    fn authenticate_token_generate as "authenticateTokenGenerate" (AuthenticateTokenGenerate {
        user_id: UserId,
        username: Option<String>,
        exp: Option<i64>,
        vars: Option<BTreeMap<String, String>>,
    }) -> HostToken, several ["token", "exp"];

    /// Gives an account a custom id, or another one.
    fn link_custom as "linkCustom" (LinkCustom { user_id: UserId, custom_id: String }) -> ();

    /// Adds a device to an account.
    fn link_device as "linkDevice" (LinkDevice { user_id: UserId, device_id: String }) -> ();

    /// Gives an account an email address and a password, or others.
    fn link_email as "linkEmail" (LinkEmail {
        user_id: UserId,
        email: String,
        password: String,
    }) -> ();

    /// Takes the custom id of an account away, the given one if one is given. The last way to sign
    /// in stays.
    fn unlink_custom as "unlinkCustom" (UnlinkCustom {
        user_id: UserId,
        custom_id: Option<String>,
    }) -> ();

    /// Takes a device of an account away. The last way to sign in stays.
    fn unlink_device as "unlinkDevice" (UnlinkDevice {
        user_id: UserId,
        device_id: String,
    }) -> ();

    /// Takes the email address and the password of an account away, if it is the given one. The
    /// last way to sign in stays.
    fn unlink_email as "unlinkEmail" (UnlinkEmail {
        user_id: UserId,
        email: Option<String>,
    }) -> ();
}
