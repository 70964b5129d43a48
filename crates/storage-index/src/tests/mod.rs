//! Indexes over the store in memory.

mod interleavings;
mod lists;
mod support;
