//! Matches that the server runs, with time that stands still.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tavern_domain::{
    CodedError, Lifecycle, ManualClock, MatchId, NodeName, Presence, PresenceReason, SeededEntropy,
    SessionId, Stream, Timestamp,
};
use tavern_matches::conformance::{FakeMembers, player};
use tavern_matches::{
    Entered, Hosted, HostedConfig, HostedMeters, HostedParts, Inboxes, Listing, MatchError,
    Members, Sent, Stage,
};
use tavern_runtime_hooks::matches::{
    Broadcast, CreatedMatch, JoinAnswer, JoinAttempt, MatchContext, MatchHandler, MatchHandlers,
    MatchMessage, MatchPlayer, SignalAnswer, Step,
};
use tavern_runtime_hooks::{HookContext, HookError, Value};
use uuid::Uuid;

/// What a match was told and what it has said, one line each.
type Log = Arc<Mutex<Vec<String>>>;

struct FakeStage {
    members: FakeMembers,
    inboxes: Arc<Inboxes>,
    log: Log,
}

impl Members for FakeStage {
    fn enter(&self, stream: &Stream, who: &Presence) -> Result<Entered, CodedError> {
        let entered = self.members.enter(stream, who)?;
        if entered.new {
            let came = std::slice::from_ref(who);
            self.inboxes.changed(stream.subject, came, &[], PresenceReason::Join);
        }
        Ok(entered)
    }

    fn leave(&self, stream: &Stream, session: SessionId) -> bool {
        let left = self.members.leave(stream, session);
        if left {
            let gone = (0..10).map(player).filter(|p| p.session == session).collect::<Vec<_>>();
            self.inboxes.changed(stream.subject, &[], &gone, PresenceReason::Leave);
        }
        left
    }

    fn is_member(&self, stream: &Stream, session: SessionId) -> bool {
        self.members.is_member(stream, session)
    }

    fn size(&self, stream: &Stream) -> usize {
        self.members.size(stream)
    }

    fn matches(&self, limit: usize, keep: &mut dyn FnMut(usize) -> bool) -> Vec<(Uuid, usize)> {
        self.members.matches(limit, keep)
    }
}

impl Stage for FakeStage {
    fn send(&self, _: &Stream, _: &MatchId, message: &Broadcast) {
        self.log.lock().push(format!("sent {}", message.op_code));
    }

    fn dismiss(&self, stream: &Stream, failed: bool) {
        for n in 0..10 {
            self.members.leave(stream, player(n).session);
        }
        self.log.lock().push(format!("dismissed failed={failed}"));
    }
}

/// A match that does what it is told by the data of its players and by signals.
struct Scripted {
    log: Log,
}

impl Scripted {
    fn say(&self, text: String) {
        self.log.lock().push(text);
    }

    async fn obey(&self, context: &MatchContext, order: &str) -> Result<Step, HookError> {
        let message = |op_code| Broadcast { op_code, reliable: true, ..Broadcast::default() };
        match order {
            "end" => return Ok(Step::End),
            "fail" => return Err(HookError::internal("made up")),
            "panic" => panic!("made up"),
            "hang" => std::future::pending::<()>().await,
            "later" => {
                context.dispatcher.broadcast_deferred(message(2))?;
                context.dispatcher.broadcast(message(1))?;
            }
            "flood" => {
                for _ in 0..3 {
                    context.dispatcher.broadcast_deferred(message(3))?;
                }
            }
            "kick" => context.dispatcher.kick(&[player(1).session])?,
            label if label.starts_with('{') => context.dispatcher.update_label(label)?,
            other => self.say(format!("heard {other}")),
        }
        Ok(Step::Continue)
    }
}

fn names(players: &[MatchPlayer]) -> String {
    let all: Vec<_> =
        players.iter().map(|p| format!("{} {:?}", p.username, p.reason.unwrap())).collect();
    all.join(", ")
}

#[async_trait]
impl MatchHandler for Scripted {
    async fn join_attempt(
        &mut self,
        context: MatchContext,
        attempt: JoinAttempt,
    ) -> Result<JoinAnswer, HookError> {
        if let Some(order) = attempt.metadata.get("order") {
            self.obey(&context, order).await?;
        }
        self.say(format!("asked by {}", attempt.player.username));
        Ok(match attempt.metadata.get("refuse") {
            Some(reason) => JoinAnswer::Reject(reason.clone()),
            None => JoinAnswer::Accept,
        })
    }

    async fn join(&mut self, _: MatchContext, came: Vec<MatchPlayer>) -> Result<Step, HookError> {
        self.say(format!("came {}", names(&came)));
        Ok(Step::Continue)
    }

    async fn leave(&mut self, _: MatchContext, gone: Vec<MatchPlayer>) -> Result<Step, HookError> {
        self.say(format!("gone {}", names(&gone)));
        Ok(Step::Continue)
    }

    async fn run(
        &mut self,
        context: MatchContext,
        messages: Vec<MatchMessage>,
    ) -> Result<Step, HookError> {
        self.say(format!("tick {}", context.tick));
        for message in messages {
            let order = String::from_utf8(message.data.to_vec()).unwrap();
            if self.obey(&context, &order).await? == Step::End {
                return Ok(Step::End);
            }
        }
        Ok(Step::Continue)
    }

    async fn terminate(&mut self, _: MatchContext, grace: i64) -> Result<Step, HookError> {
        self.say(format!("terminate {grace}"));
        Ok(Step::Continue)
    }

    async fn signal(
        &mut self,
        context: MatchContext,
        data: String,
    ) -> Result<SignalAnswer, HookError> {
        Ok(match self.obey(&context, &data).await? {
            Step::Continue => SignalAnswer::Reply(format!("did {data}")),
            Step::End => SignalAnswer::End,
        })
    }
}

struct World {
    hosted: Hosted,
    stage: Arc<FakeStage>,
    log: Log,
}

impl World {
    fn new(config: HostedConfig) -> Self {
        let log = Log::default();
        let handlers = Arc::new(MatchHandlers::default());
        let inboxes = Arc::new(Inboxes::default());
        let stage = Arc::new(FakeStage {
            members: FakeMembers::default(),
            inboxes: Arc::clone(&inboxes),
            log: Arc::clone(&log),
        });
        let hosted = Hosted::new(HostedParts {
            node: NodeName::new("here").unwrap(),
            stage: Arc::clone(&stage) as _,
            inboxes,
            handlers: Arc::clone(&handlers),
            life: Lifecycle::new(),
            clock: Arc::new(ManualClock::at(Timestamp::from_seconds(1))),
            chance: Arc::new(SeededEntropy::new(1)),
            meters: HostedMeters::default(),
            config,
        });
        Self { hosted, stage, log }.registered(handlers)
    }

    fn registered(self, handlers: Arc<MatchHandlers>) -> Self {
        let log = Arc::clone(&self.log);
        let made = move |_: MatchContext, params: Value| {
            let handler = Box::new(Scripted { log: Arc::clone(&log) });
            let tick_rate = match params.get("rate") {
                Value::Int(rate) => *rate,
                _ => 10,
            };
            let label = match params.get("label") {
                Value::Text(label) => label.clone(),
                _ => String::new(),
            };
            async move { Ok(CreatedMatch { handler, tick_rate, label }) }
        };
        handlers.add("scripted", &"tests".into(), Arc::new(made)).unwrap();
        self
    }

    async fn create(&self) -> MatchId {
        self.hosted.create("scripted", Value::Null).await.unwrap()
    }

    async fn create_with(&self, label: &str) -> MatchId {
        let params = Value::Map(vec![("label".into(), Value::Text(label.into()))]);
        self.hosted.create("scripted", params).await.unwrap()
    }

    async fn join(
        &self,
        id: &MatchId,
        n: u64,
        metadata: &[(&str, &str)],
    ) -> Result<(), MatchError> {
        let who = player(n);
        let text = |text: &&str| (*text).to_owned();
        let metadata: BTreeMap<_, _> = metadata.iter().map(|(k, v)| (text(k), text(v))).collect();
        let attempt = JoinAttempt { player: named(&who), metadata, caller: caller(&who) };
        self.hosted.join(id, &who, attempt).await.map(drop)
    }

    async fn say(&self, id: &MatchId, n: u64, data: &'static str, reliable: bool) -> Sent {
        let message = MatchMessage {
            sender: named(&player(n)),
            op_code: 1,
            data: data.into(),
            reliable,
            received: Timestamp::EPOCH,
        };
        self.hosted.send(id, message).await
    }

    /// What was logged since the last look, without the ticks.
    fn heard(&self) -> Vec<String> {
        let mut lines = std::mem::take(&mut *self.log.lock());
        lines.retain(|line| !line.starts_with("tick"));
        lines
    }

    fn found(&self, label: Option<&str>, query: Option<&str>) -> Vec<MatchId> {
        let listing = Listing {
            limit: Some(100),
            by_label: label.is_some(),
            by_query: query.is_some(),
            ..Listing::default()
        };
        let found = self.hosted.list(&listing.check().unwrap(), label, query).unwrap();
        found.into_iter().map(|info| info.id).collect()
    }
}

fn named(who: &Presence) -> MatchPlayer {
    MatchPlayer {
        user: who.user,
        session: who.session,
        username: Arc::clone(&who.meta.username),
        node: NodeName::new("here").unwrap(),
        reason: None,
    }
}

fn caller(who: &Presence) -> HookContext {
    HookContext {
        node: NodeName::new("here").unwrap(),
        user: Some(who.user),
        username: None,
        vars: BTreeMap::new(),
        expires: None,
        session: Some(who.session),
        client_ip: None,
        client_port: None,
        lang: Arc::from(""),
        obligation: None,
    }
}

async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn loops_run_at_their_rate_and_count_from_zero() {
    let world = World::new(HostedConfig::default());
    world.create().await;
    pass(1_050).await;
    let ticks: Vec<_> = (0..=10).map(|n| format!("tick {n}")).collect();
    assert_eq!(*world.log.lock(), ticks, "one at the start and ten in a second");
}

#[tokio::test(start_paused = true)]
async fn rates_and_labels_have_bounds() {
    let world = World::new(HostedConfig::default());
    for rate in [0, -1, 61] {
        let params = Value::Map(vec![("rate".into(), Value::Int(rate))]);
        let refused = world.hosted.create("scripted", params).await;
        assert!(matches!(refused, Err(MatchError::TickRate { .. })), "{rate}");
    }
    let params = Value::Map(vec![("label".into(), Value::Text("x".repeat(2049)))]);
    assert!(matches!(world.hosted.create("scripted", params).await, Err(MatchError::Handler(_))));
    assert!(matches!(
        world.hosted.create("nobody", Value::Null).await,
        Err(MatchError::UnknownHandler { .. })
    ));
    assert_eq!(world.hosted.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn players_are_asked_about_once_and_told_of_in_order() {
    let world = World::new(HostedConfig::default());
    let id = world.create().await;
    world.join(&id, 1, &[]).await.unwrap();
    world.join(&id, 1, &[]).await.unwrap();
    let refused = world.join(&id, 2, &[("refuse", "not you")]).await.unwrap_err();
    assert!(matches!(refused, MatchError::Rejected { reason } if reason == "not you"));
    let refused = world.join(&id, 2, &[("refuse", "")]).await.unwrap_err();
    assert!(matches!(refused, MatchError::Rejected { reason } if !reason.is_empty()));
    assert!(world.hosted.leave(&id, player(1).session));
    assert!(!world.hosted.leave(&id, player(1).session), "one leaves once");
    pass(200).await;
    let expected = [
        "asked by player-1",
        "came player-1 Join",
        "asked by player-2",
        "asked by player-2",
        "gone player-1 Leave",
    ];
    assert_eq!(world.heard(), expected);
}

#[tokio::test(start_paused = true)]
async fn data_waits_for_the_next_loop_and_outsiders_are_not_heard() {
    let world = World::new(HostedConfig::default());
    let id = world.create().await;
    world.join(&id, 1, &[]).await.unwrap();
    world.heard();
    assert_eq!(world.say(&id, 1, "hello", true).await, Sent::Taken);
    assert_eq!(world.say(&id, 2, "psst", true).await, Sent::Nowhere);
    assert!(world.heard().iter().all(|line| line != "heard hello"), "not before the loop");
    pass(150).await;
    assert!(world.heard().contains(&"heard hello".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_holds_up_those_who_must_be_heard_and_drops_the_rest() {
    let config = HostedConfig { input_queue_size: 1, ..HostedConfig::default() };
    let world = World::new(config);
    let id = world.create().await;
    world.join(&id, 1, &[]).await.unwrap();
    pass(20).await;
    world.heard();
    // One player: room for four.
    for text in ["a", "b", "c", "d"] {
        assert_eq!(world.say(&id, 1, text, true).await, Sent::Taken);
    }
    assert_eq!(world.say(&id, 1, "e", false).await, Sent::Dropped);
    let before = tokio::time::Instant::now();
    assert_eq!(world.say(&id, 1, "f", true).await, Sent::Taken, "the next loop makes room");
    assert!(before.elapsed() >= Duration::from_millis(50));
    pass(150).await;
    let heard = ["heard a", "heard b", "heard c", "heard d", "heard f"];
    assert_eq!(world.heard(), heard, "the match lives, in order, without what was dropped");
}

#[tokio::test(start_paused = true)]
async fn data_for_a_match_that_hangs_waits_no_longer_than_a_second() {
    let config = HostedConfig { input_queue_size: 1, ..HostedConfig::default() };
    let world = World::new(config);
    let id = world.create().await;
    world.join(&id, 1, &[]).await.unwrap();
    world.say(&id, 1, "hang", true).await;
    pass(150).await;
    for text in ["a", "b", "c", "d"] {
        world.say(&id, 1, text, true).await;
    }
    let before = tokio::time::Instant::now();
    assert_eq!(world.say(&id, 1, "e", true).await, Sent::Dropped);
    assert_eq!(before.elapsed().as_secs(), 1);
    let rejected = world.join(&id, 2, &[]).await;
    assert!(matches!(rejected, Err(MatchError::Rejected { .. })), "nobody answers");
    assert!(matches!(world.hosted.signal(&id, "x".into()).await, Err(MatchError::Busy)));
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_fails_or_panics_ends_the_match_for_all() {
    for order in ["fail", "panic"] {
        let world = World::new(HostedConfig::default());
        let id = world.create().await;
        world.join(&id, 1, &[]).await.unwrap();
        world.say(&id, 1, order, true).await;
        pass(150).await;
        assert_eq!(world.heard().last().unwrap(), "dismissed failed=true");
        assert_eq!(world.hosted.count(), 0);
        assert!(matches!(world.join(&id, 1, &[]).await, Err(MatchError::NotFound)));
        assert_eq!(world.say(&id, 1, "x", true).await, Sent::Nowhere);
        assert!(world.found(None, None).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_match_that_wants_to_ends_in_silence() {
    let world = World::new(HostedConfig::default());
    let id = world.create().await;
    world.join(&id, 1, &[]).await.unwrap();
    assert!(matches!(world.hosted.signal(&id, "end".into()).await, Err(MatchError::NotFound)));
    pass(10).await;
    assert_eq!(world.heard().last().unwrap(), "dismissed failed=false");
    assert_eq!(world.hosted.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn signals_are_answered() {
    let world = World::new(HostedConfig::default());
    let id = world.create().await;
    assert_eq!(world.hosted.signal(&id, "x".into()).await.unwrap(), "did x");
    let other = MatchId { node: Some(NodeName::new("there").unwrap()), ..id };
    assert!(matches!(world.hosted.signal(&other, "x".into()).await, Err(MatchError::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn what_is_put_off_goes_out_when_the_callback_is_over() {
    let config = HostedConfig { deferred_queue_size: 2, ..HostedConfig::default() };
    let world = World::new(config);
    let id = world.create().await;
    world.hosted.signal(&id, "later".into()).await.unwrap();
    assert_eq!(world.heard(), ["sent 1", "sent 2"]);
    let flooded = world.hosted.signal(&id, "flood".into()).await;
    assert!(matches!(flooded, Err(MatchError::NotFound)), "too many are an error of the callback");
    pass(10).await;
    assert_eq!(world.heard().last().unwrap(), "dismissed failed=true");
}

#[tokio::test(start_paused = true)]
async fn who_is_kicked_is_gone_and_may_come_back() {
    let world = World::new(HostedConfig::default());
    let id = world.create().await;
    world.join(&id, 1, &[]).await.unwrap();
    world.hosted.signal(&id, "kick".into()).await.unwrap();
    pass(10).await;
    assert!(world.heard().contains(&"gone player-1 Leave".to_owned()));
    assert_eq!(world.hosted.get(&id).unwrap().size, 0);
    world.join(&id, 1, &[]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_who_is_accepted_and_cannot_come_is_told_of() {
    let world = World::new(HostedConfig::default());
    let id = world.create().await;
    world.stage.members.refuse(player(1).session);
    assert!(matches!(world.join(&id, 1, &[]).await, Err(MatchError::Refused(_))));
    pass(10).await;
    assert_eq!(world.heard(), ["asked by player-1", "gone player-1 Disconnect"]);
}

#[tokio::test(start_paused = true)]
async fn matches_are_found_by_their_labels() {
    let config =
        HostedConfig { label_update_interval: Duration::from_secs(1), ..HostedConfig::default() };
    let world = World::new(config);
    let duel = world.create_with(r#"{"mode":"duel","skill":12,"open":true}"#).await;
    let team = world.create_with(r#"{"mode":"team","skill":30,"tags":["a","b"]}"#).await;
    let plain = world.create_with("plain text").await;
    let query = |query: &str| world.found(None, Some(query));
    assert_eq!(query("+label.mode:duel"), std::slice::from_ref(&duel));
    assert_eq!(query("+label.skill:>=20 -label.mode:duel"), std::slice::from_ref(&team));
    assert_eq!(query("+label.open:T"), std::slice::from_ref(&duel));
    assert_eq!(query("+label.tags:b"), std::slice::from_ref(&team));
    assert_eq!(query("+handler_name:scripted +tick_rate:10").len(), 3);
    assert_eq!(query("*").len(), 3);
    assert_eq!(world.found(Some("plain text"), None), [plain]);
    assert!(world.found(Some("plain"), None).is_empty());
    world.hosted.signal(&team, r#"{"mode":"solo"}"#.into()).await.unwrap();
    pass(1_001).await;
    assert_eq!(query("+label.mode:solo"), [team]);
    assert!(query("+label.mode:team").is_empty());
    let bad = Listing { by_query: true, ..Listing::default() }.check().unwrap();
    assert!(matches!(world.hosted.list(&bad, None, Some("+(")), Err(MatchError::BadQuery(_))));
}

#[tokio::test(start_paused = true)]
async fn many_matches_that_come_and_go_leave_nothing_behind() {
    let world = World::new(HostedConfig::default());
    for round in 0..1_500 {
        let id = world.create_with(&format!(r#"{{"n":{round}}}"#)).await;
        assert_eq!(
            world.found(None, Some(&format!("+label.n:{round}"))),
            std::slice::from_ref(&id)
        );
        assert!(world.hosted.signal(&id, "end".into()).await.is_err());
        while world.hosted.count() > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert!(world.found(None, None).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_empty_match_ends_after_its_time() {
    let config = HostedConfig { max_empty: Duration::from_secs(3), ..HostedConfig::default() };
    let world = World::new(config);
    let id = world.create().await;
    pass(2_000).await;
    world.join(&id, 1, &[]).await.unwrap();
    pass(10_000).await;
    assert_eq!(world.hosted.count(), 1, "somebody is in");
    world.hosted.leave(&id, player(1).session);
    pass(2_500).await;
    assert_eq!(world.hosted.count(), 1);
    pass(1_000).await;
    assert_eq!(world.hosted.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_gives_matches_time() {
    let world = World::new(HostedConfig::default());
    let busy = world.create().await;
    world.create().await;
    world.join(&busy, 1, &[]).await.unwrap();
    let before = tokio::time::Instant::now();
    assert_eq!(world.hosted.shut_down(Duration::from_secs(5)).await, 0);
    let took = before.elapsed().as_secs_f64();
    assert!((4.9..=5.1).contains(&took), "the one with a player goes on to the end: {took}");
    assert!(world.heard().contains(&"terminate 5".to_owned()));
    assert!(matches!(
        world.hosted.create("scripted", Value::Null).await,
        Err(MatchError::Stopping)
    ));
}
