//! Leaderboards and tournaments.

mod boards;
mod races;
mod ranks;
mod records;
mod schedules;

use tavern_domain::{Timestamp, UserId};

use super::support::{NOW, Suite, id, later, unique};
use crate::{
    Board, BoardOperator, BoardRecord, NO_MAX_SIZE, Period, RankChange, RankKey, RecordWalk,
    RecordWrite, ScoreChange, SortOrder, Storage, TournamentTerms, WriteRefused, Written,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    boards::run(suite, storage).await;
    records::run(suite, storage).await;
    ranks::run(suite, storage).await;
    races::run(suite, storage).await;
    schedules::run(suite, storage).await;
}

/// A plain leaderboard that nobody has created.
fn plain(operator: BoardOperator, sort: SortOrder) -> Board {
    Board {
        id: unique("board"),
        authoritative: false,
        sort,
        operator,
        reset_schedule: None,
        metadata: "{}".to_owned(),
        create_time: NOW,
        ranks: true,
        tournament: None,
    }
}

/// Terms without a limit.
fn terms() -> TournamentTerms {
    TournamentTerms {
        title: "Cup".to_owned(),
        description: "A big one".to_owned(),
        category: 3,
        duration: 3_600,
        start_time: NOW,
        end_time: None,
        join_required: false,
        max_size: NO_MAX_SIZE,
        max_num_score: 1_000_000,
        size: 0,
    }
}

fn tournament(terms: TournamentTerms) -> Board {
    Board { tournament: Some(terms), ..plain(BoardOperator::Best, SortOrder::Descending) }
}

/// A board that is there, and how to write on it.
struct Place<'a> {
    storage: &'a Storage,
    board: Board,
    expiry: Timestamp,
}

impl<'a> Place<'a> {
    async fn new(storage: &'a Storage, board: Board) -> Self {
        let (board, new) = storage.boards.create(&board).await.expect("create");
        assert!(new, "a board of an unused id is new");
        Self { storage, board, expiry: Timestamp::EPOCH }
    }

    async fn plain(storage: &'a Storage, operator: BoardOperator, sort: SortOrder) -> Self {
        Self::new(storage, plain(operator, sort)).await
    }

    async fn descending(storage: &'a Storage) -> Self {
        Self::plain(storage, BoardOperator::Set, SortOrder::Descending).await
    }

    fn period(&self) -> Period<'_> {
        Period { board: &self.board.id, expiry: self.expiry }
    }

    fn a_write(&self, owner: UserId, score: i64) -> RecordWrite<'_> {
        RecordWrite {
            period: self.period(),
            owner,
            username: None,
            metadata: None,
            change: ScoreChange {
                score,
                subscore: 0,
                operator: self.board.operator,
                sort: self.board.sort,
            },
            tournament: self.board.tournament.as_ref(),
            now: NOW,
        }
    }

    async fn write(&self, write: RecordWrite<'_>) -> Written {
        self.storage.board_records.write(write).await.expect("write")
    }

    async fn score(&self, owner: UserId, score: i64) -> BoardRecord {
        changed(self.write(self.a_write(owner, score)).await).0
    }

    async fn own(&self, owner: UserId) -> Option<BoardRecord> {
        let found = self.storage.board_records.of_owners(self.period(), &[owner]).await;
        found.expect("of owners").pop()
    }

    async fn size(&self) -> u32 {
        let board = self.storage.boards.get(&[&self.board.id]).await.expect("get").pop();
        board.expect("the board is there").tournament.expect("a tournament").size
    }

    async fn page(&self, after: Option<RankKey>, backwards: bool, limit: u32) -> (Vec<i64>, bool) {
        let walk =
            RecordWalk { period: self.period(), sort: self.board.sort, after, backwards, limit };
        let page = self.storage.board_records.page(walk).await.expect("page");
        (page.records.iter().map(|record| record.score).collect(), page.more)
    }
}

/// An owner without an account, which records do not ask for.
fn owner() -> UserId {
    UserId(id())
}

#[track_caller]
fn changed(written: Written) -> (BoardRecord, RankChange) {
    match written {
        Written::Changed(record, change) => {
            assert_eq!(change.to, Some(record.key()), "the change ends at the record");
            (record, change)
        }
        Written::Unchanged(_) | Written::Refused(_) => panic!("not changed: {written:?}"),
    }
}

#[track_caller]
fn unchanged(written: Written) -> BoardRecord {
    match written {
        Written::Unchanged(record) => record,
        Written::Changed(..) | Written::Refused(_) => panic!("not unchanged: {written:?}"),
    }
}

#[track_caller]
fn refused(written: &Written, why: WriteRefused) {
    assert_eq!(*written, Written::Refused(why));
}
