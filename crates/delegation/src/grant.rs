//! Minting: the first block of a token.

use std::collections::BTreeMap;

use biscuit_auth::builder::{BiscuitBuilder, Fact, Term};
use biscuit_auth::datalog::SymbolTable;
use tavern_domain::{Entropy, Timestamp, TokenId, UserId};
use uuid::Uuid;

use crate::config::DelegationConfig;
use crate::error::DelegationError;
use crate::facts::fact;
use crate::keys::SigningKey;
use crate::narrow::{Narrowing, text, written};
use crate::token::verify;

/// The most rights, and the most session variables, of a token.
const MAX_RIGHTS: usize = 128;
const MAX_VARS: usize = 16;
/// The largest time that fits into an id, in milliseconds: the year 10889.
const MAX_MILLIS: i64 = (1 << 48) - 1;

/// What a token is to speak for.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// Whose rights.
    pub user: UserId,
    /// The user's name, if known.
    pub username: Option<String>,
    /// Names of calls, [`RIGHT_TO_READ`](crate::RIGHT_TO_READ) or
    /// [`RIGHT_TO_ALL`](crate::RIGHT_TO_ALL); at least one. That there are such calls is the
    /// caller's to know: a right to what does not exist is good for nothing.
    pub rights: Vec<String>,
    /// What of these rights is left.
    pub narrowing: Narrowing,
    /// Session variables that hooks and functions see.
    pub vars: BTreeMap<String, String>,
}

/// A new token.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    /// The token.
    pub token: String,
    /// What it, and all that is narrowed from it, can be revoked by: the hexadecimal signature of
    /// its first block.
    pub revocation_id: String,
    /// When it expires, in whole seconds.
    pub expires: Timestamp,
}

impl std::fmt::Debug for Minted {
    /// Leaves out the token, which is as good as a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minted")
            .field("revocation_id", &self.revocation_id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Mints a token as of an instant, by the keys and within the bounds of a configuration. It lives
/// for so many seconds, or as long as configured.
///
/// # Errors
/// [`DelegationError::Off`] without a signing key; [`DelegationError::BadGrant`].
pub fn mint(
    config: &DelegationConfig,
    grant: &Grant,
    lives: Option<u32>,
    issued: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Minted, DelegationError> {
    let keys = config.keys().map_err(|_| DelegationError::Off)?;
    let (number, key) = keys.signing.as_ref().ok_or(DelegationError::Off)?;
    let lives = lives.unwrap_or(config.expiry_sec);
    if lives == 0 || lives > config.max_expiry_sec {
        let most = config.max_expiry_sec;
        return Err(DelegationError::BadGrant(format!("a token lives 1 to {most} seconds")));
    }
    let expires = issued.whole_seconds().plus_seconds(lives.into());
    let mut token = BiscuitBuilder::new().root_key_id(*number);
    for fact in facts(grant, issued, expires, entropy)? {
        token = token.fact(fact).map_err(DelegationError::Unreadable)?;
    }
    let token = token.merge(grant.narrowing.block()?);
    let next = SigningKey::generate(entropy);
    let built = token
        .build_with_key_pair(&key.0, SymbolTable::new(), &next.0)
        .map_err(DelegationError::Unreadable)?;
    let revocation_id = built.revocation_identifiers().first().map(|id| hex(id));
    let token = written(built.to_base64())?;
    // What is handed out is good: its checks are within the bounds too.
    if let Err(error) = verify(&token, &keys) {
        if let DelegationError::Malformed(why) = error {
            return Err(DelegationError::BadGrant(why.to_owned()));
        }
        return Err(error);
    }
    Ok(Minted { token, revocation_id: revocation_id.unwrap_or_default(), expires })
}

fn facts(
    grant: &Grant,
    issued: Timestamp,
    expires: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<Fact>, DelegationError> {
    if grant.rights.is_empty() || grant.rights.len() > MAX_RIGHTS {
        return Err(DelegationError::BadGrant(format!("a token has 1 to {MAX_RIGHTS} rights")));
    }
    if grant.vars.len() > MAX_VARS {
        return Err(DelegationError::BadGrant(format!("a token has at most {MAX_VARS} variables")));
    }
    let date = |at: Timestamp| Term::Date(u64::try_from(at.seconds()).unwrap_or_default());
    let mut facts = vec![
        fact("user", Term::Str(grant.user.to_string())),
        fact("token", Term::Str(token_id(issued, entropy).to_string())),
        fact("issued", date(issued)),
        fact("expires", date(expires)),
    ];
    if let Some(username) = &grant.username {
        facts.push(fact("username", text("username", username)?));
    }
    for right in &grant.rights {
        facts.push(fact("right", text("right", right)?));
    }
    for (name, value) in &grant.vars {
        let terms = vec![text("var", name)?, Term::Str(value.clone())];
        facts.push(Fact::new("var".to_owned(), terms));
    }
    Ok(facts)
}

/// A UUID of version 7: milliseconds since the epoch in the first 48 bits, chance in the rest.
fn token_id(at: Timestamp, entropy: &dyn Entropy) -> TokenId {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let millis = at.millis().clamp(0, MAX_MILLIS).unsigned_abs();
    TokenId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// When a token was minted: by its id to the millisecond, else by what it says, to the second.
pub(crate) fn minted_at(id: TokenId, issued: Timestamp) -> Timestamp {
    let by_id = |id: Uuid| {
        let (seconds, nanos) = id.get_timestamp().filter(|_| id.get_version_num() == 7)?.to_unix();
        let seconds = i64::try_from(seconds).ok()?.checked_mul(1_000)?;
        Some(Timestamp::from_millis(seconds.checked_add(i64::from(nanos / 1_000_000))?))
    };
    by_id(id.0).unwrap_or(issued)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// The id of a block from its text; `None` for what is none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 128 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
