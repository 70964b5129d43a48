//! Apple's store: receipts, which Apple checks, and signed transactions, which we check.

mod receipt;
mod signed;

use serde_json::json;
use tavern_domain::Timestamp;
use tavern_storage::{AsOf, Store, StoreEnvironment};

use crate::ShopError;
use crate::ask::Asking;
use crate::config::AppleConfig;
use crate::store::{Sale, Term, proof};

/// What Apple stands behind.
pub(crate) struct Apple<'a> {
    pub(crate) config: &'a AppleConfig,
    /// In place of the configured one.
    pub(crate) password: Option<&'a str>,
    pub(crate) asking: Asking<'a>,
    pub(crate) now: Timestamp,
}

impl Apple<'_> {
    /// The purchases of a receipt, or the one of a signed transaction.
    pub(crate) async fn purchases(&self, text: &str) -> Result<Vec<Sale>, ShopError> {
        let text = proof("the receipt", text)?;
        if is_signed(text) {
            return Ok(vec![self.transaction(text)?.sale(answer(text))?]);
        }
        self.receipt(text).await?.sales()
    }

    /// The subscriptions of a receipt or signed transaction, the one that ends last first, and how
    /// old what is said of them can be.
    pub(crate) async fn subscriptions(&self, text: &str) -> Result<(Vec<Term>, AsOf), ShopError> {
        let text = proof("the receipt", text)?;
        if is_signed(text) {
            return Ok((vec![self.transaction(text)?.term(answer(text))?], AsOf::Then));
        }
        Ok((self.receipt(text).await?.terms()?, AsOf::Now))
    }

    fn transaction(&self, text: &str) -> Result<signed::Transaction, ShopError> {
        if self.password().is_empty() && self.config.bundle_id.is_empty() {
            return Err(ShopError::NotConfigured(Store::Apple));
        }
        let transaction: signed::Transaction =
            signed::open(text, &self.config.authority, self.now)?;
        self.check_bundle(&transaction.bundle_id)?;
        Ok(transaction)
    }

    async fn receipt(&self, text: &str) -> Result<receipt::Receipt, ShopError> {
        let password = self.password();
        if password.is_empty() {
            return Err(ShopError::NotConfigured(Store::Apple));
        }
        let AppleConfig { production_url, sandbox_url, .. } = self.config;
        let receipt =
            receipt::verify(self.asking, [production_url, sandbox_url], password, text).await?;
        self.check_bundle(receipt.bundle_id())?;
        Ok(receipt)
    }

    fn password(&self) -> &str {
        self.password.unwrap_or_else(|| self.config.shared_password.expose())
    }

    fn check_bundle(&self, bundle: &str) -> Result<(), ShopError> {
        let expected = &self.config.bundle_id;
        if expected.is_empty() || expected == bundle {
            return Ok(());
        }
        Err(ShopError::OtherApp(Store::Apple))
    }
}

/// Three parts with dots between them; receipts are Base64, which has none.
fn is_signed(text: &str) -> bool {
    text.split('.').count() == 3
}

/// What is kept in place of an answer.
fn answer(signed: &str) -> String {
    json!({ "jws": signed }).to_string()
}

/// Apple's words for environments; there are more for trials than for the real thing.
fn environment(word: &str) -> StoreEnvironment {
    match word {
        "" | "Production" => StoreEnvironment::Production,
        _ => StoreEnvironment::Sandbox,
    }
}
