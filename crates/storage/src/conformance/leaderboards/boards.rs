//! The boards themselves.

use tavern_domain::Timestamp;

use super::{NOW, Place, later, owner, plain, terms, tournament};
use crate::conformance::support::{Suite, assert_does_not_fit, assert_same_json, cases, unique};
use crate::{
    Board, BoardOperator, EndFilter, SortOrder, Storage, TournamentFilter, TournamentPosition,
    TournamentTerms,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_leaderboard_is_kept_whole,
            a_tournament_is_kept_whole,
            the_first_of_an_id_stays,
            unknown_boards_are_absent,
            a_deleted_board_takes_its_records_along,
            ranks_can_be_turned_off,
            leaderboards_are_listed_by_age,
            tournaments_are_listed_in_their_order,
            tournaments_are_filtered,
            texts_that_are_too_long_do_not_fit,
        ]
    );
}

async fn kept(storage: &Storage, board: &Board) -> Board {
    storage.boards.get(&[&board.id]).await.expect("get").pop().expect("it is there")
}

async fn a_leaderboard_is_kept_whole(storage: &Storage) {
    let new = Board {
        authoritative: true,
        reset_schedule: Some("0 0 * * 1".to_owned()),
        metadata: r#"{"a": 1}"#.to_owned(),
        ranks: false,
        ..plain(BoardOperator::Decrement, SortOrder::Ascending)
    };
    let (answered, is_new) = storage.boards.create(&new).await.expect("create");
    assert!(is_new);
    let kept = kept(storage, &new).await;
    assert_eq!(kept, answered);
    assert_same_json(&kept.metadata, &new.metadata, "metadata");
    assert_eq!(Board { metadata: new.metadata.clone(), ..kept }, new);
}

async fn a_tournament_is_kept_whole(storage: &Storage) {
    let terms = TournamentTerms {
        end_time: Some(later(90)),
        start_time: later(30),
        join_required: true,
        max_size: 7,
        max_num_score: 2,
        category: 127,
        ..terms()
    };
    let new = tournament(terms);
    storage.boards.create(&new).await.expect("create");
    assert_eq!(kept(storage, &new).await, new);
}

async fn the_first_of_an_id_stays(storage: &Storage) {
    let first = plain(BoardOperator::Set, SortOrder::Ascending);
    storage.boards.create(&first).await.expect("create");
    let second = Board { id: first.id.clone(), ..tournament(terms()) };
    let (there, new) = storage.boards.create(&second).await.expect("create again");
    assert!(!new);
    assert_eq!(there, first);
}

async fn unknown_boards_are_absent(storage: &Storage) {
    let id = unique("none");
    assert!(storage.boards.get(&[&id, "", "\0"]).await.expect("get").is_empty());
    assert!(!storage.boards.delete(&id).await.expect("delete"));
    assert!(!storage.boards.set_ranks(&id, false).await.expect("ranks"));
    let board = plain(BoardOperator::Set, SortOrder::Ascending);
    storage.boards.create(&board).await.expect("create");
    let found = storage.boards.get(&[&board.id, &id, &board.id]).await.expect("get");
    assert_eq!(found, [board], "each once");
}

async fn a_deleted_board_takes_its_records_along(storage: &Storage) {
    let place = Place::descending(storage).await;
    let ada = owner();
    place.score(ada, 5).await;
    assert!(storage.boards.delete(&place.board.id).await.expect("delete"));
    assert!(!storage.boards.delete(&place.board.id).await.expect("delete again"));
    assert!(storage.boards.get(&[&place.board.id]).await.expect("get").is_empty());
    storage.boards.create(&place.board).await.expect("create anew");
    assert_eq!(place.own(ada).await, None, "the new one is empty");
}

async fn ranks_can_be_turned_off(storage: &Storage) {
    let board = plain(BoardOperator::Set, SortOrder::Ascending);
    storage.boards.create(&board).await.expect("create");
    assert!(storage.boards.set_ranks(&board.id, false).await.expect("ranks"));
    assert!(!kept(storage, &board).await.ranks);
}

async fn leaderboards_are_listed_by_age(storage: &Storage) {
    // Long before everything else, so that nothing comes in between.
    let at = |n: i64| Timestamp::from_seconds(1_000 + n);
    let board = |n| Board { create_time: at(n), ..plain(BoardOperator::Set, SortOrder::Ascending) };
    let mut boards = vec![board(2), board(0), board(1), board(1)];
    for board in &boards {
        storage.boards.create(board).await.expect("create");
    }
    let cup = Board { create_time: at(1), ..tournament(terms()) };
    storage.boards.create(&cup).await.expect("create");
    boards.sort_by(|a, b| (a.create_time, &a.id).cmp(&(b.create_time, &b.id)));
    let start = (at(0), "");
    let all = storage.boards.leaderboards(Some(start), 4).await.expect("list");
    assert_eq!(all, boards, "without the tournament");
    let after = (boards[1].create_time, &*boards[1].id);
    let rest = storage.boards.leaderboards(Some(after), 2).await.expect("list");
    assert_eq!(rest, boards[2..]);
    let first = storage.boards.leaderboards(Some(start), 1).await.expect("list");
    assert_eq!(first, boards[..1]);
    let every = storage.boards.all(Some(start), 5).await.expect("list");
    assert_eq!(every.len(), 5);
    assert!(every.contains(&cup));
    for board in every {
        storage.boards.delete(&board.id).await.expect("delete");
    }
}

async fn tournaments_are_listed_in_their_order(storage: &Storage) {
    let start = later(1_000_000_000);
    let with = |n: i64, end: Option<i64>, category| {
        let end_time = end.map(|end| start.plus_seconds(end));
        let start_time = start.plus_seconds(n);
        tournament(TournamentTerms { start_time, end_time, category, ..terms() })
    };
    // By start, then the latest end, then the category, then the id.
    let mut boards = vec![
        with(0, Some(200), 90),
        with(0, Some(100), 90),
        with(0, None, 90),
        with(0, None, 91),
        with(0, None, 91),
        with(1, Some(900), 90),
    ];
    let (four, five) = (boards[3].id.clone(), boards[4].id.clone());
    (boards[3].id, boards[4].id) = if four < five { (four, five) } else { (five, four) };
    for board in boards.iter().rev() {
        storage.boards.create(board).await.expect("create");
    }
    let filter = TournamentFilter {
        category_start: 90,
        category_end: 91,
        start: Some(start),
        end: EndFilter::NotBefore(NOW),
    };
    let list = async |after: Option<&TournamentPosition>, limit| {
        storage.boards.tournaments(filter, after, limit).await.expect("list")
    };
    assert_eq!(list(None, 10).await, boards);
    for (n, last) in boards.iter().enumerate() {
        let terms = last.tournament.as_ref().expect("a tournament");
        let after = TournamentPosition {
            start_time: terms.start_time,
            end_time: terms.end_time,
            category: terms.category,
            id: last.id.clone(),
        };
        assert_eq!(list(Some(&after), 10).await, boards[n + 1..], "behind {n}");
    }
    assert_eq!(list(None, 2).await, boards[..2]);
    for board in &boards {
        storage.boards.delete(&board.id).await.expect("delete");
    }
}

async fn tournaments_are_filtered(storage: &Storage) {
    let start = later(1_100_000_000);
    let with = |end: Option<i64>, category| {
        let end_time = end.map(|end| start.plus_seconds(end));
        tournament(TournamentTerms { start_time: start, end_time, category, ..terms() })
    };
    let (endless, short, long) = (with(None, 80), with(Some(10), 81), with(Some(20), 82));
    let all = [&long, &short, &endless];
    for board in all {
        storage.boards.create(board).await.expect("create");
    }
    let list = async |first, last, from, end| {
        let filter =
            TournamentFilter { category_start: first, category_end: last, start: Some(from), end };
        let found = storage.boards.tournaments(filter, None, 10).await.expect("list");
        found.into_iter().map(|board| board.id).collect::<Vec<_>>()
    };
    let ids = |boards: &[&Board]| boards.iter().map(|b| b.id.clone()).collect::<Vec<_>>();
    let at = |n| start.plus_seconds(n);
    let open = EndFilter::NotBefore(start);
    assert_eq!(list(80, 82, start, open).await, ids(&all));
    assert_eq!(list(81, 81, start, open).await, ids(&[&short]));
    assert_eq!(list(80, 82, at(1), open).await, ids(&[]), "starts before");
    assert_eq!(list(80, 82, start, EndFilter::NotBefore(at(15))).await, ids(&[&long, &endless]));
    assert_eq!(list(80, 82, start, EndFilter::Endless).await, ids(&[&endless]));
    assert_eq!(list(80, 82, start, EndFilter::At(at(10))).await, ids(&[&short]), "not endless");
    for board in all {
        storage.boards.delete(&board.id).await.expect("delete");
    }
}

async fn texts_that_are_too_long_do_not_fit(storage: &Storage) {
    let fine = plain(BoardOperator::Set, SortOrder::Ascending);
    for bad in [
        Board { id: "x".repeat(129), ..fine.clone() },
        Board { reset_schedule: Some("*".repeat(65)), ..fine.clone() },
        tournament(TournamentTerms { title: "x".repeat(256), ..terms() }),
        tournament(TournamentTerms { description: "x\0".to_owned(), ..terms() }),
        Board { metadata: "{".to_owned(), ..fine },
    ] {
        assert_does_not_fit(storage.boards.create(&bad).await, "a board's text");
    }
}
