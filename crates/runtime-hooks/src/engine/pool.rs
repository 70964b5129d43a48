//! Machines that take turns.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tavern_domain::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::habit::{self, Habit};
use crate::engine::workers::{Workers, WorkersGone};
use crate::error::HookError;

/// What becomes of a machine after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can serve the next one.
    Keep,
    /// It was interrupted or ran out of memory: nobody knows what state it is in.
    Discard,
}

/// How a new machine is made. Runs on a worker.
pub type Made<M> = Arc<dyn Fn() -> Result<M, HookError> + Send + Sync>;

/// What operators see of a pool. Each method may be called from any thread.
pub trait PoolMeters: Send + Sync + 'static {
    /// So many machines are there.
    fn machines(&self, count: usize);
    /// So many calls wait for one.
    fn waiting(&self, count: usize);
    /// A call was refused, because too many wait.
    fn refused(&self);
    /// A machine was discarded.
    fn discarded(&self);
}

/// Counts nothing.
impl PoolMeters for () {
    fn machines(&self, _: usize) {}
    fn waiting(&self, _: usize) {}
    fn refused(&self) {}
    fn discarded(&self) {}
}

/// At most so many machines, each with one call at a time. Calls beyond that wait in the order in
/// which they came; when too many wait, the next is refused with
/// [`ErrorCode::ResourceExhausted`].
pub struct Pool<M> {
    shared: Arc<Shared<M>>,
    workers: Workers,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

struct Shared<M> {
    state: Mutex<State<M>>,
    meters: Arc<dyn PoolMeters>,
}

struct State<M> {
    make: Made<M>,
    /// Goes up when machines that are out are not wanted back.
    version: u64,
    /// The most recently used is on top: it is warm.
    free: Vec<(u64, M)>,
    machines: usize,
}

impl<M: Send + 'static> Pool<M> {
    /// A pool without a machine as yet.
    #[must_use]
    pub fn new(
        workers: Workers,
        most_machines: usize,
        most_waiting: usize,
        meters: Arc<dyn PoolMeters>,
        make: Made<M>,
    ) -> Self {
        let state = State { make, version: 0, free: Vec::new(), machines: 0 };
        Self {
            shared: Arc::new(Shared { state: Mutex::new(state), meters }),
            workers,
            turns: Arc::new(Semaphore::new(most_machines.max(1))),
            waiting: AtomicUsize::new(0),
            most_waiting,
        }
    }

    /// Adds machines that were made already.
    pub fn add(&self, made: Vec<M>) {
        let mut state = self.shared.state.lock();
        state.machines += made.len();
        let version = state.version;
        state.free.extend(made.into_iter().map(|machine| (version, machine)));
        self.shared.meters.machines(state.machines);
    }

    /// No call will come any more: lets go of machines, of those in use when their calls end.
    pub fn retire(&self) {
        let old = {
            let mut state = self.shared.state.lock();
            state.version += 1;
            state.machines -= state.free.len();
            std::mem::take(&mut state.free)
        };
        drop(old);
    }

    /// Machines at the moment.
    #[must_use]
    pub fn machines(&self) -> usize {
        self.shared.state.lock().machines
    }

    /// Runs `call` on a machine and answers what it answers: on this thread if that is the habit of
    /// what is called and a machine is free, else on a thread for it, where it runs to its end even
    /// if nobody waits for it any more.
    ///
    /// # Errors
    /// [`ErrorCode::ResourceExhausted`] when too many calls wait; what making a machine said; an
    /// internal error when the call panicked.
    pub async fn call<R: Send + 'static>(
        &self,
        habit: &Arc<Habit>,
        call: impl FnOnce(&mut M) -> (R, Verdict) + Send + 'static,
    ) -> Result<R, HookError> {
        let turn = self.turn().await?;
        if habit.is_short()
            && habit::can_borrow()
            && let Some((place, machine)) = self.shared.take_free()
        {
            let job = || habit::observed(habit, true, || place.run(machine, call));
            let answer = std::panic::catch_unwind(AssertUnwindSafe(job));
            drop(turn);
            return answer.map_err(|_| HookError::internal(WorkersGone));
        }
        let (shared, habit) = (Arc::clone(&self.shared), Arc::clone(habit));
        let job = move || {
            let _turn = turn;
            let (place, machine) = shared.take()?;
            Ok(habit::observed(&habit, false, || place.run(machine, call)))
        };
        match self.workers.run(job).await {
            Ok(answer) => answer,
            Err(gone) => Err(HookError::internal(gone)),
        }
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, HookError> {
        let closed = |_| HookError::new(ErrorCode::Unavailable, "server code has ended");
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(turn);
        }
        let waiting = Waiting::begin(self).ok_or_else(|| {
            self.shared.meters.refused();
            HookError::new(ErrorCode::ResourceExhausted, "server code is busy, try again later")
        })?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(closed);
        drop(waiting);
        turn
    }
}

impl<M> Shared<M> {
    /// A machine that is free, and its place.
    fn take_free(&self) -> Option<(Place<'_, M>, M)> {
        let (version, machine) = self.state.lock().free.pop()?;
        Some((Place { shared: self, version, machine: None }, machine))
    }

    /// A machine and its place: one that is free, else a new one.
    fn take(&self) -> Result<(Place<'_, M>, M), HookError> {
        if let Some(free) = self.take_free() {
            return Ok(free);
        }
        let (version, make) = {
            let mut state = self.state.lock();
            state.machines += 1;
            self.meters.machines(state.machines);
            (state.version, Arc::clone(&state.make))
        };
        let place = Place { shared: self, version, machine: None };
        let made = make()?;
        Ok((place, made))
    }
}

/// A machine's place in the count, given back when dropped.
struct Place<'a, M> {
    shared: &'a Shared<M>,
    version: u64,
    machine: Option<M>,
}

impl<M> Place<'_, M> {
    /// Runs a call. The place is given back whatever happens, a panic included.
    fn run<R>(mut self, mut machine: M, call: impl FnOnce(&mut M) -> (R, Verdict)) -> R {
        let (answer, verdict) = call(&mut machine);
        if verdict == Verdict::Keep {
            self.machine = Some(machine);
        }
        answer
    }
}

impl<M> Drop for Place<'_, M> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        match self.machine.take() {
            Some(machine) if state.version == self.version => {
                state.free.push((self.version, machine));
            }
            gone => {
                state.machines -= 1;
                self.shared.meters.machines(state.machines);
                if gone.is_none() {
                    self.shared.meters.discarded();
                }
                drop(state);
                // Not under the lock: a machine may be large.
                drop(gone);
            }
        }
    }
}

/// A call that waits, counted.
struct Waiting<'a, M> {
    pool: &'a Pool<M>,
}

impl<'a, M> Waiting<'a, M> {
    fn begin(pool: &'a Pool<M>) -> Option<Self> {
        let before = pool.waiting.fetch_add(1, Ordering::AcqRel);
        let waiting = Self { pool };
        if before >= pool.most_waiting {
            return None;
        }
        pool.shared.meters.waiting(before + 1);
        Some(waiting)
    }
}

impl<M> Drop for Waiting<'_, M> {
    fn drop(&mut self) {
        let before = self.pool.waiting.fetch_sub(1, Ordering::AcqRel);
        self.pool.shared.meters.waiting(before - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn pool(most: usize, waiting: usize) -> Arc<Pool<usize>> {
        let made = AtomicUsize::new(0);
        let make: Made<usize> = Arc::new(move || Ok(made.fetch_add(1, Ordering::SeqCst)));
        let workers = Workers::new("test", most, 256 << 10);
        Arc::new(Pool::new(workers, most, waiting, Arc::new(()), make))
    }

    #[tokio::test]
    async fn machines_are_used_again_unless_discarded() {
        let any = Arc::default();
        let pool = pool(2, 1);
        assert_eq!(pool.call(&any, |m| (*m, Verdict::Keep)).await.unwrap(), 0);
        assert_eq!(pool.call(&any, |m| (*m, Verdict::Discard)).await.unwrap(), 0);
        assert_eq!(pool.machines(), 0);
        assert_eq!(pool.call(&any, |m| (*m, Verdict::Keep)).await.unwrap(), 1);
        assert_eq!(pool.machines(), 1);
    }

    #[tokio::test]
    async fn a_panic_costs_the_machine_and_not_its_place() {
        let any = Arc::default();
        let pool = pool(1, 1);
        let error = pool.call::<()>(&any, |_| panic!("no")).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Internal);
        assert_eq!(pool.machines(), 0);
        assert_eq!(pool.call(&any, |m| (*m, Verdict::Keep)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn calls_wait_in_order_and_one_too_many_is_refused() {
        let any = Arc::default();
        let pool = pool(1, 1);
        let (go, wait) = mpsc::channel::<()>();
        let held = pool.call(&any, move |_| (wait.recv().is_ok(), Verdict::Keep));
        let second = pool.call(&any, |_| (2, Verdict::Keep));
        let third = pool.call(&any, |_| (3, Verdict::Keep));
        let (held, second, third) = tokio::join!(held, second, async {
            // The first two have been asked already: `join` asks in this order.
            let refused = third.await;
            go.send(()).unwrap();
            refused
        });
        assert!(held.unwrap());
        assert_eq!(second.unwrap(), 2);
        assert_eq!(third.unwrap_err().code, ErrorCode::ResourceExhausted);
        assert_eq!(
            pool.call(&any, |_| (4, Verdict::Keep)).await.unwrap(),
            4,
            "nobody waits any more"
        );
    }

    #[tokio::test]
    async fn a_retired_pool_lets_go_of_machines_when_their_calls_end() {
        let any = Arc::default();
        let pool = pool(2, 1);
        pool.add(vec![50, 51]);
        let (go, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let old = pool.call(&any, move |m| {
            begun.send(()).unwrap();
            (wait.recv().map(|()| *m), Verdict::Keep)
        });
        let (old, machines) = tokio::join!(old, async {
            has_begun.await.unwrap();
            pool.retire();
            let machines = pool.machines();
            go.send(()).unwrap();
            machines
        });
        assert_eq!(old.unwrap(), Ok(51));
        assert_eq!((machines, pool.machines()), (1, 0));
    }

    #[tokio::test]
    async fn a_machine_that_cannot_be_made_fails_the_call_alone() {
        let any = Arc::default();
        let broken = std::sync::atomic::AtomicBool::new(true);
        let make: Made<usize> = Arc::new(move || {
            if broken.swap(false, Ordering::SeqCst) {
                return Err(HookError::new(ErrorCode::Internal, "broken"));
            }
            Ok(3)
        });
        let workers = Workers::new("test", 1, 256 << 10);
        let pool = Pool::new(workers, 1, 1, Arc::new(()), make);
        assert_eq!(pool.call(&any, |_| ((), Verdict::Keep)).await.unwrap_err().message, "broken");
        assert_eq!(pool.machines(), 0);
        assert_eq!(pool.call(&any, |m| (*m, Verdict::Keep)).await.unwrap(), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_short_by_habit_runs_on_the_thread_that_asks() {
        let pool = pool(1, 0);
        let habit = Arc::default();
        let here = |_: &mut usize| (std::thread::current().id(), Verdict::Keep);
        let task = async move {
            let mut threads = Vec::new();
            for _ in 0..64 {
                threads.push(pool.call(&habit, here).await.unwrap() == std::thread::current().id());
            }
            let panicked = pool.call::<()>(&habit, |_| panic!("no")).await;
            assert_eq!(panicked.unwrap_err().code, ErrorCode::Internal);
            assert_eq!(pool.machines(), 0, "and its machine is gone");
            threads
        };
        #[expect(clippy::disallowed_methods, reason = "it is waited for")]
        let threads = tokio::spawn(task).await.unwrap();
        assert!(!threads[0], "a function without a habit has a thread of its own");
        assert!(threads.contains(&true));
    }
}
