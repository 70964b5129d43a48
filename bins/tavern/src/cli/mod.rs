//! The command line: which command, with what configuration, and how it ended.
//!
//! What the commands do to a server is the [`Program`]'s part; everything that needs no server
//! (`check`, `keygen`, `healthcheck`, `--help`) is done here. Output goes where the caller says,
//! so that tests see it.

mod command;
mod exit;
mod healthcheck;
mod help;
mod keygen;
mod program;
mod token;

use std::ffi::OsString;
use std::io::Write;

use tavern_domain::{Entropy, SystemClock};

use crate::config::{
    Flags, Mode, Problems, Resolved, Settings, Sources, effective, load, read_file, resolve,
};

pub use command::{Command, UsageError, parse_command};
pub use exit::{Exit, Failure};
pub use program::{Migrate, Program, Start};
pub use token::TokenCommand;

/// What a command works with.
pub struct Surroundings<'a> {
    /// The arguments, without the program's name.
    pub args: Vec<OsString>,
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where results go.
    pub out: &'a mut dyn Write,
    /// Where complaints go.
    pub err: &'a mut dyn Write,
    /// Where fresh secrets come from.
    pub entropy: &'a dyn Entropy,
}

/// Runs one command to its end.
pub fn run(program: &dyn Program, with: Surroundings<'_>) -> Exit {
    let Surroundings { args, environment, out, err, entropy } = with;
    let (command, flags) = match parse_command(args) {
        Ok(parsed) => parsed,
        Err(error) => {
            say(err, &format!("{error}\ntry `tavern --help`\n"));
            return Exit::BadConfiguration;
        }
    };
    // Commands that load no configuration would not notice that a flag is wrong.
    if !command.loads_configuration() && !flags.problems().is_empty() {
        say(err, &format!("{}\n", Problems(flags.problems().to_vec())));
        return Exit::BadConfiguration;
    }
    let given = flags.clone();
    let sources = Sources::gather(flags, environment, &read_file);
    match execute(program, &command, sources, &given, out, err, entropy) {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            say(err, &format!("{failure}\n"));
            failure.exit
        }
    }
}

fn execute(
    program: &dyn Program,
    command: &Command,
    sources: Sources,
    flags: &Flags,
    out: &mut dyn Write,
    err: &mut dyn Write,
    entropy: &dyn Entropy,
) -> Result<(), Failure> {
    match command {
        Command::Help => say(out, &help::text(program)),
        Command::Licenses => say(out, &program.licenses()),
        Command::Version => say(out, &format!("{} {}\n", program.name(), program.version())),
        Command::Serve => {
            let loaded = load(&sources, Mode::Serve).map_err(bad_configuration)?;
            return program.serve(Start { loaded, sources });
        }
        Command::Migrate(migrate) => {
            let loaded = load(&sources, Mode::Tool).map_err(bad_configuration)?;
            notices(&loaded.resolved, err);
            return program.migrate(&loaded.settings, *migrate, out);
        }
        Command::Check { effective } => return check(program, &sources, *effective, out, err),
        Command::Keygen { out: file } => return keygen::run(file.as_deref(), entropy, out),
        Command::Healthcheck { port } => return health(&sources, *port, out),
        Command::Token(what) => {
            let settings = if what.loads_configuration() {
                load(&sources, Mode::Tool).map_err(bad_configuration)?.settings
            } else {
                Settings::default()
            };
            let (settings, clock) = (&settings, &SystemClock);
            let with = token::With { program, flags, settings, clock, entropy };
            return token::run(what, &with, out);
        }
    }
    Ok(())
}

fn bad_configuration(problems: Problems) -> Failure {
    Failure::new(Exit::BadConfiguration, problems)
}

fn notices(resolved: &Resolved, err: &mut dyn Write) {
    for notice in &resolved.notices {
        say(err, &format!("note: {notice}\n"));
    }
}

/// Looks at the configuration, then at the modules; tells everything that is wrong with either.
fn check(
    program: &dyn Program,
    sources: &Sources,
    show: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let (resolved, settings) = resolve(sources, Mode::Serve);
    if show {
        say(out, &effective(&resolved));
    }
    notices(&resolved, err);
    let fine = resolved.problems.is_empty();
    // Modules are looked at even when some option is wrong, so that one run tells everything.
    let modules = settings.as_ref().map_or(Ok(()), |s| check_modules(program, s, show, out));
    if !fine {
        if let Err(failure) = modules {
            say(err, &format!("{failure}\n"));
        }
        return Err(bad_configuration(Problems(resolved.problems)));
    }
    if modules.is_ok() && !show {
        say(out, "the configuration is fine\n");
    }
    modules
}

fn check_modules(
    program: &dyn Program,
    settings: &Settings,
    quiet: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    for line in program.check_modules(settings)? {
        if !quiet {
            say(out, &format!("{line}\n"));
        }
    }
    Ok(())
}

/// Asks the server of this configuration, or the one on a port of this machine.
fn health(sources: &Sources, port: Option<u16>, out: &mut dyn Write) -> Result<(), Failure> {
    let told = match port {
        Some(port) => healthcheck::ask_port(port),
        None => {
            let loaded = load(sources, Mode::Tool).map_err(bad_configuration)?;
            healthcheck::ask(&loaded.settings.health_target())
        }
    };
    let told = told.map_err(|error| Failure::new(Exit::Failed, error))?;
    say(out, &format!("{told}\n"));
    Ok(())
}

/// Writes text; that nobody reads it is no reason to fail a command.
fn say(to: &mut dyn Write, text: &str) {
    to.write_all(text.as_bytes()).and_then(|()| to.flush()).unwrap_or(());
}

#[cfg(test)]
mod tests;
