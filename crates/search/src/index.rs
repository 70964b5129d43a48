//! The documents of a changing set, by column.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::bitmap::Bitmap;
use crate::column::Column;
use crate::document::Document;
use crate::pattern::Pattern;
use crate::plan::{ColumnId, Op, PatternId, Plan, PlanGroup};
use crate::query::{Clause, Group, Node, Query, Test};

/// The number of a document. Later documents have higher ones, until [`Index::compact`] renumbers
/// them all in the same order.
pub type Row = u32;

/// A set of documents that changes all the time and answers queries in microseconds.
///
/// Texts are kept once per column, and each knows the rows that have it; numbers are kept by
/// column. Rows are given out in ascending order and not used again, so that ascending rows are
/// oldest first and a search can stop as soon as it has enough; [`Self::compact`] closes the gaps
/// now and then.
#[derive(Debug, Default)]
pub struct Index {
    names: HashMap<Arc<str>, ColumnId>,
    pub(crate) columns: Vec<Option<Column>>,
    retired_columns: Vec<ColumnId>,
    free_columns: Vec<ColumnId>,
    pattern_ids: HashMap<(ColumnId, Pattern), PatternId>,
    /// With the number of mentions in plans.
    pub(crate) patterns: Vec<Option<(ColumnId, Pattern, u32)>>,
    retired_patterns: Vec<PatternId>,
    free_patterns: Vec<PatternId>,
    /// The columns of each row; empty for rows that are gone.
    row_columns: Vec<Box<[ColumnId]>>,
    pub(crate) live: Bitmap,
    count: usize,
    /// Changes whenever a number (of a row, a text, a column or a pattern) may mean something else
    /// than before.
    pub(crate) generation: u64,
    /// Changes whenever the number of a row or a column may.
    pub(crate) layout: u64,
}

impl Index {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many documents there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One more than the highest row ever given out since the last compaction.
    #[must_use]
    pub fn end(&self) -> Row {
        u32::try_from(self.row_columns.len()).expect("checked when a row is added")
    }

    /// Whether a row is there.
    #[must_use]
    pub fn contains(&self, row: Row) -> bool {
        self.live.get(row)
    }

    /// Adds a document; the next search sees it.
    ///
    /// # Panics
    /// When 2^32 - 1 rows have been given out without a call of [`Self::compact`].
    pub fn add(&mut self, document: &Document<'_>) -> Row {
        let row = self.end();
        assert!(row < u32::MAX, "an index holds fewer than 2^32 rows");
        let mut columns = Vec::with_capacity(document.texts.len() + document.numbers.len());
        for (name, text) in &document.texts {
            let id = self.column_id(name);
            if let Some(column) = &mut self.columns[id as usize] {
                let known = column.terms.add_row(text, row);
                if !column.texts.any(row, |own| own == known) {
                    column.texts.add(row, known);
                }
            }
            columns.push(id);
        }
        for (name, number) in &document.numbers {
            let id = self.column_id(name);
            if let Some(column) = &mut self.columns[id as usize] {
                column.numbers.add(row, *number);
            }
            columns.push(id);
        }
        columns.sort_unstable();
        columns.dedup();
        self.row_columns.push(columns.into());
        self.live.set(row);
        self.count += 1;
        row
    }

    /// Removes a document; returns whether it was there.
    pub fn remove(&mut self, row: Row) -> bool {
        if !self.live.get(row) {
            return false;
        }
        self.live.clear(row);
        self.count -= 1;
        for id in std::mem::take(&mut self.row_columns[row as usize]) {
            if let Some(column) = &mut self.columns[id as usize] {
                column.remove_row(row);
            }
            self.drop_column_if_unused(id);
        }
        true
    }

    /// Makes a query ready for this index.
    #[must_use]
    pub fn prepare(&mut self, query: &Query) -> Plan {
        let root = self.plan_group(query.root());
        let ranked = root.is_ranked();
        Plan { root, ranked }
    }

    /// Takes a plan back and forgets what only it needed.
    pub fn release(&mut self, plan: Plan) {
        let mut columns = Vec::new();
        plan.root.each_leaf(&mut |op| match op {
            Op::Term { column, term } | Op::Number { column, term, .. } => {
                columns.push((*column, Some(*term), None));
            }
            Op::Pattern { column, pattern } => columns.push((*column, None, Some(*pattern))),
            Op::Range { column, .. } | Op::Exists { column } => columns.push((*column, None, None)),
            Op::All | Op::Nothing | Op::Group(_) => {}
        });
        for (id, term, pattern) in columns {
            if let Some(column) = &mut self.columns[id as usize] {
                column.plans -= 1;
                if let Some(term) = term {
                    column.terms.remove_plan(term);
                }
            }
            if let Some(pattern) = pattern {
                self.drop_pattern(pattern);
            }
            self.drop_column_if_unused(id);
        }
    }

    /// Lets numbers of things that are gone be used again. Call it now and then, between searches;
    /// without it the memory of what is gone is not reused.
    pub fn settle(&mut self) {
        let mut any = false;
        for column in self.columns.iter_mut().flatten() {
            any |= column.terms.settle();
        }
        self.layout += u64::from(!self.retired_columns.is_empty());
        any |= !self.retired_columns.is_empty() || !self.retired_patterns.is_empty();
        self.free_columns.append(&mut self.retired_columns);
        self.free_patterns.append(&mut self.retired_patterns);
        self.generation += u64::from(any);
    }

    /// Whether there are so many gaps between the rows that [`Self::compact`] pays.
    #[must_use]
    pub fn wants_compaction(&self) -> bool {
        let rows = self.row_columns.len();
        rows >= 1024 && rows > self.count * 2
    }

    /// Renumbers the rows so that there are no gaps, in the same order, and returns the former
    /// number of each: `former[new]`. Plans stay valid. Takes time in proportion to the documents
    /// (about 10 ms for 100,000).
    pub fn compact(&mut self) -> Vec<Row> {
        let former: Vec<Row> = self.live.iter().collect();
        for column in self.columns.iter_mut().flatten() {
            column.renumber(&former);
        }
        let mut row_columns = std::mem::take(&mut self.row_columns);
        self.row_columns =
            former.iter().map(|row| std::mem::take(&mut row_columns[*row as usize])).collect();
        self.live = Bitmap::default();
        (0_u32..).zip(&former).for_each(|(row, _)| self.live.set(row));
        self.generation += 1;
        self.layout += 1;
        former
    }

    fn column_id(&mut self, name: &str) -> ColumnId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        let column = Some(Column::new(Arc::clone(&name)));
        let id = put(&mut self.columns, &mut self.free_columns, column);
        self.names.insert(name, id);
        id
    }

    fn drop_column_if_unused(&mut self, id: ColumnId) {
        let slot = &mut self.columns[id as usize];
        if let Some(column) = slot
            && column.is_unused()
        {
            self.names.remove(&*column.name);
            *slot = None;
            self.retired_columns.push(id);
        }
    }

    fn pattern_id(&mut self, column: ColumnId, pattern: &Pattern) -> PatternId {
        let key = (column, pattern.clone());
        if let Some(id) = self.pattern_ids.get(&key) {
            if let Some((.., plans)) = &mut self.patterns[*id as usize] {
                *plans += 1;
            }
            return *id;
        }
        let entry = Some((column, pattern.clone(), 1));
        let id = put(&mut self.patterns, &mut self.free_patterns, entry);
        self.pattern_ids.insert(key, id);
        id
    }

    fn drop_pattern(&mut self, id: PatternId) {
        let slot = &mut self.patterns[id as usize];
        let Some((.., plans)) = slot else { return };
        *plans -= 1;
        if *plans == 0
            && let Some((column, pattern, _)) = slot.take()
        {
            self.pattern_ids.remove(&(column, pattern));
            self.retired_patterns.push(id);
        }
    }

    fn plan_group(&mut self, group: &Group) -> PlanGroup {
        let mut must = self.plan_clauses(&group.must);
        must.sort_by_key(|(op, _)| op.cost());
        let should = self.plan_clauses(&group.should);
        let mut must_not: Vec<Op> =
            self.plan_clauses(&group.must_not).into_iter().map(|(op, _)| op).collect();
        must_not.sort_by_key(Op::cost);
        PlanGroup { must: must.into(), should: should.into(), must_not: must_not.into() }
    }

    fn plan_clauses(&mut self, clauses: &[Clause]) -> Vec<(Op, f64)> {
        clauses.iter().map(|clause| (self.plan_node(&clause.node), clause.boost)).collect()
    }

    fn plan_node(&mut self, node: &Node) -> Op {
        let (field, test) = match node {
            Node::All => return Op::All,
            Node::Nothing => return Op::Nothing,
            Node::Group(group) => return Op::Group(Box::new(self.plan_group(group))),
            Node::Field { field, test } => (field, test),
        };
        let column = self.column_id(field);
        let pattern = match test {
            Test::Pattern(pattern) => Some(self.pattern_id(column, pattern)),
            Test::Term(_) | Test::Number { .. } | Test::Range(_) | Test::Exists => None,
        };
        let Some(known) = &mut self.columns[column as usize] else { return Op::Nothing };
        known.plans += 1;
        match (test, pattern) {
            (Test::Term(text), _) => Op::Term { column, term: known.terms.add_plan(text) },
            (Test::Number { text, value }, _) => {
                Op::Number { column, term: known.terms.add_plan(text), value: *value }
            }
            (Test::Range(range), _) => Op::Range { column, range: *range },
            (Test::Pattern(_), Some(pattern)) => Op::Pattern { column, pattern },
            (Test::Pattern(_) | Test::Exists, _) => Op::Exists { column },
        }
    }
}

/// Puts a value into a free place, or a new one.
fn put<T>(places: &mut Vec<Option<T>>, free: &mut Vec<u32>, value: Option<T>) -> u32 {
    if let Some(id) = free.pop() {
        places[id as usize] = value;
        return id;
    }
    places.push(value);
    u32::try_from(places.len() - 1).expect("there are never 2^32 of them in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_what_is_gone() {
        let mut index = Index::new();
        for round in 0..50 {
            let query = format!("+a{round}:x{round} b:/r{round}/ c:>{round} d:~1 d:{round}*");
            let plan = index.prepare(&Query::parse(&query.replace("d:~1", "d:q~1")).unwrap());
            let document = Document::new().text(format!("a{round}"), format!("x{round}"));
            let row = index.add(&document.number("n", 1.0));
            assert!(index.remove(row));
            assert!(!index.remove(row));
            index.release(plan);
            index.settle();
            assert_eq!(index.names.len(), 0);
            assert_eq!(index.pattern_ids.len(), 0);
            assert!(index.columns.len() <= 5 && index.patterns.len() <= 3, "numbers are reused");
        }
    }

    #[test]
    fn rare_texts_are_forgotten() {
        let mut index = Index::new();
        for n in 0..1000 {
            let row = index.add(&Document::new().text("party", format!("{n}")));
            if n >= 10 {
                index.remove(row - 10);
            }
        }
        let column = index.columns.iter().flatten().next().unwrap();
        assert_eq!(column.terms.len(), 10);
        assert_eq!(index.len(), 10);
    }
}
