//! Objects over the in-memory store.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::sync::Arc;

use async_trait::async_trait;
use tavern_domain::{Classify as _, ErrorCode, ManualClock, Timestamp, UserId};
use tavern_objects::{
    DeleteObject, ListQuery, MAX_BATCH, NewObject, Object, ObjectKey, ObjectRights, Objects,
    ObjectsError,
};
use tavern_storage::{
    Created, Identity, NewAccount, ObjectDelete, ObjectPage, ObjectPosition, ObjectRefused,
    ObjectTimes, ObjectWrite, ObjectsOf, Storage, StorageError, memory,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_micros(1_754_000_000_123_456);
const ADA: UserId = UserId(Uuid::from_u128(1));
const SERVER: ObjectRights = ObjectRights::Server;
const AS_ADA: ObjectRights = ObjectRights::Player(ADA);

async fn objects() -> (Objects, Arc<ManualClock>) {
    let storage: Storage = memory::storage();
    let new = NewAccount {
        user: ADA,
        username: "ada",
        identity: Identity::Custom("ada's id"),
        password: None,
        now: NOW,
        obligation: None,
    };
    assert_eq!(storage.accounts.create(new).await.unwrap(), Created::Created);
    let clock = Arc::new(ManualClock::at(NOW));
    (Objects::new(storage.objects, Arc::clone(&clock) as _), clock)
}

fn new<'a>(key: &'a str, value: &'a str, version: &'a str) -> NewObject<'a> {
    NewObject {
        collection: "saves",
        key,
        user: ADA,
        value,
        version,
        permission_read: None,
        permission_write: None,
    }
}

fn at(key: &str) -> ObjectKey<'_> {
    ObjectKey { collection: "saves", key, user: ADA }
}

fn gone<'a>(key: &'a str, version: &'a str) -> DeleteObject<'a> {
    DeleteObject { collection: "saves", key, user: ADA, version }
}

#[tokio::test]
async fn a_version_belongs_to_the_bytes_that_were_sent() {
    let (objects, clock) = objects().await;
    let batch = [new("a", "{\"v\":1}", ""), new("b", "{ \"v\": 1 }", "")];
    let acks = objects.write(AS_ADA, &batch).await.unwrap();
    assert_eq!(acks[0].version, "a191475ae2bf7db9c7e320f7da455bbb");
    assert_ne!(acks[0].version, acks[1].version, "the same value, spelt differently");
    clock.advance_seconds(9);
    let again = objects.write(AS_ADA, &[new("a", "{\"v\":1}", &acks[0].version)]).await.unwrap();
    assert_eq!(again, acks[..1], "nothing has moved");
}

#[tokio::test]
async fn refusals_name_the_object() {
    let (objects, _) = objects().await;
    objects.write(AS_ADA, &[new("there", "{}", "")]).await.unwrap();
    let batch = [new("z", "{}", ""), new("there", "{}", "*"), new("a", "{}", "")];
    let refused = objects.write(AS_ADA, &batch).await.unwrap_err();
    let ObjectsError::Version { collection, key } = &refused else { panic!("{refused:?}") };
    assert_eq!((collection.as_str(), key.as_str()), ("saves", "there"));
    let batch = [gone("there", ""), gone("nowhere", "")];
    let refused = objects.delete(AS_ADA, &batch).await.unwrap_err();
    assert!(matches!(&refused, ObjectsError::NotFound { key, .. } if key == "nowhere"));
    let others = DeleteObject { user: UserId::NIL, ..gone("there", "") };
    assert!(matches!(
        objects.delete(AS_ADA, &[others]).await.unwrap_err(),
        ObjectsError::NotFound { .. }
    ));
    let others = NewObject { user: UserId::NIL, ..new("there", "{}", "") };
    let refused = objects.write(AS_ADA, &[others]).await.unwrap_err();
    assert!(matches!(&refused, ObjectsError::Permission { .. }), "{refused}");
    let nobodys = NewObject { user: UserId(Uuid::from_u128(9)), ..others };
    let refused = objects.write(SERVER, &[nobodys]).await.unwrap_err();
    assert!(matches!(&refused, ObjectsError::NoOwner { .. }), "{refused}");
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn an_object_named_twice_counts_twice() {
    let (objects, clock) = objects().await;
    // The condition of the first one is looked at, whatever comes later.
    let batch = [new("k", "{}", "*"), new("k", "{\"v\":2}", "99914b932bd37a50b983c5e7c90ae93b")];
    let acks = objects.write(AS_ADA, &batch).await.unwrap();
    assert_eq!(acks[0].version, "99914b932bd37a50b983c5e7c90ae93b");
    clock.advance_seconds(1);
    let refused = objects.write(AS_ADA, &batch).await.unwrap_err();
    assert!(matches!(refused, ObjectsError::Version { .. }), "there by now");
    let kept = objects.read(AS_ADA, &[at("k"), at("k")]).await.unwrap();
    let [Object { value, version, .. }] = &kept[..] else { panic!("each once: {kept:?}") };
    assert_eq!((value.as_str(), version), (r#"{"v": 2}"#, &acks[1].version));
    // Server code may also write over what it has just locked.
    let locked = NewObject { permission_write: Some(0), ..new("k", "{}", "") };
    let batch = [locked, new("k", "{\"v\":3}", "")];
    assert!(objects.write(AS_ADA, &batch).await.is_err());
    objects.write(SERVER, &batch).await.unwrap();
}

#[tokio::test]
async fn batches_are_bounded() {
    let (objects, _) = objects().await;
    let keys: Vec<String> = (0..=MAX_BATCH).map(|n| n.to_string()).collect();
    let writes: Vec<_> = keys.iter().map(|key| new(key, "{}", "")).collect();
    let reads: Vec<_> = keys.iter().map(|key| at(key)).collect();
    let deletes: Vec<_> = keys.iter().map(|key| gone(key, "")).collect();
    for refused in [
        objects.write(AS_ADA, &writes).await.map(drop),
        objects.read(AS_ADA, &reads).await.map(drop),
        objects.delete(AS_ADA, &deletes).await,
    ] {
        assert!(matches!(refused, Err(ObjectsError::TooMany)), "{refused:?}");
    }
    let most = objects.write(AS_ADA, &writes[1..]).await.unwrap();
    assert_eq!(most.len(), MAX_BATCH);
    assert_eq!(objects.read(AS_ADA, &reads[1..]).await.unwrap().len(), MAX_BATCH);
    objects.delete(AS_ADA, &deletes[1..]).await.unwrap();
}

fn query<'a>(limit: i32, cursor: &'a str) -> ListQuery<'a> {
    let (user, limit) = (Some(ADA), Some(limit));
    ListQuery { collection: "saves", user, limit, by_server: false, cursor }
}

#[tokio::test]
async fn pages_have_no_gaps_or_repeats() {
    let (objects, _) = objects().await;
    let keys: Vec<String> = (0..25).map(|n| format!("key {n:02}")).collect();
    for (n, key) in keys.iter().enumerate() {
        let read = Some(if n % 3 == 0 { 2 } else { 1 });
        let new = NewObject { permission_read: read, ..new(key, "{}", "") };
        objects.write(AS_ADA, &[new]).await.unwrap();
    }
    let everything = objects.list(AS_ADA, query(100, "")).await.unwrap();
    assert_eq!((everything.objects.len(), everything.cursor), (25, None));
    for limit in [1, 2, 7, 24, 25] {
        let mut page = objects.list(AS_ADA, query(limit, "")).await.unwrap();
        let mut walked = page.objects;
        while let Some(cursor) = page.cursor {
            page = objects.list(AS_ADA, query(limit, &cursor)).await.unwrap();
            assert!(!page.objects.is_empty(), "no page that is announced is empty");
            walked.extend(page.objects);
        }
        assert_eq!(walked, everything.objects, "{limit} at a time");
    }
    let nowhere = ListQuery { collection: "", ..query(1, "") };
    assert_eq!(objects.list(AS_ADA, nowhere).await.unwrap().objects, [], "no such collection");
}

/// Fails in the way it is told to.
struct Broken(fn() -> StorageError);

#[async_trait]
impl tavern_storage::Objects for Broken {
    async fn write(
        &self,
        _: ObjectRights,
        _: &[ObjectWrite<'_>],
        _: Timestamp,
    ) -> Result<Result<Vec<ObjectTimes>, ObjectRefused>, StorageError> {
        Err((self.0)())
    }

    async fn read(
        &self,
        _: ObjectRights,
        _: &[ObjectKey<'_>],
    ) -> Result<Vec<Object>, StorageError> {
        Err((self.0)())
    }

    async fn delete(
        &self,
        _: ObjectRights,
        _: &[ObjectDelete<'_>],
    ) -> Result<Result<(), ObjectRefused>, StorageError> {
        Err((self.0)())
    }

    async fn list(
        &self,
        _: &str,
        _: ObjectsOf,
        _: Option<&ObjectPosition>,
        _: u32,
    ) -> Result<ObjectPage, StorageError> {
        Err((self.0)())
    }
}

#[tokio::test]
async fn failures_of_the_store_keep_their_code() {
    let broken = |failure| Objects::new(Arc::new(Broken(failure)), Arc::new(ManualClock::at(NOW)));
    let down = broken(|| StorageError::Unavailable("made up".into()));
    let failures = [
        down.write(AS_ADA, &[new("k", "{}", "")]).await.unwrap_err(),
        down.read(AS_ADA, &[at("k")]).await.unwrap_err(),
        down.delete(AS_ADA, &[gone("k", "")]).await.unwrap_err(),
        down.list(AS_ADA, query(1, "")).await.unwrap_err(),
    ];
    for failure in failures {
        assert_eq!(failure.code(), ErrorCode::Unavailable, "{failure}");
    }
    // With nothing to do, nobody asks it.
    assert_eq!(down.write(AS_ADA, &[]).await.unwrap(), []);
    assert_eq!(down.read(AS_ADA, &[]).await.unwrap(), []);
    down.delete(AS_ADA, &[]).await.unwrap();
    let narrow = broken(|| StorageError::DoesNotFit("made up".into()));
    let refused = narrow.write(AS_ADA, &[new("k", "{}", "")]).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument, "the caller's value");
}
