//! Resets and ends, as server code hears of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tavern_api::{Api, ServerHost, Services};
use tavern_domain::ErrorCode;
use tavern_leaderboards::{NewLeaderboard, NewTournament};
use tavern_protocol::api;
use tavern_runtime_hooks::{HookError, Host, Module, ModuleError, Registrar, load};
use uuid::Uuid;

use crate::leaderboards::board;
use crate::world::{World, with_hooks};

const NOW: i64 = 1_800_000_000;
const HOUR: i64 = 3_600;

/// What was told: which hook, which board, end, reset, and the id of the occasion.
type Told = (&'static str, String, i64, i64, Uuid);

/// Writes down what it is told, and fails as often as it is asked to.
#[derive(Default)]
struct Listener {
    told: Arc<Mutex<Vec<Told>>>,
    boards: Arc<Mutex<Vec<api::Leaderboard>>>,
    failures: Arc<Mutex<u32>>,
}

fn fail(failures: &Mutex<u32>) -> Result<(), HookError> {
    let mut left = failures.lock().unwrap();
    if *left == 0 {
        return Ok(());
    }
    *left -= 1;
    Err(HookError::new(ErrorCode::Internal, "on purpose"))
}

#[async_trait]
impl Module for Listener {
    fn name(&self) -> &str {
        "listener"
    }

    async fn init(
        &self,
        registrar: &mut Registrar,
        _host: Arc<dyn Host>,
    ) -> Result<(), ModuleError> {
        let (told, boards) = (Arc::clone(&self.told), Arc::clone(&self.boards));
        let failures = Arc::clone(&self.failures);
        registrar.leaderboard_reset(move |cx, board, reset| {
            let id = cx.obligation.expect("an occasion has an id");
            assert_eq!(cx.user, None);
            told.lock().unwrap().push(("reset", board.id.clone(), 0, reset, id));
            boards.lock().unwrap().push(board);
            std::future::ready(fail(&failures))
        });
        let told = Arc::clone(&self.told);
        registrar.tournament_end(move |cx, board, end, reset| {
            let id = cx.obligation.expect("an occasion has an id");
            told.lock().unwrap().push(("end", board.id, end, reset, id));
            std::future::ready(Ok(()))
        });
        let told = Arc::clone(&self.told);
        registrar.tournament_reset(move |cx, board, end, reset| {
            let id = cx.obligation.expect("an occasion has an id");
            told.lock().unwrap().push(("anew", board.id, end, reset, id));
            std::future::ready(Ok(()))
        });
        Ok(())
    }
}

struct Stage {
    world: World,
    services: Arc<Services>,
    api: Arc<Api>,
    told: Arc<Mutex<Vec<Told>>>,
    boards: Arc<Mutex<Vec<api::Leaderboard>>>,
    failures: Arc<Mutex<u32>>,
}

impl Stage {
    async fn new() -> Self {
        let mut world = World::new();
        let listener = Listener::default();
        let (told, boards) = (Arc::clone(&listener.told), Arc::clone(&listener.boards));
        let failures = Arc::clone(&listener.failures);
        let services = world.services();
        let api = start(&services, listener).await;
        Self { world, services, api, told, boards, failures }
    }

    /// What is told when everything due is carried out.
    async fn due(&self) -> Vec<(&'static str, String, i64, i64)> {
        while self.api.carry_out_due().await.unwrap() > 0 {}
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        told.into_iter().map(|(hook, board, end, reset, _)| (hook, board, end, reset)).collect()
    }
}

async fn start(services: &Arc<Services>, listener: Listener) -> Arc<Api> {
    let host: Arc<dyn Host> = Arc::new(ServerHost::new(Arc::clone(services)));
    let hooks = load(vec![Arc::new(listener)], host, Duration::from_secs(1)).await.unwrap();
    with_hooks(Arc::clone(services), hooks)
}

fn cup(id: &str) -> NewTournament<'_> {
    NewTournament {
        board: board(id),
        title: "",
        description: "",
        category: 0,
        duration: HOUR,
        start_time: 0,
        end_time: 0,
        join_required: false,
        max_size: 0,
        max_num_score: 0,
    }
}

#[tokio::test]
async fn a_leaderboard_resets_at_its_time_and_once() {
    let stage = Stage::new().await;
    let hourly = NewLeaderboard { reset_schedule: "@hourly", ..board("board") };
    stage.services.leaderboards().create_leaderboard(&hourly).await.unwrap();
    assert_eq!(
        stage.api.until_due(Duration::from_secs(9_999)).await.unwrap(),
        Duration::from_secs(3_600)
    );
    assert_eq!(stage.api.until_due(Duration::from_secs(5)).await.unwrap(), Duration::from_secs(5));
    stage.world.clock.advance_seconds(HOUR - 1);
    assert!(stage.due().await.is_empty(), "a second too early");
    stage.world.clock.advance_seconds(1);
    let at = NOW + HOUR;
    assert_eq!(stage.due().await, [("reset", "board".to_owned(), 0, at)]);
    let shown = stage.boards.lock().unwrap().pop().unwrap();
    let seconds = |at: i64| u32::try_from(at).unwrap();
    assert_eq!((shown.prev_reset, shown.next_reset), (seconds(NOW), seconds(at)), "as it was");
    assert!(stage.due().await.is_empty(), "not twice");
    stage.world.clock.advance_seconds(HOUR);
    assert_eq!(stage.due().await, [("reset", "board".to_owned(), 0, at + HOUR)]);
}

#[tokio::test]
async fn tournaments_end_and_begin_anew() {
    let stage = Stage::new().await;
    // Active from noon on for an hour, and for ever cut at the end. 08:00 is now.
    let new = NewTournament {
        board: NewLeaderboard { reset_schedule: "0 12 * * *", ..board("cup") },
        end_time: NOW + 30 * HOUR,
        ..cup("cup")
    };
    stage.services.leaderboards().create_tournament(&new).await.unwrap();
    let noon = NOW + 4 * HOUR;
    let cup = || "cup".to_owned();
    stage.world.clock.advance_seconds(4 * HOUR);
    assert!(stage.due().await.is_empty(), "the first period has just begun");
    stage.world.clock.advance_seconds(HOUR);
    assert_eq!(stage.due().await, [("end", cup(), noon + HOUR, noon + 24 * HOUR)]);
    stage.world.clock.advance_seconds(23 * HOUR);
    assert_eq!(stage.due().await, [("anew", cup(), noon + HOUR, noon + 24 * HOUR)]);
    stage.world.clock.advance_seconds(2 * HOUR);
    let (end, last) = (noon + 25 * HOUR, NOW + 30 * HOUR);
    assert_eq!(stage.due().await, [("end", cup(), end, last), ("anew", cup(), end, last)]);
    stage.world.clock.advance_seconds(100 * HOUR);
    assert!(stage.due().await.is_empty(), "it is over for good");
}

#[tokio::test]
async fn an_end_without_a_reset_comes_once() {
    let stage = Stage::new().await;
    stage.services.leaderboards().create_tournament(&cup("cup")).await.unwrap();
    stage.world.clock.advance_seconds(HOUR);
    assert_eq!(stage.due().await, [("end", "cup".to_owned(), NOW + HOUR, 0)]);
    stage.world.clock.advance_seconds(100 * HOUR);
    assert!(stage.due().await.is_empty());
}

#[tokio::test]
async fn an_end_at_the_reset_comes_before_it() {
    let stage = Stage::new().await;
    let new = NewTournament {
        board: NewLeaderboard { reset_schedule: "@hourly", ..board("cup") },
        duration: 5 * HOUR,
        ..cup("cup")
    };
    stage.services.leaderboards().create_tournament(&new).await.unwrap();
    stage.world.clock.advance_seconds(HOUR);
    let at = NOW + HOUR;
    let cup = || "cup".to_owned();
    assert_eq!(stage.due().await, [("end", cup(), at, at), ("anew", cup(), at, at)]);
}

#[tokio::test]
async fn what_was_missed_is_caught_up_with() {
    let mut stage = Stage::new().await;
    let hourly = NewLeaderboard { reset_schedule: "@hourly", ..board("board") };
    stage.services.leaderboards().create_leaderboard(&hourly).await.unwrap();
    stage.world.clock.advance_seconds(5 * HOUR + 7);
    // Another process, later.
    stage.services = stage.world.services();
    let listener = Listener { told: Arc::clone(&stage.told), ..Listener::default() };
    stage.api = start(&stage.services, listener).await;
    let resets: Vec<i64> = stage.due().await.into_iter().map(|(_, _, _, reset)| reset).collect();
    let expected: Vec<i64> = (1..=5).map(|n| NOW + n * HOUR).collect();
    assert_eq!(resets, expected, "each, in order");
    stage.world.clock.advance_seconds(1_000 * HOUR);
    let resets = stage.due().await;
    assert_eq!(resets.len(), 100, "of very many the latest");
    assert_eq!(resets[99].3, NOW + 1_005 * HOUR);
}

#[tokio::test]
async fn two_processes_share_the_work() {
    let mut stage = Stage::new().await;
    for n in 0..40 {
        let hourly = NewLeaderboard { reset_schedule: "@hourly", ..board("") };
        let id = format!("board-{n}");
        let hourly = NewLeaderboard { id: &id, ..hourly };
        stage.services.leaderboards().create_leaderboard(&hourly).await.unwrap();
    }
    let other = stage.world.services();
    let other =
        start(&other, Listener { told: Arc::clone(&stage.told), ..Listener::default() }).await;
    stage.world.clock.advance_seconds(HOUR);
    let run = async |api: &Arc<Api>| while api.carry_out_due().await.unwrap() > 0 {};
    futures_util::future::join(run(&stage.api), run(&other)).await;
    let mut boards: Vec<String> =
        stage.told.lock().unwrap().iter().map(|(_, board, ..)| board.clone()).collect();
    boards.sort();
    boards.dedup();
    assert_eq!((boards.len(), stage.told.lock().unwrap().len()), (40, 40));
}

#[tokio::test]
async fn a_hook_that_fails_runs_again_with_the_same_id() {
    let stage = Stage::new().await;
    let hourly = NewLeaderboard { reset_schedule: "@hourly", ..board("board") };
    stage.services.leaderboards().create_leaderboard(&hourly).await.unwrap();
    stage.world.clock.advance_seconds(HOUR);
    *stage.failures.lock().unwrap() = 2;
    assert_eq!(stage.due().await.len(), 1);
    assert!(stage.due().await.is_empty(), "there is a pause");
    let id = Mutex::new(None);
    for pause in [1, 2] {
        stage.world.clock.advance_seconds(pause);
        while stage.api.carry_out_due().await.unwrap() > 0 {}
        let told = std::mem::take(&mut *stage.told.lock().unwrap());
        let [(_, _, _, reset, occasion)] = told[..] else { panic!("once more: {told:?}") };
        assert_eq!(reset, NOW + HOUR);
        assert_eq!(*id.lock().unwrap().get_or_insert(occasion), occasion);
    }
    stage.world.clock.advance_seconds(600);
    assert!(stage.due().await.is_empty(), "it has succeeded");
    // One that never succeeds gives way to the next.
    *stage.failures.lock().unwrap() = u32::MAX;
    stage.world.clock.advance_seconds(HOUR - 600 - 3);
    let mut tries = 0;
    while stage.told.lock().unwrap().iter().all(|told| told.3 == NOW + 2 * HOUR) {
        stage.api.carry_out_due().await.unwrap();
        stage.world.clock.advance_seconds(300);
        tries += 1;
        assert!(tries < 100, "the next one waits for ever");
    }
    let first = stage.told.lock().unwrap().iter().filter(|told| told.3 == NOW + 2 * HOUR).count();
    assert_eq!(first, 10, "attempts");
}
