//! All that is kept of one account, to be taken away and brought back.

use async_trait::async_trait;
use tavern_domain::{Stream, Timestamp, UserId};

use crate::{
    Account, BoardRecord, FriendState, Group, LedgerEntry, Message, Notification, Object,
    StorageError,
};

/// All that is kept of one account, as it was at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Archive {
    /// The account itself.
    pub account: Account,
    /// What it owns, by collection and key.
    pub objects: Vec<Object>,
    /// Its edges to others, in the order of a list of friends.
    pub friends: Vec<ArchivedFriend>,
    /// The groups that it is in or asks to be let into, in the order of a list of groups.
    pub groups: Vec<Group>,
    /// What it has sent, oldest first.
    pub messages: Vec<ArchivedMessage>,
    /// Its records, by board and expiry.
    pub records: Vec<ArchivedRecord>,
    /// What waits for it, oldest first.
    pub notifications: Vec<Notification>,
    /// What happened to its wallet, newest first.
    pub ledger: Vec<LedgerEntry>,
}

/// An edge to another player, of whom there is nothing but the id: the rest is theirs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchivedFriend {
    /// The other one.
    pub user: UserId,
    /// What they are to the account.
    pub state: FriendState,
    /// When that was changed last.
    pub update_time: Timestamp,
    /// The text of a JSON object.
    pub metadata: String,
}

/// A message and where it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchivedMessage {
    /// Where.
    pub stream: Stream,
    /// What.
    pub message: Message,
}

/// A record and the period of a board that it belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchivedRecord {
    /// The board.
    pub board: String,
    /// When it expires; `None` for never.
    pub expiry: Option<Timestamp>,
    /// The record.
    pub record: BoardRecord,
}

/// How much may be read for one archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArchiveBounds {
    /// Most members of all lists together.
    pub rows: u32,
    /// Most bytes of what studios and players put there: values, contents, metadata.
    pub bytes: u64,
}

/// Why there is no archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotArchived {
    /// There is no such account.
    NoAccount,
    /// There is more than may be read.
    TooMuch,
}

/// Into which account something is brought.
#[derive(Clone, Copy, Debug)]
pub enum ImportInto<'a> {
    /// One that is not there yet, with this id, profile, wallet, identities and times. It has no
    /// password, and its edge count is zero.
    New(&'a Account),
    /// One that is there. Its metadata, wallet and objects are replaced, the rest stays as it is.
    Existing {
        /// Which.
        user: UserId,
        /// The text of a JSON object.
        metadata: &'a str,
        /// The text of a JSON object, from currencies to amounts.
        wallet: &'a str,
    },
}

impl ImportInto<'_> {
    /// The account's id.
    #[must_use]
    pub const fn user(&self) -> UserId {
        match self {
            Self::New(account) => account.user.id,
            Self::Existing { user, .. } => *user,
        }
    }
}

/// Why nothing was brought in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImportRefused {
    /// An account with this id is there already.
    IdTaken,
    /// The user name belongs to another account.
    UsernameTaken,
    /// One of the identities belongs to another account.
    IdentityTaken,
    /// There is no account to bring it into.
    NoAccount,
}

/// Accounts, whole.
#[async_trait]
pub trait Archives: Send + Sync + 'static {
    /// All that is kept of an account, as it was at one moment: of changes that belong together,
    /// all or none are in it.
    async fn export(
        &self,
        user: UserId,
        most: ArchiveBounds,
    ) -> Result<Result<Archive, NotArchived>, StorageError>;

    /// Brings in an account and its objects, all or nothing. What the objects say of their owner
    /// does not count; their versions and times do. No two of them have the same name.
    ///
    /// When several things are taken, any of them may be answered.
    ///
    /// # Errors
    /// Besides the usual ones: [`StorageError::DoesNotFit`] for what no store can keep.
    async fn import(
        &self,
        into: ImportInto<'_>,
        objects: &[Object],
        now: Timestamp,
    ) -> Result<Result<(), ImportRefused>, StorageError>;
}
