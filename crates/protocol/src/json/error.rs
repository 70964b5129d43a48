//! What is wrong with a text.

use tavern_domain::{Classify, ErrorCode};

/// A text that is not the JSON form of the message. Says what is wrong and where, in words that
/// may go to the client.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(serde_json::Error);

impl JsonError {
    pub(crate) const fn new(error: serde_json::Error) -> Self {
        Self(error)
    }
}

impl Classify for JsonError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// A name from the input for an error text, cut to a length that is fit to be repeated.
pub(crate) fn clipped(name: &str) -> &str {
    const MOST: usize = 64;
    let end = (0..=MOST.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
    &name[..end.unwrap_or_default()]
}
