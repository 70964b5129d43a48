//! Tokens that are no longer good although they have not expired.

use async_trait::async_trait;
use tavern_domain::{Timestamp, TokenId, UserId};

use crate::StorageError;

/// What a revocation reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RevocationScope {
    /// Every session token of this log-in, also those of earlier or later refreshes.
    Session(TokenId),
    /// Every refresh token of this log-in.
    Refresh(TokenId),
    /// Every token of the user that was issued up to [`Revocation::at`].
    All,
}

/// One revocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Revocation {
    /// Whose tokens.
    pub user: UserId,
    /// Which of them.
    pub scope: RevocationScope,
    /// When it was revoked, in milliseconds.
    pub at: Timestamp,
    /// From when on every token concerned has expired anyway, and this can be forgotten.
    pub expires: Timestamp,
}

/// Revocations.
#[async_trait]
pub trait Revocations: Send + Sync + 'static {
    /// All that have not expired.
    async fn load(&self, now: Timestamp) -> Result<Vec<Revocation>, StorageError>;

    /// Records revocations, all or none. Recording one again moves `at` and `expires` to the later
    /// of both.
    async fn revoke(&self, revocations: &[Revocation]) -> Result<(), StorageError>;

    /// Forgets what has expired; answers how many.
    async fn purge(&self, now: Timestamp) -> Result<u64, StorageError>;
}

/// Which delegated tokens a revocation reaches.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum RevokedTokens {
    /// Every one of the user that was minted up to [`TokenRevocation::at`].
    All,
    /// Those of the user with this block: its signature, 1 to 64 bytes.
    Block(Vec<u8>),
}

/// One revocation of delegated tokens.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TokenRevocation {
    /// Whom the tokens speak for.
    pub user: UserId,
    /// Which of them.
    pub which: RevokedTokens,
    /// When it was revoked, in milliseconds.
    pub at: Timestamp,
    /// From when on every token concerned has expired anyway, and this can be forgotten.
    pub expires: Timestamp,
}

/// Revocations of delegated tokens.
#[async_trait]
pub trait TokenRevocations: Send + Sync + 'static {
    /// All that have not expired.
    async fn load(&self, now: Timestamp) -> Result<Vec<TokenRevocation>, StorageError>;

    /// Records one. Recording it again moves `at` and `expires` to the later of both. Of single
    /// blocks a user has at most `most`: then a further one is not recorded, and the answer is
    /// `false`. Calls at the same time may exceed that by their number.
    async fn revoke(&self, new: &TokenRevocation, most: u32) -> Result<bool, StorageError>;

    /// Forgets what has expired; answers how many.
    async fn purge(&self, now: Timestamp) -> Result<u64, StorageError>;
}
