//! Groups and who is in them.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use crate::{Field, Notification, StorageError, User};

/// What a player is to a group. The numbers are those of the public protocol; a lower one has more
/// rights.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum GroupState {
    Superadmin,
    Admin,
    Member,
    JoinRequest,
    Banned,
}

impl GroupState {
    /// Its number in the protocol and in the tables.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Superadmin => 0,
            Self::Admin => 1,
            Self::Member => 2,
            Self::JoinRequest => 3,
            Self::Banned => 4,
        }
    }

    /// The state of this number, if there is one.
    #[must_use]
    pub const fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::Superadmin),
            1 => Some(Self::Admin),
            2 => Some(Self::Member),
            3 => Some(Self::JoinRequest),
            4 => Some(Self::Banned),
            _ => None,
        }
    }

    /// Whether it counts as membership.
    #[must_use]
    pub const fn is_member(self) -> bool {
        matches!(self, Self::Superadmin | Self::Admin | Self::Member)
    }

    /// Whether it comes with the right to change the group.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Superadmin | Self::Admin)
    }
}

/// A group.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct Group {
    pub id: Uuid,
    pub creator: UserId,
    pub name: String,
    pub description: Option<String>,
    pub avatar_url: Option<String>,
    pub lang_tag: String,
    /// The text of a JSON object.
    pub metadata: String,
    /// Whether anybody may join without being let in.
    pub open: bool,
    /// How many members there are.
    pub edge_count: i32,
    /// How many there may be.
    pub max_count: i32,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// A group to be created. Its superadmin is its only member.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct NewGroup<'a> {
    pub id: Uuid,
    pub superadmin: UserId,
    /// Who is on record as its creator: the superadmin, or nil for the server.
    pub creator: UserId,
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub avatar_url: Option<&'a str>,
    pub lang_tag: &'a str,
    pub metadata: &'a str,
    pub open: bool,
    /// At least 1.
    pub max_count: i32,
    pub now: Timestamp,
}

/// What came of creating a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupCreated {
    /// It exists now.
    Created(Group),
    /// Another group has this name.
    NameTaken,
    /// The superadmin does not exist.
    NoUser,
}

/// Changes of a group. What is left at its default stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct GroupUpdate {
    pub name: Option<String>,
    pub description: Field,
    pub avatar_url: Field,
    pub lang_tag: Option<String>,
    pub metadata: Option<String>,
    pub open: Option<bool>,
    pub max_count: Option<i32>,
    pub creator: Option<UserId>,
}

/// What came of changing a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupUpdated {
    /// Done.
    Updated,
    /// Another group has this name.
    NameTaken,
    /// There is no such group, or the caller is none of its admins.
    NotAllowed,
    /// It has more members than it was to have at most.
    TooMany,
}

/// What a call about members finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// The players whom the call is about, in its order, each once.
    pub members: Vec<MemberView>,
    /// Superadmins and admins, those of the highest rights first; at most [`MAX_ADMINS`].
    pub admins: Vec<(UserId, GroupState)>,
}

/// Most admins that [`GroupView::admins`] tells of, superadmins included.
pub const MAX_ADMINS: u32 = 1_000;

/// A player whom a call is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberView {
    /// The player.
    pub user: UserId,
    /// The present user name; `None` when there is no such player.
    pub username: Option<String>,
    /// What the player is to the group.
    pub state: Option<GroupState>,
}

/// A message of the group's chat about its members, with the content `{}`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct GroupMessage {
    pub id: Uuid,
    pub code: i16,
    pub sender: UserId,
    pub username: String,
    pub create_time: Timestamp,
}

/// What a call about members changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupChange {
    /// What players are to be to the group; `None` for nothing at all. Each at most once, and only
    /// players that the view has told of.
    pub members: Vec<(UserId, Option<GroupState>)>,
    /// Whether the group goes, with all its members. Then nothing else happens.
    pub delete: bool,
    /// To be kept in the same transaction.
    pub messages: Vec<GroupMessage>,
    /// To be kept in the same transaction.
    pub notifications: Vec<Notification>,
}

impl GroupChange {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
            && !self.delete
            && self.messages.is_empty()
            && self.notifications.is_empty()
    }
}

/// Why a call about members was refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupRefused {
    /// There is no such group.
    NoGroup,
    /// The caller has no right to it.
    NotAllowed,
    /// The group has as many members as it may have.
    Full,
    /// The group would be left without a superadmin.
    LastSuperadmin,
    /// One of the players does not exist.
    NoUser,
}

/// The rules of a call: from what there is to what there is to be. It may be asked more than once
/// for one call, so it must do nothing else.
pub type DecideGroup<'a> =
    dyn Fn(&GroupView) -> Result<GroupChange, GroupRefused> + Send + Sync + 'a;

/// Which groups to list, and in which order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GroupFilter {
    /// By name: a pattern in which `%` stands for anything, whatever the case of letters.
    Name(String),
    /// By any combination of these.
    Fields {
        /// Only groups of this language.
        lang_tag: Option<String>,
        /// Only open or only closed groups.
        open: Option<bool>,
        /// Only groups with at most so many members.
        members: Option<i32>,
    },
}

/// The order of a list of groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupOrder {
    /// By name.
    Name,
    /// By members, then id, upwards.
    Fewest,
    /// By members, then id, downwards.
    Most,
    /// By members, then update time, then id, downwards.
    MostRecent,
    /// By update time, then members, then id, upwards.
    Oldest,
}

impl GroupFilter {
    /// The order that goes with the filter.
    #[must_use]
    pub const fn order(&self) -> GroupOrder {
        match self {
            Self::Name(_) => GroupOrder::Name,
            Self::Fields { lang_tag, open, members } => match (lang_tag, open, members) {
                (None, _, None) => GroupOrder::Oldest,
                (None, None, Some(_)) => GroupOrder::MostRecent,
                (Some(_), None, None) => GroupOrder::Fewest,
                (Some(_), _, _) | (None, Some(_), Some(_)) => GroupOrder::Most,
            },
        }
    }
}

/// Where in a list of groups one stands: all that any order needs.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GroupPosition {
    pub name: String,
    pub edge_count: i32,
    pub update_time: Timestamp,
    pub id: Uuid,
}

/// A part of a list of groups.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupPage {
    /// The groups.
    pub groups: Vec<Group>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Where in a list of edges one stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GroupEdgeKey {
    pub state: GroupState,
    pub position: i64,
}

/// One of a list of edges: a player of a group, or a group of a player.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GroupEdge<T> {
    pub of: T,
    pub key: GroupEdgeKey,
}

/// A part of a list of edges, by state, then position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupEdgePage<T> {
    /// The edges.
    pub edges: Vec<GroupEdge<T>>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Groups and their members.
///
/// A group's edge count is the number of its members, and never above its maximum, at every moment.
/// A banned player has no edge to the group, only the group one to them.
#[async_trait]
pub trait Groups: Send + Sync + 'static {
    /// Creates a group; one round trip.
    async fn create(&self, group: NewGroup<'_>) -> Result<GroupCreated, StorageError>;

    /// Changes a group and moves its update time, if `caller` is one of its admins or `None`; one
    /// round trip.
    async fn update(
        &self,
        group: Uuid,
        caller: Option<UserId>,
        update: &GroupUpdate,
        now: Timestamp,
    ) -> Result<GroupUpdated, StorageError>;

    /// Changes who is in a group: looks up what `users` are to it, asks `decide`, and carries the
    /// answer out with its messages and notifications, all as one step that no other call about
    /// the group comes between. Two round trips, one if nothing changes. Moves the group's update
    /// time if its edge count changes.
    async fn change(
        &self,
        group: Uuid,
        users: &[UserId],
        now: Timestamp,
        decide: &DecideGroup<'_>,
    ) -> Result<Result<GroupChange, GroupRefused>, StorageError>;

    /// What a player is to a group.
    async fn state(&self, group: Uuid, user: UserId) -> Result<Option<GroupState>, StorageError>;

    /// The groups with these ids, each once, in no particular order. Unknown ones are left out.
    async fn get(&self, ids: &[Uuid]) -> Result<Vec<Group>, StorageError>;

    /// A part of a list of groups.
    async fn list(
        &self,
        filter: &GroupFilter,
        after: Option<&GroupPosition>,
        limit: u32,
    ) -> Result<GroupPage, StorageError>;

    /// Groups in the order of their ids, from this one on and around, each once.
    async fn beginning_at(&self, start: Uuid, limit: u32) -> Result<Vec<Group>, StorageError>;

    /// A part of a group's players; without a state all but the banned ones.
    async fn members(
        &self,
        group: Uuid,
        state: Option<GroupState>,
        after: Option<GroupEdgeKey>,
        limit: u32,
    ) -> Result<GroupEdgePage<User>, StorageError>;

    /// A part of a player's groups; without a state all but those that they are banned from.
    async fn of_user(
        &self,
        user: UserId,
        state: Option<GroupState>,
        after: Option<GroupEdgeKey>,
        limit: u32,
    ) -> Result<GroupEdgePage<Group>, StorageError>;
}
