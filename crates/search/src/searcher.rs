//! Finding the rows that a plan accepts.
//!
//! A search picks the narrowest way in: the rows of a rare text, the bits that several frequent
//! texts share, or a stretch of a column sorted by number; whatever is left is tested row by row.
//! Rows come oldest first and the visitor may stop, so where much matches little is looked at.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use hashbrown::HashMap;

use crate::bitmap::{Bitmap, Bits, Postings, base};
use crate::index::{Index, Row};
use crate::pattern::Matcher;
use crate::plan::{ColumnId, Op, PatternId, Plan, PlanGroup};
use crate::query::NumberRange;

/// Searches an index and remembers what speeds up the next search: sorted columns, and which texts
/// a pattern fits.
///
/// What it remembers is right for the rows that were there when [`Self::begin`] was called; rows
/// that came later are not found until the next call. Rows that are removed are never found.
#[derive(Default)]
pub struct Searcher {
    generation: u64,
    layout: u64,
    end: Row,
    memos: RefCell<Memos>,
    sorted: RefCell<HashMap<ColumnId, Sorted>>,
    scratch: RefCell<Vec<Row>>,
    work: Cell<u64>,
}

impl std::fmt::Debug for Searcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Searcher").field("end", &self.end).finish_non_exhaustive()
    }
}

/// The numbers of a column with their rows, smallest first.
#[derive(Default)]
struct Sorted {
    /// Those of rows that are gone stay until the rows are renumbered.
    values: Vec<(f64, Row)>,
    /// Rows from here on are not in it yet.
    end: Row,
}

/// What is known about the patterns of an index.
#[derive(Default)]
struct Memos {
    known: HashMap<PatternId, Memo>,
    bytes: usize,
}

struct Memo {
    matcher: Matcher,
    /// Texts that were asked about, and which of them fit.
    asked: Bitmap,
    fits: Bitmap,
    /// Rows that fit, once somebody wanted them all; some may be gone since.
    rows: Option<Bitmap>,
}

/// What the memos may take before they are thrown away.
const MEMO_BYTES: usize = 64 << 20;
/// A rough size of a compiled expression.
const MATCHER_BYTES: usize = 16 << 10;
/// Rows looked at before a narrower, more expensive way in is taken.
const PROBE: usize = 512;

type Visit<'v> = &'v mut dyn FnMut(Row) -> ControlFlow<()>;

impl Searcher {
    /// One that remembers nothing yet. Call [`Self::begin`] before searching.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in all rows that are there now. Call it again after [`Index::settle`] and
    /// [`Index::compact`] (searches in between find nothing wrong, but may find nothing).
    pub fn begin(&mut self, index: &Index) {
        if self.generation != index.generation {
            self.generation = index.generation;
            *self.memos.get_mut() = Memos::default();
        }
        if self.layout != index.layout {
            self.layout = index.layout;
            self.sorted.get_mut().clear();
        }
        // New rows are in no list of rows.
        self.memos.get_mut().known.values_mut().for_each(|memo| memo.rows = None);
        self.end = index.end();
    }

    /// How much has been looked at since the last call, in steps of a few nanoseconds.
    pub fn take_work(&self) -> u64 {
        self.work.take()
    }

    fn charge(&self, steps: usize) {
        self.work.set(self.work.get() + steps as u64);
    }

    /// Whether a plan accepts a row that is there.
    #[must_use]
    pub fn accepts(&self, index: &Index, plan: &Plan, row: Row) -> bool {
        self.group_accepts(index, &plan.root, row)
    }

    /// The score of a row, as [`Query::score`](crate::Query::score) defines it.
    #[must_use]
    pub fn score(&self, index: &Index, plan: &Plan, row: Row) -> Option<f64> {
        self.group_score(index, &plan.root, row)
    }

    /// Shows `visit` every row that the plan accepts, oldest first, until it breaks.
    pub fn search(&self, index: &Index, plan: &Plan, visit: Visit<'_>) {
        if self.generation != index.generation {
            debug_assert!(false, "begin was not called after the rows were renumbered");
            return;
        }
        let root = &plan.root;
        let mut bits: Vec<&Bitmap> = vec![&index.live];
        let mut few: Option<&[Row]> = None;
        let mut narrowest = index.len();
        for (op, _) in &root.must {
            match op {
                Op::Nothing => return,
                Op::Term { column, term } => {
                    let Some(term) = index.columns[*column as usize]
                        .as_ref()
                        .and_then(|column| column.terms.get(*term))
                    else {
                        return;
                    };
                    narrowest = narrowest.min(term.rows.len());
                    match &term.rows {
                        Postings::Few(rows) if few.is_none_or(|best| rows.len() < best.len()) => {
                            few = Some(rows);
                        }
                        Postings::Few(_) => {}
                        Postings::Many { rows, .. } => bits.push(rows),
                    }
                }
                Op::All
                | Op::Group(_)
                | Op::Number { .. }
                | Op::Range { .. }
                | Op::Pattern { .. }
                | Op::Exists { .. } => {}
            }
        }
        if let Some(rows) = few {
            self.visit_list(index, root, rows, 0, visit);
            return;
        }
        let wanted;
        if root.must.is_empty()
            && let Some(union) = union_of_terms(index, &root.should)
        {
            wanted = union;
            bits.push(&wanted);
        }
        let mut from = 0;
        let narrower = self.narrower(index, root, narrowest);
        // Where much matches, the oldest few rows are enough; a short stretch needs no such luck.
        let short = matches!(narrower, Some(Narrower::Slice { length, .. }) if length <= PROBE);
        if narrower.is_some() && !short {
            match self.visit_bits(index, root, &bits, 0, PROBE, visit) {
                Scan::Broke | Scan::End => return,
                Scan::Paused(row) => from = row,
            }
        }
        match narrower {
            Some(Narrower::Slice { column, range, .. }) => {
                let mut rows = self.scratch.take();
                rows.clear();
                self.with_slice(index, column, &range, |slice| {
                    rows.extend(slice.iter().map(|(_, row)| *row).filter(|row| *row >= from));
                });
                self.charge(rows.len());
                rows.retain(|row| index.live.get(*row) && self.group_accepts(index, root, *row));
                rows.sort_unstable();
                rows.dedup();
                for row in &rows {
                    if visit(*row).is_break() {
                        break;
                    }
                }
                self.scratch.replace(rows);
            }
            Some(Narrower::Pattern(column, pattern)) => {
                let rows = self.rows_of_pattern(index, column, pattern);
                bits.push(&rows);
                self.visit_bits(index, root, &bits, from, usize::MAX, visit);
            }
            None => {
                self.visit_bits(index, root, &bits, from, usize::MAX, visit);
            }
        }
    }

    fn visit_list(
        &self,
        index: &Index,
        root: &PlanGroup,
        rows: &[Row],
        from: Row,
        visit: Visit<'_>,
    ) {
        for row in rows {
            if *row >= self.end {
                break;
            }
            self.charge(1);
            if *row >= from && self.group_accepts(index, root, *row) && visit(*row).is_break() {
                break;
            }
        }
    }

    /// Goes through the rows that all bitmaps share, from one row on, until `most` were tested.
    fn visit_bits(
        &self,
        index: &Index,
        root: &PlanGroup,
        bits: &[&Bitmap],
        from: Row,
        most: usize,
        visit: Visit<'_>,
    ) -> Scan {
        let words = bits.iter().map(|bits| bits.words().len()).min().unwrap_or(0);
        // The required texts are among the bitmaps, and they come first in the plan.
        let proven = root.must.iter().take_while(|(op, _)| matches!(op, Op::Term { .. })).count();
        let mut tested = 0;
        for at in (from as usize / 64)..words {
            let mut word = bits.iter().fold(u64::MAX, |word, bits| word & bits.words()[at]);
            if word == 0 {
                continue;
            }
            let start = base(at);
            if start < from {
                word &= u64::MAX << (from - start);
            }
            for row in (Bits { word, base: start }) {
                if row >= self.end {
                    self.charge(tested + at / 8);
                    return Scan::End;
                }
                tested += 1;
                if self.rest_accepts(index, root, proven, row) && visit(row).is_break() {
                    self.charge(tested + (at - from as usize / 64) / 8);
                    return Scan::Broke;
                }
                if tested >= most {
                    self.charge(tested + at / 8);
                    return Scan::Paused(row + 1);
                }
            }
        }
        self.charge(tested + words / 8);
        Scan::End
    }

    /// A way in that leads past fewer rows than the bits do.
    fn narrower(&self, index: &Index, root: &PlanGroup, rows: usize) -> Option<Narrower> {
        if rows <= PROBE * 2 {
            return None;
        }
        let mut best: Option<(usize, Narrower)> = None;
        let mut pattern = None;
        for (op, _) in &root.must {
            match op {
                Op::Range { column, .. } => {
                    let range = merged_range(index, root, *column);
                    let length = self.with_slice(index, *column, &range, <[_]>::len);
                    if length < rows / 4 && best.as_ref().is_none_or(|(least, _)| length < *least) {
                        best = Some((length, Narrower::Slice { column: *column, range, length }));
                    }
                }
                Op::Pattern { column, pattern: id } => {
                    pattern = Some(Narrower::Pattern(*column, *id));
                }
                Op::All
                | Op::Nothing
                | Op::Group(_)
                | Op::Term { .. }
                | Op::Number { .. }
                | Op::Exists { .. } => {}
            }
        }
        best.map(|(_, way)| way).or(pattern)
    }

    /// The part of the sorted column that lies within a range.
    fn with_slice<R>(
        &self,
        index: &Index,
        column: ColumnId,
        range: &NumberRange,
        see: impl FnOnce(&[(f64, Row)]) -> R,
    ) -> R {
        let mut all = self.sorted.borrow_mut();
        let Sorted { values: sorted, end } = all.entry(column).or_default();
        if *end < self.end {
            let known = sorted.len();
            if let Some(column) = &index.columns[column as usize] {
                column.numbers.each_from(*end, |row, value| {
                    if row < self.end {
                        sorted.push((value, row));
                    }
                });
            }
            *end = self.end;
            // The old part is sorted, the new part is made so, and the stable sort merges the two.
            sorted[known..].sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.charge((sorted.len() - known) * 2 + sorted.len() / 8);
        }
        // Zero and minus zero are sorted apart but equal, so positions are found by comparison.
        let first = sorted.partition_point(|(value, _)| {
            *value < range.low || (!range.low_included && *value == range.low)
        });
        let behind = sorted.partition_point(|(value, _)| {
            *value < range.high || (range.high_included && *value == range.high)
        });
        see(sorted.get(first..behind).unwrap_or(&[]))
    }

    fn rows_of_pattern(&self, index: &Index, column: ColumnId, pattern: PatternId) -> Bitmap {
        let Some(known) = &index.columns[column as usize] else { return Bitmap::default() };
        let mut memos = self.memos.borrow_mut();
        if let Some(rows) = memos.known.get(&pattern).and_then(|memo| memo.rows.as_ref()) {
            return rows.clone();
        }
        let mut rows = Bitmap::default();
        let mut steps = 0;
        for (id, term) in known.terms.iter() {
            steps += 1;
            if memos.fits(index, pattern, id, &term.text, term.date) {
                match &term.rows {
                    Postings::Few(list) => list.iter().for_each(|row| rows.set(*row)),
                    Postings::Many { rows: many, .. } => rows.union(many),
                }
            }
        }
        self.charge(steps * 10);
        memos.bytes += rows.bytes();
        if let Some(memo) = memos.known.get_mut(&pattern) {
            memo.rows = Some(rows.clone());
        }
        rows
    }

    #[inline]
    fn group_accepts(&self, index: &Index, group: &PlanGroup, row: Row) -> bool {
        self.rest_accepts(index, group, 0, row)
    }

    /// As [`Self::group_accepts`] where the first so many required clauses are known to be met.
    #[inline]
    fn rest_accepts(&self, index: &Index, group: &PlanGroup, met: usize, row: Row) -> bool {
        group.must[met..].iter().all(|(op, _)| self.op_accepts(index, op, row))
            && (!group.must.is_empty()
                || group.should.is_empty()
                || group.should.iter().any(|(op, _)| self.op_accepts(index, op, row)))
            && !group.must_not.iter().any(|op| self.op_accepts(index, op, row))
    }

    fn op_accepts(&self, index: &Index, op: &Op, row: Row) -> bool {
        let column = |id: &ColumnId| index.columns[*id as usize].as_ref();
        match op {
            Op::All => true,
            Op::Nothing => false,
            Op::Group(group) => self.group_accepts(index, group, row),
            Op::Term { column: id, term } => {
                column(id).is_some_and(|column| column.texts.any(row, |own| own == *term))
            }
            Op::Number { column: id, term, value } => column(id).is_some_and(|column| {
                column.numbers.any(row, |own| own == *value)
                    || column.texts.any(row, |own| own == *term)
            }),
            Op::Range { column: id, range } => {
                column(id).is_some_and(|column| column.numbers.any(row, |own| range.contains(own)))
            }
            Op::Exists { column: id } => column(id).is_some_and(|column| {
                column.texts.any(row, |_| true) || column.numbers.any(row, |_| true)
            }),
            Op::Pattern { column: id, pattern } => column(id).is_some_and(|column| {
                column.texts.any(row, |own| {
                    column.terms.get(own).is_some_and(|term| {
                        let mut memos = self.memos.borrow_mut();
                        memos.fits(index, *pattern, own, &term.text, term.date)
                    })
                })
            }),
        }
    }

    fn group_score(&self, index: &Index, group: &PlanGroup, row: Row) -> Option<f64> {
        let clause = |(op, boost): &(Op, f64)| match op {
            Op::Group(inner) => self.group_score(index, inner, row).map(|score| score * boost),
            Op::All
            | Op::Nothing
            | Op::Term { .. }
            | Op::Number { .. }
            | Op::Range { .. }
            | Op::Pattern { .. }
            | Op::Exists { .. } => self.op_accepts(index, op, row).then_some(*boost),
        };
        let mut score = 0.0;
        for required in &group.must {
            score += clause(required)?;
        }
        let mut any = !group.must.is_empty() || group.should.is_empty();
        for wanted in &group.should {
            if let Some(more) = clause(wanted) {
                any = true;
                score += more;
            }
        }
        (any && !group.must_not.iter().any(|op| self.op_accepts(index, op, row))).then_some(score)
    }
}

/// How a walk ended.
enum Scan {
    /// There is nothing more.
    End,
    /// The visitor has enough.
    Broke,
    /// Enough was tested; this row is next.
    Paused(Row),
}

/// A way in.
enum Narrower {
    Slice { column: ColumnId, range: NumberRange, length: usize },
    Pattern(ColumnId, PatternId),
}

impl Memos {
    /// Whether a pattern fits a text; each text is looked at once.
    fn fits(
        &mut self,
        index: &Index,
        pattern: PatternId,
        term: u32,
        text: &str,
        date: Option<i64>,
    ) -> bool {
        if self.bytes > MEMO_BYTES {
            *self = Self::default();
        }
        let bytes = &mut self.bytes;
        let memo = self.known.entry(pattern).or_insert_with(|| {
            *bytes += MATCHER_BYTES;
            let matcher = match &index.patterns[pattern as usize] {
                Some((_, pattern, _)) => Matcher::of(pattern),
                None => Matcher::Never,
            };
            Memo { matcher, asked: Bitmap::default(), fits: Bitmap::default(), rows: None }
        });
        if memo.asked.get(term) {
            return memo.fits.get(term);
        }
        let before = memo.asked.bytes() + memo.fits.bytes();
        let fits = memo.matcher.matches(text, date);
        memo.asked.set(term);
        if fits {
            memo.fits.set(term);
        }
        *bytes += memo.asked.bytes() + memo.fits.bytes() - before;
        fits
    }
}

/// What all ranges that a column must lie in have in common. Where rows have several numbers, one
/// may lie in one range and another in the next: then each range stands alone.
fn merged_range(index: &Index, root: &PlanGroup, wanted: ColumnId) -> NumberRange {
    let several = index.columns[wanted as usize].as_ref().is_none_or(|c| c.numbers.has_several());
    let mut ranges = root.must.iter().filter_map(|(op, _)| match op {
        Op::Range { column, range } if *column == wanted => Some(*range),
        Op::All
        | Op::Nothing
        | Op::Group(_)
        | Op::Term { .. }
        | Op::Number { .. }
        | Op::Range { .. }
        | Op::Pattern { .. }
        | Op::Exists { .. } => None,
    });
    let first = ranges.next().unwrap_or(NumberRange::ALL);
    if several { first } else { ranges.fold(first, NumberRange::and) }
}

/// The rows that have any of these texts, if texts are all that is asked for.
fn union_of_terms(index: &Index, should: &[(Op, f64)]) -> Option<Bitmap> {
    let mut union = Bitmap::default();
    for (op, _) in should {
        let Op::Term { column, term } = op else { return None };
        let term = index.columns[*column as usize].as_ref()?.terms.get(*term)?;
        match &term.rows {
            Postings::Few(rows) => rows.iter().for_each(|row| union.set(*row)),
            Postings::Many { rows, .. } => union.union(rows),
        }
    }
    (!should.is_empty()).then_some(union)
}
