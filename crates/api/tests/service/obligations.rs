//! The hook after a log-in that created the account is not lost, whatever is killed when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::world::{World, code, sign_in, with_hooks};
use async_trait::async_trait;
use parking_lot::Mutex;
use tavern_api::{Leftovers, ServerHost};
use tavern_domain::ErrorCode;
use tavern_protocol::calls;
use tavern_runtime_hooks::{HookError, Hooks, Host, Module, ModuleError, Registrar, load};
use uuid::Uuid;

/// What the hook does when it is called.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Succeed,
    Fail,
    Hang,
}

/// Whether the account was new, and the obligation's id.
type Seen = (bool, Option<Uuid>);

#[derive(Clone)]
struct Setup {
    does: Arc<Mutex<Does>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    calls: Arc<AtomicUsize>,
}

impl Setup {
    fn new(does: Does) -> Self {
        Self { does: Arc::new(Mutex::new(does)), seen: Arc::default(), calls: Arc::default() }
    }
}

#[async_trait]
impl Module for Setup {
    fn name(&self) -> &str {
        "setup"
    }

    async fn init(
        &self,
        registrar: &mut Registrar,
        _host: Arc<dyn Host>,
    ) -> Result<(), ModuleError> {
        let setup = self.clone();
        registrar.after::<calls::AuthenticateCustom, _, _>(move |context, session, _request| {
            let setup = setup.clone();
            async move {
                setup.calls.fetch_add(1, Ordering::SeqCst);
                assert!(context.user.is_some(), "the hook is told who signed in");
                let does = *setup.does.lock();
                match does {
                    Does::Succeed => {
                        setup.seen.lock().push((session.created, context.obligation));
                        Ok(())
                    }
                    Does::Fail => Err(HookError::new(ErrorCode::Internal, "no luck")),
                    Does::Hang => std::future::pending().await,
                }
            }
        });
        Ok(())
    }
}

async fn process(world: &mut World, setup: &Setup) -> Arc<tavern_api::Api> {
    let services = world.services();
    let host = Arc::new(ServerHost::new(Arc::clone(&services)));
    let module: Arc<dyn Module> = Arc::new(setup.clone());
    let hooks = load(vec![module], host, Duration::from_secs(5)).await.unwrap();
    with_hooks(services, hooks)
}

/// A log-in that is cut off while its hook runs, as by a kill.
async fn cut_off(api: &Arc<tavern_api::Api>, setup: &Setup) {
    let before = setup.calls.load(Ordering::SeqCst);
    let mut login = Box::pin(sign_in(api, "a-player"));
    while setup.calls.load(Ordering::SeqCst) == before {
        assert!(futures_util::poll!(&mut login).is_pending());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn without_such_a_hook_nothing_is_recorded() {
    let mut world = World::new();
    let api = world.api();
    sign_in(&api, "a-player").await.unwrap();
    assert_eq!(world.storage.obligations.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_hook_that_finishes_leaves_nothing_behind() {
    let mut world = World::new();
    let setup = Setup::new(Does::Succeed);
    let api = process(&mut world, &setup).await;
    assert!(sign_in(&api, "a-player").await.unwrap().created);
    assert!(!sign_in(&api, "a-player").await.unwrap().created);
    assert_eq!(world.storage.obligations.count().await.unwrap(), 0);
    let seen = setup.seen.lock().clone();
    assert!(seen[0].0 && seen[0].1.is_some() && !seen[1].0 && seen[1].1.is_none(), "{seen:?}");
}

#[tokio::test]
async fn the_next_start_carries_out_what_a_kill_left() {
    let mut world = World::new();
    let setup = Setup::new(Does::Hang);
    let killed = process(&mut world, &setup).await;
    cut_off(&killed, &setup).await;
    assert_eq!(world.storage.obligations.count().await.unwrap(), 1);
    *setup.does.lock() = Does::Succeed;
    let next = process(&mut world, &setup).await;
    let done = next.carry_out_leftovers().await.unwrap();
    assert_eq!(done, Leftovers { carried_out: 1, standing: 0 });
    assert_eq!(setup.seen.lock().len(), 1);
    assert!(!sign_in(&next, "a-player").await.unwrap().created);
}

#[tokio::test]
async fn the_next_log_in_carries_out_what_a_kill_left() {
    let mut world = World::new();
    let setup = Setup::new(Does::Hang);
    let killed = process(&mut world, &setup).await;
    cut_off(&killed, &setup).await;
    *setup.does.lock() = Does::Succeed;
    // Another process of the same node: the claim of the dead one is void.
    let next = process(&mut world, &setup).await;
    assert!(sign_in(&next, "a-player").await.unwrap().created, "as if it were the first time");
    assert!(!sign_in(&next, "a-player").await.unwrap().created);
}

#[tokio::test]
async fn a_failing_hook_keeps_the_player_out_and_backs_off() {
    let mut world = World::new();
    let setup = Setup::new(Does::Fail);
    let api = process(&mut world, &setup).await;
    assert_eq!(code(sign_in(&api, "a-player").await), ErrorCode::Unavailable);
    *setup.does.lock() = Does::Succeed;
    assert_eq!(
        code(sign_in(&api, "a-player").await),
        ErrorCode::Unavailable,
        "not before the pause"
    );
    world.clock.advance_seconds(2);
    assert!(sign_in(&api, "a-player").await.unwrap().created);
    let ids: Vec<_> = setup.seen.lock().iter().map(|(_, id)| *id).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn an_obligation_without_its_hook_stands_and_is_told() {
    let mut world = World::new();
    let setup = Setup::new(Does::Hang);
    let killed = process(&mut world, &setup).await;
    cut_off(&killed, &setup).await;
    let services = world.services();
    let next = with_hooks(services, Hooks::none());
    let done = next.carry_out_leftovers().await.unwrap();
    assert_eq!(done, Leftovers { carried_out: 0, standing: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_does_not_keep_the_server_from_starting() {
    let mut world = World::new();
    let setup = Setup::new(Does::Hang);
    let killed = process(&mut world, &setup).await;
    cut_off(&killed, &setup).await;
    let next = process(&mut world, &setup).await;
    let done = next.carry_out_leftovers().await.unwrap();
    assert_eq!(done, Leftovers { carried_out: 0, standing: 1 });
}
