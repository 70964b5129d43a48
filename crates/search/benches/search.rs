//! What a search and a change cost, by the number of documents.

#![expect(missing_docs, reason = "the macro of the bench harness writes a public function")]

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tavern_search::{Document, Index, Query, Searcher};

const REGIONS: [&str; 5] = ["eu", "us", "asia", "sa", "af"];
const MODES: [&str; 4] = ["duel", "team", "royale", "coop"];

/// Numbers that look random and are the same each time.
fn scatter(n: u32) -> u32 {
    n.wrapping_mul(2_654_435_761) >> 8
}

fn document(n: u32) -> Document<'static> {
    Document::new()
        .text("region", REGIONS[scatter(n) as usize % REGIONS.len()])
        .text("mode", MODES[scatter(n ^ 77) as usize % MODES.len()])
        .text("party", format!("p{n}"))
        .number("skill", f64::from(scatter(n ^ 0x55aa) % 3000))
}

fn searches(c: &mut Criterion) {
    let mut group = c.benchmark_group("search");
    for count in [1_000, 10_000, 100_000] {
        let mut index = Index::new();
        for n in 0..count {
            index.add(&document(n));
        }
        let mut searcher = Searcher::new();
        searcher.begin(&index);
        for (name, text, stop) in [
            ("terms and range, first 10", "+region:eu +mode:duel +skill:>=1000 +skill:<=1200", 10),
            (
                "terms and range, all",
                "+region:eu +mode:duel +skill:>=1000 +skill:<=1200",
                usize::MAX,
            ),
            ("narrow range, all", "+skill:>=1000 +skill:<1010", usize::MAX),
            ("rare text", "+party:p500", usize::MAX),
            ("expression, all", "+region:/(eu|us)/ +mode:t*", usize::MAX),
            ("everything, first 10", "*", 10),
        ] {
            let plan = index.prepare(&Query::parse(text).expect("it is well formed"));
            group.bench_with_input(BenchmarkId::new(name, count), &stop, |b, stop| {
                b.iter(|| {
                    let mut found = 0;
                    searcher.search(&index, &plan, &mut |row| {
                        black_box(row);
                        found += 1;
                        if found < *stop {
                            ControlFlow::Continue(())
                        } else {
                            ControlFlow::Break(())
                        }
                    });
                    found
                });
            });
        }
        let mut n = count;
        group.bench_function(BenchmarkId::new("add and remove", count), |b| {
            b.iter(|| {
                n += 1;
                let row = index.add(&document(n));
                index.remove(row)
            });
        });
        group.bench_function(BenchmarkId::new("compact", count), |b| b.iter(|| index.compact()));
    }
    group.finish();
    let text =
        "+properties.region:eu +properties.mode:duel +properties.skill:>=100 -properties.x:y";
    c.bench_function("parse", |b| b.iter(|| Query::parse(black_box(text))));
}

criterion_group!(benches, searches);
criterion_main!(benches);
