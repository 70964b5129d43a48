//! The closed set of error codes that a client can see.
//!
//! Subsystems have error types of their own and say by [`Classify`] which code each error is;
//! only the edge turns codes into gRPC statuses, HTTP statuses and realtime codes.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// What kind of failure a caller sees. The numbers are those of gRPC
/// (<https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the gRPC status codes")]
pub enum ErrorCode {
    Canceled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl ErrorCode {
    /// Every code, in the order of the numbers.
    pub const ALL: [Self; 16] = [
        Self::Canceled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The gRPC number, 1 to 16.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The code with this gRPC number, if there is one.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|c| i64::from(c.number()) == number)
    }

    /// The name used in metric labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Canceled => "Canceled",
            Self::Unknown => "Unknown",
            Self::InvalidArgument => "InvalidArgument",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::NotFound => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::PermissionDenied => "PermissionDenied",
            Self::ResourceExhausted => "ResourceExhausted",
            Self::FailedPrecondition => "FailedPrecondition",
            Self::Aborted => "Aborted",
            Self::OutOfRange => "OutOfRange",
            Self::Unimplemented => "Unimplemented",
            Self::Internal => "Internal",
            Self::Unavailable => "Unavailable",
            Self::DataLoss => "DataLoss",
            Self::Unauthenticated => "Unauthenticated",
        }
    }
}

/// The error codes of the realtime protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum RealtimeCode {
    /// The server failed.
    RuntimeException = 0,
    /// A message that nobody here knows.
    UnrecognizedPayload = 1,
    /// An envelope without a message.
    MissingPayload = 2,
    /// The message's arguments are wrong.
    BadInput = 3,
    /// No such match.
    MatchNotFound = 4,
    /// The match said no.
    MatchJoinRejected = 5,
    /// No such server function.
    RuntimeFunctionNotFound = 6,
    /// The server function or a hook failed.
    RuntimeFunctionException = 7,
}

/// Tells which [`ErrorCode`] an error is.
pub trait Classify: StdError {
    /// The code a caller sees.
    fn code(&self) -> ErrorCode;

    /// When it makes sense to try again, where that is known.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// An error as a caller sees it: a code and a text, with the cause kept apart.
///
/// The text is for clients and never holds internal detail; that stays in `source()` and goes to
/// the log where the error is handled.
pub struct CodedError {
    code: ErrorCode,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl CodedError {
    /// An error without a cause.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), retry_after: None, source: None }
    }

    /// The client's arguments are wrong.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    /// The server failed; the cause is for the log only.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Internal, "internal error").caused_by(source)
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Makes one of a classified error: its code, its text, itself as the cause.
    pub fn from_classified(error: impl Classify + Send + Sync + 'static) -> Self {
        let code = error.code();
        let hidden = matches!(code, ErrorCode::Internal | ErrorCode::Unknown);
        let message: Cow<'static, str> =
            if hidden { "internal error".into() } else { error.to_string().into() };
        let retry_after = error.retry_after();
        Self { code, message, retry_after, source: Some(Box::new(error)) }
    }

    /// When it makes sense to try again, where that is known: edges tell it in their own ways.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The code a caller sees.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The text a caller sees.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Debug for CodedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodedError")
            .field("code", &self.code)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl fmt::Display for CodedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for CodedError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}

impl Classify for CodedError {
    fn code(&self) -> ErrorCode {
        self.code
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_agree() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(i64::from(code.number())), Some(code));
        }
        assert_eq!(ErrorCode::from_number(0), None);
        assert_eq!(ErrorCode::from_number(17), None);
    }

    #[test]
    fn internal_detail_stays_in_the_source() {
        #[derive(Debug, thiserror::Error)]
        #[error("password of the database is wrong")]
        struct Detail;
        impl Classify for Detail {
            fn code(&self) -> ErrorCode {
                ErrorCode::Internal
            }
        }
        let seen = CodedError::from_classified(Detail);
        assert_eq!(seen.message(), "internal error");
        assert!(seen.source().unwrap().to_string().contains("password"));
    }
}
