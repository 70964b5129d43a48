//! Made-up players and times, and how cases are run.

use std::fmt::Debug;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tavern_domain::{Entropy as _, OsEntropy, Timestamp, UserId};
use uuid::Uuid;

use crate::{Created, Identity, Login, NewAccount, NewObligation, Password, Storage, StorageError};

/// How many futures a case about concurrency has in flight.
pub(super) const MANY: usize = 16;

/// Some time, with microseconds.
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_754_000_000_123_456);

/// `NOW` plus a number of seconds.
pub(super) const fn later(seconds: i64) -> Timestamp {
    NOW.plus_seconds(seconds)
}

/// Runs cases and remembers which failed.
pub(super) struct Suite {
    name: &'static str,
    failed: Vec<&'static str>,
}

impl Suite {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, failed: Vec::new() }
    }

    /// Runs one case. Its panic is printed where it happens and does not stop the others.
    pub(super) async fn case(&mut self, name: &'static str, case: impl Future<Output = ()>) {
        if AssertUnwindSafe(case).catch_unwind().await.is_err() {
            self.failed.push(name);
        }
    }

    /// Panics with the names of the cases that failed, if any did.
    pub(super) fn finish(self) {
        assert!(self.failed.is_empty(), "{}: failed: {}", self.name, self.failed.join(", "));
    }
}

/// Runs functions of one argument, the storage, as cases named after them.
macro_rules! cases {
    ($suite:expr, $storage:expr, [$($case:ident),* $(,)?]) => {
        $( $suite.case(stringify!($case), Box::pin($case($storage))).await; )*
    };
}
pub(super) use cases;

/// A new id.
pub(super) fn id() -> Uuid {
    OsEntropy.uuid_v4()
}

/// A text that nobody has used: device ids, user names, rooms.
pub(super) fn unique(what: &str) -> String {
    format!("{what}-{}", id().as_simple())
}

/// An address that nobody has used.
pub(super) fn address() -> String {
    format!("{}@example.com", id().as_simple())
}

/// A kept password.
pub(super) fn password(text: &str) -> Password {
    Password(text.as_bytes().to_vec())
}

/// A player who exists.
pub(super) struct Player {
    pub(super) user: UserId,
    pub(super) username: String,
    pub(super) device: String,
}

impl Player {
    /// A player with one device, created at `NOW`.
    pub(super) async fn create(storage: &Storage) -> Self {
        Self::create_with(storage, None, NOW).await
    }

    pub(super) async fn create_with(
        storage: &Storage,
        obligation: Option<NewObligation>,
        now: Timestamp,
    ) -> Self {
        let player =
            Self { user: UserId(id()), username: unique("name"), device: unique("device") };
        let created = storage
            .accounts
            .create(NewAccount {
                user: player.user,
                username: &player.username,
                identity: Identity::Device(&player.device),
                password: None,
                now,
                obligation,
            })
            .await
            .expect("create a player");
        assert_eq!(created, Created::Created, "a player with new ids is created");
        player
    }
}

/// Creates an account without password and obligation, at `NOW`.
pub(super) async fn create(
    storage: &Storage,
    user: UserId,
    username: &str,
    identity: Identity<'_>,
) -> Created {
    let new = NewAccount { user, username, identity, password: None, now: NOW, obligation: None };
    storage.accounts.create(new).await.expect("create")
}

/// Whom an identity belongs to.
pub(super) async fn owner(storage: &Storage, identity: Identity<'_>) -> Option<UserId> {
    login(storage, identity).await.map(|login| login.user)
}

/// What signing in with an identity finds.
pub(super) async fn login(storage: &Storage, identity: Identity<'_>) -> Option<Login> {
    storage.accounts.find(identity, false).await.expect("find")
}

/// Compares JSON texts by value: spelling is the store's affair.
#[track_caller]
pub(super) fn assert_same_json(kept: &str, given: &str, what: &str) {
    let value = |text: &str| -> serde_json::Value {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"))
    };
    assert_eq!(value(kept), value(given), "{what}");
}

/// Something that is longer than its column, or that the store cannot write down.
#[track_caller]
pub(super) fn assert_does_not_fit<T: Debug>(outcome: Result<T, StorageError>, what: &str) {
    assert!(
        matches!(outcome, Err(StorageError::DoesNotFit(_))),
        "{what} must be refused as `DoesNotFit`, not {outcome:?}"
    );
}

/// How many of the outcomes are this one.
pub(super) fn count_of<T: PartialEq>(outcomes: &[T], wanted: &T) -> usize {
    outcomes.iter().filter(|outcome| *outcome == wanted).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failed_case_fails_the_suite_and_stops_no_other() {
        let mut suite = Suite::new("made up");
        let mut ran = false;
        suite.case("first", async { panic!("on purpose") }).await;
        suite.case("second", async { ran = true }).await;
        assert!(ran, "the second case runs");
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| suite.finish()));
        let message = ended.expect_err("the suite has failed");
        let message = message.downcast_ref::<String>().map(String::as_str);
        assert_eq!(message, Some("made up: failed: first"));
    }
}
