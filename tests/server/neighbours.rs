//! Good functions beside failing, waiting, spinning and memory-hungry ones, in both languages, in
//! the real server. How fast the good ones are beside the others is for `cargo xtask bench`.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::harness::{PATIENCE, World, until};
use crate::http::{Answer, As, ask};
use crate::scripts::{folder, rpc, with};

const LUA: &str = r#"
local nk = require("nakama")
local calls = {
  good = function(_, payload) return payload .. " is fine in lua" end,
  fail = function() local nothing; return nothing.there end,
  refuse = function() error({ "not you", 7 }) end,
  spin = function() while true do end end,
  hungry = function()
    local all = {}
    while true do all[#all + 1] = string.rep("x", 100000) .. #all end
  end,
  wait = function(_, url)
    local code = nk.http_request(url, "GET", {}, "", 120000)
    return tostring(code)
  end,
}
for name, call in pairs(calls) do nk.register_rpc(call, "lua_" .. name) end
"#;

const JAVASCRIPT: &str = r#"
function InitModule(ctx, logger, nk, initializer) {
  const calls = {
    good: (ctx, logger, nk, payload) => `${payload} is fine in javascript`,
    fail: () => { let nothing; return nothing.there; },
    refuse: () => { throw { message: "not you", code: 7 }; },
    spin: () => { for (;;) {} },
    hungry: () => { const all = []; for (;;) all.push(new Uint8Array(100000)); },
    wait: (ctx, logger, nk, url) => `${nk.httpRequest(url, "get", {}, "", 120000).code}`,
  };
  for (const name in calls) initializer.registerRpc(`javascript_${name}`, calls[name]);
}
"#;

const LANGUAGES: [&str; 2] = ["lua", "javascript"];
/// Machines of a language.
const MACHINES: usize = 3;
/// Calls of a language that may wait for one.
const QUEUE: usize = 16;
/// Callers of a language; all of them together find room.
const CALLERS: usize = 8;
/// What a caller does, over and over.
const ROUND: [&str; 10] =
    ["good", "fail", "good", "wait", "good", "spin", "good", "hungry", "good", "refuse"];
const ROUNDS: usize = 3;

/// A server that answers when it is told to.
struct Gate(TcpListener);

impl Gate {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/", self.0.local_addr().unwrap())
    }

    /// Waits until so many have asked; none of them is answered.
    async fn hold(&self, count: usize) -> Vec<TcpStream> {
        let mut held = Vec::new();
        while held.len() < count {
            held.push(self.0.accept().await.unwrap().0);
        }
        held
    }

    async fn answer(mut asked: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(asked.read_u8().await.unwrap());
        }
        let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        asked.write_all(answer).await.unwrap();
    }

    /// Answers everybody at once, for ever.
    async fn open(&self) {
        loop {
            Self::answer(self.0.accept().await.unwrap().0).await;
        }
    }
}

/// The value of a metric of a language.
async fn metric(world: &World, name: &str, language: &str) -> f64 {
    let health = world.at.health.expect("a port for metrics");
    let metrics = ask(health, As::Nobody, "GET", "/metrics", "").await.text;
    let label = format!("language=\"{language}\"");
    let line = metrics.lines().find(|line| line.starts_with(name) && line.contains(&label));
    let value = line.and_then(|line| line.rsplit(' ').next());
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}: {metrics}"))
}

async fn call(world: &World, language: &str, name: &str, payload: &str) -> Answer {
    rpc(world, &format!("{language}_{name}"), payload).await
}

fn check(language: &str, name: &str, payload: &str, answer: &Answer) {
    let told = (answer.status, answer.body["code"].as_u64());
    let message = answer.body["message"].as_str().unwrap_or_default();
    let right = match name {
        "good" => answer.text == format!("{payload} is fine in {language}"),
        "wait" => answer.text == "200",
        "fail" => told == (500, Some(13)),
        "refuse" => told == (403, Some(7)) && message == "not you",
        "spin" => told == (504, Some(4)),
        "hungry" => told == (429, Some(8)) && message.contains("memory"),
        other => panic!("{other}"),
    };
    assert!(right, "{language}_{name}: {answer:?}");
}

/// Has every machine of a language wait at the same time, so that there are as many as there can
/// be; `meanwhile` goes on then.
async fn all_busy(world: &World, gate: &Gate, language: &str, meanwhile: impl Future<Output = ()>) {
    let url = gate.url();
    let waits = (0..MACHINES).map(|_| call(world, language, "wait", &url));
    let held = async {
        let held = gate.hold(MACHINES).await;
        meanwhile.await;
        for asked in held {
            Gate::answer(asked).await;
        }
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(waits), held);
    for answer in &answers {
        check(language, "wait", &url, answer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_functions_are_served_beside_bad_ones_and_no_machine_is_lost() {
    let files = folder(&[("main.lua", LUA), ("index.js", JAVASCRIPT)]);
    let mut world = World::with(Vec::new(), |settings| {
        with(files.path())(settings);
        let (runtime, most) = (&mut settings.runtime, u32::try_from(MACHINES).unwrap());
        (runtime.lua_min_count, runtime.lua_max_count) = (1, most);
        (runtime.js_min_count, runtime.js_max_count) = (1, most);
        runtime.script_queue_size = QUEUE;
        runtime.script_memory_bytes = 16 << 20;
        runtime.script_call_cpu_ms = 100;
    })
    .await;
    let gate = Gate::new().await;
    for language in LANGUAGES {
        all_busy(&world, &gate, language, async {}).await;
    }

    let caller = async |language: &str, caller: usize| {
        let url = gate.url();
        for at in 0..ROUNDS * ROUND.len() {
            // Each begins elsewhere: at any time all kinds run side by side.
            let name = ROUND[(at + caller) % ROUND.len()];
            let payload = if name == "wait" { url.clone() } else { format!("{caller}.{at}") };
            check(language, name, &payload, &call(&world, language, name, &payload).await);
        }
    };
    let callers = LANGUAGES.into_iter().flat_map(|language| {
        let caller = &caller;
        (0..CALLERS).map(move |n| caller(language, n))
    });
    let all = futures_util::future::join_all(callers);
    let done = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            _ = all => {}
            () = gate.open() => {}
        }
    });
    done.await.expect("they all end");

    let discarded = 2 * CALLERS * ROUNDS;
    for language in LANGUAGES {
        let found = metric(&world, "tavern_script_discarded_total", language).await;
        assert_eq!(found, discarded as f64, "{language}: those that spun or ate, and no other");
        assert_eq!(metric(&world, "tavern_script_refused_total", language).await, 0.0);
        assert_eq!(metric(&world, "tavern_script_waiting", language).await, 0.0);

        let payloads: Vec<_> = (0..QUEUE).map(|n| format!("waits {n}")).collect();
        let queue = payloads.iter().map(async |payload| {
            check(language, "good", payload, &call(&world, language, "good", payload).await);
        });
        let queued = futures_util::future::join_all(queue);
        let machines_busy = Notify::new();
        let full = async {
            machines_busy.notify_one();
            until("the queue is full", async || {
                metric(&world, "tavern_script_waiting", language).await == QUEUE as f64
            })
            .await;
            let refused = call(&world, language, "good", "one too many").await;
            let told = json!({ "code": 8, "error": {},
                "message": "server code is busy, try again later" });
            assert_eq!((refused.status, &refused.body), (429, &told), "{language}");
        };
        let queued = async {
            machines_busy.notified().await;
            queued.await
        };
        tokio::join!(all_busy(&world, &gate, language, full), queued);
        assert_eq!(metric(&world, "tavern_script_refused_total", language).await, 1.0);
        assert_eq!(metric(&world, "tavern_script_machines", language).await, MACHINES as f64);
        assert_eq!(metric(&world, "tavern_script_waiting", language).await, 0.0);
    }
    world.stop().await;
}
