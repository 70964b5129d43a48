//! Limits on failed log-ins, per account and per address.

use std::sync::Arc;

use hmac::{Hmac, KeyInit};
use parking_lot::{Mutex, RwLock};
use sha2::Sha256;
use tavern_domain::{Classify, Clock, Entropy, ErrorCode, UserId};

use crate::address::ClientAddress;
use crate::config::LockoutConfig;
use crate::failures::{Failures, Rules};
use crate::keys::keyed_hash;
use crate::meters::AuthMeters;

/// What is locked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LockoutKind {
    /// One account, from wherever.
    Account,
    /// One address, on whatever account.
    Address,
}

/// Too many log-ins have failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("too many failed log-ins, try again in {retry_after_sec} s")]
pub struct LockedOut {
    /// What is locked.
    pub kind: LockoutKind,
    /// For how long, in seconds, at least 1.
    pub retry_after_sec: u64,
}

impl Classify for LockedOut {
    fn code(&self) -> ErrorCode {
        ErrorCode::ResourceExhausted
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        Some(std::time::Duration::from_secs(self.retry_after_sec))
    }
}

/// The account that somebody tries to enter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AccountKey(u128);

impl From<UserId> for AccountKey {
    fn from(user: UserId) -> Self {
        Self(user.0.as_u128())
    }
}

/// Counts failed log-ins and says who has to wait.
///
/// Ask [`check_address`](Self::check_address) first, then
/// [`check_account`](Self::check_account), then compare passwords, then report
/// [`failed`](Self::failed) or [`succeeded`](Self::succeeded). Names that belong to no account are
/// counted like accounts ([`unknown_account`](Self::unknown_account)), so that locks do not tell
/// which ones do. Counts are this process's own and end with it.
pub struct Lockout {
    config: RwLock<LockoutConfig>,
    accounts: Mutex<Failures>,
    addresses: Mutex<Failures>,
    /// Makes keys of names, so that nobody can choose names with the same key.
    names: Hmac<Sha256>,
    clock: Arc<dyn Clock>,
    meters: AuthMeters,
}

impl Lockout {
    /// Nobody has failed yet.
    #[must_use]
    pub fn new(
        config: LockoutConfig,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
        meters: AuthMeters,
    ) -> Self {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        Self {
            accounts: Mutex::new(Failures::new(config.capacity)),
            addresses: Mutex::new(Failures::new(config.capacity)),
            config: RwLock::new(config),
            names: Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"),
            clock,
            meters,
        }
    }

    /// Takes up other limits, but for the capacity, which is fixed. Locks that hold stay.
    pub fn set_limits(&self, config: LockoutConfig) {
        *self.config.write() = config;
    }

    /// The key of a name that belongs to no account.
    #[must_use]
    pub fn unknown_account(&self, name: &str) -> AccountKey {
        let hash = keyed_hash(&self.names, name.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&hash[..16]);
        AccountKey(u128::from_le_bytes(half))
    }

    /// Whether log-ins from this address may go on.
    ///
    /// # Errors
    /// [`LockedOut`].
    pub fn check_address(&self, address: ClientAddress) -> Result<(), LockedOut> {
        self.check(LockoutKind::Address, address.caller())
    }

    /// Whether log-ins to this account may go on.
    ///
    /// # Errors
    /// [`LockedOut`].
    pub fn check_account(&self, account: AccountKey) -> Result<(), LockedOut> {
        self.check(LockoutKind::Account, account.0)
    }

    /// A log-in failed because the credentials were wrong. Not to be called for anything that is
    /// the server's fault.
    pub fn failed(&self, account: AccountKey, address: ClientAddress) {
        self.meters.failures.increment(1);
        self.count(LockoutKind::Account, account.0, address);
        self.count(LockoutKind::Address, address.caller(), address);
    }

    /// A log-in succeeded: the failures of the account are forgotten. Those of the address stay,
    /// or an account of one's own would buy guesses on others'.
    pub fn succeeded(&self, account: AccountKey) {
        self.accounts.lock().forget(account.0);
        self.meter_entries();
    }

    fn check(&self, kind: LockoutKind, key: u128) -> Result<(), LockedOut> {
        let Some(rules) = self.rules(kind) else { return Ok(()) };
        let now = self.clock.now().millis();
        let left = self.table(kind).lock().locked_for(key, now, &rules);
        left.map_or(Ok(()), |left| {
            let retry_after_sec = u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1);
            Err(LockedOut { kind, retry_after_sec })
        })
    }

    fn count(&self, kind: LockoutKind, key: u128, address: ClientAddress) {
        let Some(rules) = self.rules(kind) else { return };
        let now = self.clock.now().millis();
        let outcome = self.table(kind).lock().fail(key, now, &rules);
        if let Some(ms) = outcome.locked {
            tracing::info!(?kind, %address, seconds = ms / 1000, "locked out after failed log-ins");
            match kind {
                LockoutKind::Account => self.meters.account_locks.increment(1),
                LockoutKind::Address => self.meters.address_locks.increment(1),
            }
        }
        if outcome.evicted {
            self.meters.lockout_evictions.increment(1);
        }
        self.meter_entries();
    }

    fn table(&self, kind: LockoutKind) -> &Mutex<Failures> {
        match kind {
            LockoutKind::Account => &self.accounts,
            LockoutKind::Address => &self.addresses,
        }
    }

    /// The rules in force; none when nothing is counted.
    fn rules(&self, kind: LockoutKind) -> Option<Rules> {
        let config = *self.config.read();
        let attempts = match kind {
            LockoutKind::Account => config.account_attempts,
            LockoutKind::Address => config.address_attempts,
        };
        let millis = |seconds: u32| i64::from(seconds) * 1000;
        config.enabled.then(|| Rules {
            attempts,
            window: millis(config.window_sec),
            lock: millis(config.lock_sec),
            max_lock: millis(config.max_lock_sec),
        })
    }

    fn meter_entries(&self) {
        let accounts = self.accounts.lock().len();
        let entries = accounts + self.addresses.lock().len();
        self.meters.lockout_entries.set(u32::try_from(entries).unwrap_or(u32::MAX));
    }
}

impl std::fmt::Debug for Lockout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lockout").field("config", &*self.config.read()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use metrics::{Counter, Gauge};
    use tavern_domain::{ManualClock, SeededEntropy, Timestamp};
    use uuid::Uuid;

    use super::*;

    struct World {
        clock: Arc<ManualClock>,
        lockout: Lockout,
    }

    fn world(config: LockoutConfig, meters: AuthMeters) -> World {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1000)));
        let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        World { lockout: Lockout::new(config, as_clock, &SeededEntropy::new(1), meters), clock }
    }

    fn account(n: u128) -> AccountKey {
        UserId(Uuid::from_u128(n)).into()
    }

    fn address(last: u8) -> ClientAddress {
        ClientAddress::direct(std::net::IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn the_defaults_forgive_a_few_and_stop_a_guesser() {
        let World { clock, lockout } = world(LockoutConfig::default(), AuthMeters::default());
        for _ in 0..9 {
            lockout.failed(account(1), address(1));
            assert_eq!(lockout.check_account(account(1)), Ok(()));
        }
        lockout.failed(account(1), address(1));
        let locked = LockedOut { kind: LockoutKind::Account, retry_after_sec: 30 };
        assert_eq!(lockout.check_account(account(1)), Err(locked));
        assert_eq!(locked.code(), ErrorCode::ResourceExhausted);
        assert_eq!(lockout.check_address(address(1)), Ok(()), "ten failures are not a hundred");
        assert_eq!(lockout.check_account(account(2)), Ok(()));
        clock.advance_millis(29_001);
        let almost = LockedOut { retry_after_sec: 1, ..locked };
        assert_eq!(lockout.check_account(account(1)), Err(almost));
        clock.advance_seconds(1);
        assert_eq!(lockout.check_account(account(1)), Ok(()));
    }

    #[test]
    fn one_address_guessing_on_many_accounts_is_stopped_and_no_success_helps_it() {
        let World { lockout, .. } = world(LockoutConfig::default(), AuthMeters::default());
        for n in 0..100 {
            assert_eq!(lockout.check_address(address(1)), Ok(()));
            lockout.failed(account(n), address(1));
            lockout.succeeded(account(1000));
        }
        let locked = LockedOut { kind: LockoutKind::Address, retry_after_sec: 30 };
        assert_eq!(lockout.check_address(address(1)), Err(locked));
        assert_eq!(lockout.check_address(address(2)), Ok(()));
    }

    #[test]
    fn success_forgives_the_account() {
        let World { lockout, .. } = world(LockoutConfig::default(), AuthMeters::default());
        for _ in 0..50 {
            lockout.failed(account(1), address(1));
            lockout.succeeded(account(1));
        }
        assert_eq!(lockout.check_account(account(1)), Ok(()));
    }

    #[test]
    fn names_without_an_account_are_locked_like_accounts() {
        let World { lockout, .. } = world(LockoutConfig::default(), AuthMeters::default());
        let (nobody, other) = (lockout.unknown_account("nobody"), lockout.unknown_account("other"));
        assert_ne!(nobody, other);
        for _ in 0..10 {
            lockout.failed(nobody, address(1));
        }
        assert!(lockout.check_account(lockout.unknown_account("nobody")).is_err());
        assert!(lockout.check_account(other).is_ok());
    }

    #[test]
    fn limits_change_while_the_server_runs() {
        let World { lockout, .. } = world(LockoutConfig::default(), AuthMeters::default());
        lockout.failed(account(1), address(1));
        lockout.set_limits(LockoutConfig { account_attempts: 2, ..LockoutConfig::default() });
        lockout.failed(account(1), address(1));
        assert!(lockout.check_account(account(1)).is_err());
        lockout.set_limits(LockoutConfig { enabled: false, ..LockoutConfig::default() });
        assert!(lockout.check_account(account(1)).is_ok());
    }

    #[test]
    fn operators_see_locks_and_evictions() {
        let cells: [Arc<AtomicU64>; 5] = Default::default();
        let [failures, accounts, addresses, entries, evictions] = &cells;
        let meters = AuthMeters {
            failures: Counter::from_arc(Arc::clone(failures)),
            account_locks: Counter::from_arc(Arc::clone(accounts)),
            address_locks: Counter::from_arc(Arc::clone(addresses)),
            lockout_entries: Gauge::from_arc(Arc::clone(entries)),
            lockout_evictions: Counter::from_arc(Arc::clone(evictions)),
            ..AuthMeters::default()
        };
        let config = LockoutConfig {
            account_attempts: 1,
            address_attempts: 20,
            capacity: 16,
            ..LockoutConfig::default()
        };
        let World { lockout, .. } = world(config, meters);
        for n in 0..20 {
            lockout.failed(account(n), address(1));
        }
        let counts = [failures, accounts, addresses, evictions].map(|c| c.load(Ordering::Relaxed));
        assert_eq!(counts, [20, 20, 1, 4]);
        assert_eq!(f64::from_bits(entries.load(Ordering::Relaxed)), 17.0);
    }
}
