//! One kind of bucket, for many callers.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use metrics::Counter;
use tokio::time::Instant;

use crate::Rate;
use crate::store::Store;

/// Time since it was made, on the clock that tests can stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Monotonic(Instant);

impl Monotonic {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        // After 584 years limits end.
        Nanos::new(u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// A bucket for each caller.
pub(crate) struct Buckets {
    limiter: RateLimiter<u128, Shared, Monotonic, NoOpMiddleware<Nanos>>,
    store: Arc<Store>,
}

/// The limiter's share of a store.
struct Shared(Arc<Store>);

impl StateStore for Shared {
    type Key = u128;

    fn measure_and_replace<T, F, E>(&self, key: &u128, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.replace(*key, decide)
    }
}

impl Buckets {
    pub(crate) fn new(rate: Rate, capacity: usize, forgotten: &Counter) -> Self {
        let clock = Monotonic::start();
        let store = Arc::new(Store::new(capacity, clock, forgotten.clone()));
        let limiter = RateLimiter::new(quota(rate), Shared(Arc::clone(&store)), clock);
        Self { limiter, store }
    }

    /// Takes one out; or answers when there will be one.
    pub(crate) fn take(&self, key: u128) -> Result<(), Duration> {
        let now = || self.limiter.clock().now();
        self.limiter.check_key(&key).map_err(|not| not.wait_time_from(now()))
    }

    /// Callers that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }
}

fn quota(rate: Rate) -> Quota {
    let burst = NonZeroU32::new(rate.times).unwrap_or(NonZeroU32::MIN);
    let each = Duration::from_secs(rate.per_sec.max(1).into()) / burst.get();
    let quota = Quota::with_period(each.max(Duration::from_nanos(1)));
    quota.expect("the period is not zero").allow_burst(burst)
}
