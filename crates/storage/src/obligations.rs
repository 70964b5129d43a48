//! After-authenticate hooks that must still run.
//!
//! The row that creates an account and the row of its obligation are one transaction; the hook
//! runs, then the obligation is deleted. While it stands, the player gets no session.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use uuid::Uuid;

use crate::StorageError;

/// An obligation to be recorded with a new account, already claimed by its creator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewObligation {
    /// Stable id; the hook sees it and can use it to recognise a repetition.
    pub id: Uuid,
    /// The name of the call whose after-hook must run, for example `AuthenticateDevice`.
    pub call: &'static str,
    /// The request as JSON, without secrets: what the hook is given when it runs at start-up.
    pub request: String,
    /// Who has claimed it.
    pub claim: Claim,
}

/// Who is carrying an obligation out, and until when nobody else may.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The node's name. A claim by an earlier process of the same node is void.
    pub node: String,
    /// The process: new at every start.
    pub boot: Uuid,
    /// After this the claim is void.
    pub until: Timestamp,
}

/// An obligation that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in `NewObligation`")]
pub struct Obligation {
    pub id: Uuid,
    pub user: UserId,
    pub call: String,
    pub request: String,
    /// How often the hook was begun; 1 from the start, since its creator begins it at once.
    pub attempts: i32,
    pub create_time: Timestamp,
}

/// Obligations.
#[async_trait]
pub trait Obligations: Send + Sync + 'static {
    /// Claims an obligation and counts the attempt. `None` when it is gone, when a claim stands
    /// that is not void at `now`, be it the caller's own, or when it was released for later.
    ///
    /// Void are claims whose `until` is past, and those of another process of the claimer's node.
    /// Of many concurrent claimers one wins.
    async fn claim(
        &self,
        id: Uuid,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Option<Obligation>, StorageError>;

    /// Deletes an obligation: its hook has finished. Unknown ids are fine.
    async fn discharge(&self, id: Uuid) -> Result<(), StorageError>;

    /// Gives a claim back after a failure: nobody may claim before `not_before`, not even a later
    /// process of the same node, and anybody from then on. Unknown ids are fine.
    async fn release(&self, id: Uuid, not_before: Timestamp) -> Result<(), StorageError>;

    /// Up to `limit` obligations, oldest first, after this key (`create_time`, `id`).
    async fn list(
        &self,
        after: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Obligation>, StorageError>;

    /// How many stand.
    async fn count(&self) -> Result<u64, StorageError>;
}
