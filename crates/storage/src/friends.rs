//! Who is whose friend.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use crate::{Notification, StorageError, User};

/// What one player is to another. The numbers are those of the public protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FriendState {
    /// Both have agreed.
    Friend,
    /// Has been asked and has not answered.
    InviteSent,
    /// Has asked and waits for an answer.
    InviteReceived,
    /// Is blocked.
    Blocked,
}

impl FriendState {
    /// Its number in the protocol and in the tables.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Friend => 0,
            Self::InviteSent => 1,
            Self::InviteReceived => 2,
            Self::Blocked => 3,
        }
    }

    /// The state of this number, if there is one.
    #[must_use]
    pub const fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::Friend),
            1 => Some(Self::InviteSent),
            2 => Some(Self::InviteReceived),
            3 => Some(Self::Blocked),
            _ => None,
        }
    }
}

/// What there is between two players, seen from the one who acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pair {
    /// The other one.
    pub other: UserId,
    /// What the other one is to the one who acts.
    pub mine: Option<FriendState>,
    /// What the one who acts is to the other one.
    pub theirs: Option<FriendState>,
    /// Whether the call has named the other one, or they are there for [`Others::connected`].
    pub named: bool,
}

/// What there is to be between two players.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PairChange {
    /// Both directions, as they are to be.
    pub pair: Pair,
    /// The text of a JSON object, merged into the metadata of the acting player's edge; `None`
    /// keeps it.
    pub metadata: Option<String>,
    /// The same for the other player's edge.
    pub their_metadata: Option<String>,
}

/// What one call changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FriendChanges {
    /// Only pairs that do change; each at most once.
    pub pairs: Vec<PairChange>,
    /// To be kept in the same transaction.
    pub notifications: Vec<Notification>,
}

/// What came of a call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FriendsChanged {
    /// How many of the players named there are, without the acting one.
    pub found: usize,
    /// What was changed.
    pub changes: FriendChanges,
}

/// Which other players a call is about: all that any of the lists names, each once. The acting
/// player and the system user are never among them.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Others<'a> {
    pub ids: &'a [UserId],
    pub usernames: &'a [String],
    pub facebook_ids: &'a [String],
    pub steam_ids: &'a [String],
    /// Everybody else with whom there is an edge in either direction.
    pub connected: bool,
}

/// The rules of a call: from what there is to what there is to be. It may be asked more than once
/// for one call, so it must do nothing else.
pub type DecideFriends<'a> = dyn Fn(&[Pair]) -> FriendChanges + Send + Sync + 'a;

/// A friend in a list: also somebody invited or blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct Friend {
    pub user: User,
    pub state: FriendState,
    /// Orders the edges of one state.
    pub position: i64,
    pub update_time: Timestamp,
    /// The text of a JSON object.
    pub metadata: String,
}

/// Where in a list of friends somebody stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct FriendKey {
    pub state: FriendState,
    pub position: i64,
}

/// A part of a player's list, by state, then position.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FriendPage {
    /// The friends.
    pub friends: Vec<Friend>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// A friend of a friend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FriendOfFriend {
    /// The friend in between.
    pub referrer: UserId,
    /// Their friend.
    pub user: User,
}

/// A part of a player's list of friends of friends, by referrer, then user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FriendOfFriendPage {
    /// The friends' friends; somebody known to two friends is there twice.
    pub entries: Vec<FriendOfFriend>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Friends, invitations and blocks.
///
/// A player's edge count is the number of their edges, in any state, at every moment.
#[async_trait]
pub trait Friends: Send + Sync + 'static {
    /// Changes what there is between a player and others: looks it up, asks `decide`, and carries
    /// the answer out with its notifications, all as one step that no other call about any of
    /// these players comes between. Two round trips, one if nothing changes. Moves the update
    /// times of players whose edge count changes.
    ///
    /// When the acting player does not exist nothing is found.
    async fn change(
        &self,
        user: UserId,
        others: Others<'_>,
        now: Timestamp,
        decide: &DecideFriends<'_>,
    ) -> Result<FriendsChanged, StorageError>;

    /// A part of a player's list behind this key, of one state or of all.
    async fn list(
        &self,
        user: UserId,
        state: Option<FriendState>,
        after: Option<FriendKey>,
        limit: u32,
    ) -> Result<FriendPage, StorageError>;

    /// Friends of friends who are neither the player nor a friend, behind this referrer and user.
    async fn of_friends(
        &self,
        user: UserId,
        after: Option<(UserId, UserId)>,
        limit: u32,
    ) -> Result<FriendOfFriendPage, StorageError>;

    /// A player's edges to these others, in the order of a list.
    async fn get(&self, user: UserId, others: &[UserId]) -> Result<Vec<Friend>, StorageError>;

    /// What there is between two players; `None` when the other one does not exist.
    async fn between(&self, user: UserId, other: UserId) -> Result<Option<Pair>, StorageError>;

    /// Replaces the metadata of a player's edge. Answers whether there was one.
    async fn set_metadata(
        &self,
        user: UserId,
        other: UserId,
        metadata: &str,
    ) -> Result<bool, StorageError>;
}
