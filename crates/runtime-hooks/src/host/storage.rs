//! Objects in storage.

use serde::{Deserialize, Serialize};
use tavern_domain::{Timestamp, UserId};

use super::declare::host_area;
use super::types::{MaybeUser, time};
use crate::value::Json;

/// What names an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObjectId {
    pub collection: String,
    pub key: String,
    /// The owner; nobody for the system.
    #[serde(default)]
    pub user_id: MaybeUser,
}

/// An object to write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObjectWrite {
    pub collection: String,
    pub key: String,
    /// The owner; nobody for the system.
    #[serde(default)]
    pub user_id: MaybeUser,
    /// A JSON object.
    pub value: Json,
    /// Empty for no condition, `*` for "must not be there", else the version it must have.
    #[serde(default)]
    pub version: Option<String>,
    /// 0 nobody, 1 the owner, 2 everybody; left out is 1.
    pub permission_read: Option<i32>,
    /// 0 nobody, 1 the owner; left out is 1.
    pub permission_write: Option<i32>,
}

/// An object to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObjectDelete {
    pub collection: String,
    pub key: String,
    /// The owner; nobody for the system.
    #[serde(default)]
    pub user_id: MaybeUser,
    /// Empty for no condition, else the version it must have.
    #[serde(default)]
    pub version: Option<String>,
}

/// An object that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObjectAck {
    pub collection: String,
    pub key: String,
    pub user_id: UserId,
    pub version: String,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    #[serde(with = "time")]
    pub update_time: Timestamp,
}

/// A kept object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct HostObject {
    pub collection: String,
    pub key: String,
    pub user_id: UserId,
    /// A JSON object.
    pub value: Json,
    pub version: String,
    pub permission_read: i32,
    pub permission_write: i32,
    #[serde(with = "time")]
    pub create_time: Timestamp,
    #[serde(with = "time")]
    pub update_time: Timestamp,
}

/// A part of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostObjectPage {
    /// The objects: those of one owner by read permission and key, those of all by key and owner.
    pub objects: Vec<HostObject>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

host_area! {
    /// Objects in storage, with all rights unless a caller is named.
    StorageHost

    /// The objects that are there, each once, in the order asked for.
    fn storage_read as "storageRead" (StorageRead {
        objects: Vec<HostObjectId>,
    }) -> Vec<HostObject>;

    /// Writes objects, all or none, whatever their permissions say; answers one ack for each, in
    /// order.
    fn storage_write as "storageWrite" (StorageWrite {
        objects: Vec<HostObjectWrite>,
    }) -> Vec<HostObjectAck>;

    /// Deletes objects, all or none, whatever their permissions say. One that is not there is an
    /// error.
    fn storage_delete as "storageDelete" (StorageDelete {
        objects: Vec<HostObjectDelete>,
    }) -> ();

    /// A part of a collection: of one owner's objects, or of everybody's. A page has 1 to 10,000
    /// objects. With a caller it holds what that user may read.
    fn storage_list as "storageList" (StorageList {
        #[serde(default)] user_id: MaybeUser,
        collection: Option<String>,
        limit: i64,
        cursor: Option<String>,
        #[serde(default)] caller_id: MaybeUser,
    }) -> HostObjectPage, several ["objects", "cursor"];

    /// What a storage index finds: the objects that a query matches, 1 to 10,000 on a page, 100
    /// when not said. `order` names what they are ordered by, up to four of `create_time`,
    /// `update_time`, `_score` and `value.<sortable field>`, each with `-` before it for descending
    /// order; without it, what matches best is first. With a caller it finds what that user may
    /// read.
    fn storage_index_list as "storageIndexList" (StorageIndexList {
        index: String,
        query: String,
        limit: Option<i64>,
        order: Option<Vec<String>>,
        #[serde(default)] caller_id: MaybeUser,
        cursor: Option<String>,
    }) -> HostObjectPage, several ["objects", "cursor"];
}
