//! Leaderboards and tournaments.

use tavern_domain::Timestamp;
use tavern_leaderboards::{BoardView, Ranked, RecordList};
use tavern_protocol::api;

use super::seconds;

/// A number that the protocol has fewer bits for.
fn narrow<T: TryFrom<i64>>(number: i64, most: T) -> T {
    T::try_from(number.max(0)).unwrap_or(most)
}

fn unsigned(number: i64) -> u32 {
    narrow(number, u32::MAX)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn leaderboard_record(ranked: Ranked) -> api::LeaderboardRecord {
    let record = ranked.record;
    api::LeaderboardRecord {
        leaderboard_id: ranked.board,
        owner_id: record.owner.to_string(),
        username: record.username,
        score: record.score,
        subscore: record.subscore,
        num_score: i32::try_from(record.num_score).unwrap_or(i32::MAX),
        metadata: record.metadata,
        create_time: seconds(record.create_time),
        update_time: seconds(record.update_time),
        expiry_time: ranked.expiry.and_then(seconds),
        rank: signed(ranked.rank),
        max_num_score: record.max_num_score,
    }
}

fn records(list: Vec<Ranked>) -> Vec<api::LeaderboardRecord> {
    list.into_iter().map(leaderboard_record).collect()
}

pub(crate) fn leaderboard_records(list: RecordList) -> api::LeaderboardRecordList {
    api::LeaderboardRecordList {
        records: records(list.records),
        owner_records: records(list.owner_records),
        next_cursor: list.next_cursor.unwrap_or_default(),
        prev_cursor: list.prev_cursor.unwrap_or_default(),
        rank_count: signed(list.rank_count),
    }
}

pub(crate) fn tournament_records(list: RecordList) -> api::TournamentRecordList {
    api::TournamentRecordList {
        records: records(list.records),
        owner_records: records(list.owner_records),
        next_cursor: list.next_cursor.unwrap_or_default(),
        prev_cursor: list.prev_cursor.unwrap_or_default(),
        rank_count: signed(list.rank_count),
    }
}

/// The protocol's number of an operator is one higher than that of the tables.
fn operator(view: &BoardView) -> i32 {
    i32::from(view.board.operator.number()) + 1
}

pub(crate) fn leaderboard(view: BoardView) -> api::Leaderboard {
    api::Leaderboard {
        operator: operator(&view),
        sort_order: unsigned(view.board.sort.number().into()),
        prev_reset: unsigned(view.prev_reset),
        next_reset: unsigned(view.next_reset),
        id: view.board.id,
        metadata: view.board.metadata,
        create_time: seconds(view.board.create_time),
        authoritative: view.board.authoritative,
    }
}

/// A tournament; `None` for a board that is none.
pub(crate) fn tournament(view: BoardView) -> Option<api::Tournament> {
    let operator = operator(&view);
    let BoardView { board, prev_reset, next_reset, window, can_enter } = view;
    let (terms, window) = (board.tournament?, window?);
    Some(api::Tournament {
        id: board.id,
        title: terms.title,
        description: terms.description,
        category: terms.category.into(),
        sort_order: unsigned(board.sort.number().into()),
        size: terms.size,
        max_size: terms.max_size,
        max_num_score: terms.max_num_score,
        can_enter,
        end_active: unsigned(window.end_active),
        next_reset: unsigned(next_reset),
        metadata: board.metadata,
        create_time: seconds(board.create_time),
        start_time: seconds(terms.start_time),
        end_time: terms.end_time.map(Timestamp::whole_seconds).and_then(seconds),
        duration: terms.duration,
        start_active: unsigned(window.start_active),
        prev_reset: unsigned(prev_reset),
        operator,
        authoritative: board.authoritative,
        join_required: terms.join_required,
    })
}
