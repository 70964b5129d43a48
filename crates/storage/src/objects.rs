//! Objects that players and server code keep.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use crate::StorageError;

/// With whose rights objects are touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectRights {
    /// Those of the server: all.
    Server,
    /// Those of a player: writes and deletes what is the player's own and writable by its owner,
    /// reads that and what everybody may read.
    Player(UserId),
}

/// Who may read an object, besides the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReadPermission {
    /// Nobody: 0.
    Nobody,
    /// Its owner: 1.
    Owner,
    /// Everybody: 2.
    Everybody,
}

impl ReadPermission {
    /// The number that stands for it.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Nobody => 0,
            Self::Owner => 1,
            Self::Everybody => 2,
        }
    }

    /// What a number stands for.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Nobody),
            1 => Some(Self::Owner),
            2 => Some(Self::Everybody),
            _ => None,
        }
    }
}

/// Who may write and delete an object, besides the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WritePermission {
    /// Nobody: 0.
    Nobody,
    /// Its owner: 1.
    Owner,
}

impl WritePermission {
    /// The number that stands for it.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Nobody => 0,
            Self::Owner => 1,
        }
    }

    /// What a number stands for.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Nobody),
            1 => Some(Self::Owner),
            _ => None,
        }
    }
}

/// What names an object. The nil user owns what belongs to the system.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct ObjectKey<'a> {
    pub collection: &'a str,
    pub key: &'a str,
    pub user: UserId,
}

/// What an object must be like to be written or deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectIs<'a> {
    /// Anything. A write creates or replaces it; a delete needs it to be there.
    Any,
    /// Not there.
    Absent,
    /// There, with this version.
    Version(&'a str),
}

/// An object to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct ObjectWrite<'a> {
    pub at: ObjectKey<'a>,
    /// What it must be like before.
    pub if_is: ObjectIs<'a>,
    /// The text of a JSON object.
    pub value: &'a str,
    /// The version that this value is; at most 32 characters.
    pub version: &'a str,
    pub read: ReadPermission,
    pub write: WritePermission,
}

/// An object to delete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectDelete<'a> {
    /// Which.
    pub at: ObjectKey<'a>,
    /// What it must be like; [`ObjectIs::Absent`] is never true of an object that can be deleted.
    pub if_is: ObjectIs<'a>,
}

/// When a written object was created and last changed, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct ObjectTimes {
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// Why a batch was refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectRefused {
    /// Which member of the batch, counted from 0: the first one that is refused.
    pub at: usize,
    /// Why that one.
    pub why: WhyRefused,
}

/// Why a member of a batch was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhyRefused {
    /// The object is not what it must be: another version, or there when it must not be, or the
    /// other way round.
    Version,
    /// The rights are not enough.
    Permission,
    /// There is nothing to delete.
    NotFound,
    /// The owner has no account.
    NoOwner,
}

/// A kept object.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct Object {
    pub collection: String,
    pub key: String,
    pub user: UserId,
    /// The text of a JSON object, spelt as the store spells it.
    pub value: String,
    pub version: String,
    pub read: ReadPermission,
    pub write: WritePermission,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// Which objects of a collection to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectsOf {
    /// Of one owner, those that may be read by whoever this permission stands for, and by more;
    /// in the order of read permission and key.
    User(UserId, ReadPermission),
    /// Of every owner, those that everybody may read; in the order of key and owner.
    Public,
    /// All of them; in the order of key and owner.
    Everything,
}

/// Where in a list an object stands; keys are ordered as the store orders texts.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct ObjectPosition {
    pub read: ReadPermission,
    pub key: String,
    pub user: UserId,
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ObjectPage {
    /// The objects.
    pub objects: Vec<Object>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Objects.
///
/// A batch to write or delete names no object twice; one that does fails with
/// [`StorageError::Failed`].
#[async_trait]
pub trait Objects: Send + Sync + 'static {
    /// Writes objects, all or none, and answers their times in the order of the batch.
    ///
    /// What is there and has the same version and permissions stays as it is, its update time
    /// included. Concurrent writes of one object happen one after the other, so that of several
    /// with the same condition one wins. Batches that share objects do not block each other for
    /// ever, in whatever order they name them.
    ///
    /// # Errors
    /// Besides the usual ones: [`StorageError::DoesNotFit`] for names and values that no store can
    /// keep.
    async fn write(
        &self,
        rights: ObjectRights,
        batch: &[ObjectWrite<'_>],
        now: Timestamp,
    ) -> Result<Result<Vec<ObjectTimes>, ObjectRefused>, StorageError>;

    /// The objects that are there and may be read, in the order of the batch; one that is named
    /// twice is answered twice.
    async fn read(
        &self,
        rights: ObjectRights,
        batch: &[ObjectKey<'_>],
    ) -> Result<Vec<Object>, StorageError>;

    /// Deletes objects, all or none.
    async fn delete(
        &self,
        rights: ObjectRights,
        batch: &[ObjectDelete<'_>],
    ) -> Result<Result<(), ObjectRefused>, StorageError>;

    /// A part of a collection, behind a position.
    async fn list(
        &self,
        collection: &str,
        of: ObjectsOf,
        after: Option<&ObjectPosition>,
        limit: u32,
    ) -> Result<ObjectPage, StorageError>;
}
