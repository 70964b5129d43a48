//! Which of several reads of one object counts.

use hashbrown::HashMap;
use tavern_domain::UserId;

use crate::shelf::Name;

/// Says which read of an object counts, where reads overlap.
///
/// Every read takes a ticket before it begins: tickets rise. Whoever has changed an object takes a
/// ticket after the change is committed, so the read with the highest ticket of all has seen every
/// change. It counts, and what comes in later with a lower one does not.
///
/// Nothing needs to be remembered of objects that nobody is reading. A load reads objects that it
/// cannot name before; while it waits for a page, what comes in is remembered for all of them.
#[derive(Debug, Default)]
pub(crate) struct Keep {
    reading: HashMap<Name, Reading>,
    page: Option<Page>,
}

#[derive(Debug, Default)]
struct Reading {
    /// How many reads have begun and not ended.
    readers: usize,
    /// The highest ticket of those whose outcome was kept.
    kept: u64,
}

/// What came in while a page was read.
#[derive(Debug, Default)]
struct Page {
    kept: HashMap<Name, u64>,
    /// Whose objects are all gone.
    owners: HashMap<UserId, u64>,
}

impl Keep {
    /// A read of an object begins; its ticket is to be taken afterwards.
    pub(crate) fn begin(&mut self, name: &Name) {
        self.reading.entry_ref(name).or_default().readers += 1;
    }

    /// A read of an object has ended, well or not.
    pub(crate) fn end(&mut self, name: &Name) {
        if let Some(reading) = self.reading.get_mut(name) {
            reading.readers -= 1;
            if reading.readers == 0 {
                self.reading.remove(name);
            }
        }
    }

    /// Whether the outcome of a read is to be kept; remembers that it is.
    pub(crate) fn counts(&mut self, name: &Name, ticket: u64) -> bool {
        if let Some(reading) = self.reading.get_mut(name) {
            if reading.kept > ticket {
                return false;
            }
            reading.kept = ticket;
        }
        if let Some(page) = &mut self.page {
            page.kept.insert(name.clone(), ticket);
        }
        true
    }

    /// A page is about to be read; its ticket is to be taken afterwards. What came in before is in
    /// the page.
    pub(crate) fn begin_page(&mut self) {
        self.page = Some(Page::default());
    }

    /// No page is read any more.
    pub(crate) fn end_pages(&mut self) {
        self.page = None;
    }

    /// Like [`Self::counts`], of an object on a page.
    pub(crate) fn counts_on_page(&mut self, name: &Name, ticket: u64) -> bool {
        let Some(page) = &self.page else { return false };
        let later = |kept: Option<&u64>| kept.is_some_and(|kept| *kept > ticket);
        if later(page.kept.get(name)) || later(page.owners.get(&name.user)) {
            return false;
        }
        self.counts(name, ticket)
    }

    /// All objects of an owner are gone; the ticket was taken after that was committed. Answers
    /// those that somebody is reading.
    pub(crate) fn owner_gone(&mut self, user: UserId, ticket: u64) -> Vec<Name> {
        if let Some(page) = &mut self.page {
            page.owners.insert(user, ticket);
        }
        self.reading.keys().filter(|name| name.user == user).cloned().collect()
    }

    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.reading.is_empty() && self.page.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(key: &str) -> Name {
        Name { collection: "c".into(), key: key.into(), user: UserId::NIL }
    }

    #[test]
    fn the_read_that_began_last_counts() {
        let (mut keep, a) = (Keep::default(), name("a"));
        keep.begin(&a);
        keep.begin(&a);
        assert!(keep.counts(&a, 2));
        assert!(!keep.counts(&a, 1), "it began earlier and came in later");
        keep.end(&a);
        assert!(!keep.counts(&a, 1));
        keep.end(&a);
        assert!(keep.is_idle(), "nothing is remembered of what nobody reads");
    }

    #[test]
    fn a_page_is_older_than_what_came_in_while_it_was_read() {
        let mut keep = Keep::default();
        let (a, b, c) = (name("a"), name("b"), name("c"));
        keep.begin(&a);
        keep.begin_page();
        assert!(keep.counts(&a, 2));
        assert!(!keep.counts_on_page(&a, 1));
        keep.begin(&b);
        assert!(keep.counts(&b, 1));
        assert!(keep.counts_on_page(&b, 3), "the page began later");
        assert!(!keep.counts(&b, 2));
        assert!(keep.counts_on_page(&c, 3));
        assert_eq!(keep.owner_gone(UserId::NIL, 4).len(), 2);
        assert!(!keep.counts_on_page(&c, 3));
        keep.begin_page();
        assert!(keep.counts_on_page(&c, 5), "the next page has seen all that");
        keep.end_pages();
        assert!(!keep.counts_on_page(&c, 6));
        keep.end(&a);
        keep.end(&b);
        assert!(keep.is_idle());
    }
}
