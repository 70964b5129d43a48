//! A query language for labels and properties, and an index in memory that answers it.
//!
//! # Purpose
//! Read queries such as `+label.mode:ranked -label.map:w?st skill:>=10 name:/a.*/ "two words"~1
//! fuzzy~2 boost^2` into a tree with known bounds ([`Query`]), test one document against one
//! ([`Query::matches`]: slow and obviously right), and find the documents of a changing set that
//! match ([`Index`], [`Searcher`]: fast, and tested against the former).
//!
//! # Invariants
//! - Parsing never panics, whatever the text, and takes time and memory bounded by [`Limits`].
//! - For every query and every set of documents the index finds what [`Query::matches`] accepts,
//!   no more and no less, in the order in which the documents came in.
//! - A change of the index is visible to the next search and costs microseconds.
//! - Whole values are compared: nothing is split into words, and letters keep their case.
//!
//! # Must not know
//! Tickets, matches, parties, storage; who asks and what for.
//!
//! # Entry points
//! [`Query::parse`], [`Document`], [`Index`], [`Searcher`].
//!
//! # Room for a text index
//! Long lists that are rarely changed and need ranking by words, as searches over stored objects
//! do, are better served by a full-text engine. Such a backend walks the same tree
//! ([`Query::root`]): every node and test of it is public, so this crate stays the one parser and
//! [`Query::matches`] the one definition of what a query means.

mod bitmap;
mod cells;
mod column;
mod dictionary;
mod document;
mod error;
mod index;
mod parse;
mod pattern;
mod plan;
mod query;
mod searcher;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use document::Document;
pub use error::{Problem, QueryError};
pub use index::{Index, Row};
pub use parse::{Limits, Options};
pub use pattern::{DateRange, Glob, GlobPart, Pattern};
pub use plan::Plan;
pub use query::{Clause, Group, Node, NumberRange, Query, Test};
pub use searcher::Searcher;
