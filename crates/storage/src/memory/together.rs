//! Changes of accounts, objects and wallets that belong together.

use async_trait::async_trait;
use tavern_domain::Timestamp;

use super::{Memory, Tables};
use crate::{
    ObjectRights, StorageError, Together, TogetherDone, TogetherRefused, Togethers, Updated,
};

impl Tables {
    fn change(
        &mut self,
        changes: Together<'_>,
        now: Timestamp,
    ) -> Result<Result<TogetherDone, TogetherRefused>, StorageError> {
        for (user, update) in changes.accounts {
            match self.update_account(*user, update, now)? {
                Updated::Updated => {}
                Updated::NoAccount => return Ok(Err(TogetherRefused::NoAccount(*user))),
                Updated::UsernameTaken => return Ok(Err(TogetherRefused::UsernameTaken(*user))),
            }
        }
        let writes = match self.write_objects(ObjectRights::Server, changes.writes, now)? {
            Ok(times) => times,
            Err(refused) => return Ok(Err(TogetherRefused::Write(refused))),
        };
        if let Err(refused) = self.delete_objects(ObjectRights::Server, changes.deletes)? {
            return Ok(Err(TogetherRefused::Delete(refused)));
        }
        Ok(match self.change_wallets(changes.wallets, now)? {
            Ok(wallets) => Ok(TogetherDone { writes, wallets }),
            Err(refused) => Err(TogetherRefused::Wallet(refused)),
        })
    }
}

#[async_trait]
impl Togethers for Memory {
    async fn apply(
        &self,
        changes: Together<'_>,
        now: Timestamp,
    ) -> Result<Result<TogetherDone, TogetherRefused>, StorageError> {
        let mut tables = self.lock();
        let (users, usernames) = (tables.users.clone(), tables.usernames.clone());
        let objects = tables.objects.clone();
        let (ledgers, ledger_ids) = (tables.ledgers.clone(), tables.ledger_ids.clone());
        let outcome = tables.change(changes, now);
        if !matches!(outcome, Ok(Ok(_))) {
            (tables.users, tables.usernames, tables.objects) = (users, usernames, objects);
            (tables.ledgers, tables.ledger_ids) = (ledgers, ledger_ids);
        }
        outcome
    }
}
