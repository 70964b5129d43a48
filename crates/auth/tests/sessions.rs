//! Log-ins from beginning to end, over the in-memory store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use metrics::Gauge;
use tavern_auth::{
    AuthMeters, SessionConfig, SessionError, Sessions, TokenError, Vars, log_in_time,
};
use tavern_domain::{
    Classify, Clock, Entropy, ErrorCode, ManualClock, SeededEntropy, Timestamp, UserId,
};
use tavern_storage::{Revocation, RevocationScope, Revocations, StorageError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const ANN: UserId = UserId(Uuid::from_u128(0xa));
const BOB: UserId = UserId(Uuid::from_u128(0xb));

/// The in-memory store, which can be made to fail.
struct Store {
    kept: Arc<dyn Revocations>,
    broken: AtomicBool,
    writes: AtomicU64,
}

#[async_trait]
impl Revocations for Store {
    async fn load(&self, now: Timestamp) -> Result<Vec<Revocation>, StorageError> {
        self.kept.load(now).await
    }
    async fn revoke(&self, revocations: &[Revocation]) -> Result<(), StorageError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StorageError::Unavailable("made up".into()));
        }
        // Others may come between, as with a real store.
        tokio::task::yield_now().await;
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.kept.revoke(revocations).await
    }
    async fn purge(&self, now: Timestamp) -> Result<u64, StorageError> {
        self.kept.purge(now).await
    }
}

struct World {
    store: Arc<Store>,
    clock: Arc<ManualClock>,
    config: SessionConfig,
}

impl World {
    fn new(config: SessionConfig) -> Self {
        let kept = tavern_storage::memory::storage().revocations;
        let (broken, writes) = (AtomicBool::new(false), AtomicU64::new(0));
        let store = Arc::new(Store { kept, broken, writes });
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_206_603_500)));
        let mut config = config;
        config.fill_development_keys();
        Self { store, clock, config }
    }

    /// A process over the same store: what a restart or another node sees.
    async fn process(&self, seed: u64) -> Sessions {
        self.process_at(seed, Arc::<ManualClock>::clone(&self.clock)).await
    }

    async fn process_at(&self, seed: u64, clock: Arc<ManualClock>) -> Sessions {
        let store: Arc<dyn Revocations> = Arc::<Store>::clone(&self.store);
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        let meters = AuthMeters::default();
        let sessions =
            Sessions::new(&self.config, store, clock, entropy, &meters).expect("good keys");
        sessions.load().await.expect("the store works");
        sessions
    }
}

fn world() -> World {
    World::new(SessionConfig::default())
}

fn revoked<T: std::fmt::Debug>(result: Result<T, SessionError>) -> bool {
    matches!(result, Err(SessionError::Token(TokenError::Revoked)))
}

#[tokio::test]
async fn a_log_in_goes_on_by_refreshes_until_it_is_not_refreshed() {
    let world = world();
    let sessions = world.process(1).await;
    let mut pair = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    let first = pair.claims.clone();
    for _ in 0..5 {
        world.clock.advance_seconds(3599);
        assert_eq!(sessions.authenticate(&pair.token), Err(TokenError::Expired));
        let old = sessions.verify_refresh(&pair.refresh_token).unwrap();
        pair = sessions.refresh(&old, "ann", &Vars::new()).unwrap();
        let claims = sessions.authenticate(&pair.token).unwrap();
        assert_eq!((claims.token_id, claims.issued), (first.token_id, first.issued));
    }
    world.clock.advance_seconds(3600);
    let late = sessions.verify_refresh(&pair.refresh_token);
    assert!(matches!(late, Err(SessionError::Token(TokenError::Expired))));
    let missing = sessions.verify_refresh("").unwrap_err();
    assert_eq!(missing.code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn logging_out_a_session_token_reaches_earlier_and_later_refreshes() {
    let world = world();
    let sessions = world.process(1).await;
    let a = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    let other = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    let old = sessions.verify_refresh(&a.refresh_token).unwrap();
    let b = sessions.refresh(&old, "ann", &Vars::new()).unwrap();
    let done = sessions.log_out(&a.claims, &b.token, "").await.unwrap();
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].scope, RevocationScope::Session(a.claims.token_id));

    for token in [&a.token, &b.token] {
        assert_eq!(sessions.authenticate(token), Err(TokenError::Revoked));
    }
    assert!(!sessions.goes_on(&a.claims));
    let old = sessions.verify_refresh(&a.refresh_token).unwrap();
    let c = sessions.refresh(&old, "ann", &Vars::new()).unwrap();
    assert_eq!(sessions.authenticate(&c.token), Err(TokenError::Revoked));
    assert!(sessions.authenticate(&other.token).is_ok(), "the other log-in goes on");
}

#[tokio::test]
async fn logging_out_a_refresh_token_leaves_the_session_token() {
    let world = world();
    let sessions = world.process(1).await;
    let a = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    let old = sessions.verify_refresh(&a.refresh_token).unwrap();
    sessions.log_out(&a.claims, "", &a.refresh_token).await.unwrap();
    assert!(sessions.authenticate(&a.token).is_ok());
    assert!(revoked(sessions.verify_refresh(&a.refresh_token)));
    assert!(revoked(sessions.refresh(&old, "ann", &Vars::new())), "a refresh under way");
}

#[tokio::test]
async fn a_stranger_can_log_out_nobody_else() {
    let world = world();
    let sessions = world.process(1).await;
    let ann = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    let bob = sessions.start(BOB, "bob", &Vars::new()).await.unwrap();
    for (token, refresh) in [
        (ann.token.as_str(), ""),
        ("", ann.refresh_token.as_str()),
        (bob.token.as_str(), ann.refresh_token.as_str()),
        (bob.refresh_token.as_str(), ""),
        ("garbage", ""),
    ] {
        let refused = sessions.log_out(&bob.claims, token, refresh).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
    for token in [&ann.token, &bob.token] {
        assert!(sessions.authenticate(token).is_ok());
    }
    assert_eq!(world.store.writes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn logging_out_without_tokens_ends_everything_of_the_caller() {
    let world = world();
    let sessions = world.process(1).await;
    let a = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    let b = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    let bob = sessions.start(BOB, "bob", &Vars::new()).await.unwrap();
    let done = sessions.log_out(&a.claims, "", "").await.unwrap();
    assert_eq!(done[0].scope, RevocationScope::All);
    for pair in [&a, &b] {
        assert_eq!(sessions.authenticate(&pair.token), Err(TokenError::Revoked));
        assert!(revoked(sessions.verify_refresh(&pair.refresh_token)));
    }
    assert!(sessions.authenticate(&bob.token).is_ok());
    let again = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    assert!(sessions.authenticate(&again.token).is_ok(), "in the very same instant");
}

#[tokio::test]
async fn log_ins_and_revocations_of_one_instant_are_told_apart() {
    let world = world();
    let sessions = world.process(1).await;
    let mut old = Vec::new();
    for _ in 0..50 {
        let before = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
        assert!(sessions.authenticate(&before.token).is_ok());
        sessions.revoke_all(ANN).await.unwrap();
        old.push(before);
        for pair in &old {
            assert_eq!(sessions.authenticate(&pair.token), Err(TokenError::Revoked));
        }
    }
    let bob = sessions.start(BOB, "bob", &Vars::new()).await.unwrap();
    assert_eq!(log_in_time(bob.claims.token_id), Some(world.clock.now()), "others stay here");
    // A later process knows the order from what was kept.
    let last = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    let restarted = world.process(2).await;
    assert!(restarted.authenticate(&last.token).is_ok());
    restarted.revoke_all(ANN).await.unwrap();
    assert!(restarted.authenticate(&last.token).is_err());
}

#[tokio::test]
async fn a_clock_that_is_set_back_revives_nothing() {
    let world = world();
    let sessions = world.process(1).await;
    let before = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    world.clock.advance_seconds(-30);
    sessions.revoke_all(ANN).await.unwrap();
    assert_eq!(sessions.authenticate(&before.token), Err(TokenError::Revoked));
    let after = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    assert!(sessions.authenticate(&after.token).is_ok());
}

#[tokio::test]
async fn nodes_whose_clocks_differ_agree() {
    let world = world();
    let ahead = Arc::new(ManualClock::at(world.clock.now().plus_seconds(20)));
    let (here, there) = (world.process(1).await, world.process_at(2, Arc::clone(&ahead)).await);

    // Logged in there, where it is later; logged out here.
    let pair = there.start(ANN, "ann", &Vars::new()).await.unwrap();
    let caller = here.authenticate(&pair.token).unwrap();
    there.apply(&here.log_out(&caller, "", "").await.unwrap());
    assert!(here.authenticate(&pair.token).is_err() && there.authenticate(&pair.token).is_err());

    // Revoked there; the next log-in is here, where it is earlier.
    here.apply(&[there.revoke_all(ANN).await.unwrap()]);
    let pair = here.start(ANN, "ann", &Vars::new()).await.unwrap();
    assert!(here.authenticate(&pair.token).is_ok() && there.authenticate(&pair.token).is_ok());
    // And a revocation after it reaches it, although this clock is still behind.
    here.revoke_all(ANN).await.unwrap();
    assert!(here.authenticate(&pair.token).is_err());
    let bob = here.start(BOB, "bob", &Vars::new()).await.unwrap();
    let drift = log_in_time(bob.claims.token_id).unwrap().millis() - world.clock.now().millis();
    assert!(drift < 10, "others are not drawn into the future: {drift}");
}

#[tokio::test]
async fn revocations_survive_the_process() {
    let world = world();
    let sessions = world.process(1).await;
    let [a, b, c] = [
        sessions.start(ANN, "ann", &Vars::new()).await.unwrap(),
        sessions.start(ANN, "ann", &Vars::new()).await.unwrap(),
        sessions.start(BOB, "bob", &Vars::new()).await.unwrap(),
    ];
    sessions.log_out(&a.claims, &a.token, "").await.unwrap();
    sessions.revoke_all(BOB).await.unwrap();
    let after = sessions.start(BOB, "bob", &Vars::new()).await.unwrap();

    let restarted = world.process(2).await;
    assert_eq!(restarted.authenticate(&a.token), Err(TokenError::Revoked));
    assert!(restarted.authenticate(&b.token).is_ok());
    assert_eq!(restarted.authenticate(&c.token), Err(TokenError::Revoked));
    assert!(restarted.authenticate(&after.token).is_ok());
}

#[tokio::test]
async fn a_revocation_that_is_not_durable_does_not_hold() {
    let world = world();
    let sessions = world.process(1).await;
    let a = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    world.store.broken.store(true, Ordering::SeqCst);
    for failed in [
        sessions.log_out(&a.claims, &a.token, "").await.unwrap_err(),
        sessions.log_out(&a.claims, "", "").await.unwrap_err(),
        sessions.revoke_all(ANN).await.unwrap_err(),
    ] {
        assert_eq!(failed.code(), ErrorCode::Unavailable);
    }
    assert!(sessions.authenticate(&a.token).is_ok());
}

#[tokio::test]
async fn what_is_revoked_already_is_not_written_again() {
    let world = world();
    let sessions = world.process(1).await;
    let a = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    for _ in 0..3 {
        let done = sessions.log_out(&a.claims, &a.token, &a.refresh_token).await.unwrap();
        assert_eq!(done.len(), 2);
        world.clock.advance_seconds(1);
    }
    assert_eq!(world.store.writes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn with_single_session_a_log_in_ends_the_earlier_ones() {
    let world = World::new(SessionConfig { single_session: true, ..SessionConfig::default() });
    let sessions = world.process(1).await;
    let a = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    let bob = sessions.start(BOB, "bob", &Vars::new()).await.unwrap();
    let old = sessions.verify_refresh(&a.refresh_token).unwrap();
    let refreshed = sessions.refresh(&old, "ann", &Vars::new()).unwrap();
    assert!(sessions.authenticate(&a.token).is_ok(), "a refresh ends nothing");
    let b = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    for token in [&a.token, &refreshed.token] {
        assert_eq!(sessions.authenticate(token), Err(TokenError::Revoked));
    }
    assert!(sessions.authenticate(&b.token).is_ok() && sessions.authenticate(&bob.token).is_ok());

    // However many begin at once, one is left.
    let vars = Vars::new();
    let many = (0..20).map(|_| sessions.start(ANN, "ann", &vars));
    let mut good = 0;
    for pair in futures_in_turn(many.collect()).await {
        good += usize::from(sessions.authenticate(&pair.unwrap().token).is_ok());
    }
    assert_eq!(good, 1);

    world.store.broken.store(true, Ordering::SeqCst);
    assert!(sessions.start(BOB, "bob", &Vars::new()).await.is_err());
    assert!(sessions.authenticate(&bob.token).is_ok(), "the earlier one goes on");
}

/// Runs futures together, polling the last first.
async fn futures_in_turn<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(move |cx| {
        for at in (0..futures.len()).rev() {
            if let std::task::Poll::Ready(output) = futures[at].as_mut().poll(cx) {
                done.push(output);
                drop(futures.swap_remove(at));
            }
        }
        if futures.is_empty() {
            std::task::Poll::Ready(std::mem::take(&mut done))
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}

/// As long as any token of a revoked log-in is good by itself, its revocation is kept; after that
/// it is forgotten, in memory and in the store.
#[tokio::test]
async fn a_revocation_is_kept_exactly_as_long_as_it_matters() {
    let world = world();
    let sessions = world.process(1).await;
    let a = sessions.start(ANN, "ann", &Vars::new()).await.unwrap();
    sessions.log_out(&a.claims, &a.token, "").await.unwrap();
    let mut refresh_token = a.refresh_token;
    let mut refreshes = 0;
    loop {
        world.clock.advance_seconds(300);
        sessions.tidy().await.unwrap();
        let Ok(old) = sessions.verify_refresh(&refresh_token) else { break };
        let pair = sessions.refresh(&old, "ann", &Vars::new()).unwrap();
        assert_eq!(sessions.authenticate(&pair.token), Err(TokenError::Revoked));
        refresh_token = pair.refresh_token;
        refreshes += 1;
    }
    assert_eq!(refreshes, 11, "the log-in ends with the refresh token it had when revoked");
    assert_eq!(sessions.revocations(), 1);
    world.clock.advance_seconds(121);
    sessions.tidy().await.unwrap();
    assert_eq!(sessions.revocations(), 0);
    assert_eq!(world.store.load(Timestamp::EPOCH).await.unwrap(), []);
}

#[tokio::test]
async fn shorter_lives_do_not_revive_tokens_when_the_retention_says_so() {
    let mut world = world();
    let old = world.process(1).await;
    let a = old.start(ANN, "ann", &Vars::new()).await.unwrap();
    world.config.refresh_token_expiry_sec = 60;
    world.config.revocation_retention_sec = 3600;
    let new = world.process(2).await;
    new.revoke_all(ANN).await.unwrap();
    world.clock.advance_seconds(3590);
    new.tidy().await.unwrap();
    assert!(revoked(new.verify_refresh(&a.refresh_token)));
}

#[tokio::test(start_paused = true)]
async fn tidying_goes_on_until_it_is_stopped() {
    let world = world();
    let entries = Arc::new(AtomicU64::new(0));
    let meters =
        AuthMeters { revocations: Gauge::from_arc(Arc::clone(&entries)), ..AuthMeters::default() };
    let store: Arc<dyn Revocations> = Arc::<Store>::clone(&world.store);
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&world.clock);
    let entropy = Arc::new(SeededEntropy::new(1));
    let sessions = Sessions::new(&world.config, store, clock, entropy, &meters).unwrap();
    sessions.revoke_all(ANN).await.unwrap();
    let seen = || f64::from_bits(entries.load(Ordering::Relaxed));
    assert_eq!(seen(), 1.0);
    let stop = CancellationToken::new();
    let observe = async {
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(seen(), 1.0, "not expired yet");
        world.clock.advance_seconds(4000);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(seen(), 0.0);
        stop.cancel();
    };
    tokio::join!(sessions.keep_tidy(Duration::from_secs(60), stop.clone()), observe);
}
