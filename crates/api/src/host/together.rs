//! Changes of several kinds that belong together.

use async_trait::async_trait;
use tavern_domain::{CodedError, ErrorCode};
use tavern_economy::EconomyError;
use tavern_objects::{ObjectRights, ObjectsError, Writes};
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::host::{HostMultiUpdated, MultiUpdate, TogetherHost};
use tavern_storage::{StorageError, Together, TogetherRefused};

use super::{ServerHost, accounts, storage, wallets};
use crate::error;
use crate::services::no_account;

#[async_trait]
impl TogetherHost for ServerHost {
    async fn multi_update(&self, args: MultiUpdate) -> Result<HostMultiUpdated, HookError> {
        let mut changed = Vec::new();
        for update in accounts::bounded(args.account_updates)? {
            let (user, update) = accounts::change(update)?;
            if let Some(username) = &update.username {
                tavern_auth::validate::username(username).map_err(error::classified)?;
            }
            changed.push((user, update));
        }
        let new = args.storage_writes.unwrap_or_default();
        let new: Vec<_> = new.iter().map(storage::new_object).collect();
        let writes = Writes::new(ObjectRights::Server, &new).map_err(error::classified)?;
        let gone = args.storage_deletes.unwrap_or_default();
        let gone: Vec<_> = gone.iter().map(storage::gone_object).collect();
        let deletes = tavern_objects::deletes(&gone).map_err(error::classified)?;
        let paid = args.wallet_updates.unwrap_or_default();
        let paid = paid.into_iter().map(wallets::change).collect::<Result<_, _>>()?;
        let paid = self.0.economy.changes(paid, args.update_ledger.unwrap_or_default());

        let changes = Together {
            accounts: &changed,
            writes: &writes.for_store(),
            deletes: &deletes,
            wallets: &paid.map_err(error::classified)?,
        };
        let outcome = self.0.storage.togethers.apply(changes, self.0.clock.now()).await;
        let done = match outcome.map_err(not_kept)? {
            Ok(done) => done,
            Err(TogetherRefused::NoAccount(_)) => return Err(no_account().into()),
            Err(TogetherRefused::UsernameTaken(_)) => {
                let text = "username is already in use";
                return Err(HookError::new(ErrorCode::AlreadyExists, text));
            }
            Err(TogetherRefused::Write(refused)) => {
                return Err(error::classified(writes.refused(refused)).into());
            }
            Err(TogetherRefused::Delete(refused)) => {
                let refused = tavern_objects::delete_refused(&deletes, refused);
                return Err(error::classified(refused).into());
            }
            Err(TogetherRefused::Wallet(refused)) => {
                return Err(error::classified(EconomyError::from(refused)).into());
            }
        };
        let acks = writes.acks(&done.writes).ok_or_else(|| {
            let failed = StorageError::Failed("fewer times than objects".into());
            error::classified(ObjectsError::Storage(failed))
        })?;
        Ok(HostMultiUpdated {
            storage_write_acks: acks.into_iter().map(storage::ack).collect(),
            wallet_update_acks: done.wallets.into_iter().map(wallets::updated).collect(),
        })
    }
}

/// Names and lengths were checked, so what does not fit is a value.
fn not_kept(failed: StorageError) -> CodedError {
    if matches!(failed, StorageError::DoesNotFit(_)) {
        error::classified(ObjectsError::NotKeepable(failed))
    } else {
        error::storage(failed)
    }
}
