//! Tokens that are no longer good.

use async_trait::async_trait;
use tavern_domain::Timestamp;

use super::Memory;
use crate::{
    Revocation, Revocations, RevokedTokens, StorageError, TokenRevocation, TokenRevocations,
};

#[async_trait]
impl Revocations for Memory {
    async fn load(&self, now: Timestamp) -> Result<Vec<Revocation>, StorageError> {
        let tables = self.lock();
        let standing = tables.revocations.iter().filter(|(_, (_, expires))| *expires > now);
        Ok(standing
            .map(|(&(user, scope), &(at, expires))| Revocation { user, scope, at, expires })
            .collect())
    }

    async fn revoke(&self, revocations: &[Revocation]) -> Result<(), StorageError> {
        let mut tables = self.lock();
        for new in revocations {
            let at = Timestamp::from_millis(new.at.millis());
            let expires = new.expires.whole_micros();
            let kept = tables.revocations.entry((new.user, new.scope)).or_insert((at, expires));
            *kept = (kept.0.max(at), kept.1.max(expires));
        }
        Ok(())
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StorageError> {
        let mut tables = self.lock();
        let before = tables.revocations.len();
        tables.revocations.retain(|_, (_, expires)| *expires > now);
        Ok((before - tables.revocations.len()) as u64)
    }
}

#[async_trait]
impl TokenRevocations for Memory {
    async fn load(&self, now: Timestamp) -> Result<Vec<TokenRevocation>, StorageError> {
        let tables = self.lock();
        let standing = tables.token_revocations.iter().filter(|(_, (_, expires))| *expires > now);
        Ok(standing
            .map(|((user, which), &(at, expires))| TokenRevocation {
                user: *user,
                which: which.clone(),
                at,
                expires,
            })
            .collect())
    }

    async fn revoke(&self, new: &TokenRevocation, most: u32) -> Result<bool, StorageError> {
        let mut tables = self.lock();
        let kept = &mut tables.token_revocations;
        let key = (new.user, new.which.clone());
        let blocks = kept
            .keys()
            .filter(|(user, which)| *user == new.user && matches!(which, RevokedTokens::Block(_)));
        let full = blocks.count() >= most as usize;
        if full && new.which != RevokedTokens::All && !kept.contains_key(&key) {
            return Ok(false);
        }
        let at = Timestamp::from_millis(new.at.millis());
        let expires = new.expires.whole_micros();
        let kept = kept.entry(key).or_insert((at, expires));
        *kept = (kept.0.max(at), kept.1.max(expires));
        Ok(true)
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StorageError> {
        let mut tables = self.lock();
        let before = tables.token_revocations.len();
        tables.token_revocations.retain(|_, (_, expires)| *expires > now);
        Ok((before - tables.token_revocations.len()) as u64)
    }
}
