//! Changes of accounts, objects and wallets that belong together: one transaction.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::{
    ObjectDelete, ObjectRefused, ObjectRights, ObjectWrite, StorageError, Together, TogetherDone,
    TogetherRefused, Togethers, Updated, WhyRefused,
};

use crate::Pool;
use crate::accounts::PostgresAccounts;
use crate::error::DbError;
use crate::objects::{PostgresObjects, Sorted, cannot_exist, is_overtaken};
use crate::retry::Conflict;
use crate::transaction::{On, Transaction};
use crate::wallets::{self, PostgresWallets};

const SERVER: ObjectRights = ObjectRights::Server;

/// [`Togethers`] in PostgreSQL.
pub(crate) struct PostgresTogethers {
    pool: Pool,
    accounts: PostgresAccounts,
    objects: PostgresObjects,
    wallets: PostgresWallets,
}

/// Why nothing was changed.
enum Stopped {
    Refused(TogetherRefused),
    /// Writing objects failed.
    Write(DbError),
    Db(DbError),
}

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl From<wallets::Stopped> for Stopped {
    fn from(stopped: wallets::Stopped) -> Self {
        match stopped {
            wallets::Stopped::Refused(why) => Self::Refused(TogetherRefused::Wallet(why)),
            wallets::Stopped::Db(error) => Self::Db(error),
        }
    }
}

impl Conflict for Stopped {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::Write(error) => is_overtaken(error) || error.is_conflict(),
            Self::Db(error) => error.is_conflict(),
        }
    }
}

/// What a transaction is made of.
struct Work<'a> {
    changes: Together<'a>,
    writes: Sorted<'a, ObjectWrite<'a>>,
    deletes: Sorted<'a, ObjectDelete<'a>>,
    /// Every account that is changed.
    users: Vec<UserId>,
    now: Timestamp,
}

impl PostgresTogethers {
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            accounts: PostgresAccounts::new(pool.clone()),
            objects: PostgresObjects::new(pool.clone()),
            wallets: PostgresWallets::new(pool.clone()),
            pool,
        }
    }

    /// Accounts are locked first and in the order of their ids, objects in the order of their
    /// names, so that no two of these wait for each other.
    async fn work(
        &self,
        mut transaction: Transaction,
        work: &Work<'_>,
    ) -> Result<TogetherDone, Stopped> {
        let Work { changes, writes, deletes, users, now } = work;
        let refused = |why| Err(Stopped::Refused(why));
        let rows = self.wallets.lock(&mut transaction, users).await?;
        let on = &mut On::Transaction(&mut transaction);
        for (user, update) in changes.accounts {
            match self.accounts.update_on(on, *user, update, *now).await? {
                Updated::Updated => {}
                Updated::NoAccount => return refused(TogetherRefused::NoAccount(*user)),
                Updated::UsernameTaken => return refused(TogetherRefused::UsernameTaken(*user)),
            }
        }
        let mut times = Vec::new();
        if !changes.writes.is_empty() {
            let written = self.objects.write_on(on, writes, SERVER, *now).await;
            match written.map_err(Stopped::Write)? {
                Ok(written) => times = written,
                Err(why) => return refused(TogetherRefused::Write(why)),
            }
        }
        if !changes.deletes.is_empty()
            && let Err(why) = self.objects.delete_on(on, deletes, SERVER).await?
        {
            return refused(TogetherRefused::Delete(why));
        }
        let wallets = self.wallets.apply_last(transaction, &rows, changes.wallets, *now).await?;
        Ok(TogetherDone { writes: times, wallets })
    }
}

#[async_trait]
impl Togethers for PostgresTogethers {
    async fn apply(
        &self,
        changes: Together<'_>,
        now: Timestamp,
    ) -> Result<Result<TogetherDone, TogetherRefused>, StorageError> {
        if let Some(at) = changes.deletes.iter().position(|gone| cannot_exist(gone.at)) {
            let why = ObjectRefused { at, why: WhyRefused::NotFound };
            return Ok(Err(TogetherRefused::Delete(why)));
        }
        let mut users: Vec<UserId> = changes.accounts.iter().map(|(user, _)| *user).collect();
        users.extend(changes.wallets.iter().map(|change| change.user));
        let work = Work {
            changes,
            writes: Sorted::new(changes.writes, |new| new.at)?,
            deletes: Sorted::new(changes.deletes, |gone| gone.at)?,
            users,
            now,
        };
        match self.pool.transaction(|transaction| self.work(transaction, &work)).await {
            Ok(done) => Ok(Ok(done)),
            Err(Stopped::Refused(why)) => Ok(Err(why)),
            Err(Stopped::Write(error)) => {
                let refused = self.objects.not_written(changes.writes, error).await?;
                Ok(Err(TogetherRefused::Write(refused)))
            }
            Err(Stopped::Db(error)) => Err(error.into()),
        }
    }
}
