//! No client reaches a server that is not ready.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tavern::cli::Exit;
use tavern_domain::{ErrorCode, Lifecycle};
use tavern_embedded_postgres::testkit::TestServer;
use tavern_runtime_hooks::{HookError, Host, Module, ModuleError, Registrar};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::harness::{World, database, exit, settings, start};
use crate::http::{As, ask, try_ask};

/// What a module does in its initialiser.
#[derive(Clone)]
enum Does {
    Fail,
    Panic,
    /// Says that it was called, and waits.
    Hang(Arc<Notify>, Arc<Notify>),
}

struct Odd(Does);

#[async_trait]
impl Module for Odd {
    fn name(&self) -> &str {
        "odd"
    }

    async fn init(&self, _: &mut Registrar, _: Arc<dyn Host>) -> Result<(), ModuleError> {
        match &self.0 {
            Does::Fail => Err("no luck".into()),
            Does::Panic => panic!("no luck at all"),
            Does::Hang(called, go) => {
                called.notify_one();
                go.notified().await;
                Ok(())
            }
        }
    }
}

#[tokio::test]
async fn connecting_is_refused_until_the_hooks_are_ready() {
    let database = database().await;
    let mut settings = settings(&database.url());
    // Known ports, on a loopback address that no other test uses.
    let ip = [127, 0, 1, 1];
    settings.socket.address = "127.0.1.1".to_owned();
    settings.metrics.address = "127.0.1.1".to_owned();
    settings.socket.port = 7350;
    settings.metrics.prometheus_port = 9100;
    let ports = [7350, 7349, 7348].map(|port| SocketAddr::from((ip, port)));
    let health = SocketAddr::from((ip, 9100));
    let (called, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let module: Arc<dyn Module> = Arc::new(Odd(Does::Hang(called.clone(), go.clone())));
    let life = Lifecycle::new();
    let mut starting = Box::pin(start(settings, vec![module], &life));
    tokio::select! {
        _ = &mut starting => panic!("it should wait for its module"),
        () = called.notified() => {}
    }
    // The initialiser runs: health answers, nothing else does.
    let look = async {
        for port in ports {
            let refused = TcpStream::connect(port).await;
            assert!(refused.is_err(), "{port} is open");
        }
        assert_eq!(ask(health, As::Nobody, "GET", "/livez", "").await.status, 200);
        let ready = ask(health, As::Nobody, "GET", "/readyz", "").await;
        assert_eq!((ready.status, ready.body["phase"].as_str()), (503, Some("assembled")));
    };
    tokio::select! {
        _ = &mut starting => panic!("it should wait for its module"),
        () = look => {}
    }
    go.notify_one();
    let running = starting.await.unwrap().unwrap();
    for port in ports {
        TcpStream::connect(port).await.unwrap();
    }
    assert_eq!(ask(health, As::Nobody, "GET", "/readyz", "").await.status, 200);
    running.stop().await;
    for port in ports {
        assert!(TcpStream::connect(port).await.is_err());
    }
    assert!(try_ask(health, As::Nobody, "GET", "/livez", "").await.is_none());
}

#[tokio::test]
async fn a_module_that_fails_or_panics_never_leads_to_an_open_port() {
    for does in [Does::Fail, Does::Panic] {
        let database = database().await;
        let mut settings = settings(&database.url());
        settings.socket.address = "127.0.1.2".to_owned();
        settings.socket.port = 7350;
        let module: Arc<dyn Module> = Arc::new(Odd(does));
        let failed = start(settings, vec![module], &Lifecycle::new()).await;
        assert_eq!(exit(failed), Exit::Modules);
        assert!(TcpStream::connect("127.0.1.2:7350").await.is_err());
    }
}

#[tokio::test]
async fn a_start_that_hangs_can_be_stopped() {
    let database = database().await;
    let (called, never) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let module: Arc<dyn Module> = Arc::new(Odd(Does::Hang(called.clone(), never)));
    let life = Lifecycle::new();
    let starting = start(settings(&database.url()), vec![module], &life);
    let (outcome, ()) = tokio::join!(starting, async {
        called.notified().await;
        life.drain().cancel();
    });
    assert!(outcome.unwrap().is_none(), "it was asked to stop");
    assert_eq!(life.tasks(), 0);
}

#[tokio::test]
async fn a_taken_port_is_found_before_anything_is_built() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // A database that would fail: the port comes first.
    let mut settings = settings("nobody:none@127.0.0.1:1/nothing");
    settings.socket.port = taken.local_addr().unwrap().port();
    assert_eq!(exit(start(settings, Vec::new(), &Lifecycle::new()).await), Exit::PortTaken);
}

#[tokio::test]
async fn a_database_without_the_schema_is_refused() {
    let database = TestServer::shared().await.empty_database().await;
    let failed = start(settings(&database.url()), Vec::new(), &Lifecycle::new()).await;
    assert_eq!(exit(failed), Exit::Database);
}

#[tokio::test]
async fn an_unreachable_database_is_told() {
    let settings = settings("nobody:none@127.0.0.1:1/nothing");
    let failed = start(settings, Vec::new(), &Lifecycle::new()).await;
    assert_eq!(exit(failed), Exit::Database);
}

/// Refuses what it does not like, and keeps what it saw.
#[derive(Default)]
struct Watchful {
    seen: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Module for Watchful {
    fn name(&self) -> &str {
        "watchful"
    }

    async fn init(&self, registrar: &mut Registrar, _: Arc<dyn Host>) -> Result<(), ModuleError> {
        use tavern_protocol::calls::{GetAccount, UpdateAccount};
        registrar.before::<UpdateAccount, _, _>(|_, request| async move {
            if request.location.as_deref() == Some("nowhere") {
                return Err(HookError::new(ErrorCode::PermissionDenied, "not there"));
            }
            Ok((request.location.as_deref() != Some("silence")).then_some(request))
        });
        let seen = Arc::clone(&self.seen);
        registrar.after::<GetAccount, _, _>(move |context, account, _| {
            let seen = Arc::clone(&seen);
            async move {
                seen.lock().push(account.user.unwrap_or_default().username);
                assert_eq!(context.node.as_str(), "tests");
                Err(HookError::new(ErrorCode::Internal, "after-hooks may fail"))
            }
        });
        registrar.rpc("Shout", |_, payload| async move {
            match payload.as_str() {
                "panic" => panic!("made up"),
                other => Ok(Some(other.to_uppercase())),
            }
        });
        Ok(())
    }
}

#[tokio::test]
async fn hooks_see_change_and_refuse_calls() {
    let module = Watchful::default();
    let seen = Arc::clone(&module.seen);
    let mut world = World::with(vec![Arc::new(module)], |_| {}).await;
    let at = world.at.game.http;
    let token = crate::http::token(at, "a-device-of-hooks").await;
    let who = As::Player(&token);
    let update = async |place: &str| {
        let body = format!(r#"{{"location":"{place}"}}"#);
        ask(at, who, "PUT", "/v2/account", &body).await
    };
    assert_eq!(update("Oslo").await.status, 200);
    let refused = update("nowhere").await;
    assert_eq!((refused.status, refused.body["message"].as_str()), (403, Some("not there")));
    assert_eq!(update("silence").await.status, 404);
    let account = ask(at, who, "GET", "/v2/account", "").await;
    assert_eq!(account.status, 200, "a failing after-hook changes nothing: {account:?}");
    assert_eq!(account.body["user"]["location"], "Oslo");
    assert_eq!(seen.lock().len(), 1);
    let shout = async |payload: &str| {
        ask(at, who, "POST", "/v2/rpc/shout", &format!("\"{payload}\"")).await
    };
    assert_eq!(shout("hello").await.body["payload"], "HELLO");
    assert_eq!(shout("panic").await.status, 500);
    assert_eq!(shout("still here").await.body["payload"], "STILL HERE");
    world.stop().await;
}
