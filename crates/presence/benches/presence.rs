//! What coming, going and asking costs in small and large streams.

#![expect(missing_docs, reason = "the macro of the bench harness writes a public function")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tavern_domain::{PresenceReason, Stream};
use tavern_presence::conformance::somebody;
use tavern_presence::{Include, LocalPresence, PresenceDiff, PresenceSink, Presences};

struct Nobody;

impl PresenceSink for Nobody {
    fn on_diff(&self, diff: &PresenceDiff<'_>) {
        black_box(diff);
    }
}

fn filled(members: u64, room: &Stream) -> LocalPresence {
    let presences = LocalPresence::builder(Arc::new(Nobody)).build();
    for n in 0..members {
        presences
            .track(&somebody(n, false, None), room)
            .expect("the bench keeps within all bounds");
    }
    presences
}

fn presence(c: &mut Criterion) {
    let room = Stream::room("bench");
    let who = somebody(1 << 40, false, Some("status"));
    for members in [0, 3, 1_000] {
        let presences = filled(members, &room);
        c.bench_with_input(BenchmarkId::new("track_untrack", members), &members, |b, _| {
            b.iter(|| {
                presences.track(&who, &room).expect("the bench keeps within all bounds");
                presences.untrack(who.session, &room)
            });
        });
        presences.track(&who, &room).expect("the bench keeps within all bounds");
        c.bench_with_input(BenchmarkId::new("is_on", members), &members, |b, _| {
            b.iter(|| presences.is_on(black_box(who.session), &room));
        });
        c.bench_with_input(BenchmarkId::new("update", members), &members, |b, _| {
            b.iter(|| presences.update(who.session, &room, &who.meta));
        });
        c.bench_with_input(BenchmarkId::new("list", members), &members, |b, _| {
            b.iter(|| presences.list(&room, Include::VISIBLE));
        });
    }
    let presences = filled(0, &room);
    let rooms: Vec<_> = (0..10).map(|n| Stream::room(&n.to_string())).collect();
    c.bench_function("track_10_untrack_all", |b| {
        b.iter(|| {
            rooms.iter().for_each(|room| {
                drop(presences.track(&who, room).expect("the bench keeps within all bounds"))
            });
            presences.untrack_all(who.session, PresenceReason::Disconnect)
        });
    });
}

criterion_group!(benches, presence);
criterion_main!(benches);
