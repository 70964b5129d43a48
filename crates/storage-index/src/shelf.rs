//! What is in one index.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tavern_domain::{Timestamp, UserId};
use tavern_runtime_hooks::IndexDefinition;
use tavern_search::{Index, Query, Row, Searcher};
use tavern_storage::{Object, ObjectKey, ReadPermission, StorageError, WritePermission};

use crate::document::{Kept, SortValue};
use crate::indexes::{Filter, IndexMeters};
use crate::keep::Keep;
use crate::order::{Order, Position};

/// Indexes with more entries than this are searched on a thread that may be held up.
const LARGE: usize = 2_000;

/// What names an object.
#[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Name {
    pub(crate) collection: String,
    pub(crate) key: String,
    pub(crate) user: UserId,
}

impl Name {
    pub(crate) fn of(at: ObjectKey<'_>) -> Self {
        Self { collection: at.collection.to_owned(), key: at.key.to_owned(), user: at.user }
    }

    pub(crate) fn at(&self) -> ObjectKey<'_> {
        ObjectKey { collection: &self.collection, key: &self.key, user: self.user }
    }
}

impl From<&Name> for Name {
    fn from(name: &Name) -> Self {
        name.clone()
    }
}

/// An object in an index.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Arc<str>,
    pub(crate) user: UserId,
    pub(crate) version: Box<str>,
    pub(crate) read: ReadPermission,
    pub(crate) write: WritePermission,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) sort: Box<[SortValue]>,
    /// See [`Kept::value`].
    pub(crate) value: Option<Box<str>>,
}

impl Entry {
    fn new(object: &Object, kept: Kept) -> (Self, tavern_search::Document<'static>) {
        let entry = Self {
            key: object.key.as_str().into(),
            user: object.user,
            version: object.version.as_str().into(),
            read: object.read,
            write: object.write,
            create_time: object.create_time,
            update_time: object.update_time,
            sort: kept.sort,
            value: kept.value,
        };
        (entry, kept.document)
    }

    /// Whether a caller may see it; nobody is the server.
    fn shown_to(&self, caller: Option<UserId>) -> bool {
        match (self.read, caller) {
            (ReadPermission::Everybody, _) | (_, None) => true,
            (ReadPermission::Owner, Some(caller)) => self.user == caller,
            (ReadPermission::Nobody, Some(_)) => false,
        }
    }

    fn place(&self) -> (UserId, Arc<str>) {
        (self.user, Arc::clone(&self.key))
    }

    fn age(&self) -> (Timestamp, UserId, Arc<str>) {
        (self.update_time, self.user, Arc::clone(&self.key))
    }
}

/// One index.
pub(crate) struct Shelf {
    pub(crate) definition: IndexDefinition,
    /// Whether lists take values from it.
    pub(crate) index_only: bool,
    pub(crate) filter: Arc<dyn Filter>,
    meters: IndexMeters,
    /// Whether it answers: then the meters show it.
    live: AtomicBool,
    /// How many entries there are.
    len: AtomicUsize,
    /// Locked for moments only, and after the state where both are.
    keep: Mutex<Keep>,
    /// Locked for as long as a search takes: whoever else wants it waits without holding up a
    /// thread.
    state: Arc<tokio::sync::Mutex<State>>,
}

/// The entries. There is nothing to await while it is locked.
#[derive(Default)]
struct State {
    index: Index,
    searcher: Searcher,
    /// By their rows.
    entries: Vec<Option<Arc<Entry>>>,
    rows: BTreeMap<(UserId, Arc<str>), Row>,
    /// Those that were not changed for the longest time first.
    ages: BTreeSet<(Timestamp, UserId, Arc<str>)>,
}

/// What is looked for.
pub(crate) struct Search {
    pub(crate) query: Query,
    pub(crate) order: Order,
    pub(crate) after: Option<Position>,
    pub(crate) limit: usize,
    pub(crate) caller: Option<UserId>,
}

/// What was found, in order.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) entries: Vec<Arc<Entry>>,
    /// Where the last one stands, if there are more behind it.
    pub(crate) more: Option<Position>,
}

impl Shelf {
    pub(crate) fn new(
        definition: IndexDefinition,
        index_only: bool,
        filter: Arc<dyn Filter>,
        meters: IndexMeters,
    ) -> Self {
        Self {
            definition,
            index_only,
            filter,
            meters,
            live: AtomicBool::new(false),
            len: AtomicUsize::new(0),
            keep: Mutex::default(),
            state: Arc::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// From now on the meters show it, or something else in its place.
    pub(crate) fn show(&self, live: bool) {
        self.live.store(live, Ordering::Relaxed);
        self.measure(if live { self.len() } else { 0 });
    }

    #[expect(clippy::cast_precision_loss, reason = "counts below 2^52 are exact")]
    fn measure(&self, entries: usize) {
        self.meters.entries.set(entries as f64);
    }

    pub(crate) fn meters(&self) -> &IndexMeters {
        &self.meters
    }

    pub(crate) fn covers(&self, at: ObjectKey<'_>) -> bool {
        self.definition.covers(at.collection, at.key)
    }

    pub(crate) fn keep<T>(&self, with: impl FnOnce(&mut Keep) -> T) -> T {
        with(&mut self.keep.lock())
    }

    /// Takes in what a read has found of an object, and what is kept of that.
    pub(crate) async fn take(&self, ticket: u64, name: &Name, found: Option<(&Object, Kept)>) {
        let mut state = self.state.lock().await;
        if self.keep(|keep| keep.counts(name, ticket)) {
            self.put(&mut state, name, found);
        }
    }

    /// The same of an object on a page.
    pub(crate) async fn take_page(&self, ticket: u64, name: &Name, found: Option<(&Object, Kept)>) {
        let mut state = self.state.lock().await;
        if self.keep(|keep| keep.counts_on_page(name, ticket)) {
            self.put(&mut state, name, found);
        }
    }

    fn put(&self, state: &mut State, name: &Name, found: Option<(&Object, Kept)>) {
        state.remove(&(name.user, name.key.as_str().into()));
        if let Some((object, kept)) = found {
            state.add(Entry::new(object, kept));
            // What was just added may be the oldest itself.
            while state.index.len() > self.definition.room() as usize {
                state.remove_oldest();
                self.meters.evictions.increment(1);
            }
        }
        state.tidy();
        self.len.store(state.index.len(), Ordering::Relaxed);
        if self.live.load(Ordering::Relaxed) {
            self.measure(state.index.len());
        }
    }

    /// All objects of an owner are gone: the names of those that are in the index or being read.
    pub(crate) async fn owner_gone(&self, user: UserId, ticket: u64) -> Vec<Name> {
        let state = self.state.lock().await;
        let mut names = self.keep(|keep| keep.owner_gone(user, ticket));
        let owned = state.rows.range((user, Arc::from(""))..);
        let owned = owned.take_while(|((owner, _), _)| *owner == user);
        names.extend(owned.map(|((_, key), _)| Name {
            collection: self.definition.collection.clone(),
            key: key.to_string(),
            user,
        }));
        names
    }

    /// What a caller may see of what a query finds, behind a position.
    pub(crate) async fn search(&self, search: Search) -> Result<Found, StorageError> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        if state.index.len() <= LARGE {
            return Ok(state.search(&search));
        }
        let searched = tokio::task::spawn_blocking(move || state.search(&search));
        searched.await.map_err(|error| StorageError::Failed(error.into()))
    }
}

impl State {
    fn search(&mut self, search: &Search) -> Found {
        let plan = self.index.prepare(&search.query);
        let Self { index, searcher, entries, .. } = self;
        searcher.begin(index);
        let scored = search.order.by_score() && plan.is_ranked();
        let mut best = Best::new(search);
        searcher.search(index, &plan, &mut |row| {
            let entry = entries.get(row as usize).and_then(Option::as_ref);
            if let Some(entry) = entry.filter(|entry| entry.shown_to(search.caller)) {
                let score =
                    if scored { searcher.score(index, &plan, row).unwrap_or(0.0) } else { 0.0 };
                best.offer(search.order.position(entry, score), entry);
            }
            ControlFlow::Continue(())
        });
        self.index.release(plan);
        self.index.settle();
        best.finish()
    }

    fn add(&mut self, (entry, document): (Entry, tavern_search::Document<'static>)) {
        let row = self.index.add(&document);
        let at = row as usize;
        if self.entries.len() <= at {
            self.entries.resize_with(at + 1, || None);
        }
        self.rows.insert(entry.place(), row);
        self.ages.insert(entry.age());
        self.entries[at] = Some(Arc::new(entry));
    }

    fn remove(&mut self, place: &(UserId, Arc<str>)) {
        let Some(row) = self.rows.remove(place) else { return };
        self.index.remove(row);
        if let Some(entry) = self.entries.get_mut(row as usize).and_then(Option::take) {
            self.ages.remove(&entry.age());
        }
    }

    fn remove_oldest(&mut self) {
        if let Some((_, user, key)) = self.ages.pop_first() {
            self.remove(&(user, key));
        }
    }

    /// Gives back the memory of what is gone.
    fn tidy(&mut self) {
        if self.index.wants_compaction() {
            let former = self.index.compact();
            let mut entries = Vec::with_capacity(former.len());
            for (row, former) in (0_u32..).zip(former) {
                let entry = self.entries.get_mut(former as usize).and_then(Option::take);
                if let Some(entry) = &entry {
                    self.rows.insert(entry.place(), row);
                }
                entries.push(entry);
            }
            self.entries = entries;
        }
        self.index.settle();
    }
}

/// The first few of what is offered, without keeping all of it.
struct Best<'a> {
    search: &'a Search,
    offered: Vec<(Position, Arc<Entry>)>,
    /// What is not before this is not among the first.
    bar: Option<Position>,
}

impl<'a> Best<'a> {
    fn new(search: &'a Search) -> Self {
        Self { search, offered: Vec::new(), bar: None }
    }

    fn offer(&mut self, position: Position, entry: &Arc<Entry>) {
        let order = &self.search.order;
        let behind = |at: &Option<Position>| {
            at.as_ref().is_none_or(|at| order.compare(&position, at).is_gt())
        };
        if !behind(&self.search.after) || (self.bar.is_some() && behind(&self.bar)) {
            return;
        }
        self.offered.push((position, Arc::clone(entry)));
        // One more than the limit tells whether there are more.
        if self.offered.len() > 2 * (self.search.limit + 1) {
            self.cut();
            self.bar = self.offered.last().map(|(position, _)| position.clone());
        }
    }

    /// Keeps the first ones, in order.
    fn cut(&mut self) {
        let order = &self.search.order;
        self.offered.sort_unstable_by(|a, b| order.compare(&a.0, &b.0));
        self.offered.truncate(self.search.limit + 1);
    }

    fn finish(mut self) -> Found {
        self.cut();
        let more = self.offered.len() > self.search.limit;
        self.offered.truncate(self.search.limit);
        let last = self.offered.last().map(|(position, _)| position.clone());
        let entries = self.offered.into_iter().map(|(_, entry)| entry).collect();
        Found { entries, more: last.filter(|_| more) }
    }
}
