//! What handing a message to many sessions costs, and what coming and going costs.

#![expect(missing_docs, reason = "the macro of the bench harness writes a public function")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use parking_lot::Mutex;
use tavern_domain::{SessionId, Stream, UserId};
use tavern_streams::{Class, CloseReason, Sink, Streams};
use uuid::Uuid;

/// As an outbox does it: a short lock, a bounded queue, the oldest goes.
struct Outbox(Mutex<VecDeque<Arc<[u8; 64]>>>);

impl Sink<[u8; 64]> for Outbox {
    fn push(&self, message: Arc<[u8; 64]>, _: Class) {
        let mut queue = self.0.lock();
        if queue.len() >= 8 {
            queue.pop_front();
        }
        queue.push_back(message);
    }
    fn close(&self, _: CloseReason) {}
}

fn session(n: u64) -> SessionId {
    SessionId(Uuid::from_u64_pair(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n))
}

fn filled(members: u64, room: &Stream) -> Streams<[u8; 64]> {
    let streams = Streams::default();
    for n in 0..members {
        let sink = Outbox(Mutex::new(VecDeque::with_capacity(9)));
        streams
            .open(session(n), UserId(session(n).0), Arc::new(sink))
            .expect("the bench keeps within all bounds");
        streams.subscribe(session(n), room).expect("the bench keeps within all bounds");
    }
    streams
}

fn fan_out(c: &mut Criterion) {
    let room = Stream::room("bench");
    let mut group = c.benchmark_group("fan_out");
    for members in [1, 4, 50, 1_000, 10_000] {
        let streams = filled(members, &room);
        group.throughput(Throughput::Elements(members));
        group.bench_with_input(BenchmarkId::new("send", members), &members, |b, _| {
            b.iter(|| streams.send(&room, Arc::new(black_box([7; 64])), Class::Reliable));
        });
    }
    let streams = filled(4, &room);
    group.throughput(Throughput::Elements(1));
    group.bench_function("send_to_members/1_of_4", |b| {
        let listed = [session(2)];
        b.iter(|| streams.send_to_members(&room, &listed, Arc::new([7; 64]), Class::Reliable));
    });
    group.finish();
}

fn come_and_go(c: &mut Criterion) {
    let room = Stream::room("bench");
    let mut group = c.benchmark_group("subscribe_unsubscribe");
    for members in [1, 1_000] {
        let streams = filled(members, &room);
        let sink = Arc::new(Outbox(Mutex::default()));
        streams
            .open(session(1 << 40), UserId::NIL, sink)
            .expect("the bench keeps within all bounds");
        group.bench_with_input(BenchmarkId::new("into", members), &members, |b, _| {
            b.iter(|| {
                streams
                    .subscribe(session(1 << 40), &room)
                    .expect("the bench keeps within all bounds");
                streams.unsubscribe(session(1 << 40), &room)
            });
        });
    }
    group.finish();
    let streams = filled(1, &room);
    c.bench_function("open_subscribe_twice_close", |b| {
        let id = session(1 << 41);
        let own = [Stream::notifications(UserId(id.0)), Stream::status(UserId(id.0))];
        let sink: Arc<dyn Sink<[u8; 64]>> = Arc::new(Outbox(Mutex::default()));
        b.iter_batched(
            || Arc::clone(&sink),
            |sink| {
                streams.open(id, UserId(id.0), sink).expect("the bench keeps within all bounds");
                own.iter().for_each(|s| {
                    assert!(streams.subscribe(id, s).expect("the bench keeps within all bounds"))
                });
                streams.close_session(id)
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, fan_out, come_and_go);
criterion_main!(benches);
