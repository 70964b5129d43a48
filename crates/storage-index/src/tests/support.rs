//! A store whose answers take their time, and indexes over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use async_trait::async_trait;
use tavern_cluster::{Bus, Hub};
use tavern_domain::{ErrorCode, NodeName, Timestamp, UserId};
use tavern_runtime_hooks::{HookError, IndexDefinition, IndexSpec};
use tavern_storage::{
    Created, Identity, NewAccount, Object, ObjectDelete, ObjectIs, ObjectKey, ObjectPage,
    ObjectPosition, ObjectRefused, ObjectRights, ObjectTimes, ObjectWrite, Objects, ObjectsOf,
    ReadPermission, Storage, StorageError, WritePermission, memory,
};
use tavern_telemetry::{Metrics, prefixed, tavern};
use uuid::Uuid;

use crate::{Config, Filter, IndexMeters, Indexes, ListQuery, MakeMeters, watched};

pub(super) const COLLECTION: &str = "decks";

pub(super) fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

/// A store that gives way to others before and after what it does.
pub(super) struct Slow {
    inner: Arc<dyn Objects>,
    seed: AtomicU64,
    /// Whether it fails.
    pub(super) broken: AtomicBool,
    /// Most objects that it lists at once: few, so that there are several pages.
    pub(super) page: AtomicU32,
}

impl Slow {
    async fn pause(&self) -> Result<(), StorageError> {
        // A linear congruential generator: high bits of a long period.
        let step = |n: u64| n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        let seed = step(self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed));
        for _ in 0..(seed >> 61) {
            tokio::task::yield_now().await;
        }
        if self.broken.load(Ordering::Relaxed) {
            return Err(StorageError::Failed("the database is away".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Objects for Slow {
    async fn write(
        &self,
        rights: ObjectRights,
        batch: &[ObjectWrite<'_>],
        now: Timestamp,
    ) -> Result<Result<Vec<ObjectTimes>, ObjectRefused>, StorageError> {
        self.pause().await?;
        let outcome = self.inner.write(rights, batch, now).await;
        self.pause().await?;
        outcome
    }

    async fn read(
        &self,
        rights: ObjectRights,
        batch: &[ObjectKey<'_>],
    ) -> Result<Vec<Object>, StorageError> {
        self.pause().await?;
        let objects = self.inner.read(rights, batch).await;
        self.pause().await?;
        objects
    }

    async fn delete(
        &self,
        rights: ObjectRights,
        batch: &[ObjectDelete<'_>],
    ) -> Result<Result<(), ObjectRefused>, StorageError> {
        self.pause().await?;
        let outcome = self.inner.delete(rights, batch).await;
        self.pause().await?;
        outcome
    }

    async fn list(
        &self,
        collection: &str,
        of: ObjectsOf,
        after: Option<&ObjectPosition>,
        limit: u32,
    ) -> Result<ObjectPage, StorageError> {
        self.pause().await?;
        let limit = limit.min(self.page.load(Ordering::Relaxed));
        let page = self.inner.list(collection, of, after, limit).await;
        // Long enough for whole changes in between.
        for _ in 0..4 {
            self.pause().await?;
        }
        page
    }
}

/// Leaves out what is hidden, and fails for what is bad.
pub(super) struct Shown;

#[async_trait]
impl Filter for Shown {
    fn filters(&self, index: &str) -> bool {
        index == "shown"
    }

    async fn keeps(&self, _index: &str, object: &Object) -> Result<bool, HookError> {
        tokio::task::yield_now().await;
        if object.value.contains("bad") {
            return Err(HookError::new(ErrorCode::Internal, "no"));
        }
        Ok(!object.value.contains("hidden"))
    }
}

/// One node: its storage tells its indexes.
pub(super) struct Node {
    pub(super) slow: Arc<Slow>,
    /// As the database has it.
    pub(super) plain: Storage,
    pub(super) storage: Storage,
    pub(super) indexes: Arc<Indexes>,
}

impl Node {
    pub(super) fn new(plain: &Storage, bus: Arc<dyn Bus>, seed: u64) -> Self {
        Self::with_meters(plain, bus, seed, Box::new(|_| IndexMeters::default()))
    }

    /// A node alone, whose indexes show in these metrics.
    pub(super) fn measured(plain: &Storage, metrics: &Metrics) -> Self {
        let shown = metrics.clone();
        let meters = Box::new(move |index: &str| IndexMeters {
            entries: shown.gauge_of(prefixed::STORAGE_INDEX_ENTRY_COUNT, "index_name", index),
            evictions: shown.counter_of(tavern::STORAGE_INDEX_EVICTIONS_TOTAL, "index_name", index),
            left_out: shown.counter_of(tavern::STORAGE_INDEX_LEFT_OUT_TOTAL, "index_name", index),
        });
        let bus = Hub::alone(NodeName::new("ann").unwrap());
        Self::with_meters(plain, Arc::new(bus), 1, meters)
    }

    fn with_meters(plain: &Storage, bus: Arc<dyn Bus>, seed: u64, meters: MakeMeters) -> Self {
        let slow = Arc::new(Slow {
            inner: Arc::clone(&plain.objects),
            seed: AtomicU64::new(seed),
            broken: AtomicBool::new(false),
            page: AtomicU32::new(3),
        });
        let store = Arc::clone(&slow) as Arc<dyn Objects>;
        let indexes = Arc::new(Indexes::new(store, bus, Config::default(), meters));
        let under = Storage { objects: Arc::clone(&slow) as _, ..plain.clone() };
        let storage = watched(under, &indexes);
        Self { slow, plain: plain.clone(), storage, indexes }
    }

    pub(super) fn alone(plain: &Storage, seed: u64) -> Self {
        let bus = Hub::alone(NodeName::new("ann").unwrap());
        Self::new(plain, Arc::new(bus), seed)
    }

    pub(super) async fn define(&self, specs: Vec<IndexSpec>) {
        let definitions = specs.into_iter().map(|spec| IndexDefinition::new(spec).unwrap());
        self.indexes.define(definitions.collect(), Arc::new(Shown)).await.unwrap();
    }

    pub(super) async fn write(&self, key: &str, owner: UserId, value: &str, now: Timestamp) {
        let written = write(&*self.storage.objects, key, owner, value, now).await;
        written.expect("the store works");
    }

    /// What a query finds, by keys and owners.
    pub(super) async fn found(&self, index: &str, query: &str) -> Vec<(String, UserId)> {
        let query = ListQuery { index, query, order: &[], limit: 10_000, caller: None, cursor: "" };
        let page = self.indexes.list(query).await.unwrap();
        page.objects.into_iter().map(|object| (object.key, object.user)).collect()
    }
}

pub(super) async fn write(
    store: &dyn Objects,
    key: &str,
    user: UserId,
    value: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let at = ObjectKey { collection: COLLECTION, key, user };
    let version = format!("{:x}", value.len() as i64 * 1_000_003 + now.micros() % 1_000_003);
    let new = ObjectWrite {
        at,
        if_is: ObjectIs::Any,
        value,
        version: &version,
        read: ReadPermission::Owner,
        write: WritePermission::Owner,
    };
    // An owner whose account is gone is refused.
    store.write(ObjectRights::Server, &[new], now).await.map(drop)
}

pub(super) async fn delete(
    store: &dyn Objects,
    key: &str,
    user: UserId,
) -> Result<(), StorageError> {
    let at = ObjectKey { collection: COLLECTION, key, user };
    let gone = ObjectDelete { at, if_is: ObjectIs::Any };
    store.delete(ObjectRights::Server, &[gone]).await.map(drop)
}

/// A store with these players.
pub(super) async fn storage(users: &[UserId]) -> Storage {
    let storage = memory::storage();
    for user in users {
        create(&storage, *user).await;
    }
    storage
}

pub(super) async fn create(storage: &Storage, user: UserId) {
    let name = user.to_string();
    let new = NewAccount {
        user,
        username: &name,
        identity: Identity::Custom(&name),
        password: None,
        now: Timestamp::EPOCH,
        obligation: None,
    };
    assert_eq!(storage.accounts.create(new).await.unwrap(), Created::Created);
}

pub(super) fn spec(name: &str, fields: &[&str], sortable: &[&str]) -> IndexSpec {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    IndexSpec {
        name: name.into(),
        collection: COLLECTION.into(),
        fields: texts(fields),
        sortable_fields: texts(sortable),
        max_entries: 1_000,
        ..IndexSpec::default()
    }
}
