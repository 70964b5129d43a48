//! Players, their profiles, and the identities by which they sign in.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use crate::StorageError;
use crate::obligations::{NewObligation, Obligation};

/// Another company by whose accounts players sign in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Provider {
    Apple,
    Facebook,
    FacebookInstant,
    GameCenter,
    Google,
    Steam,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Apple,
        Self::Facebook,
        Self::FacebookInstant,
        Self::GameCenter,
        Self::Google,
        Self::Steam,
    ];

    /// As it calls itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apple => "Apple",
            Self::Facebook => "Facebook",
            Self::FacebookInstant => "Facebook Instant Game",
            Self::GameCenter => "Game Center",
            Self::Google => "Google",
            Self::Steam => "Steam",
        }
    }
}

/// What a player signs in with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Identity<'a> {
    /// A device id; an account may have several.
    Device(&'a str),
    /// The studio's own id for the player.
    Custom(&'a str),
    /// An email address, already in lower case.
    Email(&'a str),
    /// The player's id with a provider; an account has at most one with each.
    External(Provider, &'a str),
}

/// What an account takes over from the provider by which its player signs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Imported<'a> {
    /// Display name.
    pub display_name: Option<&'a str>,
    /// Avatar address.
    pub avatar_url: Option<&'a str>,
    /// An email address in lower case that the player can be reached by. One that another account
    /// has already is left out.
    pub email: Option<&'a str>,
}

/// A password as it is kept: bcrypt or argon2id text, never the password itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub Vec<u8>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What signing in needs to know about an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The account.
    pub user: UserId,
    /// Its present user name.
    pub username: String,
    /// Set when the account is banned.
    pub disable_time: Option<Timestamp>,
    /// The kept password, if it has one.
    pub password: Option<Password>,
    /// The hook that must run before the player gets a session; looked up only when asked for.
    pub obligation: Option<Obligation>,
}

/// An account to be created.
#[derive(Clone, Debug)]
pub struct NewAccount<'a> {
    /// Its id.
    pub user: UserId,
    /// Its user name.
    pub username: &'a str,
    /// What it signs in with.
    pub identity: Identity<'a>,
    /// The password, for an email identity.
    pub password: Option<Password>,
    /// Creation time, kept in microseconds.
    pub now: Timestamp,
    /// A hook that must run before the player gets a session, recorded in the same transaction.
    pub obligation: Option<NewObligation>,
}

/// What came of creating an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Created {
    /// It exists now.
    Created,
    /// The user name belongs to another account; nothing was created.
    UsernameTaken,
    /// Somebody else created an account with this identity meanwhile; nothing was created.
    IdentityTaken,
}

/// What came of linking an identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Linked {
    /// It is the account's now, or has been already.
    Linked,
    /// It belongs to another account.
    Elsewhere,
    /// There is no such account.
    NoAccount,
}

/// What came of removing an identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unlinked {
    /// It is gone.
    Unlinked,
    /// It is the account's last way to sign in, or not the account's at all; nothing was changed.
    LastOrMissing,
}

/// A change of one profile field.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Field {
    /// As it is.
    #[default]
    Keep,
    /// Emptied.
    Clear,
    /// Set.
    Set(String),
}

/// Changes of an account. What is left at its default stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountUpdate {
    /// New user name.
    pub username: Option<String>,
    /// Display name.
    pub display_name: Field,
    /// Avatar address.
    pub avatar_url: Field,
    /// Language tag; cannot be cleared.
    pub lang_tag: Option<String>,
    /// Location.
    pub location: Field,
    /// Time zone.
    pub timezone: Field,
    /// Metadata, the text of a JSON object; server code only.
    pub metadata: Option<String>,
}

/// What came of updating an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Updated {
    /// Done.
    Updated,
    /// The user name belongs to another account; nothing was changed.
    UsernameTaken,
    /// There is no such account.
    NoAccount,
}

impl User {
    /// The player's id with a provider.
    #[must_use]
    pub const fn external(&self, provider: Provider) -> Option<&String> {
        match provider {
            Provider::Apple => self.apple_id.as_ref(),
            Provider::Facebook => self.facebook_id.as_ref(),
            Provider::FacebookInstant => self.facebook_instant_game_id.as_ref(),
            Provider::GameCenter => self.gamecenter_id.as_ref(),
            Provider::Google => self.google_id.as_ref(),
            Provider::Steam => self.steam_id.as_ref(),
        }
    }
}

/// A player as others see them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
    pub lang_tag: String,
    pub location: Option<String>,
    pub timezone: Option<String>,
    /// The text of a JSON object.
    pub metadata: String,
    pub facebook_id: Option<String>,
    pub google_id: Option<String>,
    pub gamecenter_id: Option<String>,
    pub steam_id: Option<String>,
    pub facebook_instant_game_id: Option<String>,
    pub apple_id: Option<String>,
    /// Friends, sent and received invitations.
    pub edge_count: i32,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// A player as they see themselves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct Account {
    pub user: User,
    /// The text of a JSON object.
    pub wallet: String,
    pub email: Option<String>,
    /// In the order of the ids.
    pub devices: Vec<String>,
    pub custom_id: Option<String>,
    pub verify_time: Option<Timestamp>,
    pub disable_time: Option<Timestamp>,
}

/// Accounts and their identities.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The account that an identity belongs to; one round trip.
    ///
    /// `with_obligation` asks for [`Login::obligation`] as well.
    async fn find(
        &self,
        identity: Identity<'_>,
        with_obligation: bool,
    ) -> Result<Option<Login>, StorageError>;

    /// The account with this user name; one round trip.
    async fn find_by_username(
        &self,
        username: &str,
        with_obligation: bool,
    ) -> Result<Option<Login>, StorageError>;

    /// The account with this id; one round trip. For refreshing a session.
    async fn find_by_id(&self, user: UserId) -> Result<Option<Login>, StorageError>;

    /// Creates an account, its identity and its obligation, all or nothing; one round trip.
    ///
    /// When both the name and the identity are taken, either may be answered: whoever hears of a
    /// taken name looks the identity up once more, since the same request may have come twice.
    async fn create(&self, new: NewAccount<'_>) -> Result<Created, StorageError>;

    /// An account, whole.
    async fn get(&self, user: UserId) -> Result<Option<Account>, StorageError>;

    /// The accounts with these ids, names or Facebook ids, each once, in no particular order.
    /// Unknown ones are left out, and so is the system user.
    async fn users(
        &self,
        ids: &[UserId],
        usernames: &[String],
        facebook_ids: &[String],
    ) -> Result<Vec<User>, StorageError>;

    /// So many accounts, the first ones from this id on, in the order of ids and round the end;
    /// each once and without the system user. With a random id these are random players.
    async fn users_from(&self, from: UserId, count: u32) -> Result<Vec<User>, StorageError>;

    /// Changes an account and moves its update time.
    async fn update(
        &self,
        user: UserId,
        update: &AccountUpdate,
        now: Timestamp,
    ) -> Result<Updated, StorageError>;

    /// Deletes an account with all that hangs on it: identities, messages, ledger, obligation.
    /// Revocations stay, since its tokens are still out there. `recorded` leaves a tombstone.
    /// Answers whether there was one; the system user cannot be deleted.
    async fn delete(
        &self,
        user: UserId,
        recorded: bool,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Adds an identity to an account (a device), or replaces it (custom id, email and password, an
    /// id with a provider), and moves the account's update time. Linking what is the account's already is fine.
    async fn link(
        &self,
        user: UserId,
        identity: Identity<'_>,
        password: Option<&Password>,
        now: Timestamp,
    ) -> Result<Linked, StorageError>;

    /// Removes an identity unless it is the last, and moves the account's update time. For
    /// [`Identity::Email`] the address is not compared; the password goes with it. For
    /// [`Identity::Custom`] and [`Identity::External`] the id is compared. Concurrent calls never
    /// remove the last one. An address without a password is no way to sign in.
    async fn unlink(
        &self,
        user: UserId,
        identity: Identity<'_>,
        now: Timestamp,
    ) -> Result<Unlinked, StorageError>;

    /// Gives an account what it lacks of this: what is there already stays. Moves the update time
    /// only if something changes; one round trip. No account is fine.
    async fn fill(
        &self,
        user: UserId,
        imported: Imported<'_>,
        now: Timestamp,
    ) -> Result<(), StorageError>;

    /// Replaces a kept password, for example after a rehash, if it is still `old`.
    async fn replace_password(
        &self,
        user: UserId,
        old: &Password,
        new: &Password,
    ) -> Result<bool, StorageError>;

    /// Bans (`Some`) or unbans (`None`) accounts. Unknown ids are fine.
    async fn set_disabled(
        &self,
        users: &[UserId],
        at: Option<Timestamp>,
    ) -> Result<(), StorageError>;
}
