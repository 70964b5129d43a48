//! Indexes over stored objects.
//!
//! # Purpose
//! Server code registers an index over a collection; [`Indexes`] keeps what is in the index in
//! memory, finds objects by queries of `tavern-search` in an order of the caller's, and is told of
//! every change by the stores that [`watched()`] makes.
//!
//! # Invariants
//! - An index never believes a writer. After a change has been committed the object is read again,
//!   and of several reads the one that began last counts: whatever the order in which changes,
//!   reads and loads overlap, the index ends as the database is.
//! - A change is in the index of its node when the writer has its answer. If it could not be read
//!   again, or the writer was dropped, the debt is remembered and paid by [`Indexes::run`].
//! - No index holds more entries than it was given room for; the entry that has not been changed
//!   for the longest time leaves first.
//! - Other nodes are told what has changed, not what it is now. A node that dies between a commit and
//!   its message leaves the others behind, until a list comes across the object or they load again.
//!
//! # Must not know
//! Wire formats, SQL, script languages.
//!
//! # Entry points
//! [`Indexes`], [`watched()`].

mod cursor;
mod debts;
mod document;
mod error;
mod indexes;
mod keep;
mod list;
mod message;
mod order;
mod shelf;
#[cfg(test)]
mod tests;
mod watched;

pub use error::IndexError;
pub use indexes::{Config, Filter, IndexMeters, Indexes, MakeMeters};
pub use list::{ListQuery, MAX_LIMIT, Page};
pub use order::MAX_ORDER;
pub use watched::watched;
