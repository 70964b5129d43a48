//! Changes of several kinds that belong together.

use serde::Serialize;

use super::accounts::AccountUpdateId;
use super::declare::host_area;
use super::storage::{HostObjectAck, HostObjectDelete, HostObjectWrite};
use super::wallets::{HostWalletUpdate, HostWalletUpdated};

/// What came of the objects that were written and of the wallets, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct HostMultiUpdated {
    pub storage_write_acks: Vec<HostObjectAck>,
    pub wallet_update_acks: Vec<HostWalletUpdated>,
}

host_area! {
    /// Changes of several kinds that belong together.
    TogetherHost

    /// Changes accounts, writes objects, deletes objects and changes wallets, in this order, all
    /// or none of it, in one transaction; each as its own function would. Any part may be left
    /// out.
    fn multi_update as "multiUpdate" (MultiUpdate {
        account_updates: Option<Vec<AccountUpdateId>>,
        storage_writes: Option<Vec<HostObjectWrite>>,
        storage_deletes: Option<Vec<HostObjectDelete>>,
        wallet_updates: Option<Vec<HostWalletUpdate>>,
        update_ledger: Option<bool>,
    }) -> HostMultiUpdated, several ["storage_write_acks", "wallet_update_acks"];
}
