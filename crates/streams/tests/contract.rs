//! What is promised, rule by rule, and the registry against a slow and obviously right model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tavern_domain::{Classify, ErrorCode, SessionId, Stream, UserId};
use tavern_streams::conformance::{RecordingSink, sink_is_bounded};
use tavern_streams::{Class, CloseReason, Config, InterestSink, Sink, Streams, StreamsError};
use uuid::Uuid;

type Recorder = Arc<RecordingSink<u32>>;

fn session(n: usize) -> SessionId {
    SessionId(Uuid::from_u128(0x1000 + n as u128))
}

fn user(n: usize) -> UserId {
    UserId(Uuid::from_u128(1 + n as u128))
}

fn open(streams: &Streams<u32>, n: usize) -> Recorder {
    let sink = Recorder::default();
    streams
        .open(session(n), user(n / 2), Arc::clone(&sink) as Arc<dyn Sink<u32>>)
        .expect("a new session");
    sink
}

fn heard(sink: &Recorder) -> Vec<u32> {
    sink.take().into_iter().map(|(m, _)| *m).collect()
}

#[test]
fn a_message_reaches_every_subscriber_and_nobody_else() {
    let streams = Streams::default();
    let room = Stream::room("hall");
    let sinks: Vec<_> = (0..3).map(|n| open(&streams, n)).collect();
    for n in 0..2 {
        assert!(streams.subscribe(session(n), &room).unwrap());
    }
    assert!(!streams.subscribe(session(0), &room).unwrap(), "subscribing twice changes nothing");
    assert_eq!(streams.send(&room, Arc::new(7), Class::Unreliable), 2);
    assert_eq!(sinks[0].take(), [(Arc::new(7), Class::Unreliable)]);
    assert_eq!(heard(&sinks[1]), [7]);
    assert_eq!(streams.send_except(&room, session(0), Arc::new(8), Class::Reliable), 1);
    assert_eq!((heard(&sinks[0]), heard(&sinks[1])), (vec![], vec![8]));
    assert_eq!(heard(&sinks[2]), [] as [u32; 0]);
    assert_eq!(streams.totals().deliveries, 3);
}

#[test]
fn listed_sessions_get_it_once() {
    let streams = Streams::default();
    let room = Stream::room("hall");
    let sinks: Vec<_> = (0..3).map(|n| open(&streams, n)).collect();
    streams.subscribe(session(0), &room).unwrap();
    streams.subscribe(session(1), &room).unwrap();
    let listed = [session(1), session(2), session(1), session(9)];
    assert_eq!(streams.send_to_members(&room, &listed, Arc::new(1), Class::Reliable), 1);
    assert_eq!(streams.send_to(&listed, Arc::new(2), Class::Reliable), 2);
    assert_eq!(heard(&sinks[0]), [] as [u32; 0]);
    assert_eq!(heard(&sinks[1]), [1, 2]);
    assert_eq!(heard(&sinks[2]), [2]);
}

#[test]
fn bounds_and_unknown_sessions_are_errors() {
    let config = Config { max_subscriptions_per_session: 2 };
    let streams: Streams<u32> = Streams::<u32>::builder().config(config).build();
    let room = |n: usize| Stream::room(&n.to_string());
    let nobody = StreamsError::UnknownSession { session: session(0) };
    assert_eq!(streams.subscribe(session(0), &room(0)), Err(nobody.clone()));
    open(&streams, 0);
    open(&streams, 1);
    let twice = streams.open(session(0), user(5), Recorder::default());
    assert_eq!(twice, Err(StreamsError::AlreadyOpen { session: session(0) }));
    assert_eq!(streams.user_of(session(0)), Some(user(0)), "the first one stays");
    streams.subscribe(session(0), &room(0)).unwrap();
    streams.subscribe(session(0), &room(1)).unwrap();
    let full = streams.subscribe(session(0), &room(2)).unwrap_err();
    assert_eq!(full, StreamsError::TooManySubscriptions { limit: 2 });
    assert_eq!(full.code(), ErrorCode::ResourceExhausted);
    assert!(!streams.subscribe(session(0), &room(1)).unwrap(), "known ones are no error");
    streams.subscribe(session(1), &room(2)).unwrap();
    assert!(streams.subscribe(session(0), &room(2)).is_err(), "nor does company help");
    assert!(streams.unsubscribe(session(0), &room(0)));
    assert!(streams.subscribe(session(0), &room(2)).unwrap());
    assert!(streams.close_session(session(0)) && !streams.close_session(session(0)));
    assert_eq!(streams.subscribe(session(0), &room(0)), Err(nobody));
}

#[test]
fn closing_asks_and_leaving_forgets() {
    let streams = Streams::default();
    let sinks: Vec<_> = (0..4).map(|n| open(&streams, n)).collect();
    let mut of_first = streams.sessions_of(user(0));
    of_first.sort();
    assert_eq!(of_first, [session(0), session(1)]);
    assert_eq!(streams.close_user(user(0), CloseReason::Banned), 2);
    assert_eq!(sinks[1].closed(), Some(CloseReason::Banned));
    assert_eq!(sinks[2].closed(), None);
    assert!(streams.is_open(session(0)), "until its owner says so");
    assert!(streams.close_session(session(0)));
    assert_eq!(streams.sessions_of(user(0)), [session(1)]);
    assert!(!streams.close(session(0), CloseReason::Kicked));
    assert_eq!(streams.close_all(CloseReason::ShuttingDown), 3);
    assert_eq!(sinks[1].closed(), Some(CloseReason::Banned), "the first reason counts");
    assert_eq!(sinks[3].closed(), Some(CloseReason::ShuttingDown));
}

#[test]
fn nothing_is_left_of_a_closed_session() {
    let streams = Streams::default();
    let sink = open(&streams, 0);
    for n in 0..100 {
        streams.subscribe(session(0), &Stream::room(&n.to_string())).unwrap();
    }
    assert_eq!(streams.subscriptions_of(session(0)).len(), 100);
    assert_eq!(streams.totals().streams, 100);
    streams.close_session(session(0));
    let totals = streams.totals();
    assert_eq!((totals.sessions, totals.streams, totals.subscriptions), (0, 0, 0));
    assert_eq!(Arc::strong_count(&sink), 1);
}

/// A sink like an outbox: a few places, unreliable messages lose theirs, reliable ones end it.
struct Outbox {
    queue: parking_lot::Mutex<Vec<Arc<u32>>>,
    full: AtomicUsize,
}

impl Sink<u32> for Outbox {
    fn push(&self, message: Arc<u32>, class: Class) {
        let mut queue = self.queue.lock();
        if self.full.load(Ordering::Relaxed) > 0 {
        } else if queue.len() < 8 {
            queue.push(message);
        } else if class == Class::Reliable {
            self.full.store(1, Ordering::Relaxed);
        }
    }

    fn close(&self, _: CloseReason) {
        self.full.store(1, Ordering::Relaxed);
    }
}

#[test]
fn the_contract_of_sinks_can_be_met() {
    let make = || -> Arc<dyn Sink<u32>> {
        Arc::new(Outbox { queue: parking_lot::Mutex::default(), full: AtomicUsize::new(0) })
    };
    sink_is_bounded(make, &Arc::new(1), 8);
}

#[test]
#[should_panic(expected = "keeps more than")]
fn an_unbounded_sink_breaks_the_contract() {
    sink_is_bounded(|| Arc::new(RecordingSink::default()), &Arc::new(1u32), 8);
}

/// Holds interest to its contract and remembers it.
#[derive(Default)]
struct Interest(parking_lot::Mutex<BTreeSet<String>>);

impl InterestSink for Interest {
    fn gained(&self, stream: &Stream) {
        assert!(self.0.lock().insert(stream.to_string()), "gained twice");
    }
    fn lost(&self, stream: &Stream) {
        assert!(self.0.lock().remove(&stream.to_string()), "lost twice");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Open(usize),
    Close(usize),
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    Send(usize),
    SendExcept(usize, usize),
    SendToMembers(usize, Vec<usize>),
    SendTo(Vec<usize>),
}

const SESSIONS: usize = 6;
const STREAMS: usize = 5;
const LIMIT: usize = 4;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (s, t) = (0..SESSIONS, 0..STREAMS);
    let listed = || prop::collection::vec(0..SESSIONS, 0..5);
    let step = prop_oneof![
        2 => s.clone().prop_map(Step::Open),
        1 => s.clone().prop_map(Step::Close),
        6 => (s.clone(), t.clone()).prop_map(|(s, t)| Step::Subscribe(s, t)),
        3 => (s.clone(), t.clone()).prop_map(|(s, t)| Step::Unsubscribe(s, t)),
        3 => t.clone().prop_map(Step::Send),
        1 => (s, t.clone()).prop_map(|(s, t)| Step::SendExcept(s, t)),
        1 => (t, listed()).prop_map(|(t, l)| Step::SendToMembers(t, l)),
        1 => listed().prop_map(Step::SendTo),
    ];
    prop::collection::vec(step, 1..120)
}

fn stream(n: usize) -> Stream {
    match n {
        0 => Stream::status(user(0)),
        1 => Stream::notifications(user(0)),
        n => Stream::room(&n.to_string()),
    }
}

proptest! {
    #[test]
    fn behaves_like_the_model(steps in steps()) {
        let interest = Arc::new(Interest::default());
        let streams: Streams<u32> = Streams::<u32>::builder()
            .config(Config { max_subscriptions_per_session: LIMIT })
            .interest(Arc::clone(&interest) as Arc<dyn InterestSink>)
            .build();
        let mut sinks: BTreeMap<usize, Recorder> = BTreeMap::new();
        let mut model: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut message = 0;
        for step in steps {
            message += 1;
            let mut expect: BTreeSet<usize> = BTreeSet::new();
            let mut sent = 0;
            match step {
                Step::Open(s) => {
                    let sink = Recorder::default();
                    let opened = streams.open(session(s), user(s), Arc::clone(&sink) as Arc<dyn Sink<u32>>);
                    prop_assert_eq!(opened.is_ok(), !sinks.contains_key(&s));
                    sinks.entry(s).or_insert(sink);
                }
                Step::Close(s) => {
                    prop_assert_eq!(streams.close_session(session(s)), sinks.remove(&s).is_some());
                    model.retain(|(member, _)| *member != s);
                }
                Step::Subscribe(s, t) => {
                    let held = model.iter().filter(|(member, _)| *member == s).count();
                    let known = model.contains(&(s, t));
                    let outcome = streams.subscribe(session(s), &stream(t));
                    if !sinks.contains_key(&s) {
                        prop_assert_eq!(outcome, Err(StreamsError::UnknownSession { session: session(s) }));
                    } else if !known && held == LIMIT {
                        prop_assert_eq!(outcome, Err(StreamsError::TooManySubscriptions { limit: LIMIT }));
                    } else {
                        prop_assert_eq!(outcome, Ok(!known));
                        model.insert((s, t));
                    }
                }
                Step::Unsubscribe(s, t) => {
                    prop_assert_eq!(streams.unsubscribe(session(s), &stream(t)), model.remove(&(s, t)));
                }
                Step::Send(t) => {
                    expect.extend(model.iter().filter(|(_, on)| *on == t).map(|(s, _)| *s));
                    sent = streams.send(&stream(t), Arc::new(message), Class::Reliable);
                }
                Step::SendExcept(s, t) => {
                    expect.extend(model.iter().filter(|(m, on)| *on == t && *m != s).map(|(s, _)| *s));
                    sent = streams.send_except(&stream(t), session(s), Arc::new(message), Class::Reliable);
                }
                Step::SendToMembers(t, listed) => {
                    expect.extend(listed.iter().filter(|s| model.contains(&(**s, t))));
                    let listed: Vec<_> = listed.into_iter().map(session).collect();
                    sent = streams.send_to_members(&stream(t), &listed, Arc::new(message), Class::Reliable);
                }
                Step::SendTo(listed) => {
                    expect.extend(listed.iter().filter(|s| sinks.contains_key(s)));
                    let listed: Vec<_> = listed.into_iter().map(session).collect();
                    sent = streams.send_to(&listed, Arc::new(message), Class::Reliable);
                }
            }
            prop_assert_eq!(sent, expect.len());
            for (s, sink) in &sinks {
                let got = heard(sink);
                prop_assert_eq!(got, if expect.contains(s) { vec![message] } else { vec![] });
            }
            let totals = streams.totals();
            let live: BTreeSet<_> = model.iter().map(|(_, t)| stream(*t).to_string()).collect();
            prop_assert_eq!(totals.sessions, sinks.len());
            prop_assert_eq!(totals.subscriptions, model.len());
            prop_assert_eq!(totals.streams, live.len());
            prop_assert_eq!(&*interest.0.lock(), &live);
            for t in 0..STREAMS {
                let members = model.iter().filter(|(_, on)| *on == t).count();
                prop_assert_eq!(streams.subscribers(&stream(t)), members);
                for s in 0..SESSIONS {
                    prop_assert_eq!(streams.is_subscribed(session(s), &stream(t)), model.contains(&(s, t)));
                }
            }
        }
    }
}
