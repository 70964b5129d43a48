//! `--help`, from the table of options.

use std::fmt::Write;

use super::{Exit, Program};
use crate::config::{Item, Kind, OptionRow, Reload, Standing, default_shown, options};

const COMMANDS: &str =
    "  serve                       run the server (also when no command is given)
  migrate up|down|redo|status work on the database's schema
  check [--effective]         look at the configuration and the modules, tell every problem;
                              with --effective show every value with its source
  keygen [--out FILE]         make fresh secrets as a configuration file
  healthcheck [port]          ask a running server whether it is ready
  token WHAT                  tokens that speak for some of a player's rights, without a server:
    mint --user ID --right CALL [--expires-in SECONDS] [narrowing]
                              make one with the key of the configuration
    attenuate TOKEN narrowing narrow one, without any key
    inspect TOKEN             show what one says, and whether the configured keys make it good
    request TOKEN             what a partner needs to vouch for something
    vouch REQUEST --key-file FILE --fact NAME=VALUE
                              a partner's word for it
    append TOKEN BLOCK        the token with the partner's word
    revoke --user ID [REVOCATION_ID]
                              end a user's tokens with this block, or all, in the database
    keygen --out FILE         make a key, and show its public half
    public-key                show the public half of the configured key
                              narrowing: --call, --collection, --key, --owner, --group, --board,
                              --channel, --match, --party, --function, --target, --interface,
                              --require NAME=VALUE@KEY, --check CODE (all repeatable),
                              --read-only, --expires-in SECONDS; @FILE stands for what is in a file
  licenses                    show the notices of what travels inside the program
  --version                   show the version
  --help                      show this
";

const SOURCES: &str = "\
Every option can stand in a YAML file (--config, repeatable, later ones win), in the environment
(socket.port as TAVERN_SOCKET__PORT; with _FILE behind it the value is read from a file), or on the
command line (--socket.port 7350 or --socket.port=7350, with one dash or two). The command line
wins over the environment, the environment over files. Lists are separated by commas in the
environment and given as several flags on the command line.

Options marked * take effect on SIGHUP; all others need a restart.
";

/// The whole help.
pub(crate) fn text(program: &dyn Program) -> String {
    let mut out = String::new();
    let name = program.name();
    write(&mut out, format_args!("{name} {}\n\n", program.version()));
    write(&mut out, format_args!("usage: {name} [command] [options]\n\ncommands:\n{COMMANDS}\n"));
    out.push_str(SOURCES);
    let mut last = None;
    for row in options() {
        if last != Some(row.section()) {
            last = Some(row.section());
            let title = if row.section().is_empty() { "general" } else { row.section() };
            write(&mut out, format_args!("\n{title}:\n"));
        }
        option(&mut out, row);
    }
    out.push_str("\nexit codes:\n");
    for exit in Exit::ALL {
        write(&mut out, format_args!("  {}  {}\n", exit.code(), exit.meaning()));
    }
    out
}

fn option(out: &mut String, row: &OptionRow) {
    let mark = if row.reload == Reload::Live { " *" } else { "" };
    write(out, format_args!("  --{}{}{mark}\n", row.key, value(row.kind)));
    write(out, format_args!("        {}", row.about()));
    match row.standing {
        Standing::Used => {}
        Standing::Later(part) => write(out, format_args!(" (no effect yet: {part})")),
        Standing::Deprecated(instead) => write(out, format_args!(" (deprecated: {instead})")),
        Standing::Ignored(why) => write(out, format_args!(" (ignored: {why})")),
    }
    match default_shown(row) {
        Some(default) => write(out, format_args!(" [{default}]\n")),
        None => out.push('\n'),
    }
}

fn value(kind: Kind) -> String {
    match kind {
        Kind::Bool => String::new(),
        Kind::Int { .. } | Kind::Float { .. } => " <number>".to_owned(),
        Kind::Text => " <text>".to_owned(),
        Kind::Secret => " <secret>".to_owned(),
        Kind::Choice(words) => format!(" {}", words.join("|")),
        Kind::List(Item::Choice(words)) => format!(" {} ...", words.join("|")),
        Kind::List(Item::DatabaseAddress) => " <address> ...".to_owned(),
        Kind::List(Item::Pair) => " <name=value> ...".to_owned(),
        Kind::List(Item::Limit) => " <name=times/seconds> ...".to_owned(),
        Kind::List(Item::Net) => " <network> ...".to_owned(),
        Kind::List(Item::Secret) => " <secret> ...".to_owned(),
        Kind::List(Item::Text) => " <text> ...".to_owned(),
    }
}

fn write(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("writing to a string cannot fail");
}
