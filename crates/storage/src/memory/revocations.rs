//! Tokens that are no longer good.

use async_trait::async_trait;
use tavern_domain::Timestamp;

use super::Memory;
use crate::{Revocation, Revocations, StorageError};

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
