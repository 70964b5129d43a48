//! Room, order, pages and rights.

use std::sync::atomic::Ordering;

use tavern_domain::{Classify as _, ErrorCode, Timestamp, UserId};
use tavern_runtime_hooks::IndexSpec;
use tavern_storage::{
    Object, ObjectIs, ObjectKey, ObjectRights, ObjectWrite, ReadPermission, WritePermission,
};
use tavern_telemetry::Metrics;

use super::support::{COLLECTION, Node, delete, spec, storage, user, write};
use crate::{IndexError, ListQuery, MAX_ORDER, Page};

async fn node(specs: Vec<IndexSpec>) -> Node {
    let plain = storage(&[user(1), user(2)]).await;
    let node = Node::alone(&plain, 1);
    node.define(specs).await;
    node
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn order(terms: &[&str]) -> Vec<String> {
    terms.iter().map(|term| (*term).to_owned()).collect()
}

fn keys(page: &Page) -> Vec<&str> {
    page.objects.iter().map(|object: &Object| &*object.key).collect()
}

/// All pages of a list.
async fn pages(node: &Node, query: ListQuery<'_>) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = node.indexes.list(ListQuery { cursor: &cursor, ..query }).await.unwrap();
        let next = page.cursor.clone();
        pages.push(page);
        match next {
            Some(next) => cursor = next,
            None => return pages,
        }
    }
}

const ALL: ListQuery<'static> =
    ListQuery { index: "i", query: "", order: &[], limit: 100, caller: None, cursor: "" };

#[tokio::test]
async fn the_oldest_make_room() {
    let node = node(vec![IndexSpec { max_entries: 3, ..spec("i", &["n"], &[]) }]).await;
    for (n, key) in (1..).zip(["a", "b", "c", "d"]) {
        node.write(key, user(0), &format!(r#"{{"n": {n}}}"#), at(n)).await;
    }
    assert_eq!(keys(&node.indexes.list(ALL).await.unwrap()), ["b", "c", "d"]);
    node.write("b", user(0), r#"{"n": 20}"#, at(20)).await;
    node.write("e", user(0), r#"{"n": 21}"#, at(21)).await;
    assert_eq!(keys(&node.indexes.list(ALL).await.unwrap()), ["b", "d", "e"]);
    delete(&*node.storage.objects, "e", user(0)).await.unwrap();
    assert_eq!(keys(&node.indexes.list(ALL).await.unwrap()), ["b", "d"]);
    // Loaded again, it has the newest, whatever their order in the database.
    node.define(vec![IndexSpec { max_entries: 3, ..spec("i", &["n"], &[]) }]).await;
    assert_eq!(keys(&node.indexes.list(ALL).await.unwrap()), ["b", "c", "d"]);
}

#[tokio::test]
async fn operators_see_what_is_in_and_what_is_out() {
    let room = |most| vec![IndexSpec { max_entries: most, ..spec("shown", &["n"], &[]) }];
    let metrics = Metrics::default();
    let shows = |line: &str| metrics.render().lines().any(|shown| shown == line);
    let node = Node::measured(&storage(&[]).await, &metrics);
    node.define(room(2)).await;
    for (n, value) in (1..).zip([r#"{"n": 1}"#, r#"{"n": 2}"#, r#"{"n": 3}"#, r#"{"n": "bad"}"#]) {
        node.write(&format!("k{n}"), user(0), value, at(n)).await;
    }
    let entries = |n: u32| format!(r#"nakama_storage_index_entry_count{{index_name="shown"}} {n}"#);
    assert!(shows(&entries(2)));
    assert!(shows(r#"tavern_storage_index_evictions_total{index_name="shown"} 1"#));
    assert!(shows(r#"tavern_storage_index_left_out_total{index_name="shown"} 1"#));
    node.define(room(10)).await;
    assert!(shows(&entries(3)), "loaded again with more room");
    node.define(Vec::new()).await;
    assert!(shows(&entries(0)));
}

#[tokio::test]
async fn large_indexes_are_searched_elsewhere() {
    let node = node(vec![IndexSpec { max_entries: 3_000, ..spec("i", &["n"], &["n"]) }]).await;
    node.slow.page.store(1_000, Ordering::Relaxed);
    let plain = &*node.plain.objects;
    for n in 0..3_000 {
        write(plain, &format!("{n}"), user(0), &format!(r#"{{"n": {n}}}"#), at(n)).await.unwrap();
    }
    node.define(vec![IndexSpec { max_entries: 3_000, ..spec("i", &["n"], &["n"]) }]).await;
    let by = order(&["-value.n"]);
    let query = ListQuery { query: "value.n:<2500", order: &by, limit: 700, ..ALL };
    let pages = pages(&node, query).await;
    let all: Vec<&str> = pages.iter().flat_map(keys).collect();
    let expected: Vec<String> = (0..2_500).rev().map(|n| n.to_string()).collect();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn rows_are_used_again() {
    let node = node(vec![IndexSpec { max_entries: 50, ..spec("i", &["n"], &["n"]) }]).await;
    for n in 0..5_000 {
        let key = format!("{}", n % 77);
        node.write(&key, user(0), &format!(r#"{{"n": {n}}}"#), at(n)).await;
    }
    let by = order(&["-value.n"]);
    let page = node.indexes.list(ListQuery { order: &by, ..ALL }).await.unwrap();
    let expected: Vec<String> = (4_950..5_000).rev().map(|n| (n % 77).to_string()).collect();
    assert_eq!(keys(&page), expected);
    let page = node.indexes.list(ListQuery { query: "value.n:4999", ..ALL }).await.unwrap();
    assert_eq!(keys(&page), [(4_999 % 77).to_string()]);
}

#[tokio::test]
async fn lists_are_in_order_and_pages_have_no_gaps() {
    let node = node(vec![spec("i", &["n", "t"], &["n", "t"])]).await;
    let values = [
        ("a", r#"{"n": 2, "t": "x"}"#),
        ("b", r#"{"n": 1, "t": "y"}"#),
        ("c", r#"{"n": 2, "t": "y"}"#),
        ("d", r#"{"n": "text"}"#),
        ("e", r#"{"t": "x"}"#),
    ];
    for (n, (key, value)) in (0..).zip(values) {
        node.write(key, user(0), value, at(n)).await;
    }
    node.write("a", user(1), values[0].1, at(0)).await;
    for (terms, expected) in [
        (vec![], "a a b c d e"),
        (vec!["value.n"], "b a a c d e"),
        (vec!["-value.n"], "d a a c b e"),
        (vec!["-value.n", "-value.t"], "d c a a b e"),
        (vec!["update_time"], "a a b c d e"),
        (vec!["-create_time", "value.t"], "e d c b a a"),
        (vec!["value.t", "-value.n"], "a a e c b d"),
    ] {
        let expected: Vec<&str> = expected.split(' ').collect();
        let by = order(&terms);
        for limit in [1, 2, 4, 6, 100] {
            let pages = pages(&node, ListQuery { order: &by, limit, ..ALL }).await;
            let all: Vec<&str> = pages.iter().flat_map(keys).collect();
            assert_eq!(all, expected, "{terms:?}");
            let full = expected.len().div_ceil(usize::try_from(limit).unwrap());
            assert_eq!(pages.len(), full, "no page is empty");
        }
    }
    let by = order(&["_score"]);
    let query = "value.n:2 value.t:y^5 value.n:1";
    let best = node.indexes.list(ListQuery { query, ..ALL }).await.unwrap();
    assert_eq!(keys(&best), ["b", "c", "a", "a"], "b and c match two, a one");
    let worst = node.indexes.list(ListQuery { query, order: &by, ..ALL }).await.unwrap();
    assert_eq!(keys(&worst), ["a", "a", "b", "c"]);
}

#[tokio::test]
async fn a_page_goes_on_where_the_one_before_ended() {
    let node = node(vec![spec("i", &["n"], &["n"])]).await;
    for n in 0..6 {
        node.write(&format!("k{n}"), user(0), &format!(r#"{{"n": {n}}}"#), at(n)).await;
    }
    let by = order(&["value.n"]);
    let query = ListQuery { order: &by, limit: 2, ..ALL };
    let first = node.indexes.list(query).await.unwrap();
    assert_eq!(keys(&first), ["k0", "k1"]);
    delete(&*node.storage.objects, "k0", user(0)).await.unwrap();
    delete(&*node.storage.objects, "k1", user(0)).await.unwrap();
    let cursor = first.cursor.unwrap();
    let next = node.indexes.list(ListQuery { cursor: &cursor, ..query }).await.unwrap();
    assert_eq!(keys(&next), ["k2", "k3"]);
    for other in [
        ListQuery { query: "value.n:>0", ..query },
        ListQuery { order: &[], ..query },
        ListQuery { caller: Some(user(1)), ..query },
    ] {
        let refused = node.indexes.list(ListQuery { cursor: &cursor, ..other }).await;
        assert!(matches!(refused, Err(IndexError::Cursor(_))), "{other:?}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let node = node(vec![spec("i", &["n"], &["n"])]).await;
    let long = "x".repeat(4_097);
    let too_many = order(&["value.n"; MAX_ORDER + 1]);
    let unsorted = order(&["value.t"]);
    let unknown = order(&["key"]);
    for bad in [
        ListQuery { limit: 0, ..ALL },
        ListQuery { limit: -1, ..ALL },
        ListQuery { limit: 10_001, ..ALL },
        ListQuery { query: &long, ..ALL },
        ListQuery { query: "value.n:>x", ..ALL },
        ListQuery { order: &too_many, ..ALL },
        ListQuery { order: &unsorted, ..ALL },
        ListQuery { order: &unknown, ..ALL },
        ListQuery { cursor: "nonsense", ..ALL },
    ] {
        let refused = node.indexes.list(bad).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{refused}");
    }
    let unknown = node.indexes.list(ListQuery { index: "j", ..ALL }).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::NotFound);
    assert_eq!(unknown.to_string(), r#"index "j" not found"#);
}

async fn put(node: &Node, key: &str, owner: UserId, read: ReadPermission) {
    let new = ObjectWrite {
        at: ObjectKey { collection: COLLECTION, key, user: owner },
        if_is: ObjectIs::Any,
        value: r#"{"n": 1, "secret": "s"}"#,
        version: "v",
        read,
        write: WritePermission::Owner,
    };
    node.storage.objects.write(ObjectRights::Server, &[new], at(1)).await.unwrap().unwrap();
}

#[tokio::test]
async fn callers_see_what_they_may_read_and_pages_are_full() {
    let indexed = IndexSpec { index_only: true, ..spec("only", &["n"], &[]) };
    let node = node(vec![spec("i", &["n"], &[]), indexed]).await;
    for (key, owner, read) in [
        ("a", user(1), ReadPermission::Nobody),
        ("b", user(2), ReadPermission::Owner),
        ("c", user(1), ReadPermission::Owner),
        ("d", user(2), ReadPermission::Everybody),
        ("e", user(0), ReadPermission::Everybody),
    ] {
        put(&node, key, owner, read).await;
    }
    for index in ["i", "only"] {
        let query = ListQuery { index, limit: 2, ..ALL };
        let mine = pages(&node, ListQuery { caller: Some(user(1)), ..query }).await;
        assert_eq!(mine.iter().map(keys).collect::<Vec<_>>(), [vec!["c", "d"], vec!["e"]]);
        let all = pages(&node, query).await;
        assert_eq!(all.iter().flat_map(keys).collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
        let value = &*all[0].objects[0].value;
        let whole = value.contains("secret");
        assert_eq!(whole, index == "i", "an index that answers itself has its fields alone");
    }
}

#[tokio::test]
async fn what_another_program_has_changed_is_noticed_by_a_list() {
    let node = node(vec![spec("i", &["n"], &[])]).await;
    node.write("a", user(0), r#"{"n": 1}"#, at(1)).await;
    node.write("b", user(0), r#"{"n": 1}"#, at(1)).await;
    let plain = &*node.plain.objects;
    write(plain, "a", user(0), r#"{"n": 22}"#, at(2)).await.unwrap();
    delete(plain, "b", user(0)).await.unwrap();
    let query = ListQuery { query: "value.n:1", ..ALL };
    let page = node.indexes.list(query).await.unwrap();
    assert_eq!(keys(&page), ["a"], "found by what it was, and read as it is");
    assert_eq!(page.objects[0].value, r#"{"n": 22}"#);
    node.indexes.pay().await;
    assert!(node.indexes.list(query).await.unwrap().objects.is_empty());
    let query = ListQuery { query: "value.n:22", ..ALL };
    assert_eq!(keys(&node.indexes.list(query).await.unwrap()), ["a"]);
}
