//! What runs in the background of every server, and what is measured by looking.

use std::sync::Arc;
use std::time::Duration;

use tavern_api::{Api, Services};
use tavern_auth::AuthMeters;
use tavern_cluster::Inbox;
use tavern_delegation::DelegationMeters;
use tavern_limits::Meters;
use tavern_telemetry::{Metrics, prefixed, tavern};

use super::database::Database;
use super::notify;
use super::phases::Core;

/// How often expired revocations are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// How often sockets are looked for whose delegated token has expired.
const EXPIRED_EVERY: Duration = Duration::from_secs(5);
/// How often obligations that stand are counted.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// How often resets and ends of boards are looked for at least, and boards without a schedule: a
/// node that created one may have died, and other servers keep no schedules.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often the database is asked whether it answers, for `/readyz`.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const CHECK_WITHIN: Duration = Duration::from_secs(2);

/// The cells of the auth crate under their names.
pub(super) fn auth_meters(metrics: &Metrics) -> AuthMeters {
    AuthMeters {
        password_queue: metrics.gauge(tavern::QUEUE_DEPTH, &[("queue", "passwords")]),
        password_refused: metrics.counter(tavern::QUEUE_OVERFLOW_TOTAL, &[("queue", "passwords")]),
        failures: metrics.counter(tavern::LOGIN_FAILURES_TOTAL, &[]),
        account_locks: metrics.counter(tavern::LOCKOUTS_TOTAL, &[("kind", "account")]),
        address_locks: metrics.counter(tavern::LOCKOUTS_TOTAL, &[("kind", "address")]),
        lockout_entries: metrics.gauge(tavern::LOCKOUT_ENTRIES, &[]),
        lockout_evictions: metrics.counter(tavern::LOCKOUT_EVICTIONS_TOTAL, &[]),
        revocations: metrics.gauge(tavern::REVOCATIONS, &[]),
    }
}

/// The cells of delegated tokens under their names.
pub(super) fn delegation_meters(metrics: &Metrics) -> DelegationMeters {
    let calls = |outcome| metrics.counter(tavern::DELEGATED_CALLS_TOTAL, &[("outcome", outcome)]);
    let tokens = |found| metrics.counter(tavern::DELEGATED_TOKENS_TOTAL, &[("found", found)]);
    DelegationMeters {
        allowed: calls("allowed"),
        denied: calls("denied"),
        cache_hits: tokens("known"),
        cache_misses: tokens("verified"),
        revocations: metrics.gauge(tavern::TOKEN_REVOCATIONS, &[]),
    }
}

/// The cells of the limits under their names.
pub(super) fn limit_meters(metrics: &Metrics) -> Meters {
    let by = |limit| metrics.counter(tavern::LIMITED_TOTAL, &[("by", limit)]);
    Meters {
        address: by("address"),
        account: by("account"),
        session: by("session"),
        rule: by("rule"),
        forgotten: metrics.counter(tavern::LIMIT_FORGOTTEN_TOTAL, &[]),
    }
}

/// Starts the workers. They end when the process is told to stop now.
pub(super) fn start(
    core: &Core,
    services: &Arc<Services>,
    api: &Arc<Api>,
    database: &Database,
    changes: Inbox,
    revocations: Inbox,
) {
    let stop = core.life.abort().clone();
    let metrics = core.metrics.clone();
    let stopped = stop.clone();
    core.life.spawn_critical("metrics upkeep", stop.clone(), async move {
        metrics.upkeep(stopped.cancelled()).await;
    });
    let (tidied, stopped) = (Arc::clone(services), stop.clone());
    core.life.spawn_critical("revocations", stop.clone(), async move {
        tidied.sessions().keep_tidy(TIDY_EVERY, stopped).await;
    });
    delegations(core, services, revocations);
    let (counted, stopped) = (Arc::clone(api), stop.clone());
    core.life.spawn_critical("obligations", stop.clone(), async move {
        let mut ticks = tokio::time::interval(COUNT_EVERY);
        loop {
            tokio::select! {
                () = stopped.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = counted.count_obligations().await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot count obligations");
            }
        }
    });
    let (counting, stopped) = (Arc::clone(services), stop.clone());
    drop(core.life.spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            counted = counting.leaderboards().warm() => match counted {
                Ok(boards) => tracing::debug!(boards, "records counted for ranks"),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "cannot count records; ranks are counted when asked for");
                }
            },
        }
    }));
    for _ in 0..core.settings.runtime.event_queue_workers {
        let (api, stopped) = (Arc::clone(api), stop.clone());
        core.life.spawn_critical("events", stop.clone(), async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = api.hand_out_events() => {}
            }
        });
    }
    let (indexes, stopped) = (Arc::clone(services.indexes()), stop.clone());
    core.life.spawn_critical("storage indexes", stop.clone(), async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            () = indexes.run(changes) => {}
        }
    });
    schedules(core, services, api);
    matchmaker(core, api);
    let (tended, stopped) = (database.pool().clone(), stop.clone());
    core.life.spawn_critical("database pool", stop.clone(), async move {
        tended.tend(stopped).await;
    });
    let (checked, stopped) = (database.pool().clone(), stop.clone());
    let health = core.health.clone();
    core.life.spawn_critical("database check", stop, async move {
        let mut ticks = tokio::time::interval(CHECK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopped.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let problem = checked.check(CHECK_WITHIN).await.err();
            health.problem("database", problem.map(|error| error.to_string()));
        }
    });
    observe(&core.metrics, services);
    notify::keep_watchdog_quiet(&core.life);
}

/// Takes up what other nodes revoke, forgets what has expired, and closes sockets whose delegated
/// token is not good any more.
fn delegations(core: &Core, services: &Arc<Services>, mut told: Inbox) {
    let stop = core.life.abort().clone();
    let (services, stopped) = (Arc::clone(services), stop.clone());
    core.life.spawn_critical("delegated tokens", stop, async move {
        let mut ticks = tokio::time::interval(EXPIRED_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        tidy.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut open = true;
        loop {
            let done = tokio::select! {
                () = stopped.cancelled() => return,
                _ = ticks.tick() => {
                    services.close_delegated(false);
                    Ok(())
                }
                _ = tidy.tick() => services.tidy_delegations().await,
                letter = told.recv(), if open => {
                    open = letter.is_some();
                    // One look is enough for all that were told meanwhile.
                    while told.try_recv().is_some() {}
                    services.look_at_revocations().await
                }
            };
            if let Err(error) = done {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot look at the revocations of delegated tokens");
            }
        }
    });
}

/// Puts players together, every interval.
fn matchmaker(core: &Core, api: &Arc<Api>) {
    let stop = core.life.abort().clone();
    let (api, stopped) = (Arc::clone(api), stop.clone());
    let every = Duration::from_secs(core.settings.matchmaker.interval_sec.into());
    let unfinished = core.metrics.counter(tavern::MATCHMAKER_UNFINISHED_TOTAL, &[]);
    core.life.spawn_critical("matchmaker", stop, async move {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopped.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let report = api.match_players().await;
            unfinished.increment(report.unfinished as u64);
        }
    });
}

/// Tells server code of resets and ends of boards.
fn schedules(core: &Core, services: &Arc<Services>, api: &Arc<Api>) {
    let stop = core.life.abort().clone();
    let (services, api, stopped) = (Arc::clone(services), Arc::clone(api), stop.clone());
    core.life.spawn_critical("leaderboard schedules", stop, async move {
        let boards = services.leaderboards();
        loop {
            let round = async {
                boards.adopt_boards().await?;
                while api.carry_out_due().await? > 0 {}
                anyhow::Ok(api.until_due(LOOK_EVERY).await?)
            };
            let wait = round.await.unwrap_or_else(|error| {
                let error: &dyn std::error::Error = &*error;
                tracing::warn!(error, "cannot carry out resets and ends of leaderboards");
                LOOK_EVERY
            });
            tokio::select! {
                () = stopped.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                () = boards.scheduled() => {}
            }
        }
    });
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^52 are exact")]
fn observe(metrics: &Metrics, services: &Arc<Services>) {
    let seen = Arc::clone(services);
    metrics.observe_gauge(&[prefixed::PRESENCES], &[], move || {
        seen.presence_totals().presences as f64
    });
    let seen = Arc::clone(services);
    metrics.observe_gauge(&[tavern::LEADERBOARD_RANK_KEYS], &[], move || {
        seen.leaderboards().rank_totals().known as f64
    });
    let seen = Arc::clone(services);
    metrics.observe_gauge(&[tavern::LEADERBOARD_RANK_PERIODS], &[], move || {
        seen.leaderboards().rank_totals().periods as f64
    });
    let seen = Arc::clone(services);
    metrics
        .observe_gauge(&[tavern::STORAGE_INDEX_DEBTS], &[], move || seen.indexes().owed() as f64);
    let seen = Arc::clone(services);
    metrics.observe_gauge(&[tavern::LIMIT_CALLERS], &[], move || seen.limits().callers() as f64);
    let seen = Arc::clone(services);
    metrics.observe_gauge(&[prefixed::MATCHMAKER_TICKETS], &[], move || {
        seen.lobby_totals().0.tickets as f64
    });
    let seen = Arc::clone(services);
    metrics.observe_gauge(&[prefixed::PARTIES], &[], move || seen.lobby_totals().1 as f64);
    let seen = Arc::clone(services);
    metrics.observe_gauge(&[tavern::STREAMS], &[], move || seen.stream_totals().streams as f64);
    let seen = Arc::clone(services);
    metrics.observe_gauge(&[tavern::SUBSCRIPTIONS], &[], move || {
        seen.stream_totals().subscriptions as f64
    });
    let seen = Arc::clone(services);
    metrics.observe_counter(&[tavern::DELIVERIES_TOTAL], &[], move || {
        seen.stream_totals().deliveries as f64
    });
}
