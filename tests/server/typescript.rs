//! Server code in TypeScript, in the real server.

use std::time::Duration;

use serde_json::json;
use tavern::cli::Exit;
use tavern_domain::Lifecycle;

use crate::harness::{HTTP_KEY, World, database, settings, start};
use crate::http::{As, ask};
use crate::scripts::{folder, rpc, with};

const MODULE: &str = r#"
import { greeting } from "./greeting";

type Coins = { coins: number };

export const InitModule: nkruntime.InitModule = (ctx, logger, nk, initializer) => {
  initializer.registerRpc("greet", (ctx, logger, nk, payload): string => greeting(ctx.username, payload));
  initializer.registerRpc("accident", () => {
    const nothing = undefined as unknown as Coins;
    return String(nothing.coins);
  });
  initializer.registerRpc("refuse", () => {
    throw { message: "not for you", code: nkruntime.Codes.PERMISSION_DENIED };
  });
  initializer.registerRpc("loop", () => { for (;;) {} });
  initializer.registerAfterAuthenticateDevice((ctx, logger, nk, session) => {
    if (session.created) nk.walletUpdate(ctx.userId, { coins: 100 } satisfies Coins, { id: ctx.obligationId }, true);
  });
  initializer.registerBeforeUpdateAccount((ctx, logger, nk, request) => {
    if (request.displayName === "rude") throw { message: "another name, please", code: 3 };
    return { ...request, location: "Here" };
  });
};
"#;

const GREETING: &str =
    "export const greeting = (name: string, words: string): string => `${name} says ${words}`;\n";

async fn sign_in(world: &World, device: &str) -> String {
    let path = "/v2/account/authenticate/device?create=true&username=ada";
    let body = json!({ "id": device }).to_string();
    let answer = ask(world.at.game.http, As::Client, "POST", path, &body).await;
    answer.body["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn typescript_serves_calls_and_hooks() {
    let files = folder(&[("index.ts", MODULE), ("greeting.ts", GREETING)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;
    let http = world.at.game.http;
    let token = sign_in(&world, "a-device-of-ada").await;
    let player = As::Player(&token);

    let greeted = ask(http, player, "POST", "/v2/rpc/Greet", r#""hello""#).await;
    assert_eq!(greeted.body["payload"], "ada says hello");
    let account = ask(http, player, "GET", "/v2/account", "").await;
    let wallet: serde_json::Value =
        serde_json::from_str(account.body["wallet"].as_str().unwrap()).unwrap();
    assert_eq!(wallet, json!({ "coins": 100 }), "the hook has run before the log-in ended");

    let rude = ask(http, player, "PUT", "/v2/account", r#"{"display_name":"rude"}"#).await;
    assert_eq!((rude.status, &rude.body["message"]), (400, &json!("another name, please")));
    let fine = ask(http, player, "PUT", "/v2/account", r#"{"display_name":"Ada"}"#).await;
    assert_eq!(fine.status, 200);
    let account = ask(http, player, "GET", "/v2/account", "").await;
    assert_eq!(account.body["user"]["location"], "Here");

    let refused = rpc(&world, "refuse", "").await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!(7)));
    let accident = rpc(&world, "accident", "").await;
    let message = accident.body["message"].as_str().unwrap();
    assert!(message.contains("(index.ts:10:"), "{message}");
    world.stop().await;
}

#[tokio::test]
async fn a_runaway_loop_is_stopped_and_holds_up_nobody() {
    let files = folder(&[("index.ts", MODULE), ("greeting.ts", GREETING)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;
    let (stuck, ()) = tokio::join!(rpc(&world, "loop", ""), async {
        for _ in 0..20 {
            assert_eq!(rpc(&world, "greet", "\"x\"").await.status, 200);
        }
    });
    assert_eq!((stuck.status, &stuck.body["code"]), (504, &json!(4)));
    assert_eq!(rpc(&world, "greet", "\"x\"").await.status, 200, "its machine was replaced");
    world.stop().await;
}

#[tokio::test]
async fn a_module_that_does_not_load_stops_the_start_and_says_where() {
    let broken = [
        ("export const InitModule = () => {\n  const a: = 1;\n};\n", "index.ts:2:"),
        ("export const InitModule = () => {\n  throw new Error('no');\n};\n", "index.ts:2:"),
        ("import './gone';\n", "./gone"),
        ("export const a = 1;\n", "InitModule"),
    ];
    let database = database().await;
    for (text, place) in broken {
        let files = folder(&[("index.ts", text)]);
        let mut settings = settings(&database.url());
        with(files.path())(&mut settings);
        let failure = start(settings, Vec::new(), &Lifecycle::new()).await.err().unwrap();
        assert_eq!(failure.exit, Exit::Modules);
        let told = format!("{failure:#}");
        assert!(told.contains(place), "{told}");
    }
}

#[tokio::test]
async fn what_is_stuck_at_the_end_does_not_keep_the_server() {
    let files = folder(&[("index.ts", MODULE), ("greeting.ts", GREETING)]);
    let mut world = World::with(Vec::new(), |settings| {
        with(files.path())(settings);
        settings.runtime.script_call_cpu_ms = 3_600_000;
        settings.shutdown_grace_sec = 1;
    })
    .await;
    let http = world.at.game.http;
    let path = format!("/v2/rpc/loop?http_key={HTTP_KEY}");
    let stuck = crate::http::try_ask(http, As::Nobody, "POST", &path, "");
    let ends = async {
        crate::harness::until("the loop runs", || async {
            rpc(&world, "greet", "\"x\"").await.status == 200
        })
        .await;
    };
    tokio::select! {
        _ = stuck => panic!("the loop has ended"),
        () = ends => {}
    }
    let stopped = tokio::time::timeout(Duration::from_secs(30), world.stop()).await;
    assert!(stopped.is_ok());
}

#[tokio::test]
async fn in_development_changed_files_serve_new_calls() {
    let entry = |words: &str| {
        format!(
            "export const InitModule = (c: any, l: any, n: any, i: any) => {{\n  i.registerRpc('greet', () => '\"{words}\"');\n}};\n"
        )
    };
    let files = folder(&[("index.ts", &entry("old"))]);
    let mut world = World::with(Vec::new(), |settings| {
        with(files.path())(settings);
        settings.dev = true;
    })
    .await;
    let says = |words: &'static str| {
        let world = &world;
        crate::harness::until(
            words,
            move || async move { rpc(world, "greet", "").await.body == words },
        )
    };
    says("old").await;
    let path = files.path().join("index.ts");
    std::fs::write(&path, "this is : no module").unwrap();
    // Whether it has been looked at cannot be seen, only that what comes after it is loaded.
    assert_eq!(rpc(&world, "greet", "").await.body, "old");
    let more = entry("quite new").replace("};", "i.registerRpc('more', () => '1');\n};");
    std::fs::write(&path, more).unwrap();
    says("quite new").await;
    assert_eq!(rpc(&world, "more", "").await.body, 1, "a function that was not there before");
    world.stop().await;
}
