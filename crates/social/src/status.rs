//! The text that a player shows as their status.

use tavern_domain::{Classify, ErrorCode};

/// Most bytes of a status text. The empty text is a status like any other.
pub const MAX_STATUS_BYTES: usize = 2_048;

/// A status text is too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a status has at most {MAX_STATUS_BYTES} bytes")]
pub struct StatusTooLong;

impl Classify for StatusTooLong {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// Checks a status text.
///
/// # Errors
/// [`StatusTooLong`] for one of more than [`MAX_STATUS_BYTES`] bytes.
pub const fn check_status(text: &str) -> Result<(), StatusTooLong> {
    if text.len() > MAX_STATUS_BYTES { Err(StatusTooLong) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_at_most_2048_bytes() {
        assert_eq!(check_status(""), Ok(()));
        assert_eq!(check_status(&"s".repeat(2_048)), Ok(()));
        assert_eq!(check_status(&"s".repeat(2_049)), Err(StatusTooLong));
        assert_eq!(check_status(&"é".repeat(1_025)), Err(StatusTooLong), "bytes, not characters");
        assert_eq!(StatusTooLong.code(), ErrorCode::InvalidArgument);
    }
}
