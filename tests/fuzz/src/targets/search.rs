//! Queries of matchmakers and listings.

use std::ops::ControlFlow;

use tavern_search::{Document, Index, Query, Searcher};

use super::first_line;

/// What is searched: values of each kind, and those that a line of the input adds.
fn documents(more: &str) -> Vec<Document<'_>> {
    let given =
        more.lines().take(4).filter_map(|line| line.split_once('=')).map(|(name, value)| {
            let document = Document::new().text(name, value);
            match value.parse() {
                Ok(number) => document.number(name, number),
                Err(_) => document,
            }
        });
    let mut all = vec![
        Document::new(),
        Document::new().text("mode", "ranked").text("map", "west").number("skill", 12.0),
        Document::new().text("mode", "casual").text("map", "wast").number("skill", -3.5),
        Document::new().truth("open", true).text("at", "2026-01-02T15:04:05Z").text("skill", "12"),
    ];
    all.extend(given);
    all
}

/// A query, then `field=value` on lines of their own. The index finds what the query accepts.
pub fn search(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, more) = first_line(text);
    let Ok(query) = Query::parse(text) else { return };
    let documents = documents(more);
    let mut index = Index::new();
    let plan = index.prepare(&query);
    let rows: Vec<_> = documents.iter().map(|document| index.add(document)).collect();
    let mut searcher = Searcher::new();
    searcher.begin(&index);
    let mut found = Vec::new();
    searcher.search(&index, &plan, &mut |row| {
        found.push(row);
        ControlFlow::Continue(())
    });
    let matching = documents.iter().zip(&rows).filter(|(document, _)| query.matches(document));
    let expected: Vec<_> = matching.map(|(_, row)| *row).collect();
    assert_eq!(found, expected, "{query}");
    index.release(plan);
    if let Ok(again) = Query::parse(&query.to_string()) {
        let same = |document| again.matches(document) == query.matches(document);
        assert!(documents.iter().all(same), "written and read again, {query} means something else");
    }
}
