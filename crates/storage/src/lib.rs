//! What Tavern keeps, as traits per aggregate.
//!
//! # Purpose
//! One small trait for each thing that is kept ([`Accounts`], [`Revocations`], [`Obligations`],
//! [`Friends`], [`Groups`], [`Notifications`], [`Messages`], [`Wallets`], [`Objects`], [`Boards`],
//! [`BoardRecords`], [`BoardSchedules`], [`Purchases`], [`Subscriptions`], [`Archives`]), the plain data that goes in and out, and how each may
//! fail. The composition root hands the implementations around in one [`Storage`].
//!
//! # Invariants
//! - Every method is one transaction: it happens whole or not at all, also when its future is
//!   dropped half-way.
//! - What a method has answered survives the death of the process.
//! - An expected outcome (no such row, name taken) is a value of the result; [`StorageError`] is
//!   for what nobody expected.
//! - Absence is `Option`.
//!
//! # Must not know
//! A database, wire formats, who may do what.
//!
//! # Entry points
//! [`Storage`], and for tests, with the feature `testkit`, `memory` and `conformance`.

mod accounts;
mod archives;
mod error;
mod friends;
mod groups;
mod leaderboards;
mod messages;
mod notifications;
mod objects;
mod obligations;
mod purchases;
mod revocations;
mod sql;
mod together;
mod wallets;

#[cfg(feature = "testkit")]
pub mod conformance;
#[cfg(feature = "testkit")]
pub mod memory;

use std::sync::Arc;

pub use accounts::{
    Account, AccountUpdate, Accounts, Created, Field, Identity, Imported, Linked, Login,
    NewAccount, Password, Provider, Unlinked, Updated, User,
};
pub use archives::{
    Archive, ArchiveBounds, ArchivedFriend, ArchivedMessage, ArchivedRecord, Archives, ImportInto,
    ImportRefused, NotArchived,
};
pub use error::StorageError;
pub use friends::{
    DecideFriends, Friend, FriendChanges, FriendKey, FriendOfFriend, FriendOfFriendPage,
    FriendPage, FriendState, Friends, FriendsChanged, Others, Pair, PairChange,
};
pub use groups::{
    DecideGroup, Group, GroupChange, GroupCreated, GroupEdge, GroupEdgeKey, GroupEdgePage,
    GroupFilter, GroupMessage, GroupOrder, GroupPage, GroupPosition, GroupRefused, GroupState,
    GroupUpdate, GroupUpdated, GroupView, Groups, MAX_ADMINS, MemberView, NewGroup,
};
pub use leaderboards::{
    Around, Board, BoardOperator, BoardRecord, BoardRecords, BoardSchedules, Boards, DueBoard,
    EndFilter, Joined, NO_MAX_SIZE, Period, RankChange, RankKey, RankSkeleton, RecordPage,
    RecordWalk, RecordWrite, ScoreChange, Snapshot, SortOrder, TournamentFilter,
    TournamentPosition, TournamentTerms, Watermark, WriteRefused, Written,
};
pub use messages::{
    Changed, Direction, Message, MessageKey, MessagePage, Messages, NewMessage, PageRequest,
};
pub use notifications::{
    Notification, NotificationKey, NotificationPage, NotificationUpdate, Notifications,
};
pub use objects::{
    Object, ObjectDelete, ObjectIs, ObjectKey, ObjectPage, ObjectPosition, ObjectRefused,
    ObjectRights, ObjectTimes, ObjectWrite, Objects, ObjectsOf, ReadPermission, WhyRefused,
    WritePermission,
};
pub use obligations::{Claim, NewObligation, Obligation, Obligations};
pub use purchases::{
    AsOf, NewPurchase, NewSubscription, Purchase, PurchaseKey, PurchasePage, PurchaseWalk,
    Purchases, RecordedPurchase, Store, StoreEnvironment, Subscription, Subscriptions,
};
pub use revocations::{
    Revocation, RevocationScope, Revocations, RevokedTokens, TokenRevocation, TokenRevocations,
};
pub use sql::{Sql, SqlRefused, SqlRows, SqlValue};
pub use together::{Together, TogetherDone, TogetherRefused, Togethers};
pub use wallets::{LedgerEntry, LedgerPage, WalletChange, WalletOutcome, WalletRefused, Wallets};

/// Everything that is kept. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    /// Players and how they sign in.
    pub accounts: Arc<dyn Accounts>,
    /// Tokens that are no longer good.
    pub revocations: Arc<dyn Revocations>,
    /// Delegated tokens that are no longer good.
    pub token_revocations: Arc<dyn TokenRevocations>,
    /// After-authenticate hooks that must still run.
    pub obligations: Arc<dyn Obligations>,
    /// Friends, invitations and blocks.
    pub friends: Arc<dyn Friends>,
    /// Groups and their members.
    pub groups: Arc<dyn Groups>,
    /// Notifications that wait for their readers.
    pub notifications: Arc<dyn Notifications>,
    /// Chat history.
    pub messages: Arc<dyn Messages>,
    /// Wallets and their ledger.
    pub wallets: Arc<dyn Wallets>,
    /// Objects that players and server code keep.
    pub objects: Arc<dyn Objects>,
    /// Leaderboards and tournaments.
    pub boards: Arc<dyn Boards>,
    /// Their records.
    pub board_records: Arc<dyn BoardRecords>,
    /// When they reset and end.
    pub board_schedules: Arc<dyn BoardSchedules>,
    /// Purchases that stores have confirmed.
    pub purchases: Arc<dyn Purchases>,
    /// Subscriptions that stores have confirmed.
    pub subscriptions: Arc<dyn Subscriptions>,
    /// Changes of several kinds that belong together.
    pub togethers: Arc<dyn Togethers>,
    /// Accounts with all that belongs to them.
    pub archives: Arc<dyn Archives>,
    /// Statements of the studio's own.
    pub sql: Arc<dyn Sql>,
}
