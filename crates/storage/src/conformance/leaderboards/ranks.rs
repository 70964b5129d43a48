//! Counting records in runs.

use super::{Place, Storage, Suite, changed, owner};
use crate::conformance::support::cases;
use crate::{RankKey, RankSkeleton};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            an_empty_period_has_no_runs,
            runs_add_up_to_the_records,
            parts_follow_each_other,
            keys_are_those_between,
            looks_see_what_was_written_before,
        ]
    );
}

async fn skeleton(place: &Place<'_>, run: u32) -> RankSkeleton {
    let part = place.storage.board_records.skeleton(place.period(), RankKey::FIRST, run, 1_000);
    part.await.expect("skeleton")
}

/// A place with some records, and where they stand.
async fn filled(storage: &Storage) -> (Place<'_>, Vec<RankKey>) {
    let place = Place::descending(storage).await;
    let mut keys = Vec::new();
    for score in [5, 3, 9, 3, 0, 7, 1] {
        keys.push(place.score(owner(), score).await.key());
    }
    keys.sort_unstable();
    (place, keys)
}

async fn an_empty_period_has_no_runs(storage: &Storage) {
    let place = Place::descending(storage).await;
    let skeleton = skeleton(&place, 4).await;
    assert!(skeleton.bounds.is_empty() && skeleton.counts.is_empty());
    let keys = storage.board_records.keys(place.period(), RankKey::FIRST, None).await;
    assert!(keys.expect("keys").0.is_empty());
}

async fn runs_add_up_to_the_records(storage: &Storage) {
    let (place, keys) = filled(storage).await;
    for (run, counts) in [(3, vec![3, 3, 1]), (7, vec![7]), (1, vec![1; 7]), (100, vec![7])] {
        let skeleton = skeleton(&place, run).await;
        assert_eq!(skeleton.counts, counts, "runs of {run}");
        let firsts: Vec<_> =
            keys.iter().step_by(usize::try_from(run).expect("small")).copied().collect();
        assert_eq!(skeleton.bounds, firsts, "runs of {run}");
    }
}

async fn parts_follow_each_other(storage: &Storage) {
    let (place, keys) = filled(storage).await;
    for (run, runs) in [(1, 1), (2, 1), (2, 2), (3, 2), (7, 1), (4, 9)] {
        let (mut from, mut counted, mut firsts) = (Some(RankKey::FIRST), 0, Vec::new());
        while let Some(begin) = from {
            let part = storage.board_records.skeleton(place.period(), begin, run, runs).await;
            let part = part.expect("skeleton");
            assert!(part.bounds.len() <= usize::try_from(runs).expect("small"));
            counted += part.counts.iter().sum::<u32>();
            firsts.extend(part.bounds);
            from = part.next;
        }
        assert_eq!(counted, 7, "{runs} runs of {run}");
        let step = usize::try_from(run).expect("small");
        let expected: Vec<_> = keys.iter().step_by(step).copied().collect();
        assert_eq!(firsts, expected, "{runs} runs of {run}");
    }
}

async fn keys_are_those_between(storage: &Storage) {
    let (place, keys) = filled(storage).await;
    let between = async |from, to| {
        storage.board_records.keys(place.period(), from, to).await.expect("keys").0
    };
    assert_eq!(between(RankKey::FIRST, None).await, keys);
    assert_eq!(between(keys[2], Some(keys[5])).await, keys[2..5], "the last is not included");
    assert!(between(keys[3], Some(keys[3])).await.is_empty());
}

async fn looks_see_what_was_written_before(storage: &Storage) {
    let place = Place::descending(storage).await;
    let (_, before) = changed(place.write(place.a_write(owner(), 1)).await);
    let first = skeleton(&place, 8).await.snapshot;
    let (_, after) = changed(place.write(place.a_write(owner(), 2)).await);
    let (_, second) =
        storage.board_records.keys(place.period(), RankKey::FIRST, None).await.expect("keys");
    assert!(first.sees(before.transaction) && second.sees(before.transaction));
    assert!(!first.sees(after.transaction), "it came later");
    assert!(second.sees(after.transaction));
}
