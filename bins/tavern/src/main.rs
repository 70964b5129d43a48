//! The Tavern game server.

use std::process::ExitCode;

/// Costs less per request than the system's, and gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tavern::main_with(Vec::new())
}
