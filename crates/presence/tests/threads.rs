//! Many threads, few streams: the history of each stream has neither gap nor overlap.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};

use tavern_domain::{Entropy, Presence, PresenceReason, SeededEntropy, Stream, UserId};
use tavern_presence::conformance::{Recorded, RecordingSink, somebody};
use tavern_presence::{
    Include, LocalPresence, PresenceDiff, PresenceSink, Presences, Totals, Tracked,
};
use tavern_streams::{Class, CloseReason, Sink, Streams};

const THREADS: u8 = 4;
const ROUNDS: u64 = 1_500;

fn stream(n: u64) -> Stream {
    match n % 3 {
        0 => Stream::status(UserId::NIL),
        n => Stream::room(&n.to_string()),
    }
}

fn replay(history: &[Recorded], until: u64) -> Vec<Presence> {
    let mut shown: Vec<Presence> = Vec::new();
    for diff in history.iter().filter(|d| d.version < until) {
        shown.retain(|p| {
            !diff.leaves.contains(p) || diff.joins.iter().any(|j| j.session == p.session)
        });
        for join in &diff.joins {
            match shown.iter_mut().find(|p| p.session == join.session) {
                Some(known) => *known = join.clone(),
                None => shown.push(join.clone()),
            }
        }
    }
    shown
}

/// Lets others run before it takes a diff: were it not called under the stream's lock, theirs would
/// overtake.
struct Slow(Arc<RecordingSink>);

impl PresenceSink for Slow {
    fn on_diff(&self, diff: &PresenceDiff<'_>) {
        std::thread::yield_now();
        self.0.on_diff(diff);
    }
}

#[test]
fn what_a_joiner_is_told_fits_the_diffs() {
    let sink = Arc::new(RecordingSink::default());
    let presences = LocalPresence::builder(Arc::new(Slow(Arc::clone(&sink)))).build();
    let start = Barrier::new(usize::from(THREADS));
    let joined: Vec<(Stream, Tracked)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..u64::from(THREADS))
            .map(|me| {
                let (presences, start) = (&presences, &start);
                scope.spawn(move || {
                    let chance = SeededEntropy::new(me);
                    let mut joined = Vec::new();
                    start.wait();
                    for round in 0..ROUNDS {
                        // Sessions are shared between neighbours: their calls collide too.
                        let n = (me + chance.next_u64() % 2) % u64::from(THREADS) * 5
                            + chance.next_u64() % 5;
                        let who = somebody(n, n.is_multiple_of(4), Some(&round.to_string()));
                        let on = stream(chance.next_u64());
                        match chance.next_u64() % 8 {
                            0..4 => {
                                let tracked = presences.track(&who, &on).unwrap();
                                if tracked.new && !who.meta.hidden {
                                    joined.push((on, tracked));
                                }
                            }
                            4 | 5 => {
                                presences.update(who.session, &on, &who.meta);
                            }
                            6 => {
                                presences.untrack(who.session, &on);
                            }
                            _ => {
                                presences.untrack_all(who.session, PresenceReason::Disconnect);
                            }
                        }
                    }
                    joined
                })
            })
            .collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    assert!(joined.len() > 100, "the test has something to check");
    let mut history: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
    for diff in sink.take() {
        history.entry(diff.stream.to_string()).or_default().push(diff);
    }
    for (on, tracked) in joined {
        let history = &history[&on.to_string()];
        assert_eq!(tracked.before, replay(history, tracked.version));
        let own = history.iter().filter(|d| d.version == tracked.version).count();
        assert_eq!(own, 1, "its own join is in the history once");
    }
    for n in 0..3 {
        assert_eq!(presences.list(&stream(n), Include::VISIBLE), sink.shown(&stream(n)));
    }
    for n in 0..u64::from(THREADS) * 5 {
        let who = somebody(n, false, None);
        let on = presences.streams_of(who.session);
        assert!(on.iter().all(|s| presences.is_on(who.session, s)));
        assert_eq!(presences.untrack_all(who.session, PresenceReason::Disconnect), on.len());
    }
    assert_eq!(presences.totals(), Totals::default());
}

/// What one client sees.
#[derive(Default)]
struct Client(parking_lot::Mutex<Vec<Arc<Recorded>>>);

impl Sink<Recorded> for Client {
    fn push(&self, message: Arc<Recorded>, _: Class) {
        self.0.lock().push(message);
    }
    fn close(&self, _: CloseReason) {}
}

/// As a server wires it: diffs go to the subscribers of their stream.
struct ToSubscribers(Arc<Streams<Recorded>>);

impl PresenceSink for ToSubscribers {
    fn on_diff(&self, diff: &PresenceDiff<'_>) {
        let message = Recorded {
            stream: diff.stream.clone(),
            joins: diff.joins.to_vec(),
            leaves: diff.leaves.to_vec(),
            reason: diff.reason,
            version: diff.version,
        };
        self.0.send(diff.stream, Arc::new(message), Class::Reliable);
    }
}

#[test]
fn who_subscribes_first_and_joins_second_sees_it_all_once() {
    let streams: Arc<Streams<Recorded>> = Arc::default();
    let presences = LocalPresence::builder(Arc::new(ToSubscribers(Arc::clone(&streams)))).build();
    let room = Stream::room("hall");
    let start = Barrier::new(usize::from(THREADS));
    std::thread::scope(|scope| {
        for me in 0..u64::from(THREADS) {
            let (streams, presences, room, start) = (&streams, &presences, &room, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..ROUNDS / 5 {
                    let who = somebody(me * ROUNDS + round, false, None);
                    let client = Arc::new(Client::default());
                    streams.open(who.session, who.user, Arc::clone(&client) as Arc<_>).unwrap();
                    streams.subscribe(who.session, room).unwrap();
                    let tracked = presences.track(&who, room).unwrap();
                    let heard = client.0.lock().clone();
                    let mine = heard.iter().filter(|d| d.joins.contains(&who)).count();
                    assert_eq!(mine, 1, "its own join, once");
                    // What came before the own join is known from the list; what comes after must
                    // fit to it.
                    let mut shown = tracked.before;
                    for diff in heard.iter().filter(|d| d.version >= tracked.version) {
                        for leave in &diff.leaves {
                            let at = shown.iter().position(|p| p == leave);
                            shown.remove(at.expect("who leaves was known"));
                        }
                        assert!(!diff.joins.iter().any(|j| shown.contains(j)), "joined twice");
                        shown.extend(diff.joins.iter().cloned());
                    }
                    assert!(shown.contains(&who));
                    // Leaving: hears nothing more, not even of itself.
                    assert!(streams.unsubscribe(who.session, room));
                    let heard = client.0.lock().len();
                    assert!(presences.untrack(who.session, room));
                    assert_eq!(client.0.lock().len(), heard);
                    streams.close_session(who.session);
                }
            });
        }
    });
    assert_eq!(presences.totals(), Totals::default());
    assert_eq!(streams.totals().streams, 0);
}
