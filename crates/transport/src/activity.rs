//! What a connection is doing, and when it has done nothing for too long.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::{Instant, Sleep};

/// What a connection is doing, as its bytes, its requests and its driver see it.
///
/// Times are milliseconds since the connection's begin, plus one; 0 means "not". Nothing here sets
/// a timer: the driver has one and looks.
#[derive(Debug)]
pub(crate) struct Activity {
    begun: Instant,
    /// Requests that are being answered.
    busy: AtomicU32,
    /// Since when nothing is being answered.
    idle_since: AtomicU64,
    /// Since when a request is arriving whose head is not complete.
    head_since: AtomicU64,
    /// Since when a write is stuck.
    stuck_since: AtomicU64,
    /// HTTP/2 has frames that belong to no request, so bytes do not mean that one is arriving.
    multiplexed: AtomicBool,
    closing: AtomicBool,
    aborted: AtomicBool,
    driver: AtomicWaker,
}

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) head: Duration,
    pub(crate) idle: Duration,
    pub(crate) stuck: Duration,
}

/// Why a connection is given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tired {
    /// The request took too long to arrive.
    Head,
    /// No request came.
    Idle,
    /// The client does not read.
    Stuck,
}

impl Activity {
    /// A connection has begun; its first request is awaited.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            busy: AtomicU32::new(0),
            idle_since: AtomicU64::new(1),
            head_since: AtomicU64::new(1),
            stuck_since: AtomicU64::new(0),
            multiplexed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            driver: AtomicWaker::new(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1).saturating_add(1)
    }

    /// The connection turned out to be HTTP/2.
    pub(crate) fn is_multiplexed(&self) {
        self.multiplexed.store(true, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
    }

    /// Bytes came.
    pub(crate) fn received(&self) {
        if self.busy.load(Ordering::Relaxed) == 0
            && self.head_since.load(Ordering::Relaxed) == 0
            && !self.multiplexed.load(Ordering::Relaxed)
        {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// A write is stuck.
    pub(crate) fn stuck(&self) {
        if self.stuck_since.load(Ordering::Relaxed) == 0 {
            self.stuck_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// A write went through.
    pub(crate) fn unstuck(&self) {
        if self.stuck_since.load(Ordering::Relaxed) != 0 {
            self.stuck_since.store(0, Ordering::Relaxed);
        }
    }

    /// A request is being answered as long as the answer is held.
    pub(crate) fn answering(self: &Arc<Self>) -> Answering {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// Asks for the end of the connection once its requests are answered.
    pub(crate) fn close_when_idle(&self) {
        self.closing.store(true, Ordering::Release);
        self.driver.wake();
    }

    /// Asks for the end of the connection now.
    pub(crate) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.driver.wake();
    }

    /// Whether somebody asked for the end; if not, `waker` is woken when somebody does. For the
    /// time before there is a driver.
    pub(crate) fn is_unwanted(&self, waker: &Waker) -> bool {
        self.driver.register(waker);
        self.closing.load(Ordering::Acquire) || self.aborted.load(Ordering::Acquire)
    }

    /// When the connection's patience ends, and of what.
    fn tired_at(&self, patience: &Patience) -> Option<(Instant, Tired)> {
        let at = |since: u64, wait: Duration| {
            self.begun + Duration::from_millis(since.saturating_sub(1)) + wait
        };
        let stuck = match self.stuck_since.load(Ordering::Relaxed) {
            0 => None,
            since => Some((at(since, patience.stuck), Tired::Stuck)),
        };
        if self.busy.load(Ordering::Relaxed) > 0 {
            return stuck;
        }
        let rest = match self.head_since.load(Ordering::Relaxed) {
            0 => (at(self.idle_since.load(Ordering::Relaxed), patience.idle), Tired::Idle),
            since => (at(since, patience.head), Tired::Head),
        };
        Some(stuck.map_or(rest, |stuck| if stuck.0 <= rest.0 { stuck } else { rest }))
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        let activity = &self.0;
        activity.idle_since.store(activity.now(), Ordering::Relaxed);
        activity.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that can be asked to end after its requests.
pub(crate) trait Graceful: Future {
    /// Finishes the requests it has and takes no more.
    fn finish(self: Pin<&mut Self>);
}

/// How a driven connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended<T> {
    /// By itself.
    Done(T),
    /// It was given up.
    Tired(Tired),
    /// It was told to stop now.
    Aborted,
}

/// Polls a connection and watches its patience with one timer, which is set only when a deadline
/// comes nearer. Deadlines move away with every request; then the old one is looked at once.
pub(crate) struct Drive<C> {
    connection: Pin<Box<C>>,
    activity: Arc<Activity>,
    patience: Patience,
    timer: Pin<Box<Sleep>>,
    set_for: Instant,
    finishing: bool,
}

impl<C: Graceful> Drive<C> {
    pub(crate) fn new(connection: C, activity: Arc<Activity>, patience: Patience) -> Self {
        let set_for = activity.begun + patience.head;
        Self {
            connection: Box::pin(connection),
            activity,
            patience,
            timer: Box::pin(tokio::time::sleep_until(set_for)),
            set_for,
            finishing: false,
        }
    }

    fn finish(&mut self) {
        if !self.finishing {
            self.finishing = true;
            self.connection.as_mut().finish();
        }
    }
}

impl<C: Graceful> Future for Drive<C> {
    type Output = Ended<C::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.activity.driver.register(cx.waker());
        if this.activity.aborted.load(Ordering::Acquire) {
            return Poll::Ready(Ended::Aborted);
        }
        if this.activity.closing.load(Ordering::Acquire) {
            this.finish();
        }
        loop {
            if let Poll::Ready(output) = this.connection.as_mut().poll(cx) {
                return Poll::Ready(Ended::Done(output));
            }
            let Some((at, tired)) = this.activity.tired_at(&this.patience) else {
                return Poll::Pending;
            };
            if at < this.set_for || this.timer.is_elapsed() {
                this.set_for = at;
                this.timer.as_mut().reset(at);
            }
            if this.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // It rang. If the deadline has moved meanwhile, the next turn sets it anew.
            if at > this.set_for || at > Instant::now() {
                continue;
            }
            match tired {
                // Once asked to finish, an idle connection ends at the next poll.
                Tired::Idle if !this.finishing => {
                    this.finish();
                    this.activity.idle_since.store(this.activity.now(), Ordering::Relaxed);
                }
                Tired::Idle | Tired::Head | Tired::Stuck => {
                    return Poll::Ready(Ended::Tired(tired));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(60),
        stuck: Duration::from_secs(5),
    };

    /// Ends when asked to, if it is `polite`.
    struct Never {
        polite: bool,
        asked: bool,
    }

    impl Future for Never {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            if self.asked && self.polite { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    impl Graceful for Never {
        fn finish(mut self: Pin<&mut Self>) {
            self.asked = true;
        }
    }

    fn drive(polite: bool) -> (Arc<Activity>, Drive<Never>) {
        let activity = Activity::new();
        (Arc::clone(&activity), Drive::new(Never { polite, asked: false }, activity, PATIENCE))
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_is_given_the_time_of_a_head() {
        let begun = Instant::now();
        let (_, drive) = drive(false);
        assert_eq!(drive.await, Ended::Tired(Tired::Head));
        assert_eq!(begun.elapsed(), PATIENCE.head);
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_a_connection_may_rest() {
        let begun = Instant::now();
        let (activity, drive) = drive(true);
        drop(activity.answering());
        assert_eq!(drive.await, Ended::Done(()), "asked politely to end");
        assert_eq!(begun.elapsed(), PATIENCE.idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ignores_the_request_to_end_is_dropped() {
        let begun = Instant::now();
        let (activity, drive) = drive(false);
        drop(activity.answering());
        assert_eq!(drive.await, Ended::Tired(Tired::Idle));
        assert_eq!(begun.elapsed(), PATIENCE.idle * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_request_is_answered_only_a_stuck_write_counts() {
        let (activity, mut drive) = drive(false);
        let answering = activity.answering();
        let hour = Duration::from_secs(3600);
        assert!(tokio::time::timeout(hour, &mut drive).await.is_err());
        let begun = Instant::now();
        activity.stuck();
        activity.driver.wake();
        assert_eq!(drive.await, Ended::Tired(Tired::Stuck));
        // Milliseconds are counted, so the first one is lost.
        assert!(PATIENCE.stuck.abs_diff(begun.elapsed()) <= Duration::from_millis(2));
        drop(answering);
    }

    #[tokio::test(start_paused = true)]
    async fn the_head_of_a_second_request_has_its_own_time() {
        let (activity, mut drive) = drive(false);
        drop(activity.answering());
        let half = PATIENCE.idle / 2;
        assert!(tokio::time::timeout(half, &mut drive).await.is_err());
        activity.received();
        let begun = Instant::now();
        assert_eq!(drive.await, Ended::Tired(Tired::Head));
        assert!(PATIENCE.head.abs_diff(begun.elapsed()) <= Duration::from_millis(2));
    }

    #[tokio::test(start_paused = true)]
    async fn frames_of_http2_are_no_head() {
        let begun = Instant::now();
        let (activity, drive) = drive(true);
        activity.is_multiplexed();
        activity.received();
        assert_eq!(drive.await, Ended::Done(()));
        assert_eq!(begun.elapsed(), PATIENCE.idle);
    }

    #[tokio::test(start_paused = true)]
    async fn an_aborted_connection_ends_at_once() {
        let (activity, drive) = drive(false);
        let _answering = activity.answering();
        activity.abort();
        assert_eq!(drive.await, Ended::Aborted);
    }
}
