//! What `InitModule` was answered the first time.
//!
//! Every machine runs `InitModule`, since the functions that it registers may be closures over
//! what it has made. The world must see it run once: its calls of the server are recorded, and in
//! further machines answered from the record.

use std::sync::Arc;

use parking_lot::Mutex;
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::HookError;

use tavern_runtime_hooks::Value;

/// The most calls of the server that an `InitModule` makes.
const MOST: usize = 10_000;

/// An answer that can be given again.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Value(Value),
    Error(ErrorCode, String),
}

impl From<&Result<Value, HookError>> for Answer {
    fn from(answer: &Result<Value, HookError>) -> Self {
        match answer {
            Ok(value) => Self::Value(value.clone()),
            Err(error) => Self::Error(error.code, error.message.to_string()),
        }
    }
}

impl From<Answer> for Result<Value, HookError> {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Value(value) => Ok(value),
            Answer::Error(code, message) => Err(HookError::new(code, message)),
        }
    }
}

/// The calls of an `InitModule`, in order: which function, and its answer.
pub(crate) type Recorded = Arc<Vec<(usize, Answer)>>;

/// Whether calls of the server are noted, answered from notes, or neither.
pub(crate) struct Record(Mutex<Mode>);

enum Mode {
    Noting(Vec<(usize, Answer)>),
    Replaying(Recorded, usize),
    Off,
}

impl Record {
    pub(super) fn noting() -> Self {
        Self(Mutex::new(Mode::Noting(Vec::new())))
    }

    pub(super) fn replaying(recorded: &Recorded) -> Self {
        Self(Mutex::new(Mode::Replaying(Arc::clone(recorded), 0)))
    }

    /// `InitModule` has returned: from now on calls go to the server. Answers what was noted.
    pub(super) fn end(&self) -> Recorded {
        match std::mem::replace(&mut *self.0.lock(), Mode::Off) {
            Mode::Noting(notes) => Arc::new(notes),
            Mode::Replaying(recorded, _) => recorded,
            Mode::Off => Arc::default(),
        }
    }

    pub(super) fn is_off(&self) -> bool {
        matches!(*self.0.lock(), Mode::Off)
    }

    pub(super) fn is_replaying(&self) -> bool {
        matches!(*self.0.lock(), Mode::Replaying(..))
    }

    /// The recorded answer to the next call; `None` when calls go to the server.
    pub(super) fn replay(&self, function: usize) -> Result<Option<Answer>, HookError> {
        let mut mode = self.0.lock();
        let Mode::Replaying(recorded, at) = &mut *mode else { return Ok(None) };
        match recorded.get(*at) {
            Some((noted, answer)) if *noted == function => {
                *at += 1;
                Ok(Some(answer.clone()))
            }
            _ => Err(HookError::new(
                ErrorCode::FailedPrecondition,
                "InitModule must call the same functions of the server each time it runs",
            )),
        }
    }

    pub(super) fn note(&self, function: usize, answer: Answer) -> Result<(), HookError> {
        let mut mode = self.0.lock();
        if let Mode::Noting(notes) = &mut *mode {
            if notes.len() == MOST {
                return Err(HookError::new(
                    ErrorCode::ResourceExhausted,
                    "InitModule called the server more than 10,000 times",
                ));
            }
            notes.push((function, answer));
        }
        Ok(())
    }
}
