//! Calls run to their end, whatever their clients do.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tavern_domain::{CodedError, ErrorCode, Lifecycle};

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// It took too long. It goes on without us.
    Deadline,
    /// It panicked.
    Panicked,
}

impl From<Cut> for CodedError {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Deadline => Self::new(ErrorCode::DeadlineExceeded, "the call took too long"),
            Cut::Panicked => Self::new(ErrorCode::Internal, "internal error"),
        }
    }
}

/// Waits for a call. When the caller is dropped because the client has left, or the time is up,
/// the call goes on as a task of its own: a client cannot cut a use case in two. As long as
/// nobody leaves this costs nothing.
pub(crate) async fn within<T: Send + 'static>(
    life: &Lifecycle,
    limit: Duration,
    call: BoxFuture<'static, T>,
) -> Result<T, Cut> {
    tokio::time::timeout(limit, to_its_end(life, call)).await.unwrap_or(Err(Cut::Deadline))
}

/// The same without a limit of its own.
pub(crate) fn to_its_end<T: Send + 'static>(
    life: &Lifecycle,
    call: BoxFuture<'static, T>,
) -> impl Future<Output = Result<T, Cut>> + Send {
    Guard { call: Some(call), begun: false, life: life.clone() }
}

struct Guard<T: Send + 'static> {
    call: Option<BoxFuture<'static, T>>,
    begun: bool,
    life: Lifecycle,
}

impl<T: Send + 'static> Future for Guard<T> {
    type Output = Result<T, Cut>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.begun = true;
        let Some(call) = self.call.as_mut() else { return Poll::Ready(Err(Cut::Panicked)) };
        let polled = poll_caught(call, cx);
        if polled.is_ready() {
            self.call = None;
        }
        polled.map(|caught| caught.map_err(|_| Cut::Panicked))
    }
}

impl<T: Send + 'static> Drop for Guard<T> {
    fn drop(&mut self) {
        // A call that was never polled has done nothing that could be cut in two.
        if self.begun
            && let Some(call) = self.call.take()
        {
            detach(&self.life, call.map(drop));
        }
    }
}

/// Polls, and takes a panic for a result.
pub(crate) fn poll_caught<T>(
    future: &mut BoxFuture<'static, T>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, Box<dyn Any + Send>>> {
    match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => {
            // The panic hook has told where; this tells what came of it.
            tracing::error!("a call panicked");
            Poll::Ready(Err(panic))
        }
    }
}

/// Lets a piece of work go on as a task of its own, until it ends or the process must stop.
pub(crate) fn detach(life: &Lifecycle, work: impl Future<Output = ()> + Send + 'static) {
    if tokio::runtime::Handle::try_current().is_err() {
        return;
    }
    let abort = life.abort().clone();
    drop(life.spawn(async move {
        let work = AssertUnwindSafe(work).catch_unwind();
        tokio::select! {
            ended = work => if ended.is_err() {
                tracing::error!("a call panicked after its client had left");
            },
            () = abort.cancelled() => {
                tracing::warn!("a call whose client had left was cut off by the end of the process");
            }
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    const LONG: Duration = Duration::from_secs(60);

    fn two_steps() -> (oneshot::Sender<()>, oneshot::Receiver<&'static str>, BoxFuture<'static, ()>)
    {
        let (go, wait) = oneshot::channel();
        let (done, ended) = oneshot::channel();
        let call = async move {
            wait.await.unwrap();
            done.send("both steps").unwrap();
        };
        (go, ended, call.boxed())
    }

    #[tokio::test]
    async fn a_call_goes_on_when_its_client_leaves() {
        let life = Lifecycle::new();
        let (go, ended, call) = two_steps();
        let mut waiting = Box::pin(within(&life, LONG, call));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        go.send(()).unwrap();
        assert_eq!(ended.await, Ok("both steps"));
        life.finished().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_goes_on_when_its_time_is_up() {
        let life = Lifecycle::new();
        let (go, ended, call) = two_steps();
        assert_eq!(within(&life, LONG, call).await, Err(Cut::Deadline));
        go.send(()).unwrap();
        assert_eq!(ended.await, Ok("both steps"));
    }

    #[tokio::test]
    async fn a_call_that_never_began_is_forgotten() {
        let life = Lifecycle::new();
        let (go, _ended, call) = two_steps();
        drop(within(&life, LONG, call));
        assert_eq!(life.tasks(), 0);
        assert!(go.send(()).is_err());
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let life = Lifecycle::new();
        let call = async { if LONG.is_zero() { 1 } else { panic!("made up") } };
        assert_eq!(within(&life, LONG, call.boxed()).await, Err(Cut::Panicked));
        assert_eq!(life.tasks(), 0);
    }

    #[tokio::test]
    async fn a_detached_call_ends_with_the_process() {
        let life = Lifecycle::new();
        detach(&life, std::future::pending());
        assert_eq!(life.tasks(), 1);
        life.abort().cancel();
        life.finished().await;
    }
}
