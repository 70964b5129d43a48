//! Objects: what they cost, and how they lie in the public table.

use std::sync::Arc;

use tavern_domain::{OsEntropy, Timestamp, UserId};
use tavern_storage::{
    ObjectDelete, ObjectIs, ObjectKey, ObjectRights, ObjectWrite, ObjectsOf, ReadPermission,
    WritePermission,
};
use tavern_storage_postgres::{Pool, storage, testkit};
use tavern_telemetry::Metrics;

use crate::support::{self, database, texts};

const NOW: Timestamp = Timestamp::from_micros(1_754_000_000_123_456);
const SERVER: ObjectRights = ObjectRights::Server;

fn at(key: &str) -> ObjectKey<'_> {
    ObjectKey { collection: "c", key, user: UserId::NIL }
}

fn put<'a>(key: &'a str, version: &'a str) -> ObjectWrite<'a> {
    ObjectWrite {
        at: at(key),
        if_is: ObjectIs::Any,
        value: r#"{"bb":1,"a":2}"#,
        version,
        read: ReadPermission::Owner,
        write: WritePermission::Owner,
    }
}

/// How many statements about objects have run: none of them is in a transaction of several, so
/// each is one round trip.
fn statements(metrics: &Metrics) -> u64 {
    let text = metrics.render();
    let counts = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("database_query_latency_ms_count{statement=\"object_")?;
        rest.split_once("} ")?.1.parse::<u64>().ok()
    });
    counts.sum()
}

#[tokio::test]
async fn an_operation_is_one_round_trip() {
    let database = database().await;
    let metrics = Metrics::default();
    let pool = Pool::new(testkit::config(&database.url()), Arc::new(OsEntropy), &metrics).unwrap();
    let objects = storage(&pool).objects;
    let gone = |key| ObjectDelete { at: at(key), if_is: ObjectIs::Any };
    let absent = ObjectWrite { if_is: ObjectIs::Absent, ..put("a", "v1") };
    let over = ObjectWrite { if_is: ObjectIs::Version("v1"), ..put("a", "v2") };
    for single in [absent, over, put("a", "v3"), put("b", "v1")] {
        let before = statements(&metrics);
        objects.write(SERVER, &[single], NOW).await.unwrap().unwrap();
        assert_eq!(statements(&metrics) - before, 1, "{single:?}");
    }
    let batch = ["d", "c", "b", "a"].map(|key| put(key, "v3"));
    let before = statements(&metrics);
    objects.write(SERVER, &batch, NOW).await.unwrap().unwrap();
    assert_eq!(statements(&metrics) - before, 1, "new ones, old ones, and one that stays");
    let refused = [put("e", "v1"), absent];
    let before = statements(&metrics);
    objects.write(SERVER, &refused, NOW).await.unwrap().unwrap_err();
    assert_eq!(statements(&metrics) - before, 1, "a refusal");
    let before = statements(&metrics);
    assert_eq!(objects.read(SERVER, &["a", "b", "x"].map(at)).await.unwrap().len(), 2);
    assert_eq!(statements(&metrics) - before, 1, "a read");
    let own = ObjectsOf::User(UserId::NIL, ReadPermission::Owner);
    for of in [own, ObjectsOf::Public, ObjectsOf::Everything] {
        let before = statements(&metrics);
        objects.list("c", of, None, 2).await.unwrap();
        assert_eq!(statements(&metrics) - before, 1, "{of:?}");
    }
    let before = statements(&metrics);
    objects.delete(SERVER, &[gone("a")]).await.unwrap().unwrap();
    objects.delete(SERVER, &["d", "b", "c"].map(gone)).await.unwrap().unwrap();
    assert_eq!(statements(&metrics) - before, 2, "deletes");
    pool.close();
}

#[tokio::test]
async fn rows_lie_as_the_public_table_has_them() {
    let (database, pool) = support::pool().await;
    let objects = storage(&pool).objects;
    objects.write(SERVER, &[put("ours", "v1")], NOW).await.unwrap().unwrap();
    let kept = texts(
        &database,
        "SELECT concat_ws('|', collection, key, user_id, value, version, read, write, \
             extract(epoch FROM create_time), extract(epoch FROM update_time)) FROM storage",
    )
    .await;
    let expected = "c|ours|00000000-0000-0000-0000-000000000000|{\"a\": 2, \"bb\": 1}|v1|1|1|\
                    1754000000.123456|1754000000.123456";
    assert_eq!(kept, [expected]);
    // Nothing but the rules of another program keeps larger numbers out of the columns.
    support::run(
        &database,
        "INSERT INTO storage (collection, key, user_id, value, version, read, write) \
         VALUES ('c', 'theirs', '00000000-0000-0000-0000-000000000000', '{\"v\": 1}', 'v2', 7, 7)",
    )
    .await;
    let player = ObjectRights::Player(UserId(uuid::Uuid::from_u128(7)));
    let theirs = objects.read(player, &[at("theirs")]).await.unwrap().remove(0);
    assert_eq!((theirs.value.as_str(), theirs.version.as_str()), (r#"{"v": 1}"#, "v2"));
    assert_eq!((theirs.read, theirs.write), (ReadPermission::Everybody, WritePermission::Owner));
    pool.close();
}
