//! The Tavern game server.

use std::process::ExitCode;

fn main() -> ExitCode {
    tavern::main_with(Vec::new())
}
