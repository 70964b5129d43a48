//! How often somebody may ask: token buckets by address, account, session and name.
//!
//! # Purpose
//! Answer, before any work is done, whether one more call or message of a caller is welcome, and
//! if not, when it will be ([`Limits::check`]).
//!
//! # Invariants
//! - Memory is bounded by the configuration, however many callers there are: see [`Limits`].
//! - A caller that stays below its rate is never refused, and one that was refused is let in after
//!   the time it was told.
//! - Nobody waits here: the answer is immediate, and no lock is held longer than a look-up.
//!
//! # Must not know
//! Calls, messages, transports: a name is a text, a caller is a number.
//!
//! # Entry points
//! [`Limits`], [`Config`].

mod bucket;
mod config;
mod limits;
mod rule;
mod store;

pub use config::{Config, Rate};
pub use limits::{By, Limited, Limits, Meters, Request};
pub use rule::{Name, ParseRuleError, Rule};
