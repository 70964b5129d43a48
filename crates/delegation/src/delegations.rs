//! Tokens from their minting to their end: the one place where one is believed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use biscuit_auth::builder::{AuthorizerBuilder, Policy};
use biscuit_auth::error;
use metrics::{Counter, Gauge};
use tavern_domain::{Clock, Entropy, Timestamp, UserId};
use tavern_storage::{Accounts, RevokedTokens, TokenRevocation, TokenRevocations};

use crate::cache::Cache;
use crate::config::DelegationConfig;
use crate::error::DelegationError;
use crate::facts::{CallFacts, Element, Standing, ambient};
use crate::grant::{Grant, Minted, hex, mint, minted_at, unhex};
use crate::keys::{KeyProblem, Keys};
use crate::revoked::RevokedList;
use crate::token::{Delegate, limits, verify};

/// The most things that one call with a token may be about.
pub const MAX_ELEMENTS: usize = 128;

/// The most steps that the checks of a token may take for all the things of one call.
const MAX_CALL_STEPS: u64 = 100_000;

/// The most revocations of single tokens that a user has at a time.
pub const MAX_REVOKED: u32 = 1_000;

/// Revocations are kept a little longer than the tokens they concern, for clocks that differ.
const SLACK_SEC: i64 = 60;

/// By which of its facts a token allows a call. Policies see the facts of the first block and of
/// the call, never those of later blocks: so a later block cannot add a right.
const POLICIES: [&str; 3] = [
    "allow if call($call), right($call)",
    "allow if ordinary(true), right(\"*\")",
    "allow if ordinary(true), action(\"read\"), right(\"read\")",
];

/// The meters of this crate; the composition root names them. The default ones measure nothing.
#[derive(Clone, Debug)]
pub struct DelegationMeters {
    /// Calls that a token was allowed.
    pub allowed: Counter,
    /// Calls that a token was refused.
    pub denied: Counter,
    /// Tokens that were believed without checking their signatures again.
    pub cache_hits: Counter,
    /// Tokens whose signatures had to be checked.
    pub cache_misses: Counter,
    /// Revocations that are kept.
    pub revocations: Gauge,
}

impl Default for DelegationMeters {
    fn default() -> Self {
        Self {
            allowed: Counter::noop(),
            denied: Counter::noop(),
            cache_hits: Counter::noop(),
            cache_misses: Counter::noop(),
            revocations: Gauge::noop(),
        }
    }
}

/// What [`Delegations`] are made of.
pub struct DelegationParts {
    /// The section of the configuration.
    pub config: DelegationConfig,
    /// Where revocations are kept.
    pub store: Arc<dyn TokenRevocations>,
    /// The accounts that tokens speak for.
    pub accounts: Arc<dyn Accounts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Where it counts.
    pub meters: DelegationMeters,
}

/// Mints, verifies, authorises and revokes.
pub struct Delegations {
    keys: Keys,
    policies: Vec<Policy>,
    cache: Cache,
    revoked: RevokedList,
    parts: DelegationParts,
    /// The latest millisecond that anything was minted or revoked at, so that their order holds
    /// even where the clock stands still or is set back.
    latest: AtomicI64,
}

impl Delegations {
    /// Delegation as configured. Nothing is revoked until [`load`](Self::load) was called.
    ///
    /// # Errors
    /// [`KeyProblem`], which a configuration that passed its validation does not cause.
    pub fn new(parts: DelegationParts) -> Result<Self, KeyProblem> {
        let policy = |text| Policy::try_from(text).expect("the policies are well-formed");
        Ok(Self {
            keys: parts.config.keys()?,
            policies: POLICIES.into_iter().map(policy).collect(),
            cache: Cache::new(parts.config.cache),
            revoked: RevokedList::new(parts.meters.revocations.clone()),
            parts,
            latest: AtomicI64::new(i64::MIN),
        })
    }

    /// Takes up the revocations in the store: those of earlier lives, and of other nodes.
    ///
    /// # Errors
    /// [`DelegationError::Storage`].
    pub async fn load(&self) -> Result<(), DelegationError> {
        let kept = self.parts.store.load(self.parts.clock.now()).await?;
        self.revoked.apply(&kept);
        Ok(())
    }

    /// Forgets revocations of expired tokens, in memory and in the store.
    ///
    /// # Errors
    /// [`DelegationError::Storage`]; memory is tidied in any case.
    pub async fn tidy(&self) -> Result<(), DelegationError> {
        let now = self.parts.clock.now();
        self.revoked.sweep(now);
        self.parts.store.purge(now).await?;
        Ok(())
    }

    /// How many revocations are in memory.
    #[must_use]
    pub fn revocations(&self) -> usize {
        self.revoked.len()
    }

    /// Mints a token that lives for so many seconds, or as long as configured. Asking for more
    /// than the configured most is an error, not less than asked for.
    ///
    /// # Errors
    /// [`DelegationError::Off`] without a signing key; [`DelegationError::BadGrant`].
    pub fn mint(&self, grant: &Grant, lives: Option<u32>) -> Result<Minted, DelegationError> {
        let issued = self.instant();
        // After the last revocation of all, which may come from a node whose clock is ahead.
        let issued = self
            .revoked
            .all_until(grant.user)
            .map_or(issued, |at| issued.max(Timestamp::from_millis(at.millis().saturating_add(1))));
        // What is revoked from here on comes after it.
        self.latest.fetch_max(issued.millis(), Ordering::SeqCst);
        mint(&self.parts.config, grant, lives, issued, &*self.parts.entropy)
    }

    /// What a token says, once its signatures are checked, it has not expired, and neither it nor
    /// what it was narrowed from is revoked.
    ///
    /// # Errors
    /// [`DelegationError`], of which every one is "unauthenticated" to clients.
    pub fn verify(&self, token: &str) -> Result<Arc<Delegate>, DelegationError> {
        if self.keys.is_empty() {
            // To whoever holds a token there is no difference to a wrong one.
            return Err(DelegationError::Malformed("delegation is not set up"));
        }
        let key = Cache::key(token);
        let found = if let Some(found) = self.cache.get(&key) {
            self.parts.meters.cache_hits.increment(1);
            found
        } else {
            self.parts.meters.cache_misses.increment(1);
            let found = Arc::new(verify(token, &self.keys)?);
            self.check(&found)?;
            self.cache.insert(key, &found);
            return Ok(found);
        };
        if let Err(error) = self.check(&found) {
            self.cache.remove(&key);
            return Err(error);
        }
        Ok(found)
    }

    /// Whether a token that was verified is still good: for what lives longer than a call.
    ///
    /// # Errors
    /// [`DelegationError::Expired`], [`DelegationError::Revoked`].
    pub fn check(&self, token: &Delegate) -> Result<(), DelegationError> {
        let now = self.parts.clock.now();
        let longest = token.issued.plus_seconds(self.parts.config.max_expiry_sec.into());
        if now >= token.expires.min(longest) {
            return Err(DelegationError::Expired);
        }
        if self.revoked.has(token.user, minted_at(token.id, token.issued), &token.blocks) {
            return Err(DelegationError::Revoked);
        }
        Ok(())
    }

    /// Makes sure that the account is there and not banned, which may have been found out up to
    /// [`account_check_sec`](DelegationConfig::account_check_sec) ago.
    ///
    /// # Errors
    /// [`DelegationError::NoAccount`]; [`DelegationError::Storage`].
    pub async fn confirm(&self, token: &Delegate) -> Result<(), DelegationError> {
        let now = self.parts.clock.now();
        let within = i64::from(self.parts.config.account_check_sec);
        let known = token.account.lock().as_ref().map(|(at, _)| *at);
        if known.is_some_and(|at| at <= now && now < at.plus_seconds(within)) {
            return Ok(());
        }
        let account = self.parts.accounts.find_by_id(token.user).await?;
        let account = account.filter(|account| account.disable_time.is_none());
        *token.account.lock() =
            account.as_ref().map(|account| (now, Arc::from(account.username.as_str())));
        if account.is_some() { Ok(()) } else { Err(DelegationError::NoAccount) }
    }

    /// Whether a verified token allows a call about each of these things; without any, a call about
    /// nothing in particular.
    ///
    /// # Errors
    /// [`DelegationError::Denied`] as soon as one is not allowed; [`DelegationError::TooMuch`].
    pub fn authorize(
        &self,
        token: &Delegate,
        call: CallFacts,
        elements: Vec<Element>,
    ) -> Result<(), DelegationError> {
        let allowed = self.authorize_all(token, call, elements);
        let meters = &self.parts.meters;
        if allowed.is_ok() { &meters.allowed } else { &meters.denied }.increment(1);
        allowed
    }

    fn authorize_all(
        &self,
        token: &Delegate,
        call: CallFacts,
        mut elements: Vec<Element>,
    ) -> Result<(), DelegationError> {
        if call.standing == Standing::Never {
            return Err(DelegationError::Denied);
        }
        if elements.is_empty() {
            elements.push(Element::nothing());
        }
        elements.sort_unstable();
        elements.dedup();
        let steps = token.steps.saturating_mul(elements.len() as u64);
        if elements.len() > MAX_ELEMENTS || steps > MAX_CALL_STEPS {
            return Err(DelegationError::TooMuch);
        }
        let now = self.parts.clock.now();
        for element in &elements {
            self.authorize_one(token, call, element, now)?;
        }
        Ok(())
    }

    fn authorize_one(
        &self,
        token: &Delegate,
        call: CallFacts,
        element: &Element,
        now: Timestamp,
    ) -> Result<(), DelegationError> {
        let with = || -> Result<usize, error::Token> {
            let mut with = AuthorizerBuilder::new().set_limits(limits());
            for fact in ambient(call, element, now) {
                with = with.fact(fact)?;
            }
            for policy in &self.policies {
                with = with.policy(policy.clone())?;
            }
            with.build(&token.biscuit)?.authorize()
        };
        with().map(|_| ()).map_err(|error| {
            tracing::debug!(call = call.call, %error, "a delegated token does not allow a call");
            DelegationError::Denied
        })
    }

    /// Revokes a token and everything narrowed from it. Anybody may revoke by their own hand what
    /// speaks for themselves, so the token has to be the user's; it may have expired.
    ///
    /// # Errors
    /// [`DelegationError::Malformed`] for what is no token of the user;
    /// [`DelegationError::TooManyRevoked`]; [`DelegationError::Storage`], then it does not hold.
    pub async fn revoke_token(&self, user: UserId, token: &str) -> Result<(), DelegationError> {
        let token = verify(token, &self.keys)?;
        if token.user != user {
            return Err(DelegationError::Malformed("it is somebody else's"));
        }
        let ids = token.biscuit.revocation_identifiers();
        let last = ids.last().ok_or(DelegationError::Malformed("it has no block"))?;
        self.revoke_id(user, &hex(last)).await
    }

    /// Revokes what was narrowed from the block with this id, of this user's tokens.
    ///
    /// # Errors
    /// [`DelegationError::BadGrant`] for what is no id; else as
    /// [`revoke_token`](Self::revoke_token).
    pub async fn revoke_id(&self, user: UserId, id: &str) -> Result<(), DelegationError> {
        let id = unhex(id).ok_or_else(|| {
            DelegationError::BadGrant("a revocation id has 128 hexadecimal digits".to_owned())
        })?;
        self.keep(user, RevokedTokens::Block(id)).await
    }

    /// Revokes every token of a user that was minted before the call; what is minted after the
    /// answer is good.
    ///
    /// # Errors
    /// [`DelegationError::Storage`], then it does not hold.
    pub async fn revoke_all(&self, user: UserId) -> Result<(), DelegationError> {
        self.keep(user, RevokedTokens::All).await
    }

    /// Makes a revocation durable, then lets it hold.
    async fn keep(&self, user: UserId, which: RevokedTokens) -> Result<(), DelegationError> {
        let at = self.instant();
        let lives = i64::from(self.parts.config.max_expiry_sec) + SLACK_SEC;
        let expires = at.max(self.parts.clock.now()).whole_seconds().plus_seconds(lives);
        let revocation = TokenRevocation { user, which, at, expires };
        if !self.parts.store.revoke(&revocation, MAX_REVOKED).await? {
            return Err(DelegationError::TooManyRevoked);
        }
        self.revoked.apply(&[revocation]);
        Ok(())
    }

    /// The present, in whole milliseconds, and not before any instant given so far.
    fn instant(&self) -> Timestamp {
        let now = self.parts.clock.now().millis();
        Timestamp::from_millis(self.latest.fetch_max(now, Ordering::SeqCst).max(now))
    }
}

impl std::fmt::Debug for Delegations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delegations")
            .field("keys", &self.keys)
            .field("revocations", &self.revocations())
            .finish_non_exhaustive()
    }
}
