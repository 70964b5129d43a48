//! The driver for scenarios in which an operation is a request and its answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::outcome::{Outcome, Tally};
use crate::scenario::{Ctx, Load};
use crate::schedule::{Alarm, Schedule, Tickets};

/// Connections opened or closed at once.
pub(crate) const AT_ONCE: usize = 32;
/// Errors after which a measurement is not worth going on with.
const HOPELESS: u64 = 500;

/// One worker's connection and what it does with it.
pub(crate) trait Client: Sized + 'static {
    /// Players that each worker has to itself.
    const USERS: usize = 1;

    async fn open(ctx: &Ctx, index: usize) -> Result<Self>;
    /// Runs one operation to its end. After an error the client is closed and opened anew.
    async fn once(&mut self) -> Result<()>;
    async fn close(self) -> Result<()>;
}

/// Opens the clients, warms up, measures, and closes them.
pub(crate) async fn round<C: Client>(ctx: Rc<Ctx>) -> Result<Outcome> {
    let clients = {
        let ctx = Rc::clone(&ctx);
        ctx.target.users.first(&ctx.target, ctx.clients * C::USERS).await?;
        gather(ctx.clients, AT_ONCE, move |index| {
            let ctx = Rc::clone(&ctx);
            async move { C::open(&ctx, index).await.map(|client| (index, client)) }
        })
        .await
        .context("open the connections")?
    };
    let (clients, _) = phase(&ctx, clients, ctx.warmup, Alarm::precise()?).await?;
    let meter = ctx.target.meter()?;
    let (clients, tally) = phase(&ctx, clients, ctx.length, Alarm::precise()?).await?;
    let usage = ctx.target.read(&meter)?;
    each(clients, |(_, client)| client.close()).await;
    Ok(Outcome::new(tally, usage))
}

/// When the next operation of a worker is due.
enum Pace {
    /// As soon as the last one ended, until the given moment.
    Closed(Instant),
    Open(Tickets),
}

struct Phase {
    pace: Pace,
    tally: RefCell<Tally>,
    given_up: Cell<bool>,
}

impl Phase {
    async fn next(&self) -> Option<Instant> {
        match &self.pace {
            Pace::Closed(end) => {
                let now = Instant::now();
                (now < *end && !self.given_up.get()).then_some(now)
            }
            Pace::Open(tickets) => tickets.take().await,
        }
    }

    fn fail(&self, error: &anyhow::Error) {
        let mut tally = self.tally.borrow_mut();
        tally.fail(1, || format!("{error:#}"));
        if tally.errors >= HOPELESS {
            self.given_up.set(true);
            if let Pace::Open(tickets) = &self.pace {
                tickets.stop();
            }
        }
    }
}

/// Runs the load for `length` and returns the clients that survived it.
pub(crate) async fn phase<C: Client>(
    ctx: &Rc<Ctx>,
    clients: Vec<(usize, C)>,
    length: Duration,
    alarm: Alarm,
) -> Result<(Vec<(usize, C)>, Tally)> {
    let start = Instant::now();
    let pace = match ctx.load {
        Load::Closed => Pace::Closed(start + length),
        Load::Rate(rate) => Pace::Open(Tickets::new(Schedule::new(start, rate, length))),
    };
    let tally = RefCell::new(Tally::new());
    let phase = Rc::new(Phase { pace, tally, given_up: Cell::new(false) });
    let mut workers = JoinSet::new();
    for (index, client) in clients {
        workers.spawn_local(work(Rc::clone(ctx), index, client, Rc::clone(&phase)));
    }
    let mut survivors = Vec::new();
    let working = async {
        while let Some(ended) = workers.join_next().await {
            survivors.extend(ended.context("a worker panicked")?);
        }
        anyhow::Ok(())
    };
    let tally = match &phase.pace {
        Pace::Closed(_) => {
            working.await?;
            phase.tally.borrow().clone()
        }
        Pace::Open(tickets) => {
            tokio::pin!(working);
            tokio::select! {
                released = tickets.release(alarm) => { released?; working.await?; }
                worked = &mut working => worked?,
            }
            let mut tally = phase.tally.borrow().clone();
            tally.lateness = tickets.lateness();
            tally.fail(tickets.left(), || "no connection was left to run it".into());
            tally
        }
    };
    Ok((survivors, tally))
}

async fn work<C: Client>(
    ctx: Rc<Ctx>,
    index: usize,
    mut client: C,
    phase: Rc<Phase>,
) -> Option<(usize, C)> {
    while let Some(due) = phase.next().await {
        match client.once().await {
            Ok(()) => {
                let mut tally = phase.tally.borrow_mut();
                tally.operations += 1;
                tally.units += 1;
                tally.latency.record(due.elapsed());
            }
            Err(error) => {
                phase.fail(&error);
                match C::open(&ctx, index).await {
                    Ok(fresh) => client = fresh,
                    Err(error) => {
                        phase.fail(&error.context("open the connection anew"));
                        return None;
                    }
                }
            }
        }
    }
    Some((index, client))
}

/// Runs `make(0)` to `make(count - 1)`, at most `at_once` at a time; results in that order.
/// The first error ends it all.
pub(crate) async fn gather<T, F>(
    count: usize,
    at_once: usize,
    make: impl Fn(usize) -> F + 'static,
) -> Result<Vec<T>>
where
    T: 'static,
    F: Future<Output = Result<T>> + 'static,
{
    let (make, next) = (Rc::new(make), Rc::new(Cell::new(0)));
    let slots: Rc<RefCell<Vec<Option<T>>>> =
        Rc::new(RefCell::new((0..count).map(|_| None).collect()));
    let mut makers = JoinSet::new();
    for _ in 0..at_once.min(count) {
        let (make, next, slots) = (Rc::clone(&make), Rc::clone(&next), Rc::clone(&slots));
        makers.spawn_local(async move {
            while next.get() < count {
                let index = next.replace(next.get() + 1);
                let made = make(index).await?;
                slots.borrow_mut()[index] = Some(made);
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = makers.join_next().await {
        ended.context("a task panicked")??;
    }
    Ok(slots.take().into_iter().flatten().collect())
}

/// Runs `act` on every item, some at a time. Errors do not matter to the caller: it takes leave.
pub(crate) async fn each<T, F>(items: Vec<T>, act: impl Fn(T) -> F + 'static)
where
    T: 'static,
    F: Future<Output = Result<()>> + 'static,
{
    let items = Rc::new(RefCell::new(items));
    let act = Rc::new(act);
    let count = items.borrow().len();
    let done = gather(count, AT_ONCE, move |_| {
        let (act, item) = (Rc::clone(&act), items.borrow_mut().pop());
        async move {
            if let Some(item) = item {
                act(item).await.ok();
            }
            Ok(())
        }
    });
    done.await.ok();
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, LocalOptions};
    use tokio::time::sleep;

    use super::*;

    /// A server that takes 1 ms, but stalls once for half a second.
    struct Stalling(u32);

    impl Client for Stalling {
        async fn open(_: &Ctx, _: usize) -> Result<Self> {
            Ok(Self(0))
        }
        async fn once(&mut self) -> Result<()> {
            self.0 += 1;
            sleep(Duration::from_millis(if self.0 == 50 { 500 } else { 1 })).await;
            Ok(())
        }
        async fn close(self) -> Result<()> {
            Ok(())
        }
    }

    /// Answers every other request, and cannot be reached after the tenth connection.
    struct Failing(Rc<Cell<usize>>, bool);

    thread_local! {
        static OPENED: Rc<Cell<usize>> = Rc::default();
    }

    impl Client for Failing {
        async fn open(_: &Ctx, _: usize) -> Result<Self> {
            let opened = OPENED.with(Rc::clone);
            opened.set(opened.get() + 1);
            anyhow::ensure!(opened.get() <= 10, "refused");
            Ok(Self(opened, false))
        }
        async fn once(&mut self) -> Result<()> {
            sleep(Duration::from_millis(1)).await;
            self.1 = !self.1;
            anyhow::ensure!(self.1, "failed on connection {}", self.0.get());
            Ok(())
        }
        async fn close(self) -> Result<()> {
            Ok(())
        }
    }

    fn paused<F: Future>(test: F) -> F::Output {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build_local(LocalOptions::default())
            .unwrap();
        runtime.block_on(test)
    }

    async fn measure<C: Client>(load: Load, client: C) -> Tally {
        let ctx = Rc::new(Ctx::for_tests(load));
        let length = Duration::from_secs(2);
        phase(&ctx, vec![(0, client)], length, Alarm::Coarse).await.unwrap().1
    }

    #[test]
    fn an_open_loop_shows_what_a_stall_did_to_those_who_waited() {
        let tally = paused(measure(Load::Rate(100.0), Stalling(0)));
        assert_eq!(tally.operations, 200);
        let p = tally.latency.percentiles();
        // 50 operations came due during the stall: a quarter of all, the last of them at once.
        assert!(p.p90 > 250_000.0, "{p:?}");
        assert!(p.p50 < 10_000.0, "{p:?}");
        assert!(p.max > 499_000.0, "{p:?}");
    }

    #[test]
    fn a_closed_loop_counts_the_stall_once() {
        let tally = paused(measure(Load::Closed, Stalling(0)));
        let p = tally.latency.percentiles();
        assert!(p.p99 < 10_000.0, "{p:?}");
        assert!(p.max > 499_000.0, "{p:?}");
        assert!(tally.operations > 700, "{}", tally.operations);
    }

    #[test]
    fn errors_are_counted_and_operations_nobody_could_run_are_too() {
        let tally = paused(async {
            OPENED.with(|opened| opened.set(0));
            let client = Failing::open(&Ctx::for_tests(Load::Closed), 0).await.unwrap();
            measure(Load::Rate(100.0), client).await
        });
        assert_eq!(tally.operations, 10, "one per connection");
        // 10 failed, one more connection was refused, and 180 were never run.
        assert_eq!(tally.errors, 10 + 1 + 180);
        assert_eq!(tally.first_error.as_deref(), Some("failed on connection 1"));
    }

    #[test]
    fn gather_keeps_the_order_and_the_bound() {
        let (now, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let got = paused({
            let (now, most) = (Rc::clone(&now), Rc::clone(&most));
            gather(20, 4, move |i| {
                let (now, most) = (Rc::clone(&now), Rc::clone(&most));
                async move {
                    now.set(now.get() + 1);
                    most.set(most.get().max(now.get()));
                    sleep(Duration::from_millis(20 - i as u64)).await;
                    now.set(now.get() - 1);
                    Ok(i)
                }
            })
        });
        assert_eq!(got.unwrap(), (0..20).collect::<Vec<_>>());
        assert_eq!(most.get(), 4);
    }
}
