//! The order against a naive one, with changes and readings in any order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tavern_domain::UserId;
use uuid::Uuid;

use super::*;

fn key(score: i64, owner: u128) -> RankKey {
    RankKey { score, subscore: 0, owner: UserId(Uuid::from_u128(owner)) }
}

/// A store in which transactions end in the order of their numbers.
#[derive(Default)]
struct Store {
    records: BTreeSet<RankKey>,
    next: u64,
}

impl Store {
    fn write(&mut self, from: Option<RankKey>, to: Option<RankKey>) -> RankChange {
        if let Some(from) = from {
            assert!(self.records.remove(&from));
        }
        self.records.extend(to);
        self.next += 1;
        RankChange { transaction: self.next, from, to }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot { oldest: self.next + 1, next: self.next + 1, unfinished: Vec::new() }
    }

    fn skeleton(&self, run: usize) -> RankSkeleton {
        let all: Vec<_> = self.records.iter().copied().collect();
        let (bounds, counts) =
            all.chunks(run).map(|chunk| (chunk[0], u32::try_from(chunk.len()).unwrap())).unzip();
        RankSkeleton { bounds, counts, snapshot: self.snapshot(), next: None }
    }

    fn keys(&self, wanted: Wanted) -> Vec<RankKey> {
        let inside = |key: &&RankKey| **key >= wanted.from && wanted.to.is_none_or(|to| **key < to);
        self.records.iter().filter(inside).copied().collect()
    }

    fn before(&self, key: RankKey) -> u64 {
        u64::try_from(self.records.range(..key).count()).unwrap()
    }
}

/// Asks until it is answered.
fn standing(tree: &mut Tree, store: &Store, key: RankKey) -> Standing {
    loop {
        match tree.standing(key, 1) {
            Ok(standing) => return standing,
            Err(Missing::Read(wanted)) => {
                tree.read(wanted, store.keys(wanted), store.snapshot(), 1);
            }
            Err(Missing::Wait) => panic!("nobody else reads"),
        }
    }
}

#[test]
fn an_empty_order_fills() {
    let mut store = Store::default();
    let mut tree = Tree::new(store.skeleton(4));
    assert_eq!(tree.total(), 0);
    for n in 0..2_000 {
        tree.apply(store.write(None, Some(key(n * 7 % 100, u128::try_from(n).unwrap()))));
        if n == 0 {
            standing(&mut tree, &store, key(0, 0));
        }
    }
    assert_eq!(tree.total(), 2_000);
    assert!(tree.runs.len() > 4, "it was cut: {}", tree.runs.len());
    assert_eq!(tree.known(), 2_000, "grown from what was known");
    for k in store.records.clone() {
        let expected = Standing { before: store.before(k), there: true };
        assert_eq!(standing(&mut tree, &store, k), expected);
    }
    tree.cool(600);
    assert!(tree.known() <= 600);
    assert_eq!(tree.total(), 2_000, "what is forgotten still counts");
    for place in [0, 1, 999, 1_999] {
        let found = loop {
            match tree.key_at(place, 2) {
                Ok(found) => break found,
                Err(Missing::Read(w)) => tree.read(w, store.keys(w), store.snapshot(), 2),
                Err(Missing::Wait) => panic!("nobody else reads"),
            }
        };
        assert_eq!(found, store.records.iter().nth(usize::try_from(place).unwrap()).copied());
    }
    assert_eq!(tree.key_at(2_000, 3), Ok(None));
}

#[test]
fn a_run_is_read_by_one_at_a_time() {
    let mut store = Store::default();
    store.write(None, Some(key(1, 1)));
    let mut tree = Tree::new(store.skeleton(4));
    let Err(Missing::Read(wanted)) = tree.standing(key(1, 1), 1) else { panic!("it is cold") };
    assert_eq!(tree.standing(key(1, 1), 1), Err(Missing::Wait));
    tree.give_up(wanted);
    let Err(Missing::Read(again)) = tree.standing(key(1, 1), 1) else { panic!("it is cold") };
    // The first reader comes too late.
    tree.read(wanted, Vec::new(), store.snapshot(), 1);
    assert_eq!(tree.standing(key(1, 1), 1), Err(Missing::Wait));
    tree.read(again, store.keys(again), store.snapshot(), 1);
    assert_eq!(tree.standing(key(1, 1), 1), Ok(Standing { before: 0, there: true }));
}

#[test]
fn an_order_that_has_run_empty_is_worn() {
    let mut store = Store::default();
    for n in 0..400 {
        store.write(None, Some(key(n, 1)));
    }
    let mut tree = Tree::new(store.skeleton(4));
    assert!(!tree.is_worn());
    for n in 0..300 {
        tree.apply(store.write(Some(key(n, 1)), None));
    }
    assert!(tree.is_worn());
}

/// What happens, in the order in which it happens.
#[derive(Clone, Debug)]
enum Step {
    /// An owner's record gets this score, or goes.
    Write(u128, Option<i64>),
    /// A change that is on its way arrives.
    Arrive(prop::sample::Index),
    /// Somebody's standing is asked for, and a run is read if it must be: what was read comes later.
    Ask(i64, u128),
    /// A run that was read comes.
    Read(prop::sample::Index),
    /// Memory is short.
    Cool(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..40_u128, prop::option::weighted(0.8, 0..30_i64))
            .prop_map(|(owner, score)| Step::Write(owner, score)),
        5 => any::<prop::sample::Index>().prop_map(Step::Arrive),
        2 => (0..30_i64, 0..40_u128).prop_map(|(score, owner)| Step::Ask(score, owner)),
        2 => any::<prop::sample::Index>().prop_map(Step::Read),
        1 => (0..40_usize).prop_map(Step::Cool),
    ]
}

proptest! {
    #[test]
    fn every_order_of_events_ends_in_the_same(
        begin in prop::collection::btree_map(0..40_u128, 0..30_i64, 0..40),
        steps in prop::collection::vec(step(), 0..200),
        run in 1..9_usize,
    ) {
        let mut store = Store::default();
        let mut scores = begin;
        for (owner, score) in &scores {
            store.write(None, Some(key(*score, *owner)));
        }
        let mut tree = Tree::new(store.skeleton(run));
        let (mut on_their_way, mut readings) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Write(owner, score) => {
                    let from = scores.remove(&owner).map(|score| key(score, owner));
                    if let Some(score) = score {
                        scores.insert(owner, score);
                    }
                    if from.is_some() || score.is_some() {
                        let to = score.map(|score| key(score, owner));
                        on_their_way.push(store.write(from, to));
                    }
                }
                Step::Arrive(which) if !on_their_way.is_empty() => {
                    let at = which.index(on_their_way.len());
                    tree.apply(on_their_way.swap_remove(at));
                }
                Step::Ask(score, owner) => {
                    if let Err(Missing::Read(wanted)) = tree.standing(key(score, owner), 1) {
                        // The store answers at some moment from here on: this one.
                        readings.push((wanted, store.keys(wanted), store.snapshot()));
                    }
                }
                Step::Read(which) if !readings.is_empty() => {
                    let at = which.index(readings.len());
                    let (wanted, keys, seen) = readings.swap_remove(at);
                    tree.read(wanted, keys, seen, 1);
                }
                Step::Cool(most) => tree.cool(most),
                Step::Arrive(_) | Step::Read(_) => {}
            }
        }
        for (wanted, keys, seen) in readings {
            tree.read(wanted, keys, seen, 1);
        }
        for change in on_their_way {
            tree.apply(change);
        }
        prop_assert_eq!(tree.total(), u64::try_from(store.records.len()).unwrap());
        for owner in 0..40 {
            for score in [0, 7, 29] {
                let key = key(score, owner);
                let expected = Standing { before: store.before(key), there: store.records.contains(&key) };
                prop_assert_eq!(standing(&mut tree, &store, key), expected);
            }
        }
        for key in store.records.clone() {
            let expected = Standing { before: store.before(key), there: true };
            prop_assert_eq!(standing(&mut tree, &store, key), expected);
        }
    }
}
