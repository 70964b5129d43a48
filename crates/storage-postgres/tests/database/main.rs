//! Tests against a real database. It is the one that the test command provides, or else an
//! embedded one.

#![expect(clippy::unwrap_used, reason = "a test: what fails must panic")]

mod conformance;
mod migrate;
mod objects;
mod pool;
mod schema;
mod social;
mod support;
mod tables;
mod tls;
