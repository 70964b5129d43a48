//! How InitModule and the functions may be written.

use super::*;

#[test]
fn a_bundle_made_for_other_servers_runs_as_it_is() {
    let bundle = r#"
"use strict";
function rpcHealth(ctx, logger, nk, payload) { return JSON.stringify({ ok: payload, user: ctx.userId }); }
function InitModule(ctx, logger, nk, initializer) {
  initializer.registerRpc("Health", rpcHealth);
  logger.info("loaded %s in %d", "it", 3);
}
// Reference InitModule to avoid it getting removed on build
!InitModule && InitModule.bind(null);
"#;
    let mut machine = bench(&[("index.js", bundle)]).machine();
    assert_eq!(machine.text("health", "x"), r#"{"ok":"x","user":"u1"}"#);
}

#[test]
fn functions_may_be_arrows_methods_closures_and_anonymous() {
    let text = r#"
class Shop { constructor() { this.n = 1; } buy = () => "bought " + this.n; static sell() { return "sold"; } }
const InitModule = (ctx, logger, nk, initializer) => {
  const prefix = "hello ";
  const shop = new Shop();
  initializer.registerRpc("arrow", (c, l, n, p) => prefix + p);
  initializer.registerRpc("anonymous", function (c, l, n, p) { return String(this === undefined || this === globalThis) + p; });
  initializer.registerRpc("method", shop.buy);
  initializer.registerRpc("static", Shop.sell);
  initializer.registerRpc("bound", function () { return this.x; }.bind({ x: "bound" }));
};
"#;
    let mut machine = bench(&[("index.js", text)]).machine();
    assert_eq!(machine.text("arrow", "you"), "hello you");
    assert_eq!(machine.text("anonymous", "!"), "true!");
    assert_eq!(machine.text("method", ""), "bought 1");
    assert_eq!(machine.text("static", ""), "sold");
    assert_eq!(machine.text("bound", ""), "bound");
}

#[test]
fn modules_export_it_by_name_or_as_default() {
    let by_name = "import { f } from './lib'; export async function InitModule(c: any, l: any, n: any, i: any): Promise<void> { await null; i.registerRpc('f', f); }";
    let lib = "export function f(): string { return import.meta === undefined ? 'a' : 'lib'; }";
    let mut machine = bench(&[("index.ts", by_name), ("lib.ts", lib)]).machine();
    assert_eq!(machine.text("f", ""), "lib");
    let default = "export default (c, l, n, i) => { i.registerRpc('f', () => 'default'); };";
    assert_eq!(bench(&[("index.js", default)]).machine().text("f", ""), "default");
    let global =
        "export {}; globalThis.InitModule = (c, l, n, i) => i.registerRpc('f', () => 'g');";
    assert_eq!(bench(&[("index.js", global)]).machine().text("f", ""), "g");
}

#[test]
fn without_init_module_a_program_does_not_start() {
    let error = bench(&[("index.js", "var a = 1;")]).first().err().unwrap();
    assert_eq!(
        error.to_string(),
        "index.js has no function InitModule, neither global nor exported"
    );
}

#[test]
fn two_functions_for_one_place_are_an_error() {
    let text = "function f() {} function InitModule(c, l, n, i) { i.registerRpc('A', f); i.registerRpc('a', f); }";
    let error = bench(&[("index.js", text)]).first().err().unwrap();
    assert!(matches!(error, InitError::Twice(Place::Rpc(id)) if id == "a"));
}

#[test]
fn the_world_sees_init_module_run_once() {
    let text = r#"
function InitModule(c, l, nk, i) {
  const n = nk.count();
  let refused = "";
  try { nk.refuse(); } catch (e) { refused = e.message; }
  i.registerRpc("n", () => n + refused);
  i.registerRpc("live", () => String(nk.count()));
}"#;
    let bench = bench(&[("index.js", text)]);
    let (mut first, recorded, registrations) = bench.first().unwrap();
    let mut second = Machine::another(&bench.plan, &recorded, &registrations).unwrap();
    assert_eq!(bench.fake.calls.load(Ordering::SeqCst), 2);
    assert_eq!(first.text("n", ""), "0no such thing");
    assert_eq!(second.text("n", ""), "0no such thing");
    assert_eq!(second.text("live", ""), "2", "calls go to the server again");
}

#[test]
fn machines_that_come_out_different_are_refused() {
    let text = "function f() {} function InitModule(c, l, nk, i) { i.registerRpc('a' + Math.random(), f); }";
    let bench = bench(&[("index.js", text)]);
    let (_, recorded, registrations) = bench.first().unwrap();
    let error = Machine::another(&bench.plan, &recorded, &registrations).err().unwrap();
    assert!(matches!(error, InitError::Differs));
}

#[test]
fn hooks_and_matches_are_registered_by_their_public_names() {
    let text = r#"
const m = {};
for (const k of ["matchInit", "matchJoinAttempt", "matchJoin", "matchLeave", "matchLoop", "matchTerminate", "matchSignal"]) m[k] = () => null;
function InitModule(c, l, nk, i) {
  const f = () => {};
  i.registerBeforeAuthenticateDevice(f); i.registerAfterAddFriends(f);
  i.registerRtBefore("ChannelMessageSend", f); i.registerRtAfter("channelmessagesend", f);
  i.registerMatch("duel", m); i.registerMatchmakerMatched(f); i.registerTournamentEnd(f);
  i.registerMatchmakerOverride(f); i.registerMatchmakerProcessor(f);
  i.registerStorageIndex("idx", "col", null, ["a"], [], 100, true);
}"#;
    let (_, _, found) = bench(&[("index.js", text)]).first().unwrap();
    use tavern_protocol::{CallId, RtId};
    let places: Vec<_> = found.places.iter().map(|(place, _)| place.clone()).collect();
    assert_eq!(
        places,
        [
            Place::Before(CallId::AuthenticateDevice),
            Place::After(CallId::AddFriends),
            Place::RtBefore(RtId::ChannelMessageSend),
            Place::RtAfter(RtId::ChannelMessageSend),
            Place::Match("duel".to_owned()),
            Place::MatchmakerMatched,
            Place::TournamentEnd,
            Place::MatchmakerOverride,
            Place::MatchmakerProcessor,
        ]
    );
    assert_eq!(found.indexes[0].fields, ["a"]);
}

#[test]
fn a_registration_that_makes_no_sense_says_where() {
    let lacks =
        "function InitModule(c, l, nk, i) {\n  i.registerMatch('duel', { matchInit() {} });\n}";
    let error = bench(&[("index.js", lacks)]).first().err().unwrap().to_string();
    assert!(error.contains("the match \"duel\" lacks the function matchJoinAttempt"), "{error}");
    assert!(error.contains("index.js:2:"), "{error}");
    let late = "let i0; function InitModule(c, l, nk, i) { i0 = i; i.registerRpc('a', () => i0.registerRpc('b', () => {})); }";
    let mut machine = bench(&[("index.js", late)]).machine();
    assert!(machine.error("a").message.contains("InitModule has returned"));
}

#[test]
fn values_survive_the_way_to_the_server_and_back() {
    let text = r#"
function InitModule(c, l, nk, i) {
  i.registerRpc("echo", (c, l, nk, p) => {
    const [back] = nk.echo({ n: 1, f: 1.5, big: 9007199254740991, s: "ü😀", l: [1, null, [2]], m: { a: { b: true } },
      date: new Date(0), u: undefined, fn: () => 1, bin: new Uint8Array([1, 2]), buf: nk.stringToBinary("hi") });
    return JSON.stringify({ ...back, bin: Array.from(new Uint8Array(back.bin)), buf: nk.binaryToString(back.buf) });
  });
}"#;
    let mut machine = bench(&[("index.js", text)]).machine();
    assert_eq!(
        machine.text("echo", ""),
        r#"{"n":1,"f":1.5,"big":9007199254740991,"s":"ü😀","l":[1,null,[2]],"m":{"a":{"b":true}},"date":"1970-01-01T00:00:00.000Z","bin":[1,2],"buf":"hi"}"#
    );
}

#[test]
fn promises_and_timers_live_within_a_call() {
    let text = r#"
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
function InitModule(c, l, nk, i) {
  i.registerRpc("async", async (c, l, nk, p) => { await sleep(2); const a = await Promise.all([1, 2].map(async (x) => { await null; return x * 2; })); return a.join() + nk.wait(); });
  i.registerRpc("interval", () => new Promise((done) => { let n = 0; const t = setInterval(() => { if (++n === 3) { clearInterval(t); done("three"); } }, 1); }));
  i.registerRpc("reject", async () => { throw { message: "no", code: 7 }; });
  i.registerRpc("never", () => new Promise(() => {}));
  i.registerRpc("left", () => { setTimeout(() => { globalThis.late = true; }, 0); return "x"; });
  i.registerRpc("late", async () => { await sleep(1); return String(globalThis.late); });
}"#;
    let bench = bench(&[("index.js", text)]);
    let mut machine = bench.machine();
    assert_eq!(machine.text("async", ""), "2,4waited");
    assert_eq!(machine.text("interval", ""), "three");
    let error = machine.error("reject");
    assert_eq!((error.code, &*error.message), (ErrorCode::PermissionDenied, "no"));
    assert!(machine.error("never").message.contains("nothing can keep any more"));
    assert_eq!(machine.text("left", ""), "x");
    assert_eq!(machine.text("late", ""), "undefined", "a timer belongs to its call");
}

#[test]
fn what_calls_share_is_frozen_unless_it_is_not_to_be() {
    let text = r#"
const shared = { n: 0 }; var table = { n: 0 };
function InitModule(c, l, nk, i) {
  i.registerRpc("nk", () => { "use strict"; nk.echo = 1; });
  i.registerRpc("proto", () => { "use strict"; Array.prototype.evil = 1; });
  i.registerRpc("table", () => { "use strict"; table.n += 1; return String(table.n); });
}"#;
    let mut machine = bench(&[("index.js", text)]).machine();
    for id in ["nk", "proto", "table"] {
        assert!(machine.error(id).message.starts_with("TypeError"), "{id}");
    }
    let mut machine = bench_with(&[("index.js", text)], |plan| plan.freeze = false).machine();
    assert_eq!(machine.text("table", ""), "1");
    assert!(machine.error("nk").message.starts_with("TypeError"));
}

#[test]
fn the_context_says_where_and_who() {
    let text = "function InitModule(c, l, nk, i) { const at = c.executionMode; i.registerRpc('c', (ctx) => JSON.stringify({ at, ...ctx })); }";
    let mut machine = bench(&[("index.js", text)]).machine();
    assert_eq!(
        machine.text("c", ""),
        r#"{"at":"run_once","env":{"KEY":"hush"},"executionMode":"rpc","node":"node1","version":"0.1.0","userId":"u1"}"#
    );
}
