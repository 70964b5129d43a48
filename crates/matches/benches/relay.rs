//! What a piece of match data costs on its way from its sender to the outboxes of the others.

#![expect(missing_docs, reason = "the macro of the bench harness writes a public function")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use parking_lot::Mutex;
use tavern_domain::{CodedError, MatchId, Presence, SeededEntropy, SessionId, Stream};
use tavern_matches::conformance::player;
use tavern_matches::{Admission, Entered, Members, Recipients, Relayed};
use tavern_presence::{LocalPresence, PresenceDiff, PresenceSink, Presences};
use tavern_streams::{Class, CloseReason, Sink, Streams};
use uuid::Uuid;

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

struct Silent;

impl PresenceSink for Silent {
    fn on_diff(&self, diff: &PresenceDiff<'_>) {
        black_box(diff);
    }
}

struct Parts {
    streams: Arc<Streams<[u8; 64]>>,
    presences: LocalPresence,
}

impl Members for Parts {
    fn enter(&self, stream: &Stream, who: &Presence) -> Result<Entered, CodedError> {
        self.streams.subscribe(who.session, stream).map_err(CodedError::from_classified)?;
        let tracked = self.presences.track(who, stream).map_err(CodedError::from_classified)?;
        Ok(Entered { new: tracked.new, before: tracked.before })
    }
    fn leave(&self, stream: &Stream, session: SessionId) -> bool {
        self.streams.unsubscribe(session, stream);
        self.presences.untrack(session, stream)
    }
    fn is_member(&self, stream: &Stream, session: SessionId) -> bool {
        self.presences.is_on(session, stream)
    }
    fn size(&self, stream: &Stream) -> usize {
        self.presences.count(stream).visible
    }
    fn matches(&self, _: usize, _: &mut dyn FnMut(usize) -> bool) -> Vec<(Uuid, usize)> {
        Vec::new()
    }
}

fn relay(c: &mut Criterion) {
    let mut group = c.benchmark_group("relay");
    for members in [2, 4, 50] {
        let streams = Arc::new(Streams::default());
        let presences = LocalPresence::builder(Arc::new(Silent)).build();
        let parts = Parts { streams: Arc::clone(&streams), presences };
        let matches = Relayed::builder(parts, Arc::new(SeededEntropy::new(1))).build();
        let id = MatchId::relayed(Uuid::from_u128(7));
        for n in 0..members {
            let who = player(n);
            let outbox = Outbox(Mutex::new(VecDeque::with_capacity(9)));
            streams
                .open(who.session, who.user, Arc::new(outbox))
                .expect("the bench keeps within all bounds");
            matches.join(&who, &id, Admission::Token).expect("the bench keeps within all bounds");
        }
        let sender = player(0).session;
        group.bench_with_input(BenchmarkId::new("to_all", members), &members, |b, _| {
            b.iter(|| {
                let route =
                    matches.route(sender, &id, &[]).expect("the bench keeps within all bounds");
                let Recipients::AllBut(sender) = route.to else { return 0 };
                streams.send_except(&route.stream, sender, Arc::new([7; 64]), Class::Unreliable)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, relay);
criterion_main!(benches);
