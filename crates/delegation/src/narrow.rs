//! Narrowing a token: checks that every call has to meet.

use std::collections::{BTreeSet, HashMap};

use biscuit_auth::builder::{BlockBuilder, Term};
use biscuit_auth::{PublicKey, UnverifiedBiscuit, error};
use tavern_domain::Timestamp;

use crate::error::DelegationError;
use crate::facts::{Interface, Name, OPEN_SOCKET};
use crate::keys::{KeyProblem, parse_public};
use crate::partner::PartnerFact;
use crate::token::{MAX_BLOCKS, MAX_TOKEN_BYTES, decode};

/// The most values of one list.
const MAX_VALUES: usize = 64;
/// The longest value, in bytes.
const MAX_VALUE_BYTES: usize = 256;

/// What of a token's rights is left. Empty lists leave everything.
#[derive(Clone, Debug, Default)]
pub struct Narrowing {
    /// Only these calls, by name; [`OPEN_SOCKET`] is one.
    pub calls: Vec<String>,
    /// Only calls about one of these things, whatever the name: a group or a board, say. Opening a
    /// socket stays possible, for it is about nothing.
    pub things: Vec<(Name, String)>,
    /// Only calls that came in there.
    pub interfaces: Vec<Interface>,
    /// Only calls that change nothing.
    pub read_only: bool,
    /// Only until then, in whole seconds.
    pub expires: Option<Timestamp>,
    /// Only with each of these facts, signed by a partner in a block of the token.
    pub requires: Vec<(PartnerFact, String)>,
    /// Checks in the language of the tokens, as in `check if collection("saves")`. They are parsed
    /// here, so they must not come from a stranger.
    pub checks: Vec<String>,
}

impl Narrowing {
    /// Whether it leaves everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
            && self.things.is_empty()
            && self.interfaces.is_empty()
            && !self.read_only
            && self.expires.is_none()
            && self.requires.is_empty()
            && self.checks.is_empty()
    }

    /// The checks as a block.
    ///
    /// # Errors
    /// [`DelegationError::BadGrant`] for lists that are too long and texts that make no sense.
    pub(crate) fn block(&self) -> Result<BlockBuilder, DelegationError> {
        let mut block = BlockBuilder::new();
        block = one_of(block, "call", &self.calls)?;
        block = self.of_things(block)?;
        let interfaces: Vec<String> = self
            .interfaces
            .iter()
            .map(|interface| match interface {
                Interface::Rest => "rest".to_owned(),
                Interface::Grpc => "grpc".to_owned(),
                Interface::Socket => "socket".to_owned(),
            })
            .collect();
        block = one_of(block, "interface", &interfaces)?;
        if self.read_only {
            block = code(block, r#"check if action("read")"#, HashMap::new(), HashMap::new())?;
        }
        if let Some(expires) = self.expires {
            let expires = Term::Date(u64::try_from(expires.seconds()).unwrap_or_default());
            let terms = HashMap::from([("expires".to_owned(), expires)]);
            block = code(block, "check if time($t), $t < {expires}", terms, HashMap::new())?;
        }
        for (fact, key) in &self.requires {
            let key = parse_public(key).map_err(|problem| bad_key(&problem))?;
            block = required(block, fact, key)?;
        }
        for check in &self.checks {
            block = block.check(&**check).map_err(|error| {
                DelegationError::BadGrant(format!("{check:?} is no check: {error}"))
            })?;
        }
        Ok(block)
    }

    /// One check for all: about one of these, or one of those.
    fn of_things(&self, block: BlockBuilder) -> Result<BlockBuilder, DelegationError> {
        if self.things.is_empty() {
            return Ok(block);
        }
        let mut check = format!("check if call(\"{OPEN_SOCKET}\")");
        let mut terms = HashMap::new();
        for name in Name::ALL {
            let values = self.things.iter().filter(|(of, _)| *of == name);
            let values: Vec<String> = values.map(|(_, value)| value.clone()).collect();
            if values.is_empty() {
                continue;
            }
            let name = name.text();
            check.push_str(&format!(" or {name}($v), {{{name}}}.contains($v)"));
            terms.insert(name.to_owned(), set(name, &values)?);
        }
        code(block, &check, terms, HashMap::new())
    }
}

/// Narrows a token, without any key: whoever holds it can.
///
/// # Errors
/// [`DelegationError::BadGrant`] for a narrowing that makes no sense, or leaves everything; others
/// for a token that is none or cannot be narrowed further.
pub fn attenuate(token: &str, narrowing: &Narrowing) -> Result<String, DelegationError> {
    if narrowing.is_empty() {
        return Err(DelegationError::BadGrant("nothing is to be narrowed".to_owned()));
    }
    let token = decode(token)?;
    room(&token)?;
    written(token.append(narrowing.block()?).and_then(|token| token.to_base64()))
}

/// That another block fits.
pub(crate) fn room(token: &UnverifiedBiscuit) -> Result<(), DelegationError> {
    if token.block_count() >= MAX_BLOCKS {
        return Err(DelegationError::BadGrant(format!("a token has at most {MAX_BLOCKS} blocks")));
    }
    Ok(())
}

/// A new token as a text, within the bounds.
pub(crate) fn written(token: Result<String, error::Token>) -> Result<String, DelegationError> {
    let text = token.map_err(DelegationError::Unreadable)?;
    if text.len() > MAX_TOKEN_BYTES {
        return Err(DelegationError::BadGrant(format!(
            "the token would have more than {MAX_TOKEN_BYTES} bytes"
        )));
    }
    Ok(text)
}

fn one_of(
    block: BlockBuilder,
    name: &str,
    values: &[String],
) -> Result<BlockBuilder, DelegationError> {
    if values.is_empty() {
        return Ok(block);
    }
    let terms = HashMap::from([(name.to_owned(), set(name, values)?)]);
    code(block, &format!("check if {name}($v), {{{name}}}.contains($v)"), terms, HashMap::new())
}

fn set(name: &str, values: &[String]) -> Result<Term, DelegationError> {
    if values.len() > MAX_VALUES {
        return Err(DelegationError::BadGrant(format!("more than {MAX_VALUES} values of {name}")));
    }
    let terms = values.iter().map(|value| text(name, value)).collect::<Result<BTreeSet<_>, _>>()?;
    Ok(Term::Set(terms))
}

/// A text as a term.
pub(crate) fn text(name: &str, value: &str) -> Result<Term, DelegationError> {
    if value.is_empty() || value.len() > MAX_VALUE_BYTES {
        return Err(DelegationError::BadGrant(format!(
            "a value of {name} must have 1 to {MAX_VALUE_BYTES} bytes"
        )));
    }
    Ok(Term::Str(value.to_owned()))
}

fn required(
    block: BlockBuilder,
    fact: &PartnerFact,
    key: PublicKey,
) -> Result<BlockBuilder, DelegationError> {
    let (pattern, terms) = fact.pattern()?;
    let keys = HashMap::from([("partner".to_owned(), key)]);
    code(block, &format!("check if {pattern} trusting {{partner}}"), terms, keys)
}

pub(crate) fn bad_key(problem: &KeyProblem) -> DelegationError {
    DelegationError::BadGrant(format!("the partner's key {problem}"))
}

/// Adds code that is written here; what comes from outside is in the parameters, never in it.
fn code(
    block: BlockBuilder,
    code: &str,
    terms: HashMap<String, Term>,
    keys: HashMap<String, PublicKey>,
) -> Result<BlockBuilder, DelegationError> {
    block.code_with_params(code, terms, keys).map_err(DelegationError::Unreadable)
}
