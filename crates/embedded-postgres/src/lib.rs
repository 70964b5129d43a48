//! A supervised PostgreSQL child process for development, unpacked from the binary.
//!
//! # Purpose
//! A new user needs no database server: [`Embedded::start`] runs a real PostgreSQL as a child
//! process in a folder and yields an address for any PostgreSQL client. The programs come out of
//! this library (see `build.rs`), or else from the machine.
//!
//! # Invariants
//! - One server process per folder: a lock that dies with its holder keeps a second one out.
//! - What the database has acknowledged survives `kill -9` of this process, of the child, or of
//!   both: `fsync` stays on, and no orphan of an earlier life ever runs beside a new one.
//! - The child never outlives this process for long, and its unasked end never goes unnoticed
//!   ([`Embedded::ended`]).
//! - A folder never holds half a cluster, however the first start was interrupted.
//! - Only a unix socket in a folder of our own is listened on, never a network port.
//!
//! # Must not know
//! Storage, tables, migrations, configuration files.
//!
//! # Entry points
//! [`Embedded`], [`Config`], and with the feature `testkit` `testkit::TestServer`.

mod bundled;
mod cluster;
mod config;
mod embedded;
mod error;
mod files;
mod licenses;
mod processes;
mod programs;
mod selfcheck;
mod socket;
mod supervisor;
#[cfg(feature = "testkit")]
pub mod testkit;
#[cfg(test)]
mod tests;

pub use config::{Config, Mode};
pub use embedded::Embedded;
pub use error::{Ended, Error};
pub use licenses::{BUILD_LICENSE, POSTGRESQL_LICENSE};
pub use programs::Origin;
