//! Threads that script code runs on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that come as they are needed and go when they have had nothing to do for a while.
///
/// What limits the jobs is whoever gives them: each belongs to a machine, and machines are
/// counted. Jobs beyond the most threads wait for one.
#[derive(Clone)]
pub struct Workers(Arc<Handle>);

/// The threads hold the shared part themselves; when the last handle goes, they are told to.
struct Handle(Arc<Shared>);

struct Shared {
    name: &'static str,
    most: usize,
    stack: usize,
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

/// The job was not carried out to its end: it panicked, or no thread could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the job did not end well")]
pub struct WorkersGone;

/// How long a thread without work stays.
const STAYS: Duration = Duration::from_secs(10);

impl Workers {
    /// At most `most` threads, each with a stack of `stack` bytes. None is started before there is
    /// work.
    #[must_use]
    pub fn new(name: &'static str, most: usize, stack: usize) -> Self {
        Self(Arc::new(Handle(Arc::new(Shared {
            name,
            most: most.max(1),
            stack,
            state: Mutex::new(State::default()),
            ready: Condvar::new(),
        }))))
    }

    /// Runs a job and answers what it answers. The job runs to its end even if nobody waits for it
    /// any more.
    ///
    /// # Errors
    /// When the job panicked, or no thread could be started and none is there.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkersGone> {
        let (done, result) = oneshot::channel();
        self.spawn(move || {
            // Nobody may be waiting any more.
            drop(done.send(job()));
        });
        result.await.map_err(|_| WorkersGone)
    }

    /// Runs a job that nobody waits for.
    pub fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.0.0.submit(Box::new(job));
    }

    /// Threads at the moment, and jobs that wait for one.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let state = self.0.0.state.lock();
        (state.threads, state.jobs.len())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.ready.notify_all();
    }
}

impl Shared {
    fn submit(self: &Arc<Self>, job: Job) {
        let mut state = self.state.lock();
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() {
            drop(state);
            self.ready.notify_one();
        } else if state.threads < self.most {
            state.threads += 1;
            drop(state);
            self.start_thread();
        }
    }

    fn start_thread(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let started = std::thread::Builder::new()
            .name(self.name.to_owned())
            .stack_size(self.stack)
            .spawn(move || shared.work());
        if let Err(error) = started {
            let mut state = self.state.lock();
            state.threads -= 1;
            // With others running, the job waits for one of them.
            if state.threads == 0 {
                tracing::error!(%error, name = self.name, "no thread can be started");
                state.jobs.clear();
            }
        }
    }

    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
                    tracing::error!(name = self.name, "a job panicked");
                }
                state = self.state.lock();
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let timed_out = self.ready.wait_for(&mut state, STAYS).timed_out();
            state.idle -= 1;
            if timed_out && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn jobs_run_at_once_up_to_the_most_threads_and_then_wait() {
        let workers = Workers::new("test", 2, 256 << 10);
        let barrier = Arc::new(std::sync::Barrier::new(2));
        let both = [0, 1].map(|n| {
            let (workers, barrier) = (workers.clone(), Arc::clone(&barrier));
            async move {
                workers
                    .run(move || {
                        barrier.wait();
                        n
                    })
                    .await
            }
        });
        let answers = futures_util::future::join_all(both).await;
        assert_eq!(answers, [Ok(0), Ok(1)], "each needs the other to be running");
        let many = (0..100).map(|n| workers.run(move || n));
        assert_eq!(futures_util::future::join_all(many).await.len(), 100);
        assert!(workers.load().0 <= 2);
    }

    #[tokio::test]
    async fn a_job_that_panics_fails_alone() {
        let workers = Workers::new("test", 1, 256 << 10);
        assert_eq!(workers.run(|| panic!("no")).await, Err::<(), _>(WorkersGone));
        assert_eq!(workers.run(|| 7).await, Ok(7));
    }
}
