//! Changes of accounts, objects and wallets that belong together.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use crate::{
    AccountUpdate, ObjectDelete, ObjectRefused, ObjectTimes, ObjectWrite, StorageError,
    WalletChange, WalletOutcome, WalletRefused,
};

/// What to change, with the rights of the server, in this order: accounts, then objects to write,
/// then objects to delete, then wallets.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Together<'a> {
    pub accounts: &'a [(UserId, AccountUpdate)],
    /// Names no object twice.
    pub writes: &'a [ObjectWrite<'a>],
    /// Names no object twice.
    pub deletes: &'a [ObjectDelete<'a>],
    pub wallets: &'a [WalletChange],
}

/// What came of the objects that were written and of the wallets, in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TogetherDone {
    pub writes: Vec<ObjectTimes>,
    pub wallets: Vec<WalletOutcome>,
}

/// Why nothing was changed: the first refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TogetherRefused {
    /// An account is not there.
    NoAccount(UserId),
    /// The user name that an account is to have belongs to another one.
    UsernameTaken(UserId),
    /// An object cannot be written.
    Write(ObjectRefused),
    /// An object cannot be deleted.
    Delete(ObjectRefused),
    /// A wallet cannot be changed.
    Wallet(WalletRefused),
}

/// Changes that belong together.
#[async_trait]
pub trait Togethers: Send + Sync + 'static {
    /// Makes all changes or none, in one transaction. Each part does what the method of its own
    /// trait does: [`Accounts::update`](crate::Accounts::update),
    /// [`Objects::write`](crate::Objects::write), [`Objects::delete`](crate::Objects::delete) and
    /// [`Wallets::apply`](crate::Wallets::apply).
    async fn apply(
        &self,
        changes: Together<'_>,
        now: Timestamp,
    ) -> Result<Result<TogetherDone, TogetherRefused>, StorageError>;
}
