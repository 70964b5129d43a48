//! The index finds exactly what the definition accepts, whatever came and went before.

use std::ops::ControlFlow;

use proptest::prelude::*;
use tavern_search::{Document, Index, Plan, Query, Row, Searcher};

/// A small world, so that things coincide.
fn document() -> impl Strategy<Value = Document<'static>> {
    let text = (
        prop::sample::select(vec!["a", "b", "c"]),
        prop::sample::select(vec!["x", "xy", "yx", "5", "T", "2026-01-02T03:04:05Z"]),
    );
    let number = (
        prop::sample::select(vec!["a", "b", "n"]),
        prop::sample::select(vec![-1.0, -0.0, 0.0, 1.0, 5.0, 5.5, f64::NAN, f64::INFINITY]),
    );
    (prop::collection::vec(text, 0..4), prop::collection::vec(number, 0..3)).prop_map(
        |(texts, numbers)| {
            let document = texts.into_iter().fold(Document::new(), |d, (f, v)| d.text(f, v));
            numbers.into_iter().fold(document, |d, (f, v)| d.number(f, v))
        },
    )
}

fn clause() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "x",
        "xy",
        "5",
        "-1",
        "T",
        "*",
        "x*",
        "?y",
        "/x|yx/",
        "/[xy]+/",
        "xx~1",
        "\"xy\"",
        ">0",
        ">=0",
        "<5",
        "<=5.5",
        ">=-1",
        "<-1",
        "nowhere",
        ">\"2026-01-01T00:00:00Z\"",
        "5^3",
        "<\"2026-01-01T00:00:00Z\"",
    ]);
    let field = prop::sample::select(vec!["a", "b", "c", "n", "z"]);
    let leaf = (field, value).prop_map(|(field, value)| format!("{field}:{value}"));
    prop_oneof![8 => leaf, 1 => Just("*".to_owned()), 1 => Just("lonely".to_owned())]
}

fn query() -> impl Strategy<Value = String> {
    let sign = prop::sample::select(vec!["", "+", "-"]);
    let group = prop::collection::vec((sign, clause()), 1..5).prop_map(|parts| {
        parts.into_iter().map(|(s, c)| s.to_owned() + &c).collect::<Vec<_>>().join(" ")
    });
    group.prop_recursive(2, 12, 3, |inner| {
        prop::collection::vec((prop::sample::select(vec!["", "+", "-"]), inner, clause()), 1..3)
            .prop_map(|parts| {
                parts
                    .into_iter()
                    .map(|(sign, group, more)| format!("{sign}({group}) +{more}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
    })
}

#[derive(Debug, Clone)]
enum Step {
    Add(Document<'static>),
    Remove(prop::sample::Index),
    Settle,
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => document().prop_map(Step::Add),
        2 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => Just(Step::Settle),
        1 => Just(Step::Compact),
    ]
}

fn found(searcher: &Searcher, index: &Index, plan: &Plan, most: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    searcher.search(index, plan, &mut |row| {
        rows.push(row);
        if rows.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    rows
}

fn check(
    searcher: &Searcher,
    index: &Index,
    query: &Query,
    plan: &Plan,
    all: &[(Row, Document<'_>)],
) {
    let expected: Vec<Row> =
        all.iter().filter(|(_, document)| query.matches(document)).map(|(row, _)| *row).collect();
    assert_eq!(found(searcher, index, plan, usize::MAX), expected, "{query}");
    assert_eq!(found(searcher, index, plan, 2), expected[..expected.len().min(2)], "{query}");
    for (row, document) in all {
        assert_eq!(searcher.accepts(index, plan, *row), query.matches(document), "{query}");
        assert_eq!(searcher.score(index, plan, *row), query.score(document), "{query}");
    }
    if !plan.is_ranked() {
        let mut scores: Vec<_> = all.iter().filter_map(|(_, d)| query.score(d)).collect();
        scores.dedup();
        assert!(scores.len() < 2, "{query} is not ranked");
    }
}

fn play(queries: &[String], steps: Vec<Step>) {
    let queries: Vec<Query> =
        queries.iter().map(|text| Query::parse(text).expect("well formed")).collect();
    let mut index = Index::new();
    let mut searcher = Searcher::new();
    let mut plans: Vec<Plan> = queries.iter().map(|query| index.prepare(query)).collect();
    let mut all: Vec<(Row, Document<'static>)> = Vec::new();
    for step in steps {
        match step {
            Step::Add(document) => all.push((index.add(&document), document)),
            Step::Remove(which) if !all.is_empty() => {
                let (row, _) = all.remove(which.index(all.len()));
                assert!(index.remove(row));
            }
            Step::Remove(_) => {}
            Step::Settle => {
                // A plan given back and made again means the same.
                index.release(plans.remove(0));
                index.settle();
                plans.insert(0, index.prepare(&queries[0]));
            }
            Step::Compact => {
                for (new, former) in index.compact().into_iter().enumerate() {
                    assert_eq!(all[new].0, former);
                    all[new].0 = Row::try_from(new).expect("few rows");
                }
            }
        }
        searcher.begin(&index);
        for (query, plan) in queries.iter().zip(&plans) {
            check(&searcher, &index, query, plan, &all);
        }
    }
    assert_eq!(index.len(), all.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_index_agrees_with_the_definition(
        queries in prop::collection::vec(query(), 1..4),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        play(&queries, steps);
    }
}

/// A row, its document, and what each query says of it by definition.
type Known = (Row, Document<'static>, Vec<bool>);

fn check_large(searcher: &Searcher, index: &Index, queries: &[(Query, Plan)], all: &[Known]) {
    for (at, (query, plan)) in queries.iter().enumerate() {
        let expected: Vec<Row> =
            all.iter().filter(|(.., matches)| matches[at]).map(|(row, ..)| *row).collect();
        assert_eq!(found(searcher, index, plan, usize::MAX), expected, "{query}");
        assert_eq!(found(searcher, index, plan, 3), expected[..expected.len().min(3)], "{query}");
        for (row, document, matches) in all {
            assert_eq!(searcher.accepts(index, plan, *row), matches[at], "{query}");
            if row % 101 == 0 {
                assert_eq!(searcher.score(index, plan, *row), query.score(document), "{query}");
            }
        }
    }
}

fn scattered(n: u32) -> Document<'static> {
    let n = n.wrapping_mul(2_654_435_761) >> 7;
    let document = Document::new()
        .text("region", ["eu", "us", "asia"][n as usize % 3])
        .text("id", format!("id{}", n % 397))
        .number("skill", f64::from(n % 1000));
    if n.is_multiple_of(50) {
        let rare = document.text("rare", "yes").text("region", "moon");
        return rare.number("skill", f64::from(n % 7));
    }
    document
}

/// Enough rows that lists become bitmaps, tables become arrays and every way in is taken.
#[test]
fn large_sets_agree_too() {
    let mut index = Index::new();
    let mut searcher = Searcher::new();
    let mut all: Vec<Known> = Vec::new();
    let queries: Vec<(Query, Plan)> = [
        "+region:eu +skill:>=100 +skill:<130",
        "+skill:>=999",
        "+skill:<0",
        "+region:moon",
        "*",
        "+skill:>990 +skill:<3",
        "region:moon rare:yes",
        "region:us id:id5",
        "+id:/id1.*/",
        "+id:id7 -region:eu",
        "+rare:yes +skill:<5",
        "-region:eu -region:us",
        "+id:id77~1 +skill:>500",
        "+region:eu +region:moon",
        "region:eu^2 skill:>900",
        "+(region:us skill:>800) +skill:>200",
        "+skill:7",
        "+id:*",
        "+nothing:*",
        "-id:id*",
    ]
    .iter()
    .map(|text| Query::parse(text).unwrap())
    .map(|query| {
        let plan = index.prepare(&query);
        (query, plan)
    })
    .collect();
    for round in 0..3_u32 {
        for n in 0..1_000 {
            let document = scattered(round * 10_000 + n);
            let matches = queries.iter().map(|(query, _)| query.matches(&document)).collect();
            all.push((index.add(&document), document, matches));
        }
        all.retain(|(row, ..)| row % 7 != round || !index.remove(*row));
        searcher.begin(&index);
        // Rows added after the beginning are not found, rows removed after it neither.
        let late = index.add(&scattered(5));
        check_large(&searcher, &index, &queries, &all);
        assert!(index.remove(all.remove(17).0));
        check_large(&searcher, &index, &queries, &all);
        assert!(index.remove(late));
        if round == 1 {
            for (new, former) in index.compact().into_iter().enumerate() {
                assert_eq!(all[new].0, former);
                all[new].0 = Row::try_from(new).unwrap();
            }
        }
    }
}

#[test]
fn gaps_are_closed_when_they_are_many() {
    let mut index = Index::new();
    let rows: Vec<Row> =
        (0..3_000).map(|n| index.add(&Document::new().number("n", f64::from(n)))).collect();
    assert!(!index.wants_compaction());
    rows.iter().filter(|row| *row % 3 != 0).for_each(|row| assert!(index.remove(*row)));
    assert!(index.wants_compaction());
    assert_eq!(index.compact().len(), 1_000);
    assert_eq!(index.end(), 1_000);
    assert!(!index.wants_compaction());
    assert!(index.contains(999) && !index.contains(1_000));
    assert!(!index.is_empty());
}
