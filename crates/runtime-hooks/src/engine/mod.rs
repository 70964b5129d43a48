//! What script engines have in common: machines that run one call at a time, in bounded pools, on
//! threads of their own.
//!
//! A machine is a value that can go from thread to thread. It waits for the database by blocking
//! the thread that it is on, which then serves no sockets.

mod habit;
mod limits;
mod pool;
mod workers;

pub use habit::{Habit, Habits, breathe, wait};
pub use limits::{CpuTime, Limits};
pub use pool::{Made, Pool, PoolMeters, Verdict};
pub use workers::{Workers, WorkersGone};
