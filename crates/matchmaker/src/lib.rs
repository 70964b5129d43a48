//! Tickets of players and parties, and the pass that makes groups of those who want each other.
//!
//! # Purpose
//! Keep the tickets that wait ([`Matchmaker::add`] and the removals), and every interval go through
//! them and form groups ([`Matchmaker::begin_pass`], [`Matchmaker::advance`]).
//!
//! # Who fits whom
//! A group has at least two tickets, no session twice, and a number of players that lies between
//! every member's minimum and maximum and is a multiple of every member's count multiple. With
//! mutual matching (`rev_precision`, on by default) every member's query accepts every other
//! member; without it, the query of the one ticket that looks for the others accepts them all.
//!
//! For its first `max_intervals` passes a ticket holds out: it looks for groups of its maximum
//! only. Afterwards it takes less, in steps of its count multiple, the largest first. Those who
//! hold out still join a smaller group that another member wants, so nobody waits for nothing.
//!
//! # Invariants
//! - With mutual matching nobody is ever put with anyone whom either's query excludes.
//! - After a pass no group that the rules allow is left among the tickets it saw, except where
//!   finding it would take more than [`Config::search_budget`]; such a ticket looks again in the
//!   next pass, and [`PassReport::unfinished`] counts it.
//! - The oldest ticket looks first, and is offered the oldest of those it suits (those its query
//!   prefers, where it says so by boosts, come before that).
//! - A pass looks only for groups that became possible since the last one: those with a ticket that
//!   is new, has just stopped holding out, or was widened. What waits in vain costs nothing.
//! - A ticket is in one group at most. All tickets of a session vanish with it.
//! - [`Matchmaker`] does no I/O, reads no clock and holds no lock.
//!
//! # Passes and additions at the same time
//! A pass runs in slices: [`Matchmaker::advance`] does a bounded amount of work and returns, so that
//! whoever owns the matchmaker can add and remove tickets in between. What is removed is not matched
//! any more, what is added waits for the next pass. [`LocalMatchmaker`] does this around a mutex,
//! which it never holds for longer than a slice. A snapshot was rejected: what leaves during a long
//! pass would be matched all the same, and its group would have to be taken apart again.
//!
//! # Must not know
//! Sockets, wire envelopes, tokens, matches, how parties work, script languages.
//!
//! # Entry points
//! [`Matchmaker`] (pure), [`LocalMatchmaker`] (shared between threads), [`TicketSpec`], [`Config`].

mod config;
mod error;
mod finder;
mod local;
mod matchmaker;
mod pass;
mod pool;
mod ticket;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use config::Config;
pub use error::MatchmakerError;
pub use local::LocalMatchmaker;
pub use matchmaker::{Completion, Matchmaker, Stats};
pub use pass::{Group, Pass, PassReport, Progress};
pub use ticket::{
    MAX_PROPERTIES, MAX_WIDENINGS, Owner, Player, Ticket, TicketId, TicketSpec, Widening,
};
