//! Routes of server code, in its three languages, in the real server.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use tavern::cli::Exit;
use tavern_domain::{ErrorCode, Lifecycle};
use tavern_runtime_hooks::{
    HookError, Host, HttpMethod, HttpResponse, Module, ModuleError, Registrar,
};

use crate::harness::{World, database, settings, start, until};
use crate::http::{Answer, As, ask};
use crate::scripts::{folder, with};

const LUA: &str = r#"
local nk = require("nakama")

nk.register_http(function(context, request)
  return {
    status = 201,
    headers = { ["Content-Type"] = "application/json", ["X-Mine"] = { "one", "two" } },
    body = nk.json_encode({
      mode = context.execution_mode, ip = context.client_ip, user = context.user_id,
      method = request.method, path = request.path, params = request.params,
      query = request.query, header = request.headers["X-Some-Name"], body = request.body,
      address = request.remote_address,
    }),
  }
end, "/in-lua/{what}/{rest...}", { "POST", "put" })

nk.register_http(function(_, request)
  if request.params.how == "accident" then return request.nothing.there end
  if request.params.how == "refusal" then error({ "not you", 7 }) end
  if request.params.how == "odd" then return { boddy = "x" } end
  if request.params.how == "bytes" then return { body = "\255" .. request.body } end
  if request.params.how == "loop" then while true do end end
end, "/lua-fails/{how}", "GET")
"#;

const TYPESCRIPT: &str = r#"
const show: nkruntime.RouteHandler = (ctx, logger, nk, request) => ({
  status: 201,
  headers: { "Content-Type": "application/json", "X-Mine": ["one", "two"] },
  body: JSON.stringify({
    mode: ctx.executionMode, ip: ctx.clientIp, user: ctx.userId, method: request.method,
    path: request.path, params: request.params, query: request.query,
    header: request.headers["X-Some-Name"], body: request.body, address: request.remoteAddress,
  }),
});

const fail: nkruntime.RouteHandler = async (ctx, logger, nk, request) => {
  switch (request.params.how) {
    case "accident": return (request as any).nothing.there;
    case "refusal": throw { message: "not you", code: nkruntime.Codes.PERMISSION_DENIED };
    case "odd": return { boddy: "x" } as any;
    case "bytes": return { body: new Uint8Array([255]) };
    case "loop": for (;;) {}
  }
};

export const InitModule: nkruntime.InitModule = (ctx, logger, nk, initializer) => {
  initializer.registerHttp("/in-typescript/{what}/{rest...}", show, ["POST", "PUT"]);
  initializer.registerHttp("/typescript-fails/{how}", fail, "GET");
};
"#;

struct InRust;

#[async_trait]
impl Module for InRust {
    fn name(&self) -> &str {
        "rust"
    }

    async fn init(&self, registrar: &mut Registrar, _: Arc<dyn Host>) -> Result<(), ModuleError> {
        let methods = [HttpMethod::Post, HttpMethod::Put];
        registrar.http("/in-rust/{what}/{rest...}", &methods, |context, request| async move {
            let body = json!({
                "mode": "http", "ip": context.client_ip, "user": context.user.map(|u| u.to_string()),
                "method": request.method, "path": request.path, "params": request.params,
                "query": request.query, "header": request.headers.get("X-Some-Name"),
                "body": std::str::from_utf8(&request.body).ok(), "address": request.remote_address,
            });
            let mut answer = HttpResponse::json(201, body.to_string());
            answer.headers.extend(["one", "two"].map(|v| ("X-Mine".to_owned(), v.to_owned())));
            Ok(answer)
        });
        registrar.http("/rust-fails/{how}", &[HttpMethod::Get], |_, request| async move {
            match request.params["how"].as_str() {
                "accident" => panic!("rust-fails"),
                "refusal" => Err(HookError::new(ErrorCode::PermissionDenied, "not you")),
                "odd" => Ok(HttpResponse::empty(99)),
                "bytes" => Ok(HttpResponse::new(200, "application/octet-stream", vec![255])),
                "loop" => Err(HookError::new(ErrorCode::DeadlineExceeded, "late")),
                _ => Ok(HttpResponse::empty(204)),
            }
        });
        Ok(())
    }
}

async fn world(files: &tempfile::TempDir) -> World {
    World::with(vec![Arc::new(InRust)], with(files.path())).await
}

fn values(answer: &Answer, name: &str) -> Vec<String> {
    answer.headers.get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_language_answers_requests_of_its_own_paths() {
    let files = folder(&[("index.ts", TYPESCRIPT), ("main.lua", LUA)]);
    let mut world = world(&files).await;
    for at in [world.at.game.http, world.at.game.realtime] {
        for language in ["rust", "lua", "typescript"] {
            let path = format!("/in-{language}/a%20b/c/d?tag=1&tag=2");
            let answer = ask(at, As::Nobody, "PUT", &path, "\"hello\"").await;
            assert_eq!(answer.status, 201, "{language}: {}", answer.text);
            let expected = json!({
                "mode": "http", "ip": "127.0.0.1", "method": "PUT",
                "path": format!("/in-{language}/a%20b/c/d"),
                "params": { "what": "a b", "rest": "c/d" }, "query": { "tag": ["1", "2"] },
                "body": "\"hello\"", "address": "127.0.0.1",
            });
            let mut seen = answer.body.clone();
            // What is nothing is there in some languages and not in others.
            seen.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            assert_eq!(seen, expected, "{language}");
            assert_eq!(values(&answer, "content-type"), ["application/json"]);
            assert_eq!(values(&answer, "x-mine"), ["one", "two"], "{language}");
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_there_and_what_breaks_is_told_the_same_way_in_each_language() {
    let files = folder(&[("index.ts", TYPESCRIPT), ("main.lua", LUA)]);
    let mut world = world(&files).await;
    let at = world.at.game.http;
    for language in ["rust", "lua", "typescript"] {
        let get = |how: &str| {
            let path = format!("/{language}-fails/{how}");
            async move { ask(at, As::Nobody, "GET", &path, "").await }
        };
        for how in ["accident", "odd"] {
            let answer = get(how).await;
            let told = json!({ "code": 13, "message": "internal error" });
            assert_eq!((answer.status, &answer.body), (500, &told), "{language} {how}");
        }
        let refusal = get("refusal").await;
        let told = json!({ "code": 7, "message": "not you" });
        assert_eq!((refusal.status, &refusal.body), (403, &told), "{language}");
        assert_eq!(get("loop").await.status, 504, "{language}");
        let bytes = get("bytes").await;
        assert_eq!(values(&bytes, "content-type"), ["application/octet-stream"], "{language}");
        let nothing = get("nothing").await;
        assert_eq!((nothing.status, &*nothing.text), (204, ""), "{language}");

        let path = format!("/in-{language}/a/b");
        let wrong = ask(at, As::Nobody, "GET", &path, "").await;
        assert_eq!((wrong.status, &wrong.body["code"]), (405, &json!(12)), "{language}");
        assert_eq!(values(&wrong, "allow"), ["POST, PUT, OPTIONS"], "{language}");
        let none = ask(at, As::Nobody, "PUT", &format!("/in-{language}"), "").await;
        assert_eq!((none.status, &none.body["code"]), (404, &json!(5)), "{language}");
    }
    let health = world.at.health.expect("a port for metrics");
    let metrics = ask(health, As::Nobody, "GET", "/metrics", "").await.text;
    let counted = |line: &&str| line.starts_with("nakama_HttpRoute_count") && !line.ends_with(" 0");
    assert!(metrics.lines().any(|line| counted(&line)), "{metrics}");
    world.stop().await;
}

#[tokio::test]
async fn routes_have_limits_like_calls() {
    let files = folder(&[("main.lua", LUA)]);
    let mut world = World::with(Vec::new(), |settings| {
        with(files.path())(settings);
        settings.limits.rules = vec!["http:/lua-fails/{how}=2/60".parse().unwrap()];
        settings.limits.exempt.clear();
    })
    .await;
    let get = || ask(world.at.game.http, As::Nobody, "GET", "/lua-fails/nothing", "");
    assert_eq!([get().await.status, get().await.status], [204, 204]);
    let third = get().await;
    assert_eq!((third.status, &third.body["code"]), (429, &json!(8)));
    assert!(third.headers.contains_key("retry-after"));
    let other = ask(world.at.game.http, As::Nobody, "POST", "/in-lua/a/b", "").await;
    assert_eq!(other.status, 201, "{}", other.text);
    world.stop().await;
}

#[tokio::test]
async fn two_modules_with_one_route_and_routes_in_the_servers_way_stop_the_start() {
    let lua = |path: &str| {
        format!("require('nakama').register_http(function() end, '{path}', {{ 'GET' }})\n")
    };
    let typescript = |path: &str| {
        format!(
            "export const InitModule = (c: any, l: any, n: any, i: any) => {{\n  i.registerHttp('{path}', () => null);\n}};\n"
        )
    };
    let database = database().await;
    for (lua, typescript, expected) in [
        (lua("/shop/{a}"), typescript("/shop/{b}"), ["/shop/", "is registered by both"]),
        (lua("/v2/mine"), typescript("/a"), ["main.lua", "server's own"]),
        (lua("/a"), typescript("/ws"), ["index.ts:2", "server's own"]),
        (lua("/a"), typescript("/{a}"), ["index.ts:2", "server's own"]),
        (lua("/a/{b"), typescript("/a"), ["main.lua", "/a/{b"]),
    ] {
        let files = folder(&[("main.lua", &lua), ("index.ts", &typescript)]);
        let mut settings = settings(&database.url());
        with(files.path())(&mut settings);
        let failure = start(settings, Vec::new(), &Lifecycle::new()).await.err().unwrap();
        assert_eq!(failure.exit, Exit::Modules);
        let told = format!("{failure:#}");
        assert!(expected.iter().all(|text| told.contains(text)), "{told}");
    }
}

#[tokio::test]
async fn in_development_new_routes_are_served_and_old_ones_are_gone() {
    let lua = |path: &str| {
        format!("require('nakama').register_http(function() return 'lua' end, '{path}')\n")
    };
    let typescript = |path: &str| {
        format!(
            "export const InitModule = (c: any, l: any, n: any, i: any) => {{\n  i.registerHttp('{path}', () => 'typescript');\n}};\n"
        )
    };
    let files = folder(&[("main.lua", &lua("/a/lua")), ("index.ts", &typescript("/a/typescript"))]);
    let mut world = World::with(Vec::new(), |settings| {
        with(files.path())(settings);
        settings.dev = true;
    })
    .await;
    let at = world.at.game.http;
    let says = async |path: &str, status: u16, text: &str| {
        until(path, async || {
            let answer = ask(at, As::Nobody, "GET", path, "").await;
            answer.status == status && (status != 200 || answer.text == text)
        })
        .await;
    };
    says("/a/lua", 200, "lua").await;
    says("/a/typescript", 200, "typescript").await;
    std::fs::write(files.path().join("main.lua"), lua("/b/lua/anew")).unwrap();
    says("/b/lua/anew", 200, "lua").await;
    says("/a/lua", 404, "").await;
    std::fs::write(files.path().join("index.ts"), typescript("/b/typescript")).unwrap();
    says("/b/typescript", 200, "typescript").await;
    says("/a/typescript", 404, "").await;
    says("/b/lua/anew", 200, "lua").await;
    world.stop().await;
}
