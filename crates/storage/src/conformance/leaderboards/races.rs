//! Many at once.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::{Place, Storage, Suite, changed, owner, refused, terms, tournament};
use crate::conformance::support::{MANY, NOW, cases};
use crate::{
    BoardOperator, Joined, RankChange, RankKey, SortOrder, TournamentTerms, WriteRefused, Written,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            increments_of_one_record_lose_nothing,
            the_best_of_many_stays,
            changes_add_up_to_what_is_there,
            a_limit_on_members_holds_under_pressure,
            joiners_do_not_exceed_the_limit,
            attempts_are_not_exceeded,
            writers_and_deleters_settle,
        ]
    );
}

async fn increments_of_one_record_lose_nothing(storage: &Storage) {
    let place = Place::plain(storage, BoardOperator::Increment, SortOrder::Descending).await;
    let ada = owner();
    join_all((0..MANY).map(|_| place.score(ada, 2))).await;
    let record = place.own(ada).await.expect("there");
    let many = i64::try_from(MANY).expect("small");
    assert_eq!(record.score, 2 * many);
    assert_eq!(i64::from(record.num_score), many);
}

async fn the_best_of_many_stays(storage: &Storage) {
    let place = Place::plain(storage, BoardOperator::Best, SortOrder::Descending).await;
    let ada = owner();
    let scores = (0..MANY).map(|n| i64::try_from(n).expect("small") * 7 % 16);
    join_all(scores.map(|score| place.write(place.a_write(ada, score)))).await;
    assert_eq!(place.own(ada).await.expect("there").score, 15);
}

/// Adds up changes to the places that are taken.
fn sum(changes: impl IntoIterator<Item = RankChange>) -> BTreeMap<RankKey, i64> {
    let mut sum = BTreeMap::new();
    for change in changes {
        for (key, by) in [(change.from, -1), (change.to, 1)] {
            if let Some(key) = key {
                *sum.entry(key).or_default() += by;
            }
        }
    }
    sum.retain(|_, count| *count != 0);
    sum
}

async fn changes_add_up_to_what_is_there(storage: &Storage) {
    let place = Place::descending(storage).await;
    let owners = [owner(), owner(), owner()];
    let writes = (0..3 * MANY).map(|n| {
        let score = i64::try_from(n % 7).expect("small");
        place.write(place.a_write(owners[n % 3], score))
    });
    let outcomes = join_all(writes).await;
    let changes = outcomes.into_iter().filter_map(|written| match written {
        Written::Changed(_, change) => Some(change),
        Written::Unchanged(_) | Written::Refused(_) => None,
    });
    let there =
        storage.board_records.keys(place.period(), RankKey::FIRST, None).await.expect("keys").0;
    let expected: BTreeMap<RankKey, i64> = there.into_iter().map(|key| (key, 1)).collect();
    assert_eq!(sum(changes), expected, "each change says what it really replaced");
}

async fn a_limit_on_members_holds_under_pressure(storage: &Storage) {
    let cup = tournament(TournamentTerms { max_size: 3, ..terms() });
    let place = Place::new(storage, cup).await;
    let owners: Vec<_> = (0..MANY).map(|_| owner()).collect();
    // Each tries twice at once: one place each, if any.
    let tries = owners.iter().chain(&owners);
    join_all(tries.map(|owner| place.write(place.a_write(*owner, 1)))).await;
    assert_eq!(place.size().await, 3);
    assert_eq!(place.page(None, false, 99).await.0.len(), 3);
}

async fn joiners_do_not_exceed_the_limit(storage: &Storage) {
    let terms = TournamentTerms { max_size: 3, join_required: true, ..terms() };
    let place = Place::new(storage, tournament(terms.clone())).await;
    let owners: Vec<_> = (0..MANY).map(|_| owner()).collect();
    let tries = owners
        .iter()
        .chain(&owners)
        .map(|owner| storage.board_records.join(place.period(), *owner, "name", &terms, NOW));
    let outcomes = join_all(tries).await;
    let new = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Joined::New(_)))).count();
    assert_eq!(new, 3);
    assert_eq!(place.size().await, 3);
    assert_eq!(place.page(None, false, 99).await.0.len(), 3);
}

async fn attempts_are_not_exceeded(storage: &Storage) {
    let cup = tournament(TournamentTerms { max_num_score: 5, max_size: 9, ..terms() });
    let place = Place::new(storage, cup).await;
    let ada = owner();
    let outcomes = join_all((0..MANY).map(|_| place.write(place.a_write(ada, 1)))).await;
    let written = outcomes.iter().filter(|outcome| matches!(outcome, Written::Changed(..)));
    assert_eq!(written.count(), 5);
    for outcome in &outcomes {
        if !matches!(outcome, Written::Changed(..)) {
            refused(outcome, WriteRefused::NoAttemptsLeft);
        }
    }
    assert_eq!(place.own(ada).await.expect("there").num_score, 5);
    assert_eq!(place.size().await, 1);
}

async fn writers_and_deleters_settle(storage: &Storage) {
    let cup = tournament(TournamentTerms { max_size: 9, ..terms() });
    let place = Place::new(storage, cup).await;
    let ada = owner();
    let both = (0..2 * MANY).map(|n| {
        let place = &place;
        async move {
            if n % 2 == 0 {
                Some(changed(place.write(place.a_write(ada, 1)).await).1)
            } else {
                storage.board_records.delete(place.period(), ada, true).await.expect("delete")
            }
        }
    });
    let changes = join_all(both).await.into_iter().flatten();
    let there = place.own(ada).await;
    assert_eq!(sum(changes).len(), usize::from(there.is_some()));
    assert_eq!(place.size().await, u32::from(there.is_some()));
}
