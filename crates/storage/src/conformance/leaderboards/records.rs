//! Writing and reading records.

use tavern_domain::UserId;

use super::{
    NOW, Place, Storage, Suite, changed, later, owner, refused, terms, tournament, unchanged,
};
use crate::conformance::support::{Player, assert_does_not_fit, assert_same_json, cases, unique};
use crate::{
    BoardOperator, Joined, NO_MAX_SIZE, Period, RankKey, RecordWrite, ScoreChange, SortOrder,
    TournamentTerms, WriteRefused,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_first_write_makes_a_record,
            operators_meet_the_scores,
            name_and_metadata_stay_unless_given,
            a_board_that_is_not_there_is_named,
            scores_beyond_the_range_do_not_fit,
            periods_are_apart,
            tournaments_count_every_write,
            attempts_can_be_added,
            a_limit_on_members_holds,
            joining_comes_first_where_it_must,
            a_recount_frees_places,
            deleting_says_where_the_record_was,
            an_owner_takes_the_records_along,
            pages_go_both_ways,
            neighbours_are_found,
        ]
    );
}

async fn a_first_write_makes_a_record(storage: &Storage) {
    let place = Place::plain(storage, BoardOperator::Best, SortOrder::Descending).await;
    let ada = owner();
    let mut write = place.a_write(ada, 50);
    write.change.subscore = 2;
    write.username = Some("ada");
    write.metadata = Some(r#"{"level":9}"#);
    let (record, change) = changed(place.write(write).await);
    assert_eq!((record.score, record.subscore, record.num_score), (50, 2, 1));
    assert_eq!((record.owner, record.username.as_deref()), (ada, Some("ada")));
    assert_eq!(record.max_num_score, 1_000_000);
    assert_same_json(&record.metadata, r#"{"level": 9}"#, "metadata");
    assert_eq!((record.create_time, record.update_time), (NOW, NOW));
    assert_eq!(change.from, None);
    assert_eq!(place.own(ada).await, Some(record));
    let bare = place.score(owner(), 1).await;
    assert_eq!((bare.metadata.as_str(), bare.username), ("{}", None));
}

async fn operators_meet_the_scores(storage: &Storage) {
    use BoardOperator::{Best, Decrement, Increment, Set};
    use SortOrder::{Ascending, Descending};
    // What is there, what is written, what it becomes; `None` when the write does not count.
    type Case = (BoardOperator, SortOrder, (i64, i64), (i64, i64), Option<(i64, i64)>);
    let cases: [Case; 14] = [
        (Best, Descending, (50, 2), (40, 1), None),
        (Best, Descending, (50, 2), (50, 2), None),
        (Best, Descending, (50, 2), (60, 0), Some((60, 2))),
        (Best, Descending, (50, 2), (40, 3), Some((50, 3))),
        (Best, Ascending, (50, 2), (60, 2), None),
        (Best, Ascending, (50, 2), (40, 3), Some((40, 2))),
        (Set, Descending, (50, 2), (20, 1), Some((20, 1))),
        (Set, Ascending, (50, 2), (50, 2), None),
        (Increment, Descending, (5, 1), (7, 2), Some((12, 3))),
        (Increment, Ascending, (5, 1), (0, 0), None),
        (Increment, Ascending, (5, 1), (0, 1), Some((5, 2))),
        (Decrement, Descending, (5, 5), (3, 9), Some((2, 0))),
        (Decrement, Descending, (0, 0), (3, 0), Some((0, 0))),
        (Decrement, Ascending, (5, 1), (0, 0), None),
    ];
    for (operator, sort, there, (score, subscore), becomes) in cases {
        let place = Place::plain(storage, Set, sort).await;
        let ada = owner();
        let set = ScoreChange { score: there.0, subscore: there.1, operator: Set, sort };
        let (first, _) =
            changed(place.write(RecordWrite { change: set, ..place.a_write(ada, 0) }).await);
        let change = ScoreChange { score, subscore, operator, sort };
        let write = RecordWrite { change, now: later(5), ..place.a_write(ada, 0) };
        let what = format!("{operator:?} {sort:?} {there:?} {score} {subscore}");
        match becomes {
            None => assert_eq!(unchanged(place.write(write).await), first, "{what}"),
            Some(becomes) => {
                let (record, change) = changed(place.write(write).await);
                assert_eq!((record.score, record.subscore), becomes, "{what}");
                assert_eq!((record.num_score, record.update_time), (2, later(5)), "{what}");
                assert_eq!((change.from, record.create_time), (Some(first.key()), NOW), "{what}");
            }
        }
    }
    let place = Place::plain(storage, Decrement, Descending).await;
    assert_eq!(place.score(owner(), 10).await.score, 0, "nothing to take from");
}

async fn name_and_metadata_stay_unless_given(storage: &Storage) {
    let place = Place::descending(storage).await;
    let ada = owner();
    let first = RecordWrite {
        username: Some("ada"),
        metadata: Some(r#"{"w":1}"#),
        ..place.a_write(ada, 5)
    };
    place.write(first).await;
    let second = place.score(ada, 6).await;
    assert_eq!(second.username.as_deref(), Some("ada"));
    assert_same_json(&second.metadata, r#"{"w":1}"#, "kept");
    let third = RecordWrite {
        username: Some("eve"),
        metadata: Some(r#"{"w":2}"#),
        ..place.a_write(ada, 7)
    };
    let (third, _) = changed(place.write(third).await);
    assert_eq!(third.username.as_deref(), Some("eve"));
    assert_same_json(&third.metadata, r#"{"w":2}"#, "replaced");
}

async fn a_board_that_is_not_there_is_named(storage: &Storage) {
    let place = Place::descending(storage).await;
    let none = unique("none");
    let nowhere = Period { board: &none, ..place.period() };
    let write = RecordWrite { period: nowhere, ..place.a_write(owner(), 1) };
    refused(&place.write(write).await, WriteRefused::NoBoard);
    for max_size in [3, NO_MAX_SIZE] {
        let terms = TournamentTerms { max_size, ..terms() };
        let joined = storage.board_records.join(nowhere, owner(), "a", &terms, NOW).await;
        assert_eq!(joined.expect("join"), Joined::NoBoard);
    }
}

async fn scores_beyond_the_range_do_not_fit(storage: &Storage) {
    let place = Place::plain(storage, BoardOperator::Increment, SortOrder::Descending).await;
    let ada = owner();
    place.score(ada, i64::MAX).await;
    let beyond = storage.board_records.write(place.a_write(ada, 1)).await;
    assert_does_not_fit(beyond, "a sum beyond 64 bits");
    assert_eq!(place.own(ada).await.expect("it stays").score, i64::MAX);
    let long = "x".repeat(129);
    let write = RecordWrite { username: Some(&long), ..place.a_write(owner(), 1) };
    assert_does_not_fit(storage.board_records.write(write).await, "a long name");
}

async fn periods_are_apart(storage: &Storage) {
    let mut place = Place::descending(storage).await;
    let ada = owner();
    place.score(ada, 5).await;
    place.expiry = later(60).whole_seconds();
    assert_eq!(place.own(ada).await, None);
    assert_eq!(place.score(ada, 3).await.num_score, 1);
    assert_eq!(place.page(None, false, 10).await, (vec![3], false));
}

async fn tournaments_count_every_write(storage: &Storage) {
    let cup = tournament(TournamentTerms { max_num_score: 3, ..terms() });
    let place = Place::new(storage, cup).await;
    let ada = owner();
    for (score, best, writes) in [(10, 10, 1), (5, 10, 2), (20, 20, 3)] {
        let record = place.score(ada, score).await;
        assert_eq!((record.score, record.num_score, record.max_num_score), (best, writes, 3));
    }
    refused(&place.write(place.a_write(ada, 30)).await, WriteRefused::NoAttemptsLeft);
    assert_eq!(place.own(ada).await.expect("it stays").score, 20);
    assert_eq!(place.size().await, 0, "members are counted only where they are limited");
}

async fn attempts_can_be_added(storage: &Storage) {
    let cup = tournament(TournamentTerms { max_num_score: 1, ..terms() });
    let place = Place::new(storage, cup).await;
    let ada = owner();
    let add = async |count| {
        storage.board_records.add_attempts(place.period(), ada, count).await.expect("add")
    };
    assert!(!add(1).await, "no record yet");
    place.score(ada, 1).await;
    refused(&place.write(place.a_write(ada, 2)).await, WriteRefused::NoAttemptsLeft);
    assert!(add(1).await);
    assert_eq!(place.score(ada, 2).await.max_num_score, 2);
    for (count, most) in [(-100, 1), (i32::MAX, NO_MAX_SIZE), (i32::MIN, 1)] {
        assert!(add(count).await);
        assert_eq!(place.own(ada).await.expect("there").max_num_score, most, "{count}");
    }
}

async fn a_limit_on_members_holds(storage: &Storage) {
    let cup = tournament(TournamentTerms { max_size: 2, ..terms() });
    let place = Place::new(storage, cup).await;
    let [ada, bob, eve] = [owner(), owner(), owner()];
    place.score(ada, 1).await;
    place.score(bob, 2).await;
    assert_eq!(place.size().await, 2);
    refused(&place.write(place.a_write(eve, 3)).await, WriteRefused::Full);
    assert_eq!(place.own(eve).await, None);
    assert_eq!(place.score(ada, 5).await.num_score, 2, "members go on");
    let gone = storage.board_records.delete(place.period(), ada, true).await.expect("delete");
    assert!(gone.is_some());
    assert_eq!(place.size().await, 1);
    place.score(eve, 3).await;
    assert_eq!(place.size().await, 2);
}

async fn joining_comes_first_where_it_must(storage: &Storage) {
    let terms = TournamentTerms { join_required: true, max_size: 1, max_num_score: 2, ..terms() };
    let place = Place::new(storage, tournament(terms.clone())).await;
    let [ada, bob] = [owner(), owner()];
    refused(&place.write(place.a_write(ada, 1)).await, WriteRefused::NotJoined);
    let join = async |who: UserId| {
        storage.board_records.join(place.period(), who, "name", &terms, NOW).await.expect("join")
    };
    let Joined::New(change) = join(ada).await else { panic!("a new member") };
    let key = RankKey { score: 0, subscore: 0, owner: ada };
    assert_eq!((change.from, change.to), (None, Some(key)));
    assert_eq!(join(ada).await, Joined::Already);
    assert_eq!(join(bob).await, Joined::Full);
    assert_eq!(place.size().await, 1);
    let member = place.own(ada).await.expect("a record");
    assert_eq!((member.num_score, member.max_num_score, member.score), (0, 2, 0));
    assert_eq!(member.username.as_deref(), Some("name"));
    let (record, change) = changed(place.write(place.a_write(ada, 10)).await);
    assert_eq!((record.num_score, change.from), (1, Some(key)));
    refused(&place.write(place.a_write(bob, 1)).await, WriteRefused::NotJoined);
    assert_eq!(place.size().await, 1);
}

async fn a_recount_frees_places(storage: &Storage) {
    let cup = tournament(TournamentTerms { max_size: 1, ..terms() });
    let mut place = Place::new(storage, cup).await;
    place.score(owner(), 1).await;
    let recount = async |place: &Place<'_>| {
        storage.board_records.recount(place.period()).await.expect("recount")
    };
    assert!(!recount(&place).await, "nothing to free");
    place.expiry = later(60).whole_seconds();
    refused(&place.write(place.a_write(owner(), 2)).await, WriteRefused::Full);
    assert!(recount(&place).await, "the members of another period do not count");
    assert_eq!(place.size().await, 0);
    place.score(owner(), 2).await;
    assert_eq!(place.size().await, 1);
}

async fn deleting_says_where_the_record_was(storage: &Storage) {
    let place = Place::descending(storage).await;
    let ada = owner();
    let record = place.score(ada, 5).await;
    let delete = async || storage.board_records.delete(place.period(), ada, false).await;
    let change = delete().await.expect("delete").expect("it was there");
    assert_eq!((change.from, change.to), (Some(record.key()), None));
    assert_eq!(delete().await.expect("delete again"), None);
    assert_eq!(place.score(ada, 1).await.num_score, 1, "counted from one again");
}

async fn an_owner_takes_the_records_along(storage: &Storage) {
    let ada = owner();
    let (one, mut two) = (Place::descending(storage).await, Place::descending(storage).await);
    two.expiry = later(60).whole_seconds();
    let keys = [one.score(ada, 1).await.key(), two.score(ada, 2).await.key()];
    two.score(owner(), 3).await;
    let mut gone = storage.board_records.delete_owner(ada).await.expect("delete");
    gone.sort_by_key(|(_, _, change)| change.from);
    let from: Vec<_> = gone.iter().filter_map(|(_, _, change)| change.from).collect();
    assert_eq!(from, keys);
    assert_eq!((gone[1].0.as_str(), gone[1].1), (two.board.id.as_str(), two.expiry));
    assert_eq!(two.page(None, false, 10).await.0, [3]);
    let eve = Player::create(storage).await;
    one.score(eve.user, 9).await;
    storage.accounts.delete(eve.user, false, NOW).await.expect("delete the account");
    assert_eq!(one.own(eve.user).await, None, "so does an account");
}

async fn pages_go_both_ways(storage: &Storage) {
    for sort in [SortOrder::Descending, SortOrder::Ascending] {
        let place = Place::plain(storage, BoardOperator::Set, sort).await;
        let mut keys = Vec::new();
        for score in [40, 10, 30, 20] {
            keys.push(place.score(owner(), score).await.key());
        }
        keys.sort_unstable();
        let mut scores = vec![10, 20, 30, 40];
        if sort == SortOrder::Descending {
            keys.reverse();
            scores.reverse();
        }
        assert_eq!(place.page(None, false, 3).await, (scores[..3].to_vec(), true));
        assert_eq!(place.page(None, false, 4).await, (scores.clone(), false));
        assert_eq!(place.page(Some(keys[1]), false, 2).await, (scores[2..].to_vec(), false));
        assert_eq!(place.page(Some(keys[3]), false, 2).await, (vec![], false));
        let before = vec![scores[2], scores[1]];
        assert_eq!(place.page(Some(keys[3]), true, 2).await, (before, true), "nearest first");
        assert_eq!(place.page(Some(keys[1]), true, 2).await, (vec![scores[0]], false));
    }
    // Ties stand in the order of the owners.
    let place = Place::descending(storage).await;
    let mut owners = [owner(), owner(), owner()];
    for owner in owners {
        place.score(owner, 7).await;
    }
    owners.sort_unstable();
    let after = RankKey { score: 7, subscore: 0, owner: owners[1] };
    let walk = crate::RecordWalk {
        period: place.period(),
        sort: SortOrder::Descending,
        after: Some(after),
        backwards: false,
        limit: 9,
    };
    let page = storage.board_records.page(walk).await.expect("page");
    assert_eq!(page.records.iter().map(|r| r.owner).collect::<Vec<_>>(), owners[..1]);
}

async fn neighbours_are_found(storage: &Storage) {
    for (sort, better, worse) in
        [(SortOrder::Descending, [40, 50], [20, 10]), (SortOrder::Ascending, [20, 10], [40, 50])]
    {
        let place = Place::plain(storage, BoardOperator::Set, sort).await;
        let ada = owner();
        for (who, score) in
            [(owner(), 10), (owner(), 20), (ada, 30), (owner(), 40), (owner(), 50), (owner(), 60)]
        {
            if sort == SortOrder::Ascending || score < 60 {
                place.score(who, score).await;
            }
        }
        let around = storage.board_records.around(place.period(), sort, ada, 2).await;
        let around = around.expect("around").expect("it is there");
        let scores = |side: &[crate::BoardRecord]| side.iter().map(|r| r.score).collect::<Vec<_>>();
        assert_eq!(scores(&around.better), better, "{sort:?}");
        assert_eq!((around.own.owner, around.own.score), (ada, 30));
        assert_eq!(scores(&around.worse), worse, "{sort:?}");
        let none = storage.board_records.around(place.period(), sort, owner(), 2).await;
        assert_eq!(none.expect("around"), None);
    }
}
