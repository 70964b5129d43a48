//! What operators see of this crate.

use metrics::{Counter, Gauge};

/// The meters of this crate; the composition root names them. The default ones measure nothing.
#[derive(Clone, Debug)]
pub struct AuthMeters {
    /// Passwords that wait for a thread (the queue `passwords`).
    pub password_queue: Gauge,
    /// Passwords that the full queue refused.
    pub password_refused: Counter,
    /// Log-ins that failed.
    pub failures: Counter,
    /// Locks on accounts.
    pub account_locks: Counter,
    /// Locks on addresses.
    pub address_locks: Counter,
    /// Accounts and addresses whose failures are remembered.
    pub lockout_entries: Gauge,
    /// Of these, forgotten early to make room.
    pub lockout_evictions: Counter,
    /// Revocations that are kept.
    pub revocations: Gauge,
}

impl Default for AuthMeters {
    fn default() -> Self {
        Self {
            password_queue: Gauge::noop(),
            password_refused: Counter::noop(),
            failures: Counter::noop(),
            account_locks: Counter::noop(),
            address_locks: Counter::noop(),
            lockout_entries: Gauge::noop(),
            lockout_evictions: Counter::noop(),
            revocations: Gauge::noop(),
        }
    }
}
