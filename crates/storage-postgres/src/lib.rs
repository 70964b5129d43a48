//! The PostgreSQL implementation of Tavern's storage, its pool and migrations.
//!
//! # Purpose
//! Everything that `tavern-storage` says must be kept, kept in the tables of a Nakama 3.40 database
//! and a few of our own; connections to it ([`Pool`]); and bringing a database up to date, also one
//! that Nakama made ([`Migrator`]).
//!
//! # Invariants
//! - Tables that Nakama knows keep its names and meaning, so that both servers can work on the
//!   same data. What is ours alone is prefixed `tavern_`.
//! - One call is one statement where it can be, and one round trip; what needs a decision in
//!   between is one transaction of two. A statement is prepared once per connection.
//! - Serialisation failures and deadlocks are repeated here, so that no caller has to.
//! - Passwords of the database appear in no message.
//!
//! # Must not know
//! Who may do what, wire formats, where the configuration comes from, who runs the database.
//!
//! # Entry points
//! [`Pool::new`], [`storage()`], [`Migrator`].

mod accounts;
mod address;
mod archives;
mod config;
mod connect;
mod error;
mod friends;
mod groups;
mod leaderboards;
mod messages;
mod migrate;
mod notifications;
mod objects;
mod obligations;
mod pool;
mod purchases;
mod query;
mod retry;
mod revocations;
mod sql;
mod storage;
mod subscriptions;
#[cfg(feature = "testkit")]
pub mod testkit;
mod tls;
mod together;
mod token_revocations;
mod transaction;
mod values;
mod wallets;

pub use address::{Address, InvalidAddress, SslMode};
pub use config::PoolConfig;
pub use error::{DbError, HealthError, SetupError};
pub use migrate::{Done, MigrateError, Migrator, StepState, StepStatus, Verdict};
pub use pool::Pool;
pub use storage::storage;

use query::Query;
