//! Objects that players and server code keep.

mod batches;
mod lists;
mod races;

use tavern_domain::{Timestamp, UserId};

use super::support::{
    NOW, Player, Suite, assert_does_not_fit, assert_same_json, cases, id, later, unique,
};
use crate::{
    Object, ObjectDelete, ObjectIs, ObjectKey, ObjectRefused, ObjectRights, ObjectTimes,
    ObjectWrite, ReadPermission, Storage, StorageError, WhyRefused, WritePermission,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            what_is_written_is_read_back,
            a_write_replaces_and_keeps_the_creation_time,
            the_same_again_moves_nothing,
            what_must_be_absent_is_written_once,
            a_version_must_match,
            a_version_needs_an_object,
            the_owner_writes_what_the_owner_may,
            nobody_writes_for_another,
            the_server_passes_all,
            reading_follows_the_permission,
            owners_are_apart,
            the_system_owns_objects,
            a_deleted_object_is_gone,
            deletes_follow_version_and_permission,
            an_owner_without_account_is_named,
            what_does_not_fit_changes_nothing,
            objects_go_with_the_account,
        ]
    );
    batches::run(suite, storage).await;
    lists::run(suite, storage).await;
    races::run(suite, storage).await;
}

const SERVER: ObjectRights = ObjectRights::Server;

type Written = Result<Vec<ObjectTimes>, ObjectRefused>;

/// A collection that nobody has used and a player.
struct Place {
    collection: String,
    user: UserId,
}

impl Place {
    async fn new(storage: &Storage) -> Self {
        let user = Player::create(storage).await.user;
        Self { collection: unique("collection"), user }
    }

    fn rights(&self) -> ObjectRights {
        ObjectRights::Player(self.user)
    }

    fn at<'a>(&'a self, key: &'a str) -> ObjectKey<'a> {
        ObjectKey { collection: &self.collection, key, user: self.user }
    }

    /// A write of what is usual, under any condition.
    fn put<'a>(&'a self, key: &'a str, version: &'a str) -> ObjectWrite<'a> {
        put(self.at(key), version)
    }

    async fn object(&self, storage: &Storage, key: &str) -> Option<Object> {
        read(storage, SERVER, &[self.at(key)]).await.pop()
    }

    async fn version(&self, storage: &Storage, key: &str) -> Option<String> {
        self.object(storage, key).await.map(|object| object.version)
    }
}

fn put<'a>(at: ObjectKey<'a>, version: &'a str) -> ObjectWrite<'a> {
    ObjectWrite {
        at,
        if_is: ObjectIs::Any,
        value: r#"{"a":1}"#,
        version,
        read: ReadPermission::Owner,
        write: WritePermission::Owner,
    }
}

async fn write_at(
    storage: &Storage,
    rights: ObjectRights,
    batch: &[ObjectWrite<'_>],
    now: Timestamp,
) -> Written {
    storage.objects.write(rights, batch, now).await.expect("write")
}

async fn write(storage: &Storage, rights: ObjectRights, batch: &[ObjectWrite<'_>]) -> Written {
    write_at(storage, rights, batch, NOW).await
}

async fn read(storage: &Storage, rights: ObjectRights, batch: &[ObjectKey<'_>]) -> Vec<Object> {
    storage.objects.read(rights, batch).await.expect("read")
}

async fn delete(
    storage: &Storage,
    rights: ObjectRights,
    batch: &[ObjectDelete<'_>],
) -> Result<(), ObjectRefused> {
    storage.objects.delete(rights, batch).await.expect("delete")
}

fn refused<T>(at: usize, why: WhyRefused) -> Result<T, ObjectRefused> {
    Err(ObjectRefused { at, why })
}

fn times(create_time: Timestamp, update_time: Timestamp) -> Written {
    Ok(vec![ObjectTimes { create_time, update_time }])
}

async fn what_is_written_is_read_back(storage: &Storage) {
    let p = Place::new(storage).await;
    let value = r#"{"hp":10,"list":[1,{"é":null}]}"#;
    let new = ObjectWrite {
        value,
        read: ReadPermission::Everybody,
        write: WritePermission::Nobody,
        ..p.put("key é", "0123456789abcdef0123456789abcdef")
    };
    let now = Timestamp::from_nanos(NOW.nanos() + 999);
    assert_eq!(write_at(storage, p.rights(), &[new], now).await, times(NOW, NOW), "microseconds");
    let kept = p.object(storage, "key é").await.expect("it is there");
    assert_same_json(&kept.value, value, "value");
    let expected = Object {
        collection: p.collection.clone(),
        key: "key é".into(),
        user: p.user,
        value: kept.value.clone(),
        version: "0123456789abcdef0123456789abcdef".into(),
        read: ReadPermission::Everybody,
        write: WritePermission::Nobody,
        create_time: NOW,
        update_time: NOW,
    };
    assert_eq!(kept, expected);
}

async fn a_write_replaces_and_keeps_the_creation_time(storage: &Storage) {
    let p = Place::new(storage).await;
    write(storage, p.rights(), &[p.put("k", "v1")]).await.expect("not refused");
    let new = ObjectWrite { value: r#"{"b":2}"#, ..p.put("k", "v2") };
    let written = write_at(storage, p.rights(), &[new], later(5)).await;
    assert_eq!(written, times(NOW, later(5)), "as answered");
    let kept = p.object(storage, "k").await.expect("it is there");
    assert_same_json(&kept.value, r#"{"b":2}"#, "the new value");
    assert_eq!(kept.version, "v2", "the new version");
    assert_eq!((kept.create_time, kept.update_time), (NOW, later(5)), "as kept");
}

async fn the_same_again_moves_nothing(storage: &Storage) {
    let p = Place::new(storage).await;
    write(storage, p.rights(), &[p.put("k", "v1")]).await.expect("not refused");
    for (seconds, if_is) in [(1, ObjectIs::Any), (2, ObjectIs::Version("v1"))] {
        let same = ObjectWrite { if_is, ..p.put("k", "v1") };
        let written = write_at(storage, p.rights(), &[same], later(seconds)).await;
        assert_eq!(written, times(NOW, NOW), "{if_is:?}");
    }
    let absent = ObjectWrite { if_is: ObjectIs::Absent, ..p.put("k", "v1") };
    let written = write(storage, p.rights(), &[absent]).await;
    assert_eq!(written, refused(0, WhyRefused::Version), "the same is there nevertheless");
    let shown = ObjectWrite { read: ReadPermission::Everybody, ..p.put("k", "v1") };
    let written = write_at(storage, p.rights(), &[shown], later(3)).await;
    assert_eq!(written, times(NOW, later(3)), "another permission");
    let locked = ObjectWrite { write: WritePermission::Nobody, ..shown };
    let written = write_at(storage, p.rights(), &[locked], later(4)).await;
    assert_eq!(written, times(NOW, later(4)), "and the other one");
    let kept = p.object(storage, "k").await.expect("it is there");
    assert_eq!((kept.read, kept.write), (ReadPermission::Everybody, WritePermission::Nobody));
}

async fn what_must_be_absent_is_written_once(storage: &Storage) {
    let p = Place::new(storage).await;
    let new = ObjectWrite { if_is: ObjectIs::Absent, ..p.put("k", "v1") };
    assert_eq!(write(storage, p.rights(), &[new]).await, times(NOW, NOW), "new");
    let again = ObjectWrite { if_is: ObjectIs::Absent, ..p.put("k", "v2") };
    for rights in [p.rights(), SERVER] {
        let outcome = write(storage, rights, &[again]).await;
        assert_eq!(outcome, refused(0, WhyRefused::Version), "there already");
    }
    assert_eq!(p.version(storage, "k").await.as_deref(), Some("v1"), "unchanged");
    delete_one(storage, &p, "k").await;
    assert_eq!(write(storage, p.rights(), &[again]).await, times(NOW, NOW), "new again");
}

async fn delete_one(storage: &Storage, p: &Place, key: &str) {
    let gone = ObjectDelete { at: p.at(key), if_is: ObjectIs::Any };
    delete(storage, SERVER, &[gone]).await.expect("it was there");
}

async fn a_version_must_match(storage: &Storage) {
    let p = Place::new(storage).await;
    write(storage, p.rights(), &[p.put("k", "v1")]).await.expect("not refused");
    let over = |old, new| ObjectWrite { if_is: ObjectIs::Version(old), ..p.put("k", new) };
    write(storage, p.rights(), &[over("v1", "v2")]).await.expect("the right version");
    for rights in [p.rights(), SERVER] {
        let stale = write(storage, rights, &[over("v1", "v3")]).await;
        assert_eq!(stale, refused(0, WhyRefused::Version), "stale");
    }
    assert_eq!(p.version(storage, "k").await.as_deref(), Some("v2"), "unchanged");
}

async fn a_version_needs_an_object(storage: &Storage) {
    let p = Place::new(storage).await;
    let over = ObjectWrite { if_is: ObjectIs::Version("v1"), ..p.put("k", "v1") };
    for rights in [p.rights(), SERVER] {
        assert_eq!(write(storage, rights, &[over]).await, refused(0, WhyRefused::Version));
    }
    assert_eq!(p.object(storage, "k").await, None, "nothing was written");
}

async fn the_owner_writes_what_the_owner_may(storage: &Storage) {
    let p = Place::new(storage).await;
    let locked = ObjectWrite { write: WritePermission::Nobody, ..p.put("k", "v1") };
    write(storage, p.rights(), &[locked]).await.expect("there was nothing to protect");
    for if_is in [ObjectIs::Any, ObjectIs::Version("v1")] {
        for version in ["v1", "v2"] {
            let again = ObjectWrite { if_is, ..p.put("k", version) };
            let outcome = write(storage, p.rights(), &[again]).await;
            assert_eq!(outcome, refused(0, WhyRefused::Permission), "{if_is:?} {version}");
        }
    }
    assert_eq!(p.version(storage, "k").await.as_deref(), Some("v1"), "unchanged");
}

async fn nobody_writes_for_another(storage: &Storage) {
    let (p, other) = (Place::new(storage).await, Place::new(storage).await);
    let outcome = write(storage, other.rights(), &[p.put("k", "v1")]).await;
    assert_eq!(outcome, refused(0, WhyRefused::Permission), "not for another player");
    let systems = ObjectKey { user: UserId::NIL, ..p.at("k") };
    let outcome = write(storage, other.rights(), &[put(systems, "v1")]).await;
    assert_eq!(outcome, refused(0, WhyRefused::Permission), "nor for the system");
    assert_eq!(read(storage, SERVER, &[p.at("k"), systems]).await, [], "nothing was written");
}

async fn the_server_passes_all(storage: &Storage) {
    let p = Place::new(storage).await;
    let locked = ObjectWrite {
        read: ReadPermission::Nobody,
        write: WritePermission::Nobody,
        ..p.put("k", "v1")
    };
    write(storage, SERVER, &[locked]).await.expect("the server may");
    let again = ObjectWrite { version: "v2", ..locked };
    write(storage, SERVER, &[again]).await.expect("also over it");
    assert_eq!(p.version(storage, "k").await.as_deref(), Some("v2"), "and read it");
    delete_one(storage, &p, "k").await;
    assert_eq!(p.object(storage, "k").await, None, "and delete it");
}

async fn reading_follows_the_permission(storage: &Storage) {
    let (p, other) = (Place::new(storage).await, Place::new(storage).await);
    let shown = |key, read| ObjectWrite { read, ..p.put(key, "v1") };
    let batch = [
        shown("nobody", ReadPermission::Nobody),
        shown("owner", ReadPermission::Owner),
        shown("everybody", ReadPermission::Everybody),
    ];
    write(storage, SERVER, &batch).await.expect("not refused");
    let all = ["nobody", "owner", "everybody"].map(|key| p.at(key));
    for (rights, expected) in [
        (SERVER, &["nobody", "owner", "everybody"][..]),
        (p.rights(), &["owner", "everybody"]),
        (other.rights(), &["everybody"]),
    ] {
        let found = read(storage, rights, &all).await;
        let keys: Vec<_> = found.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, expected, "{rights:?}");
    }
}

async fn owners_are_apart(storage: &Storage) {
    let p = Place::new(storage).await;
    let user = Player::create(storage).await.user;
    let others = ObjectKey { user, ..p.at("k") };
    write(storage, SERVER, &[p.put("k", "v1"), put(others, "v2")]).await.expect("not refused");
    delete_one(storage, &p, "k").await;
    let left = read(storage, SERVER, &[p.at("k"), others]).await;
    let left: Vec<_> = left.into_iter().map(|object| (object.user, object.version)).collect();
    assert_eq!(left, [(user, "v2".to_owned())]);
}

async fn the_system_owns_objects(storage: &Storage) {
    let p = Place::new(storage).await;
    let systems = ObjectKey { user: UserId::NIL, ..p.at("k") };
    let shown = ObjectWrite { read: ReadPermission::Owner, ..put(systems, "v1") };
    write(storage, SERVER, &[shown]).await.expect("the system has an account");
    assert_eq!(read(storage, p.rights(), &[systems]).await, [], "for the system alone");
    let shown = ObjectWrite { read: ReadPermission::Everybody, ..shown };
    write(storage, SERVER, &[shown]).await.expect("not refused");
    assert_eq!(read(storage, p.rights(), &[systems]).await.len(), 1, "for everybody");
}

async fn a_deleted_object_is_gone(storage: &Storage) {
    let p = Place::new(storage).await;
    let gone = ObjectDelete { at: p.at("k"), if_is: ObjectIs::Any };
    let missing = refused(0, WhyRefused::NotFound);
    assert_eq!(delete(storage, p.rights(), &[gone]).await, missing, "nothing there");
    write(storage, p.rights(), &[p.put("k", "v1")]).await.expect("not refused");
    assert_eq!(delete(storage, p.rights(), &[gone]).await, Ok(()), "deleted");
    assert_eq!(p.object(storage, "k").await, None, "gone");
    assert_eq!(delete(storage, p.rights(), &[gone]).await, missing, "gone already");
}

async fn deletes_follow_version_and_permission(storage: &Storage) {
    let (p, other) = (Place::new(storage).await, Place::new(storage).await);
    let locked = ObjectWrite { write: WritePermission::Nobody, ..p.put("locked", "v1") };
    write(storage, SERVER, &[p.put("k", "v1"), locked]).await.expect("not refused");
    for (rights, key, if_is, why) in [
        (p.rights(), "k", ObjectIs::Version("v2"), WhyRefused::Version),
        (SERVER, "k", ObjectIs::Version("*"), WhyRefused::Version),
        (SERVER, "k", ObjectIs::Absent, WhyRefused::Version),
        (other.rights(), "k", ObjectIs::Any, WhyRefused::Permission),
        (p.rights(), "locked", ObjectIs::Any, WhyRefused::Permission),
        (p.rights(), "locked", ObjectIs::Version("v1"), WhyRefused::Permission),
        (p.rights(), "missing", ObjectIs::Version("v1"), WhyRefused::NotFound),
    ] {
        let outcome = delete(storage, rights, &[ObjectDelete { at: p.at(key), if_is }]).await;
        assert_eq!(outcome, refused(0, why), "{key} {if_is:?} {rights:?}");
    }
    let right = ObjectDelete { at: p.at("k"), if_is: ObjectIs::Version("v1") };
    assert_eq!(delete(storage, p.rights(), &[right]).await, Ok(()), "the right version");
    delete_one(storage, &p, "locked").await;
}

async fn an_owner_without_account_is_named(storage: &Storage) {
    let p = Place::new(storage).await;
    let nobody = ObjectKey { user: UserId(id()), ..p.at("k") };
    let batch = [p.put("a", "v1"), p.put("b", "v1"), put(nobody, "v1")];
    let outcome = write(storage, SERVER, &batch).await;
    assert_eq!(outcome, refused(2, WhyRefused::NoOwner));
    assert_eq!(read(storage, SERVER, &batch.map(|new| new.at)).await, [], "nothing was written");
    let outcome = write(storage, ObjectRights::Player(nobody.user), &batch[2..]).await;
    assert_eq!(outcome, refused(0, WhyRefused::NoOwner), "nor with their own rights");
}

async fn what_does_not_fit_changes_nothing(storage: &Storage) {
    let p = Place::new(storage).await;
    let long = "é".repeat(129);
    let fine = "é".repeat(128);
    let wide = ObjectKey { collection: &long, ..p.at("k") };
    for (bad, what) in [
        (ObjectWrite { value: r#"{"a":"\u0000"}"#, ..p.put("k", "v1") }, "NUL in the value"),
        (p.put(&long, "v1"), "a long key"),
        (put(wide, "v1"), "a long collection"),
        (p.put("a\0b", "v1"), "NUL in the key"),
        (p.put("k", &long[..66]), "a long version"),
    ] {
        let outcome = storage.objects.write(SERVER, &[p.put("good", "v1"), bad], NOW).await;
        assert_does_not_fit(outcome, what);
        assert_eq!(p.object(storage, "good").await, None, "{what}: nothing was written");
    }
    write(storage, SERVER, &[p.put(&fine, "v1")]).await.expect("the longest key");
    assert!(p.object(storage, &fine).await.is_some(), "found");
    assert_eq!(p.object(storage, &long).await, None, "no such key");
}

async fn objects_go_with_the_account(storage: &Storage) {
    let p = Place::new(storage).await;
    let systems = ObjectKey { user: UserId::NIL, ..p.at("k") };
    write(storage, SERVER, &[p.put("k", "v1"), put(systems, "v1")]).await.expect("not refused");
    assert!(storage.accounts.delete(p.user, false, NOW).await.expect("delete"), "it was there");
    let left = read(storage, SERVER, &[p.at("k"), systems]).await;
    assert_eq!(left.iter().map(|object| object.user).collect::<Vec<_>>(), [UserId::NIL]);
}

/// Takes a store's word for it that a call was refused as a whole, by an error or a value.
fn is_refused<T>(outcome: &Result<Result<T, ObjectRefused>, StorageError>) -> bool {
    !matches!(outcome, Ok(Ok(_)))
}
