//! After-authenticate hooks that must still run.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use super::Memory;
use super::limits::{fits, jsonb};
use crate::{Claim, NewObligation, Obligation, Obligations, StorageError};

/// An obligation and who, if anybody, may carry it out at the moment.
pub(super) struct Standing {
    pub(super) obligation: Obligation,
    held: Held,
}

enum Held {
    /// By this claimer, until its claim is void.
    By(Claim),
    /// By nobody, and by nobody before this time.
    NotBefore(Timestamp),
}

impl Standing {
    /// An obligation that its creator has claimed and begun.
    pub(super) fn new(
        user: UserId,
        new: NewObligation,
        now: Timestamp,
    ) -> Result<Self, StorageError> {
        fits(new.call, 128)?;
        let obligation = Obligation {
            id: new.id,
            user,
            call: new.call.into(),
            request: jsonb(&new.request)?,
            attempts: 1,
            create_time: now.whole_micros(),
        };
        Ok(Self { obligation, held: Held::By(new.claim) })
    }

    fn is_free_for(&self, claim: &Claim, now: Timestamp) -> bool {
        match &self.held {
            Held::By(held) => {
                let earlier_process = held.node == claim.node && held.boot != claim.boot;
                earlier_process || held.until.whole_micros() <= now
            }
            Held::NotBefore(time) => *time <= now,
        }
    }
}

#[async_trait]
impl Obligations for Memory {
    async fn claim(
        &self,
        id: Uuid,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Option<Obligation>, StorageError> {
        let mut tables = self.lock();
        match tables.obligations.get_mut(&id) {
            Some(standing) if standing.is_free_for(claim, now) => {
                standing.held = Held::By(claim.clone());
                standing.obligation.attempts += 1;
                Ok(Some(standing.obligation.clone()))
            }
            Some(_) | None => Ok(None),
        }
    }

    async fn discharge(&self, id: Uuid) -> Result<(), StorageError> {
        self.lock().obligations.remove(&id);
        Ok(())
    }

    async fn release(&self, id: Uuid, not_before: Timestamp) -> Result<(), StorageError> {
        if let Some(standing) = self.lock().obligations.get_mut(&id) {
            standing.held = Held::NotBefore(not_before.whole_micros());
        }
        Ok(())
    }

    async fn list(
        &self,
        after: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Obligation>, StorageError> {
        let tables = self.lock();
        let mut found: Vec<_> = tables
            .obligations
            .values()
            .map(|standing| &standing.obligation)
            .filter(|o| after.is_none_or(|(time, id)| (o.create_time, o.id) > (time, id)))
            .cloned()
            .collect();
        found.sort_by_key(|o| (o.create_time, o.id));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn count(&self) -> Result<u64, StorageError> {
        Ok(self.lock().obligations.len() as u64)
    }
}
