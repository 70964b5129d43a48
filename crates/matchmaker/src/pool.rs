//! The tickets that wait, by row, as a search sees them.

use std::sync::Arc;

use tavern_search::{Index, Plan, Row, Searcher};

use crate::ticket::{Shape, Ticket};

/// A ticket that waits.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) ticket: Arc<Ticket>,
    /// The query that holds at present.
    pub(crate) plan: Plan,
    pub(crate) passes: u32,
    /// Widenings that have happened.
    pub(crate) widened: usize,
    /// Passes after which the next is due; the maximum when there is none. Kept here because a
    /// pass asks every ticket.
    pub(crate) widens_after: u32,
    /// Whether it still has to look for others: in this pass, or again in the next because its
    /// search ran out of budget or the pass was given up.
    pub(crate) unfinished: bool,
}

/// All tickets that wait. The rows are those of the index; ascending rows are oldest first.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    pub(crate) index: Index,
    pub(crate) searcher: Searcher,
    pub(crate) entries: Vec<Option<Box<Entry>>>,
    pub(crate) shapes: Vec<Shape>,
}

impl Pool {
    #[inline]
    pub(crate) fn entry(&self, row: Row) -> Option<&Entry> {
        self.entries.get(row as usize).and_then(Option::as_deref)
    }

    pub(crate) fn entry_mut(&mut self, row: Row) -> Option<&mut Entry> {
        self.entries.get_mut(row as usize).and_then(Option::as_deref_mut)
    }

    #[inline]
    pub(crate) fn shape(&self, row: Row) -> &Shape {
        &self.shapes[row as usize]
    }

    /// Whether the query of `of` accepts `other`.
    #[inline]
    pub(crate) fn accepts(&self, of: Row, other: Row) -> bool {
        self.entry(of).is_some_and(|entry| self.searcher.accepts(&self.index, &entry.plan, other))
    }

    /// Whether two tickets have no session in common.
    #[inline]
    pub(crate) fn apart(&self, a: Row, b: Row) -> bool {
        let (Some(a), Some(b)) = (self.entry(a), self.entry(b)) else { return false };
        let theirs = &b.ticket.spec.players;
        let ours = &a.ticket.spec.players;
        !ours.iter().any(|own| theirs.iter().any(|other| own.session == other.session))
    }

    /// Puts a ticket behind all others.
    pub(crate) fn push(&mut self, entry: Entry, shape: Shape) -> Row {
        let row = self.index.add(&entry.ticket.spec.document());
        debug_assert_eq!(row as usize, self.entries.len(), "rows and entries keep step");
        self.entries.push(Some(Box::new(entry)));
        self.shapes.push(shape);
        row
    }

    pub(crate) fn take(&mut self, row: Row) -> Option<Entry> {
        let entry = self.entries.get_mut(row as usize)?.take()?;
        self.index.remove(row);
        Some(*entry)
    }

    /// Closes the gaps when there are many; returns whether rows have changed.
    pub(crate) fn tidy(&mut self) -> bool {
        self.index.settle();
        if !self.index.wants_compaction() {
            return false;
        }
        let former = self.index.compact();
        let mut entries = std::mem::take(&mut self.entries);
        let shapes = std::mem::take(&mut self.shapes);
        self.entries = former.iter().map(|row| entries[*row as usize].take()).collect();
        self.shapes = former.iter().map(|row| shapes[*row as usize]).collect();
        true
    }
}
