//! Facts that partners vouch for, in blocks of their own.
//!
//! Whoever holds a token makes a request of it, which tells the partner nothing of the token. The
//! partner signs facts for that request, and the holder appends the block. The facts are good in
//! that token only.

use std::collections::HashMap;

use biscuit_auth::ThirdPartyRequest;
use biscuit_auth::builder::{BlockBuilder, Fact, Term};

use crate::error::DelegationError;
use crate::keys::SigningKey;
use crate::narrow::{Narrowing, room, text, written};
use crate::token::decode;

/// The longest request or block that is looked at, as a text.
const MAX_BYTES: usize = 8192;
/// The most values of a fact.
const MAX_TERMS: usize = 8;

/// A fact that a partner vouches for: a name and texts, as in `member("guild-7")`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartnerFact {
    /// A letter, then letters, digits and underscores.
    pub name: String,
    /// One to eight texts.
    pub values: Vec<String>,
}

impl PartnerFact {
    /// Reads `name=value` or `name=value,value`.
    ///
    /// # Errors
    /// [`DelegationError::BadGrant`].
    pub fn parse(text: &str) -> Result<Self, DelegationError> {
        let (name, values) = text.split_once('=').ok_or_else(|| {
            DelegationError::BadGrant(format!("{text:?} is no fact: it has to be name=value"))
        })?;
        let fact =
            Self { name: name.to_owned(), values: values.split(',').map(str::to_owned).collect() };
        fact.terms()?;
        Ok(fact)
    }

    fn terms(&self) -> Result<Vec<Term>, DelegationError> {
        let bytes = self.name.as_bytes();
        let fine = bytes.first().is_some_and(u8::is_ascii_alphabetic)
            && bytes.len() <= 64
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if !fine {
            return Err(DelegationError::BadGrant(
                "a fact's name must be a letter, then at most 63 letters, digits and underscores"
                    .to_owned(),
            ));
        }
        if self.values.is_empty() || self.values.len() > MAX_TERMS {
            return Err(DelegationError::BadGrant(format!("a fact has 1 to {MAX_TERMS} values")));
        }
        self.values.iter().map(|value| text(&self.name, value)).collect()
    }

    /// The fact as a pattern with parameters for its values.
    pub(crate) fn pattern(&self) -> Result<(String, HashMap<String, Term>), DelegationError> {
        let terms = self.terms()?;
        let names: Vec<String> = (0..terms.len()).map(|n| format!("{{v{n}}}")).collect();
        let pattern = format!("{}({})", self.name, names.join(", "));
        let terms = terms.into_iter().enumerate().map(|(n, term)| (format!("v{n}"), term));
        Ok((pattern, terms.collect()))
    }

    fn fact(&self) -> Result<Fact, DelegationError> {
        Ok(Fact::new(self.name.clone(), self.terms()?))
    }
}

/// What a partner needs to vouch for something in this token.
///
/// # Errors
/// [`DelegationError`] for a token that is none, or is sealed.
pub fn request(token: &str) -> Result<String, DelegationError> {
    let request = decode(token)?.third_party_request();
    request.and_then(|request| request.serialize_base64()).map_err(DelegationError::Unreadable)
}

/// A partner's answer to a request: a block with facts, and with checks if it narrows as well.
///
/// # Errors
/// [`DelegationError`] for a request that is none and for facts that make no sense.
pub fn vouch(
    request: &str,
    key: &SigningKey,
    facts: &[PartnerFact],
    narrowing: &Narrowing,
) -> Result<String, DelegationError> {
    bounded(request)?;
    let mut block = narrowing.block()?;
    for fact in facts {
        block = add(block, fact.fact()?)?;
    }
    ThirdPartyRequest::deserialize_base64(request)
        .and_then(|request| request.create_block(&key.0.private(), block))
        .and_then(|block| block.serialize_base64())
        .map_err(DelegationError::Unreadable)
}

/// The token with a partner's block.
///
/// # Errors
/// [`DelegationError`] when one of both is none, or the block was made for another token.
pub fn append(token: &str, block: &str) -> Result<String, DelegationError> {
    bounded(block)?;
    let token = decode(token)?;
    room(&token)?;
    written(token.append_third_party_base64(block).and_then(|token| token.to_base64()))
}

fn add(block: BlockBuilder, fact: Fact) -> Result<BlockBuilder, DelegationError> {
    block.fact(fact).map_err(DelegationError::Unreadable)
}

fn bounded(text: &str) -> Result<(), DelegationError> {
    if text.len() > MAX_BYTES { Err(DelegationError::TooLong) } else { Ok(()) }
}
