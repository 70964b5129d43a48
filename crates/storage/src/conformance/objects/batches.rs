//! Several objects at once.

use super::{Place, SERVER, delete, is_refused, put, read, refused, times, write, write_at};
use crate::conformance::support::{NOW, Suite, cases, later};
use crate::{
    ObjectDelete, ObjectIs, ObjectTimes, ObjectWrite, ReadPermission, Storage, WhyRefused,
    WritePermission,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            nothing_to_do_is_fine,
            answers_are_in_the_order_asked,
            one_refused_write_undoes_all,
            one_refused_delete_undoes_all,
            the_first_refusal_is_named,
            a_batch_may_be_big,
            a_batch_counts_an_object_once_or_fails,
        ]
    );
}

async fn nothing_to_do_is_fine(storage: &Storage) {
    let p = Place::new(storage).await;
    for rights in [SERVER, p.rights()] {
        assert_eq!(write(storage, rights, &[]).await, Ok(vec![]));
        assert_eq!(read(storage, rights, &[]).await, []);
        assert_eq!(delete(storage, rights, &[]).await, Ok(()));
    }
}

async fn answers_are_in_the_order_asked(storage: &Storage) {
    let p = Place::new(storage).await;
    // What is there, what is new and what stays as it is, in no order of their names.
    write(storage, SERVER, &[p.put("b", "v1"), p.put("d", "v1")]).await.expect("not refused");
    let batch = [p.put("d", "v1"), p.put("a", "v1"), p.put("c", "v1"), p.put("b", "v2")];
    let written = write_at(storage, p.rights(), &batch, later(9)).await.expect("not refused");
    let expected = [(NOW, NOW), (later(9), later(9)), (later(9), later(9)), (NOW, later(9))];
    let expected =
        expected.map(|(create_time, update_time)| ObjectTimes { create_time, update_time });
    assert_eq!(written, expected);
    let asked = ["c", "none", "a", "d", "b", "a"].map(|key| p.at(key));
    let found = read(storage, p.rights(), &asked).await;
    let keys: Vec<_> = found.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["c", "a", "d", "b", "a"]);
}

async fn one_refused_write_undoes_all(storage: &Storage) {
    let p = Place::new(storage).await;
    let locked = ObjectWrite { write: WritePermission::Nobody, ..p.put("locked", "v1") };
    write(storage, SERVER, &[p.put("k", "v1"), locked]).await.expect("not refused");
    let before = (p.object(storage, "k").await, p.object(storage, "locked").await);
    for (bad, why) in [
        (ObjectWrite { if_is: ObjectIs::Absent, ..p.put("k", "v2") }, WhyRefused::Version),
        (ObjectWrite { if_is: ObjectIs::Version("v0"), ..p.put("k", "v2") }, WhyRefused::Version),
        (ObjectWrite { if_is: ObjectIs::Version("v1"), ..p.put("x", "v2") }, WhyRefused::Version),
        (p.put("locked", "v2"), WhyRefused::Permission),
    ] {
        let batch = [p.put("fresh", "v1"), bad, p.put("zzz", "v1")];
        assert_eq!(write(storage, p.rights(), &batch).await, refused(1, why), "{bad:?}");
        let after = (p.object(storage, "k").await, p.object(storage, "locked").await);
        assert_eq!(after, before, "{bad:?}: nothing was changed");
        let new = ["fresh", "zzz", "x"].map(|key| p.at(key));
        assert_eq!(read(storage, SERVER, &new).await, [], "{bad:?}: nothing was written");
    }
    let good = [p.put("fresh", "v1"), p.put("k", "v2")];
    write(storage, p.rights(), &good).await.expect("without the bad one");
}

async fn one_refused_delete_undoes_all(storage: &Storage) {
    let p = Place::new(storage).await;
    let locked = ObjectWrite { write: WritePermission::Nobody, ..p.put("locked", "v1") };
    write(storage, SERVER, &[p.put("k", "v1"), p.put("l", "v1"), locked]).await.expect("fine");
    let gone = |key, if_is| ObjectDelete { at: p.at(key), if_is };
    for (bad, why) in [
        (gone("missing", ObjectIs::Any), WhyRefused::NotFound),
        (gone("l", ObjectIs::Version("v0")), WhyRefused::Version),
        (gone("locked", ObjectIs::Any), WhyRefused::Permission),
    ] {
        let batch = [gone("k", ObjectIs::Any), bad];
        assert_eq!(delete(storage, p.rights(), &batch).await, refused(1, why), "{bad:?}");
        let left = read(storage, SERVER, &["k", "l", "locked"].map(|key| p.at(key))).await;
        assert_eq!(left.len(), 3, "{bad:?}: nothing was deleted");
    }
    let batch = [gone("l", ObjectIs::Version("v1")), gone("k", ObjectIs::Any)];
    assert_eq!(delete(storage, p.rights(), &batch).await, Ok(()), "without the bad one");
    let left = read(storage, SERVER, &["k", "l"].map(|key| p.at(key))).await;
    assert_eq!(left, [], "both are gone");
}

async fn the_first_refusal_is_named(storage: &Storage) {
    let p = Place::new(storage).await;
    let locked = ObjectWrite { write: WritePermission::Nobody, ..p.put("a", "v1") };
    write(storage, SERVER, &[locked]).await.expect("not refused");
    let stale = ObjectWrite { if_is: ObjectIs::Version("v0"), ..p.put("z", "v1") };
    // In the order of the batch, not of the names.
    let outcome = write(storage, p.rights(), &[p.put("m", "v1"), stale, p.put("a", "v2")]).await;
    assert_eq!(outcome, refused(1, WhyRefused::Version));
    let gone = |key| ObjectDelete { at: p.at(key), if_is: ObjectIs::Any };
    let outcome = delete(storage, p.rights(), &[gone("z"), gone("a")]).await;
    assert_eq!(outcome, refused(0, WhyRefused::NotFound));
}

async fn a_batch_may_be_big(storage: &Storage) {
    let p = Place::new(storage).await;
    let keys: Vec<String> = (0..500).rev().map(|n| format!("key {n:03}")).collect();
    let batch: Vec<_> = keys.iter().map(|key| p.put(key, "v1")).collect();
    let written = write(storage, p.rights(), &batch).await.expect("not refused");
    assert_eq!(written.len(), 500);
    let asked: Vec<_> = keys.iter().map(|key| p.at(key)).collect();
    let found = read(storage, p.rights(), &asked).await;
    assert!(found.iter().map(|object| &object.key).eq(&keys), "all, in order");
    let shown: Vec<_> =
        batch.iter().map(|new| ObjectWrite { read: ReadPermission::Everybody, ..*new }).collect();
    write(storage, p.rights(), &shown).await.expect("also over what is there");
    let gone: Vec<_> =
        asked.iter().map(|at| ObjectDelete { at: *at, if_is: ObjectIs::Version("v1") }).collect();
    assert_eq!(delete(storage, p.rights(), &gone).await, Ok(()));
    assert_eq!(read(storage, SERVER, &asked).await, [], "all gone");
}

async fn a_batch_counts_an_object_once_or_fails(storage: &Storage) {
    let p = Place::new(storage).await;
    let twice = [p.put("k", "v1"), p.put("other", "v1"), put(p.at("k"), "v2")];
    let outcome = storage.objects.write(SERVER, &twice, NOW).await;
    let left = read(storage, SERVER, &[p.at("k"), p.at("other")]).await.len();
    assert_eq!(left, if is_refused(&outcome) { 0 } else { 2 }, "all or nothing");
    assert_eq!(write(storage, SERVER, &[p.put("new", "v1")]).await, times(NOW, NOW), "still well");
}
