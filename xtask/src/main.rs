//! Chores of the workspace. `cargo xtask help` lists them.
//!
//! Everything that CI runs is one of these commands, so that a laptop can run it too. This package
//! depends on next to nothing, since every command compiles it first.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod bench;
mod command;
mod database;
mod fuzz;
mod layers;
mod lint;
mod run;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
Chores of the workspace.

  cargo xtask run [FLAGS]      build and start the server in development mode
  cargo xtask test [FILTER]    every test: unit, contract, end to end with the real SDK
  cargo xtask lint             format, clippy, rustdoc, licences
  cargo xtask tidy             the layers and the shape of the tree only
  cargo xtask migrate ARGS     the server's migrate command: up, down, redo, status
  cargo xtask bench [FLAGS]    the load generator; see docs/bench.md
  cargo xtask fuzz [TARGET]    the decoders against made-up input; see docs/contributing/tests.md
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match command.as_str() {
        "run" => run::run(&rest),
        "test" => test::test(&rest),
        "lint" => lint::lint(),
        "tidy" => tidy::tidy(),
        "migrate" => run::migrate(&rest),
        "bench" => bench::bench(&rest),
        "fuzz" => fuzz::fuzz(&rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(anyhow::anyhow!("unknown command '{other}'\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
