//! Which calls run on the thread that asks.
//!
//! To go to another thread and back costs more than a short call does. So a function that was
//! short and did not wait the last few times runs where it is asked for. When it waits or computes
//! for long after all, the thread's other work goes to another thread at that moment, so that no
//! socket waits for a script.

use std::cell::Cell;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use hashbrown::HashMap;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

/// The longest that a short call takes.
const SHORT: Duration = Duration::from_micros(250);
/// So many short calls make a habit.
const ENOUGH: u8 = 8;
/// More are not remembered.
const MOST: u8 = 4 * ENOUGH;
/// So many short calls make up for one that was long: the thread may have had to wait for others.
const LONG_WEIGHS: u8 = ENOUGH;
/// How long another thread gets to take over the work of this one.
const TAKES_OVER: Duration = Duration::from_micros(100);
/// How often it is offered while a call goes on.
const OFFER_EVERY: Duration = Duration::from_millis(5);

/// How a function behaved in its last calls.
#[derive(Debug, Default)]
pub struct Habit(AtomicU8);

impl Habit {
    /// Whether its next call may run on a thread that serves others.
    pub(super) fn is_short(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= ENOUGH
    }

    fn note(&self, waited: bool, long: bool) {
        let before = self.0.load(Ordering::Relaxed);
        let now = match (waited, long) {
            (true, _) => 0,
            (false, true) => before.saturating_sub(LONG_WEIGHS),
            (false, false) => before.saturating_add(1).min(MOST),
        };
        if now != before {
            // A call beside this one may get lost; the next ones count.
            self.0.store(now, Ordering::Relaxed);
        }
    }
}

/// The habits of registered functions, by what names them.
#[derive(Debug)]
pub struct Habits<K> {
    of: HashMap<K, Arc<Habit>>,
    others: Arc<Habit>,
}

impl<K: Eq + Hash> Habits<K> {
    /// No habits yet, of these functions.
    pub fn new(functions: impl IntoIterator<Item = K>) -> Self {
        let of = functions.into_iter().map(|function| (function, Arc::default())).collect();
        Self { of, others: Arc::default() }
    }

    /// The habit of a function; those that are not known share one.
    pub fn of(&self, function: &K) -> &Arc<Habit> {
        self.of.get(function).unwrap_or(&self.others)
    }
}

/// The call on this thread.
#[derive(Clone, Copy)]
struct Running {
    /// The thread serves others, too.
    borrowed: bool,
    waited: bool,
    /// When the thread's other work is offered to another thread.
    offer: Instant,
}

thread_local! {
    static RUNNING: Cell<Option<Running>> = const { Cell::new(None) };
}

/// Whether a call can run on this thread at all: its other work must be able to go elsewhere.
pub(super) fn can_borrow() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// Runs a call and notes how it behaved.
pub(super) fn observed<T>(habit: &Habit, borrowed: bool, call: impl FnOnce() -> T) -> T {
    /// Calls can lead to calls.
    struct Restore(Option<Running>);
    impl Drop for Restore {
        fn drop(&mut self) {
            RUNNING.set(self.0);
        }
    }

    let begun = Instant::now();
    let running = Running { borrowed, waited: false, offer: begun + SHORT };
    let _restore = Restore(RUNNING.replace(Some(running)));
    let answer = call();
    let waited = RUNNING.get().is_some_and(|running| running.waited);
    habit.note(waited, begun.elapsed() > SHORT);
    answer
}

/// Waits for the server, on the thread of a call. Nothing else happens on the thread until then.
pub fn wait<F: Future>(handle: &Handle, future: F) -> F::Output {
    let mut future = pin!(future);
    {
        // Often the answer is there at once.
        let _inside = handle.enter();
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(answer) = polled {
            return answer;
        }
    }
    let running = RUNNING.get();
    RUNNING.set(running.map(|running| Running { waited: true, ..running }));
    if running.is_some_and(|running| running.borrowed) {
        tokio::task::block_in_place(|| handle.block_on(future))
    } else {
        handle.block_on(future)
    }
}

/// To be asked by an engine every so many steps of a script: offers the thread's other work to
/// another thread when the call goes on for long.
pub fn breathe() {
    let Some(running) = RUNNING.get().filter(|running| running.borrowed) else { return };
    let now = Instant::now();
    if now >= running.offer {
        RUNNING.set(Some(Running { offer: now + OFFER_EVERY, ..running }));
        tokio::task::block_in_place(|| thread::sleep(TAKES_OVER));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(habit: &Habit) {
        for _ in 0..ENOUGH {
            observed(habit, false, || ());
        }
    }

    #[test]
    fn some_short_calls_make_a_habit_and_one_that_waits_breaks_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let habit = Habit::default();
        assert!(!habit.is_short());
        short(&habit);
        assert!(habit.is_short());
        observed(&habit, false, || {
            assert_eq!(wait(runtime.handle(), async { 7 }), 7, "there at once");
        });
        assert!(habit.is_short());
        observed(&habit, false, || wait(runtime.handle(), tokio::task::yield_now()));
        assert!(!habit.is_short());
    }

    #[test]
    fn calls_that_take_long_break_it() {
        let habit = Habit::default();
        short(&habit);
        for _ in 0..MOST / LONG_WEIGHS {
            observed(&habit, false, || {
                let begun = Instant::now();
                while begun.elapsed() <= SHORT {}
            });
        }
        assert!(!habit.is_short());
    }

    #[tokio::test]
    async fn a_thread_whose_work_cannot_go_elsewhere_is_not_borrowed() {
        assert!(!can_borrow());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_are_served_while_a_call_waits_or_computes() {
        let handle = Handle::current();
        let served = |handle: &Handle| {
            let (sent, mut served) = tokio::sync::oneshot::channel();
            drop(handle.spawn(async move { sent.send(()) }));
            move || served.try_recv().is_ok()
        };
        #[expect(clippy::disallowed_methods, reason = "it is waited for")]
        let task = tokio::spawn(async move {
            assert!(can_borrow());
            let habit = Habit::default();
            // The only worker is this thread.
            let answer = observed(&habit, true, || {
                let other = handle.spawn(async { 7 });
                wait(&handle, other).unwrap()
            });
            observed(&habit, true, || {
                let mut served = served(&handle);
                while !served() {
                    breathe();
                }
            });
            answer
        });
        assert_eq!(task.await.unwrap(), 7);
    }
}
