//! Load generator for the public client protocol.
//!
//! # Purpose
//! Measure what an operation costs a server: latency percentiles, the server's CPU time, its
//! database's CPU time, and memory per socket. Any server that speaks the protocol can be a
//! target, and several can be compared in one run.
//!
//! # Invariants
//! - Only loopback targets, and every run is bounded in count and in time.
//! - In an open loop, latency counts from the moment an operation was due, so a stalled server
//!   cannot hide behind a generator that politely waits for it.
//! - Nothing here depends on the server's own crates: what is measured is also checked by a
//!   second, independent reading of the protocol.
//!
//! # Must not know
//! How any server is built.

mod args;
mod fanout;
mod http;
mod idle;
mod kept;
mod latency;
mod neighbours;
mod outcome;
mod prepared;
mod process;
mod procfs;
mod report;
mod requests;
mod run;
mod scenario;
mod schedule;
mod socket;
mod target;
mod users;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match run::main(args) {
        Ok(run::Verdict::Clean) => ExitCode::SUCCESS,
        Ok(run::Verdict::Failures) => ExitCode::from(1),
        Err(error) => {
            report::complain(&format!("bench: {error:#}"));
            ExitCode::from(2)
        }
    }
}
