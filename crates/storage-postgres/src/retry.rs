//! Doing work again that conflicted with other work.

use std::time::Duration;

use tavern_domain::Entropy;
use tavern_telemetry::Counter;

use crate::error::DbError;

/// The longest pause before the first repetition; each further one may be twice as long.
const FIRST: Duration = Duration::from_millis(4);
/// The longest pause.
const LONGEST: Duration = Duration::from_millis(250);

/// How often something was repeated, and whether it may be once more.
pub(crate) struct Retry<'a> {
    done: u32,
    most: u32,
    entropy: &'a dyn Entropy,
    counter: &'a Counter,
}

impl<'a> Retry<'a> {
    pub(crate) fn new(most: u32, entropy: &'a dyn Entropy, counter: &'a Counter) -> Self {
        Self { done: 0, most, entropy, counter }
    }

    /// After a failed attempt: waits and says `Ok` if it may be repeated, gives the error back if
    /// not.
    pub(crate) async fn after<E: Conflict>(&mut self, error: E) -> Result<(), E> {
        if !error.is_conflict() || self.done >= self.most {
            return Err(error);
        }
        let most = FIRST.saturating_mul(1 << self.done.min(16)).min(LONGEST);
        self.done += 1;
        self.counter.increment(1);
        // Anywhere up to it, so that those who collided do not do it again in step.
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let pause = Duration::from_nanos(self.entropy.next_u64() % nanos.max(1));
        tracing::debug!(attempt = self.done, "repeating database work after a conflict");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Errors that may say: nothing has happened, try again.
pub(crate) trait Conflict {
    fn is_conflict(&self) -> bool;
}

impl Conflict for DbError {
    fn is_conflict(&self) -> bool {
        Self::is_conflict(self)
    }
}

#[cfg(test)]
mod tests {
    use tavern_domain::SeededEntropy;
    use tavern_telemetry::Metrics;
    use tokio::time::Instant;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Made(bool);

    impl Conflict for Made {
        fn is_conflict(&self) -> bool {
            self.0
        }
    }

    #[tokio::test(start_paused = true)]
    async fn conflicts_are_repeated_so_often_and_no_more() {
        let entropy = SeededEntropy::new(1);
        let counter =
            Metrics::default().counter(tavern_telemetry::tavern::DATABASE_RETRIES_TOTAL, &[]);
        let mut retry = Retry::new(20, &entropy, &counter);
        let begun = Instant::now();
        for _ in 0..20 {
            assert_eq!(retry.after(Made(true)).await, Ok(()));
        }
        assert_eq!(retry.after(Made(true)).await, Err(Made(true)));
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(100), "the pauses grow: {took:?}");
        assert!(took < LONGEST * 20, "but not for ever: {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn other_errors_are_not_repeated() {
        let entropy = SeededEntropy::new(1);
        let counter =
            Metrics::default().counter(tavern_telemetry::tavern::DATABASE_RETRIES_TOTAL, &[]);
        let mut retry = Retry::new(20, &entropy, &counter);
        assert_eq!(retry.after(Made(false)).await, Err(Made(false)));
    }
}
