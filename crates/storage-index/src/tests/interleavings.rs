//! However changes, reads and loads overlap, an index ends as the database is.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all, poll_fn};
use proptest::prelude::*;
use tavern_cluster::Hub;
use tavern_domain::{NodeName, Timestamp, UserId};
use tavern_runtime_hooks::{IndexDefinition, IndexSpec};
use tavern_search::Query;
use tavern_storage::{
    ImportInto, ImportRefused, Object, ObjectsOf, ReadPermission, Storage, WritePermission,
};

use super::support::{COLLECTION, Node, Shown, create, delete, spec, storage, user, write};
use crate::{Filter as _, document};

const KEYS: [&str; 4] = ["one", "two", "three", "four"];
const VALUES: [&str; 5] = [
    r#"{"rank": 1, "name": "first"}"#,
    r#"{"rank": 2, "tags": ["a", "b"]}"#,
    r#"{"rank": 3, "name": "hidden"}"#,
    r#"{"rank": 4, "name": "bad"}"#,
    r#"{"other": true}"#,
];
const QUERIES: [&str; 5] =
    ["", "+value.rank:>=2", "value.tags:b", "-value.name:first", "+key:one +value.rank:1"];

#[derive(Clone, Debug)]
enum Op {
    Write {
        key: usize,
        owner: u128,
        value: usize,
    },
    Delete {
        key: usize,
        owner: u128,
    },
    /// A write of which the caller waits for so many steps only.
    Abandoned {
        key: usize,
        owner: u128,
        value: usize,
        steps: usize,
    },
    /// A write that the database carries out when its caller is long gone.
    Late {
        key: usize,
        owner: u128,
        value: usize,
    },
    /// An import with this one object into an account.
    Import {
        key: usize,
        owner: u128,
        value: usize,
    },
    EndAccount {
        owner: u128,
    },
    Define,
}

fn op() -> impl Strategy<Value = Op> {
    let (key, owner, value) = (0..KEYS.len(), 0..3_u128, 0..VALUES.len());
    let at = (key, owner, value);
    prop_oneof![
        6 => at.clone().prop_map(|(key, owner, value)| Op::Write { key, owner, value }),
        3 => at.clone().prop_map(|(key, owner, _)| Op::Delete { key, owner }),
        2 => (at.clone(), 0..12_usize).prop_map(|((key, owner, value), steps)| {
            Op::Abandoned { key, owner, value, steps }
        }),
        1 => at.clone().prop_map(|(key, owner, value)| Op::Late { key, owner, value }),
        1 => at.clone().prop_map(|(key, owner, value)| Op::Import { key, owner, value }),
        1 => (1..3_u128).prop_map(|owner| Op::EndAccount { owner }),
        2 => Just(Op::Define),
    ]
}

fn specs() -> Vec<IndexSpec> {
    vec![
        IndexSpec { index_only: true, ..spec("all", &["rank", "name", "tags"], &[]) },
        spec("shown", &["rank"], &[]),
        IndexSpec { key: "one".into(), ..spec("one", &["rank"], &[]) },
    ]
}

/// Lets a future go on for so many steps and drops it.
async fn some_steps(future: impl Future, mut steps: usize) {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if steps == 0 || future.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        steps -= 1;
        Poll::Pending
    })
    .await;
}

async fn run(node: &Node, op: Op, now: Timestamp) {
    let objects = &*node.storage.objects;
    match op {
        Op::Write { key, owner, value } => {
            write(objects, KEYS[key], user(owner), VALUES[value], now).await.unwrap();
        }
        Op::Delete { key, owner } => delete(objects, KEYS[key], user(owner)).await.unwrap(),
        Op::Abandoned { key, owner, value, steps } => {
            let writing = write(objects, KEYS[key], user(owner), VALUES[value], now);
            some_steps(writing, steps).await;
        }
        Op::Late { key, owner, value } => {
            // Its caller waits for one step: it has not even begun.
            some_steps(write(objects, KEYS[key], user(owner), VALUES[value], now), 1).await;
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            let late = write(&*node.plain.objects, KEYS[key], user(owner), VALUES[value], now);
            late.await.unwrap();
        }
        Op::EndAccount { owner } => {
            node.storage.accounts.delete(user(owner), false, now).await.unwrap();
        }
        Op::Import { key, owner, value } => {
            let (metadata, wallet) = ("{}", "{}");
            let into = ImportInto::Existing { user: user(owner), metadata, wallet };
            let object = Object {
                collection: COLLECTION.into(),
                key: KEYS[key].into(),
                user: UserId::NIL,
                value: VALUES[value].into(),
                version: value.to_string(),
                read: ReadPermission::Everybody,
                write: WritePermission::Owner,
                create_time: now,
                update_time: now,
            };
            let outcome = node.storage.archives.import(into, &[object], now).await.unwrap();
            assert!(matches!(outcome, Ok(()) | Err(ImportRefused::NoAccount)), "{outcome:?}");
        }
        Op::Define => node.define(specs()).await,
    }
}

/// Everything in the database, looked at one by one.
async fn scan(storage: &Storage, spec: IndexSpec, query: &str) -> Vec<(String, UserId)> {
    let definition = IndexDefinition::new(spec).unwrap();
    let query = Query::parse(query).unwrap();
    let page = storage.objects.list(COLLECTION, ObjectsOf::Everything, None, 1_000).await.unwrap();
    assert!(!page.more);
    let mut found = Vec::new();
    for object in page.objects {
        if is_in(&definition, &object, &query).await {
            found.push((object.key, object.user));
        }
    }
    found
}

async fn is_in(definition: &IndexDefinition, object: &Object, query: &Query) -> bool {
    let Ok(kept) = document::kept(definition, false, object) else { return false };
    let filtered = Shown.filters(&definition.name)
        && !Shown.keeps(&definition.name, object).await.unwrap_or(false);
    definition.covers(&object.collection, &object.key) && !filtered && query.matches(&kept.document)
}

async fn agrees(node: &Node) {
    for spec in specs() {
        for query in QUERIES {
            let mut found = node.found(&spec.name, query).await;
            let mut scanned = scan(&node.plain, spec.clone(), query).await;
            found.sort();
            scanned.sort();
            assert_eq!(found, scanned, "{} {query}", spec.name);
        }
        // What an index answers itself is what the database has.
        let shelf = node.indexes.named(&spec.name).unwrap();
        assert!(shelf.keep(|keep| keep.is_idle()), "nothing is remembered of what nobody reads");
    }
}

fn paused(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test);
}

/// What is in doubt is settled.
async fn settle(node: &Node) {
    node.indexes.pay().await;
    tokio::time::advance(Duration::from_secs(61)).await;
    node.indexes.pay().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn an_index_ends_as_the_database_is(
        rounds in prop::collection::vec(prop::collection::vec(op(), 1..10), 1..4),
        seed in any::<u64>(),
    ) {
        paused(async {
            let plain = storage(&[user(1), user(2)]).await;
            let node = Node::alone(&plain, seed);
            node.define(specs()).await;
            let mut now = 0;
            for round in rounds {
                let at_once = round.into_iter().map(|op| {
                    now += 1;
                    Box::pin(run(&node, op, Timestamp::from_seconds(now))) as BoxFuture<'_, ()>
                });
                join_all(at_once.collect::<Vec<_>>()).await;
                for owner in [user(1), user(2)] {
                    if plain.accounts.find_by_id(owner).await.unwrap().is_none() {
                        create(&plain, owner).await;
                    }
                }
                settle(&node).await;
                agrees(&node).await;
            }
        });
    }

    #[test]
    fn what_is_written_on_another_node_is_found_on_this_one(
        ops in prop::collection::vec((op(), any::<bool>()), 1..16),
        seed in any::<u64>(),
    ) {
        paused(async {
            let plain = storage(&[user(1), user(2)]).await;
            let hub = Hub::new();
            let join = |name, seed| {
                let bus = hub.join(NodeName::new(name).unwrap()).unwrap();
                Node::new(&plain, Arc::new(bus), seed)
            };
            let nodes = [join("ann", seed), join("bob", !seed)];
            let mut inboxes = Vec::new();
            for node in &nodes {
                inboxes.push(node.indexes.listen().unwrap());
                node.define(specs()).await;
            }
            let at_once = (1..).zip(ops).map(|(now, (op, first))| {
                let node = if first { &nodes[0] } else { &nodes[1] };
                Box::pin(run(node, op, Timestamp::from_seconds(now))) as BoxFuture<'_, ()>
            });
            let at_once = join_all(at_once.collect::<Vec<_>>());
            let mut listening = nodes.iter().zip(inboxes).map(|(node, inbox)| {
                Box::pin(node.indexes.run(inbox)) as BoxFuture<'_, ()>
            });
            let (ann, bob) = (listening.next().unwrap(), listening.next().unwrap());
            let settled = async {
                at_once.await;
                // Paused time goes on when nobody has anything to do.
                tokio::time::sleep(Duration::from_secs(62)).await;
            };
            tokio::select! {
                () = settled => {}
                () = ann => {}
                () = bob => {}
            }
            agrees(&nodes[0]).await;
            agrees(&nodes[1]).await;
        });
    }
}

#[test]
fn what_cannot_be_read_is_read_later() {
    paused(async {
        let plain = storage(&[]).await;
        let node = Node::alone(&plain, 7);
        node.define(specs()).await;
        node.slow.broken.store(true, Ordering::Relaxed);
        let now = Timestamp::from_seconds(1);
        // The write is carried out, and then its answer is lost.
        write(&*plain.objects, "one", user(0), VALUES[0], now).await.unwrap();
        assert!(write(&*node.storage.objects, "one", user(0), VALUES[0], now).await.is_err());
        assert_eq!(node.indexes.owed(), 1);
        node.indexes.pay().await;
        assert_eq!(node.indexes.owed(), 1, "it could not be read");
        node.slow.broken.store(false, Ordering::Relaxed);
        assert!(node.found("one", "").await.is_empty());
        tokio::time::advance(Duration::from_secs(2)).await;
        node.indexes.pay().await;
        assert_eq!(node.found("one", "").await, [("one".to_owned(), user(0))]);
    });
}

#[test]
fn an_index_that_cannot_be_loaded_leaves_those_before_it() {
    paused(async {
        let plain = storage(&[]).await;
        let node = Node::alone(&plain, 7);
        node.define(specs()).await;
        node.write("one", user(0), VALUES[0], Timestamp::from_seconds(1)).await;
        node.slow.broken.store(true, Ordering::Relaxed);
        assert!(node.indexes.define(Vec::new(), Arc::new(Shown)).await.is_ok(), "nothing to load");
        node.slow.broken.store(false, Ordering::Relaxed);
        node.define(specs()).await;
        node.slow.broken.store(true, Ordering::Relaxed);
        let definitions = specs().into_iter().take(1);
        let definitions = definitions.map(|spec| IndexDefinition::new(spec).unwrap());
        let defined = node.indexes.define(definitions.collect(), Arc::new(Shown)).await;
        assert!(defined.is_err());
        node.slow.broken.store(false, Ordering::Relaxed);
        agrees(&node).await;
    });
}
