//! `tavern token`: delegated tokens without a server.
//!
//! Only minting needs the server's key; everything else works on what is in the token, wherever
//! that is. A word that begins with `@` names a file to read instead, so that tokens need not
//! stand in the list of processes.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use tavern_delegation::{
    DelegationError, Grant, Interface, Name, Narrowing, PartnerFact, Seen, SigningKey, append,
    attenuate, inspect, mint, request, vouch,
};
use tavern_domain::{Clock, Entropy, Secret, Timestamp, UserId};

use super::keygen::write_new;
use super::{Exit, Failure, Program, UsageError, say};
use crate::config::{CommandFlag, Flags, Settings};

/// What to do with tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenCommand {
    /// Make one that speaks for a user, with the key of the configuration.
    Mint,
    /// Narrow one.
    Attenuate(String),
    /// Show what one says, and whether the configuration's keys make it good.
    Inspect(String),
    /// Make what a partner needs to vouch for something.
    Request(String),
    /// Vouch for something, as a partner.
    Vouch(String),
    /// Put a partner's word into a token.
    Append(String, String),
    /// Revoke a user's tokens with this block, or all of them, in the database.
    Revoke(Option<String>),
    /// Make a key, for a partner or for the server.
    Keygen,
    /// Show the public half of the configuration's key, as other servers list it.
    PublicKey,
}

const fn with_value(name: &'static str) -> CommandFlag {
    CommandFlag { name, takes_value: true }
}

/// The flags of this command.
pub(super) const FLAGS: &[CommandFlag] = &[
    with_value("user"),
    with_value("username"),
    with_value("right"),
    with_value("expires-in"),
    with_value("call"),
    with_value("board"),
    with_value("channel"),
    with_value("collection"),
    with_value("function"),
    with_value("group"),
    with_value("key"),
    with_value("match"),
    with_value("owner"),
    with_value("party"),
    with_value("target"),
    with_value("interface"),
    CommandFlag { name: "read-only", takes_value: false },
    with_value("require"),
    with_value("check"),
    with_value("key-file"),
    with_value("fact"),
];

/// The longest file that is read.
const MAX_FILE_BYTES: u64 = 65_536;

/// Why a command about tokens failed.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error(transparent)]
    Token(#[from] DelegationError),
    #[error("cannot read {path}")]
    Read { path: String, source: std::io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Flag(String),
    #[error("the key {0}")]
    Key(tavern_delegation::KeyProblem),
    #[error("the token is not good: {0}")]
    NotGood(String),
    #[error("there is no delegation.signing_key")]
    NoKey,
}

impl TokenCommand {
    /// Finds the command in the words behind `token`.
    pub(super) fn parse<'a>(words: &'a [&'a str]) -> Result<(Self, &'a [&'a str]), UsageError> {
        let owned = |text: &str| text.to_owned();
        Ok(match words {
            ["mint", rest @ ..] => (Self::Mint, rest),
            ["attenuate", token, rest @ ..] => (Self::Attenuate(owned(token)), rest),
            ["inspect", token, rest @ ..] => (Self::Inspect(owned(token)), rest),
            ["request", token, rest @ ..] => (Self::Request(owned(token)), rest),
            ["vouch", request, rest @ ..] => (Self::Vouch(owned(request)), rest),
            ["append", token, block, rest @ ..] => (Self::Append(owned(token), owned(block)), rest),
            ["revoke"] => (Self::Revoke(None), &[][..]),
            ["revoke", id, rest @ ..] => (Self::Revoke(Some(owned(id))), rest),
            ["keygen", rest @ ..] => (Self::Keygen, rest),
            ["public-key", rest @ ..] => (Self::PublicKey, rest),
            _ => return Err(UsageError::TokenWhat),
        })
    }

    /// Whether it looks at the configuration.
    pub(super) const fn loads_configuration(&self) -> bool {
        match self {
            Self::Mint | Self::Inspect(_) | Self::PublicKey | Self::Revoke(_) => true,
            Self::Attenuate(_)
            | Self::Request(_)
            | Self::Vouch(_)
            | Self::Append(..)
            | Self::Keygen => false,
        }
    }

    /// Whether a flag means anything to it.
    pub(super) fn takes(&self, flag: &str) -> bool {
        let narrows = !matches!(flag, "user" | "username" | "right" | "key-file" | "fact" | "out");
        match self {
            Self::Mint => narrows || matches!(flag, "user" | "username" | "right"),
            Self::Attenuate(_) => narrows,
            Self::Vouch(_) => narrows || matches!(flag, "key-file" | "fact"),
            Self::Keygen => flag == "out",
            Self::Revoke(_) => flag == "user",
            Self::Inspect(_) | Self::Request(_) | Self::Append(..) | Self::PublicKey => false,
        }
    }
}

/// What a command about tokens works with.
pub(super) struct With<'a> {
    pub(super) program: &'a dyn Program,
    pub(super) flags: &'a Flags,
    /// Of the commands that look at it; else the default.
    pub(super) settings: &'a Settings,
    pub(super) clock: &'a dyn Clock,
    pub(super) entropy: &'a dyn Entropy,
}

/// Carries one out; what it makes goes to `out`.
pub(super) fn run(
    command: &TokenCommand,
    with: &With<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if let TokenCommand::Revoke(block) = command {
        let user = user(with.flags).map_err(|error| Failure::new(Exit::Failed, error))?;
        with.program.revoke_tokens(with.settings, user, block.as_deref())?;
        say(out, "revoked; running servers notice within a minute\n");
        return Ok(());
    }
    let text = made(command, with).map_err(|error| Failure::new(Exit::Failed, error))?;
    say(out, &format!("{}\n", text.trim_end()));
    Ok(())
}

fn made(command: &TokenCommand, with: &With<'_>) -> Result<String, TokenError> {
    let With { flags, settings, clock, entropy, .. } = *with;
    let config = &settings.delegation;
    let now = clock.now();
    Ok(match command {
        TokenCommand::Mint => {
            let lives = flags.value_of("expires-in").map(seconds).transpose()?;
            let grant = grant(flags)?;
            mint(config, &grant, lives, now, entropy)?.token
        }
        TokenCommand::Attenuate(token) => attenuate(&word(token)?, &narrowing(flags, Some(now))?)?,
        TokenCommand::Inspect(token) => {
            let keys = config.keys().map_err(TokenError::Key)?;
            let seen = inspect(&word(token)?, Some(&keys))?;
            if let Some(Err(why)) = &seen.good {
                return Err(TokenError::NotGood(format!("{why}\n{}", shown(&seen))));
            }
            shown(&seen)
        }
        TokenCommand::Request(token) => request(&word(token)?)?,
        TokenCommand::Vouch(asked) => {
            let file = flags.value_of("key-file").ok_or_else(|| missing("key-file"))?;
            let key = SigningKey::parse(&Secret::new(read(file)?)).map_err(TokenError::Key)?;
            let facts = flags.values_of("fact").map(PartnerFact::parse);
            let facts = facts.collect::<Result<Vec<_>, _>>()?;
            vouch(&word(asked)?, &key, &facts, &narrowing(flags, Some(now))?)?
        }
        TokenCommand::Append(token, block) => append(&word(token)?, &word(block)?)?,
        TokenCommand::Keygen => {
            let file = flags.value_of("out").ok_or_else(|| missing("out"))?;
            let key = SigningKey::generate(entropy);
            let path = Path::new(file);
            write_new(path, &format!("{}\n", key.secret().expose()))
                .map_err(|source| TokenError::Write { path: path.to_owned(), source })?;
            key.public_text()
        }
        // It makes nothing.
        TokenCommand::Revoke(_) => String::new(),
        TokenCommand::PublicKey => {
            if config.signing_key.is_empty() {
                return Err(TokenError::NoKey);
            }
            let key = SigningKey::parse(&config.signing_key).map_err(TokenError::Key)?;
            format!("{}:{}", config.signing_key_id, key.public_text())
        }
    })
}

fn missing(flag: &str) -> TokenError {
    TokenError::Flag(format!("--{flag} is missing"))
}

fn seconds(text: &str) -> Result<u32, TokenError> {
    let wrong = || TokenError::Flag(format!("--expires-in takes seconds, not {text:?}"));
    text.parse().ok().filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

fn user(flags: &Flags) -> Result<UserId, TokenError> {
    let user = flags.value_of("user").ok_or_else(|| missing("user"))?;
    user.parse().map_err(|_| TokenError::Flag(format!("{user:?} is no user id")))
}

fn grant(flags: &Flags) -> Result<Grant, TokenError> {
    let user = user(flags)?;
    let rights: Vec<String> = flags.values_of("right").map(str::to_owned).collect();
    if let Some(unknown) = rights.iter().find(|right| !tavern_api::is_right(right)) {
        return Err(TokenError::Flag(format!("{unknown:?} is no right of a token")));
    }
    // How long it lives is no check here, but a fact of the token.
    let narrowing = narrowing(flags, None)?;
    let username = flags.value_of("username").map(str::to_owned);
    Ok(Grant { user, username, rights, narrowing, ..Grant::default() })
}

/// What the flags leave of a token; `now` if they say for how long.
fn narrowing(flags: &Flags, now: Option<Timestamp>) -> Result<Narrowing, TokenError> {
    let mut narrowing = Narrowing {
        calls: flags.values_of("call").map(str::to_owned).collect(),
        read_only: flags.has("read-only"),
        checks: flags.values_of("check").map(str::to_owned).collect(),
        ..Narrowing::default()
    };
    for name in Name::ALL {
        let values = flags.values_of(name.text());
        narrowing.things.extend(values.map(|value| (name, tavern_api::canonical(name, value))));
    }
    for text in flags.values_of("interface") {
        narrowing.interfaces.push(match text {
            "rest" => Interface::Rest,
            "grpc" => Interface::Grpc,
            "socket" => Interface::Socket,
            _ => return Err(TokenError::Flag(format!("{text:?} is none of rest, grpc, socket"))),
        });
    }
    for text in flags.values_of("require") {
        let (fact, key) = text.rsplit_once('@').ok_or_else(|| {
            TokenError::Flag(format!("--require takes name=value@public key, not {text:?}"))
        })?;
        narrowing.requires.push((PartnerFact::parse(fact)?, key.to_owned()));
    }
    if let (Some(now), Some(text)) = (now, flags.value_of("expires-in")) {
        narrowing.expires = Some(now.whole_seconds().plus_seconds(seconds(text)?.into()));
    }
    Ok(narrowing)
}

/// A word of the command line, or what is in the file that it names.
fn word(text: &str) -> Result<String, TokenError> {
    text.strip_prefix('@').map_or_else(|| Ok(text.to_owned()), read)
}

fn read(path: &str) -> Result<String, TokenError> {
    let failed = |source| TokenError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text.trim().to_owned())
}

fn shown(seen: &Seen) -> String {
    let mut lines = Vec::new();
    let number = seen.key_id.map_or_else(|| "none".to_owned(), |number| number.to_string());
    lines.push(format!("key: {number}"));
    lines.push(match &seen.good {
        None => "signatures: not checked, for no keys are configured".to_owned(),
        Some(Ok(())) => "signatures: good".to_owned(),
        Some(Err(_)) => "signatures: not good".to_owned(),
    });
    for (at, block) in seen.blocks.iter().enumerate() {
        let by = match (&block.partner, at) {
            (Some(partner), _) => format!("by {partner}"),
            (None, 0) => "minted".to_owned(),
            (None, _) => "narrowed".to_owned(),
        };
        lines.push(format!("\nblock {at}, {by}\nrevocation id: {}", block.revocation_id));
        lines.extend(block.code.lines().map(|line| format!("  {line}").trim_end().to_owned()));
    }
    lines.join("\n")
}
