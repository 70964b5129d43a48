//! What a pass and an addition cost, by the number of tickets that wait.

#![expect(missing_docs, reason = "the macro of the bench harness writes a public function")]

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use tavern_domain::{SessionId, Timestamp, UserId};
use tavern_matchmaker::{Config, Matchmaker, Player, TicketId, TicketSpec};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::EPOCH;
const REGIONS: [&str; 5] = ["eu", "us", "asia", "sa", "af"];
const MODES: [&str; 4] = ["duel", "team", "royale", "coop"];

/// Numbers that look random and are the same each time.
fn scatter(n: u32) -> u32 {
    n.wrapping_mul(2_654_435_761) >> 8
}

/// What the queries are made of.
#[derive(Clone, Copy)]
enum Kind {
    Terms,
    Expression,
    Preference,
}

fn ticket(n: u32, size: i32, distance: i32, kind: Kind) -> (TicketId, TicketSpec) {
    let uuid = Uuid::from_u128(u128::from(n) + 1);
    let player = Player {
        user: UserId(uuid),
        session: SessionId(uuid),
        username: "player".into(),
        node: None,
    };
    let mut spec = TicketSpec::solo(player);
    (spec.min_count, spec.max_count) = (size, size);
    if distance > 0 {
        let region = REGIONS[scatter(n) as usize % REGIONS.len()];
        let mode = MODES[scatter(n ^ 77) as usize % MODES.len()];
        let skill = i32::try_from(scatter(n ^ 0x55aa) % 3_000).expect("it is small");
        spec.texts.insert("region".into(), region.into());
        spec.texts.insert("mode".into(), mode.into());
        spec.numbers.insert("skill".into(), f64::from(skill));
        let (low, high) = (skill - distance, skill + distance);
        spec.query = match kind {
            Kind::Terms => format!(
                "+properties.region:{region} +properties.mode:{mode} \
                 +properties.skill:>={low} +properties.skill:<={high}"
            ),
            Kind::Expression => format!(
                "+properties.region:/{region}|us/ +properties.mode:{}* \
                 +properties.skill:>={low} +properties.skill:<={high}",
                &mode[..2]
            ),
            Kind::Preference => format!(
                "+properties.mode:{mode} properties.region:{region}^3 \
                 properties.skill:>={low} properties.skill:<={high}"
            ),
        };
    }
    (TicketId(uuid), spec)
}

fn filled(count: u32, size: i32, distance: i32, kind: Kind) -> Matchmaker {
    let mut matchmaker = Matchmaker::new(Config::default());
    for n in 0..count {
        let (id, spec) = ticket(n, size, distance, kind);
        matchmaker.add(id, spec, NOW).expect("a fine ticket");
    }
    matchmaker
}

fn passes(c: &mut Criterion) {
    let mut group = c.benchmark_group("pass");
    group.sample_size(10);
    for (name, size, distance, kind) in [
        ("pairs, anybody", 2, 0, Kind::Terms),
        ("pairs, terms and range", 2, 100, Kind::Terms),
        ("pairs, nearly nobody", 2, 1, Kind::Terms),
        ("ten, terms and range", 10, 100, Kind::Terms),
        ("ten, hardly enough", 10, 20, Kind::Terms),
        ("pairs, expressions and range", 2, 100, Kind::Expression),
        ("pairs, preferences", 2, 100, Kind::Preference),
        ("hundred, anybody", 100, 0, Kind::Terms),
    ] {
        for count in [1_000, 10_000, 100_000] {
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter_batched(
                    || filled(count, size, distance, kind),
                    |mut matchmaker| {
                        let done = matchmaker.pass(NOW);
                        (done, matchmaker)
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

fn changes(c: &mut Criterion) {
    let mut group = c.benchmark_group("changes");
    for count in [1_000, 100_000] {
        let mut matchmaker = filled(count, 2, 100, Kind::Terms);
        let mut n = count;
        group.bench_function(BenchmarkId::new("add and remove", count), |b| {
            b.iter(|| {
                n += 1;
                let (id, spec) = ticket(n, 2, 100, Kind::Terms);
                matchmaker.add(id, spec, NOW).expect("a fine ticket");
                matchmaker.remove(id)
            });
        });
        // Nobody can be matched: what is left after a pass.
        let mut waiting = filled(count, 1_000_000, 100, Kind::Terms);
        waiting.pass(NOW);
        group.bench_function(BenchmarkId::new("pass over those who looked", count), |b| {
            b.iter(|| waiting.pass(NOW));
        });
    }
    group.finish();
}

criterion_group!(benches, passes, changes);
criterion_main!(benches);
