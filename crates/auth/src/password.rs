//! Hashing passwords beside the I/O threads.
//!
//! One hash is tens of milliseconds of one core. So at most so many run at once, on threads that
//! do nothing else, at most so many wait, and who comes after that is told to come back.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tavern_domain::{Classify, Entropy, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{PasswordAlgorithm, PasswordConfig};
use crate::hash::{self, Kept};
use crate::meters::AuthMeters;

/// The longest password that is looked at, whatever the algorithm.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// As many passwords wait as may wait.
    #[error("too many log-ins at once, try again in a moment")]
    Busy,
    /// The password has more bytes than the algorithm takes in.
    #[error("a password has at most {limit} bytes")]
    TooLong {
        /// The most bytes it may have.
        limit: usize,
    },
    /// The kept hash is none, or of an algorithm or cost that is not checked.
    #[error("the kept password hash is damaged")]
    Damaged,
    /// Hashing failed.
    #[error("password hashing failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Classify for PasswordError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Busy => ErrorCode::ResourceExhausted,
            Self::TooLong { .. } => ErrorCode::InvalidArgument,
            Self::Damaged | Self::Failed(_) => ErrorCode::Internal,
        }
    }
}

/// Whether a password is the right one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// It is not, or there is none to compare with.
    Wrong,
    /// It is.
    Right {
        /// A new hash of it would be better than the kept one: make one and keep it.
        rehash: bool,
    },
}

/// Hashes and checks passwords, within the bounds of [`PasswordConfig`].
///
/// Dropping the future of a method is safe: who still waits gives up the place in the queue; work
/// that has begun runs to its end on its own thread, counted against the bound, for nobody.
pub struct Passwords {
    config: PasswordConfig,
    entropy: Arc<dyn Entropy>,
    /// Checked instead of the hash of an account that has none.
    decoy: String,
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
    meters: AuthMeters,
}

impl Passwords {
    /// Passwords as configured. Starts nothing.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when the algorithm does not take its settings, which a
    /// configuration that passed its validation does not cause.
    pub fn new(
        config: PasswordConfig,
        entropy: Arc<dyn Entropy>,
        meters: AuthMeters,
    ) -> Result<Self, PasswordError> {
        let decoy = hash::decoy(&config, &*entropy)?;
        let threads = Arc::new(Semaphore::new(threads(&config)));
        Ok(Self { config, entropy, decoy, threads, waiting: AtomicUsize::new(0), meters })
    }

    /// The hash to keep for a new password.
    ///
    /// # Errors
    /// [`PasswordError::TooLong`] before any work; [`PasswordError::Busy`] when the queue is full;
    /// [`PasswordError::Failed`].
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let limit = self.max_bytes();
        if password.len() > limit {
            return Err(PasswordError::TooLong { limit });
        }
        let (config, password) = (self.config, password.to_owned());
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        self.work(move || hash::make(&config, &password, salt)).await?
    }

    /// The bcrypt of a text at a cost, whatever passwords are kept as.
    ///
    /// # Errors
    /// As [`hash`](Self::hash).
    pub async fn bcrypt(&self, text: &str, cost: u32) -> Result<String, PasswordError> {
        if text.len() > hash::BCRYPT_BYTES {
            return Err(PasswordError::TooLong { limit: hash::BCRYPT_BYTES });
        }
        let algorithm = PasswordAlgorithm::Bcrypt;
        let config = PasswordConfig { algorithm, bcrypt_cost: cost, ..self.config };
        let text = text.to_owned();
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        self.work(move || hash::make(&config, &text, salt)).await?
    }

    /// Whether `password` is the one that `kept` is the hash of. Without a kept hash, because the
    /// account does not exist or has no password, the answer is [`Verdict::Wrong`] after the same
    /// work, so that the time it takes tells nothing about accounts. (Hashes of another algorithm
    /// or cost than the configured one do take their own time.)
    ///
    /// # Errors
    /// [`PasswordError::TooLong`] and [`PasswordError::Damaged`] before any work;
    /// [`PasswordError::Busy`] when the queue is full; [`PasswordError::Failed`].
    pub async fn verify(
        &self,
        password: &str,
        kept: Option<&[u8]>,
    ) -> Result<Verdict, PasswordError> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(PasswordError::TooLong { limit: MAX_PASSWORD_BYTES });
        }
        let hash = kept.unwrap_or(self.decoy.as_bytes());
        if Kept::read(hash).is_none() {
            return Err(PasswordError::Damaged);
        }
        let (hash, password) = (hash.to_vec(), password.to_owned());
        let (config, known) = (self.config, kept.is_some());
        self.work(move || {
            let kept = Kept::read(&hash).ok_or(PasswordError::Damaged)?;
            let fits = kept.fits(&password);
            if fits && known {
                Ok(Verdict::Right { rehash: kept.is_outdated(&config) })
            } else {
                Ok(Verdict::Wrong)
            }
        })
        .await?
    }

    /// The most bytes that a new password may have: bcrypt takes in 72 only.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        match self.config.algorithm {
            PasswordAlgorithm::Bcrypt => hash::BCRYPT_BYTES,
            PasswordAlgorithm::Argon2id => MAX_PASSWORD_BYTES,
        }
    }

    /// How many passwords wait for a thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Runs `job` on a thread of its own as soon as one of ours is free.
    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = self.permit().await?;
        tokio::task::spawn_blocking(move || {
            // Held by the work, not by its caller, who may leave before it ends.
            let _permit = permit;
            job()
        })
        .await
        .map_err(|e| PasswordError::Failed(Box::new(e)))
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, PasswordError> {
        if let Ok(permit) = Arc::clone(&self.threads).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = Place::take(self)?;
        let permit = Arc::clone(&self.threads).acquire_owned().await;
        Ok(permit.expect("the semaphore is never closed"))
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords")
            .field("config", &self.config)
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

/// A place in the queue, left when it is dropped.
struct Place<'a>(&'a Passwords);

impl<'a> Place<'a> {
    fn take(of: &'a Passwords) -> Result<Self, PasswordError> {
        let limit = of.config.queue;
        let taken = of.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
            (waiting < limit).then_some(waiting + 1)
        });
        if taken.is_err() {
            of.meters.password_refused.increment(1);
            return Err(PasswordError::Busy);
        }
        of.meters.password_queue.increment(1.0);
        Ok(Self(of))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.meters.password_queue.decrement(1.0);
    }
}

/// How many passwords are worked on at once: as configured, else half of the machine's cores, so
/// that a rush of log-ins leaves the other half to the players who are in already.
fn threads(config: &PasswordConfig) -> usize {
    if config.threads > 0 {
        return config.threads;
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    (cores / 2).max(1)
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::atomic::AtomicU64;
    use std::task::{Context, Poll, Waker};

    use metrics::{Counter, Gauge};
    use tavern_domain::SeededEntropy;

    use super::*;

    fn passwords(config: PasswordConfig) -> Passwords {
        let entropy = Arc::new(SeededEntropy::new(1));
        Passwords::new(config, entropy, AuthMeters::default()).unwrap()
    }

    fn quick() -> PasswordConfig {
        PasswordConfig { bcrypt_cost: 4, ..PasswordConfig::default() }
    }

    #[tokio::test]
    async fn a_password_is_right_or_wrong() {
        let passwords = passwords(quick());
        let kept = passwords.hash("correct horse").await.unwrap();
        let verify = |password| passwords.verify(password, Some(kept.as_bytes()));
        assert_eq!(verify("correct horse").await.unwrap(), Verdict::Right { rehash: false });
        assert_eq!(verify("wrong horse").await.unwrap(), Verdict::Wrong);
        let again = passwords.hash("correct horse").await.unwrap();
        assert_ne!(kept, again, "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn either_algorithm_is_checked_whatever_is_configured() {
        let argon = PasswordConfig {
            algorithm: PasswordAlgorithm::Argon2id,
            argon2_memory_kib: 64,
            argon2_passes: 1,
            ..quick()
        };
        let (old, new) = (passwords(quick()), passwords(argon));
        let kept = old.hash("correct horse").await.unwrap();
        let verdict = new.verify("correct horse", Some(kept.as_bytes())).await.unwrap();
        assert_eq!(verdict, Verdict::Right { rehash: true });
        let kept = new.hash("correct horse").await.unwrap();
        let verdict = old.verify("correct horse", Some(kept.as_bytes())).await.unwrap();
        assert_eq!(verdict, Verdict::Right { rehash: true });
    }

    #[tokio::test]
    async fn an_account_without_a_password_is_never_entered() {
        let passwords = passwords(quick());
        for password in ["", "password", &passwords.decoy] {
            assert_eq!(passwords.verify(password, None).await.unwrap(), Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn a_damaged_hash_and_an_endless_password_are_refused_before_any_work() {
        let passwords = passwords(PasswordConfig { threads: 1, queue: 0, ..quick() });
        let _busy = Arc::clone(&passwords.threads).try_acquire_owned().unwrap();
        assert!(matches!(passwords.hash("password").await, Err(PasswordError::Busy)));
        let damaged = passwords.verify("password", Some(b"$2a$99$")).await;
        assert!(matches!(damaged, Err(PasswordError::Damaged)));
        let endless = "x".repeat(MAX_PASSWORD_BYTES + 1);
        let refused = passwords.verify(&endless, None).await;
        assert!(matches!(refused, Err(PasswordError::TooLong { limit: MAX_PASSWORD_BYTES })));
        let refused = passwords.hash(&"x".repeat(73)).await;
        assert!(matches!(refused, Err(PasswordError::TooLong { limit: 72 })));
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_whoever_leaves_makes_room() {
        let (depth, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let meters = AuthMeters {
            password_queue: Gauge::from_arc(Arc::clone(&depth)),
            password_refused: Counter::from_arc(Arc::clone(&refused)),
            ..AuthMeters::default()
        };
        let config = PasswordConfig { threads: 1, queue: 2, ..quick() };
        let passwords = Passwords::new(config, Arc::new(SeededEntropy::new(1)), meters).unwrap();
        let depth = || f64::from_bits(depth.load(Ordering::Relaxed));

        let busy = Arc::clone(&passwords.threads).try_acquire_owned().unwrap();
        let mut first = pin!(passwords.hash("first"));
        assert!(poll(first.as_mut()).is_pending());
        {
            let mut second = pin!(passwords.hash("second"));
            assert!(poll(second.as_mut()).is_pending());
            assert_eq!((passwords.waiting(), depth()), (2, 2.0));
            assert!(matches!(passwords.hash("third").await, Err(PasswordError::Busy)));
            assert_eq!(refused.load(Ordering::Relaxed), 1);
        }
        assert_eq!((passwords.waiting(), depth()), (1, 1.0));
        drop(busy);
        assert!(first.await.unwrap().starts_with("$2a$"));
        assert_eq!((passwords.waiting(), depth()), (0, 0.0));
    }
}
