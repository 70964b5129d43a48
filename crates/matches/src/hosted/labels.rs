//! Matches by their labels.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use serde_json::Value;
use tavern_domain::Timestamp;
use tavern_search::{Document, Index, Query, Row, Searcher};
use tokio::time::Instant;
use uuid::Uuid;

use super::shared::{MatchInfo, Shared};
use crate::error::MatchError;
use crate::listing::Filter;

/// How deep a label is looked into.
const DEEPEST: usize = 16;

/// A match of a listing.
pub type Found = MatchInfo;

pub(super) struct Labels {
    state: Mutex<State>,
    interval: Duration,
}

struct Entry {
    shared: Arc<Shared>,
    /// As the index has it.
    label: Arc<str>,
    created: Timestamp,
}

#[derive(Default)]
struct State {
    index: Index,
    searcher: Searcher,
    rows: HashMap<Uuid, Row>,
    entries: BTreeMap<Row, Entry>,
    /// Changed labels that the index does not know yet.
    changed: HashMap<Uuid, Arc<Shared>>,
    applied: Option<Instant>,
}

impl Labels {
    pub(super) fn new(interval: Duration) -> Self {
        Self { state: Mutex::default(), interval }
    }

    /// A new match: it is found at once.
    pub(super) fn add(&self, shared: &Arc<Shared>, created: Timestamp) {
        self.state.lock().add(shared, created);
    }

    /// A match that has ended: it is found no more.
    pub(super) fn remove(&self, id: Uuid) {
        let mut state = self.state.lock();
        state.changed.remove(&id);
        state.remove(id);
        state.tidy();
    }

    /// A match with another label: it is found by it soon.
    pub(super) fn changed(&self, shared: &Arc<Shared>) {
        self.state.lock().changed.insert(shared.id.id, Arc::clone(shared));
    }

    /// The matches of a listing, best first, of equals the newest first.
    pub(super) fn list(
        &self,
        filter: &Filter,
        label: Option<&str>,
        query: Option<&Query>,
    ) -> Vec<Found> {
        let mut state = self.state.lock();
        let now = Instant::now();
        if state.applied.is_none_or(|at| now.duration_since(at) >= self.interval) {
            state.applied = Some(now);
            state.apply();
        }
        let wanted = |entry: &Entry| {
            let size = entry.shared.size();
            let info = MatchInfo { label: Arc::clone(&entry.label), size, ..entry.shared.info() };
            filter.wants(size).then_some(info)
        };
        match query {
            Some(query) => {
                let rows = state.search(query);
                let entries = rows.iter().filter_map(|row| state.entries.get(row));
                entries.filter_map(wanted).take(filter.limit).collect()
            }
            None => {
                let entries = state.entries.values().rev();
                let named =
                    entries.filter(|entry| label.is_none_or(|label| *entry.label == *label));
                named.filter_map(wanted).take(filter.limit).collect()
            }
        }
    }
}

impl State {
    fn add(&mut self, shared: &Arc<Shared>, created: Timestamp) {
        let label = shared.label();
        let row = self.index.add(&document(shared, &label, created));
        self.rows.insert(shared.id.id, row);
        self.entries.insert(row, Entry { shared: Arc::clone(shared), label, created });
    }

    fn remove(&mut self, id: Uuid) -> Option<Entry> {
        let row = self.rows.remove(&id)?;
        self.index.remove(row);
        self.entries.remove(&row)
    }

    fn apply(&mut self) {
        for (id, shared) in std::mem::take(&mut self.changed) {
            if let Some(entry) = self.remove(id) {
                self.add(&shared, entry.created);
            }
        }
        self.tidy();
    }

    /// Gives back the memory of what is gone.
    fn tidy(&mut self) {
        if self.index.wants_compaction() {
            let former = self.index.compact();
            let mut entries = BTreeMap::new();
            for (row, former) in (0_u32..).zip(former) {
                if let Some(entry) = self.entries.remove(&former) {
                    self.rows.insert(entry.shared.id.id, row);
                    entries.insert(row, entry);
                }
            }
            self.entries = entries;
        }
        self.index.settle();
    }

    /// The rows that a query accepts, best first.
    fn search(&mut self, query: &Query) -> Vec<Row> {
        let plan = self.index.prepare(query);
        self.searcher.begin(&self.index);
        let mut found = Vec::new();
        self.searcher.search(&self.index, &plan, &mut |row| {
            found.push(row);
            ControlFlow::Continue(())
        });
        let mut scored: Vec<(f64, i64, Row)> = found
            .into_iter()
            .map(|row| {
                let score = self.searcher.score(&self.index, &plan, row).unwrap_or_default();
                let created = self.entries.get(&row).map_or(0, |entry| entry.created.nanos());
                (score, created, row)
            })
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(b.2.cmp(&a.2)));
        self.index.release(plan);
        self.index.settle();
        scored.into_iter().map(|(.., row)| row).collect()
    }
}

/// A match as the index has it: the fields of its label, if that is a JSON object, and some of its
/// own.
#[expect(clippy::cast_precision_loss, reason = "times compare well enough")]
fn document<'a>(shared: &'a Shared, label: &'a str, created: Timestamp) -> Document<'a> {
    let rate = shared.tick_rate.load(Ordering::Relaxed);
    let mut document = Document::new()
        .text("label_string", label)
        .text("handler_name", &*shared.handler)
        .text("node", shared.node.as_str())
        .number("tick_rate", rate as f64)
        .number("create_time", created.nanos() as f64);
    if label.starts_with('{')
        && let Ok(fields) = serde_json::from_str::<Value>(label)
    {
        document = add(document, "label", fields, DEEPEST);
    }
    document
}

fn add<'a>(document: Document<'a>, name: &str, value: Value, left: usize) -> Document<'a> {
    let Some(left) = left.checked_sub(1) else { return document };
    match value {
        Value::Null => document,
        Value::Bool(yes) => document.truth(name.to_owned(), yes),
        Value::Number(number) => {
            document.number(name.to_owned(), number.as_f64().unwrap_or(f64::NAN))
        }
        Value::String(text) => document.text(name.to_owned(), text),
        Value::Array(values) => {
            values.into_iter().fold(document, |document, value| add(document, name, value, left))
        }
        Value::Object(fields) => fields.into_iter().fold(document, |document, (key, value)| {
            add(document, &format!("{name}.{key}"), value, left)
        }),
    }
}

/// Reads a query of labels.
pub(super) fn parse(query: &str) -> Result<Query, MatchError> {
    Query::parse(query).map_err(MatchError::BadQuery)
}
