//! From a text to what a token says, once its signatures are checked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use biscuit_auth::builder::{AuthorizerBuilder, Fact, Term};
use biscuit_auth::format::schema::public_key::Algorithm;
use biscuit_auth::{Authorizer, AuthorizerLimits, Biscuit, UnverifiedBiscuit, error};
use parking_lot::Mutex;
use tavern_domain::{Timestamp, TokenId, UserId};

use crate::cost;
use crate::error::DelegationError;
use crate::keys::Keys;
use crate::revoked::BlockKey;

/// The longest token that is looked at, as a text, and that is minted.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// The most blocks of a token, each with a signature to check.
pub const MAX_BLOCKS: usize = 16;

/// The form of texts: padded as other tools write it, and read without padding too, which gets
/// lost in URLs.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the engine gets at most. What really bounds it is [`cost`]: this is for the case that it
/// is wrong.
pub(crate) fn limits() -> AuthorizerLimits {
    AuthorizerLimits { max_facts: 4_096, max_iterations: 4, max_time: Duration::from_secs(1) }
}

/// Whether a bearer token would be one of these: a JWT has dots, these have none.
#[must_use]
pub fn is_delegated(token: &str) -> bool {
    !token.is_empty() && !token.contains('.')
}

/// A token whose signatures were checked. Whether it is still good is another question.
pub struct Delegate {
    pub(crate) biscuit: Biscuit,
    /// The most steps that its checks take for one thing.
    pub(crate) steps: u64,
    pub(crate) user: UserId,
    pub(crate) id: TokenId,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) username: Option<String>,
    pub(crate) vars: BTreeMap<String, String>,
    pub(crate) blocks: Vec<BlockKey>,
    /// When the account was looked up last, and its name then.
    pub(crate) account: Mutex<Option<(Timestamp, Arc<str>)>>,
}

/// One form of a token, as it was minted or narrowed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Form(Option<BlockKey>);

impl Delegate {
    /// Whose rights it speaks for.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Its id, a UUID of version 7 that all its narrowed forms share.
    #[must_use]
    pub const fn id(&self) -> TokenId {
        self.id
    }

    /// Names this very form: no narrower or wider one has it.
    #[must_use]
    pub fn form(&self) -> Form {
        Form(self.blocks.last().copied())
    }

    /// When it was minted.
    #[must_use]
    pub const fn issued(&self) -> Timestamp {
        self.issued
    }

    /// When it expires as it was minted; narrowed forms may expire earlier.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Session variables that it was minted with.
    #[must_use]
    pub const fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// The user's name: as it was when the account was last looked up, else as it was when the
    /// token was minted, else empty.
    #[must_use]
    pub fn username(&self) -> Arc<str> {
        let known = self.account.lock().as_ref().map(|(_, name)| Arc::clone(name));
        known.unwrap_or_else(|| Arc::from(self.username.as_deref().unwrap_or_default()))
    }
}

impl fmt::Debug for Delegate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegate")
            .field("user", &self.user)
            .field("id", &self.id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Delegate {
    fn eq(&self, other: &Self) -> bool {
        self.blocks == other.blocks
    }
}

impl Eq for Delegate {}

/// Decodes a token within the bounds, believing nothing of it.
pub(crate) fn decode(text: &str) -> Result<UnverifiedBiscuit, DelegationError> {
    if text.len() > MAX_TOKEN_BYTES {
        return Err(DelegationError::TooLong);
    }
    let bytes = BASE64.decode(text).map_err(|_| DelegationError::Malformed("no base64"))?;
    let token = UnverifiedBiscuit::from(bytes).map_err(DelegationError::Unreadable)?;
    if token.block_count() > MAX_BLOCKS {
        return Err(DelegationError::Malformed("too many blocks"));
    }
    Ok(token)
}

/// Checks the form, the signatures and the cost of a token, and reads what it was minted with.
pub(crate) fn verify(text: &str, keys: &Keys) -> Result<Delegate, DelegationError> {
    let token = decode(text)?;
    let biscuit = token
        .verify(|number: Option<u32>| {
            let key = number.and_then(|number| keys.accepted(number));
            key.ok_or(error::Format::UnknownPublicKey)
        })
        .map_err(|error| DelegationError::Unreadable(error.into()))?;
    // A signature by the other algorithm has a second form that is as good, so a revocation by
    // signature could be got round. Partners may sign their facts by it.
    let written = biscuit.container().to_proto();
    let mut blocks = std::iter::once(&written.authority).chain(&written.blocks);
    if blocks.any(|block| block.next_key.algorithm != Algorithm::Ed25519 as i32) {
        return Err(DelegationError::Malformed("a key of another algorithm than Ed25519"));
    }
    let mut looked_at = AuthorizerBuilder::new()
        .set_limits(limits())
        .build(&biscuit)
        .map_err(DelegationError::Unreadable)?;
    let snapshot =
        looked_at.snapshot().map_err(|error| DelegationError::Unreadable(error.into()))?;
    let steps = cost::of(&snapshot, text.len()).map_err(DelegationError::Malformed)?;
    read(biscuit, steps, &mut looked_at)
}

/// Reads the facts of the first block, which whoever holds a signing key wrote.
fn read(
    biscuit: Biscuit,
    steps: u64,
    looked_at: &mut Authorizer,
) -> Result<Delegate, DelegationError> {
    const LACKS: DelegationError = DelegationError::Malformed("its first block lacks a fact");
    let mut query = |rule: &str| -> Result<Vec<Fact>, DelegationError> {
        looked_at.query(rule).map_err(DelegationError::Unreadable)
    };
    let who = query("who($u, $t, $i, $e) <- user($u), token($t), issued($i), expires($e)")?;
    let [who] = &who[..] else { return Err(LACKS) };
    let [Term::Str(user), Term::Str(id), Term::Date(issued), Term::Date(expires)] =
        &who.predicate.terms[..]
    else {
        return Err(LACKS);
    };
    let user: UserId = user.parse().map_err(|_| LACKS)?;
    let id: TokenId = id.parse().map_err(|_| LACKS)?;
    let instant = |seconds: u64| i64::try_from(seconds).map(Timestamp::from_seconds);
    let (issued, expires) =
        (instant(*issued).map_err(|_| LACKS)?, instant(*expires).map_err(|_| LACKS)?);
    let mut username = None;
    for fact in query("name($n) <- username($n)")? {
        if let [Term::Str(name)] = &fact.predicate.terms[..] {
            username = Some(name.clone());
        }
    }
    let mut vars = BTreeMap::new();
    for fact in query("var($n, $v) <- var($n, $v)")? {
        if let [Term::Str(name), Term::Str(value)] = &fact.predicate.terms[..] {
            vars.insert(name.clone(), value.clone());
        }
    }
    let blocks = biscuit.revocation_identifiers();
    let blocks = blocks.iter().map(|id| BlockKey::new(user, id)).collect();
    let account = Mutex::new(None);
    Ok(Delegate { biscuit, steps, user, id, issued, expires, username, vars, blocks, account })
}
