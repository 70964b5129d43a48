//! Asking a provider for a JSON document.

use serde::de::DeserializeOwned;
use tavern_domain::{Fetch, FetchRequest};

use crate::error::Why;

/// The document that a provider answers with.
pub(crate) async fn json<T: DeserializeOwned>(
    fetch: &dyn Fetch,
    request: FetchRequest,
) -> Result<T, Why> {
    let answer = fetch.fetch(request).await?;
    if !answer.is_success() {
        return Err(Why::Status(answer.status));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|_| Why::Proof("the provider's answer is unreadable"))
}
