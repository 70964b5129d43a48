//! Looks after the time that a call takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tavern_domain::ErrorCode;
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::engine::CpuTime;
use tokio_util::sync::CancellationToken;

/// Why a call was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It computed for too long.
    Time,
    /// It slept for too long.
    Sleep,
    /// The server ends.
    End,
}

impl Stopped {
    /// What the caller is told.
    pub(super) fn error(self) -> HookError {
        match self {
            Self::Time => HookError::new(
                ErrorCode::DeadlineExceeded,
                "server code took more computing time than a call may",
            ),
            Self::Sleep => {
                HookError::new(ErrorCode::DeadlineExceeded, "server code waited too long")
            }
            Self::End => HookError::new(ErrorCode::Unavailable, "the server is stopping"),
        }
    }
}

/// Asked by the engine every few thousand steps whether to go on.
pub(crate) struct Watch {
    /// In nanoseconds of the thread's computing time.
    deadline: AtomicU64,
    stopped: AtomicU8,
    end: CancellationToken,
}

impl Watch {
    pub(super) fn new(end: CancellationToken) -> Arc<Self> {
        Arc::new(Self { deadline: AtomicU64::new(u64::MAX), stopped: AtomicU8::new(0), end })
    }

    /// A call begins on this thread.
    pub(super) fn begin(&self, limit: Duration) {
        self.deadline.store(CpuTime::now().nanos_after(limit), Ordering::Relaxed);
        self.stopped.store(0, Ordering::Relaxed);
    }

    /// Whether the call must stop.
    pub(super) fn over(&self) -> bool {
        if self.end.is_cancelled() {
            self.stop(Stopped::End);
        } else if CpuTime::now().nanos() > self.deadline.load(Ordering::Relaxed) {
            self.stop(Stopped::Time);
        }
        self.stopped().is_some()
    }

    pub(super) fn stop(&self, why: Stopped) {
        let code = match why {
            Stopped::Time => 1,
            Stopped::Sleep => 2,
            Stopped::End => 3,
        };
        // The first reason is the one to tell.
        let _other = self.stopped.compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self) -> Option<Stopped> {
        match self.stopped.load(Ordering::Relaxed) {
            1 => Some(Stopped::Time),
            2 => Some(Stopped::Sleep),
            3 => Some(Stopped::End),
            _ => None,
        }
    }

    /// Cancelled when the server ends.
    pub(super) fn end(&self) -> &CancellationToken {
        &self.end
    }
}
