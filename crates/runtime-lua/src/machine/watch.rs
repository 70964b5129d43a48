//! Bounds on the computing time of a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mlua::{HookTriggers, Lua, Result, VmState};
use tavern_runtime_hooks::engine::{self, CpuTime};
use tokio_util::sync::CancellationToken;

/// How often it looks at the time: every so many instructions.
const EVERY: u32 = 1_000;

/// Stops a call that computes for too long, or when the server ends.
#[derive(Clone)]
pub(super) struct Watch(Arc<Inner>);

struct Inner {
    /// By the computing time of the thread, in nanoseconds.
    until: AtomicU64,
    /// The call was stopped.
    stopped: AtomicBool,
    end: CancellationToken,
}

impl Watch {
    pub(super) fn new(end: CancellationToken) -> Self {
        let inner = Inner { until: AtomicU64::new(u64::MAX), stopped: AtomicBool::new(false), end };
        Self(Arc::new(inner))
    }

    /// Looks after all calls of a state from now on.
    pub(super) fn install(&self, lua: &Lua) -> Result<()> {
        let watch = self.clone();
        lua.set_global_hook(HookTriggers::new().every_nth_instruction(EVERY), move |lua, _| {
            engine::breathe();
            if watch.is_within() {
                return Ok(VmState::Continue);
            }
            watch.0.stopped.store(true, Ordering::Relaxed);
            // A script that catches the error is stopped again at once, until it is out. The state
            // serves no other call.
            lua.set_global_hook(HookTriggers::new().every_nth_instruction(1), |_, _| {
                Err(stopped())
            })?;
            Err(stopped())
        })
    }

    /// A call begins on this thread, which may take so long.
    pub(super) fn begin(&self, limit: Duration) {
        self.0.stopped.store(false, Ordering::Relaxed);
        self.0.until.store(CpuTime::now().nanos_after(limit), Ordering::Relaxed);
    }

    fn is_within(&self) -> bool {
        CpuTime::now().nanos() < self.0.until.load(Ordering::Relaxed) && !self.0.end.is_cancelled()
    }

    /// Whether the call was stopped.
    pub(super) fn has_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }
}

fn stopped() -> mlua::Error {
    mlua::Error::runtime("the call took too long")
}
