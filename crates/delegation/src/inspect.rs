//! What a token says, for people, without any key.

use biscuit_auth::UnverifiedBiscuit;

use crate::error::DelegationError;
use crate::grant::hex;
use crate::keys::{Keys, public_text};
use crate::token::{decode, verify};

/// One block of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockSeen {
    /// Its facts and checks in the language of the tokens.
    pub code: String,
    /// The partner who signed it, if one did.
    pub partner: Option<String>,
    /// What revokes it, and everything narrowed from it.
    pub revocation_id: String,
}

/// What a token says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The number of the key that should have signed it.
    pub key_id: Option<u32>,
    /// Its blocks, the minted one first.
    pub blocks: Vec<BlockSeen>,
    /// Whether a server with the given keys would believe it, and why not. `None` when no keys
    /// were given. Revocations and the account are not looked at.
    pub good: Option<Result<(), String>>,
}

/// Takes a token apart.
///
/// # Errors
/// [`DelegationError`] for what is no token.
pub fn inspect(token: &str, keys: Option<&Keys>) -> Result<Seen, DelegationError> {
    let read = decode(token)?;
    let good = keys.filter(|keys| !keys.is_empty()).map(|keys| {
        verify(token, keys).map(|_| ()).map_err(|error| {
            if let DelegationError::Unreadable(cause) = &error {
                return cause.to_string();
            }
            error.to_string()
        })
    });
    Ok(Seen { key_id: read.root_key_id(), blocks: blocks(&read)?, good })
}

fn blocks(token: &UnverifiedBiscuit) -> Result<Vec<BlockSeen>, DelegationError> {
    let ids = token.revocation_identifiers();
    let partners = token.external_public_keys();
    let mut blocks = Vec::with_capacity(ids.len());
    for (at, id) in ids.iter().enumerate() {
        let code = token.print_block_source(at).map_err(DelegationError::Unreadable)?;
        let partner = partners.get(at).and_then(Option::as_ref).map(public_text);
        blocks.push(BlockSeen { code, partner, revocation_id: hex(id) });
    }
    Ok(blocks)
}
