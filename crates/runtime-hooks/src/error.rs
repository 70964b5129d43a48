//! How server code fails.

use std::borrow::Cow;
use std::error::Error;

use tavern_domain::{Classify, CodedError, ErrorCode};

/// A hook or function said no, or broke.
///
/// The text goes to the client, as in the public protocol; the source does not.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct HookError {
    /// The code the client sees.
    pub code: ErrorCode,
    /// The text the client sees.
    pub message: Cow<'static, str>,
    /// What HTTP callers of a function see as `error`: the text of a JSON object.
    pub detail: Option<String>,
    /// The cause, for the log.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl HookError {
    /// A refusal.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), detail: None, source: None }
    }

    /// An internal failure; the client sees only that there was one.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut error = Self::new(ErrorCode::Internal, "internal error");
        error.source = Some(source.into());
        error
    }
}

impl Classify for HookError {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

impl From<CodedError> for HookError {
    fn from(error: CodedError) -> Self {
        let mut hook = Self::new(error.code(), error.message().to_owned());
        hook.source = Some(Box::new(error));
        hook
    }
}

impl From<HookError> for CodedError {
    fn from(error: HookError) -> Self {
        let coded = Self::new(error.code, error.message.clone());
        coded.caused_by(error)
    }
}

/// A module's initialiser failed.
pub type ModuleError = Box<dyn Error + Send + Sync>;

/// Why the modules could not be loaded. Each names the module.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The initialiser returned an error.
    #[error("module {module} failed in its initialiser")]
    Failed {
        /// Which module.
        module: String,
        /// Why.
        #[source]
        source: ModuleError,
    },
    /// The initialiser panicked.
    #[error("module {module} panicked in its initialiser: {message}")]
    Panicked {
        /// Which module.
        module: String,
        /// The panic's message.
        message: String,
    },
    /// The initialiser did not return in time.
    #[error("module {module} did not finish its initialiser within {seconds} s")]
    TimedOut {
        /// Which module.
        module: String,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// Two modules want the same place.
    #[error("{what} is registered by both {first} and {second}")]
    Conflict {
        /// The hook or function.
        what: String,
        /// Who came first.
        first: String,
        /// Who came second.
        second: String,
    },
    /// A route's pattern is none.
    #[error("module {module}: {text}")]
    BadRoute {
        /// Which module.
        module: String,
        /// What is wrong with which pattern.
        text: String,
    },
    /// There are more routes than a server keeps.
    #[error("module {module} registers a route beyond the {most} that a server keeps")]
    TooManyRoutes {
        /// Who came last.
        module: String,
        /// How many there may be.
        most: usize,
    },
    /// There are more indexes over stored objects than a server keeps.
    #[error("module {module} registers a storage index beyond the {most} that a server keeps")]
    TooManyIndexes {
        /// Who came last.
        module: String,
        /// How many there may be.
        most: usize,
    },
}
