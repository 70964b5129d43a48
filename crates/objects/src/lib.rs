//! Objects that players and server code keep.
//!
//! # Purpose
//! Check what clients and server code want to keep ([`NewObject`]), say which version it is, write,
//! read and delete it in batches, and page through collections ([`Objects`]).
//!
//! # Invariants
//! - A batch happens whole or not at all, and a refusal names the object.
//! - A version is the MD5 of the value's bytes as they were submitted, in hex.
//! - A player writes only what is the player's own, and sees only what may be read: whoever calls
//!   says with whose rights, and nothing here goes beyond them.
//! - A page of a list and the one behind it have no gaps and no repeats, whatever is written
//!   meanwhile.
//!
//! # Must not know
//! Wire formats, SQL, what is in the objects.
//!
//! # Entry points
//! [`Objects`].

mod batch;
mod error;
mod list;
mod objects;

pub use batch::{
    DeleteObject, MAX_BATCH, MAX_NAME_CHARS, MAX_VALUE_BYTES, NewObject, ObjectAck, Writes,
    delete_refused, deletes,
};
pub use error::ObjectsError;
pub use list::{DEFAULT_LIMIT, ListQuery, MAX_LIMIT, MAX_SERVER_LIMIT, ObjectList};
pub use objects::Objects;
// The rights, and what comes back.
pub use tavern_storage::{Object, ObjectKey, ObjectRights, ReadPermission, WritePermission};
