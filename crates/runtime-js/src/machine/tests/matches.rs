//! Matches, those of the samples among them.

use std::path::Path;

use tavern_domain::{NodeName, SessionId, Timestamp, UserId};
use tavern_runtime_hooks::matches::{
    Broadcast, Dispatcher, JoinAnswer, MatchDispatcher, MatchMessage, MatchPlayer, NoMatch,
    SignalAnswer, Step,
};
use uuid::Uuid;

use super::*;

/// Remembers what a match does.
#[derive(Default)]
struct Stage {
    sent: Mutex<Vec<Broadcast>>,
    deferred: Mutex<Vec<Broadcast>>,
    kicked: Mutex<Vec<SessionId>>,
    label: Mutex<String>,
}

impl MatchDispatcher for Stage {
    fn broadcast(&self, message: Broadcast) -> Result<(), HookError> {
        self.sent.lock().push(message);
        Ok(())
    }

    fn broadcast_deferred(&self, message: Broadcast) -> Result<(), HookError> {
        self.deferred.lock().push(message);
        Ok(())
    }

    fn kick(&self, players: &[SessionId]) -> Result<(), HookError> {
        self.kicked.lock().extend_from_slice(players);
        Ok(())
    }

    fn update_label(&self, label: &str) -> Result<(), HookError> {
        label.clone_into(&mut self.label.lock());
        Ok(())
    }
}

/// A match on a stage.
struct Play {
    machine: Machine,
    stage: Arc<Stage>,
    first: usize,
    tick: i64,
    _bench: Bench,
}

fn play(bench: Bench, name: &str, params: &Value) -> Result<(Play, i64, String), HookError> {
    let (mut machine, _, found) = bench.first().unwrap();
    let place = Place::Match(name.to_owned());
    let first = found.places.iter().find(|(p, _)| *p == place).unwrap().1;
    let context = ScriptContext::new("match");
    let begun = machine.begin_match(first, name, &context, params)?.expect("a match begins");
    let play = Play { machine, stage: Arc::default(), first, tick: 0, _bench: bench };
    Ok((play, begun.tick_rate, begun.label))
}

fn samples() -> Bench {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/modules/typescript");
    bench_of(&folder, |plan| plan.limits.memory = 64 << 20)
}

fn player(n: u128) -> MatchPlayer {
    MatchPlayer {
        user: UserId(Uuid::from_u128(n + 1_000)),
        session: SessionId(Uuid::from_u128(n)),
        username: format!("player{n}").into(),
        node: NodeName::new("node1").unwrap(),
        reason: None,
    }
}

fn message(n: u128, op_code: i64, data: &str) -> MatchMessage {
    MatchMessage {
        sender: player(n),
        op_code,
        data: data.to_owned().into(),
        reliable: true,
        received: Timestamp::from_seconds(7),
    }
}

impl Play {
    fn callback(&mut self, number: usize) -> Callback {
        self.tick += 1;
        Callback {
            function: self.first + number,
            what: "test".into(),
            context: ScriptContext::new("match"),
            dispatcher: Dispatcher(Arc::clone(&self.stage) as Arc<dyn MatchDispatcher>),
            tick: self.tick,
        }
    }

    fn attempt(&mut self, n: u128) -> Result<JoinAnswer, HookError> {
        let callback = self.callback(1);
        self.machine.attempt_match(&callback, &Extra::Attempt(player(n), Value::Map(Vec::new())))
    }

    fn join(&mut self, n: u128) -> Result<Step, HookError> {
        let callback = self.callback(2);
        self.machine.step_match(&callback, &Extra::Players(vec![player(n)]))
    }

    fn leave(&mut self, n: u128) -> Result<Step, HookError> {
        let callback = self.callback(3);
        self.machine.step_match(&callback, &Extra::Players(vec![player(n)]))
    }

    fn run(&mut self, messages: Vec<MatchMessage>) -> Result<Step, HookError> {
        let callback = self.callback(4);
        self.machine.step_match(&callback, &Extra::Messages(messages))
    }

    fn signal(&mut self, data: &str) -> Result<SignalAnswer, HookError> {
        let callback = self.callback(6);
        self.machine.signal_match(&callback, &Extra::Signal(data.to_owned()))
    }

    fn sent(&self) -> Vec<(i64, String)> {
        let sent = std::mem::take(&mut *self.stage.sent.lock());
        let text = |b: &Broadcast| String::from_utf8(b.data.to_vec()).unwrap();
        sent.iter().map(|b| (b.op_code, text(b))).collect()
    }
}

#[test]
fn the_duel_is_played_to_its_end() {
    let (mut duel, rate, label) = play(samples(), "duel", &Value::Null).unwrap();
    assert_eq!((rate, &*label), (5, r#"{"game":"duel","open":true}"#));
    for n in [1, 2] {
        assert_eq!(duel.attempt(n).unwrap(), JoinAnswer::Accept);
        assert_eq!(duel.join(n).unwrap(), Step::Continue);
    }
    let full = JoinAnswer::Reject("two are playing already".to_owned());
    assert_eq!(duel.attempt(3).unwrap(), full);
    assert_eq!(*duel.stage.label.lock(), r#"{"game":"duel","open":false}"#);
    assert_eq!(duel.sent()[0].0, 1);
    assert_eq!(duel.run(vec![message(2, 2, "0")]).unwrap(), Step::Continue);
    assert_eq!(duel.sent(), [(3, String::new())], "it is not their turn");
    for (n, cell) in [(1, "0"), (2, "3"), (1, "1"), (2, "4")] {
        assert_eq!(duel.run(vec![message(n, 2, cell)]).unwrap(), Step::Continue);
    }
    assert_eq!(duel.run(vec![message(1, 2, "2")]).unwrap(), Step::End);
    let over = format!(r#"{{"winner":"{}"}}"#, player(1).user);
    assert_eq!(duel.sent().last().unwrap(), &(4, over));
}

#[test]
fn who_leaves_a_duel_has_lost() {
    let (mut duel, ..) = play(samples(), "duel", &Value::Null).unwrap();
    duel.join(1).unwrap();
    duel.join(2).unwrap();
    assert_eq!(duel.leave(1).unwrap(), Step::End);
    assert!(duel.sent().last().unwrap().1.contains(&player(2).user.to_string()));
}

#[test]
fn the_arena_moves_who_steers_and_survives_nonsense() {
    let params = Value::Map(vec![("map".to_owned(), Value::Text("ice".to_owned()))]);
    let (mut arena, rate, label) = play(samples(), "arena", &params).unwrap();
    assert_eq!((rate, &*label), (20, r#"{"game":"arena","map":"ice"}"#));
    arena.join(1).unwrap();
    let steer =
        vec![message(1, 1, r#"{"dx":1,"dy":-9}"#), message(1, 1, "}{"), message(9, 1, "{}")];
    assert_eq!(arena.run(steer).unwrap(), Step::Continue);
    let (op, text) = arena.sent().pop().unwrap();
    let wanted = format!(r#"{{"tick":2,"positions":{{"{}":[50.25,49.75]}}}}"#, player(1).session);
    assert_eq!((op, text), (2, wanted));
    assert_eq!(arena.signal("count").unwrap(), SignalAnswer::Reply("1".to_owned()));
    arena.leave(1).unwrap();
    assert_eq!(arena.run(Vec::new()).unwrap(), Step::Continue);
    assert!(arena.sent().is_empty(), "there is nobody to tell");
}

const ODD: &str = r#"
const m = {
  matchInit: (c, l, n, params) => params.none ? null : ({ state: { n: 0, sum: c.executionMode }, tickRate: params.rate ?? 10, label: "l" }),
  matchJoinAttempt: (c, l, n, d, t, state, p, meta) => ({ state, accept: false, rejectMessage: undefined }),
  matchJoin: (c, l, n, d, t, state, presences) => { d.matchKick(presences); return { state }; },
  matchLeave: () => 7,
  matchLoop: (c, l, n, d, t, state, messages) => {
    state.n += 1;
    for (const m of messages) {
      if (m.opCode === 6) throw new Error("asked to fail");
      if (m.opCode === 7) return { state: null };
      if (m.opCode === 8) for (;;) {}
      if (m.opCode === 9) { d.broadcastMessage("nine"); }
      d.broadcastMessageDeferred(m.opCode, m.data ?? new Uint8Array([65]), [m.sender], m.sender, false);
    }
    return { state };
  },
  matchTerminate: (c, l, n, d, t, state, grace) => ({ state }),
  matchSignal: (c, l, n, d, t, state, data) => ({ state, data: `${data} ${state.n} ${state.sum}` }),
};
function InitModule(c, l, nk, i) { i.registerMatch("odd", m); }
"#;

fn odd() -> Play {
    play(bench(&[("index.js", ODD)]), "odd", &Value::Null).unwrap().0
}

#[test]
fn state_stays_in_the_machine_and_the_dispatcher_gets_what_is_sent() {
    let mut odd = odd();
    odd.run(Vec::new()).unwrap();
    odd.run(vec![message(1, 3, "hi"), message(2, 4, "")]).unwrap();
    let deferred = std::mem::take(&mut *odd.stage.deferred.lock());
    assert_eq!((&deferred[0].data[..], &deferred[1].data[..]), (&b"hi"[..], &b"A"[..]));
    assert_eq!(deferred[0].to.as_deref(), Some(&[player(1).session][..]));
    assert_eq!(deferred[0].sender.as_ref().unwrap().1, player(1).session);
    assert!(!deferred[0].reliable);
    odd.join(5).unwrap();
    assert_eq!(*odd.stage.kicked.lock(), [player(5).session]);
    assert_eq!(odd.signal("is").unwrap(), SignalAnswer::Reply("is 2 5".to_owned()));
}

#[test]
fn a_match_ends_by_an_error_or_without_a_state() {
    let mut failed = odd();
    let error = failed.run(vec![message(1, 6, "")]).unwrap_err();
    assert!(error.message.contains("asked to fail at matchLoop (index.js:10:"), "{error}");
    assert_eq!(odd().run(vec![message(1, 7, "")]).unwrap(), Step::End);
    let error = odd().run(vec![message(1, 8, "")]).unwrap_err();
    assert_eq!(error.code, ErrorCode::DeadlineExceeded);
    let error = odd().run(vec![message(1, 9, "")]).unwrap_err();
    assert!(error.message.contains("op_code"), "{error}");
    assert!(odd().attempt(1).unwrap_err().message.contains("rejectMessage"));
    assert!(odd().leave(1).unwrap_err().message.contains("must answer an object"));
}

#[test]
fn a_match_may_not_begin() {
    let bench = bench(&[("index.js", ODD)]);
    let (mut machine, _, found) = bench.first().unwrap();
    let context = ScriptContext::new("match");
    let params = Value::Map(vec![("none".to_owned(), Value::Bool(true))]);
    let begun = machine.begin_match(found.places[0].1, "odd", &context, &params).unwrap();
    assert!(begun.is_none());
    assert!(NoMatch.kick(&[]).is_err());
}
