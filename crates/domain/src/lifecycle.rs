//! Who stops what, in which order, by when.
//!
//! Every background task belongs to a [`Lifecycle`]. Stopping has two speeds: `drain` asks tasks
//! to finish what they have begun, `abort` is the deadline. A critical task that ends before
//! anybody asked for it, by return or by panic, drains the whole process and makes its exit code
//! non-zero: a server that limps on without one of its parts is worse than one that restarts.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The life of one server process. Cheap to clone; all clones are the same life.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    drain: CancellationToken,
    abort: CancellationToken,
    tasks: TaskTracker,
    failed: AtomicBool,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

impl Lifecycle {
    /// A new life.
    #[must_use]
    pub fn new() -> Self {
        let abort = CancellationToken::new();
        Self {
            inner: Arc::new(Inner {
                drain: abort.child_token(),
                abort,
                tasks: TaskTracker::new(),
                failed: AtomicBool::new(false),
            }),
        }
    }

    /// Cancelled when the process should finish what it has begun and take nothing new.
    #[must_use]
    pub fn drain(&self) -> &CancellationToken {
        &self.inner.drain
    }

    /// Cancelled when the process must stop now.
    #[must_use]
    pub fn abort(&self) -> &CancellationToken {
        &self.inner.abort
    }

    /// Whether a critical task ended unasked.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.inner.failed.load(Ordering::SeqCst)
    }

    /// Records a failure and begins to drain.
    pub fn fail(&self) {
        self.inner.failed.store(true, Ordering::SeqCst);
        self.inner.drain.cancel();
    }

    /// Runs a task that may end whenever it likes; shutdown waits for it.
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.inner.tasks.spawn(task)
    }

    /// Runs a task that the process cannot do without until `stop` is cancelled.
    pub fn spawn_critical<F>(&self, name: &'static str, stop: CancellationToken, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let watch = Watch { life: self.clone(), name, stop };
        drop(self.inner.tasks.spawn(async move {
            let _watch = watch;
            task.await;
        }));
    }

    /// How many tasks are alive.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.inner.tasks.len()
    }

    /// Waits until every task has ended. Call it after `drain` or `abort`.
    pub async fn finished(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

/// Moved into a critical task; notices its end however it comes.
struct Watch {
    life: Lifecycle,
    name: &'static str,
    stop: CancellationToken,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() && !self.life.drain().is_cancelled() {
            tracing::error!(task = self.name, "ended without being asked to");
            self.life.fail();
        }
    }
}

/// How a shutdown stage ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StageOutcome {
    /// In time.
    Done,
    /// The budget ran out; the work was dropped where it stood.
    OutOfTime,
}

/// Runs one stage of a shutdown within its budget, and logs it when it was slow.
pub async fn stage(name: &str, budget: Duration, work: impl Future<Output = ()>) -> StageOutcome {
    let begun = tokio::time::Instant::now();
    if tokio::time::timeout(budget, work).await.is_ok() {
        let took = begun.elapsed();
        if took > Duration::from_secs(1) {
            tracing::info!(stage = name, ms = took.as_millis(), "slow shutdown stage");
        }
        StageOutcome::Done
    } else {
        tracing::warn!(
            stage = name,
            budget_ms = budget.as_millis(),
            "shutdown stage ran out of time"
        );
        StageOutcome::OutOfTime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_critical_task_that_returns_stops_the_process() {
        let life = Lifecycle::new();
        life.spawn_critical("worker", CancellationToken::new(), async {});
        life.drain().cancelled().await;
        assert!(life.has_failed());
    }

    #[tokio::test]
    async fn a_critical_task_that_panics_stops_the_process() {
        let life = Lifecycle::new();
        life.spawn_critical("worker", CancellationToken::new(), async { panic!("made up") });
        life.drain().cancelled().await;
        assert!(life.has_failed());
    }

    #[tokio::test]
    async fn stopping_one_task_on_purpose_drains_nothing() {
        let life = Lifecycle::new();
        let stop = CancellationToken::new();
        let waits = stop.clone();
        life.spawn_critical("worker", stop.clone(), async move { waits.cancelled().await });
        stop.cancel();
        life.finished().await;
        assert!(!life.has_failed());
        assert!(!life.drain().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stage_ends_at_its_budget() {
        let outcome = stage("stuck", Duration::from_secs(3), std::future::pending()).await;
        assert_eq!(outcome, StageOutcome::OutOfTime);
    }
}
