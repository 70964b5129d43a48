//! All indexes of a node, and how they learn what has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hashbrown::HashSet;
use parking_lot::RwLock;
use tavern_cluster::{Bus, BusError, Inbox, Letter, Topic};
use tavern_domain::UserId;
use tavern_runtime_hooks::{HookError, IndexDefinition};
use tavern_storage::{
    Object, ObjectKey, ObjectPosition, ObjectRights, Objects, ObjectsOf, ReadPermission,
    StorageError,
};
use tavern_telemetry::{Counter, Gauge};
use tokio::time::Instant;

use crate::debts::Debts;
use crate::document::{self, Kept, Left};
use crate::error::IndexError;
use crate::message::{self, Change};
use crate::shelf::{Name, Shelf};

const TOPIC: Topic = Topic::new("storage-index");

/// Objects that are read at once after a change.
const BATCH: usize = 100;
/// Objects that are read at once while an index is loaded.
const PAGE: u32 = 500;
/// How long after a failure a read is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// So long after its caller has given up a statement may still take effect: twice as long as the
/// database lets one run unless it is told otherwise.
const SETTLE: Duration = Duration::from_secs(60);

/// What all indexes have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// Whether lists take values from the database even of indexes that have them.
    pub disable_index_only: bool,
}

/// Needed: says which objects are in an index.
#[async_trait]
pub trait Filter: Send + Sync + 'static {
    /// Whether an index has a filter at all.
    fn filters(&self, index: &str) -> bool;

    /// Whether an object that the index covers is in it.
    async fn keeps(&self, index: &str, object: &Object) -> Result<bool, HookError>;
}

/// What operators see of one index.
#[derive(Clone, Debug)]
pub struct IndexMeters {
    /// Objects in it.
    pub entries: Gauge,
    /// Objects that left it to make room.
    pub evictions: Counter,
    /// Times that an object was left out because it is too large, unreadable, or its filter failed.
    pub left_out: Counter,
}

impl Default for IndexMeters {
    fn default() -> Self {
        Self { entries: Gauge::noop(), evictions: Counter::noop(), left_out: Counter::noop() }
    }
}

/// Makes the meters of the index of this name; called again when it is loaded again.
pub type MakeMeters = Box<dyn Fn(&str) -> IndexMeters + Send + Sync>;

/// The indexes of a node.
pub struct Indexes {
    pub(crate) store: Arc<dyn Objects>,
    pub(crate) debts: Debts,
    bus: Arc<dyn Bus>,
    config: Config,
    make_meters: MakeMeters,
    shelves: RwLock<Shelves>,
    tickets: AtomicU64,
    /// Held while indexes are loaded.
    loading: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Shelves {
    /// Those that answer.
    live: Vec<Arc<Shelf>>,
    /// Those that are being loaded. They take in what changes, too.
    building: Vec<Arc<Shelf>>,
}

impl std::fmt::Debug for Indexes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Indexes").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Indexes {
    /// No index yet, over a store that must not be one of [`watched`](crate::watched()).
    #[must_use]
    pub fn new(
        store: Arc<dyn Objects>,
        bus: Arc<dyn Bus>,
        config: Config,
        make_meters: MakeMeters,
    ) -> Self {
        Self {
            store,
            debts: Debts::default(),
            bus,
            config,
            make_meters,
            shelves: RwLock::default(),
            tickets: AtomicU64::new(1),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// How many changes the indexes have not taken in yet: those whose writers are still at work,
    /// and those that could not be read. At most 100,001, for beyond that everything is loaded
    /// again, which counts as one.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.debts.len()
    }

    /// Loads indexes from the database and answers with these, and no others, from then on. Until
    /// it is done, and if it fails, those before answer and are kept right. What changes meanwhile
    /// is not lost. Safe to drop half-way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn define(
        &self,
        definitions: Vec<IndexDefinition>,
        filter: Arc<dyn Filter>,
    ) -> Result<(), StorageError> {
        let _one_at_a_time = self.loading.lock().await;
        let shelf = |definition: IndexDefinition| {
            let index_only = definition.index_only && !self.config.disable_index_only;
            let meters = (self.make_meters)(&definition.name);
            Arc::new(Shelf::new(definition, index_only, Arc::clone(&filter), meters))
        };
        self.build(definitions.into_iter().map(shelf).collect()).await
    }

    /// Loads all indexes again.
    async fn reload(&self) -> Result<(), StorageError> {
        let _one_at_a_time = self.loading.lock().await;
        let live = self.shelves.read().live.clone();
        let again = |shelf: &Arc<Shelf>| {
            let filter = Arc::clone(&shelf.filter);
            let (definition, meters) = (shelf.definition.clone(), shelf.meters().clone());
            Arc::new(Shelf::new(definition, shelf.index_only, filter, meters))
        };
        self.build(live.iter().map(again).collect()).await
    }

    async fn build(&self, shelves: Vec<Arc<Shelf>>) -> Result<(), StorageError> {
        self.shelves.write().building.clone_from(&shelves);
        let building = Building { indexes: self, done: false };
        for shelf in &shelves {
            let begun = Instant::now();
            self.load(shelf).await?;
            let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (name, entries) = (&*shelf.definition.name, shelf.len());
            tracing::info!(name, entries, elapsed_ms, "storage index loaded");
        }
        building.publish();
        Ok(())
    }

    /// Reads all objects that an index covers, page by page.
    async fn load(&self, shelf: &Shelf) -> Result<(), StorageError> {
        let collection = &*shelf.definition.collection;
        let mut after = None;
        if !shelf.definition.key.is_empty() {
            // Lists are ordered by key and owner, and go on behind a position: the object that
            // stands at the first position of all is read by its name.
            let key = shelf.definition.key.clone();
            let first = ObjectKey { collection, key: &key, user: UserId::NIL };
            let ticket = self.begin_page(shelf);
            let objects = self.store.read(ObjectRights::Server, &[first]).await?;
            self.take_page(shelf, ticket, &objects).await;
            let (read, user) = (ReadPermission::Nobody, UserId::NIL);
            after = Some(ObjectPosition { read, key, user });
        }
        loop {
            let ticket = self.begin_page(shelf);
            let page =
                self.store.list(collection, ObjectsOf::Everything, after.as_ref(), PAGE).await?;
            self.take_page(shelf, ticket, &page.objects).await;
            let last = page.objects.last().filter(|_| page.more);
            let last = last.filter(|last| shelf.definition.covers(collection, &last.key));
            let Some(last) = last else { break };
            after =
                Some(ObjectPosition { read: last.read, key: last.key.clone(), user: last.user });
        }
        shelf.keep(crate::keep::Keep::end_pages);
        Ok(())
    }

    fn begin_page(&self, shelf: &Shelf) -> u64 {
        shelf.keep(crate::keep::Keep::begin_page);
        self.ticket()
    }

    async fn take_page(&self, shelf: &Shelf, ticket: u64, objects: &[Object]) {
        for object in objects {
            let name = Name {
                collection: object.collection.clone(),
                key: object.key.clone(),
                user: object.user,
            };
            if shelf.covers(name.at()) {
                let kept = kept(shelf, object).await;
                shelf.take_page(ticket, &name, kept.map(|kept| (object, kept))).await;
            }
        }
    }

    /// See [`Keep`](crate::keep::Keep).
    fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::SeqCst)
    }

    /// The index of this name.
    pub(crate) fn named(&self, name: &str) -> Result<Arc<Shelf>, IndexError> {
        let shelves = self.shelves.read();
        let found = shelves.live.iter().find(|shelf| shelf.definition.name == name);
        found.cloned().ok_or_else(|| IndexError::Unknown { name: name.to_owned() })
    }

    fn all(&self) -> Vec<Arc<Shelf>> {
        let shelves = self.shelves.read();
        shelves.live.iter().chain(&shelves.building).cloned().collect()
    }

    /// Which of these objects an index covers.
    pub(crate) fn covered<'a>(&self, names: impl Iterator<Item = ObjectKey<'a>>) -> Vec<Change> {
        let shelves = self.shelves.read();
        if shelves.live.is_empty() && shelves.building.is_empty() {
            return Vec::new();
        }
        let all = shelves.live.iter().chain(&shelves.building);
        let covered = |at: &ObjectKey<'_>| all.clone().any(|shelf| shelf.covers(*at));
        names.filter(covered).map(|at| Change::Object(Name::of(at))).collect()
    }

    /// Whether there are indexes at all.
    pub(crate) fn any(&self) -> bool {
        let shelves = self.shelves.read();
        !(shelves.live.is_empty() && shelves.building.is_empty())
    }

    /// Tells other nodes of changes that were committed and takes them in. What cannot be read now
    /// is owed.
    pub(crate) async fn committed(&self, changes: &[Change]) {
        self.tell(changes);
        self.take_in(changes).await;
    }

    /// Nobody knows whether these have happened, or still will.
    pub(crate) fn doubtful(&self, changes: Vec<Change>) {
        let now = Instant::now();
        self.debts.owe_twice(changes, now, now + SETTLE);
    }

    async fn take_in(&self, changes: &[Change]) {
        if let Err(error) = self.refresh(changes).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "cannot read changed objects for the storage indexes");
            self.debts.owe(changes.to_vec(), Instant::now() + RETRY);
        }
    }

    /// Reads what has changed.
    async fn refresh(&self, changes: &[Change]) -> Result<(), StorageError> {
        let shelves = self.all();
        let mut names = HashSet::new();
        for change in changes {
            match change {
                Change::Object(name) => {
                    names.insert(name.clone());
                }
                Change::Owner(user) => {
                    let ticket = self.ticket();
                    for shelf in &shelves {
                        names.extend(shelf.owner_gone(*user, ticket).await);
                    }
                }
            }
        }
        let names: Vec<Name> = names.into_iter().collect();
        for batch in names.chunks(BATCH) {
            self.refresh_batch(&shelves, batch).await?;
        }
        Ok(())
    }

    async fn refresh_batch(
        &self,
        shelves: &[Arc<Shelf>],
        names: &[Name],
    ) -> Result<(), StorageError> {
        let _reading = Reading::begin(shelves, names);
        let ticket = self.ticket();
        let keys: Vec<_> = names.iter().map(Name::at).collect();
        let objects = self.store.read(ObjectRights::Server, &keys).await?;
        let mut objects = objects.iter().peekable();
        for name in names {
            // They come in the order asked for, without those that are not there.
            let object = objects.next_if(|object| {
                let at = name.at();
                (&*object.collection, &*object.key, object.user) == (at.collection, at.key, at.user)
            });
            for shelf in shelves.iter().filter(|shelf| shelf.covers(name.at())) {
                let found = match object {
                    Some(object) => kept(shelf, object).await.map(|kept| (object, kept)),
                    None => None,
                };
                shelf.take(ticket, name, found).await;
            }
        }
        Ok(())
    }

    fn tell(&self, changes: &[Change]) {
        for message in message::messages(changes) {
            match self.bus.publish(TOPIC, message.into()) {
                Ok(()) | Err(BusError::Unreachable { .. }) => {}
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "cannot tell other nodes of changed objects");
                }
            }
        }
    }

    /// Takes what other nodes tell from now on; to be handed to [`Self::run`]. Call it before
    /// [`Self::define`], so that nothing is missed in between.
    ///
    /// # Errors
    /// [`BusError::Taken`] when it was called before.
    pub fn listen(&self) -> Result<Inbox, BusError> {
        self.bus.subscribe(TOPIC)
    }

    /// Takes in what other nodes tell, and pays what is owed, until dropped.
    pub async fn run(&self, mut inbox: Inbox) {
        let (mut lost, mut open) = (0, true);
        loop {
            tokio::select! {
                letter = inbox.recv(), if open => match letter {
                    Some(letter) => self.take_letter(&letter).await,
                    // The bus is gone; what is owed is still to be paid.
                    None => open = false,
                },
                () = self.debts.more() => {}
                () = until(self.debts.next()) => {}
            }
            if inbox.lost() != lost {
                lost = inbox.lost();
                tracing::warn!(lost, "too many changes on other nodes: indexes are loaded again");
                self.debts.owe_all(Instant::now());
            }
            self.pay().await;
        }
    }

    async fn take_letter(&self, letter: &Letter) {
        match message::read(&letter.payload) {
            Ok(changes) => self.take_in(&changes).await,
            Err(error) => {
                // Another version of this server, perhaps: what it tells can be looked up.
                let (node, error): (_, &dyn std::error::Error) = (letter.from.as_str(), &error);
                tracing::warn!(node, error, "unreadable news of objects: indexes are loaded again");
                self.debts.owe_all(Instant::now());
            }
        }
    }

    /// Pays what is due.
    pub(crate) async fn pay(&self) {
        let bill = self.debts.take(Instant::now());
        self.tell(&bill.tell);
        if !bill.changes.is_empty() {
            self.take_in(&bill.changes).await;
        }
        if bill.all
            && let Err(error) = self.reload().await
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "cannot load the storage indexes again");
            self.debts.owe_all(Instant::now() + RETRY);
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What an index keeps of an object; nothing if it is not in the index.
async fn kept(shelf: &Shelf, object: &Object) -> Option<Kept> {
    let (index, key) = (&*shelf.definition.name, &*object.key);
    let kept = match document::kept(&shelf.definition, shelf.index_only, object) {
        Ok(kept) => kept,
        Err(Left::NoField) => return None,
        Err(why @ (Left::TooLarge | Left::Unreadable)) => {
            shelf.meters().left_out.increment(1);
            tracing::warn!(index, key, ?why, "an object is left out of a storage index");
            return None;
        }
    };
    if !shelf.filter.filters(index) {
        return Some(kept);
    }
    match shelf.filter.keeps(index, object).await {
        Ok(yes) => yes.then_some(kept),
        Err(error) => {
            shelf.meters().left_out.increment(1);
            let error: &dyn std::error::Error = &error;
            tracing::error!(index, key, error, "the filter failed: an object is left out");
            None
        }
    }
}

/// Objects that are being read, until it is dropped.
struct Reading<'a> {
    shelves: &'a [Arc<Shelf>],
    names: &'a [Name],
}

impl<'a> Reading<'a> {
    fn begin(shelves: &'a [Arc<Shelf>], names: &'a [Name]) -> Self {
        for shelf in shelves {
            shelf.keep(|keep| names.iter().for_each(|name| keep.begin(name)));
        }
        Self { shelves, names }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        for shelf in self.shelves {
            shelf.keep(|keep| self.names.iter().for_each(|name| keep.end(name)));
        }
    }
}

/// Indexes that are being loaded: forgotten when it is dropped before they were published.
struct Building<'a> {
    indexes: &'a Indexes,
    done: bool,
}

impl Building<'_> {
    fn publish(mut self) {
        self.done = true;
        let mut shelves = self.indexes.shelves.write();
        let building = std::mem::take(&mut shelves.building);
        let before = std::mem::replace(&mut shelves.live, building);
        // Those in their place share their meters.
        before.iter().for_each(|shelf| shelf.show(false));
        shelves.live.iter().for_each(|shelf| shelf.show(true));
    }
}

impl Drop for Building<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.indexes.shelves.write().building.clear();
        }
    }
}
