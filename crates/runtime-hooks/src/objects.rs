//! Objects in storage, as server code sees them.

use tavern_domain::{Timestamp, UserId};

/// What names an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObjectId {
    pub collection: String,
    pub key: String,
    /// The owner; the nil user for the system.
    pub user: UserId,
}

/// An object to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObjectWrite {
    pub collection: String,
    pub key: String,
    /// The owner; the nil user for the system.
    pub user: UserId,
    /// The text of a JSON object.
    pub value: String,
    /// Empty for no condition, `*` for "must not be there", else the version it must have.
    pub version: String,
    /// 0 nobody, 1 the owner, 2 everybody; `None` is 1.
    pub permission_read: Option<i32>,
    /// 0 nobody, 1 the owner; `None` is 1.
    pub permission_write: Option<i32>,
}

/// An object to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObjectDelete {
    pub collection: String,
    pub key: String,
    /// The owner; the nil user for the system.
    pub user: UserId,
    /// Empty for no condition, else the version it must have.
    pub version: String,
}

/// An object that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObjectAck {
    pub collection: String,
    pub key: String,
    pub user: UserId,
    pub version: String,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// A kept object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObject {
    pub collection: String,
    pub key: String,
    pub user: UserId,
    /// The text of a JSON object.
    pub value: String,
    pub version: String,
    pub permission_read: i32,
    pub permission_write: i32,
    pub create_time: Timestamp,
    pub update_time: Timestamp,
}

/// Which part of a collection to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostObjectQuery {
    /// Whose objects; `None` for those of every owner.
    pub user: Option<UserId>,
    /// The collection.
    pub collection: String,
    /// Objects on a page, 1 to 10,000.
    pub limit: u32,
    /// Where to go on; empty begins at the first object.
    pub cursor: String,
    /// With whose rights; `None` for those of the server, which sees everything.
    pub caller: Option<UserId>,
}

/// A part of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostObjectPage {
    /// The objects: those of one owner by read permission and key, those of all by key and owner.
    pub objects: Vec<HostObject>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}
