//! Leaderboards and tournaments: scores, exact ranks in little memory, resets by cron.
//!
//! # Purpose
//! Keep scores by operators that lose nothing when many write at once, say who is where without
//! holding every record in memory, page through records in both directions, run tournaments with
//! their periods, members and attempts, and tell what resets and ends are due ([`Leaderboards`]).
//!
//! # Invariants
//! - A write is one round trip to the store; the operator meets the scores that are there in it.
//! - Ranks are exact: ties by sub-score and then owner, deletes, re-creation and writes at the same
//!   time included. At most [`Config::rank_keys`] records are known one by one.
//! - A reset or an end is told once in a cluster; if its teller dies, again, with the same
//!   [`Occasion::id`].
//! - Time is an argument.
//!
//! # Must not know
//! Wire formats, SQL, scripts, who is connected.
//!
//! # Entry points
//! [`Leaderboards`]; [`cron::Cron`] and [`window::Window`] are of use alone.

mod boards;
mod config;
pub mod cron;
mod cursor;
mod error;
mod leaderboards;
mod ranks;
mod records;
mod schedule;
mod scores;
mod tournaments;
pub mod window;

/// The examples of the read-me.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;

pub use boards::{BoardView, NewLeaderboard, NewTournament};
pub use config::Config;
pub use error::LeaderboardsError;
pub use leaderboards::Leaderboards;
pub use ranks::RankTotals;
pub use records::{AroundQuery, ListQuery, Ranked, RecordList};
pub use schedule::{Due, Occasion, OccasionKind};
pub use scores::{NewScore, Writer};
pub use tournaments::TournamentQuery;
// What goes in and comes out.
pub use tavern_storage::{
    Board, BoardOperator, BoardRecord, EndFilter, NO_MAX_SIZE, SortOrder, TournamentTerms,
};

/// Most bytes of the metadata of a board or record.
pub const MAX_METADATA_BYTES: usize = 262_144;
/// Most owners that one call may ask for.
pub const MAX_OWNERS: usize = 1_000;
/// Most writes of one owner in a period when a tournament does not say.
pub const DEFAULT_MAX_NUM_SCORE: u32 = 1_000_000;
