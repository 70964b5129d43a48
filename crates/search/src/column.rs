//! One field of all documents: its texts and its numbers.

use std::sync::Arc;

use crate::cells::Cells;
use crate::dictionary::{Dictionary, TermId};

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: Arc<str>,
    pub(crate) terms: Dictionary,
    pub(crate) texts: Cells<TermId>,
    pub(crate) numbers: Cells<f64>,
    /// Mentions in plans.
    pub(crate) plans: usize,
}

impl Column {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            terms: Dictionary::default(),
            texts: Cells::default(),
            numbers: Cells::default(),
            plans: 0,
        }
    }

    pub(crate) fn is_unused(&self) -> bool {
        self.plans == 0 && self.texts.is_empty() && self.numbers.is_empty() && self.terms.is_empty()
    }

    pub(crate) fn remove_row(&mut self, row: u32) {
        let terms = &mut self.terms;
        self.texts.take(row, |term| terms.remove_row(term, row));
        self.numbers.take(row, |_| {});
    }

    pub(crate) fn renumber(&mut self, old: &[u32]) {
        self.texts.renumber(old);
        self.numbers.renumber(old);
        self.terms.clear_rows();
        let terms = &mut self.terms;
        self.texts.each_from(0, |row, term| terms.put_row(term, row));
    }
}
