//! The texts of one column, each kept once under a number.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::bitmap::Postings;
use crate::pattern::read_date;

/// The number of a text within its column.
pub(crate) type TermId = u32;

/// One text of a column.
#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) text: Arc<str>,
    /// What it means as a date.
    pub(crate) date: Option<i64>,
    pub(crate) rows: Postings,
    /// Plans that name it.
    plans: u32,
}

/// Texts by number and numbers by text. A text that neither a row nor a plan needs is forgotten;
/// its number is given out again only after [`Dictionary::settle`], so that whoever remembered
/// something about a number until then is not fooled.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    ids: HashMap<Arc<str>, TermId>,
    terms: Vec<Option<Term>>,
    retired: Vec<TermId>,
    free: Vec<TermId>,
}

impl Dictionary {
    pub(crate) fn get(&self, id: TermId) -> Option<&Term> {
        self.terms.get(id as usize).and_then(Option::as_ref)
    }

    /// All texts with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TermId, &Term)> {
        (0_u32..).zip(&self.terms).filter_map(|(id, term)| term.as_ref().map(|term| (id, term)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    fn intern(&mut self, text: &str) -> TermId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let text: Arc<str> = text.into();
        let term = Some(Term {
            text: Arc::clone(&text),
            date: read_date(&text),
            rows: Postings::default(),
            plans: 0,
        });
        let id = match self.free.pop() {
            Some(id) => {
                self.terms[id as usize] = term;
                id
            }
            None => {
                self.terms.push(term);
                u32::try_from(self.terms.len() - 1).expect("there are never 2^32 texts in memory")
            }
        };
        self.ids.insert(text, id);
        id
    }

    fn edit(&mut self, id: TermId, change: impl FnOnce(&mut Term)) {
        let slot = &mut self.terms[id as usize];
        let Some(term) = slot else { return };
        change(term);
        if term.plans == 0 && term.rows.len() == 0 {
            self.ids.remove(&*term.text);
            *slot = None;
            self.retired.push(id);
        }
    }

    pub(crate) fn add_row(&mut self, text: &str, row: u32) -> TermId {
        let id = self.intern(text);
        self.edit(id, |term| term.rows.insert(row));
        id
    }

    pub(crate) fn remove_row(&mut self, id: TermId, row: u32) {
        self.edit(id, |term| term.rows.remove(row));
    }

    pub(crate) fn add_plan(&mut self, text: &str) -> TermId {
        let id = self.intern(text);
        self.edit(id, |term| term.plans += 1);
        id
    }

    pub(crate) fn remove_plan(&mut self, id: TermId) {
        self.edit(id, |term| term.plans = term.plans.saturating_sub(1));
    }

    /// Lets the numbers of forgotten texts be used again; returns whether there are any.
    pub(crate) fn settle(&mut self) -> bool {
        let any = !self.retired.is_empty();
        self.free.append(&mut self.retired);
        any
    }

    /// Forgets which rows have which text.
    pub(crate) fn clear_rows(&mut self) {
        self.terms.iter_mut().flatten().for_each(|term| term.rows = Postings::default());
    }

    /// Adds a row to a text that is known. Only between [`Self::clear_rows`] and the next change.
    pub(crate) fn put_row(&mut self, id: TermId, row: u32) {
        if let Some(term) = self.terms[id as usize].as_mut() {
            term.rows.insert(row);
        }
    }
}
