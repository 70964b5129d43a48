//! Many threads on few streams: what is promised holds whoever comes first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use parking_lot::Mutex;
use tavern_domain::{SessionId, Stream, UserId};
use tavern_streams::{Class, CloseReason, InterestSink, Sink, Streams};
use uuid::Uuid;

const THREADS: usize = 4;
const ROUNDS: usize = 2_000;

fn session(n: usize) -> SessionId {
    SessionId(Uuid::from_u128(0x1000 + n as u128))
}

/// Fails when anything arrives outside of its subscription, or out of its sender's order.
#[derive(Default)]
struct Strict {
    subscribed: AtomicBool,
    last: Mutex<BTreeMap<usize, u64>>,
    got: AtomicU64,
}

impl Sink<(usize, u64)> for Strict {
    fn push(&self, message: Arc<(usize, u64)>, _: Class) {
        assert!(self.subscribed.load(Ordering::SeqCst), "a message after the end");
        let (sender, number) = *message;
        let before = self.last.lock().insert(sender, number);
        assert!(before.is_none_or(|b| b < number), "out of order");
        self.got.fetch_add(1, Ordering::SeqCst);
    }
    fn close(&self, _: CloseReason) {}
}

/// Fails when first and last do not take turns.
#[derive(Default)]
struct Turns(Mutex<BTreeMap<String, bool>>);

impl InterestSink for Turns {
    fn gained(&self, stream: &Stream) {
        assert_ne!(self.0.lock().insert(stream.to_string(), true), Some(true));
    }
    fn lost(&self, stream: &Stream) {
        assert_eq!(self.0.lock().insert(stream.to_string(), false), Some(true));
    }
}

#[test]
fn subscriptions_begin_and_end_when_they_say() {
    let turns = Arc::new(Turns::default());
    let streams: Streams<(usize, u64)> = Streams::<(usize, u64)>::builder()
        .interest(Arc::clone(&turns) as Arc<dyn InterestSink>)
        .build();
    let rooms: Vec<_> = (0..2).map(|n| Stream::room(&n.to_string())).collect();
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for me in 0..THREADS {
            let (streams, rooms, start) = (&streams, &rooms, &start);
            scope.spawn(move || {
                let sink = Arc::new(Strict::default());
                let room = &rooms[me % rooms.len()];
                start.wait();
                for round in 0..ROUNDS {
                    let id = session(me * ROUNDS + round);
                    streams.open(id, UserId::NIL, Arc::clone(&sink) as Arc<_>).unwrap();
                    sink.subscribed.store(true, Ordering::SeqCst);
                    assert!(streams.subscribe(id, room).unwrap());
                    let before = sink.got.load(Ordering::SeqCst);
                    assert!(streams.send(room, Arc::new((me, round as u64)), Class::Reliable) > 0);
                    assert!(sink.got.load(Ordering::SeqCst) > before, "its own message");
                    for other in rooms {
                        streams.send_except(
                            other,
                            id,
                            Arc::new((me + THREADS, round as u64)),
                            Class::Reliable,
                        );
                    }
                    if round % 2 == 0 {
                        assert!(streams.unsubscribe(id, room));
                        sink.subscribed.store(false, Ordering::SeqCst);
                    }
                    assert!(streams.close_session(id));
                    sink.subscribed.store(false, Ordering::SeqCst);
                }
            });
        }
    });
    let totals = streams.totals();
    assert_eq!((totals.sessions, totals.streams, totals.subscriptions), (0, 0, 0));
    assert!(turns.0.lock().values().all(|on| !on), "every interest ended");
}

/// Lets others run while a session's first subscriptions are being made.
struct Slow;

impl InterestSink for Slow {
    fn gained(&self, _: &Stream) {
        std::thread::yield_now();
    }
    fn lost(&self, _: &Stream) {}
}

#[test]
fn a_session_closed_while_it_subscribes_leaves_nothing() {
    let streams: Streams<(usize, u64)> =
        Streams::<(usize, u64)>::builder().interest(Arc::new(Slow)).build();
    for round in 0..ROUNDS {
        let id = session(round);
        let sink = Arc::new(Strict::default());
        streams.open(id, UserId::NIL, Arc::clone(&sink) as Arc<_>).unwrap();
        // Two at once, so that one has found the session and waits for the other while it closes.
        let start = Barrier::new(3);
        let subscribe = |rooms: std::ops::Range<usize>| {
            start.wait();
            for n in rooms {
                if streams.subscribe(id, &Stream::room(&n.to_string())).is_err() {
                    break;
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| subscribe(0..4));
            scope.spawn(|| subscribe(4..8));
            start.wait();
            assert!(streams.close_session(id));
        });
        let totals = streams.totals();
        assert_eq!((totals.streams, totals.subscriptions), (0, 0));
        assert_eq!(Arc::strong_count(&sink), 1);
    }
}
