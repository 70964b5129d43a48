//! How a realtime message is answered.

use std::borrow::Cow;
use std::time::Duration;

use tavern_domain::{CodedError, ErrorCode, RealtimeCode};
use tavern_protocol::realtime::{Envelope, Error, envelope::Message};
use tavern_runtime_hooks::HookError;

/// What a message is answered with.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Nothing.
    None,
    /// An envelope with only the `cid`.
    Ack,
    /// A message.
    Message(Box<Message>),
}

/// Why a message failed.
#[derive(Debug)]
pub(crate) struct RtError {
    pub(crate) code: RealtimeCode,
    pub(crate) message: Cow<'static, str>,
    /// Whether the answer carries the request's `cid`.
    pub(crate) with_cid: bool,
    /// When it makes sense to try again, where that is known.
    pub(crate) retry_after: Option<Duration>,
}

pub(crate) type RtResult = Result<Reply, RtError>;

impl Reply {
    pub(crate) fn message(message: impl Into<Message>) -> Self {
        Self::Message(Box::new(message.into()))
    }
}

impl RtError {
    pub(crate) fn new(code: RealtimeCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), with_cid: true, retry_after: None }
    }

    pub(crate) fn bad_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RealtimeCode::BadInput, message)
    }

    /// A message that came too soon. The public protocol has no code for it: of those that it has,
    /// only this one does not blame the message.
    pub(crate) fn limited(error: &CodedError) -> Self {
        let refusal = Self::new(RealtimeCode::RuntimeException, error.message().to_owned());
        Self { retry_after: error.retry_after(), ..refusal }
    }

    pub(crate) fn from_hook(error: &HookError) -> Self {
        Self::new(RealtimeCode::RuntimeFunctionException, error.message.clone())
    }
}

impl From<CodedError> for RtError {
    fn from(error: CodedError) -> Self {
        match error.code() {
            ErrorCode::Internal
            | ErrorCode::Unknown
            | ErrorCode::Unavailable
            | ErrorCode::Aborted
            | ErrorCode::DeadlineExceeded
            | ErrorCode::DataLoss
            | ErrorCode::Canceled => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "realtime message failed"
                );
                Self::new(RealtimeCode::RuntimeException, error.message().to_owned())
            }
            ErrorCode::InvalidArgument
            | ErrorCode::NotFound
            | ErrorCode::AlreadyExists
            | ErrorCode::PermissionDenied
            | ErrorCode::ResourceExhausted
            | ErrorCode::FailedPrecondition
            | ErrorCode::OutOfRange
            | ErrorCode::Unimplemented
            | ErrorCode::Unauthenticated => Self::bad_input(error.message().to_owned()),
        }
    }
}

/// The envelope that answers a message with this `cid`; `None` when nothing is sent back.
pub(crate) fn envelope(cid: String, result: RtResult) -> Option<Envelope> {
    match result {
        Ok(Reply::None) => None,
        Ok(Reply::Ack) => Some(Envelope::ack(cid)),
        Ok(Reply::Message(message)) => Some(Envelope::reply(cid, *message)),
        Err(error) => {
            let cid = if error.with_cid { cid } else { String::new() };
            let message = Message::Error(Error {
                code: i32::from(error.code as u8),
                message: error.message.into_owned(),
                context: error.retry_after.map(hint).into_iter().collect(),
            });
            Some(Envelope::reply(cid, message))
        }
    }
}

/// The hint that goes with an error, in whole milliseconds, at least 1.
fn hint(after: Duration) -> (String, String) {
    let millis = after.as_nanos().div_ceil(1_000_000).max(1);
    ("retry_after_ms".to_owned(), millis.to_string())
}
