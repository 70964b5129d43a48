//! Code that would take more than there is.

use super::*;

const EVIL: &str = r#"
function InitModule(c, l, nk, i) {
  i.registerRpc("loop", () => { for (;;) {} });
  i.registerRpc("caught", () => { for (;;) { try { for (;;) {} } catch (e) {} finally { continue; } } });
  i.registerRpc("async", async () => { for (;;) await null; });
  i.registerRpc("memory", () => { const a = []; for (;;) a.push("x".repeat(1000) + a.length); });
  i.registerRpc("array", () => new Array(1e9).fill(0).join());
  i.registerRpc("deep", () => { const f = (n) => f(n + 1) + 1; return String(f(0)); });
  i.registerRpc("regex", () => String(/^(a+)+$/.test("a".repeat(40) + "b")));
  i.registerRpc("json", () => { let s = ""; for (let n = 0; n < 100000; n++) s += "["; JSON.parse(s); });
  i.registerRpc("sort", () => { new Array(1000).fill(0).sort(() => { for (;;) {} }); });
  i.registerRpc("good", () => "good");
  i.registerRpc("sleep", () => new Promise((done) => setTimeout(done, 3600000)));
  i.registerRpc("timers", () => { for (;;) setTimeout(() => {}, 1); });
}"#;

fn evil() -> (Bench, Machine) {
    let bench = bench(&[("index.js", EVIL)]);
    let machine = bench.machine();
    (bench, machine)
}

#[test]
fn loops_are_interrupted_wherever_they_are() {
    for id in ["loop", "caught", "async", "regex", "sort"] {
        let (_bench, mut machine) = evil();
        let (result, verdict) = machine.rpc(id, "");
        let error = result.unwrap_err();
        assert_eq!(error.code, ErrorCode::DeadlineExceeded, "{id}: {error}");
        assert_eq!(verdict, Verdict::Discard, "{id}");
    }
}

#[test]
fn memory_ends_where_the_limit_is() {
    for id in ["memory", "array"] {
        let (_bench, mut machine) = evil();
        let (result, verdict) = machine.rpc(id, "");
        let error = result.unwrap_err();
        assert_eq!(error.code, ErrorCode::ResourceExhausted, "{id}: {error}");
        assert_eq!(verdict, Verdict::Discard, "{id}");
    }
}

#[test]
fn depth_is_an_error_that_the_machine_survives() {
    let (_bench, mut machine) = evil();
    for id in ["deep", "json", "timers"] {
        let (result, verdict) = machine.rpc(id, "");
        let error = result.unwrap_err();
        assert_eq!((error.code, verdict), (ErrorCode::Internal, Verdict::Keep), "{id}: {error}");
        assert_eq!(machine.text("good", ""), "good");
    }
}

#[test]
fn nobody_sleeps_longer_than_a_call_may() {
    let (_bench, mut machine) = evil();
    let error = machine.error("sleep");
    assert_eq!(error.code, ErrorCode::DeadlineExceeded);
}

#[test]
fn at_the_end_a_stuck_script_is_interrupted() {
    for id in ["loop", "sleep"] {
        let bench = bench_with(&[("index.js", EVIL)], |plan| {
            plan.limits.call = Duration::from_secs(3_600);
            plan.limits.sleep = Duration::from_secs(7_200);
        });
        let mut machine = bench.machine();
        let end = bench.plan.end.clone();
        std::thread::scope(|scope| {
            let stuck = scope.spawn(move || machine.rpc(id, "").0.unwrap_err());
            end.cancel();
            assert_eq!(stuck.join().unwrap().code, ErrorCode::Unavailable, "{id}");
        });
    }
}

#[test]
fn an_endless_init_module_fails_to_start() {
    let text = "function InitModule() { for (;;) {} }";
    let bench = bench_with(&[("index.js", text)], |plan| {
        plan.limits.init = Duration::from_millis(100);
    });
    assert!(matches!(bench.first(), Err(InitError::Code(text)) if text.contains("Time")));
}
