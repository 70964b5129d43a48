//! From arguments to a command.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Migrate;
use super::token::{self, TokenCommand};
use crate::config::{CommandFlag, Flags, parse_flags};

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Run the server.
    Serve,
    /// Work on the database's schema.
    Migrate(Migrate),
    /// Look at the configuration and the modules.
    Check {
        /// Show every value with its source.
        effective: bool,
    },
    /// Make fresh secrets.
    Keygen {
        /// The file to write; `None` writes to standard output.
        out: Option<PathBuf>,
    },
    /// Ask a running server whether it is well.
    Healthcheck {
        /// A port of this machine; `None` asks the server of the configuration.
        port: Option<u16>,
    },
    /// Work on delegated tokens.
    Token(TokenCommand),
    /// Show the version.
    Version,
    /// Shows the notices of what travels inside the program.
    Licenses,
    /// Show the help.
    Help,
}

impl Command {
    /// Whether the command looks at the configuration, and so at every flag.
    pub(crate) const fn loads_configuration(&self) -> bool {
        match self {
            Self::Serve | Self::Migrate(_) | Self::Check { .. } => true,
            Self::Healthcheck { port } => port.is_none(),
            Self::Token(token) => token.loads_configuration(),
            Self::Keygen { .. } | Self::Version | Self::Licenses | Self::Help => false,
        }
    }
}

/// A command line that is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// An argument is no Unicode text.
    #[error("argument {0} is no Unicode text")]
    NotUnicode(usize),
    /// There is no such command.
    #[error(
        "there is no command {0:?}; commands are serve, migrate, check, keygen, healthcheck, token"
    )]
    NoCommand(String),
    /// A word that nothing asks for.
    #[error("unexpected argument {0:?}")]
    Unexpected(String),
    /// `migrate` without what to do.
    #[error("migrate needs one of up, down, redo, status")]
    MigrateWhat,
    /// `token` without what to do, or without what to do it with.
    #[error(
        "token needs one of mint, attenuate TOKEN, inspect TOKEN, request TOKEN, vouch REQUEST, \
         append TOKEN BLOCK, revoke [ID], keygen, public-key"
    )]
    TokenWhat,
    /// A port that is none.
    #[error("{0:?} is no port")]
    NoPort(String),
}

/// Flags that are no options.
const KNOWN: &[CommandFlag] = &[
    CommandFlag { name: "help", takes_value: false },
    CommandFlag { name: "h", takes_value: false },
    CommandFlag { name: "version", takes_value: false },
    CommandFlag { name: "v", takes_value: false },
    CommandFlag { name: "effective", takes_value: false },
    CommandFlag { name: "out", takes_value: true },
];

/// Finds the command and takes the flags apart. A command may stand before or among its flags;
/// none means `serve`. Wrong flags are kept in the flags, to be told with all other problems.
///
/// # Errors
/// [`UsageError`] when there is no telling what to do.
pub fn parse_command(args: Vec<OsString>) -> Result<(Command, Flags), UsageError> {
    let args: Vec<String> = args
        .into_iter()
        .enumerate()
        .map(|(n, arg)| arg.into_string().map_err(|_| UsageError::NotUnicode(n + 1)))
        .collect::<Result<_, _>>()?;
    let known = [KNOWN, token::FLAGS].concat();
    let flags = parse_flags(&args, &known);
    if flags.has("help") || flags.has("h") {
        return Ok((Command::Help, flags));
    }
    if flags.has("version") || flags.has("v") {
        return Ok((Command::Version, flags));
    }
    let words: Vec<&str> = flags.words.iter().map(String::as_str).collect();
    let (command, rest) = match words.as_slice() {
        [] => (Command::Serve, &words[..]),
        ["serve", rest @ ..] => (Command::Serve, rest),
        ["migrate", what, rest @ ..] => {
            let found = Migrate::ALL.iter().find(|(_, word)| word == what);
            let (migrate, _) = found.ok_or(UsageError::MigrateWhat)?;
            (Command::Migrate(*migrate), rest)
        }
        ["migrate"] => return Err(UsageError::MigrateWhat),
        ["check", rest @ ..] => (Command::Check { effective: flags.has("effective") }, rest),
        ["keygen", rest @ ..] => {
            (Command::Keygen { out: flags.value_of("out").map(PathBuf::from) }, rest)
        }
        ["healthcheck", port, rest @ ..] => {
            let number = port.parse().ok().filter(|port| *port != 0);
            let number = number.ok_or_else(|| UsageError::NoPort((*port).to_owned()))?;
            (Command::Healthcheck { port: Some(number) }, rest)
        }
        ["healthcheck"] => (Command::Healthcheck { port: None }, &[][..]),
        ["token", words @ ..] => {
            let (token, rest) = TokenCommand::parse(words)?;
            (Command::Token(token), rest)
        }
        ["help", rest @ ..] => (Command::Help, rest),
        ["version", rest @ ..] => (Command::Version, rest),
        ["licenses", rest @ ..] => (Command::Licenses, rest),
        [other, ..] => return Err(UsageError::NoCommand((*other).to_owned())),
    };
    if let Some(word) = rest.first() {
        return Err(UsageError::Unexpected((*word).to_owned()));
    }
    let belongs = |flag: &str| match &command {
        Command::Check { .. } => flag == "effective",
        Command::Keygen { .. } => flag == "out",
        Command::Token(token) => token.takes(flag),
        Command::Serve
        | Command::Migrate(_)
        | Command::Healthcheck { .. }
        | Command::Version
        | Command::Licenses
        | Command::Help => false,
    };
    if let Some((flag, _)) = flags.commands.iter().find(|(flag, _)| !belongs(flag)) {
        return Err(UsageError::Unexpected(format!("--{flag}")));
    }
    Ok((command, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(args: &[&str]) -> Result<Command, UsageError> {
        parse_command(args.iter().map(OsString::from).collect()).map(|(command, _)| command)
    }

    #[test]
    fn commands_are_found_among_flags() {
        for (args, expected) in [
            (&[][..], Command::Serve),
            (&["--dev"], Command::Serve),
            (&["serve", "--name", "x"], Command::Serve),
            (&["migrate", "up", "--database.address", "u@h"], Command::Migrate(Migrate::Up)),
            (&["--limit=1", "migrate", "down"], Command::Migrate(Migrate::Down)),
            (&["migrate", "redo"], Command::Migrate(Migrate::Redo)),
            (&["migrate", "status"], Command::Migrate(Migrate::Status)),
            (&["check"], Command::Check { effective: false }),
            (&["check", "--effective"], Command::Check { effective: true }),
            (&["keygen"], Command::Keygen { out: None }),
            (&["keygen", "--out=a"], Command::Keygen { out: Some("a".into()) }),
            (&["healthcheck"], Command::Healthcheck { port: None }),
            (&["healthcheck", "7350"], Command::Healthcheck { port: Some(7350) }),
            (&["--version"], Command::Version),
            (&["licenses"], Command::Licenses),
            (&["token", "mint", "--right=*"], Command::Token(TokenCommand::Mint)),
            (&["token", "request", "@t"], Command::Token(TokenCommand::Request("@t".into()))),
            (&["check", "--help"], Command::Help),
        ] {
            assert_eq!(command(args), Ok(expected), "{args:?}");
        }
    }

    #[test]
    fn what_is_no_command_line_is_told() {
        for (args, expected) in [
            (&["server"][..], UsageError::NoCommand("server".into())),
            (&["migrate"], UsageError::MigrateWhat),
            (&["migrate", "sideways"], UsageError::MigrateWhat),
            (&["migrate", "up", "now"], UsageError::Unexpected("now".into())),
            (&["healthcheck", "0"], UsageError::NoPort("0".into())),
            (&["--dev", "false"], UsageError::NoCommand("false".into())),
            (&["serve", "--effective"], UsageError::Unexpected("--effective".into())),
            (&["check", "--out=x"], UsageError::Unexpected("--out".into())),
            (&["token"], UsageError::TokenWhat),
            (&["token", "append", "one"], UsageError::TokenWhat),
            (&["token", "inspect", "t", "u"], UsageError::Unexpected("u".into())),
            (&["token", "attenuate", "t", "--user=u"], UsageError::Unexpected("--user".into())),
            (&["serve", "--right=*"], UsageError::Unexpected("--right".into())),
        ] {
            assert_eq!(command(args), Err(expected), "{args:?}");
        }
    }
}
