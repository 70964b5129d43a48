//! Wallets: what players hold, how it changes, and the ledger of the changes.
//!
//! # Purpose
//! Check what server code wants to do to wallets ([`Changeset`], [`WalletUpdate`]), do it to one or
//! many of them at once, and page through the ledger ([`Economy`]). No client call changes a
//! wallet.
//!
//! # Invariants
//! - Amounts are whole numbers, never rounded, and no currency goes below zero.
//! - Several updates happen all or none.
//! - A page of the ledger and the one behind it have no gaps and no repeats.
//!
//! # Must not know
//! Wire formats, script languages, SQL, who may ask.
//!
//! # Entry points
//! [`Economy`], [`Changeset`].

mod changeset;
mod economy;
mod error;
mod ledger;

pub use changeset::{Changeset, MAX_CURRENCIES, MAX_CURRENCY_BYTES};
pub use economy::{Economy, MAX_ANNOTATED_BYTES, MAX_METADATA_BYTES, MAX_UPDATES, WalletUpdate};
pub use error::EconomyError;
pub use ledger::{DEFAULT_LEDGER_LIMIT, Ledger, LedgerQuery, MAX_LEDGER_LIMIT};
