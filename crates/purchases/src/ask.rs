//! Asking a store, and reading its answer.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tavern_domain::{Fetch, FetchRequest, FetchResponse, check_json_object};
use tavern_storage::Store;

use crate::ShopError;

/// Longest answer that is read, in bytes: Apple's have the whole history of a device.
const MAX_ANSWER: usize = 4 << 20;

/// How one store is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) fetch: &'a dyn Fetch,
    pub(crate) store: Store,
    pub(crate) timeout: Duration,
}

impl Asking<'_> {
    pub(crate) fn unasked(
        &self,
        why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> ShopError {
        ShopError::unasked(self.store, why)
    }

    /// Sends a request and answers what comes back, if it is neither "later" nor a failure of the
    /// store. Redirections are not followed: none of the stores has any.
    pub(crate) async fn send(&self, mut request: FetchRequest) -> Result<FetchResponse, ShopError> {
        request.timeout = self.timeout;
        request.max_response = MAX_ANSWER;
        request = request.header("accept", "application/json");
        let answer = self.fetch.fetch(request).await.map_err(|error| self.unasked(error))?;
        match answer.status {
            429 | 500..=599 => {
                tracing::debug!(store = ?self.store, status = answer.status, "a store is not well");
                Err(ShopError::Later(self.store))
            }
            _ => Ok(answer),
        }
    }

    /// The error of an answer that should have been a good one.
    pub(crate) fn status(&self, answer: &FetchResponse) -> ShopError {
        self.unasked(format!("status {}", answer.status))
    }

    /// Reads a good answer: the parts that matter, and the text of all of it.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        answer: FetchResponse,
    ) -> Result<(T, String), ShopError> {
        if !answer.is_success() {
            return Err(self.status(&answer));
        }
        let text = String::from_utf8(answer.body).map_err(|_| self.unasked("no text"))?;
        check_json_object(&text, MAX_ANSWER).map_err(|error| self.unasked(error))?;
        // The error of the parser may hold parts of the answer.
        let parts = serde_json::from_str(&text)
            .map_err(|error| self.unasked(format!("{:?} in the answer", error.classify())))?;
        Ok((parts, text))
    }
}

/// A request that sends JSON.
pub(crate) fn json(url: String, body: &serde_json::Value) -> FetchRequest {
    FetchRequest::post(url, "application/json; charset=utf-8", body.to_string())
}

/// A base address without the slash that it may end with.
pub(crate) fn base(url: &str) -> &str {
    url.trim_end_matches('/')
}
