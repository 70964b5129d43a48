//! Resets and ends that are due.

use futures_util::future::join_all;
use tavern_domain::Timestamp;

use super::{Place, Storage, Suite, terms, tournament};
use crate::conformance::support::{MANY, NOW, cases, later};
use crate::{DueBoard, Watermark};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            new_boards_want_a_schedule,
            what_is_due_is_claimed_once,
            what_is_done_is_due_again_later,
            what_failed_is_put_off,
            a_claim_runs_out,
            nothing_is_due_of_a_board_that_is_gone,
        ]
    );
}

/// Long before anything that other cases leave due.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(10_000 + seconds)
}

async fn scheduled(storage: &Storage, due: Option<Timestamp>) -> Place<'_> {
    let place = Place::new(storage, tournament(terms())).await;
    let watermark = Watermark { done: at(0), due };
    storage.board_schedules.schedule(&place.board.id, watermark).await.expect("schedule");
    place
}

async fn claim(storage: &Storage, now: Timestamp, until: Timestamp) -> Vec<DueBoard> {
    storage.board_schedules.claim_due(now, until, 100).await.expect("claim")
}

/// Ends what a case has left.
async fn end(place: &Place<'_>, due: Timestamp) {
    let watermark = Watermark { done: due, due: None };
    let done = place.storage.board_schedules.done(&place.board.id, due, watermark).await;
    assert!(done.expect("done"));
}

async fn new_boards_want_a_schedule(storage: &Storage) {
    let place = Place::new(storage, tournament(terms())).await;
    let waiting = async || {
        let boards = storage.board_schedules.unscheduled(1_000_000).await.expect("unscheduled");
        boards.contains(&place.board)
    };
    assert!(waiting().await);
    let never = Watermark { done: NOW, due: None };
    storage.board_schedules.schedule(&place.board.id, never).await.expect("schedule");
    assert!(!waiting().await);
    let plain = Place::descending(storage).await;
    let boards = storage.board_schedules.unscheduled(1_000_000).await.expect("unscheduled");
    assert!(!boards.contains(&plain.board), "it never resets");
    // The first one stays.
    let other = Watermark { done: at(0), due: Some(at(1)) };
    storage.board_schedules.schedule(&place.board.id, other).await.expect("schedule");
    assert!(claim(storage, at(5), at(60)).await.is_empty());
}

async fn what_is_due_is_claimed_once(storage: &Storage) {
    let place = scheduled(storage, Some(at(10))).await;
    assert!(claim(storage, at(9), at(60)).await.is_empty(), "not yet");
    let next = storage.board_schedules.next_due().await.expect("next");
    assert_eq!(next, Some(at(10)));
    let claims = join_all((0..MANY).map(|_| claim(storage, at(10), at(60)))).await.concat();
    let [due] = &claims[..] else { panic!("one claim: {claims:?}") };
    assert_eq!(due.board, place.board);
    assert_eq!((due.done, due.due, due.attempts), (at(0), at(10), 1));
    assert_eq!(storage.board_schedules.next_due().await.expect("next"), Some(at(60)));
    end(&place, at(10)).await;
}

async fn what_is_done_is_due_again_later(storage: &Storage) {
    let place = scheduled(storage, Some(at(10))).await;
    claim(storage, at(10), at(60)).await;
    let schedules = &storage.board_schedules;
    let next = Watermark { done: at(10), due: Some(at(20)) };
    let id = &place.board.id;
    assert!(!schedules.done(id, at(11), next).await.expect("done"), "it waits for something else");
    assert!(schedules.done(id, at(10), next).await.expect("done"));
    assert!(!schedules.done(id, at(10), next).await.expect("done"), "not twice");
    assert!(claim(storage, at(19), at(60)).await.is_empty());
    let again = claim(storage, at(20), at(60)).await;
    assert_eq!((again[0].done, again[0].due, again[0].attempts), (at(10), at(20), 1));
    end(&place, at(20)).await;
    assert!(claim(storage, at(9_999), at(10_000)).await.is_empty(), "never again");
}

async fn what_failed_is_put_off(storage: &Storage) {
    let place = scheduled(storage, Some(at(10))).await;
    claim(storage, at(10), at(60)).await;
    storage.board_schedules.release(&place.board.id, at(10), at(15)).await.expect("release");
    assert!(claim(storage, at(14), at(60)).await.is_empty());
    let again = claim(storage, at(15), at(60)).await;
    assert_eq!((again[0].due, again[0].attempts), (at(10), 2));
    end(&place, at(10)).await;
}

async fn a_claim_runs_out(storage: &Storage) {
    let place = scheduled(storage, Some(at(10))).await;
    claim(storage, at(10), at(60)).await;
    assert!(claim(storage, at(59), at(90)).await.is_empty());
    assert_eq!(claim(storage, at(60), at(90)).await[0].attempts, 2);
    end(&place, at(10)).await;
}

async fn nothing_is_due_of_a_board_that_is_gone(storage: &Storage) {
    let place = scheduled(storage, Some(at(10))).await;
    storage.boards.delete(&place.board.id).await.expect("delete");
    assert!(claim(storage, at(10), at(60)).await.is_empty());
    let watermark = Watermark { done: at(10), due: Some(later(0)) };
    storage.board_schedules.schedule(&place.board.id, watermark).await.expect("no board, no row");
    let done = storage.board_schedules.done(&place.board.id, later(0), watermark).await;
    assert!(!done.expect("done"));
}
