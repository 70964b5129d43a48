//! The pool: how many connections, how old, and how to get at one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, PoolError, QueueMode, RecyclingMethod,
    Runtime, TimeoutType, Timeouts,
};
use tavern_domain::Entropy;
use tavern_telemetry::{Counter, Metrics, PoolStats, observe_pool, tavern};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connect::Connector;
use crate::error::{DbError, HealthError, SetupError};
use crate::retry::Retry;
use crate::{PoolConfig, Query};

/// How often resting connections are looked through.
const TEND_EVERY: Duration = Duration::from_secs(30);

/// A pool of database connections. Cheap to clone; all clones are the same pool.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    connections: deadpool_postgres::Pool,
    config: PoolConfig,
    metrics: Metrics,
    entropy: Arc<dyn Entropy>,
    retries: Counter,
    health: Query,
    waits: AtomicU64,
    wait_nanos: AtomicU64,
    closed_by_age: Arc<AtomicU64>,
}

impl Pool {
    /// Prepares a pool and registers its metrics; connects nowhere yet.
    ///
    /// # Errors
    /// [`SetupError`] for what no connection could work with.
    pub fn new(
        config: PoolConfig,
        entropy: Arc<dyn Entropy>,
        metrics: &Metrics,
    ) -> Result<Self, SetupError> {
        let closed_by_age = Arc::new(AtomicU64::new(0));
        let connector = Connector::new(&config)?;
        // Whether a connection still stands is seen without asking the server.
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        // The connector has configurations of its own, one per address.
        let unused = tokio_postgres::Config::new();
        let manager = Manager::from_connect(unused, connector, manager);
        let mut builder = deadpool_postgres::Pool::builder(manager)
            .max_size(usize::try_from(config.max_open_conns.max(1)).unwrap_or(usize::MAX))
            // The connection used last is warm, here and at the server; the others come to rest.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(config.acquire_timeout),
                create: Some(config.connect_timeout),
                recycle: None,
            });
        if let Some(most) = config.conn_max_lifetime {
            let closed = Arc::clone(&closed_by_age);
            builder = builder.pre_recycle(Hook::sync_fn(move |_, about| {
                if about.age() < most {
                    return Ok(());
                }
                closed.fetch_add(1, Ordering::Relaxed);
                Err(HookError::message("too old"))
            }));
        }
        let connections = builder.build().map_err(|e| SetupError::Pool(Box::new(e)))?;
        let pool = Self {
            inner: Arc::new(Inner {
                connections,
                config,
                metrics: metrics.clone(),
                entropy,
                retries: metrics.counter(tavern::DATABASE_RETRIES_TOTAL, &[]),
                health: Query::new(metrics, "health", "SELECT 1"),
                waits: AtomicU64::new(0),
                wait_nanos: AtomicU64::new(0),
                closed_by_age,
            }),
        };
        let observed = pool.clone();
        observe_pool(metrics, move || observed.stats());
        Ok(pool)
    }

    /// What the pool looks like now.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        let inner = &self.inner;
        let status = inner.connections.status();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        PoolStats {
            max_open: count(status.max_size),
            open: count(status.size),
            in_use: count(status.size.saturating_sub(status.available)),
            waits: inner.waits.load(Ordering::Relaxed),
            wait_nanos: inner.wait_nanos.load(Ordering::Relaxed),
            closed_by_age: inner.closed_by_age.load(Ordering::Relaxed),
        }
    }

    /// Asks the database whether it answers; changes nothing. Answers how long it took.
    ///
    /// # Errors
    /// [`HealthError`]; a pool that has no free connection within the time counts, too.
    pub async fn check(&self, within: Duration) -> Result<Duration, HealthError> {
        let begun = Instant::now();
        match tokio::time::timeout(within, self.query(&self.inner.health, &[])).await {
            Ok(Ok(_)) => Ok(begun.elapsed()),
            Ok(Err(error)) => Err(HealthError::Unreachable(error.into())),
            Err(_) => Err(HealthError::TimedOut(within)),
        }
    }

    /// Closes connections that have rested too long, are too old, or are more than may rest. Runs
    /// until `stop` is cancelled; the composition root gives it a task.
    pub async fn tend(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(TEND_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.close_idle(),
            }
        }
    }

    /// One look through the connections at rest.
    pub fn close_idle(&self) {
        let config = &self.inner.config;
        let mut kept = 0;
        let outcome = self.inner.connections.retain(|_, about| {
            let rested = config.idle_timeout.is_some_and(|most| about.last_used() >= most);
            let old = config.conn_max_lifetime.is_some_and(|most| about.age() >= most);
            if old {
                self.inner.closed_by_age.fetch_add(1, Ordering::Relaxed);
            }
            let keep = !rested && !old && kept < config.max_idle_conns;
            kept += u32::from(keep);
            keep
        });
        if !outcome.removed.is_empty() {
            tracing::debug!(closed = outcome.removed.len(), "closed database connections at rest");
        }
    }

    /// Closes every connection; whoever asks for one from now on gets an error.
    pub fn close(&self) {
        self.inner.connections.close();
    }

    /// A connection, within the time for that.
    pub(crate) async fn connection(&self) -> Result<Object, DbError> {
        let pool = &self.inner.connections;
        let at_once = Timeouts { wait: Some(Duration::ZERO), ..pool.timeouts() };
        match pool.timeout_get(&at_once).await {
            Err(PoolError::Timeout(TimeoutType::Wait)) => {}
            outcome => return Ok(outcome?),
        }
        // Only whoever really waits is counted.
        let begun = Instant::now();
        let outcome = pool.get().await;
        let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.inner.waits.fetch_add(1, Ordering::Relaxed);
        self.inner.wait_nanos.fetch_add(nanos, Ordering::Relaxed);
        Ok(outcome?)
    }

    /// Where chance comes from.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.inner.entropy
    }

    /// How the next piece of work is repeated.
    pub(crate) fn retry(&self) -> Retry<'_> {
        let inner = &self.inner;
        Retry::new(inner.config.max_retries, &*inner.entropy, &inner.retries)
    }

    /// For registering queries.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }
}
