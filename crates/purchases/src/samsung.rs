//! Samsung's store, which is asked about the id of a purchase.
//!
//! The facts are those of Samsung's document of its server API
//! (<https://developer.samsung.com/iap/programming-guide/samsung-iap-server-api.html>).

use serde::Deserialize;
use tavern_domain::FetchRequest;
use tavern_domain::fetch::query;
use tavern_storage::{Store, StoreEnvironment};

use crate::ShopError;
use crate::ask::{Asking, base};
use crate::config::SamsungConfig;
use crate::store::{Sale, named, proof};
use crate::time::rfc3339;

/// Longest id that is asked about, in bytes: it is a part of an address.
const MAX_ID: usize = 512;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    #[serde(default)]
    status: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    package_name: String,
    #[serde(default)]
    item_id: String,
    /// `2020-11-17 01:48:54`, UTC.
    #[serde(default)]
    purchase_date: String,
}

/// The purchase of an id.
pub(crate) async fn purchase(
    config: &SamsungConfig,
    asking: Asking<'_>,
    id: &str,
) -> Result<Sale, ShopError> {
    let id = proof("the purchase's id", id)?;
    if id.len() > MAX_ID {
        return Err(ShopError::Malformed(Store::Samsung));
    }
    let query = query(&[("purchaseID", id)]);
    let url = format!("{}/iap/v6/receipt?{query}", base(&config.url));
    let answer = asking.send(FetchRequest::get(url)).await?;
    let (receipt, text) = asking.read::<Receipt>(answer)?;
    if receipt.status != "success" {
        // The status is the store's, and could be anything.
        let status: String = receipt.status.chars().take(16).collect();
        return Err(ShopError::Refused {
            store: Store::Samsung,
            why: format!("status {status:?}"),
        });
    }
    if !config.package_name.is_empty() && config.package_name != receipt.package_name {
        return Err(ShopError::OtherApp(Store::Samsung));
    }
    let time = format!("{}Z", receipt.purchase_date.replacen(' ', "T", 1));
    Ok(Sale {
        product: named(Store::Samsung, &receipt.item_id)?,
        transaction: named(Store::Samsung, id)?,
        purchase_time: rfc3339(&time).ok_or_else(|| asking.unasked("an answer without a time"))?,
        refund_time: None,
        environment: match receipt.mode.as_str() {
            "TEST" => StoreEnvironment::Sandbox,
            _ => StoreEnvironment::Production,
        },
        answer: text,
    })
}
