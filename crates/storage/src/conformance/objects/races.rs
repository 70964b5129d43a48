//! Many at once.

use futures_util::future::join_all;

use super::{Place, SERVER, Written, read, refused, write};
use crate::conformance::support::{MANY, NOW, Suite, cases, count_of};
use crate::{
    ObjectDelete, ObjectIs, ObjectKey, ObjectTimes, ObjectWrite, Storage, WhyRefused,
    WritePermission,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            of_one_version_one_writer_wins,
            of_an_absent_object_one_writer_wins,
            unconditional_writers_all_get_through,
            a_lock_put_on_is_not_overrun,
            counting_by_versions_loses_nothing,
            opposite_orders_settle,
            opposite_orders_of_new_objects_settle,
            of_parallel_deletes_one_wins,
            writers_and_deleters_of_one_object_settle,
        ]
    );
}

/// Versions of their own, one per writer.
fn versions() -> Vec<String> {
    (0..MANY).map(|n| format!("writer {n}")).collect()
}

/// Runs one batch per writer, all at once.
async fn together(storage: &Storage, batches: &[Vec<ObjectWrite<'_>>]) -> Vec<Written> {
    join_all(batches.iter().map(|batch| write(storage, batch_rights(batch), batch))).await
}

fn batch_rights(batch: &[ObjectWrite<'_>]) -> crate::ObjectRights {
    crate::ObjectRights::Player(batch[0].at.user)
}

fn winners(outcomes: &[Written]) -> Vec<usize> {
    (0..outcomes.len()).filter(|at| outcomes[*at].is_ok()).collect()
}

async fn of_one_version_one_writer_wins(storage: &Storage) {
    let p = Place::new(storage).await;
    write(storage, SERVER, &[p.put("k", "v1")]).await.expect("not refused");
    let versions = versions();
    let over = |new| vec![ObjectWrite { if_is: ObjectIs::Version("v1"), ..p.put("k", new) }];
    let batches: Vec<_> = versions.iter().map(|version| over(version)).collect();
    let outcomes = together(storage, &batches).await;
    let [winner] = winners(&outcomes)[..] else { panic!("one wins: {outcomes:?}") };
    assert_eq!(count_of(&outcomes, &refused(0, WhyRefused::Version)), MANY - 1, "{outcomes:?}");
    assert_eq!(p.version(storage, "k").await.as_ref(), Some(&versions[winner]));
}

async fn of_an_absent_object_one_writer_wins(storage: &Storage) {
    let p = Place::new(storage).await;
    let versions = versions();
    // Each with an object of its own, too, which tells whether a refusal undoes all.
    let new = |version| {
        let only = ObjectWrite { if_is: ObjectIs::Absent, ..p.put("k", version) };
        vec![p.put(version, version), only]
    };
    let batches: Vec<_> = versions.iter().map(|version| new(version)).collect();
    let outcomes = together(storage, &batches).await;
    let [winner] = winners(&outcomes)[..] else { panic!("one wins: {outcomes:?}") };
    assert_eq!(count_of(&outcomes, &refused(1, WhyRefused::Version)), MANY - 1, "{outcomes:?}");
    assert_eq!(p.version(storage, "k").await.as_ref(), Some(&versions[winner]));
    let own: Vec<ObjectKey<'_>> = versions.iter().map(|version| p.at(version)).collect();
    let left = read(storage, SERVER, &own).await;
    let left: Vec<_> = left.iter().map(|object| &object.key).collect();
    assert_eq!(left, [&versions[winner]], "of the others nothing is left");
}

async fn unconditional_writers_all_get_through(storage: &Storage) {
    let p = Place::new(storage).await;
    let versions = versions();
    let batches: Vec<_> = versions.iter().map(|version| vec![p.put("k", version)]).collect();
    for outcome in together(storage, &batches).await {
        let times = ObjectTimes { create_time: NOW, update_time: NOW };
        assert_eq!(outcome, Ok(vec![times]));
    }
    let last = p.version(storage, "k").await.expect("it is there");
    assert!(versions.contains(&last), "one of them was last");
}

/// The object appears while the writers look, and its owner may not write it.
async fn a_lock_put_on_is_not_overrun(storage: &Storage) {
    for members in [1, 2] {
        let p = Place::new(storage).await;
        let versions = versions();
        let locking = |version| {
            let locked = ObjectWrite { write: WritePermission::Nobody, ..p.put("k", version) };
            [locked, p.put(version, version)][..members].to_vec()
        };
        let batches: Vec<_> = versions.iter().map(|version| locking(version)).collect();
        let outcomes = together(storage, &batches).await;
        let [winner] = winners(&outcomes)[..] else { panic!("the first locks it: {outcomes:?}") };
        let others = count_of(&outcomes, &refused(0, WhyRefused::Permission));
        assert_eq!(others, MANY - 1, "{outcomes:?}");
        assert_eq!(p.version(storage, "k").await.as_ref(), Some(&versions[winner]));
    }
}

async fn counting_by_versions_loses_nothing(storage: &Storage) {
    let p = Place::new(storage).await;
    write(storage, SERVER, &[p.put("k", "0")]).await.expect("not refused");
    let count_on = async || {
        loop {
            let held = p.version(storage, "k").await.expect("it is there");
            let next = (held.parse::<usize>().expect("a number") + 1).to_string();
            let over = ObjectWrite { if_is: ObjectIs::Version(&held), ..p.put("k", &next) };
            match write(storage, p.rights(), &[over]).await {
                Ok(_) => return,
                Err(why) => assert_eq!(why.why, WhyRefused::Version),
            }
        }
    };
    join_all((0..MANY).map(|_| count_on())).await;
    assert_eq!(p.version(storage, "k").await, Some(MANY.to_string()));
}

async fn both_ways(storage: &Storage, p: &Place) {
    let versions = versions();
    let batches: Vec<_> = versions
        .iter()
        .enumerate()
        .map(|(n, version)| {
            let mut batch: Vec<_> =
                ["a", "b", "c", "d"].map(|key| p.put(key, version)).into_iter().collect();
            if n % 2 == 0 {
                batch.reverse();
            }
            batch
        })
        .collect();
    for outcome in together(storage, &batches).await {
        outcome.expect("nobody is refused");
    }
    let left = read(storage, SERVER, &["a", "b", "c", "d"].map(|key| p.at(key))).await;
    assert!(left.len() == 4 && left.iter().all(|object| object.version == left[0].version));
}

/// Locks taken in the order given would block each other.
async fn opposite_orders_settle(storage: &Storage) {
    let p = Place::new(storage).await;
    let batch = ["a", "b", "c", "d"].map(|key| p.put(key, "v1"));
    write(storage, SERVER, &batch).await.expect("not refused");
    both_ways(storage, &p).await;
}

async fn opposite_orders_of_new_objects_settle(storage: &Storage) {
    let p = Place::new(storage).await;
    both_ways(storage, &p).await;
}

async fn of_parallel_deletes_one_wins(storage: &Storage) {
    let p = Place::new(storage).await;
    write(storage, SERVER, &["a", "b"].map(|key| p.put(key, "v1"))).await.expect("not refused");
    let outcomes = join_all((0..MANY).map(async |n| {
        let mut batch = ["a", "b"].map(|key| ObjectDelete { at: p.at(key), if_is: ObjectIs::Any });
        if n % 2 == 0 {
            batch.reverse();
        }
        storage.objects.delete(p.rights(), &batch).await.expect("delete")
    }))
    .await;
    assert_eq!(count_of(&outcomes, &Ok(())), 1, "{outcomes:?}");
    let missing = refused(0, WhyRefused::NotFound);
    assert_eq!(count_of(&outcomes, &missing), MANY - 1, "{outcomes:?}");
}

async fn writers_and_deleters_of_one_object_settle(storage: &Storage) {
    let p = Place::new(storage).await;
    let versions = versions();
    let settled = join_all(versions.iter().enumerate().map(async |(n, version)| {
        if n % 2 == 0 {
            write(storage, p.rights(), &[p.put("k", version)]).await.expect("no condition");
            1
        } else {
            let gone = ObjectDelete { at: p.at("k"), if_is: ObjectIs::Any };
            match super::delete(storage, p.rights(), &[gone]).await {
                Ok(()) => 0,
                Err(why) => {
                    assert_eq!(why.why, WhyRefused::NotFound);
                    1
                }
            }
        }
    }))
    .await;
    assert_eq!(settled.len(), MANY);
    let left = read(storage, SERVER, &[p.at("k")]).await;
    assert!(left.len() <= 1 && left.iter().all(|object| versions.contains(&object.version)));
}
