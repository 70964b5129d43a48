//! When operations are due in an open loop, and how workers get to know.
//!
//! The moments are fixed before the first operation: number `k` is due at `start + k / rate`,
//! whatever the server does meanwhile. A worker that comes late to an operation because the
//! server kept it busy runs it at once, and its latency counts from the moment it was due.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::latency::Latency;

/// A fixed series of moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    start: Instant,
    /// Operations per second, above zero.
    rate: f64,
    count: u64,
}

impl Schedule {
    /// `rate` per second for `length`, from `start`. Holds at least one operation.
    pub(crate) fn new(start: Instant, rate: f64, length: Duration) -> Self {
        let count = whole(rate * length.as_secs_f64()).max(1);
        Self { start, rate, count }
    }

    #[cfg(test)]
    fn count(&self) -> u64 {
        self.count
    }

    /// When operation `k` is due. Computed from the start each time, so nothing adds up.
    pub(crate) fn due(&self, k: u64) -> Instant {
        self.start + Duration::from_secs_f64(k as f64 / self.rate)
    }

    /// How many operations are due by `now`.
    pub(crate) fn due_by(&self, now: Instant) -> u64 {
        let Some(elapsed) = now.checked_duration_since(self.start) else { return 0 };
        let mut k = whole(elapsed.as_secs_f64() * self.rate).min(self.count);
        // Floating point may be one off at the boundary; the moments themselves decide.
        while k < self.count && self.due(k) <= now {
            k += 1;
        }
        while k > 0 && self.due(k - 1) > now {
            k -= 1;
        }
        k
    }
}

/// The nearest whole number of a figure that is known to be small and not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a saturating cast is what is wanted here"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Hands out the operations of a schedule, each to whichever worker has waited longest.
pub(crate) struct Tickets {
    schedule: Schedule,
    ready: Semaphore,
    next: Cell<u64>,
    late: RefCell<Latency>,
}

impl Tickets {
    pub(crate) fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            ready: Semaphore::new(0),
            next: Cell::new(0),
            late: RefCell::new(Latency::new()),
        }
    }

    /// Releases every operation when it is due; ends after the last. Run exactly once.
    pub(crate) async fn release(&self, mut alarm: Alarm) -> Result<()> {
        let mut released = 0;
        while released < self.schedule.count {
            let due = self.schedule.due(released);
            alarm.until(due).await?;
            let now = Instant::now();
            self.late.borrow_mut().record(now.saturating_duration_since(due));
            let ready = self.schedule.due_by(now).max(released + 1);
            self.ready.add_permits(usize::try_from(ready - released).unwrap_or(1));
            released = ready;
        }
        Ok(())
    }

    /// Waits for the next operation and returns when it was due; `None` after the last.
    /// Cancel-safe: an operation is taken only by returning it.
    pub(crate) async fn take(&self) -> Option<Instant> {
        let permit = self.ready.acquire().await.ok()?;
        permit.forget();
        let k = self.next.get();
        self.next.set(k + 1);
        if k + 1 >= self.schedule.count {
            self.ready.close();
        }
        Some(self.schedule.due(k))
    }

    /// Stops handing out operations.
    pub(crate) fn stop(&self) {
        self.ready.close();
    }

    /// How many operations nobody has taken.
    pub(crate) fn left(&self) -> u64 {
        self.schedule.count - self.next.get()
    }

    /// How late the generator itself was: the figure that says whether to believe the others.
    pub(crate) fn lateness(&self) -> Latency {
        self.late.borrow().clone()
    }
}

/// Wakes a task at a moment.
pub(crate) enum Alarm {
    /// A kernel timer, right to some ten microseconds.
    Precise(AsyncFd<Timer>),
    /// The runtime's timer, which rounds up to a millisecond but follows a paused clock.
    #[cfg(test)]
    Coarse,
}

impl Alarm {
    pub(crate) fn precise() -> Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).context("create a timer")?;
        // SAFETY: the timer owns its descriptor, which stays open and the same until the `AsyncFd`,
        // which owns the timer, is dropped.
        #[expect(unsafe_code, reason = "the runtime has no safe way to wait for a foreign fd")]
        let fd = unsafe { AsyncFd::register_with_interest(Timer(timer), Interest::READABLE) };
        let fd = fd.map_err(std::io::Error::from).context("register the timer")?;
        Ok(Self::Precise(fd))
    }

    /// Returns at `moment` or, if that has passed, at once.
    async fn until(&mut self, moment: Instant) -> Result<()> {
        match self {
            Self::Precise(fd) => {
                let left = moment.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(());
                }
                let once = Expiration::OneShot(left.into());
                fd.get_ref().0.set(once, TimerSetTimeFlags::empty()).context("set the timer")?;
                loop {
                    let mut ready = fd.readable().await?;
                    if let Ok(done) = ready.try_io(|fd| fd.get_ref().0.wait().map_err(Into::into)) {
                        return done.context("wait for the timer");
                    }
                }
            }
            #[cfg(test)]
            Self::Coarse => {
                tokio::time::sleep_until(moment).await;
                Ok(())
            }
        }
    }
}

/// A timer in the shape the runtime wants.
pub(crate) struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: f64, seconds: u64) -> Schedule {
        Schedule::new(Instant::now(), rate, Duration::from_secs(seconds))
    }

    #[tokio::test(start_paused = true)]
    async fn moments_are_evenly_spread_and_do_not_drift() {
        let s = schedule(300.0, 10);
        assert_eq!(s.count(), 3_000);
        assert_eq!(s.due(0), s.start);
        assert_eq!(s.due(2_700) - s.start, Duration::from_secs(9));
        assert!(s.due(s.count() - 1) < s.start + Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn due_by_agrees_with_the_moments() {
        let s = schedule(7.0, 10);
        assert_eq!(s.due_by(s.start - Duration::from_nanos(1)), 0);
        for k in 0..s.count() {
            assert_eq!(s.due_by(s.due(k)), k + 1, "operation {k} is due at its own moment");
            assert_eq!(s.due_by(s.due(k) - Duration::from_nanos(1)), k);
        }
        assert_eq!(s.due_by(s.start + Duration::from_secs(99)), s.count());
    }

    #[tokio::test(start_paused = true)]
    async fn even_a_tiny_schedule_has_an_operation() {
        assert_eq!(schedule(0.1, 1).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn tickets_come_in_order_at_their_moments_and_end() {
        let tickets = Tickets::new(schedule(10.0, 1));
        let start = tickets.schedule.start;
        let taking = async {
            let mut taken = Vec::new();
            while let Some(due) = tickets.take().await {
                assert!(Instant::now() >= due, "never early");
                taken.push((due - start).as_millis());
            }
            taken
        };
        let (released, taken) = tokio::join!(tickets.release(Alarm::Coarse), taking);
        released.unwrap();
        assert_eq!(taken, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
        assert_eq!(tickets.left(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_worker_still_gets_the_moment_that_was_meant() {
        let tickets = Tickets::new(schedule(10.0, 1));
        let start = tickets.schedule.start;
        tickets.release(Alarm::Coarse).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(tickets.take().await, Some(start));
        assert_eq!(tickets.take().await, Some(start + Duration::from_millis(100)));
        tickets.stop();
        assert_eq!(tickets.take().await, None);
        assert_eq!(tickets.left(), 8);
    }

    #[tokio::test]
    async fn the_precise_alarm_is_never_early() {
        let mut alarm = Alarm::precise().unwrap();
        for micros in [1, 300, 900] {
            let moment = Instant::now() + Duration::from_micros(micros);
            alarm.until(moment).await.unwrap();
            assert!(Instant::now() >= moment);
        }
        alarm.until(Instant::now()).await.unwrap();
    }
}
